"""The engine ends with whoever started it, however that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.campaigns.compose import machine
from tests.campaigns.compose.engine import an_engine
from tests.campaigns.compose.running import PEERS

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(bool(machine.refusal(PEERS / "bin")), reason="no container engine can run here"),
]

_START = """
import sys, time
from pathlib import Path
from tests.campaigns.compose.engine import an_engine
with an_engine(Path(sys.argv[1])) as engine:
    print(engine.init, engine.folder, flush=True)
    time.sleep(300)
"""


def test_an_engine_answers_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with an_engine(tmp_path / "data") as engine:
        assert engine.text("info", "--format", "{{.Driver}} {{.Containers}}") == "overlay2 0"
        assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()

    assert not Path(f"/proc/{engine.init}").exists()
    assert not engine.folder.exists()
    assert not list(Path("/sys/fs/cgroup").glob(f"*{engine.group}"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_who_started_it_is_killed_and_the_engine_ends(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _START, str(tmp_path / "data")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    started = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert started.stdout
    init, folder = started.stdout.readline().split()

    started.send_signal(number)
    started.wait()

    until = time.monotonic() + 60
    while Path(f"/proc/{init}").exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not Path(f"/proc/{init}").exists()
    subprocess.run(["rm", "-rf", folder], check=True)
