"""Reading a packet that may be anything: a folder or a tar, hashed as it streams by, never unpacked.

A link, a device, a path that climbs, a sparse file, a name twice: none of them is what a packet holds, so each is
reported and none is followed.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from transfer import bag
from transfer.verify import keys
from transfer.verify.nouns import END_OF_TAR, FileFinding, FileFindingKind, FoundFile, Inventory

_CHUNK: Final = 1 << 20
#: several times the largest packets we know of; each file costs some hundred bytes of memory here
_MOST_FILES: Final = 100_000
#: a manifest of so many files
_LARGEST_MANIFEST: Final = 16 << 20
_DEEPEST: Final = 8
#: texts that could be a manifest, a key or a signature in the wrong place: kept, but not without end
_MOST_TEXTS: Final = 24
_TEXTS: Final = 16 << 20
_MANIFEST_LINE: Final = re.compile(rb"[0-9a-f]{64}  ")
_SIZE: Final = slice(124, 136)

Progress = Callable[[int], None]


def read_folder(path: Path, progress: Progress) -> Inventory:
    """Everything below `path`."""
    inventory = Inventory()
    for file in _walk(path, "", inventory):
        if len(inventory.files) >= _MOST_FILES:
            inventory.findings.append(
                FileFinding(FileFindingKind.UNREAD, file, "there are more files than any packet has")
            )
            break
        _read_file(path, file, inventory, progress)
    return inventory


def _walk(folder: Path, under: str, inventory: Inventory) -> Iterator[str]:
    """Paths of regular files; whatever else is there is a finding."""
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    if not entries and under:
        inventory.findings.append(FileFinding(FileFindingKind.ADDED, under, "is an empty folder"))
    for entry in entries:
        path = under + entry.name
        if entry.is_dir(follow_symlinks=False):
            if bag.is_path(path) and path.count("/") < _DEEPEST:
                yield from _walk(Path(entry.path), f"{path}/", inventory)
            else:
                inventory.findings.append(
                    FileFinding(FileFindingKind.ADDED, f"{path}/", "does not belong to the packet")
                )
        elif entry.is_file(follow_symlinks=False) and bag.is_path(path):
            yield path
        else:
            inventory.findings.append(FileFinding(FileFindingKind.ADDED, path, "is not a file of a packet"))


def _read_file(folder: Path, path: str, inventory: Inventory, progress: Progress) -> None:
    # not blocking, so that a pipe put in the file's place cannot hold us
    descriptor = os.open(folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > bag.LARGEST_FILE:
            inventory.findings.append(FileFinding(FileFindingKind.ADDED, path, "is not a file of a packet"))
            return
        sha256, size = _hashed(file, bag.LARGEST_FILE, path, inventory, progress)
    inventory.add(FoundFile(path, size, sha256))


def _hashed(file: BinaryIO, size: int, path: str, inventory: Inventory, progress: Progress) -> tuple[str, int]:
    """SHA-256 and length of the next `size` bytes, or of fewer if there are no more. Keeps what may judge others."""
    sha256, left, kept = hashlib.sha256(), size, bytearray()
    limit = -1
    while left and (piece := file.read(min(_CHUNK, left))):
        if limit < 0:
            limit = _limit(path, piece, inventory)
        sha256.update(piece)
        left -= len(piece)
        if len(kept) <= limit:
            kept += piece
        progress(len(piece))
    if len(kept) <= limit and (path in bag.CONTROL or len(inventory.texts) < _MOST_TEXTS):
        inventory.texts[path] = bytes(kept)
    return sha256.hexdigest(), size - left


def _limit(path: str, begins: bytes, inventory: Inventory) -> int:
    """How much of a file is kept in memory, by its name, its first bytes, and what is kept already."""
    if path in (bag.PAYLOAD_MANIFEST, bag.TAG_MANIFEST) or _MANIFEST_LINE.match(begins):
        return min(_LARGEST_MANIFEST, _TEXTS - sum(map(len, inventory.texts.values())))
    if path in bag.CONTROL or begins.startswith(b'{"alg"') or keys.is_signature(begins):
        return keys.LARGEST
    return 0


# The tar


def read_tar(path: Path, progress: Progress) -> Inventory:
    """Everything in the tar, which must be the one that its files give.

    Raises:
        OSError: it cannot be read, or is no file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("neither a folder nor a file")
        return _Tar(file, status.st_size, progress).read()


class _Tar:
    """One pass over a tar."""

    def __init__(self, file: BinaryIO, size: int, progress: Progress) -> None:
        self._file, self._size, self._progress = file, size, progress
        self._inventory = Inventory()
        self._last: tuple[int, str] | None = None

    def read(self) -> Inventory:
        count = 0
        while (block := self._file.read(bag.BLOCK)) and not self._is_end(block):
            if count >= _MOST_FILES or not self._entry(block, count):
                self._wrong(FileFindingKind.UNREAD, END_OF_TAR, "what follows could not be read")
                return self._inventory
            count += 1
        self._check_end(block)
        return self._inventory

    def _is_end(self, block: bytes) -> bool:
        """Zeros, or whatever stands where the zeros should."""
        return not any(block) or self._size - self._file.tell() <= bag.BLOCK

    def _check_end(self, block: bytes) -> None:
        rest = self._file.read(bag.BLOCK + 1)
        if block + rest != bag.END:
            self._wrong(FileFindingKind.FLIPPED, END_OF_TAR, "a tar of a packet ends in 1024 zero bytes")

    def _entry(self, block: bytes, number: int) -> bool:
        """Read one file; False where it cannot be said how long it is."""
        said, size = _said(block)
        damaged = not _is_header(block)
        if damaged:
            size = self._likely_size(block)
            if number < len(bag.CONTROL):
                said = bag.CONTROL[number]
        if size is None:
            self._wrong(FileFindingKind.FLIPPED, said, "its tar header was changed")
            return False
        if not damaged:
            self._check_order(said)
        sha256, there = _hashed(self._file, size, said, self._inventory, self._progress)
        if there == size and any(self._file.read(bag.padding(size))):
            self._wrong(FileFindingKind.FLIPPED, said, "the zeros after it in the tar were changed")
        self._inventory.add(FoundFile(said, there, sha256, damaged))
        return True

    def _check_order(self, path: str) -> None:
        place = bag.order(path)
        if self._last is not None and place < self._last:
            self._wrong(FileFindingKind.FLIPPED, path, "is not in its place in the tar")
        self._last = place

    def _likely_size(self, block: bytes) -> int | None:
        """How long the file after a damaged header is: what it says, or says but for one digit, if another header or
        the end of the tar follows there. Only so that what comes after can still be read.
        """
        here = self._file.tell()
        try:
            return next((size for size in _sizes(block) if self._goes_on(here + size + bag.padding(size))), None)
        finally:
            self._file.seek(here)

    def _goes_on(self, at: int) -> bool:
        if at > self._size - bag.BLOCK:
            return False
        self._file.seek(at)
        block = self._file.read(bag.BLOCK)
        return _is_header(block) or (not any(block) and at >= self._size - len(bag.END))

    def _wrong(self, kind: FileFindingKind, path: str, sentence: str) -> None:
        self._inventory.findings.append(FileFinding(kind, path, sentence))


def _said(block: bytes) -> tuple[str, int | None]:
    """Name and size as a header says them."""
    return block[:100].partition(b"\0")[0].decode("ascii", "backslashreplace"), _octal(block[_SIZE])


def _octal(field: bytes) -> int | None:
    digits = field.rstrip(b"\0 ")
    return int(digits, 8) if re.fullmatch(rb"[0-7]{1,11}", digits) else None


def _is_header(block: bytes) -> bool:
    path, size = _said(block)
    return size is not None and bag.is_path(path) and bag.header(path, size) == block


def _sizes(block: bytes) -> Iterator[int]:
    field = block[_SIZE][:11]
    others = (field[:place] + bytes([digit]) + field[place + 1 :] for place in range(11) for digit in b"01234567")
    for text in chain([field], others):
        if (size := _octal(text)) is not None:
            yield size
