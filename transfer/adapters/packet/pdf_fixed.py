"""Lines in one width on pages of ours: their columns mean something, so a letter stays in its column.

Lines that are a little too long are drawn smaller; columns that need more turn the page. Text without columns, such as
a whole paragraph in one line, is broken between words.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from transfer.adapters.packet.pdf_text import FIXED, INK, MARGIN, Pages, drawable, is_fixed

_SIZE: Final = 9.0
_SMALLEST: Final = 7.0
#: and where columns are wider than a turned page
_TINY: Final = 5.0
#: points that a letter takes at a size of one point
_LETTER: Final = 0.6
_COLUMNS: Final = re.compile(r"\S {2,}\S")


def draw_fixed(pages: Pages, text: str) -> None:
    """All lines, on a page that lies as they need it."""
    lines = _lines(text)
    size, is_turned = _fit(pages, lines)
    if is_turned and not pages.is_turned:
        pages.add_page(orientation="L")
    pages.face(FIXED, size)
    pages.set_text_color(*INK)
    letter = size * _LETTER
    fit = max(int(pages.epw / letter + 0.001), 1)
    for line in lines:
        for piece in _broken(line, fit):
            _line(pages, piece, letter, size * 1.3)


def fixed_turns(pages: Pages, text: str) -> bool:
    """Whether the page is to be turned for these lines."""
    return _fit(pages, _lines(text))[1]


def _lines(text: str) -> list[str]:
    return drawable(text.expandtabs(8)).replace("\u00a0", " ").split("\n")


def _fit(pages: Pages, lines: Sequence[str]) -> tuple[float, bool]:
    """The size of the letters, and whether the page is turned."""
    longest = max(map(len, lines))
    short, long_ = (side - 2 * MARGIN for side in sorted((pages.w, pages.h)))
    needed = short / (longest or 1) / _LETTER
    if needed >= _SMALLEST:
        return min(_SIZE, needed), False
    if not any(_COLUMNS.search(line) for line in lines if len(line) * _LETTER * _SMALLEST > short):
        return _SIZE, False
    return min(_SIZE, max(long_ / longest / _LETTER, _TINY)), True


def _broken(line: str, fit: int) -> Iterator[str]:
    """A line in pieces that fit: between words, where there are words."""
    while len(line) > fit:
        at = line.rfind(" ", 1, fit + 1)
        at = at if at > fit // 2 else fit
        yield line[:at]
        line = line[at:].lstrip(" ")
    yield line


def _line(pages: Pages, line: str, letter: float, height: float) -> None:
    if pages.get_y() + height > pages.page_break_trigger:
        pages.next_page()
    top, at = pages.get_y(), 0
    for run in _runs(line):
        pages.set_xy(MARGIN + at * letter, top)
        if run.strip():
            pages.line_of(run, len(run) * letter, height)
        at += len(run)
    pages.set_xy(MARGIN, top + height)


def _runs(line: str) -> Iterator[str]:
    """Stretches that one face draws, so that a letter of another does not move those that follow."""
    run, before = "", True
    for character in line:
        here = is_fixed(character)
        if here != before and run:
            yield run
            run = ""
        run, before = run + character, here
    if run:
        yield run
