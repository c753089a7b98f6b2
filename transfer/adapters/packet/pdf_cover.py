"""The first pages of `records.pdf`: the case in five lines, a timeline, the contents, the images, what is not here."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from transfer.adapters.packet.narrative import plain_table
from transfer.adapters.packet.pdf_drawing import missing_letters
from transfer.adapters.packet.pdf_tables import draw_table
from transfer.adapters.packet.pdf_text import ACCENT, GREY, INK, MARGIN, RULE, TEXT, Pages, drawable

#: side of a thumbnail, and what a row of them is high with its captions
_SIDE: Final = 78
_ROW: Final = _SIDE + 38
_ACROSS: Final = 6
_LINE: Final = 13.0
#: lines of one row of a list
_MOST_LINES: Final = 12
_CAPTION_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class PageLink:
    """A place on one of our pages that leads to a page of the whole file. Points, from the lower left corner."""

    page: int
    rectangle: tuple[float, float, float, float]
    #: the number of the entry that stands there
    entry: int


class _Cover(Pages):
    """The pages, where each entry begins in the whole file, and the places that lead there."""

    def __init__(self, spec: Mapping[str, Any], at: Mapping[int, int]) -> None:
        super().__init__(created_at=datetime.fromisoformat(spec["created_at"]), footer=spec["footer"])
        self.at = at
        self.links: list[PageLink] = []

    def rule(self) -> None:
        self.set_draw_color(*RULE)
        self.line(MARGIN, self.get_y(), MARGIN + self.epw, self.get_y())

    def labelled(self, rows: Sequence[tuple[str, str]], *, size: float) -> None:
        """Label and value, side by side; both go on over the foot of a page."""
        for label, value in rows:
            if self.will_page_break(size * 3):
                self.add_page()
            top = self.get_y()
            self.face(TEXT, size)
            self.set_text_color(*GREY)
            self.line_of(drawable(label), 90, size * 1.38)
            self.set_xy(MARGIN, top)
            self.write_line(value, size=size, indent=92)

    def row(self, day: str, text: str, entry: int | None) -> None:
        """A day, what there is of it, and the page where it stands: kept on one page."""
        self.face(TEXT, 9.5)
        lines = _bounded(self.lines_of(drawable(text), self.epw - 132), _MOST_LINES)
        if self.will_page_break(_LINE * len(lines) + 4):
            self.add_page()
        top = self.get_y()
        self.face(TEXT, 9.5)
        self.set_text_color(*INK)
        self.line_of(drawable(day), 80, _LINE)
        page = self.at.get(entry) if entry is not None else None
        if page is not None:
            self.set_xy(MARGIN + self.epw - 44, top)
            self.line_of(f"p. {page}", 44, _LINE, "R")
        for number, line in enumerate(lines):
            self.set_xy(MARGIN + 84, top + _LINE * number)
            self.line_of(line, self.epw - 132, _LINE)
        foot = top + _LINE * len(lines)
        if page is not None and entry is not None:
            place = (MARGIN, self.h - foot, MARGIN + self.epw, self.h - top)
            self.links.append(PageLink(self.page_no() - 1, place, entry))
        self.set_xy(MARGIN, foot + 1.5)


def cover(spec: Mapping[str, Any], starts: Mapping[int, int], front: int) -> tuple[Pages, list[PageLink]]:
    """All of it. `starts` is the first page of each entry within its part, which follows `front` pages."""
    pages = _Cover(spec, {entry: start + front for entry, start in starts.items()})
    _case(pages, spec)
    _list(pages, "Withdrawn", spec["void"], spec["withdrawn"])
    if spec["timeline"]:
        pages.heading("Timeline")
        for row in spec["timeline"]:
            pages.row(row["day"], row["what"], row["entry"])
    _contents(pages, spec)
    _images(pages, spec)
    _list(pages, "Not in this packet", spec["not_here"], spec["missing"])
    if spec["material"]:
        pages.heading("Slides and blocks")
        draw_table(pages, plain_table([("Accession no.", "What", "Received", "State", "Due back"), *spec["material"]]))
    pages.heading("About this file")
    for sentence in spec["about"]:
        pages.write_line(sentence, size=9.5)
        pages.ln(3)
    return pages, pages.links


def _case(pages: _Cover, spec: Mapping[str, Any]) -> None:
    pages.write_line("Records packet for a second opinion", size=11, colour=GREY)
    pages.ln(2)
    pages.write_line(spec["name"], size=22, bold=True, colour=ACCENT)
    pages.ln(6)
    pages.labelled(spec["brief"], size=11)
    pages.ln(4)
    pages.rule()
    pages.ln(5)
    pages.labelled(spec["details"], size=8.5)
    if sentence := missing_letters(_said(spec), whole="The page index.html"):
        pages.write_line(sentence, size=9, bold=True)


def _said(spec: Mapping[str, Any]) -> Iterator[str]:
    """Others' words on these pages."""
    yield spec["name"]
    yield from (value for _, value in spec["brief"])
    for entry in spec["entries"]:
        yield from (entry["title"], entry["source"], *entry["remarks"])
    for study in spec["imaging"]:
        yield from (study["title"], *(series["words"] for series in study["series"]))


def _contents(pages: _Cover, spec: Mapping[str, Any]) -> None:
    pages.heading("Documents by kind")
    if not spec["entries"]:
        pages.write_line("None.")
    section = None
    for entry in spec["entries"]:
        if entry["section"] != section:
            section = entry["section"]
            if pages.will_page_break(56):
                pages.add_page()
            pages.ln(4)
            pages.write_line(section, size=10.5, bold=True)
        said = (str(entry["entry"]), entry["title"], entry["source"], entry["status"], *entry["remarks"])
        pages.row(entry["day"], " · ".join(said), entry["entry"])


def _images(pages: _Cover, spec: Mapping[str, Any]) -> None:
    if not spec["imaging"]:
        return
    pages.heading("Images")
    pages.write_line("They are in the folder data: open data/DICOMDIR with a DICOM viewer.", size=9, colour=GREY)
    for study in spec["imaging"]:
        if pages.will_page_break(_ROW + 44):
            pages.add_page()
        pages.ln(5)
        pages.write_line(f"{study['day']}   {study['title']}", size=10.5, bold=True)
        pages.write_line(" · ".join(study["words"]), size=9, colour=GREY)
        for report in study["reports"]:
            pages.row("Its report", report["what"], report["entry"])
        pages.ln(3)
        for first in range(0, len(study["series"]), _ACROSS):
            _pictures(pages, study["series"][first : first + _ACROSS])


def _pictures(pages: _Cover, series: Sequence[Mapping[str, Any]]) -> None:
    if pages.will_page_break(_ROW):
        pages.add_page()
    top, apart = pages.get_y(), pages.epw / _ACROSS
    for number, one in enumerate(series):
        left = MARGIN + number * apart
        if one["jpeg"]:
            picture = io.BytesIO(base64.b64decode(one["jpeg"]))
            pages.image(picture, x=left, y=top, w=_SIDE, h=_SIDE, keep_aspect_ratio=True)
        else:
            pages.set_draw_color(*RULE)
            pages.rect(left, top, _SIDE, _SIDE)
            _small(pages, one["why"], left + 4, top + 4, _SIDE - 8, GREY)
        _small(pages, one["words"], left, top + _SIDE + 2, apart - 6, INK, _CAPTION_LINES)
    pages.set_xy(MARGIN, top + _ROW)


def _small(
    pages: _Cover, text: str, left: float, top: float, wide: float, colour: Sequence[int], most: int = 8
) -> None:
    pages.face(TEXT, 7)
    pages.set_text_color(*colour)
    for number, line in enumerate(_bounded(pages.lines_of(drawable(text), wide), most)):
        pages.set_xy(left, top + 9 * number)
        pages.line_of(line, wide, 9)


def _bounded(lines: Sequence[str], most: int) -> Sequence[str]:
    """So many lines, with a sign that there is more."""
    return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1][:-1]}…"]


def _list(pages: _Cover, title: str, sentence: str, things: Sequence[str]) -> None:
    if not things:
        return
    pages.heading(title)
    pages.write_line(sentence)
    for one in things:
        pages.write_line(f"–  {one}", hang=9)
