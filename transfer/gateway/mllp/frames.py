"""Minimal lower layer protocol, release 1: `0x0B` payload `0x1C 0x0D` (HL7 v2.9 appendix C.2).

There is no length and no checksum, so the end is searched for: the single byte 0x1C, by `find`, each byte once (on 5 MB
a hundred times faster than searching for the pair). A 0x1C that no CR follows belongs to the payload.
"""

from transfer.doors import FrameEnding

START = b"\x0b"
END = b"\x1c"
CR = b"\r"

#: so many 0x1C without CR in one stretch, and searching for the pair is the faster way
_MANY = 16


class Scanner:
    """Finds frames in a stream of bytes, however it is cut. It keeps none of them."""

    __slots__ = ("_held", "_last", "inside")

    def __init__(self) -> None:
        self.inside = False
        self._held = False  # the last byte seen inside was 0x1C
        self._last = b""  # the last two bytes of the payload so far

    @property
    def other_ending(self) -> FrameEnding | None:
        """How a frame that is still open seems to have ended, by another mark than the standard's; None: by none."""
        if not self.inside:
            return None
        if self._held:
            return FrameEnding.FS_ALONE
        return FrameEnding.FS_LF if self._last == END + b"\n" else None

    def step(self, data: bytes, at: int) -> tuple[bytes, int, bool]:
        """From `at`, the next stretch of payload, where to go on, and whether the frame ended there.

        Outside of a frame the stretch is empty: it goes on after the next start byte, or at the end.
        """
        if not self.inside:
            start = data.find(START, at)
            self.inside, self._last = start >= 0, b""
            return b"", (start + 1 if start >= 0 else len(data)), False
        before, self._held = END if self._held else b"", False
        if before and data[at : at + 1] == CR:
            self.inside = False
            return b"", at + 1, True
        end = _end(data, at)
        self.inside = not 0 <= end < len(data) - 1
        self._held = end == len(data) - 1
        stretch = before + data[at : end if end >= 0 else len(data)]
        self._last = (self._last + stretch)[-2:] if self.inside else b""
        return stretch, (len(data) if self.inside else end + 2), not self.inside


def _end(data: bytes, at: int) -> int:
    """Where 0x1C stands before a CR, or as the last byte, where the next bytes will tell; -1 where it does not."""
    last = len(data) - 1
    end = data.find(END, at)
    for _ in range(_MANY):
        if end < 0 or end == last or data[end + 1] == CR[0]:
            return end
        end = data.find(END, end + 1)
    end = data.find(END + CR, end) if end >= 0 else -1
    return last if end < 0 and data.endswith(END) else end
