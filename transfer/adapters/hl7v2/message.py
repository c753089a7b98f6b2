"""Reading a message by bytes and offsets: no library, no copy of the payload, nothing parsed that is not asked for.

Libraries lose messages quietly: one reads an LF-ended message as a single MSH, another refuses a byte order mark, both
take milliseconds (v2.9 chapter 2). Here segment ends are found once, fields when a segment is
looked at, text when a field is read.
"""

import re
from collections.abc import Iterator

from transfer.adapters.hl7v2.characters import Delimiters, as_one_byte_delimiters, codec_of, decode, unescape
from transfer.adapters.hl7v2.header import first_line, header, start_of
from transfer.errors import TooLarge, Unreadable

#: bounds; the largest real reports we know have 3,000 segments and 60 fields
MOST_SEGMENTS = 50_000
MOST_LINES = 1_000_000  # base64 broken every 76 characters: some 70 MB of it
MOST_FIELDS = 1_000
MOST_REPETITIONS = 10_000

_CR = 0x0D
_NAME = re.compile(rb"[A-Z][A-Z0-9]{2}")
#: segments that may stand without any field; other lines of three letters are the rest of a text
_BARE = frozenset({b"PV1", b"ORC", b"BTS", b"FTS", b"DSC"})


class Message:
    """One message. Reading it never raises for what is in it, except for bounds.

    Segment ends may be CR, LF, CRLF or all of them; a line that does not begin like a segment is the rest of the one
    before (free text broken by the sender). The payload itself is not changed: it is the record.

    Raises:
        Unreadable: it does not begin with MSH.
        TooLarge: more than `MOST_SEGMENTS` segments or `MOST_LINES` lines.
    """

    def __init__(self, payload: bytes) -> None:
        self.header = header(payload)
        if self.header.is_batch:
            raise Unreadable("a batch of messages; read it with batch()")
        start = start_of(payload)
        first = first_line(payload, start)
        self.delimiters = Delimiters.read(first)
        self.codec = _declared(first, self.delimiters)
        data, recoded = as_one_byte_delimiters(payload[start:] if start else payload, self.codec)
        self.codec = "utf-8" if recoded else self.codec
        self.data = one_segment_end(data)
        self.segments_in_order = tuple(self._split())

    def _split(self) -> Iterator["Segment"]:
        for number, (start, end) in enumerate(segment_spans(self.data, self.delimiters.field)):
            if number >= MOST_SEGMENTS:
                raise TooLarge(f"a message of more than {MOST_SEGMENTS} segments")
            yield Segment(self, start, end)

    @property
    def charset_disagrees(self) -> bool:
        """Some bytes are not of the character set the message declares (none declared: ASCII)."""
        return not decode(self.data, self.codec)[1]

    def segments(self, *names: str) -> list["Segment"]:
        return [segment for segment in self.segments_in_order if segment.name in names]

    def first(self, name: str) -> "Segment | None":
        return next((segment for segment in self.segments_in_order if segment.name == name), None)

    def text(self, raw: bytes) -> str:
        """Decoded, escapes resolved."""
        return unescape(decode(raw, self.codec)[0], self.delimiters, self.codec)


class Segment:
    """One segment as spans of its message's bytes. Fields, repetitions, components, subcomponents count from 1, as in
    the standard; what is not there is empty.
    """

    __slots__ = ("_fields", "end", "message", "name", "start")

    def __init__(self, message: Message, start: int, end: int) -> None:
        self.message = message
        self.start = start
        self.end = end
        self.name = message.data[start : start + 3].decode("ascii")
        self._fields: list[tuple[int, int]] | None = None

    def span(self, field: int) -> tuple[int, int]:
        """Where a field lies in `message.data`.

        Raises:
            TooLarge: more than `MOST_FIELDS` fields.
        """
        if self._fields is None:
            spans = _spans(
                self.message.data, self.message.delimiters.field, self.start, self.end, MOST_FIELDS, "fields"
            )
            # MSH-1 is the separator itself, so that all of MSH counts one further
            self._fields = [spans[0], (self.start + 3, self.start + 4), *spans[1:]] if self.name == "MSH" else spans
        return self._fields[field] if field < len(self._fields) else (self.end, self.end)

    def raw(self, field: int) -> bytes:
        start, end = self.span(field)
        return self.message.data[start:end]

    def repetitions(self, field: int) -> list["FieldPart"]:
        """The repetitions of a field that say something."""
        start, end = self.span(field)
        if start == end:
            return []
        mark = self.message.delimiters.repetition
        spans = _spans(self.message.data, mark, start, end, MOST_REPETITIONS, "repetitions")
        return [FieldPart(self.message, *span) for span in spans if span[0] != span[1]]

    def part(self, field: int) -> "FieldPart":
        """The first repetition of a field."""
        said = self.repetitions(field)
        return said[0] if said else FieldPart(self.message, self.end, self.end)

    def text(self, field: int, component: int = 1, subcomponent: int = 1) -> str | None:
        """Text of the first repetition; None where nothing, or the deletion mark `""`, stands."""
        return self.part(field).text(component, subcomponent)


class FieldPart:
    """One repetition of a field."""

    __slots__ = ("end", "message", "start")

    def __init__(self, message: Message, start: int, end: int) -> None:
        self.message, self.start, self.end = message, start, end

    def raw(self) -> bytes:
        return self.message.data[self.start : self.end]

    def view(self, component: int, *, to_end: bool = False) -> memoryview:
        """The bytes of a component, or from it to the end, without a copy."""
        start, end = self._component(component)
        return memoryview(self.message.data)[start : self.end if to_end else end]

    def _component(self, component: int) -> tuple[int, int]:
        return _nth(self.message.data, self.message.delimiters.component, self.start, self.end, component)

    def text(self, component: int = 1, subcomponent: int = 1) -> str | None:
        start, end = self._component(component)
        start, end = _nth(self.message.data, self.message.delimiters.subcomponent, start, end, subcomponent)
        raw = self.message.data[start:end]
        return self.message.text(raw).strip() or None if raw and raw != b'""' else None

    def plain(self) -> str | None:
        """Of text (TX, FT, ST), which has no components: all of it, blanks at the beginning of lines kept."""
        raw = self.message.data[self.start : self.end]
        return (
            self.message.text(raw).replace("\r\n", "\n").replace("\r", "\n").rstrip() or None if raw != b'""' else None
        )

    def whole(self) -> str | None:
        """All components, separated by blanks."""
        marks = {self.message.delimiters.component, self.message.delimiters.subcomponent}
        raw = self.raw()
        for mark in marks:
            raw = raw.replace(mark, b" ")
        return self.message.text(raw).strip() or None if raw != b'""' else None


def _declared(first: bytes, delimiters: Delimiters) -> str | None:
    """MSH-18, first repetition, and its codec."""
    said = first.split(delimiters.field, 18)
    declared = said[17].split(delimiters.repetition, 1)[0].decode("latin-1") if len(said) > 17 else ""
    return codec_of(declared)


def one_segment_end(data: bytes) -> bytes:
    """Every segment end as CR. The same object where nothing else was used.

    Raises:
        TooLarge: more than `MOST_LINES` lines.
    """
    data = data.replace(b"\r\n", b"\r").replace(b"\n", b"\r") if b"\n" in data else data
    if data.count(b"\r") > MOST_LINES:
        raise TooLarge(f"a message of more than {MOST_LINES} lines")
    return data


def segment_spans(data: bytes, separator: bytes) -> Iterator[tuple[int, int]]:
    """Where the segments of normalised data lie, without their ends. The first line always begins one."""
    begun, line = 0, data.find(b"\r") + 1
    while line:
        if is_segment(data, line, separator):
            yield begun, _trimmed(data, begun, line)
            begun = line
        line = data.find(b"\r", line) + 1
    if begun < len(data):
        yield begun, _trimmed(data, begun, len(data))


def is_segment(data: bytes, start: int, separator: bytes) -> bool:
    """A line that begins with a segment's name, rather than one that goes on with the text of the line before."""
    if data[start + 3 : start + 4] == separator:
        return _NAME.match(data, start, start + 3) is not None
    return data[start : start + 3] in _BARE and data[start + 3 : start + 4] in (b"\r", b"")


def _trimmed(data: bytes, start: int, end: int) -> int:
    while end > start and data[end - 1] == _CR:
        end -= 1
    return end


def _spans(data: bytes, mark: bytes, start: int, end: int, most: int, what: str) -> list[tuple[int, int]]:
    spans = []
    found = data.find(mark, start, end)
    while found >= 0:
        spans.append((start, found))
        if len(spans) >= most:
            raise TooLarge(f"more than {most} {what}")
        start = found + 1
        found = data.find(mark, start, end)
    spans.append((start, end))
    return spans


def _nth(data: bytes, mark: bytes, start: int, end: int, number: int) -> tuple[int, int]:
    """The number-th piece between marks, empty where there are fewer."""
    for _ in range(number - 1):
        found = data.find(mark, start, end)
        if found < 0:
            return end, end
        start = found + 1
    found = data.find(mark, start, end)
    return start, end if found < 0 else found
