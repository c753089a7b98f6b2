"""Drawing pages of our own for documents that have text but no pages, or pictures, or nothing that can be shown."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from transfer.adapters.packet.narrative import Block
from transfer.adapters.packet.pdf_drawing import draw, texts
from transfer.adapters.packet.pdf_text import ACCENT, GREY, MARGIN, RULE, Pages, undrawable
from transfer.adapters.packet.pictures import PicturePage


def rendered(
    spec: Mapping[str, Any], document: Mapping[str, Any], blocks: Sequence[Block], *, is_first: bool = True
) -> bytes:
    """A document's text as pages: a derivative, which says so at its head. What goes on after others has none."""
    if is_first:
        said = "Drawn for reading from the file below; where the two differ, the file counts."
        pages = _document_head(spec, document, said)
    else:
        pages = _pages(spec)
    _draw(pages, document, blocks)
    return pages.finished()


def _draw(pages: Pages, document: Mapping[str, Any], blocks: Sequence[Block]) -> None:
    """Its blocks; what of them cannot be drawn is counted in `undrawn`."""
    document["undrawn"].update(undrawable(texts(blocks)))
    draw(pages, blocks)


def document_head(spec: Mapping[str, Any], document: Mapping[str, Any], blocks: Sequence[Block]) -> bytes:
    """A page before a document's own, which says what they do not show."""
    pages = _document_head(spec, document, "Its own pages follow after this one.")
    _draw(pages, document, blocks)
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
