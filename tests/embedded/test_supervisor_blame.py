"""Who is started anew when something goes away: what went away, and not whoever stands on it."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from transfer.embedded import supervisor
from transfer.embedded.components import Component, SetupStep
from transfer.embedded.installation import Installation
from transfer.embedded.supervisor import Supervisor, UnitState

pytestmark = pytest.mark.servers


class Standing:
    """A house on a floor on the ground. The ground is well while `flag` is there, and so is the house."""

    def __init__(self, folder: Path) -> None:
        self.flag = folder / "flag"
        self.flag.touch()
        elsewhere = {"TRANSFER_DATABASE_URL": "postgresql://none", "TRANSFER_S3_ENDPOINT": "http://none"}
        installation = Installation(folder / "var", elsewhere)
        ground = self._component("ground", silence=60.0)
        floor = SetupStep(name="floor", needs=("ground",), run=lambda: None)
        house = self._component("house", needs=("floor",), silence=0.1)
        self.supervisor = Supervisor(installation, [ground, floor, house])
        self._thread = threading.Thread(target=self.supervisor.run)
        self._thread.start()

    def _component(self, name: str, **more: object) -> Component:
        return Component(
            name=name,
            start=lambda: subprocess.Popen(["sleep", "120"], start_new_session=True),
            ready=self.flag.exists,
            healthy=self.flag.exists,
            escalation=((signal.SIGKILL, 5.0),),
            **more,  # type: ignore[arg-type]
        )

    def state(self, name: str) -> UnitState:
        return self.supervisor.watched[name].state

    def pid(self, name: str) -> int:
        process = self.supervisor.watched[name].process
        assert process
        return process.pid

    def ground_goes(self) -> None:
        self.flag.unlink()
        os.kill(self.pid("ground"), signal.SIGKILL)

    def end(self) -> None:
        self.supervisor.stopping = True
        self._thread.join(20)


@pytest.fixture
def standing(tmp_path: Path, eventually, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standing]:
    """Its health is asked for ten times as often as elsewhere."""
    monkeypatch.setattr(supervisor, "HEALTH_EVERY", 0.2)
    standing = Standing(tmp_path)
    eventually(lambda: standing.state("house") is UnitState.UP)
    yield standing
    standing.end()


def test_what_is_unwell_for_lack_of_what_it_needs_is_left_alone(standing: Standing, eventually):
    before = standing.pid("house")
    standing.ground_goes()
    eventually(lambda: standing.state("ground") is UnitState.STARTING)
    threading.Event().wait(1.0)  # three checks of its health at least, ten times its silence
    standing.flag.touch()
    eventually(lambda: standing.state("ground") is UnitState.UP)

    assert standing.pid("house") == before
    assert standing.supervisor.watched["house"].restarts == 0


def test_what_ended_is_not_started_before_what_it_needs_is_there(standing: Standing, eventually):
    standing.ground_goes()
    os.kill(standing.pid("house"), signal.SIGKILL)
    eventually(lambda: standing.state("ground") is UnitState.STARTING)
    threading.Event().wait(1.0)  # twice its back-off
    assert standing.state("house") is UnitState.WAITING

    standing.flag.touch()

    eventually(lambda: standing.state("house") is UnitState.UP)
    assert standing.supervisor.watched["house"].restarts == 1
