"""The readable text of a document that is not made of pages: plain text, HTML, C-CDA, HL7 v2 results.

Bytes from outside, read without trust: a document type declaration is refused, so no entity is ever defined; depth and
number of elements are bounded. What comes out are blocks to draw, never markup.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from xml.parsers import expat

from transfer.adapters.fhir.sheets import result_sheet
from transfer.adapters.hl7v2.sheet import Detail, LeftOutReason, ResultSheet, SheetLine, SheetSection
from transfer.adapters.hl7v2.sheet_reading import result_sheets
from transfer.errors import TooLarge, Unreadable

_DEPTH: Final = 100
_ELEMENTS: Final = 400_000
#: characters of one document that are drawn: some 120 pages, a few seconds
_TEXT: Final = 300_000


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class NarrativeTable:
    #: the first row is the heading
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Embedded:
    """A document carried inside another, as in an unstructured C-CDA."""

    content_type: str
    data: bytes


Block = Heading | Paragraph | NarrativeTable | Embedded


def blocks(media_type: str, data: bytes) -> list[Block] | None:
    """What there is to read; None where the type has no text we can show.

    Raises:
        Unreadable: the bytes are not what their type says.
    """
    read = _READERS.get(media_type)
    if read is None:
        return None
    found = list(_bounded(read(data)))
    if not found:
        raise Unreadable("no text in the document")
    return found


def _bounded(found: Iterable[Block]) -> Iterator[Block]:
    left = _TEXT
    for block in found:
        left -= _length(block)
        if left < 0:
            if isinstance(block, Paragraph):
                yield Paragraph(block.text[:left])
            yield Paragraph("The document goes on; the rest is in the file itself.")
            return
        yield block


def _length(block: Block) -> int:
    match block:
        case NarrativeTable(rows):
            return sum(len(cell) + 4 for row in rows for cell in row)
        case Heading(text) | Paragraph(text):
            return len(text) + 1
        case _:
            return 0


def _text(data: bytes) -> str:
    """UTF-8 (with or without mark), UTF-16 with mark, else Windows-1252, which reads any byte."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _plain(data: bytes) -> Iterator[Block]:
    for line in _text(data).replace("\f", "\n").splitlines():
        yield Paragraph(line.expandtabs(8).rstrip())


# HL7 v2


_LEFT_OUT: Final = (
    (LeftOutReason.DELETED, "Left out: {} that the source deleted."),
    (LeftOutReason.WRONG_PATIENT, "Left out: {} that the source posted to the wrong patient."),
)


def _hl7(data: bytes) -> Iterator[Block]:
    """The result sheet of a message, patient by patient."""
    for sheet in result_sheets(data):
        yield from _sheet(sheet)


def _fhir(data: bytes) -> Iterator[Block]:
    """The result sheet of a report; other resources are files for programs."""
    try:
        yield from _sheet(result_sheet(data))
    except (Unreadable, TooLarge):
        yield Paragraph("There is no report in this file that can be set out here. It is in the file itself.")


def _sheet(sheet: ResultSheet) -> Iterator[Block]:
    yield from (Paragraph(f"{detail.label}: {detail.text}") for detail in sheet.details)
    if sheet.is_fragment:
        yield Paragraph("This is a part of a longer message. The rest is in another one.")
    if sheet.is_guessed:
        yield Paragraph("The letters are not of the character set that the message declares. Some may be wrong.")
    yield from _notes(sheet.notes)
    for section in sheet.sections:
        yield from _sheet_section(section)
    yield from (Paragraph(notice) for notice in sheet.notices)
    for reason, sentence in _LEFT_OUT:
        if count := sheet.count(reason):
            yield Paragraph(sentence.format("1 result" if count == 1 else f"{count} results"))
    if count := sheet.words_not_shown:
        yield Paragraph(f"Not shown: codes and handling of the message, {count} words. The file has them.")


def _sheet_section(section: SheetSection) -> Iterator[Block]:
    if section.title:
        yield Heading(section.title)
    yield from (line for detail in section.details for line in _labelled(detail))
    yield from _notes(section.notes)
    for run in _runs(section.lines):
        yield from _values(run) if _is_table(run) else _texts(run)


def _runs(lines: Iterable[SheetLine]) -> Iterator[list[SheetLine]]:
    """Values that stand in one table; lines of one text. A note ends both, so that it stands where it belongs."""
    run: list[SheetLine] = []
    for line in lines:
        if run and not _goes_on(run[-1], line):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _goes_on(line: SheetLine, further: SheetLine) -> bool:
    if line.notes or line.is_text != further.is_text:
        return False
    is_same = (line.name, line.group) == (further.name, further.group)
    if not line.is_text:
        return not is_same or bool(line.unit or line.range or line.flags)
    return is_same and not _measures(further) and not further.details


def _is_table(run: Sequence[SheetLine]) -> bool:
    return not run[0].is_text


_COLUMNS: Final[tuple[tuple[str, Callable[[SheetLine], str]], ...]] = (
    ("Test", lambda line: line.name),
    ("Value", lambda line: "\n".join(line.value) or line.place),
    ("Unit", lambda line: line.unit),
    ("Range", lambda line: line.range),
    ("Flag", lambda line: ", ".join(line.flags)),
    ("Status", lambda line: line.status),
    ("When", lambda line: line.at),
)


def _values(run: Sequence[SheetLine]) -> Iterator[Block]:
    """A table of what these values say; a column in which nothing would stand is none."""
    columns = [(label, said) for label, said in _COLUMNS if any(said(line) for line in run)]
    rows = (tuple(said(line) for _, said in columns) for line in run)
    yield NarrativeTable((tuple(label for label, _ in columns), *rows))
    yield from _beside(run)


def _texts(run: Sequence[SheetLine]) -> Iterator[Block]:
    first = run[0]
    if first.name:
        yield Heading(first.name)
    said = [f"{label}: {text}" for label, text in _measures(first)]
    said += [
        f"Status: {status}" for status in dict.fromkeys(line.status for line in run) if status not in ("", "Final")
    ]
    if said:
        yield Paragraph(" · ".join(said))
    for line in run:
        yield from (Paragraph(text.expandtabs(8).rstrip()) for text in line.value or ("",) if not line.place or text)
        if line.place:
            yield Paragraph(line.place)
    yield from _beside(run)


def _measures(line: SheetLine) -> list[tuple[str, str]]:
    """What a value says of itself, where it is too long to stand in a table."""
    said = (("Unit", line.unit), ("Range", line.range), ("Flag", ", ".join(line.flags)))
    return [(label, text) for label, text in said if text]


def _beside(run: Sequence[SheetLine]) -> Iterator[Block]:
    """What is said beside the values: once where it is the same of all."""
    for detail in dict.fromkeys(detail for line in run for detail in line.details):
        about = [line.name for line in run if detail in line.details and line.name]
        of = "" if len(about) == len(run) else f" ({', '.join(dict.fromkeys(about))})"
        yield Paragraph(f"{detail.label}{of}: {detail.text}")
    for line in run:
        yield from _notes(line.notes, about=line.name if len(run) > 1 else "")


def _labelled(detail: Detail) -> Iterator[Block]:
    first, *rest = detail.text.split("\n")
    yield Paragraph(f"{detail.label}: {first}")
    yield from (Paragraph(line) for line in rest)


def _notes(notes: Iterable[str], about: str = "") -> Iterator[Block]:
    label = f"Note on {about}" if about else "Note"
    for note in notes:
        first, *rest = note.split("\n")
        yield Paragraph(f"{label}: {first}")
        yield from (Paragraph(line) for line in rest)


# HTML


class _HtmlText(HTMLParser):
    _BREAKS: Final = frozenset(
        ("p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "section", "pre")
    )
    _HIDDEN: Final = frozenset({"script", "style", "head"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines = [""]
        self._hidden = 0

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        if tag in self._HIDDEN:
            self._hidden += 1
        if tag in self._BREAKS:
            self.lines.append("• " if tag == "li" else "")
        elif tag in ("td", "th"):
            self.lines[-1] += "   "

    def handle_endtag(self, tag: str) -> None:
        if tag in self._HIDDEN:
            self._hidden = max(self._hidden - 1, 0)
        if tag in self._BREAKS:
            self.lines.append("")

    def parse_marked_section(self, i: int, report: bool = True) -> int:  # noqa: ARG002  # as declared
        """As browsers do: what begins with `<![` is a comment up to the next `>`. The parser's own way is to fail."""
        end = self.rawdata.find(">", i)
        return end + 1 if end >= 0 else -1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.lines[-1] += " ".join(data.split()) + (" " if data[-1:].isspace() else "")


def _html(data: bytes) -> Iterator[Block]:
    parser = _HtmlText()
    parser.feed(_text(data))
    parser.close()
    yield from (Paragraph(line.strip()) for line in parser.lines if line.strip())


# XML: C-CDA (HL7 CDA R2)


@dataclass(slots=True)
class _Element:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    #: text and elements in the order in which they stand
    children: "list[_Element | str]" = field(default_factory=list)

    def all(self, tag: str) -> "Iterator[_Element]":
        return (child for child in self.children if isinstance(child, _Element) and child.tag == tag)

    def at(self, *path: str) -> "_Element | None":
        here: _Element | None = self
        for tag in path:
            here = next(here.all(tag), None) if here else None
        return here

    @property
    def text(self) -> str:
        return " ".join("".join(self._pieces()).split())

    def _pieces(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag == "br":
                yield " "
            else:
                yield from child._pieces()


def _parsed(data: bytes) -> _Element:
    """A tree of local names. No entity is resolved, because none can be declared."""
    root = _Element("")
    open_ = [root]
    count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(open_) > _DEPTH or count > _ELEMENTS:
            raise Unreadable("an XML document beyond all measure")
        element = _Element(tag.rpartition(" ")[2], attributes)
        open_[-1].children.append(element)
        open_.append(element)

    def refuse(*_: object) -> None:
        raise Unreadable("an XML document with a type declaration")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_.pop()
    parser.CharacterDataHandler = lambda text: open_[-1].children.append(text)
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)  # noqa: FBT003  # expat takes it by position: this is all there is
    except (expat.ExpatError, LookupError, ValueError):
        raise Unreadable("not well-formed XML") from None
    return next(child for child in root.children if isinstance(child, _Element))


def _xml(data: bytes) -> Iterator[Block]:
    document = _parsed(data)
    if document.tag != "ClinicalDocument":
        yield Paragraph(document.text)
        return
    if title := document.at("title"):
        yield Heading(title.text)
    if (body := document.at("component", "nonXMLBody", "text")) is not None:
        yield _carried(body)
    structured = document.at("component", "structuredBody")
    for component in structured.all("component") if structured else ():
        for section in component.all("section"):
            yield from _section(section)


def _carried(body: _Element) -> Block:
    """A nonXMLBody: the document itself, in base64 or as text."""
    if body.attributes.get("representation") != "B64":
        return Paragraph(body.text)
    try:
        return Embedded(body.attributes.get("mediaType", ""), base64.b64decode("".join(body._pieces())))
    except ValueError:
        raise Unreadable("a carried document that is not base64") from None


def _section(section: _Element) -> Iterator[Block]:
    if title := section.at("title"):
        yield Heading(title.text)
    if text := section.at("text"):
        yield from _narrative(text)
    for component in section.all("component"):
        for inner in component.all("section"):
            yield from _section(inner)


def _narrative(text: _Element) -> Iterator[Block]:
    """CDA R2 section 4.3.5, narrative block."""
    run = ""
    for child in text.children:
        if isinstance(child, _Element) and child.tag in ("table", "list", "paragraph", "br", "caption"):
            if run.strip():
                yield Paragraph(" ".join(run.split()))
            run = ""
            yield from _narrative_block(child)
        else:
            run += child if isinstance(child, str) else child.text + " "
    if run.strip():
        yield Paragraph(" ".join(run.split()))


def _narrative_block(element: _Element) -> Iterator[Block]:
    if element.tag == "table":
        if rows := tuple(_rows(element)):
            yield NarrativeTable(rows)
    elif element.tag == "list":
        for item in element.all("item"):
            if any(isinstance(c, _Element) and c.tag in ("table", "list") for c in item.children):
                yield from _narrative(item)
            elif item.text:
                yield Paragraph(f"• {item.text}")
    elif any(isinstance(c, _Element) and c.tag in ("table", "list") for c in element.children):
        yield from _narrative(element)
    elif element.text:
        yield Paragraph(element.text)


def _rows(table: _Element) -> Iterator[tuple[str, ...]]:
    for child in table.children:
        if not isinstance(child, _Element):
            continue
        if child.tag == "tr":
            cells = (cell for cell in child.children if isinstance(cell, _Element))
            yield tuple(cell.text for cell in cells if cell.tag in ("td", "th"))
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from _rows(child)


_READERS: Final[dict[str, Callable[[bytes], Iterator[Block]]]] = {
    "text/plain": _plain,
    "text/html": _html,
    "text/xml": _xml,
    "application/xml": _xml,
    "application/cda+xml": _xml,
    "application/hl7-cda+xml": _xml,
    "application/fhir+json": _fhir,
    "application/hl7-v2": _hl7,
    "x-application/hl7-v2+er7": _hl7,
}
