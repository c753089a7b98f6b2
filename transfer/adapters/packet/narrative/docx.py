"""The text of a Word document (ECMA-376, WordprocessingML) as blocks. Layout and pictures stay in the file."""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from transfer.adapters.packet.narrative.blocks import (
    Block,
    Cell,
    Heading,
    NarrativeTable,
    Paragraph,
    Remark,
    gridded,
    unmarked,
)
from transfer.adapters.packet.narrative.elements import raised
from transfer.adapters.packet.narrative.symbols import draws_signs, sign
from transfer.errors import Unreadable

#: bytes that a document may unpack to
_LARGEST: Final = 64 << 20
_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_ALTERNATIVE: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_DEPTH: Final = 60
_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f]{1,4}")
_NOTES: Final = (("footnotes", "Footnotes"), ("endnotes", "Endnotes"), ("comments", "Comments"))
_LEAVES: Final[dict[str, Callable[[Any], str]]] = {
    **dict.fromkeys((f"{_W}t", f"{_W}delText"), lambda element: element.text or ""),
    **dict.fromkeys((f"{_W}br", f"{_W}cr"), lambda _: "\n"),
    **dict.fromkeys((f"{_W}tab", f"{_W}ptab"), lambda _: "\t"),
    "{http://schemas.openxmlformats.org/officeDocument/2006/math}t": lambda element: element.text or "",
    f"{_W}fldChar": lambda element: _field(element),
    f"{_W}noBreakHyphen": lambda _: "-",
    f"{_W}sym": lambda element: _sign(element),
}
_REVISIONS: Final = {
    **dict.fromkeys((f"{_W}del", f"{_W}moveFrom"), "deleted"),
    **dict.fromkeys((f"{_W}ins", f"{_W}moveTo"), "inserted"),
}
_OFF: Final = ("0", "false", "off")
_COLUMNS: Final = 200
#: half points by which raised letters stand above others at least (17.3.2.24)
_RAISED: Final = 4
_SILENT: Final = frozenset({f"{_W}pPr", f"{_W}rPr", f"{_W}instrText"})
_PICTURES: Final = frozenset({f"{_W}drawing", f"{_W}pict", f"{_W}object"})


def word_document(data: bytes, _charset: str | None) -> Iterator[Block]:
    """Raises: Unreadable: it is no Word document, or unpacks to more than is read."""
    try:
        yield from list(_read(data))
    except Unreadable:
        raise
    except Exception:  # noqa: BLE001  # zipfile, zlib, lxml and python-docx each fail in their own ways, also late
        raise Unreadable("not a Word document") from None


def _read(data: bytes) -> Iterator[Block]:
    import docx

    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        if sum(one.file_size for one in packed.infolist()) > _LARGEST:
            raise Unreadable("a document that unpacks to too much")
    document = docx.Document(io.BytesIO(data))
    seen = _Seen()
    head = dict.fromkeys(text for section in document.sections for text in _lines(section.header._element, seen))
    yield from (Paragraph(line) for line in head)
    yield from _blocks(document.element.body, seen, 0)
    yield from _notes(document.part, seen)
    foot = dict.fromkeys(text for section in document.sections for text in _lines(section.footer._element, seen))
    yield from (Paragraph(line) for line in foot)
    if seen.hidden:
        yield Remark("Some text is hidden in the file, and not shown here.")
    if next(document.element.body.iter(f"{_W}altChunk"), None) is not None:
        yield Remark("A part of the file is a document of its own that is not shown here.")
    if seen.pictures:
        yield Remark(
            f"The file holds {seen.pictures} picture{'' if seen.pictures == 1 else 's'} that are not shown here."
        )


class _Seen:
    """What was met and cannot be drawn as text."""

    def __init__(self) -> None:
        self.pictures = 0
        self.hidden = False


def _notes(part: Any, seen: _Seen) -> Iterator[Block]:
    from docx.oxml import parse_xml

    for relation in part.rels.values():
        for kind, title in _NOTES:
            if relation.reltype.endswith(f"/{kind}") and not relation.is_external:
                lines = [line for line in _lines(parse_xml(relation.target_part.blob), seen) if line.strip()]
                if lines:
                    yield Heading(title)
                    yield from (Paragraph(line) for line in lines)


def _lines(element: Any, seen: _Seen) -> list[str]:
    return [line for block in _blocks(element, seen, 0) for line in _of(block)]


def _of(block: Block) -> Iterable[str]:
    match block:
        case Paragraph(text) | Heading(text):
            return (text,)
        case NarrativeTable():
            return block.lines()
        case _:
            return ()


def _blocks(container: Any, seen: _Seen, depth: int) -> Iterator[Block]:
    """Paragraphs and tables, through whatever holds them."""
    if depth > _DEPTH:
        raise Unreadable("a document beyond all measure")
    for child in container:
        if child.tag == f"{_W}p":
            yield from _paragraph(child, seen)
        elif child.tag == f"{_W}tbl":
            yield _table(child, seen, depth)
        elif isinstance(child.tag, str) and child.tag not in (f"{_W}sectPr", f"{_W}tblPr", f"{_W}tcPr", f"{_W}trPr"):
            yield from _blocks(child, seen, depth + 1)


def _paragraph(paragraph: Any, seen: _Seen) -> Iterator[Block]:
    text = unmarked("".join(_text(paragraph, seen, 0))).strip("\n")
    if not text.strip():
        return
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    name = (style.get(f"{_W}val") or "").lower() if style is not None else ""
    if name.startswith(("heading", "title")):
        level = int(name[-1]) + 1 if name[-1:].isdigit() else 1
        yield Heading(text.replace("\n", " "), min(level, 6))
        return
    level = paragraph.find(f"{_W}pPr/{_W}numPr/{_W}ilvl")
    if paragraph.find(f"{_W}pPr/{_W}numPr") is not None or name.startswith("list"):
        depth = int(level.get(f"{_W}val") or 0) if level is not None else 0
        yield Paragraph(f"• {text}", min(depth, 8) + 1)
    else:
        yield Paragraph(text)


def _text(element: Any, seen: _Seen, depth: int) -> Iterator[str]:
    """The text of a paragraph's runs, with what was deleted and inserted said (ECMA-376 part 1, section 17.13.5)."""
    if depth > _DEPTH:
        raise Unreadable("a document beyond all measure")
    for child in element:
        if child.tag in _LEAVES:
            yield _LEAVES[child.tag](child)
        elif child.tag in _REVISIONS:
            yield f"[{_REVISIONS[child.tag]}: {''.join(_text(child, seen, depth + 1))}]"
        elif child.tag == _ALTERNATIVE:
            yield from _text(child[0], seen, depth + 1) if len(child) else ()
        elif isinstance(child.tag, str) and child.tag not in _SILENT and not _is_hidden(child):
            seen.pictures += child.tag in _PICTURES and not list(child.iter(f"{_W}txbxContent"))
            said = "".join(_text(child, seen, depth + 1))
            yield _run(child, said) if child.tag == f"{_W}r" else said
            if child.tag == f"{_W}p":
                yield "\n"
        elif child.tag == f"{_W}r":
            seen.hidden |= any(True for _ in child.iter(f"{_W}t"))


def _run(run: Any, said: str) -> str:
    """The text of a run as its properties have it: struck out, raised (ECMA-376 part 1, 17.3.2.9, 37 and 42)."""
    if not said.strip():
        return said
    place = run.find(f"{_W}rPr/{_W}vertAlign")
    above = run.find(f"{_W}rPr/{_W}position")
    height = above.get(f"{_W}val") or "" if above is not None else ""
    is_up = height.isdecimal() and int(height[:4]) >= _RAISED
    if is_up or (place is not None and place.get(f"{_W}val") == "superscript"):
        said = raised(said)
    return f"[deleted: {said}]" if _has(run, "strike") or _has(run, "dstrike") else said


def _has(run: Any, name: str) -> bool:
    """A property that is on or off (17.17.4)."""
    found = run.find(f"{_W}rPr/{_W}{name}")
    return found is not None and found.get(f"{_W}val") not in _OFF


def _sign(element: Any) -> str:
    """A letter of a font that draws signs (17.3.3.30). What names no letter is none."""
    font, code = element.get(f"{_W}font") or "", element.get(f"{_W}char") or ""
    if not _HEXADECIMAL.fullmatch(code):
        return ""
    letter = chr(int(code, 16))
    return sign(font, letter) if draws_signs(font) else letter


def _field(element: Any) -> str:
    """What stands in a field of a form (17.16.7 and 9): its tick, or what was chosen of its list."""
    if (box := element.find(f"{_W}ffData/{_W}checkBox")) is not None:
        # what it was made with counts until somebody ticks it
        said = box.find(f"{_W}checked") if box.find(f"{_W}checked") is not None else box.find(f"{_W}default")
        return "☒ " if said is not None and said.get(f"{_W}val") not in _OFF else "☐ "
    if (choices := element.find(f"{_W}ffData/{_W}ddList")) is not None:
        chosen = (
            choices.find(f"{_W}result") if choices.find(f"{_W}result") is not None else choices.find(f"{_W}default")
        )
        number = chosen.get(f"{_W}val") or "" if chosen is not None else "0"
        entries = choices.findall(f"{_W}listEntry")
        if number.isdecimal() and len(number) < 4 and int(number) < len(entries):
            return entries[int(number)].get(f"{_W}val") or ""
    return ""


def _is_hidden(element: Any) -> bool:
    return element.tag == f"{_W}r" and _has(element, "vanish")


def _table(table: Any, seen: _Seen, depth: int) -> NarrativeTable:
    rows: list[list[tuple[Cell, bool]]] = []
    heads = 0
    for row in table.iter(f"{_W}tr"):
        if row.getparent() is not table and _nearest_table(row) is not table:
            continue
        is_head = row.find(f"{_W}trPr/{_W}tblHeader") is not None
        heads += is_head and heads == len(rows)
        cells = [
            _cell(cell, seen, depth, is_heading=is_head)
            for cell in row.iter(f"{_W}tc")
            if _nearest_table(cell) is table
        ]
        rows.append([*_before(row), *(_revised(row, *cell) for cell in cells)])
    return gridded([_merged(rows)], heading_rows=heads)


def _before(row: Any) -> list[tuple[Cell, bool]]:
    """Columns that a row leaves out at its beginning (17.4.15)."""
    said = row.find(f"{_W}trPr/{_W}gridBefore")
    number = said.get(f"{_W}val") or "" if said is not None else ""
    return [(Cell("", columns=int(number)), False)] if number.isdecimal() and 0 < int(number[:4]) < _COLUMNS else []


def _revised(row: Any, cell: Cell, goes_on: bool) -> tuple[Cell, bool]:
    """A cell of a row that was deleted or inserted says so (17.13.5.12 and 17)."""
    for name, said in (("del", "deleted"), ("ins", "inserted")):
        if row.find(f"{_W}trPr/{_W}{name}") is not None and cell.text.strip():
            return replace(cell, text=f"[{said}: {cell.text}]"), goes_on
    return cell, goes_on


def _nearest_table(element: Any) -> Any:
    above = element.getparent()
    while above is not None and above.tag != f"{_W}tbl":
        above = above.getparent()
    return above


def _cell(cell: Any, seen: _Seen, depth: int, *, is_heading: bool) -> tuple[Cell, bool]:
    """A cell, and whether it goes on from the one above (ECMA-376 part 1, section 17.4.84)."""
    text = "\n".join(line for block in _blocks(cell, seen, depth + 1) for line in _of(block))
    span = cell.find(f"{_W}tcPr/{_W}gridSpan")
    merge = cell.find(f"{_W}tcPr/{_W}vMerge")
    columns = int(span.get(f"{_W}val") or 1) if span is not None else 1
    goes_on = merge is not None and merge.get(f"{_W}val") != "restart"
    return Cell(text, is_heading, columns), goes_on


def _merged(rows: list[list[tuple[Cell, bool]]]) -> list[list[Cell]]:
    """Cells that go on from above as spans of rows."""
    spans: list[dict[int, int]] = []
    above: dict[int, tuple[int, int]] = {}
    for number, row in enumerate(rows):
        column, here, own = 0, dict[int, tuple[int, int]](), dict[int, int]()
        for cell, goes_on in row:
            if goes_on and column in above:
                here[column] = above[column]
                at, key = above[column]
                spans[at][key] += 1
            else:
                own[column] = 1
                here[column] = (number, column)
            column += cell.columns
        spans.append(own)
        above = here
    made = []
    for number, row in enumerate(rows):
        column, cells = 0, []
        for cell, _ in row:
            if column in spans[number]:
                cells.append(Cell(cell.text, cell.is_heading, cell.columns, spans[number][column]))
            column += cell.columns
        made.append(cells)
    return made
