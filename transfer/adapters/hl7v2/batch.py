"""Several messages in one: the batch protocol, `[FHS] {[BHS] {MSH …} [BTS]} [FTS]` (v2.9 ch. 2.10.3), and frames that
ran into each other.

Each message is a stretch of the payload as it came, line ends included: the same bytes as the same message sent alone.
A count that disagrees is told, and it is for the caller to ask somebody; no message is dropped for it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from transfer.errors import TooLarge, Unreadable

MOST_MESSAGES = 10_000

_START = re.compile(rb"\A(?:\xef\xbb\xbf)?[ \t\r\n\x00\x0b]{0,64}(?P<line>(?P<header>MSH|FHS|BHS)(?P<mark>[^\w\s]))")
#: A further header begins a line, or stands behind the start of a frame, and brings its own separator: in a batch put
#: together from several senders it is not the one of the header before. After `|` whatever follows, and after another
#: one only with encoding characters and the separator again: text may go on with "MSH-2 and MSH-6 are lost".
_HEADER = rb"(?P<header>MSH|FHS|BHS)(?P<mark>\||(?P<other>[^\w\s])(?=(?:(?!(?P=other))[^\w\s]){1,8}(?P=other)))"
_TRAILER = rb"(?P<trailer>BTS|FTS)(?:(?P<after>[^\w\s])[ \t]*(?:0+(?=\d))?(?P<said>\d*)|(?=[\r\n]|\Z))"
_FURTHER = re.compile(rb"[\r\n\x0b]\x0b?(?:\xef\xbb\xbf)?(?P<line>" + _HEADER + rb"|" + _TRAILER + rb")")
#: all that is looked at to know a further header is shorter
_LOOKED_AT = 32
_FRAME = 0x0B


@dataclass(frozen=True, slots=True, kw_only=True)
class Miscount:
    """A trailer (BTS-1 counts messages, FTS-1 batches) that disagrees with what came."""

    trailer: str
    said: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    #: each a payload of its own; empty where the batch is
    messages: tuple[bytes, ...]
    miscounts: tuple[Miscount, ...] = ()


def batch(payload: bytes) -> Batch:
    """The messages of a payload: one that is no batch comes back as it is, as its only message.

    Raises:
        Unreadable: it does not begin as a message or batch does.
        TooLarge: more than `MOST_MESSAGES` messages.
    """
    begins = _START.match(payload)
    if begins is None:
        raise Unreadable("not an HL7 v2 message: it does not begin with MSH, FHS or BHS")
    reading = _Reading()
    reading.header(begins, 0)
    for found in _FURTHER.finditer(payload, begins.end()):
        # what ends the line before belongs to it, what begins a frame to nobody
        end = found.start() + (payload[found.start()] != _FRAME)
        if found["header"]:
            reading.header(found, end)
        elif reading.is_enveloped:  # or it is text of the message
            reading.trailer(found, end)
    reading.end(len(payload))
    if len(reading.messages) == 1 and not reading.is_enveloped:
        return Batch(messages=(payload,))
    return Batch(
        messages=tuple(payload[start:end] for start, end in reading.messages), miscounts=tuple(reading.miscounts)
    )


def is_several(chunks: Iterable[bytes]) -> bool:
    """A further header stands in a payload that begins as a message, all of its own header in the first chunk."""
    before = b""
    for chunk in chunks:
        piece = before + chunk
        begins = None if before else _START.match(piece)
        if any(found["header"] for found in _FURTHER.finditer(piece, begins.end() if begins else 0)):
            return True
        before = piece[-_LOOKED_AT:]
    return False


class _Reading:
    """What has been seen of a batch so far."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, int]] = []
        self.miscounts: list[Miscount] = []
        self.is_enveloped = False
        self._begun: int | None = None
        self._separators: set[bytes] = set()
        self._batches = 0
        self._in_batch = 0

    def header(self, found: re.Match[bytes], end: int) -> None:
        self.end(end)
        self._separators.add(found["mark"])
        if found["header"] == b"MSH":
            self._begin(found.start("line"))
            return
        self.is_enveloped, self._in_batch = True, 0
        self._batches = self._batches + 1 if found["header"] == b"BHS" else 0

    def trailer(self, found: re.Match[bytes], end: int) -> None:
        if found["after"] and found["after"] not in self._separators:
            return
        self.end(end)
        if found["trailer"] == b"BTS":
            self._compare(found, self._in_batch)
            self._in_batch = 0
        elif self._batches:  # without BHS there is nothing that senders agree to count
            self._compare(found, self._batches)

    def end(self, at: int) -> None:
        """The message that was begun goes up to here."""
        if self._begun is not None:
            self.messages.append((self._begun, at))
        self._begun = None

    def _begin(self, at: int) -> None:
        if len(self.messages) >= MOST_MESSAGES:
            raise TooLarge(f"a batch of more than {MOST_MESSAGES} messages")
        self._begun = at
        self._in_batch += 1

    def _compare(self, found: re.Match[bytes], count: int) -> None:
        said = int((found["said"] or b"")[:10] or count)  # so many digits are more than can be here
        if said != count:
            self.miscounts.append(Miscount(trailer=found["trailer"].decode(), said=said, found=count))
