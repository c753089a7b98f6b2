"""Where tests write: into memory, where this machine has plenty, else onto its disk.

The store, the keys and the database wait for the disk at every promise they keep, and so would each test. What they
ask of the disk is the same; only the wait is none. No test takes the machine's power away, so none could tell.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_MEMORY = Path("/dev/shm")
_PREFIX = "rt-in-memory-"
#: what the kernel says of a container's own bounds (cgroup v2)
_CONTAINER = Path("/sys/fs/cgroup")
#: a run writes less than this at any moment; the rest of the machine wants some, too
_ENOUGH_BYTES = 8 << 30


def in_memory() -> Path | None:
    """A folder that every temporary file of this process, and of those it starts, is in; None: there is no such place.

    Whoever set TMPDIR has chosen. What a run left that was killed, or in which a test failed, goes with the next one.
    """
    if "TMPDIR" in os.environ:
        return None
    for earlier in _MEMORY.glob(f"{_PREFIX}*"):
        if not Path("/proc", earlier.name.removeprefix(_PREFIX)).exists():
            shutil.rmtree(earlier, ignore_errors=True)
    if not _will_do(_MEMORY):
        return None
    folder = _MEMORY / f"{_PREFIX}{os.getpid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    return folder


def over(folder: Path) -> None:
    """The run is over: the folder goes, and another run in this process chooses anew."""
    del os.environ["TMPDIR"]
    tempfile.tempdir = None
    shutil.rmtree(folder, ignore_errors=True)


def _will_do(place: Path) -> bool:
    """It has room, programs run from it, and it keeps what the store writes beside its files (xattr(7))."""
    try:
        said = os.statvfs(place)
        with tempfile.NamedTemporaryFile(dir=place) as tried:
            os.setxattr(tried.name, "user.rt", b"kept")
    except OSError:
        return False
    is_roomy = min(said.f_bavail * said.f_frsize, _available()) >= _ENOUGH_BYTES
    return is_roomy and not said.f_flag & os.ST_NOEXEC


def _available() -> int:
    """Memory that could be had now: of this machine (proc_meminfo(5)), and of what a container is given of it."""
    said = dict(line.split(":") for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    most = int(said["MemAvailable"].split()[0]) << 10
    with suppress(OSError, ValueError):  # no bound, or none that is told so
        given, used = (int((_CONTAINER / f"memory.{name}").read_text(encoding="ascii")) for name in ("max", "current"))
        most = min(most, given - used)
    return most
