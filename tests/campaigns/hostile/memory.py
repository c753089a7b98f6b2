"""How much a process held at the most (Linux): `VmHWM`, set back before each thing sent."""

from contextlib import suppress
from pathlib import Path

#: what a door may hold, whatever is sent
MOST_MB = 200.0


def set_back(pid: int) -> None:
    """From now on the high-water mark counts anew (proc(5), clear_refs)."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def most_mb(pid: int) -> float:
    """The most it held since. 0: there is no such process any more."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
