"""The text of an RTF file (Rich Text Format 1.9.1) as blocks. Layout and pictures stay in the file."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from transfer.adapters.packet.narrative.blocks import (
    STRUCK,
    Block,
    FixedWidth,
    Paragraph,
    Remark,
    plain_table,
    unmarked,
)
from transfer.adapters.packet.narrative.elements import raised
from transfer.adapters.packet.narrative.rtf_source import DELETED, HIDDEN, RAISED, Source
from transfer.errors import Unreadable

#: what stands for a table's parts while the library reads: it tells none of them from text
_BEGIN, _CELL, _ROW, _NOTE = "\ue000", "\ue001", "\ue002", "\ue003"
_PARTS: Final = tuple(
    (re.compile(rf"(?<!\\)\\(?:{words})(?![a-z])"), stands_for)
    for words, stands_for in (("trowd", _BEGIN), ("(?:nest)?cell", _CELL), ("row", _ROW), ("footnote", _NOTE))
)
#: stands where the row of a nested table ends, in a group that the library leaves out
_NESTED_ROW: Final = re.compile(r"\{\\\*\\nesttableprops(?![a-z])")
#: what goes in one line, by what ends one
_PIECE: Final = re.compile(rf"[^\n{_BEGIN}-{_NOTE}]+")
_COMMENT: Final = re.compile(r"\\annotation(?![a-z])")
_PICTURE: Final = re.compile(r"\\pict(?![a-z])")
_FORM: Final = re.compile(r"FORM(?:CHECKBOX|DROPDOWN)\b")
_PAGE_HEAD: Final = re.compile(r"\\(?:header|footer)[lrf]?(?![a-z])")


def rich_text(data: bytes, _charset: str | None) -> Iterator[Block]:
    """Its letters are those of its code pages and fonts.

    Raises:
        Unreadable: it does not begin as RTF does.
    """
    text = data.decode("latin-1")
    if not text.lstrip("\ufeff\xef\xbb\xbf \r\n\0").startswith("{\\rtf"):
        raise Unreadable("not RTF")
    source = Source(text)
    yield from _blocks(_read(source.text))
    for box in source.boxes:
        if found := list(_blocks(_read(box))):
            yield Remark("In a box on the page:")
            yield from found
    yield from _remarks(text, is_hidden=HIDDEN[0] in source.text or f"\\u{ord(HIDDEN[0])} " in source.text)


def _read(source: str) -> str:
    """The letters of a source, with the marks that stand in it."""
    from striprtf.striprtf import rtf_to_text

    for pattern, stands_for in _PARTS:
        source = pattern.sub(rf"{{\\uc0\\u{ord(stands_for)} }}", source)
    source = _NESTED_ROW.sub(lambda found: f"{{\\uc0\\u{ord(_ROW)} }}{found[0]}", source)
    try:
        read = rtf_to_text(source, errors="replace")
    except (LookupError, ValueError, OverflowError):
        raise Unreadable("not RTF that is read") from None
    return _marked(unmarked(_paired(read)))


def _marked(text: str) -> str:
    """What is deleted says so, what is raised is, and what is hidden is left out."""
    text = _between(HIDDEN, text, lambda _: "")
    text = _between(RAISED, text, raised)
    return _between(
        DELETED, text, lambda said: _PIECE.sub(lambda one: f"[deleted: {STRUCK}{one[0].strip()}{STRUCK}]", said)
    )


def _between(marks: tuple[str, str], text: str, shown: Callable[[str], str]) -> str:
    begin, end = marks
    found = re.sub(rf"{begin}([^{begin}{end}]*){end}", lambda one: shown(one[1]), text)
    return found.replace(begin, "").replace(end, "")


def _paired(text: str) -> str:
    """Characters beyond the first plane come as two halves."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _blocks(text: str) -> Iterator[Block]:
    *pieces, rest = text.split(_ROW)
    rows: list[list[str]] = []
    for piece in pieces:
        before, row = _row(piece)
        if before.strip():
            yield from _flushed(rows)
            yield from _lines(before)
        cells = [cell.strip() for cell in row.replace(_BEGIN, "").split(_CELL)]
        if not cells[-1]:
            cells.pop()  # what ends a cell also ends the last one, where its writer did not forget it
        if any(cells):
            rows.append(cells)
    yield from _flushed(rows)
    yield from _lines(rest)


def _row(piece: str) -> tuple[str, str]:
    """What stands before a row, and the row: some writers define it before its cells, some after."""
    first = max(piece.find(_CELL), 0)
    begin = piece.rfind(_BEGIN, 0, first)
    if begin < 0:
        begin = piece.rfind("\n", 0, first) + 1
    return piece[:begin], piece[begin:]


def _flushed(rows: list[list[str]]) -> Iterator[Block]:
    if rows:
        yield plain_table(rows, heading_rows=0)
    rows.clear()


def _lines(text: str) -> Iterator[Block]:
    """Lines with columns stand together in one width."""
    columns: list[str] = []
    for line in text.replace(_BEGIN, "").replace(_CELL, "   ").replace(_NOTE, " (note:) ").split("\n"):
        if "\t" in line.strip() or "   " in line.strip():
            columns.append(line.expandtabs(8).rstrip())
            continue
        if columns:
            yield FixedWidth("\n".join(columns))
            columns = []
        if line.strip():
            yield Paragraph(line.strip())
    if columns:
        yield FixedWidth("\n".join(columns))


def _remarks(source: str, *, is_hidden: bool) -> Iterator[Remark]:
    if is_hidden:
        yield Remark("Some text is hidden in the file, and not shown here.")
    if _COMMENT.search(source):
        yield Remark("The file holds comments that are not shown here.")
    if _FORM.search(source):
        yield Remark("Which boxes are ticked and what was chosen from lists is not shown here.")
    if _PICTURE.search(source):
        yield Remark("The file holds pictures that are not shown here.")
    if _PAGE_HEAD.search(source):
        yield Remark("The heads and feet of its pages are not shown here.")
