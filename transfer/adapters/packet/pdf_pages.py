"""Drawing pages of our own: the title page, the contents, and documents that have text but no pages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from transfer.adapters.packet.narrative import Block, plain_table
from transfer.adapters.packet.pdf_drawing import draw, missing_letters
from transfer.adapters.packet.pdf_tables import draw_table
from transfer.adapters.packet.pdf_text import ACCENT, GREY, INK, MARGIN, RULE, TEXT, Pages, drawable
from transfer.adapters.packet.pictures import PicturePage

#: lines of one row of the contents
_MOST_LINES: Final = 30


@dataclass(frozen=True, slots=True)
class PageLink:
    """A place on one of our pages that leads to a page of the whole file. Points, from the lower left corner."""

    page: int
    rectangle: tuple[float, float, float, float]
    document: int


def title_pages(spec: Mapping[str, Any], starts: Mapping[int, int], front: int) -> tuple[Pages, list[PageLink]]:
    """Title page and contents. `starts` is each document's first page within its part, which follows `front` pages."""
    pages = _pages(spec)
    pages.write_line("Records packet", size=24, bold=True, colour=ACCENT)
    pages.write_line("for a second opinion", size=13, colour=GREY)
    pages.ln(10)
    pages.facts(spec["facts"])
    if sentence := missing_letters(_said(spec), whole="The page index.html"):
        pages.write_line(sentence, size=9, bold=True)
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


def _said(spec: Mapping[str, Any]) -> Iterator[str]:
    """What the title page and the contents say in others' words."""
    yield from (value for _, value in spec["facts"])
    yield spec["question"] or ""
    yield from (text for document in spec["documents"] for text in (document["title"], document["source"]))


def rendered(
    spec: Mapping[str, Any], document: Mapping[str, Any], blocks: Sequence[Block], *, is_first: bool = True
) -> bytes:
    """A document's text as pages: a derivative, which says so at its head. What goes on after others has none."""
    if is_first:
        said = "Drawn for reading from the file below; where the two differ, the file counts."
        pages = _document_head(spec, document, said)
    else:
        pages = _pages(spec)
    draw(pages, blocks)
    return pages.finished()


def document_head(spec: Mapping[str, Any], document: Mapping[str, Any], blocks: Sequence[Block]) -> bytes:
    """A page before a document's own, which says what they do not show."""
    pages = _document_head(spec, document, "Its own pages follow after this one.")
    draw(pages, blocks)
    return pages.finished()


def pictured(spec: Mapping[str, Any], frames: Sequence[PicturePage]) -> bytes:
    """Scanned pages, each picture on a page of its own that lies as it does, as large as fits."""
    pages = Pages(created_at=datetime.fromisoformat(spec["created_at"]), footer=spec["footer"], is_begun=False)
    for frame in frames:
        is_wide = frame.width_points > frame.height_points * 1.1
        pages.add_page(orientation="L" if is_wide else "P")
        room = pages.epw, pages.eph - 12
        scale = min(room[0] / frame.width_points, room[1] / frame.height_points)
        width, height = frame.width_points * scale, frame.height_points * scale
        pages.image(frame.data, x=MARGIN + (room[0] - width) / 2, y=MARGIN, w=width, h=height)
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
    pages.write_line(f"{document['number']}  {document['title']}", size=15, bold=True, colour=ACCENT)
    pages.write_line(" · ".join((document["section"], document["date"], document["source"], document["status"])))
    pages.ln(4)
    pages.write_line(sentence, size=9, colour=GREY)
    pages.write_line(f"{document['path']} · SHA-256 {document['sha256']}", size=7.5, colour=GREY)
    pages.ln(4)
    pages.set_draw_color(*RULE)
    pages.line(MARGIN, pages.get_y(), MARGIN + pages.epw, pages.get_y())
    pages.ln(8)
    return pages


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
        links.append(_contents_row(pages, document, starts[document["number"]] + front))
    return links


def _contents_row(pages: Pages, document: Mapping[str, Any], page: int) -> PageLink:
    """A row, kept on one page, and where it is."""
    remark = f" — {'; '.join(document['remarks'])}" if document["remarks"] else ""
    text = f"{document['title']} · {document['source']} · {document['status']}{remark}"
    pages.face(TEXT, 9.5)
    lines = pages.lines_of(drawable(text), pages.epw - 152)[:_MOST_LINES]
    if pages.will_page_break(13 * len(lines) + 4):
        pages.add_page()
    top = pages.get_y()
    pages.face(TEXT, 9.5)
    pages.set_text_color(*INK)
    for x, width, said, align in (
        (0, 22, str(document["number"]), "R"),
        (30, 72, document["date"], "L"),
        (pages.epw - 44, 44, f"p. {page}", "R"),
    ):
        pages.set_xy(MARGIN + x, top)
        pages.line_of(drawable(said), width, 13, align)
    for n, line in enumerate(lines):
        pages.set_xy(MARGIN + 104, top + 13 * n)
        pages.line_of(line, pages.epw - 152, 13)
    foot = top + 13 * len(lines)
    pages.set_xy(MARGIN, foot + 2)
    return PageLink(pages.page_no() - 1, (MARGIN, pages.h - foot, pages.w - MARGIN, pages.h - top), document["number"])


def _images(pages: Pages, spec: Mapping[str, Any]) -> None:
    if spec["imaging"]:
        pages.heading("Images")
        draw_table(pages, plain_table([("Date", "Study", "From", "Series", "Images"), *spec["imaging"]]))
        pages.ln(3)
        pages.write_line(
            "The images are in the folder data; open data/DICOMDIR with a DICOM viewer.", size=9, colour=GREY
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
        draw_table(pages, plain_table([heading, *spec["material"]]))
