"""How commands, the demo and tests start and stop everything: `System(var).up(print)` … `.down()`.

The work is done by the supervisor, a process of its own; this only starts it, talks to it by files in `run/`, and
cleans up after one that was killed.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transfer.embedded import private
from transfer.embedded.folder_check import UnusableFolder, make_usable
from transfer.embedded.postgres import Postgres
from transfer.embedded.process import CHECKOUT, Handle, spawn, stop
from transfer.embedded.supervisor import RUNS_ALREADY, stop_leftovers
from transfer.errors import Unavailable, Unknown
from transfer.remedies import Remedy, RemedyCode

#: the supervisor stops its components itself; only one that hangs is ended for good
_STOP = ((signal.SIGTERM, 120.0), (signal.SIGKILL, 5.0))

#: a component that failed so often on the way up will not come up by waiting
_HOPELESS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentState:
    """How one component stands: waiting, starting, up, done or stopped."""

    name: str
    state: str
    pid: int | None
    restarts: int
    #: why it is not up, if it is not
    note: str
    #: a process that is kept running, as opposed to a piece of set-up
    is_process: bool


class System:
    """Everything of one installation, in the folder `var`; `environ` configures it beside the environment.

    With `orthanc` that is the image archive instead of the stand-in one; a system that is up keeps the one it has.

    With `dies_with_us` the supervisor ends, and stops all, when the process that started it ends: for tests.
    """

    def __init__(
        self,
        var: Path,
        *,
        sandbox: bool = True,
        airflow: bool = True,
        gateway: bool = True,
        desk: bool = True,
        orthanc: bool = False,
        environ: Mapping[str, str] | None = None,
        dies_with_us: bool = False,
    ) -> None:
        self.var = var.absolute()
        self._run = self.var / "run"
        wanted = {"sandbox": sandbox, "airflow": airflow, "gateway": gateway, "desk": desk}
        self._options = [f"--no-{part}" for part, is_wanted in wanted.items() if not is_wanted]
        self._options += ["--orthanc"] if orthanc else []
        self._environ = dict(environ or {})
        self._dies_with_us = dies_with_us
        self._process: subprocess.Popen[bytes] | None = None

    def up(self, on_progress: Callable[[str], None] = lambda _: None, seconds: float = 300.0) -> None:
        """Start everything and wait until all is well; what runs already is kept. Ctrl-C stops what was started here.

        Where another started it, or does so at this moment, that one's is waited for and never stopped.

        Raises:
            UnusableFolder: the folder or its disk will not do; nothing was started.
            Unavailable: something does not come up; the message names it and its log. What was started here is stopped.
        """
        if not self.is_running():
            self._begin()
        try:
            self._await_up(on_progress, time.monotonic() + seconds)
        except (KeyboardInterrupt, Unavailable):
            if self.is_ours:
                self.down()
            raise

    def down(self) -> None:
        """Stop everything, also what a killed supervisor left. Stopping twice does nothing."""
        if not self._run.exists():
            return
        if handle := self._supervisor():
            stop(handle, _STOP)
        if self._process:
            self._process.wait()
            self._process = None
        stop_leftovers(self.var)
        Postgres(self.var / "postgres").stop()
        for name in ("supervisor.json", "system.json"):
            (self._run / name).unlink(missing_ok=True)

    def is_running(self) -> bool:
        """A supervisor is at work here.

        Raises:
            UnusableFolder: the folder cannot be looked into.
        """
        return self._supervisor() is not None

    @property
    def is_ours(self) -> bool:
        """What runs here was started by this object, and by no other."""
        handle = self._supervisor()
        return self._process is not None and (handle is None or handle.pid == self._process.pid)

    def status(self) -> list[ComponentState]:
        """How each component stands; nothing while no supervisor runs."""
        return [ComponentState(**each) for each in self._standing().get("components", [])] if self.is_running() else []

    def pid(self, name: str) -> int:
        """Process id of a component that runs.

        Raises:
            Unknown: there is none of that name, or it does not run now.
        """
        for component in self.status():
            if component.name == name and component.pid:
                return component.pid
        error = Unknown(f"{name} does not run")
        error.remedy = Remedy(RemedyCode.SHOW_STATUS)
        raise error

    def _begin(self) -> None:
        make_usable(self.var)
        private.folder(self._run)
        (self._run / "system.json").unlink(missing_ok=True)
        if self._process:
            self._process.wait()
        command = [sys.executable, "-m", "transfer.embedded.supervisor", "--var", str(self.var), *self._options]
        self._process = spawn(
            command,
            log=private.folder(self.var / "log") / "supervisor.log",
            environment={**os.environ, **self._environ, "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"},
            folder=self.var,
            dies_with_us=signal.SIGTERM if self._dies_with_us else None,
        )

    def _await_up(self, on_progress: Callable[[str], None], deadline: float) -> None:
        shown = 0
        while True:
            standing = self._standing()
            for line in standing.get("progress", [])[shown:]:
                on_progress(line)
                shown += 1
            if standing.get("phase") == "up":
                return
            self._check_hope(standing, deadline)
            time.sleep(0.03)

    def _check_hope(self, standing: dict[str, Any], deadline: float) -> None:
        log = self.var / "log"
        if self._process is not None and self._process.poll() == RUNS_ALREADY:  # another was faster
            self._process = None
        ended = self._process is not None and self._process.poll() is not None
        if standing.get("phase") == "failed":
            raise Unavailable(standing["why"])
        if ended or (self._process is None and not self.is_running()):
            raise Unavailable(f"the supervisor ended; see {log / 'supervisor.log'}")
        components = [ComponentState(**each) for each in standing.get("components", [])]
        for each in components:
            if each.is_process and each.state != "up" and each.restarts >= _HOPELESS:
                raise Unavailable(f"{each.name} {each.note or 'does not stay up'}; see {log / each.name}.log")
        if time.monotonic() > deadline:
            late = [f"{c.name} ({c.note or c.state})" for c in components if c.state not in ("up", "done")]
            raise Unavailable(f"not up in time: {', '.join(late) or 'the supervisor'}; see the logs in {log}")

    def _supervisor(self) -> Handle | None:
        try:
            handle = Handle.read(self._run / "supervisor.json")
        except OSError as error:
            raise UnusableFolder.of(self.var, error) from None
        return handle if handle and handle.is_alive else None

    def _standing(self) -> dict[str, Any]:
        try:
            standing: dict[str, Any] = json.loads((self._run / "system.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return standing
