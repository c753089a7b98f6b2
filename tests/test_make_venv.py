"""Setting up trusts whom the machine trusts: a hospital's proxy may show a certificate of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(("UV_", "PIP_", "SSL_", "MAKE"))}

_PIP = """#!/bin/sh
if [ "$1" = config ]; then echo "$CONFIGURED"; else echo "$PIP_CERT" >"$(dirname "$0")/trusted"; fi
"""


def test_the_pinned_uv_trusts_the_machines_authorities_wherever_it_is_called_in_the_checkout():
    command = [Path(sys.executable).with_name("uv"), "pip", "sync", "--show-settings", "requirements/lock.txt"]

    said = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)

    assert "system_certs: true," in said.stdout
    assert said.stderr == ""


@pytest.mark.parametrize("configured", ["", "global.cert='/etc/hospital.pem'", ":env:.cert='/etc/hospital.pem'"])
def test_a_pip_of_any_age_trusts_the_machines_authorities_unless_told_whom_to_trust(configured: str, tmp_path: Path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"pip": _PIP, "uv": "#!/bin/sh\n", "python": "#!/bin/sh\n"}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    told = ENVIRONMENT | {"CONFIGURED": configured, "SSL_CERT_FILE": "/etc/machine.pem"}

    command = ["make", "--silent", f"VENV={tmp_path}", f"PYTHON={sys.executable}", f"{tmp_path}/.ready"]
    subprocess.run(command, cwd=ROOT, env=told, check=True, capture_output=True)

    assert (programs / "trusted").read_text().strip() == ("" if configured else "/etc/machine.pem")


def test_the_image_is_built_with_what_it_trusts():
    build = (ROOT / "Dockerfile").read_text().partition("FROM python")[2].partition("\nFROM ")[0]

    assert build.index("UV_SYSTEM_CERTS=true PIP_CERT=/etc/ssl/certs/") < build.index("pip install")
