"""The real image's probe: does Orthanc answer whoever may ask it?"""

import base64
import json
import sys
import urllib.request
from pathlib import Path

configuration = json.loads(Path("/tmp/orthanc.json").read_text(encoding="utf-8"))
question = urllib.request.Request("http://localhost:8042/changes?last")
for user, password in configuration.get("RegisteredUsers", {}).items():
    question.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
sys.exit(0 if urllib.request.urlopen(question, timeout=5).status == 200 else 1)  # noqa: S310 - a constant
