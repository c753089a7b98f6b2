"""Whether a TIFF (TIFF 6.0) has all of its pages: readers end at one that is not there, as if it were the last."""

import struct
from typing import Final

#: pages, and tags and pieces of one page, that are looked at
PAGES: Final = 500
TAGS: Final = 4_000
PIECES: Final = 100_000
#: where the pieces of a page stand, and how long each is: strips, tiles
_OFFSETS: Final = {273: 279, 324: 325}
#: bytes of one number by its type: BYTE, SHORT, LONG, LONG8
_SIZES: Final = {1: ("B", 1), 3: ("H", 2), 4: ("I", 4), 16: ("Q", 8)}


def is_cut(data: bytes) -> bool:
    """Whether a page, or a piece of one, stands behind the end of the file. Of what is no TIFF it is not said."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 16:
        return False
    try:
        reading = _Reading(data, order)
        return any(reading.lacks_piece(tags) for tags in reading.pages())
    except (struct.error, ValueError, OverflowError):
        return True


class _Reading:
    def __init__(self, data: bytes, order: str) -> None:
        self._data, self._order = data, order
        (version,) = struct.unpack_from(f"{order}H", data, 2)
        #: of a BigTIFF: format and bytes of an offset, of the count of tags; bytes of a tag
        self._offset, self._count, self._tag = ("Q", "Q", 20) if version == 43 else ("I", "H", 12)
        self._first = 8 if version == 43 else 4

    def _number(self, at: int, kind: str) -> int:
        (found,) = struct.unpack_from(f"{self._order}{kind}", self._data, at)
        return int(found)

    def pages(self) -> "list[dict[int, int]]":
        """Where the tags of each page stand, by their numbers."""
        found: list[dict[int, int]] = []
        at, seen = self._number(self._first, self._offset), set[int]()
        while at and at not in seen and len(found) < PAGES:
            seen.add(at)
            count = self._number(at, self._count)
            if count > TAGS:
                raise ValueError("more tags than a page has")
            begin = at + struct.calcsize(self._count)
            found.append({self._number(begin + n * self._tag, "H"): begin + n * self._tag for n in range(count)})
            at = self._number(begin + count * self._tag, self._offset)
        return found

    def lacks_piece(self, tags: dict[int, int]) -> bool:
        return any(
            place + length > len(self._data)
            for offsets, lengths in _OFFSETS.items()
            if offsets in tags and lengths in tags
            for place, length in zip(self._values(tags[offsets]), self._values(tags[lengths]), strict=False)
        )

    def _values(self, tag: int) -> list[int]:
        kind, size = _SIZES.get(self._number(tag + 2, "H"), ("B", 1))
        count = self._number(tag + 4, self._offset)
        if count > PIECES:
            raise ValueError("more pieces than a page has")
        at = tag + 4 + struct.calcsize(self._offset)
        if count * size > struct.calcsize(self._offset):
            at = self._number(at, self._offset)
        return [self._number(at + n * size, kind) for n in range(count)]
