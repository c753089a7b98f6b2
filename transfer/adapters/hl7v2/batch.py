"""Several messages in one: the batch protocol, `[FHS] {[BHS] {MSH …} [BTS]} [FTS]` (v2.9 ch. 2.10.3).

A wrong count is said and no message is dropped for it: what was sent is what there is.
"""

import re
from dataclasses import dataclass

from transfer.adapters.hl7v2.characters import Delimiters
from transfer.adapters.hl7v2.message import one_segment_end, segment_spans
from transfer.errors import TooLarge, Unreadable

MOST_MESSAGES = 10_000

_ENVELOPE = (b"FHS", b"BHS", b"BTS", b"FTS")
_START = re.compile(rb"\A(?:\xef\xbb\xbf)?[ \t\r\n\x00\x0b]{0,64}(MSH|FHS|BHS)([^\w\s])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Miscount:
    """A trailer (BTS-1 counts messages, FTS-1 batches) that disagrees with what came."""

    trailer: str
    said: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    #: each a payload of its own, segment ends as CR; empty where the batch is
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
    data = one_segment_end(payload[begins.start(1) :])
    reading = _Reading()
    for start, end in segment_spans(data, begins[2]):
        reading.take(data, start, end)
    if len(reading.messages) == 1 and not reading.enveloped:
        return Batch(messages=(payload,))
    return Batch(messages=tuple(data[start:end] for start, end in reading.messages), miscounts=tuple(reading.miscounts))


class _Reading:
    """What has been seen of a batch so far."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, int]] = []
        self.miscounts: list[Miscount] = []
        self.enveloped = False
        self._batches = 0
        self._in_batch = 0
        self._in_message = False

    def take(self, data: bytes, start: int, end: int) -> None:
        name = data[start : start + 3]
        if name == b"MSH":
            self._open_message(start, end)
        elif name in _ENVELOPE:
            self.enveloped, self._in_message = True, False
            self._count(name, data[start:end])
        elif self._in_message:
            self.messages[-1] = (self.messages[-1][0], end)

    def _open_message(self, start: int, end: int) -> None:
        if len(self.messages) >= MOST_MESSAGES:
            raise TooLarge(f"a batch of more than {MOST_MESSAGES} messages")
        self.messages.append((start, end))
        self._in_batch += 1
        self._in_message = True

    def _count(self, name: bytes, segment: bytes) -> None:
        if name == b"BHS":
            self._batches, self._in_batch = self._batches + 1, 0
        elif name == b"BTS":
            self._compare("BTS", segment, self._in_batch)
        elif name == b"FTS":
            self._compare("FTS", segment, self._batches)

    def _compare(self, trailer: str, segment: bytes, found: int) -> None:
        said = segment.split(Delimiters.read(segment).field, 2)
        text = said[1].strip() if len(said) > 1 else b""
        if text.isdigit() and len(text) < 10 and int(text) != found:
            self.miscounts.append(Miscount(trailer=trailer, said=int(text), found=found))
