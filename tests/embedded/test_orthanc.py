"""Orthanc listens on every address; here nobody can reach it but through the one port on loopback."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3

from tests.kit.peers import orthanc as peer
from transfer.demo import images_of
from transfer.embedded import ports
from transfer.embedded.orthanc import INSIDE, Orthanc
from transfer.embedded.process import stop_session
from transfer.sandbox.charts import draw_chart

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module", autouse=True)
def needs_orthanc() -> None:
    peer.demand()


Eventually = Callable[[Callable[[], object]], None]


class Running:
    """An Orthanc and the process in front of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = ports.free(["orthanc"])["orthanc"]
        self.orthanc = Orthanc(folder, port=self.port, user="film-room", password="shown", log=folder / "log")
        self.front: subprocess.Popen[bytes] | None = None

    def start(self) -> "Running":
        self.front = self.orthanc.begin()
        until = time.monotonic() + 20
        while not self.orthanc.answers():
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.05)
        return self

    def stop(self) -> int:
        assert self.front
        self.front.terminate()
        return self.front.wait(15)

    @property
    def processes(self) -> list[int]:
        """What the process in front has started."""
        assert self.front
        pid = self.front.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def ask(self, path: str, user: str = "film-room:shown") -> urllib3.BaseHTTPResponse:
        headers = urllib3.make_headers(basic_auth=user)
        return urllib3.request("GET", f"http://127.0.0.1:{self.port}{path}", headers=headers, retries=False)


@pytest.fixture
def running(short_folder: Path) -> Iterator[Running]:
    found = Running(short_folder).start()
    yield found
    assert found.front
    found.front.kill()
    found.front.wait()
    stop_session(found.front.pid, short_folder)


def test_it_takes_images_in_and_has_them_after_a_restart(running: Running) -> None:
    chart = draw_chart(slices=3)

    assert running.orthanc.take_in(images_of(chart)) == 5
    assert running.stop() == 0
    running.start()

    (study,) = json.loads(running.ask("/dicom-web/studies").data)
    assert study["0020000D"]["Value"] == [chart["imaging"]["study_uid"]]


def test_nobody_reaches_it_but_with_our_password(running: Running) -> None:
    assert running.ask("/system").status == 200
    assert running.ask("/system", user="film-room:guessed").status == 401
    assert urllib3.request("GET", f"http://127.0.0.1:{running.port}/system", retries=False).status == 401


def test_it_listens_where_only_loopback_is(running: Running) -> None:
    """It does listen on every address, and none of them is this machine's."""
    (orthanc,) = running.processes

    assert os.readlink(f"/proc/{orthanc}/ns/net") != os.readlink("/proc/self/ns/net")  # noqa: PTH115 - no file
    listening = [
        line.split()[1] for line in Path(f"/proc/{orthanc}/net/tcp").read_text().splitlines() if " 0A " in line
    ]
    assert listening == [f"00000000:{INSIDE:04X}"]
    devices = Path(f"/proc/{orthanc}/net/dev").read_text().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in devices] == ["lo"]
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.request("GET", f"http://127.0.0.1:{INSIDE}/system", retries=False, timeout=2)


def test_when_it_dies_the_process_in_front_says_so(running: Running) -> None:
    (orthanc,) = running.processes

    os.kill(orthanc, signal.SIGKILL)

    assert running.front
    assert running.front.wait(10) != 0


def test_nothing_is_left_of_it_when_the_process_in_front_is_killed(running: Running, eventually: Eventually) -> None:
    assert running.front
    (orthanc,) = running.processes

    running.front.kill()
    running.front.wait()
    stop_session(running.front.pid, running.folder, seconds=8.0)

    eventually(lambda: not Path(f"/proc/{orthanc}").exists())


def test_a_machine_without_it_is_told_what_to_install() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _WITHOUT], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )

    assert said.stderr.count("\n") == 1
    assert "apt-get install orthanc orthanc-dicomweb" in said.stderr
    assert said.returncode == 4


_WITHOUT = """
from transfer.embedded import orthanc
orthanc._PATH = "/nonexistent"
from transfer.cli import main
main(["demo", "--archive", "orthanc", "--var", "/nonexistent"])
"""
