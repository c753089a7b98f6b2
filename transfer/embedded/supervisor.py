"""Starts everything, watches it, starts again what ends or falls silent, and stops it all in reverse order.

`python -m transfer.embedded.supervisor` is the process behind `transfer up`; `transfer.embedded.system.System` is how
others talk to it. There is one per `var`, held by a lock on `run/lock`. Its log is `log/supervisor.log`, its state
`run/system.json`. Each component's process stands in `run/NAME.json`, so that after a crash the next supervisor finds
and ends what was left.
"""

import argparse
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from transfer.embedded import private
from transfer.embedded.components import Component, SetupStep, Unit, units
from transfer.embedded.installation import Installation
from transfer.embedded.process import Handle, stop, stop_session
from transfer.errors import TransferError

#: how often we look at everything, seconds; while something starts, others wait for it
TICK, STARTING_TICK = 0.1, 0.02
#: how often a component that is well is asked how it is
HEALTH_EVERY = 2.0
#: a component that has been well this long starts its back-off anew: it does not fall at once, whatever ends it
SETTLED = 10.0
MAX_BACK_OFF_SECONDS = 30.0

MAX_LOG_BYTES = 20 << 20

#: exit code of a supervisor that found another at work
RUNS_ALREADY = 3

LEFTOVER_STOP = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0))
LEFTOVER_STOP_POSTGRES = ((signal.SIGINT, 20.0), (signal.SIGKILL, 5.0))


class UnitState(StrEnum):
    """How one component stands."""

    WAITING = "waiting"
    STARTING = "starting"
    UP = "up"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(slots=True)
class Watched:
    """One unit and how it stands. Times are of the monotonic clock."""

    unit: Unit
    state: UnitState = UnitState.WAITING
    process: subprocess.Popen[bytes] | None = None
    check: "Future[bool] | None" = None
    since: float = 0.0
    #: when it was last known to be well
    well: float = 0.0
    next_check: float = 0.0
    not_before: float = 0.0
    failures: int = 0
    restarts: int = 0
    note: str = ""

    @property
    def is_usable(self) -> bool:
        return self.state in (UnitState.UP, UnitState.DONE)


class Supervisor:
    def __init__(self, installation: Installation, found: list[Unit]) -> None:
        self.installation = installation
        self.watched = {unit.name: Watched(unit) for unit in found}
        self.stopping = False
        self._threads = ThreadPoolExecutor(max_workers=8)
        self._progress: list[str] = []
        self._written = ""

    def run(self) -> None:
        """Until somebody asks us to stop; then everything is stopped."""
        try:
            while not self.stopping:
                for watched in self.watched.values():
                    self._look_at(watched)
                self._write("up" if all(w.is_usable for w in self.watched.values()) else "starting")
                starts = any(w.state is UnitState.STARTING for w in self.watched.values())
                time.sleep(STARTING_TICK if starts else TICK)
        finally:
            self._stop_all()
            self._threads.shutdown(wait=False, cancel_futures=True)

    def say(self, what: str) -> None:
        """One line for the log and for whoever waits for `up`."""
        with suppress(OSError):  # a disk that is full: what runs goes on without a log
            sys.stdout.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {what}\n")
            sys.stdout.flush()
        self._progress.append(what)

    def _look_at(self, watched: Watched) -> None:
        now = time.monotonic()
        if watched.state is UnitState.WAITING:
            if now >= watched.not_before and self._may_stand(watched.unit):
                self._start(watched)
        elif isinstance(watched.unit, SetupStep):
            self._look_at_step(watched)
        elif watched.state is not UnitState.DONE:
            self._look_at_process(watched, watched.unit, now)

    def _is_usable(self, name: str) -> bool:
        return self.watched[name].is_usable

    def _may_stand(self, unit: Unit) -> bool:
        """Whatever it needs is usable now, also what lies beneath a step that was done long ago."""
        return all(self._is_usable(need) and self._may_stand(self.watched[need].unit) for need in unit.needs)

    def _start(self, watched: Watched) -> None:
        unit = watched.unit
        watched.state, watched.since, watched.next_check = UnitState.STARTING, time.monotonic(), 0.0
        watched.well = watched.since
        if isinstance(unit, SetupStep):
            watched.check = self._threads.submit(_done, unit)
            return
        try:
            watched.process = unit.start()
        except (TransferError, OSError) as error:
            self._failed(watched, str(error) if isinstance(error, TransferError) else type(error).__name__)
            return
        if handle := Handle.of(watched.process.pid):
            private.write(self.installation.run / f"{unit.name}.json", json.dumps(handle.as_dict()))

    def _look_at_step(self, watched: Watched) -> None:
        if watched.state is UnitState.STARTING and watched.check and watched.check.done():
            error = watched.check.exception()
            watched.check = None
            if error is None:
                self._came_up(watched, UnitState.DONE)
            else:
                # a foreign error's text may carry a value from outside
                self._failed(watched, str(error) if isinstance(error, TransferError) else type(error).__name__)

    def _look_at_process(self, watched: Watched, unit: Component, now: float) -> None:
        code = watched.process.poll() if watched.process else None
        if code == 0 and unit.is_job:
            self._end(watched)
            self._came_up(watched, UnitState.DONE)
        elif code is not None:
            self._failed(watched, f"ended with {_ending(code)}")
        elif unit.is_job:
            if now - watched.since > unit.max_unwell_seconds:
                self._failed(watched, "takes too long")
        else:
            self._look_at_health(watched, unit, now)

    def _look_at_health(self, watched: Watched, unit: Component, now: float) -> None:
        if watched.check is None:
            if now >= watched.next_check:
                watched.check = self._threads.submit(unit.healthy if watched.state is UnitState.UP else unit.ready)
            return
        if not watched.check.done():
            return
        well = watched.check.exception() is None and watched.check.result()
        watched.check = None
        if watched.state is UnitState.UP and not self._may_stand(unit):
            watched.well = now  # it cannot be well without what it needs, and starting it anew would not help
        # Most are there within a second. What takes longer is asked more seldom.
        watched.next_check = now + (
            HEALTH_EVERY if watched.state is UnitState.UP else min(0.2, (now - watched.since) / 5)
        )
        if well:
            watched.well = now
            if watched.state is UnitState.STARTING:
                self._came_up(watched, UnitState.UP)
            elif now - watched.since > SETTLED:
                watched.failures = 0
        elif watched.state is UnitState.UP and now - watched.well > unit.silence:
            self._failed(watched, "does not answer")
        elif watched.state is UnitState.STARTING and now - watched.since > unit.max_unwell_seconds:
            self._failed(watched, "does not come up")

    def _came_up(self, watched: Watched, state: UnitState) -> None:
        took = time.monotonic() - watched.since
        watched.state, watched.note, watched.since = state, "", time.monotonic()
        self.say(f"{watched.unit.name} is {state} ({took:.1f} s)")
        if watched.unit.name == "airflow-setup":
            self.installation.airflow.prepared()

    def _failed(self, watched: Watched, why: str) -> None:
        self._end(watched)
        watched.failures += 1
        watched.restarts += 1
        pause = (
            0.5 if isinstance(watched.unit, SetupStep) else min(0.5 * 2 ** (watched.failures - 1), MAX_BACK_OFF_SECONDS)
        )
        watched.state, watched.not_before = UnitState.WAITING, time.monotonic() + pause
        if watched.note != why or isinstance(watched.unit, Component):
            self.say(f"{watched.unit.name} {why}; again in {pause:g} s")
        watched.note = why

    def _end(self, watched: Watched) -> None:
        """Stop one process and all that it left in its session."""
        watched.check = None
        if watched.process and isinstance(watched.unit, Component):
            if watched.process.poll() is None and (handle := Handle.of(watched.process.pid)):
                stop(handle, watched.unit.escalation)
            watched.process.wait()
            stop_session(watched.process.pid, self.installation.var)
            watched.process = None
        (self.installation.run / f"{watched.unit.name}.json").unlink(missing_ok=True)

    def _stop_all(self) -> None:
        """In waves: nothing is stopped while something that needs it still runs. A wave ends together."""
        self._write("stopping")
        left = [w for w in self.watched.values() if w.process]
        while left:
            needed = {need for watched in left for need in self._below(watched.unit)}
            wave = [w for w in left if w.unit.name not in needed]
            for watched in wave:
                self._signal_first(watched)
            for watched in wave:
                self._end(watched)
                watched.state = UnitState.STOPPED
                self.say(f"{watched.unit.name} is stopped")
                self._write("stopping")
            left = [w for w in left if w not in wave]
        if self.installation.is_embedded("postgres"):
            self.installation.postgres.stop()
        self._write("stopped")

    def _signal_first(self, watched: Watched) -> None:
        if isinstance(watched.unit, Component) and watched.process and watched.process.poll() is None:
            watched.process.send_signal(watched.unit.escalation[0][0])

    def _below(self, unit: Unit) -> set[str]:
        """What it uses or needs, and what that needs in turn: a step in between holds no process but passes it on."""
        found: set[str] = set(unit.uses) if isinstance(unit, Component) else set()
        for need in unit.needs:
            found |= {need} | self._below(self.watched[need].unit)
        return found

    def _write(self, phase: str) -> None:
        """How things stand, for `System`; only when something changed."""
        standing = {
            "phase": phase,
            # enough for whoever waits for `up`; the log has it all
            "progress": self._progress[:500],
            "components": [_standing(watched) for watched in self.watched.values()],
        }
        text = json.dumps(standing, indent=1)
        path = self.installation.run / "system.json"
        if text == self._written and path.exists():  # another `up` that was slower may have taken it away
            return
        with suppress(OSError):  # a disk that is full: whoever asks hears the last that could be written
            private.write(path, text)
            self._written = text


def stop_leftovers(var: Path) -> list[str]:
    """End what a supervisor that was killed left running, known by process id *and* start time. Returns their names."""
    run = var / "run"
    recorded: dict[str, Handle] = {}
    for path in run.glob("*.json"):
        if path.stem in ("system", "supervisor"):
            continue
        if found := Handle.read(path):
            recorded[path.stem] = found
        else:
            path.unlink()
    stopped = []
    # the database and the store last, as in an orderly stop
    for name in sorted(recorded, key=lambda name: (name in ("postgres", "store"), name == "postgres")):
        handle = recorded[name]
        if handle.is_alive:
            stop(handle, LEFTOVER_STOP_POSTGRES if name == "postgres" else LEFTOVER_STOP)
            stopped.append(name)
        stop_session(handle.pid, var)
        (run / f"{name}.json").unlink(missing_ok=True)
    return stopped


def _standing(watched: Watched) -> dict[str, object]:
    process = watched.process
    return {
        "name": watched.unit.name,
        "state": watched.state,
        "pid": process.pid if process else None,
        "restarts": watched.restarts,
        "note": watched.note,
        "is_process": isinstance(watched.unit, Component) and not watched.unit.is_job,
    }


def _done(step: SetupStep) -> bool:
    step.run()
    return True


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"code {code}"


def supervise(var: Path, *, sandbox: bool, airflow: bool, gateway: bool, desk: bool, orthanc: bool = False) -> int:
    """Prepare the installation and run it until SIGTERM or SIGINT. Returns the exit code."""
    run = private.folder(private.folder(var) / "run")
    lock = (run / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stdout.write("another supervisor runs here\n")
        return RUNS_ALREADY
    if us := Handle.of(os.getpid()):
        private.write(run / "supervisor.json", json.dumps(us.as_dict()))
    try:
        _supervise(var, sandbox=sandbox, airflow=airflow, gateway=gateway, desk=desk, orthanc=orthanc)
    except TransferError as error:
        private.write(run / "system.json", json.dumps({"phase": "failed", "progress": [], "why": str(error)}))
        sys.stdout.write(f"{error}\n")
        return 1
    finally:
        (run / "supervisor.json").unlink(missing_ok=True)
    return 0


def _supervise(var: Path, *, sandbox: bool, airflow: bool, gateway: bool, desk: bool, orthanc: bool) -> None:
    for log in (var / "log").glob("*.log"):
        if log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
    left = stop_leftovers(var)
    installation = Installation(var, os.environ, orthanc=sandbox and orthanc)
    installation.complete()
    found = units(installation, sandbox=sandbox, airflow=airflow, gateway=gateway, desk=desk)
    supervisor = Supervisor(installation, found)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(supervisor, "stopping", True))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if left:
        supervisor.say(f"stopped what an earlier run had left: {', '.join(left)}")
    for remark in installation.remarks:
        supervisor.say(remark)
    supervisor.run()


def main() -> int:
    parser = argparse.ArgumentParser(description="The process that starts, watches and stops the parts.")
    parser.add_argument("--var", type=Path, required=True)
    for part in ("sandbox", "airflow", "gateway", "desk"):
        parser.add_argument(f"--no-{part}", dest=part, action="store_false")
    parser.add_argument("--orthanc", action="store_true")
    asked = parser.parse_args()
    return supervise(
        asked.var.absolute(),
        sandbox=asked.sandbox,
        airflow=asked.airflow,
        gateway=asked.gateway,
        desk=asked.desk,
        orthanc=asked.orthanc,
    )


if __name__ == "__main__":
    sys.exit(main())
