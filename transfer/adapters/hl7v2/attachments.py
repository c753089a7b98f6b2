"""The documents that stand inside the results (OBX-5) of a message, in the shapes in which senders write them.

By the standard an ED is `source^type^subtype^encoding^data`. In use are: all of it in the first component, one
component too few or too many, a `data:` URI, the same under ST, TX or FT, one document in chunks over repetitions or
over several OBX, and an address where the data should be.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from transfer.adapters.hl7v2.characters import decode
from transfer.adapters.hl7v2.content import EmbeddedContent, Encoded, embedded_content, is_encoding
from transfer.adapters.hl7v2.message import FieldPart, Message, Segment, as_lines, nth
from transfer.errors import Unreadable
from transfer.flaws import Flaw

#: how encoded content begins: PDF, PNG, JPEG, TIFF, RTF, GIF, ZIP, `<?xml`, OLE; the same in hexadecimal (PDF, RTF)
_ENCODED_START = re.compile(
    rb"JVBERi|iVBORw0KGg|/9j/[24]|SUkqA|TU0AK|e1xydGY|R0lGODl?|UEsDBB|PD94bWwg|PENsaW5pY2F|PGh0bWw|PCFET0NU|PCFkb2N0|0M8R4KGx|25504446|7[Bb]5[Cc]727466"
)
#: content that stands there as it is: RTF, XML, HTML
_PLAIN_START = re.compile(
    rb"\s*(?:\{\\(?:E\\)?rtf|<\?xml|<ClinicalDocument|<html|<!doctype|<(?:table|body|head|style)[\s>])", re.IGNORECASE
)
_DATA_URI = re.compile(rb"\s*data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.-]+)*?(;base64)?,", re.IGNORECASE)
_ENCODED = re.compile(rb"[A-Za-z0-9+/_=\s\\.-]*")
_ENCODING_WORD = re.compile(rb"base-? ?64|hex(?:adecimal)?", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:(?:https?|ftps?|sftp|file|smb|dicomweb):|[A-Za-z]:\\|\\\\)\S[^\r\n]*", re.IGNORECASE)
#: shorter data is looked at whole for whether it is an address
_LONGEST_ADDRESS = 2048
#: of a component that may name a type or an encoding
_LONGEST_WORD = 80
_TEXT = frozenset({"TX", "FT", "ST", ""})
#: data that is no document's beginning is not taken for one under a text's type if it is shorter
_SHORTEST = 24
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})*")


@dataclass(frozen=True, slots=True)
class Pointer:
    """Content that stays with the sender. Noted, never fetched: the address is the sender's invention."""

    address: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document, or the address of one, and the results that carry it, in the order of its chunks."""

    results: tuple[Segment, ...]
    content: EmbeddedContent | Pointer

    @property
    def flaws(self) -> frozenset[Flaw]:
        return frozenset({Flaw.POINTER}) if isinstance(self.content, Pointer) else self.content.flaws


@dataclass(frozen=True, slots=True)
class _Chunk:
    result: Segment
    #: place of the result among those of its report
    at: int
    encoded: Encoded
    #: its type by the sender's word
    said: str | None

    @property
    def number(self) -> tuple[int, ...]:
        """OBX-4, by which senders count chunks."""
        said = self.result.text(4) or ""
        return tuple(int(one) for one in said.split(".")) if _NUMBER.fullmatch(said) else ()

    @property
    def begins(self) -> bool:
        """It begins as a document does."""
        head = bytes(self.encoded.data[:64])
        return _PLAIN_START.match(head) is not None or _ENCODED_START.match(head.lstrip()) is not None


def attachments(results: Sequence[Segment]) -> list[Attachment]:
    """The documents in the results (OBX) of one report, in the order in which they begin.

    Reading never raises for what stands there; what is wrong with a document is said by its flaws.
    """
    found: list[Attachment] = []
    chunks: dict[bytes, list[_Chunk]] = defaultdict(list)
    for at, result in enumerate(results):
        for one in _of_result(result, at, chunks):
            if isinstance(one, Pointer):
                found.append(Attachment((result,), one))
            else:
                chunks[_identifier(result)].append(one)
    for each in chunks.values():
        found += (_joined(run) for run in _documents(each))
    return sorted(found, key=lambda one: one.results[0].start)


def _identifier(result: Segment) -> bytes:
    """OBX-3, by which the chunks of one document belong together."""
    return result.raw(3)


def _of_result(result: Segment, at: int, before: dict[bytes, list[_Chunk]]) -> Iterator[_Chunk | Pointer]:
    kind = (result.text(2) or "").upper()
    if kind == "RP" and not _looks_encoded(result):
        yield from (Pointer(address) for part in result.repetitions(5) if (address := part.text(1)))
    elif kind in ("ED", "RP") or _looks_encoded(result) or _names_base64(result):
        yield from _of_data(result, at)
    elif kind in _TEXT and (begun := before.get(_identifier(result))) and _goes_on(begun[-1], result):
        yield _Chunk(result, at, Encoded(_field(result), begun[-1].encoded.encoding, result.message.delimiters), None)


def _field(result: Segment) -> memoryview:
    start, end = result.span(5)
    return memoryview(result.message.data)[start:end]


def _looks_encoded(result: Segment) -> bool:
    """A document under another type than ED, by how one of its components begins."""
    field = result.raw(5)
    if _PLAIN_START.match(field) or _DATA_URI.match(field):
        return True
    if len(field) < _SHORTEST:
        return False
    start = _ENCODED_START.search(field)
    if start is None:
        return False
    before = field[: start.start()].rstrip()
    data = field[start.start() :].rstrip(result.message.delimiters.component)
    is_component = not before or before[-1:] in (result.message.delimiters.component, b",")
    return is_component and _ENCODED.fullmatch(data.replace(result.message.delimiters.repetition, b"")) is not None


def _names_base64(result: Segment) -> bool:
    """An ED under the type of a text: a component names the encoding, and what follows has its letters alone."""
    field = result.raw(5)
    mark = result.message.delimiters.component
    if len(field) < _SHORTEST or not _ENCODING_WORD.search(field[:_LONGEST_ADDRESS]):
        return False
    components = field.rstrip(mark).split(mark, 6)
    named = [n for n, one in enumerate(components[:-1]) if _ENCODING_WORD.fullmatch(one.strip())]
    if not named:
        return False
    data = mark.join(components[named[0] + 1 :]).replace(result.message.delimiters.repetition, b"")
    return b" " not in data.strip() and _ENCODED.fullmatch(data) is not None


def _goes_on(begun: _Chunk, result: Segment) -> bool:
    """Text under the same OBX-3 that goes on with a document: nothing but letters of its encoding."""
    data = bytes(_field(result)).strip()
    if not data or begun.result.text(2) == "ED":
        return False
    last = bytes(begun.encoded.data[-64:]).rstrip()
    if begun.encoded.is_plain:
        return not last.endswith((b"}", b">"))
    return b" " not in data and not last.endswith(b"=") and _ENCODED.fullmatch(data) is not None


def _of_data(result: Segment, at: int) -> Iterator[_Chunk | Pointer]:
    """The repetitions of OBX-5. Content in plain letters may hold the mark of a repetition: it is one."""
    parts = result.repetitions(5) or [result.part(5)]
    encoding: str | None = None
    for number, part in enumerate(map(_by_components, parts)):
        view, said, kind = _shape(part)
        encoding = said or encoding
        chunk = _Chunk(result, at, Encoded(view, encoding, part.message.delimiters), kind)
        if chunk.encoded.is_plain and number == 0 and len(parts) > 1:
            rest = memoryview(part.message.data)[part.end - len(view) : result.span(5)[1]]
            yield _Chunk(result, at, Encoded(rest, encoding, part.message.delimiters), kind)
            return
        address = _address(chunk)
        yield Pointer(address) if address else chunk


class _BySubcomponents(FieldPart):
    """One component, whose subcomponents stand for the components of an ED."""

    __slots__ = ()

    def _component(self, component: int) -> tuple[int, int]:
        return nth(self.message.data, self.message.delimiters.subcomponent, self.start, self.end, component)

    def count(self) -> int:
        return self.message.data.count(self.message.delimiters.subcomponent, self.start, self.end) + 1


def _by_components(part: FieldPart) -> FieldPart:
    """Some senders separate the components of an ED by the mark of subcomponents."""
    head = part.raw()[:_LONGEST_ADDRESS]
    words = head.split(part.message.delimiters.subcomponent)
    is_shifted = part.count() == 1 and len(words) > 2 and any(_ENCODING_WORD.fullmatch(one.strip()) for one in words)
    return _BySubcomponents(part.message, part.start, part.end) if is_shifted else part


def _address(chunk: _Chunk) -> str | None:
    data = chunk.encoded.data
    if not data or len(data) > _LONGEST_ADDRESS:
        return None
    said = chunk.result.message.text(bytes(data)).strip()
    return said if is_address(said) else None


def text_of(content: EmbeddedContent, message: Message) -> str:
    """Of content that is text: the text, in the letters that fit. What cannot be opened has none."""
    try:
        raw = b"".join(content.open())
    except Unreadable:
        return ""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return as_lines(raw.decode("utf-16", "replace"))
    return as_lines(decode(raw.removeprefix(b"\xef\xbb\xbf"), message.codec)[0])


def is_address(text: str) -> bool:
    """Text that is a URL or a path, and nothing else."""
    return _ADDRESS.fullmatch(text) is not None


def _shape(part: FieldPart) -> tuple[memoryview, str | None, str | None]:
    """Where the data stands, its encoding and its type by the sender's word."""
    words = [_word(part, number) for number in range(1, min(part.count(), 6) + 1)]
    named = next((number for number in (4, 3, 5, 2) if _names_encoding(words, number)), None)
    data = named + 1 if named else _longest(part)
    if uri := _DATA_URI.match(bytes(part.view(data, to_end=True)[:256])):
        view = part.view(data, to_end=True)[uri.end() :]
        return view, "Base64" if uri[2] else None, uri[1].decode("ascii") if uri[1] else None
    others = [word for number, word in enumerate(words, 1) if word and number not in (named, data)]
    view = _trimmed(part, part.view(data, to_end=data >= 5 or named is not None))
    if named is None and _PLAIN_START.match(bytes(view[:64])):
        return part.view(1, to_end=True) if data == 1 else view, "A", _type(others)
    return view, words[named - 1] if named else None, _type(others)


def _word(part: FieldPart, number: int) -> str | None:
    return part.text(number) if len(part.view(number)) <= _LONGEST_WORD else None


def _trimmed(part: FieldPart, view: memoryview) -> memoryview:
    """Without marks of further components that say nothing; the deletion mark is nothing, too."""
    end, mark = len(view), part.message.delimiters.component[0]
    while end and view[end - 1] == mark:
        end -= 1
    return view[:0] if end == 2 and bytes(view[:end]) == b'""' else view[:end]


def _names_encoding(words: Sequence[str | None], number: int) -> bool:
    return number < len(words) and is_encoding(words[number - 1], strict=number != 4)


def _longest(part: FieldPart) -> int:
    """The component that holds the data where no encoding is named: the fifth, if something stands there."""
    if part.count() >= 5 and part.view(5, to_end=True):
        return 5
    return max(range(1, min(part.count(), 5) + 1), key=lambda number: len(part.view(number)))


def _type(words: Iterable[str]) -> str | None:
    """Type and subtype as one word. The source application comes before them and means nothing here."""
    said = list(words)[-2:]
    return "/".join(said).lower() or None


def _documents(chunks: Sequence[_Chunk]) -> Iterator[list[_Chunk]]:
    """The chunks of each document. One that is begun anew while another is begun is a document of its own."""
    if sum(chunk.begins for chunk in chunks) <= 1:
        yield _in_order(chunks)
        return
    run: list[_Chunk] = []
    for chunk in chunks:
        if run and chunk.begins:
            yield _in_order(run)
            run = []
        run.append(chunk)
    yield _in_order(run)


def _in_order(chunks: Sequence[_Chunk]) -> list[_Chunk]:
    """By their numbers where each result has its own; one that came twice counts once."""
    numbers = {chunk.number for chunk in chunks}
    if () in numbers or len(numbers) < 2:
        return list(chunks)
    once: dict[tuple[tuple[int, ...], bytes], _Chunk] = {}
    for chunk in chunks:
        once.setdefault((chunk.number, bytes(chunk.encoded.data)), chunk)
    return sorted(once.values(), key=lambda chunk: chunk.number)


def _joined(chunks: Sequence[_Chunk]) -> Attachment:
    said = next((chunk.said for chunk in chunks if chunk.said), None)
    content = embedded_content([chunk.encoded for chunk in chunks], said)
    results = tuple(dict.fromkeys(chunk.result for chunk in chunks))
    if _lacks_chunk(chunks):
        flaws = content.flaws | {Flaw.CUT}
        content = EmbeddedContent(
            content_type=content.content_type, open=content.open, flaws=flaws, length=content.length
        )
    return Attachment(results, content)


def _lacks_chunk(chunks: Sequence[_Chunk]) -> bool:
    """A number is left out, or there twice with other data: OBX-4, else OBX-1 of results that stand side by side."""
    each = list({id(chunk.result): chunk for chunk in chunks}.values())
    if len(each) < 2:
        return False
    if len({chunk.number for chunk in each} - {()}) > 1:
        return any(_steps(one.number, other.number) != 1 for one, other in pairwise(each))
    pairs = [(one, other) for one, other in pairwise(each) if other.at == one.at + 1]
    return any(_steps(_set_id(one), _set_id(other)) > 1 for one, other in pairs)


def _steps(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """From one number to the next; 0 where they do not count the same."""
    return other[-1] - one[-1] if one and other and one[:-1] == other[:-1] else 0


def _set_id(chunk: _Chunk) -> tuple[int, ...]:
    said = chunk.result.text(1) or ""
    return (int(said),) if said.isdecimal() and len(said) < 10 else ()
