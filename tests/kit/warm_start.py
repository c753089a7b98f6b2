"""Programs of ours as forks of a process that has loaded what they need: loading takes longer than many a test.

What runs is the same module, as `__main__`, in a process of its own that is a child of whoever starts it. It has that
one's channels, environment, folder and death signal, as `transfer.embedded.process.spawn` gives them. Two things
differ: /proc shows the command line and environment of the warm process, and what other programs load is in its
memory, too. A test that looks at either, or at how a program starts, starts it cold.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from unittest.mock import patch

from transfer.embedded import process

ROOT = Path(__file__).parents[2]

_SUPERVISOR = "transfer.embedded.supervisor"
#: programs that may be forks of it, with what each loads when it needs it
MODULES = {
    _SUPERVISOR: (_SUPERVISOR, "transfer.adapters.vault", "transfer.ledger.migrate"),
    "transfer.gateway": ("transfer.gateway.__main__",),
    "transfer.pages": ("transfer.pages.__main__",),
    "transfer.sandbox": (
        "transfer.sandbox.__main__",
        *(f"transfer.sandbox.{name}" for name in ("oncology", "pathology", "archive", "center", "openid")),
    ),
}
#: prctl(2)
_SET_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36
#: as socket(7) lets one message be, and more than any environment
_MOST_BYTES = 128 << 10

_libc = ctypes.CDLL(None, use_errno=True)
_lock = threading.Lock()
#: by which this process asks; a fork of it has another number and starts cold
_line: socket.socket | None = None
_asker = 0
_process: "subprocess.Popen[bytes] | None" = None


class _Fork(subprocess.Popen[bytes]):
    """A child that was not made by `Popen`, and is waited for and signalled as one that was."""

    def __init__(self, command: Sequence[str], pid: int) -> None:  # nothing is started here
        self.args, self.pid, self.returncode = command, pid, None
        self.stdin = self.stdout = self.stderr = None
        self._child_created, self._communication_started = True, False
        self._waitpid_lock = threading.Lock()
        self._sigint_wait_secs = 0.25


def begin() -> None:
    """Begin the warm process of this process; it ends with it. A second call does nothing."""
    global _line, _asker, _process
    if _line is not None and _asker == os.getpid():
        return
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        environment = process.inherited()
        command = [sys.executable, "-m", __name__]
        _process = subprocess.Popen(command, stdin=its.fileno(), env=environment, cwd=ROOT)
    _line, _asker = ours, os.getpid()
    atexit.register(_end)


def _end() -> None:
    if _line and _process and _asker == os.getpid():
        _line.close()
        _process.wait(20)


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    dies_with_us: signal.Signals | None = None,
) -> "subprocess.Popen[bytes]":
    """As `transfer.embedded.process.spawn`; a fork of the warm process where that can run it."""
    if not _may_be_warm(command):
        return process.spawn(command, log=log, environment=environment, folder=folder, dies_with_us=dies_with_us)
    lasting = threading.current_thread() is threading.main_thread()
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab") as file:  # noqa: PTH123
        asked = _asked(command, environment, folder) | {"umask": 0o077, "is_leader": True}
        return _forked(command, asked | {"death": int(dies_with_us or 0) if lasting else 0}, file)


def started(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, log: IO[bytes] | None = None
) -> "subprocess.Popen[bytes]":
    """As `subprocess.Popen(command, env=environment, stdout=log, stderr=log)`, without waiting for Python to load.

    Without `log` it writes where this process writes.
    """
    begin()
    if not _may_be_warm(command):
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    return _forked(command, _asked(command, environment, None), log)


def _may_be_warm(command: Sequence[str]) -> bool:
    ours = _line is not None and _asker == os.getpid()
    return ours and list(command[:2]) == [sys.executable, "-m"] and command[2] in MODULES


def _asked(command: Sequence[str], environment: Mapping[str, str] | None, folder: Path | None) -> dict[str, Any]:
    environ = dict(os.environ if environment is None else environment)
    return {"command": list(command[2:]), "environ": environ, "folder": str(folder or Path.cwd()), "by": os.getpid()}


def _forked(command: Sequence[str], asked: Mapping[str, Any], log: IO[bytes] | None) -> "subprocess.Popen[bytes]":
    """The warm process has it made by a process that ends at once: so it becomes a child of ours."""
    assert _line
    out, err = (log.fileno(), log.fileno()) if log else (1, 2)
    with _lock, open(os.devnull, "rb") as nothing:  # noqa: PTH123
        _libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        try:
            socket.send_fds(_line, [json.dumps(asked).encode()], [nothing.fileno(), out, err])
            said = _line.recv(4)
        finally:
            _libc.prctl(_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    assert said, "the warm process is gone"
    return _Fork(command, int.from_bytes(said, sys.byteorder))


# --- the warm process -------------------------------------------------------------------------------------------------


def _load() -> None:
    for needed in MODULES.values():
        for name in needed:
            importlib.import_module(name)
    _prepare()
    assert threading.active_count() == 1, "a process with threads cannot be forked safely"
    gc.collect()
    gc.freeze()  # forks share what is loaded


def _prepare() -> None:
    """What every program makes at its start, of which nothing is a connection, a key or a setting."""
    from transfer.adapters import vault
    from transfer.ledger import migrate

    vault.prepare()
    migrate.known()


def _serve(line: socket.socket) -> dict[str, Any] | None:
    """Fork for each who asks. Returns in the fork, with what it is to become; None when nobody can ask any more."""
    while True:
        said, channels, _, _ = socket.recv_fds(line, _MOST_BYTES, 3)
        if not said:
            return None
        told, tells = os.pipe()
        between = os.fork()
        if not between:
            pid = os.fork()
            if not pid:
                line.close()
                for channel in (told, tells):
                    os.close(channel)
                return dict(json.loads(said)) | {"channels": channels}
            os.write(tells, pid.to_bytes(4, sys.byteorder))
            os._exit(0)
        os.waitpid(between, 0)  # from now on it is a child of who asked
        with suppress(OSError):
            line.send(os.read(told, 4))
        for channel in (told, tells, *channels):
            os.close(channel)


def _become(asked: dict[str, Any]) -> None:
    """What `transfer.embedded.process` does between fork and exec, and then the program."""
    for number, channel in enumerate(asked["channels"]):
        os.dup2(channel, number)
        os.close(channel)
    if asked.get("is_leader"):
        os.setsid()
    _await_parent(asked["by"])
    if asked.get("death"):
        _libc.prctl(_SET_DEATH_SIGNAL, asked["death"], 0, 0, 0)
        if os.getppid() != asked["by"]:
            sys.exit("the process that started this one is gone")
    if "umask" in asked:
        os.umask(asked["umask"])
    module, *arguments = asked["command"]
    if module == _SUPERVISOR and not _has_its_own():
        return
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environ"])
    tempfile.tempdir = None
    sys.argv = [module, *arguments]
    for name in (module, f"{module}.__main__"):  # it is run, not imported
        if not hasattr(sys.modules.get(name), "__path__"):
            sys.modules.pop(name, None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _await_parent(pid: int) -> None:
    until = time.monotonic() + 10
    while os.getppid() != pid:
        if time.monotonic() > until:
            sys.exit("the process that asked for this one is gone")
        time.sleep(0.0005)


def _has_its_own() -> bool:
    """A supervisor has a warm process below it, from which what it starts is forked. False: this is that one."""
    global _line, _asker
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if not os.fork():
        ours.close()
        _run(its)
        return False
    its.close()
    _line, _asker = ours, os.getpid()
    patch("transfer.embedded.components.spawn", spawn).start()
    return True


def _run(line: socket.socket) -> None:
    asked = _serve(line)
    if asked is not None:
        _become(asked)


def main() -> None:
    line = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    _load()
    _run(line)


if __name__ == "__main__":
    main()
