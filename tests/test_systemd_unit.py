"""The unit of systemd starts what is here, stops it as it wants to be stopped, and is one that systemd takes."""

import configparser
import shlex
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from transfer.embedded import supervisor
from transfer.embedded.system import _STOP

UNIT = Path(__file__).parents[1] / "deploy" / "records-transfer.service"


@pytest.fixture
def unit() -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=False)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read(UNIT)
    return found


def test_it_starts_the_supervisor_as_the_supervisor_is_started(unit, monkeypatch, tmp_path: Path):
    python, module_option, module, *arguments = shlex.split(unit["Service"]["ExecStart"])
    asked: dict[str, object] = {}
    monkeypatch.setattr(supervisor, "supervise", lambda var, **how: asked.update(how, var=var) or 0)
    monkeypatch.setattr("sys.argv", [module, *arguments])

    assert supervisor.main() == 0

    assert (Path(python).name, module_option, find_spec(module) is not None) == ("python", "-m", True)
    assert str(asked["var"]).startswith(unit["Unit"]["RequiresMountsFor"])
    assert (asked["sandbox"], asked["airflow"], asked["gateway"], asked["desk"]) == (False, True, True, True)


def test_it_waits_for_all_parts_and_signals_the_supervisor_alone(unit):
    service = unit["Service"]

    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > sum(seconds for _, seconds in _STOP)
    assert service["Restart"] == "on-failure"  # `transfer down` ends it with 0, and it stays down


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_it(tmp_path: Path):
    there = UNIT.read_text().replace("/opt/records-transfer/.venv/bin/python", "/bin/true")
    there = there.replace("User=records\nGroup=records\n", "").replace("/opt/records-transfer", "/")
    (tmp_path / UNIT.name).write_text(there)

    said = subprocess.run(["systemd-analyze", "verify", str(tmp_path / UNIT.name)], capture_output=True, text=True)

    assert (said.returncode, said.stderr) == (0, "")
