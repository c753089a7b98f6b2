"""A header on every page of a document in `records.pdf`: its number, title, source and page.

Nothing is drawn over what came: a strip for the header is added above what is seen of a page.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, Final

import pikepdf

from transfer.adapters.packet.pdf_text import GREY, MARGIN, RULE, TEXT, Pages, drawable

#: of a header strip on a page of usual width, in points
STRIP: Final = 18.0
_WIDE: Final = 612.0
#: how the strip lies on a page that is turned by so many degrees (PDF 32000-1, 7.7.3.3)
_TURNED: Final = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Header:
    """`what` is cut where there is no room for it; `page` is that of the whole file."""

    what: str
    where: str
    page: int


def head(whole: pikepdf.Pdf, headers: Sequence[Header], first: int, created_at: datetime) -> None:
    """Put a header above each page from the `first` on (from 0)."""
    if not headers:
        return
    with pikepdf.open(io.BytesIO(_strips(headers, created_at))) as strips:
        for number, strip in enumerate(strips.pages, first):
            form = whole.copy_foreign(strip.as_form_xobject())
            _put(whole.pages[number], form, pikepdf.Name(f"/RecordsPacketHeader{number}"))


def _strips(headers: Sequence[Header], created_at: datetime) -> bytes:
    """Each header on a narrow page of its own."""
    strips = Pages(created_at=created_at, footer="", size=(_WIDE, STRIP), margin=MARGIN / 2, is_begun=False)
    strips.set_auto_page_break(False)
    for header in headers:
        strips.add_page()
        strips.set_draw_color(*RULE)
        strips.line(MARGIN / 2, STRIP - 3, _WIDE - MARGIN / 2, STRIP - 3)
        strips.face(TEXT, 8)
        strips.set_text_color(*GREY)
        room = _WIDE - MARGIN - 44
        where = _fitting(strips, header.where, room * 0.7)
        what = _fitting(strips, header.what, room - strips.width_of(where))
        for left, text, align in ((0.0, what + where, "L"), (room + 4, str(header.page), "R")):
            strips.set_xy(MARGIN / 2 + left, 2)
            strips.line_of(text, room if align == "L" else 40, STRIP - 6, align)
    return strips.finished()


def _fitting(strips: Pages, text: str, wide: float) -> str:
    """As much of it as fits in one line, with a sign that there is more."""
    line = " ".join(drawable(text).split("\n"))
    if strips.width_of(line) <= wide:
        return line
    few, many = 0, len(line)
    while few < many:
        middle = (few + many + 1) // 2
        few, many = (middle, many) if strips.width_of(f"{line[:middle]}…") <= wide else (few, middle - 1)
    return f"{line[:few]}…"


def _put(page: pikepdf.Page, strip: pikepdf.Object, name: pikepdf.Name) -> None:
    """Add the strip above what is seen of a page, as it is looked at."""
    x0, y0, x1, y1 = seen = _seen(page)
    turned = _turn(page)
    scale = min(max(((y1 - y0) if turned in (90, 270) else (x1 - x0)) / _WIDE, 0.3), 20.0)
    corner = {0: (x0, y1), 90: (x0, y0), 180: (x1, y0), 270: (x1, y1)}[turned]
    page.add_resource(strip, pikepdf.Name.XObject, name)
    placed = " ".join(f"{one:.4f}" for one in (*(one * scale for one in _TURNED[turned]), *corner))
    clip = f"{x0:.4f} {y0:.4f} {x1 - x0:.4f} {y1 - y0:.4f} re W n"
    # Drawn first, from a state that no page has touched yet. What the page draws is kept to what was seen of it.
    page.contents_add(f"q {placed} cm {name} Do Q q {clip} ".encode(), prepend=True)
    page.contents_add(b" Q", prepend=False)
    _enlarge(page, seen, turned, ceil(STRIP * scale))


def _enlarge(page: pikepdf.Page, seen: Box, turned: int, high: int) -> None:
    x0, y0, x1, y1 = seen
    larger = {
        0: (x0, y0, x1, y1 + high),
        90: (x0 - high, y0, x1, y1),
        180: (x0, y0 - high, x1, y1),
        270: (x0, y0, x1 + high, y1),
    }[turned]
    page.obj["/MediaBox"] = page.obj["/CropBox"] = pikepdf.Array(larger)


def _seen(page: pikepdf.Page) -> Box:
    """The crop box within the media box (PDF 32000-1, 14.11.2), or the media box, or a letter page."""
    media, crop = _box(page.mediabox), _box(page.cropbox)
    x0, y0, x1, y1 = max(media[0], crop[0]), max(media[1], crop[1]), min(media[2], crop[2]), min(media[3], crop[3])
    return (x0, y0, x1, y1) if x1 - x0 >= 1 and y1 - y0 >= 1 else media


def _box(said: Any) -> Box:
    try:
        x0, y0, x1, y1 = (float(one) for one in said)
    except (TypeError, ValueError):
        return 0, 0, 612, 792
    x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
    return (x0, y0, x1, y1) if x1 - x0 >= 1 and y1 - y0 >= 1 else (0, 0, 612, 792)


def _turn(page: pikepdf.Page) -> int:
    try:
        turned = int(page.rotation) % 360
    except (TypeError, ValueError, AttributeError):
        return 0
    return turned if turned in _TURNED else 0
