"""A program started warm has what one started cold has, and is a child of its starter like that one."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit import warm_start
from transfer.embedded import ports, process

pytestmark = pytest.mark.servers

Spawn = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(params=[process.spawn, warm_start.spawn], ids=["cold", "warm"])
def spawn(request: pytest.FixtureRequest) -> Spawn:
    warm_start.begin()
    chosen: Spawn = request.param
    return chosen


def a_center(folder: Path, **changes: Any) -> list[str]:
    """The command of an institution that serves in this folder."""
    folder.mkdir(exist_ok=True)
    told = {"port": ports.free(["center"])["center"], "folder": str(folder), "control_token": "c", "accepts_token": "a",
            "gateway_url": "http://127.0.0.1:9", "gateway_token": "t", **changes}  # fmt: skip
    (folder / "center.json").write_text(json.dumps(told))
    return [sys.executable, "-m", "transfer.sandbox", "center", "--config", str(folder / "center.json")]


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def serves(folder: Path) -> bool:
    return ports.answers(json.loads((folder / "center.json").read_text())["port"])


@pytest.fixture
def begun(spawn: Spawn, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = a_center(tmp_path / "center")
    environment = process.inherited(TMPDIR=str(tmp_path))
    begun = spawn(
        command,
        log=tmp_path / "logs" / "center.log",
        environment=environment,
        folder=tmp_path / "center",
        dies_with_us=signal.SIGTERM,
    )
    until(lambda: serves(tmp_path / "center"))
    yield begun
    begun.kill()
    begun.wait(20)


def test_it_is_a_child_that_leads_a_session_in_its_folder_and_writes_for_us_alone(
    begun: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    said = Path(f"/proc/{begun.pid}/status").read_text()
    assert f"PPid:\t{os.getpid()}\n" in said
    assert "Umask:\t0077\n" in said
    assert os.getsid(begun.pid) == begun.pid
    assert Path(f"/proc/{begun.pid}/cwd").readlink() == tmp_path / "center"
    log = tmp_path / "logs" / "center.log"
    assert {str(Path(f"/proc/{begun.pid}/fd/{number}").readlink()) for number in (1, 2)} == {str(log)}
    assert str(Path(f"/proc/{begun.pid}/fd/0").readlink()) == os.devnull
    assert log.stat().st_mode & 0o777 == 0o600
    assert begun.poll() is None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_it_tells_its_starter_how_it_ended(begun: "subprocess.Popen[bytes]", number: signal.Signals, code: int) -> None:
    begun.send_signal(number)

    assert begun.wait(20) == code


def test_what_it_says_at_its_end_is_in_its_log(spawn: Spawn, tmp_path: Path) -> None:
    command = a_center(tmp_path, host="192.0.2.1")

    assert spawn(command, log=tmp_path / "center.log", environment=process.inherited()).wait(60) == 2

    assert "loopback" in (tmp_path / "center.log").read_text()


def test_it_ends_with_its_starter(tmp_path: Path) -> None:
    """However that ended."""
    command = a_center(tmp_path)
    script = f"""
        import os, signal, time
        from pathlib import Path
        from tests.kit import warm_start
        from transfer.embedded import ports
        warm_start.begin()
        log = Path({str(tmp_path / "center.log")!r})
        begun = warm_start.spawn({command!r}, log=log, dies_with_us=signal.SIGTERM)
        print(begun.pid, flush=True)
        time.sleep(300)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=warm_start.ROOT, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout
        pid = int(starter.stdout.readline())
        until(lambda: serves(tmp_path))
        starter.kill()

    until(lambda: process.Handle.of(pid) is None)
