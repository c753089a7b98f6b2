"""Minimal lower layer protocol, release 1: `0x0B` payload `0x1C 0x0D` (HL7 v2.9 appendix C.2).

There is no length and no checksum, so the end is searched for: the single byte 0x1C, by `find`, each byte once (on 5 MB
a hundred times faster than searching for the pair). A 0x1C that no CR follows belongs to the payload.
"""

import hashlib

from transfer.gateway.mllp.messages import Sink

START = b"\x0b"
END = b"\x1c"
CR = b"\r"

#: payloads up to this size are handed over whole, in memory; longer ones go to a `Sink` as they arrive
IN_MEMORY = 64 << 10
#: so many 0x1C without CR in one stretch, and searching for the pair is the faster way
_MANY = 16


class Scanner:
    """Finds frames in a stream of bytes, however it is cut. It keeps none of them."""

    __slots__ = ("_held", "inside")

    def __init__(self) -> None:
        self.inside = False
        self._held = False  # the last byte seen inside was 0x1C

    def step(self, data: bytes, at: int) -> tuple[bytes, int, bool]:
        """From `at`, the next stretch of payload, where to go on, and whether the frame ended there.

        Outside of a frame the stretch is empty: it goes on after the next start byte, or at the end.
        """
        if not self.inside:
            start = data.find(START, at)
            self.inside = start >= 0
            return b"", (start + 1 if start >= 0 else len(data)), False
        before, self._held = END if self._held else b"", False
        if before and data[at : at + 1] == CR:
            self.inside = False
            return b"", at + 1, True
        end = _end(data, at)
        self.inside = not 0 <= end < len(data) - 1
        self._held = end == len(data) - 1
        stretch = before + data[at : end if end >= 0 else len(data)]
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


class Payload:
    """A payload on its way in: in memory while short, hashed as it comes."""

    __slots__ = ("_buffer", "_hash", "length", "sink")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._hash = hashlib.sha256()
        self.length = 0
        self.sink: Sink | None = None

    def add(self, chunk: bytes) -> None:
        """Raises: as `Sink.write`."""
        self.length += len(chunk)
        self._hash.update(chunk)
        if self.sink is None:
            self._buffer += chunk
        else:
            self.sink.write(chunk)

    def in_memory(self) -> bytes:
        """What is not in a sink."""
        return bytes(self._buffer)

    def spill(self, sink: Sink) -> None:
        """From now on into the sink, beginning with what is here. Raises: as `Sink.write`."""
        self.sink = sink
        sink.write(bytes(self._buffer))
        self._buffer = bytearray()

    def sha256(self) -> str:
        return self._hash.hexdigest()

    def discard(self) -> None:
        self._buffer = bytearray()
        sink, self.sink = self.sink, None
        if sink is not None:
            sink.discard()
