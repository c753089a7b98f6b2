"""A series as it arrives: whole instances into one tar object, with an index, and what was wrong on the way.

An instance goes into the tar when all of it is here, so that the half one a dead stream leaves is nowhere. Members are
named by a running number: no UID stands in anything but the index and the images themselves.
"""

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO, Final

from transfer.adapters.dicom.header import MOST_HEADER, DicomHeader, Stated, read_header
from transfer.adapters.dicom.limits import DicomLimits
from transfer.adapters.dicom.rejections import KEY_OBJECTS, MOST_NOTE, rejected
from transfer.errors import TooLarge, Unreadable
from transfer.sources import Ending, IndexEntry
from transfer.staging import CHUNK

Bytes = bytes | bytearray | memoryview

_BLOCK: Final = 512
#: patients that the instances of one series may state before it is nobody's
_MOST_STATED: Final = 100
#: POSIX.1-1988 ustar: an archive ends with two blocks of zeros
TAR_END: Final = bytes(2 * _BLOCK)
_SMALL: Final = 4 << 10
_FIRST_LOOK: Final = 16 << 10


class Arriving:
    """One instance while it arrives: views of the pieces it came in; beyond `in_memory` an unnamed file."""

    def __init__(self, limits: DicomLimits) -> None:
        self._limits = limits
        self._pieces: list[Bytes] = []
        self._file: IO[bytes] | None = None
        self._sha256 = hashlib.sha256()
        self.length = 0

    def add(self, view: memoryview) -> None:
        self.length += len(view)
        if self.length > self._limits.instance:
            raise TooLarge(f"the archive sent an instance of more than {self._limits.instance} bytes")
        self._sha256.update(view)
        if self._file:
            self._file.write(view)
        elif self.length > self._limits.in_memory:
            self._spill(view)
        elif len(view) >= _SMALL:
            self._pieces.append(view)
        elif self._pieces and isinstance(self._pieces[-1], bytearray):
            self._pieces[-1] += view  # a peer that sends byte by byte costs no object per byte
        else:
            self._pieces.append(bytearray(view))

    def close(self) -> None:
        if self._file:
            self._file.close()

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def header(self) -> DicomHeader:
        """Raises `Unreadable` if it is no DICOM file."""
        for most in (_FIRST_LOOK, MOST_HEADER):
            head = self._head(most)
            if found := read_header(head, is_all=len(head) == self.length):
                return found
        raise Unreadable("a DICOM header longer than is read")

    def pieces(self) -> Iterator[Bytes]:
        if self._file is None:
            yield from self._pieces
            return
        self._file.seek(0)
        while piece := self._file.read(CHUNK):
            yield piece

    def _head(self, most: int) -> bytes:
        head = bytearray()
        for piece in self.pieces():
            head += piece[: most - len(head)]
            if len(head) == most:
                break
        return bytes(head)

    def _spill(self, view: memoryview) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - closed by close(); has no name anyone could find it by
        for piece in (*self._pieces, view):
            self._file.write(piece)
        self._pieces.clear()


@dataclass(slots=True)
class Gathering:
    """What has been taken into one tar so far. `take` yields the bytes to write."""

    study_instance_uid: str
    series_instance_uid: str
    expected: frozenset[str]
    wanted: frozenset[str] | None
    most: int
    index: dict[str, IndexEntry] = field(default_factory=dict)
    conflicting: list[IndexEntry] = field(default_factory=list)
    stated: dict[Stated, None] = field(default_factory=dict)
    misplaced: set[str] = field(default_factory=set)
    #: one instance of each way to say that they are confidential
    confidential: dict[frozenset[bytes], DicomHeader] = field(default_factory=dict)
    strays: set[str] = field(default_factory=set)
    #: instances that a rejection note names, and the notes
    rejected: set[str] = field(default_factory=set)
    unreadable: int = 0
    ending: Ending = Ending.CLOSED
    _offset: int = 0
    _members: int = 0

    @property
    def is_whole(self) -> bool:
        target = self.expected if self.wanted is None else self.wanted
        return self.ending is Ending.CLOSED and self.index.keys() == target

    def take(self, instance: Arriving, *, called: str | None = None) -> Iterator[Bytes]:
        """`called`: its UID by the word of who sent it, where that is told. One that says another is no use.

        Raises:
            TooLarge: the series names more patients than are kept.
        """
        try:
            header = instance.header()
        except Unreadable:
            self.unreadable += 1
            return
        uid = header.sop_instance_uid
        if called not in (None, uid):
            self.unreadable += 1
            return
        if self.wanted is not None and uid in self.expected - self.wanted:
            return  # had already
        is_elsewhere = self._is_elsewhere(header)
        if is_elsewhere and uid not in self.expected:
            self.strays.add(uid)
            return
        self.stated.setdefault(header.patient)
        if len(self.stated) > _MOST_STATED:
            raise TooLarge(f"the archive sent a series of more than {_MOST_STATED} patients")
        if header.confidentiality:
            self.confidential.setdefault(header.confidentiality, header)
        known = self.index.get(uid)
        if known and known.sha256 == instance.sha256:
            return  # a copy
        entry = IndexEntry(uid, self._offset + _BLOCK, instance.length, instance.sha256)
        if known:
            self.conflicting.append(entry)
        else:
            self.index[uid] = entry
            self._heed(instance, header)
            if is_elsewhere:
                self.misplaced.add(uid)
        yield from self._member(instance)

    def _heed(self, instance: Arriving, header: DicomHeader) -> None:
        """Where it is a rejection note, note what it rejects. One that cannot be read is a person's to look at."""
        if header.sop_class_uid != KEY_OBJECTS:
            return
        try:
            if instance.length > MOST_NOTE:
                raise Unreadable("a key object selection larger than is read")
            if names := rejected(b"".join(instance.pieces()), self.study_instance_uid):
                self.rejected |= names | {header.sop_instance_uid}
        except Unreadable:
            self.unreadable += 1

    def _is_elsewhere(self, header: DicomHeader) -> bool:
        """It names another study or series; one that names none is where it was asked for."""
        return (
            header.study_instance_uid or self.study_instance_uid,
            header.series_instance_uid or self.series_instance_uid,
        ) != (self.study_instance_uid, self.series_instance_uid)

    def _member(self, instance: Arriving) -> Iterator[Bytes]:
        self._members += 1
        padding = -instance.length % _BLOCK
        self._offset += _BLOCK + instance.length + padding
        if self._offset > self.most:
            raise TooLarge(f"the archive sent a series of more than {self.most} bytes")
        yield _member_header(self._members, instance.length)
        yield from instance.pieces()
        yield bytes(padding)


def _member_header(number: int, length: int) -> bytes:
    member = tarfile.TarInfo(f"{number:08d}.dcm")
    member.size = length
    member.mode = 0o400
    return member.tobuf(tarfile.USTAR_FORMAT)
