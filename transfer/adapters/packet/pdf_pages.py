"""Drawing pages of our own: the title page, the contents, and documents that have text but no pages."""

import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

import font_roboto  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from transfer.adapters.packet.narrative import Block, Embedded, Heading, NarrativeTable, Paragraph

_INK: Final = (24, 32, 40)
_GREY: Final = (92, 102, 112)
_ACCENT: Final = (0, 82, 122)
_MARGIN: Final = 54
_WIDEST_TABLE: Final = 9
#: characters of a cell in a table of one column; a row may not become taller than a page
_MAX_CELL: Final = 1_800
_MOST_ROWS: Final = 2_000


@dataclass(frozen=True, slots=True)
class PageLink:
    """A place on one of our pages that leads to a page of the whole file. Points, from the lower left corner."""

    page: int
    rectangle: tuple[float, float, float, float]
    document: int


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(TTFont(font_roboto.Roboto).getBestCmap())


def drawable(text: str) -> str:
    """The text with every character the font cannot draw shown as one that says so (U+FFFD)."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(
        c if ord(c) in _glyphs() or c == "\n" else "\ufffd" for c in composed if c == "\n" or c.isprintable()
    )


class Pages(FPDF):  # type: ignore[misc]  # fpdf2 ships no types
    """Letter-size pages in one font that ships with us, so that no name fails to print."""

    def __init__(self, *, created_at: datetime, footer: str) -> None:
        super().__init__(format="letter", unit="pt")
        self._footer = drawable(footer)
        self.set_creation_date(created_at)
        self.set_margin(_MARGIN)
        self.set_auto_page_break(True, margin=_MARGIN + 6)
        self.add_font("Roboto", "", font_roboto.Roboto)
        self.add_font("Roboto", "B", font_roboto.RobotoBold)
        self.add_page()

    def footer(self) -> None:
        """Called by fpdf2 at the end of each page."""
        self.set_y(-40)
        self.set_font("Roboto", "", 8)
        self.set_text_color(*_GREY)
        self.cell(0, 10, self._footer, align="L")

    def write_line(self, text: str, *, size: float = 10, bold: bool = False, colour: Sequence[int] = _INK) -> None:
        self.set_font("Roboto", "B" if bold else "", size)
        self.set_text_color(*colour)
        self.multi_cell(0, size * 1.38, drawable(text), new_x="LMARGIN", new_y="NEXT", align="L")

    def heading(self, text: str, *, size: float = 13) -> None:
        """Never left alone at the foot of a page."""
        if self.will_page_break(size + 76):
            self.add_page()
        self.ln(size * 0.7)
        self.write_line(text, size=size, bold=True, colour=_ACCENT)
        self.ln(2)

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Label and value, side by side."""
        for label, value in rows:
            top = self.get_y()
            self.set_font("Roboto", "", 10)
            self.set_text_color(*_GREY)
            self.cell(110, 14, drawable(label))
            self.set_text_color(*_INK)
            self.set_font("Roboto", "B" if label == "Patient" else "", 10)
            self.multi_cell(0, 14, drawable(value), new_x="LMARGIN", new_y="NEXT", align="L")
            self.set_y(max(self.get_y(), top + 14))

    def rows(self, heading: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int] | None = None) -> None:
        """A ruled table; its heading is repeated on every page."""
        self.set_font("Roboto", "", 9)
        self.set_text_color(*_INK)
        self.set_draw_color(200, 206, 212)
        style = FontFace(emphasis="BOLD", color=_GREY)
        with self.table(
            col_widths=tuple(widths) if widths else None,
            headings_style=style,
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            line_height=12.5,
            padding=(3, 4),
            text_align="LEFT",
        ) as table:
            for row in (heading, *rows):
                table.row([drawable(cell) for cell in row])

    def finished(self) -> bytes:
        return bytes(self.output())


def title_pages(spec: Mapping[str, Any], starts: Mapping[int, int], front: int) -> tuple[Pages, list[PageLink]]:
    """Title page and contents. `starts` is each document's first page within its part, which follows `front` pages."""
    pages = _pages(spec)
    pages.write_line("Records packet", size=24, bold=True, colour=_ACCENT)
    pages.write_line("for a second opinion", size=13, colour=_GREY)
    pages.ln(10)
    pages.facts(spec["facts"])
    if spec["question"]:
        pages.heading("Question asked")
        pages.write_line(spec["question"])
    links = _contents(pages, spec, starts, front)
    _images(pages, spec)
    _lists(pages, spec)
    pages.heading("About this file")
    for sentence in spec["about"]:
        pages.write_line(sentence, size=9.5)
        pages.ln(3)
    return pages, links


def rendered(spec: Mapping[str, Any], document: Mapping[str, Any], text: Sequence[Block]) -> bytes:
    """A document's text as pages: a derivative, and each says so at its head."""
    pages = _document_head(
        spec, document, "Drawn for reading from the file below; where the two differ, the file counts."
    )
    for block in text:
        _draw(pages, block)
    return pages.finished()


def pictured(spec: Mapping[str, Any], pictures: Sequence[Any]) -> bytes:
    """Scanned pages, each picture on a page of its own, as large as fits."""
    pages = _pages(spec)
    for n, picture in enumerate(pictures):
        if n:
            pages.add_page()
        pages.image(picture, x=_MARGIN, y=_MARGIN, w=pages.epw, h=pages.eph - 12, keep_aspect_ratio=True)
    return pages.finished()


def notice_page(spec: Mapping[str, Any], document: Mapping[str, Any], why: str) -> bytes:
    """One page that stands for a document that cannot be shown here."""
    pages = _document_head(spec, document, why)
    pages.ln(6)
    pages.write_line("Open the file itself; it is in the packet exactly as it was received.")
    return pages.finished()


def _pages(spec: Mapping[str, Any]) -> Pages:
    return Pages(created_at=datetime.fromisoformat(spec["created_at"]), footer=spec["footer"])


def _document_head(spec: Mapping[str, Any], document: Mapping[str, Any], sentence: str) -> Pages:
    pages = _pages(spec)
    pages.write_line(f"{document['number']}  {document['title']}", size=15, bold=True, colour=_ACCENT)
    pages.write_line(" · ".join((document["section"], document["date"], document["source"], document["status"])))
    pages.ln(4)
    pages.write_line(sentence, size=9, colour=_GREY)
    pages.write_line(f"{document['path']} · SHA-256 {document['sha256']}", size=7.5, colour=_GREY)
    pages.ln(4)
    pages.set_draw_color(200, 206, 212)
    pages.line(_MARGIN, pages.get_y(), _MARGIN + pages.epw, pages.get_y())
    pages.ln(8)
    return pages


def _draw(pages: Pages, block: Block) -> None:
    match block:
        case Heading(text):
            pages.heading(text, size=11.5)
        case Paragraph(text) if text:
            pages.write_line(_indented(text))
            pages.ln(2)
        case Paragraph():
            pages.ln(7)
        case NarrativeTable(rows):
            _draw_table(pages, rows)
        case Embedded():
            pages.write_line("(a document carried inside; it is in the file itself)", colour=_GREY)


def _indented(text: str) -> str:
    """Leading spaces as ones that fpdf2 does not drop."""
    return "\u00a0" * (len(text) - len(text.lstrip(" "))) + text.lstrip(" ")


def _draw_table(pages: Pages, rows: Sequence[Sequence[str]]) -> None:
    """As a table where it fits one, else row by row."""
    width = max(map(len, rows))
    longest = max((len(cell) for row in rows for cell in row), default=0)
    if width > 1 and width <= _WIDEST_TABLE and longest <= _MAX_CELL // width and 1 < len(rows) <= _MOST_ROWS:
        even = [(*row, *[""] * (width - len(row))) for row in rows]
        pages.rows(even[0], even[1:], _widths(even))
    else:
        for row in rows:
            pages.write_line("  |  ".join(row), size=9)
    pages.ln(6)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Columns by the length of what they hold, but none narrower than its longest word."""
    return [max(min(max(map(len, column)), 40), _longest_word(column) + 4) for column in zip(*rows, strict=True)]


def _longest_word(column: Sequence[str]) -> int:
    return min(max((len(word) for cell in column for word in cell.split()), default=1), 16)


def _contents(pages: Pages, spec: Mapping[str, Any], starts: Mapping[int, int], front: int) -> list[PageLink]:
    pages.heading("Documents")
    links: list[PageLink] = []
    if not spec["documents"]:
        pages.write_line("None.")
    section = None
    for document in spec["documents"]:
        if document["section"] != section:
            section = document["section"]
            if pages.will_page_break(56):
                pages.add_page()
            pages.ln(4)
            pages.write_line(section, size=10.5, bold=True)
        with _linked(pages, document["number"], links):
            _contents_row(pages, document, starts[document["number"]] + front)
    return links


def _contents_row(pages: Pages, document: Mapping[str, Any], page: int) -> None:
    top = pages.get_y()
    pages.set_font("Roboto", "", 9.5)
    pages.set_text_color(*_INK)
    remark = f" — {'; '.join(document['remarks'])}" if document["remarks"] else ""
    for x, width, text, align in (
        (0, 22, str(document["number"]), "R"),
        (30, 72, document["date"], "L"),
        (pages.epw - 44, 44, f"p. {page}", "R"),
    ):
        pages.set_xy(_MARGIN + x, top)
        pages.cell(width, 13, drawable(text), align=align)
    pages.set_xy(_MARGIN + 104, top)
    text = f"{document['title']} · {document['source']} · {document['status']}{remark}"
    pages.multi_cell(pages.epw - 152, 13, drawable(text), new_x="LMARGIN", new_y="NEXT", align="L")
    pages.ln(2)


@contextmanager
def _linked(pages: Pages, document: int, links: list[PageLink]) -> Iterator[None]:
    """Remember where on the page something is drawn; it is kept on one page."""
    if pages.will_page_break(42):
        pages.add_page()
    top = pages.get_y()
    yield
    links.append(
        PageLink(pages.page_no() - 1, (_MARGIN, pages.h - pages.get_y(), pages.w - _MARGIN, pages.h - top), document)
    )


def _images(pages: Pages, spec: Mapping[str, Any]) -> None:
    if spec["imaging"]:
        pages.heading("Images")
        pages.rows(("Date", "Study", "From", "Series", "Images"), spec["imaging"], (16, 40, 34, 10, 10))
        pages.ln(3)
        pages.write_line(
            "The images are in the folder data; open data/DICOMDIR with a DICOM viewer.", size=9, colour=_GREY
        )


def _lists(pages: Pages, spec: Mapping[str, Any]) -> None:
    pages.heading("Still missing")
    if not spec["missing"]:
        pages.write_line("Nothing on the checklist.")
    for label, sentence in spec["missing"]:
        if pages.will_page_break(44):
            pages.add_page()
        pages.write_line(label, bold=True)
        pages.write_line(sentence)
        pages.ln(3)
    if spec["material"]:
        pages.heading("Slides and blocks")
        heading = ("Accession no.", "What", "Expected", "Received", "State", "Due back")
        pages.rows(heading, spec["material"], (18, 38, 12, 12, 14, 16))


def picture_frames(data: bytes, most: int) -> list[io.BytesIO]:
    """The pages of a scanned picture as PNG; TIFF has several. Bounded by Pillow's own limit on pixels."""
    from PIL import Image, ImageSequence

    Image.MAX_IMAGE_PIXELS = 60_000_000
    frames = []
    with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "TIFF")) as picture:
        for n, frame in enumerate(ImageSequence.Iterator(picture)):
            if n >= most:
                break
            kept = io.BytesIO()
            frame.convert("L" if frame.mode in ("1", "L", "I;16") else "RGB").save(kept, "PNG")
            frames.append(kept)
    return frames
