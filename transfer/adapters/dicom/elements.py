"""From element to element through the bytes of a data set (PS3.5 7): bounded in depth, nothing made by its word."""

import struct
from typing import Final

from transfer.errors import Unreadable

_MOST_DEPTH: Final = 16
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM: Final = 0xFFFEE000
_ITEM_ENDS: Final = 0xFFFEE00D
_SEQUENCE_ENDS: Final = 0xFFFEE0DD
#: VRs whose length field has 32 bits, PS3.5 table 7.1-1
_LONG: Final = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))


class MoreNeeded(Exception):
    """The element goes on behind the bytes we have."""


class Walk:
    """From element to element through one data set, passing over what is not wanted."""

    def __init__(self, data: bytes, *, explicit: bool, order: str) -> None:
        self._data = data
        self._explicit = explicit
        self._head = struct.Struct(f"{order}HH2sH")
        self._long = struct.Struct(f"{order}I")

    def collect(self, at: int, found: dict[int, bytes], wanted: frozenset[int], *, last: int) -> int:
        """Put wanted values into `found` until a tag beyond `last`; where that one begins.

        Raises:
            MoreNeeded: an element goes on behind the bytes we have.
            Unreadable: what cannot be a data set.
        """
        while at < len(self._data):
            begins = at
            tag, vr, length, at = self._element(at)
            if tag > last:
                return begins
            value = at
            at = self._behind_sequence(at, implicit=vr == b"UN", depth=1) if length == _UNDEFINED else at + length
            if tag in wanted:
                if at > len(self._data):
                    raise MoreNeeded
                found[tag] = self._data[value:at]
        if at > len(self._data):
            raise MoreNeeded
        return at

    def _element(self, at: int, *, implicit: bool = False) -> tuple[int, bytes, int, int]:
        """Tag, VR (empty if implicit), length, and where the value begins."""
        try:
            group, number, vr, length = self._head.unpack_from(self._data, at)
            tag = group << 16 | number
            if implicit or not self._explicit or group == 0xFFFE:
                return tag, b"", self._long.unpack_from(self._data, at + 4)[0], at + 8
            if vr in _LONG:
                return tag, vr, self._long.unpack_from(self._data, at + 8)[0], at + 12
            return tag, vr, length, at + 8
        except struct.error:
            raise MoreNeeded from None

    def _behind_sequence(self, at: int, *, implicit: bool, depth: int) -> int:
        """Where the sequence of undefined length ends whose first item begins here (PS3.5 7.5)."""
        if depth > _MOST_DEPTH:
            raise Unreadable("a DICOM header nested too deep")
        while True:
            tag, _, length, at = self._element(at, implicit=implicit)
            if tag == _SEQUENCE_ENDS:
                return at
            if tag != _ITEM:
                raise Unreadable("a DICOM sequence with something else than items")
            at = self._behind_item(at, implicit=implicit, depth=depth) if length == _UNDEFINED else at + length

    def _behind_item(self, at: int, *, implicit: bool, depth: int) -> int:
        while True:
            tag, vr, length, at = self._element(at, implicit=implicit)
            if tag == _ITEM_ENDS:
                return at
            if length == _UNDEFINED:
                # PS3.5 6.2.2: what is UN of undefined length is implicit inside
                at = self._behind_sequence(at, implicit=implicit or vr == b"UN", depth=depth + 1)
            else:
                at += length


def written(values: dict[int, bytes]) -> bytes:
    """A data set in Implicit VR Little Endian, which everybody must understand (PS3.5 10.1)."""
    data = bytearray()
    for tag, value in sorted(values.items()):
        padded = value + bytes(len(value) % 2)
        data += struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(padded)) + padded
    return bytes(data)


def read(data: bytes, wanted: frozenset[int]) -> dict[int, bytes]:
    """The wanted values of a data set in Implicit VR Little Endian. Raises `Unreadable`."""
    found: dict[int, bytes] = {}
    try:
        Walk(data, explicit=False, order="<").collect(0, found, wanted, last=max(wanted))
    except MoreNeeded:
        raise Unreadable("a DICOM data set that does not end where it should") from None
    return found


def first_item(sequence: bytes, wanted: frozenset[int]) -> dict[int, bytes]:
    """The wanted values of the first item of a sequence's value, in the same syntax; none if it has none."""
    if len(sequence) < 8 or sequence[:4] != b"\xfe\xff\x00\xe0":
        return {}
    (length,) = struct.unpack_from("<I", sequence, 4)
    return read(sequence[8:] if length == _UNDEFINED else sequence[8 : 8 + length], wanted)
