"""A disc, read in a bounded process: first what is on it, then the bytes of its images."""

import hashlib
import json
import struct
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import IO, Any, Final

from transfer import codec
from transfer.discs import DiscFile, DiscRefused, ListedDisc, WhyNoDisc
from transfer.errors import Unavailable

#: of the clock on the wall; the process itself is bounded in CPU time, which a busy machine does not use up
SECONDS: Final = 3600
#: -I, and an empty environment: no setting of ours is in reach of what runs there
COMMAND: Final = (sys.executable, "-I", "-m", "transfer.adapters.disc.process")
#: bytes of what is said of a disc
_LARGEST_SAID: Final = 64 << 20
#: bytes of one piece of an image
_LARGEST_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class DiscPlace:
    """Where a disc is for the process that reads it: a path, and an open file that it leads to."""

    path: str
    open_file: int | None = None


def placed(source: Path | IO[bytes]) -> DiscPlace:
    """Where a folder or a ZIP file is; an open file stays open as long as it is read."""
    if isinstance(source, Path):
        return DiscPlace(str(source))
    return DiscPlace(f"/dev/fd/{source.fileno()}", source.fileno())


def listed(place: DiscPlace, *, command: Sequence[str] = COMMAND) -> ListedDisc:
    """What is on it.

    Raises:
        DiscRefused: no disc can be made of it.
        Unavailable: the process does not run.
    """
    with _running({"do": "list", "place": place.path}, place, command) as out:
        said: dict[str, Any] = json.loads(_frame(out, _LARGEST_SAID))
    if why := said.get("refused"):
        raise DiscRefused(WhyNoDisc(why))
    return codec.load(ListedDisc, json.dumps(said["listed"]).encode())


def given(
    place: DiscPlace, files: Sequence[DiscFile], *, command: Sequence[str] = COMMAND
) -> Generator[tuple[DiscFile, bytes]]:
    """The bytes of these images, one after the other, in pieces of at most a MiB.

    Raises:
        DiscRefused: they are not what was listed: the disc changed meanwhile, or cannot be read any more.
        Unavailable: the process does not run.
    """
    job = {"do": "give", "place": place.path, "files": [one.number for one in files]}
    with _running(job, place, command) as out:
        for file in files:
            sha256, size = hashlib.sha256(), 0
            while piece := _frame(out, _LARGEST_PIECE):
                size += len(piece)
                if size > file.size:
                    break
                sha256.update(piece)
                yield file, piece
            if size != file.size or sha256.hexdigest() != file.sha256:
                raise DiscRefused(WhyNoDisc.UNREADABLE)


@contextmanager
def _running(job: Mapping[str, object], place: DiscPlace, command: Sequence[str]) -> Iterator[IO[bytes]]:
    """The process's answers, until it has said them or `SECONDS` are over. Whatever ends early is killed."""
    inherited = () if place.open_file is None else (place.open_file,)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            pass_fds=inherited,
        )
    except OSError:
        raise Unavailable("the process that reads discs does not run") from None
    timer = Timer(SECONDS, process.kill)
    timer.start()
    try:
        assert process.stdin is not None and process.stdout is not None  # both are pipes
        process.stdin.write(json.dumps(job).encode())
        process.stdin.close()
        yield process.stdout
    except (BrokenPipeError, ValueError):  # it died before it read its job, or says what is no answer
        raise DiscRefused(WhyNoDisc.UNREADABLE) from None
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _frame(out: IO[bytes], most: int) -> bytes:
    """Whatever a hostile file does to a library ends the process: then there is no more."""
    head = out.read(8)
    size = struct.unpack(">Q", head)[0] if len(head) == 8 else most + 1
    if size > most:
        raise DiscRefused(WhyNoDisc.UNREADABLE)
    content = out.read(size)
    if len(content) != size:
        raise DiscRefused(WhyNoDisc.UNREADABLE)
    return content
