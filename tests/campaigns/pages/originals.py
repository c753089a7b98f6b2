"""What an original says, read naively and apart from the product: its words in order, and where a table puts them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

_V3: Final = "{urn:hl7-org:v3}"
_INLINE: Final = frozenset(
    [
        "content",
        "sub",
        "sup",
        "a",
        "b",
        "i",
        "u",
        "span",
        "em",
        "strong",
        "font",
        "linkHtml",
        "linkhtml",
        "small",
        "code",
        "footnoteRef",
        "tt",
        "label",
    ]
)
_HIDDEN: Final = frozenset(["script", "style", "head", "template", "title"])


@dataclass(frozen=True, slots=True)
class Word:
    """A word, and the place in a table of the cell that it begins, if it does: table, row, column."""

    text: str
    begins: tuple[int, int, int] | None = None


def of_clinical_document(data: bytes) -> list[Word]:
    """Titles and narrative of every section."""
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, huge_tree=True, recover=True))
    words: list[Word] = []
    tables = iter(range(10_000))
    for section in root.iter(f"{_V3}section"):
        title, text = section.find(f"{_V3}title"), section.find(f"{_V3}text")
        if title is not None:
            words += [Word(one) for one in "".join(title.itertext()).split()]
        if text is not None:
            words += _words(text, tables)
    return words


def of_page(text: str) -> list[Word]:
    """A page of HTML."""
    root = etree.fromstring(text.encode(), etree.HTMLParser(encoding="utf-8"))
    return list(_words(root, iter(range(10_000))))


def of_text(text: str) -> list[Word]:
    return [Word(one) for one in text.split()]


def of_rich_text(data: bytes) -> list[Word]:
    """As the library reads it that we build upon, with its strokes between cells taken for spaces."""
    from striprtf.striprtf import rtf_to_text

    return of_text(rtf_to_text(data.decode("latin-1"), errors="replace").replace("|", " "))


def _words(element: Any, tables: Iterator[int]) -> list[Word]:
    """Words in the order in which they stand; a table's foot last."""
    words: list[Word] = []
    line = ""
    for kind, value in _events(element, tables):
        if kind == "text":
            line += value
            continue
        words += [Word(one) for one in line.split()]
        line = ""
        if kind == "cell":
            texts = [one.text for one in _words(value[3], tables)]
            words += [Word(one, value[:3] if not n else None) for n, one in enumerate(texts)]
    return words + [Word(one) for one in line.split()]


def _events(element: Any, tables: Iterator[int]) -> Iterator[tuple[str, Any]]:
    yield "text", element.text or ""
    for child in element:
        if isinstance(child.tag, str) and (name := etree.QName(child).localname) not in _HIDDEN:
            if name == "table":
                yield "break", None
                yield from _cells(child, tables)
            elif name in _INLINE or name in ("td", "th"):
                yield from _events(child, tables)
            else:
                yield "break", None
                yield from _events(child, tables)
                yield "break", None
        yield "text", child.tail or ""


def _cells(table: Any, tables: Iterator[int]) -> Iterator[tuple[str, Any]]:
    """The cells of a table by row, each with the column at which it begins: spans are counted by hand."""
    number = next(tables)
    captions = [one for one in table if isinstance(one.tag, str) and etree.QName(one).localname == "caption"]
    for caption in captions:
        yield from _events(caption, tables)
        yield "break", None
    rows = [one for one in table.iter("{*}tr") if _table_of(one) is table]
    feet = [one for one in rows if etree.QName(one.getparent()).localname == "tfoot"]
    blocked: dict[int, int] = {}
    for row_number, row in enumerate([one for one in rows if one not in feet] + feet):
        column, begun = 0, dict[int, int]()
        cells = [one for one in row if isinstance(one.tag, str) and etree.QName(one).localname in ("td", "th")]
        for cell in cells:
            while column in blocked:
                column += 1
            wide, high = _count(cell.get("colspan")), _count(cell.get("rowspan"))
            yield "cell", (number, row_number, column, cell)
            begun |= dict.fromkeys(range(column, column + wide), high)
            column += wide
        blocked = {n: left - 1 for n, left in (blocked | begun).items() if left > 1}


def _table_of(element: Any) -> Any:
    above = element.getparent()
    while above is not None and etree.QName(above).localname != "table":
        above = above.getparent()
    return above


def _count(text: str | None) -> int:
    return int(text) if text and re.fullmatch(r"[1-9]\d?", text) else 1
