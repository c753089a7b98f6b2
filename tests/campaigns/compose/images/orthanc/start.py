"""What the real image's configurator does, as far as the compose file uses it: /etc/orthanc/*.json merged, and
ORTHANC__A_B as `AB`."""

import json
import os
from pathlib import Path

TARGET = Path("/tmp/orthanc.json")
PLUGINS = ("/usr/lib/orthanc", "/usr/share/orthanc/plugins")

configuration: dict[str, object] = {
    "Name": "stand-in",
    "StorageDirectory": "/var/lib/orthanc/db",
    "IndexDirectory": "/var/lib/orthanc/db",
    "RemoteAccessAllowed": True,
    "HttpPort": 8042,
    "DicomPort": 4242,
}
for path in sorted(Path("/etc/orthanc").glob("*.json")):
    configuration |= json.loads(path.read_text(encoding="utf-8"))
for variable, value in os.environ.items():
    if variable.startswith("ORTHANC__"):
        name = "".join(word.capitalize() for word in variable.removeprefix("ORTHANC__").split("_"))
        configuration[name] = {"true": True, "false": False}.get(value, value)
if os.environ.get("DICOM_WEB_PLUGIN_ENABLED") == "true":
    found = [str(path) for folder in PLUGINS for path in Path(folder).glob("libOrthancDicomWeb.so*")]
    configuration["Plugins"] = found[:1]
    configuration.setdefault("DicomWeb", {"Enable": True, "Root": "/dicom-web/"})
TARGET.write_text(json.dumps(configuration), encoding="utf-8")
os.execvp("Orthanc", ["Orthanc", str(TARGET)])  # noqa: S606
