"""A small picture of each series, drawn in a process of its own, because pixels come from outside."""

import json
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from transfer.adapters import warm_process
from transfer.staging import Location, Vault

#: bytes of one image that is opened, and of those that are in memory together
LARGEST: Final = 40 << 20
_TOGETHER: Final = 16 << 20
#: series of one packet that get a thumbnail, and bytes that are read for them
_MOST: Final = 300
_LARGEST_ALL: Final = 1 << 30
_SECONDS: Final = 180
_ATTEMPTS: Final = 3
#: -I, and an empty environment: no setting of ours is in reach of what runs there
COMMAND: Final = (sys.executable, "-I", "-m", "transfer.adapters.packet.thumbnail_process")

#: what is said in place of a thumbnail
WHY_NONE: Final = {
    "too-large": "No preview: the image is too large for one.",
    "too-long": "No preview: it took too long to draw.",
    "no-pixels": "No preview: this holds no picture.",
    "not-decoded": "No preview: compressed in a way that is not read here. A DICOM viewer shows it.",
    "damaged": "No preview: the image could not be opened. Its bytes are as they were received.",
    "not-drawn": "No preview: none could be drawn when the packet was made.",
    "left-out": "No preview: there are too many series.",
}


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A JPEG, or why there is none: a key of `WHY_NONE`."""

    jpeg: bytes | None
    why: str | None = None

    def __post_init__(self) -> None:
        if (self.jpeg is None) == (self.why is None) or (self.why is not None and self.why not in WHY_NONE):
            raise ValueError("a picture, or why there is none")


def drawn(images: Mapping[str, Location], vault: Vault, *, command: Sequence[str] = COMMAND) -> Mapping[str, Thumbnail]:
    """A thumbnail of each image, by the names they are given under. In memory is one image, or some small ones.

    An image that kills the process it is opened in, or holds it up, costs its own thumbnail only.

    Raises:
        Unknown, Unreadable, Unavailable: the vault no longer gives an image's bytes.
    """
    made: dict[str, Thumbnail] = {}
    wanted: list[tuple[str, Location]] = []
    left = _LARGEST_ALL
    for name, location in images.items():
        if len(wanted) == _MOST or location.length > left:
            made[name] = Thumbnail(None, "left-out")
        elif location.length > LARGEST:
            made[name] = Thumbnail(None, "too-large")
        else:
            wanted.append((name, location))
            left -= location.length
    for some in _together(wanted):
        made |= _batch([(name, b"".join(vault.read(location))) for name, location in some], command)
    return made


def _together(wanted: Iterable[tuple[str, Location]]) -> Iterator[list[tuple[str, Location]]]:
    some: list[tuple[str, Location]] = []
    for name, location in wanted:
        if some and sum(one.length for _, one in some) + location.length > _TOGETHER:
            yield some
            some = []
        some.append((name, location))
    if some:
        yield some


def _batch(files: list[tuple[str, bytes]], command: Sequence[str]) -> dict[str, Thumbnail]:
    """One in hand when the process ended may be innocent of it: it is drawn once more, alone."""
    made, suspects = dict[str, Thumbnail](), list[tuple[str, bytes]]()
    for _ in range(_ATTEMPTS):
        came, last = _run([file for _, file in files], command)
        if came is not None:
            made |= {name: one for (name, _), one in zip(files, came, strict=True)}
            files = []
        elif last is not None and last < len(files):
            suspects.append(files.pop(last))
        if came is not None or last is None or not files:
            break
    for name, file in suspects:
        alone, last = _run([file], command)
        made[name] = alone[0] if alone else Thumbnail(None, "not-drawn" if last is None else "damaged")
    return made | {name: Thumbnail(None, "not-drawn") for name, _ in files}


def _run(files: Sequence[bytes], command: Sequence[str]) -> tuple[list[Thumbnail] | None, int | None]:
    """What came of them, or the number of the image the process had in hand when it ended."""
    told = json.dumps([len(file) for file in files]).encode()
    job = b"".join((struct.pack(">Q", len(told)), told, *files))
    way = warm_process.way(command)
    try:
        done = subprocess.run(
            way.args, pass_fds=way.pass_fds, input=job, capture_output=True, timeout=_SECONDS, env={}, check=False
        )
        said, out, well = done.stderr, done.stdout, done.returncode == 0
    except subprocess.TimeoutExpired as late:
        said, out, well = late.stderr or b"", b"", False
    except OSError:  # it could not be started
        return None, None
    if not well or len(out) < 8:
        numbers = [int(line) for line in said.split(b"\n") if line.isdigit()]
        return None, numbers[-1] if numbers else None
    (length,) = struct.unpack(">Q", out[:8])
    at, came = 8 + length, []
    for one in json.loads(out[8 : 8 + length]):
        jpeg, at = out[at : at + one["length"]], at + one["length"]
        came.append(Thumbnail(jpeg) if one["how"] == "drawn" else Thumbnail(None, one["how"]))
    return came, None
