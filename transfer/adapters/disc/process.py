"""The process that reads discs. They hold other people's files, so it runs alone, bounded, and may die.

Run by `transfer.adapters.disc.reading`, never imported by it. In: JSON (what is to be done, and where the disc is).
Out, in frames behind their lengths: of `list` JSON, of `give` the pieces of each file that was asked for, and an empty
one. It writes no file and opens no connection.
"""

import hashlib
import json
import struct
import sys
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

from transfer import codec
from transfer.adapters.dicom.limits import DicomLimits
from transfer.adapters.disc.listing import DiscListing
from transfer.adapters.disc.members import Folder, Members, Zipped
from transfer.adapters.process_bounds import bound_process
from transfer.discs import LARGEST, DiscRefused, ListedDisc, WhyNoDisc

MEMORY: Final = 2 << 30
CPU_SECONDS: Final = 1200
#: bytes of an image's beginning that are read at first, and at the most
_PIECE: Final = 1 << 20
#: what reading a member of a hostile ZIP file raises
_BROKEN: Final = (OSError, EOFError, RuntimeError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error)


def main() -> None:
    """Do what is asked, once."""
    bound_process(MEMORY, CPU_SECONDS)
    warnings.simplefilter("ignore")
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints must not answer for us
    told: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    try:
        members = _members(told["place"])
        if told["do"] == "list":
            _frame(out, b'{"listed":' + codec.dump(ListedDisc, listed_of(members)) + b"}")
        else:
            _give(out, members, told["files"])
    except DiscRefused as refused:
        _frame(out, json.dumps({"refused": refused.why}).encode())
    out.flush()


def _members(place: str) -> Members:
    if Path(place).is_dir():
        return Folder(place)
    try:
        file = Path(place).open("rb")  # noqa: SIM115  open as long as this process
    except OSError:
        raise DiscRefused(WhyNoDisc.UNREADABLE) from None
    if file.read(2) != b"PK":
        raise DiscRefused(WhyNoDisc.NO_DISC)
    return Zipped(file)


def listed_of(members: Members) -> ListedDisc:
    """What is on the disc. Raises `DiscRefused` where no disc can be made of it."""
    found, total = DiscListing(), 0
    for number, path in enumerate(members.paths()):
        try:
            with members.open(path) as file:
                total += _look(found, number, path, file, LARGEST - total)
        except _BROKEN:
            found.is_unreadable()
    return found.ended()


def _look(found: DiscListing, number: int, path: str, file: IO[bytes], left: int) -> int:
    """Tell the listing of one file. Says how many bytes of images it has."""
    head = file.read(_PIECE)
    if found.is_beside(path, head, lambda: head + file.read(found.most_of_directory)):
        return 0
    sha256, size, piece = hashlib.sha256(), 0, head
    while piece:
        size += len(piece)
        if size > min(left, DicomLimits().instance):
            raise DiscRefused(WhyNoDisc.TOO_LARGE)
        sha256.update(piece)
        piece = file.read(_PIECE)
    found.add(number, head, size, sha256.hexdigest())
    return size


def _give(out: BinaryIO, members: Members, numbers: list[int]) -> None:
    paths = list(members.paths())
    for number in numbers:
        with members.open(paths[number]) as file:
            for piece in _pieces(file):
                _frame(out, piece)
        _frame(out, b"")


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _frame(out: BinaryIO, content: bytes) -> None:
    out.write(struct.pack(">Q", len(content)))
    out.write(content)


if __name__ == "__main__":
    main()
