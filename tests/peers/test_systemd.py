"""The unit of systemd under systemd itself: it starts, is started again, stops in time, and outlasts a reboot."""

import http.client
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from tests.kit.peers.systemd import ACCOUNT, Machine, a_machine
from transfer.settings import Settings

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SERVICE = "records-transfer"
VAR = "/srv/records-transfer/var"
#: what `systemd-analyze security` may call it at most; 0 is closed, 10 open. Without our restrictions it says 8.7.
EXPOSED = 2.5
#: of a machine that does other things, too
PATIENCE_SECONDS = 240.0
FORM = b"mail=ann%40summit.example"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """One that was switched on, with the unit enabled as docs/operations.md says, and everything up."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    with a_machine(folder) as machine:
        machine.boot()
        told(machine, "enable", "--now")
        until(lambda: parts(machine) and {*parts(machine).values()} <= {"up", "done"}, machine)
        yield machine
    rmtree(folder)


def until(holds: Callable[[], object], machine: Machine) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, f"{machine.console()[-3000:]}\n{log(machine)[-3000:]}"
        time.sleep(0.2)


def told(machine: Machine, *words: str) -> None:
    done = machine.run("systemctl", *words, SERVICE)
    assert done.returncode == 0, done.stderr


def shown(machine: Machine, name: str) -> str:
    return machine.run("systemctl", "show", "--value", "-p", name, SERVICE).stdout.strip()


def log(machine: Machine) -> str:
    return machine.run("journalctl", "-u", SERVICE, "--no-pager", "-o", "cat").stdout


def parts(machine: Machine) -> dict[str, str]:
    """How each part stands, as the account that runs them is told by `transfer status`."""
    run = ["env", "-C", "/opt/records-transfer", f"TRANSFER_VAR={VAR}", "PYTHONPATH=/opt/records-transfer"]
    said = machine.run(
        *run, ".venv/bin/python", "-c", "from transfer.cli import main; main()", "status", "--json", account=ACCOUNT
    ).stdout
    return {one["name"]: one["state"] for one in json.loads(said)} if said.startswith("[") else {}


def doors(machine: Machine) -> tuple[str, int]:
    return Settings.load({}, machine.srv / "var").gateway_http


def are_open(machine: Machine) -> bool:
    line = http.client.HTTPConnection(*doors(machine), timeout=5)
    try:
        line.request("GET", "/c/sign-in")
        return line.getresponse().status == 200
    except OSError:
        return False
    finally:
        line.close()


def test_systemd_takes_it_and_closes_what_it_has_no_use_for(machine: Machine):
    """The unit is as it stands in the repository; all parts are up under its restrictions."""
    verified = machine.run("systemd-analyze", "verify", f"/etc/systemd/system/{SERVICE}.service")
    said = machine.run("systemd-analyze", "security", "--no-pager", f"{SERVICE}.service").stdout
    (exposed,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", said)
    uid = machine.run("id", "-u", ACCOUNT).stdout.strip()
    mine = Path(f"{machine.srv}/var/settings.env").stat()

    assert (verified.returncode, verified.stderr) == (0, "")
    assert float(exposed) <= EXPOSED, said
    assert (str(mine.st_uid), mine.st_mode & 0o777) == (uid, 0o600)
    assert shown(machine, "ActiveState") == "active"
    assert are_open(machine)


@pytest.mark.parametrize("whom", ["main", "all"])
def test_what_is_killed_is_started_again(machine: Machine, whom: str):
    """The supervisor alone, or everything at once: nothing of the former run is left beside the new one."""
    before, restarts = shown(machine, "MainPID"), int(shown(machine, "NRestarts"))

    told(machine, "kill", "--signal=KILL", f"--kill-whom={whom}")
    until(lambda: int(shown(machine, "NRestarts")) == restarts + 1, machine)
    until(lambda: are_open(machine), machine)

    assert shown(machine, "ActiveState") == "active"
    assert shown(machine, "MainPID") not in (before, "0")
    assert machine.run("pgrep", "-c", "-f", "transfer.embedded.supervisor").stdout.strip() == "1"


def test_a_stop_lets_what_is_under_way_end_and_is_over_in_time(machine: Machine):
    """A form that is half sent when the order comes is answered; PostgreSQL and the store stop last."""
    half = http.client.HTTPConnection(*doors(machine), timeout=30)
    half.putrequest("POST", "/c/sign-in")
    half.putheader("Content-Type", "application/x-www-form-urlencoded")
    half.putheader("Content-Length", str(len(FORM)))
    half.endheaders(FORM[:5])

    told(machine, "stop", "--no-block")
    until(lambda: not are_open(machine), machine)
    half.send(FORM[5:])
    answer = half.getresponse()
    until(lambda: shown(machine, "ActiveState") == "inactive", machine)

    assert answer.status < 500
    assert (shown(machine, "Result"), shown(machine, "ExecMainStatus")) == ("success", "0")
    stopped = re.findall(r"(\S+) is stopped", log(machine))[-10:]
    assert stopped[-1] == "postgres", stopped
    assert stopped.index("gateway") < stopped.index("store"), stopped
    assert machine.run("pgrep", "-u", ACCOUNT).stdout == ""
    told(machine, "start")
    until(lambda: are_open(machine), machine)


@pytest.mark.parametrize("how", [Machine.reboot, Machine.lose_power])
def test_after_a_reboot_it_comes_back_by_itself(machine: Machine, how: Callable[[Machine], None]):
    how(machine)
    if not machine.is_on:
        machine.boot()

    until(lambda: are_open(machine), machine)
    until(lambda: {*parts(machine).values()} <= {"up", "done"}, machine)

    assert shown(machine, "ActiveState") == "active"
    assert shown(machine, "NRestarts") == "0"
