"""Reading a message by bytes and offsets: no library, no copy of the payload, nothing parsed that is not asked for.

Libraries lose messages quietly: one reads an LF-ended message as a single MSH, another refuses a byte order mark, both
take milliseconds (v2.9 chapter 2). Here segment ends are found once, fields when a segment is
looked at, text when a field is read.
"""

import re
from collections.abc import Iterator

from transfer.adapters.hl7v2.characters import (
    Delimiters,
    as_one_byte_delimiters,
    codec_of,
    decode,
    page_in_use,
    unescape,
)
from transfer.adapters.hl7v2.header import first_line, header, start_of
from transfer.adapters.hl7v2.segment_names import SEGMENT_NAMES
from transfer.errors import TooLarge, Unreadable

#: bounds; the largest real reports we know have 3,000 segments and 60 fields
MOST_SEGMENTS = 50_000
MOST_LINES = 1_000_000  # base64 broken every 76 characters: some 70 MB of it
MOST_FIELDS = 1_000
MOST_REPETITIONS = 10_000

_CR = 0x0D
#: OBX-5
_VALUE = 5
_NAME = re.compile(rb"[A-Z][A-Z0-9]{2}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
#: within text: all controls but tabulators and line feeds
_NO_LETTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]+")
#: segments that may stand without any field; other lines of three letters are the rest of a text
_BARE = frozenset({b"PV1", b"ORC", b"BTS", b"FTS", b"DSC"})
#: segments that say whose a message is or can bear a consent or a mark of confidentiality, indented or in small
#: letters: a "no" is not passed over for how its name is written. Others stay: a line of a text may begin so
_AS_WRITTEN = re.compile(
    rb"\r(?=[\t ]|[A-Z]{0,2}[a-z])[\t ]{0,8}"
    rb"(?P<name>(?i:CON|ARV|PID|PD1|PV1|PV2|DG1|ORC|OBR|OBX|TXA|NTE)|z[a-z0-9]{2})(?P<separator>[^\w\s])"
)
#: segments that hold text a sender may break by line ends, and the field that its text is over with
_BROKEN = {"OBX": 11, "NTE": MOST_FIELDS, "TXA": 12}


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
        #: its data are no longer in the letters that it declares
        data, self.is_recoded = as_one_byte_delimiters(payload[start:] if start else payload, self.codec)
        self.codec = "utf-8" if self.is_recoded else self.codec
        self._page = page_in_use(data, self.codec)
        self.codec = self._page or self.codec
        self.data = _continued(_named(one_segment_end(data), self.delimiters.field), self.delimiters.field)
        self.segments_in_order = tuple(self._split())

    def _split(self) -> Iterator["Segment"]:
        before: Segment | None = None
        number = 0
        for start, end in segment_spans(self.data, self.delimiters.field):
            if before is not None and self._is_text(before, start):
                before = Segment(self, before.start, end)
                continue
            if before is not None:
                yield before
            if (number := number + 1) > MOST_SEGMENTS:
                raise TooLarge(f"a message of more than {MOST_SEGMENTS} segments")
            before = Segment(self, start, end)
        if before is not None:
            yield before

    def _is_text(self, before: "Segment", start: int) -> bool:
        """A line of a table in a text (`CEA|5.0|ng/mL`) looks like a segment. Its name is none of the standard's."""
        name = self.data[start : start + 3].decode("ascii")
        if name in SEGMENT_NAMES or name[0] == "Z" or before.name not in _BROKEN:
            return False
        return self.data.count(self.delimiters.field, before.start, before.end) < _BROKEN[before.name]

    @property
    def charset_disagrees(self) -> bool:
        """Some bytes are not of the character set the message declares (none declared: ASCII)."""
        return self._page is not None or not decode(self.data, self.codec)[1]

    @property
    def is_fragment(self) -> bool:
        """Another message goes on with this one (DSC-1), or this one goes on with another (MSH-14); v2.9 ch. 2.10.2."""
        pointers = self.segments_in_order[0].raw(14), *(segment.raw(1) for segment in self.segments("DSC"))
        return any(pointer not in (b"", b'""') for pointer in pointers)

    def segments(self, *names: str) -> list["Segment"]:
        return [segment for segment in self.segments_in_order if segment.name in names]

    def first(self, name: str) -> "Segment | None":
        return next((segment for segment in self.segments_in_order if segment.name == name), None)

    def text(self, raw: bytes) -> str:
        """Decoded, escapes resolved."""
        return unescape(decode(raw, self.codec)[0], self.delimiters, self.codec)

    def lines(self, raw: bytes) -> str | None:
        """The same of text in lines, each ended by a line feed; None where nothing or the deletion mark stands."""
        if raw == b'""':
            return None
        return as_lines(self.text(raw)).rstrip() or None


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
            if self.name == "OBX" and len(spans) > _VALUE + 1:
                spans = self._with_whole_text(spans)
            # MSH-1 is the separator itself, so that all of MSH counts one further
            self._fields = [spans[0], (self.start + 3, self.start + 4), *spans[1:]] if self.name == "MSH" else spans
        return self._fields[field] if field < len(self._fields) else (self.end, self.end)

    def _with_whole_text(self, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Text (OBX-5) whose lines the sender broke may hold its separator, too: it goes up to its last line."""
        data = self.message.data
        last = data.rfind(b"\r", spans[_VALUE + 1][0], self.end)
        if last < 0 or data[slice(*spans[2])].strip().upper() not in (b"TX", b"FT", b"ST"):
            return spans
        over = next(number for number, (_, end) in enumerate(spans) if end > last)
        return [*spans[:_VALUE], (spans[_VALUE][0], spans[over][1]), *spans[over + 1 :]]

    def count(self) -> int:
        """The number of its last field."""
        self.span(0)
        return len(self._fields or ()) - 1

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
        return nth(self.message.data, self.message.delimiters.component, self.start, self.end, component)

    def text(self, component: int = 1, subcomponent: int = 1) -> str | None:
        start, end = self._component(component)
        start, end = nth(self.message.data, self.message.delimiters.subcomponent, start, end, subcomponent)
        return self._line(self.message.data[start:end])

    def component(self, number: int) -> str | None:
        """A component with its subcomponents, which are separated by blanks."""
        start, end = self._component(number)
        return self._line(self.message.data[start:end].replace(self.message.delimiters.subcomponent, b" "))

    def plain(self) -> str | None:
        """Of text (TX, FT, ST), which has no components: all of it, blanks at the beginning of lines kept."""
        return self.message.lines(self.raw())

    def whole(self) -> str | None:
        """All components, separated by blanks."""
        marks = {self.message.delimiters.component, self.message.delimiters.subcomponent}
        raw = self.raw()
        for mark in marks:
            raw = raw.replace(mark, b" ")
        return self._line(raw)

    def count(self) -> int:
        """How many components there are."""
        return self.message.data.count(self.message.delimiters.component, self.start, self.end) + 1

    def _line(self, raw: bytes) -> str | None:
        """One line: an escaped line break or NUL within a name is a blank."""
        return _CONTROLS.sub(" ", self.message.text(raw)).strip() or None if raw and raw != b'""' else None


def as_lines(text: str) -> str:
    """Text whose lines end by a line feed alone, without what is no letter."""
    return _NO_LETTERS.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n"))


def _declared(first: bytes, delimiters: Delimiters) -> str | None:
    """The codec of MSH-18: its first repetition, unless that is ASCII and a further one goes beyond it."""
    said = first.split(delimiters.field, 18)
    declared = said[17].split(delimiters.repetition) if len(said) > 17 else []
    codecs = [codec_of(one.decode("latin-1")) for one in declared]
    further = next((codec for codec in codecs[1:] if codec), None)
    if codecs and (codecs[0] in (None, "ascii")) and further:
        return further
    return codecs[0] if codecs else None


def _named(data: bytes, separator: bytes) -> bytes:
    """With the names of these segments as the standard writes them; the same object where they are."""

    def name(found: re.Match[bytes]) -> bytes:
        is_segment = found["separator"] == separator
        return b"\r" + found["name"].upper() + separator if is_segment else found[0]

    return _AS_WRITTEN.sub(name, data)


def _continued(data: bytes, separator: bytes) -> bytes:
    """With each segment in one piece: ADD goes on with the last field of the one before (v2.9 ch. 2.14.1).

    One behind MSH goes on with another message's, and stays.
    """
    mark = b"\rADD" + separator
    if mark not in data:
        return data
    first, end, rest = data.partition(b"\r")
    return first + (end + rest[:4] + rest[4:].replace(mark, b""))


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


def nth(data: bytes, mark: bytes, start: int, end: int, number: int) -> tuple[int, int]:
    """The number-th piece between marks, empty where there are fewer."""
    for _ in range(number - 1):
        found = data.find(mark, start, end)
        if found < 0:
            return end, end
        start = found + 1
    found = data.find(mark, start, end)
    return start, end if found < 0 else found
