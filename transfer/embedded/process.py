"""Processes of ours: started so that they end with us, known by more than a number, stopped by escalating.

A process id is used again for other processes. So a `Handle` holds the id *and* the start time. After a crash or a
reboot we never signal a process that is not ours.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]

#: Sets the signal the kernel sends us when our starter dies, checks that it has not died already, and becomes the
#: program. An interpreter of its own instead of `preexec_fn`, which is not safe in a process with threads.
_LAUNCHER = """
import ctypes, os, sys
death, parent = int(sys.argv[1]), int(sys.argv[2])
if death:
    ctypes.CDLL(None, use_errno=True).prctl(1, death, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the process that started this one is gone")
os.umask(0o077)
os.execvp(sys.argv[3], sys.argv[3:])
"""


@dataclass(frozen=True, slots=True)
class Handle:
    """One process. `started` is the kernel's start time in clock ticks since boot, `boot` which boot that was."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Handle | None":
        """The live process with this id, or None if there is none (a zombie is none)."""
        fields = _stat(pid)
        return cls(pid, int(fields[19]), _boot()) if fields and fields[0] not in ("Z", "X") else None

    @classmethod
    def read(cls, path: Path) -> "Handle | None":
        """The process that a file names, or None: there is no file, or a crash of the machine left no whole one.

        Raises:
            OSError: the file is there and cannot be read.
        """
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    @property
    def is_alive(self) -> bool:
        return Handle.of(self.pid) == self

    def as_dict(self) -> dict[str, int | str]:
        return asdict(self)


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    dies_with_us: signal.Signals | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, its output appended to `log` (0600), its input empty, and what it
    writes readable by us alone.

    With `dies_with_us` the kernel sends that signal when the *thread* that called this ends, so call it from one that
    lasts; from any other thread than the main one it is left out.
    """
    lasting = threading.current_thread() is threading.main_thread()
    death = int(dies_with_us) if dies_with_us and lasting else 0
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(death), str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=dict(environment) if environment is not None else None,
            cwd=folder,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


def stop(handle: Handle, escalation: Iterable[tuple[signal.Signals, float]]) -> bool:
    """Send each signal in turn and wait its seconds, until the process is gone. Returns whether it is.

    A child of ours must be reaped by whoever holds its `Popen`; a zombie counts as gone.
    """
    for number, seconds in escalation:
        if not _signal(handle, number):
            return True
        # a process that somebody halted could not take the signal in
        _signal(handle, signal.SIGCONT)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not handle.is_alive:
                return True
            time.sleep(0.02)
    return not handle.is_alive


def stop_session(leader: int, folder: Path, seconds: float = 2.0) -> None:
    """End what a process left behind in its session, once it is gone itself: politely, then outright.

    Only processes that work in or below `folder`: the number may have come round since, and then the session is
    somebody else's.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = [handle for handle in _session_of(leader) if _works_below(handle.pid, folder)]
        for handle in left:
            _signal(handle, number)
        deadline = time.monotonic() + seconds
        while any(handle.is_alive for handle in left) and time.monotonic() < deadline:
            time.sleep(0.02)


def _session_of(leader: int) -> list[Handle]:
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names are all that is needed
        fields = _stat(int(entry)) if entry.isdigit() else None
        if fields and int(fields[3]) == leader and (handle := Handle.of(int(entry))):
            found.append(handle)
    return found


def _works_below(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder.resolve())
    except OSError:
        return False


def inherited(**more: str) -> dict[str, str]:
    """The environment for a part: the user's own without the settings and secrets of this program, and `more`.

    The import path carries the checkout, so that `python -m transfer...` works from any folder.
    """
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("TRANSFER_", "AIRFLOW"))}
    # a proxy of the user's is for the world outside, and everything here talks over loopback
    direct = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"]))
    ours = {"PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1", "NO_PROXY": direct, "no_proxy": direct}
    return {**plain, **ours, **more}


def _signal(handle: Handle, number: signal.Signals) -> bool:
    """Signal exactly this process: the descriptor pins it, so that the check and the signal mean the same one."""
    try:
        descriptor = os.pidfd_open(handle.pid)
    except OSError:
        return False
    try:
        if not handle.is_alive:
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (state) on; proc(5)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
