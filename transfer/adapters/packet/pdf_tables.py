"""Tables on pages of ours: a grid with spans, its heading on every page, turned or divided where it is too wide."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from transfer.adapters.packet.narrative.blocks import BOLD, NarrativeTable, PlacedCell
from transfer.adapters.packet.pdf_text import ACCENT, FIXED, GREY, INK, MARGIN, RULE, TEXT, TINT, Pages, drawable

_PADDING: Final = 3.0
#: sizes of letters, and whether the page is turned, in the order in which they are tried
_WAYS: Final = ((9.0, False), (8.0, False), (9.0, True), (8.0, True), (7.0, True))
_SMALL: Final = 7.5
#: a table of more columns stands upright only where it leaves some room
_MOST_UPRIGHT: Final = 9
_EASY: Final = 0.9
#: a column is no wider than this for the sake of one long word
#: letters of one width are larger than others of their size
_FIXED_SHARE: Final = 0.85
#: ... nor for the sake of one long line of such letters
_LONGEST_FIXED: Final = 420.0
_LONGEST_WORD: Final = 150.0
#: a heading that takes more of the page than this is not repeated
_HEADING_SHARE: Final = 0.3


def draw_table(pages: Pages, table: NarrativeTable) -> None:
    """The whole table; the page is turned for it where only that makes it fit."""
    cells = _drawable(table)
    fit = _fit(pages, cells, table.width)
    is_turned = fit is None or fit.is_turned
    if is_turned and not pages.is_turned:
        pages.add_page(orientation="L")
    if table.caption:
        pages.heading(table.caption, size=10.5)
    if fit is not None:
        _Drawing(pages, cells, table, fit.widths, fit.size).draw()
        return
    for part in _parts(pages, cells, table):
        first, last = part.columns[1] + 1, part.columns[-1] + 1
        which = f"column {first}" if first == last else f"columns {first} to {last}"
        if pages.will_page_break(100):
            pages.add_page(same=True)
        pages.write_line(f"The first of {table.width} columns, and {which}", size=8.5, colour=GREY)
        _Drawing(pages, part.cells, replace(table, width=len(part.columns)), part.widths, _SMALL).draw()
        pages.ln(4)


def table_turns(pages: Pages, table: NarrativeTable) -> bool:
    """Whether the page is to be turned for it."""
    fit = _fit(pages, _drawable(table), table.width)
    return fit is None or fit.is_turned


def _drawable(table: NarrativeTable) -> list[PlacedCell]:
    return [replace(cell, text=drawable(cell.text)) for cell in table.cells]


@dataclass(frozen=True, slots=True)
class _Fit:
    widths: list[float]
    size: float
    is_turned: bool


@dataclass(frozen=True, slots=True)
class _Part:
    columns: list[int]
    cells: list[PlacedCell]
    widths: list[float]


def _room(pages: Pages, *, is_turned: bool) -> float:
    long_, short = max(pages.w, pages.h), min(pages.w, pages.h)
    return float((long_ if is_turned else short) - 2 * MARGIN)


def _fit(pages: Pages, cells: Sequence[PlacedCell], width: int) -> _Fit | None:
    """Upright where that is easy, else turned; None where the columns fit neither way."""
    for size, is_turned in _WAYS:
        least, most = _needs(pages, cells, width, size)
        room = _room(pages, is_turned=is_turned)
        is_easy = is_turned or width <= _MOST_UPRIGHT or sum(least) <= room * _EASY
        if is_easy and (widths := _shared(least, most, room)) is not None:
            return _Fit(widths, size, is_turned)
    return None


def _needs(pages: Pages, cells: Sequence[PlacedCell], width: int, size: float) -> tuple[list[float], list[float]]:
    """What each column needs at the least (its longest word) and at most (its longest line)."""
    least, most = [2 * _PADDING + size] * width, [2 * _PADDING + size] * width
    for cell in sorted(cells, key=lambda one: one.columns):
        _face(pages, cell, size)
        word, line = _extent(pages, cell)
        own = range(cell.column, cell.column + cell.columns)
        for needs, need in ((least, word), (most, line)):
            lacking = need - sum(needs[n] for n in own)
            for n in own:
                needs[n] += max(lacking, 0) / cell.columns
    return least, most


def _extent(pages: Pages, cell: PlacedCell) -> tuple[float, float]:
    """Points that its longest word takes, and its longest line."""
    wider = 1.06 if BOLD in cell.text else 1.0
    lines = [pages.width_of(line) * wider for line in cell.text.split("\n") if len(line) < 400]
    if cell.is_fixed:
        word = min(max(lines, default=_LONGEST_FIXED), _LONGEST_FIXED) + 2 * _PADDING + 1
        return word, word
    words = [pages.width_of(word) * wider for word in set(cell.text.split())]
    word = min(max(words, default=0), _LONGEST_WORD) + 2 * _PADDING + 1
    return word, max(min(max(lines, default=300.0), 300.0) + 2 * _PADDING + 1, word)


def _face(pages: Pages, cell: PlacedCell, size: float) -> None:
    if cell.is_fixed:
        pages.face(FIXED, size * _FIXED_SHARE)
    else:
        pages.face(TEXT, size, bold=cell.is_heading)


def _shared(least: Sequence[float], most: Sequence[float], room: float) -> list[float] | None:
    """The room among the columns, none below its least."""
    if sum(least) > room:
        return None
    if sum(most) <= room:
        return list(most)
    spare = room - sum(least)
    wishes = [much - little for little, much in zip(least, most, strict=True)]
    return [little + spare * wish / (sum(wishes) or 1) for little, wish in zip(least, wishes, strict=True)]


def _parts(pages: Pages, cells: Sequence[PlacedCell], table: NarrativeTable) -> Iterator[_Part]:
    """The columns in as many parts as it takes, the first one in each."""
    room = _room(pages, is_turned=pages.is_turned)
    least, _ = _needs(pages, cells, table.width, _SMALL)
    least = [min(one, room / 2) for one in least]
    at = 1
    while at < table.width:
        columns = [0, at]
        while columns[-1] + 1 < table.width and sum(least[n] for n in (*columns, columns[-1] + 1)) <= room:
            columns.append(columns[-1] + 1)
        at = columns[-1] + 1
        spare = (room - sum(least[n] for n in columns)) / len(columns)
        yield _Part(columns, [*_of(cells, columns)], [least[n] + spare for n in columns])


def _of(cells: Sequence[PlacedCell], columns: Sequence[int]) -> Iterator[PlacedCell]:
    """The cells over these columns; one that reaches beyond them is cut to them."""
    for cell in cells:
        own = [n for n, column in enumerate(columns) if cell.column <= column < cell.column + cell.columns]
        if own:
            yield replace(cell, column=own[0], columns=own[-1] - own[0] + 1)


class _Drawing:
    """One table being drawn. Rows are made of lines of one height, so that a cell can go on on the next page."""

    def __init__(
        self, pages: Pages, cells: Sequence[PlacedCell], table: NarrativeTable, widths: Sequence[float], size: float
    ) -> None:
        self._pages, self._size, self._height = pages, size, size * 1.32
        self._left = [MARGIN + sum(widths[:n]) for n in range(len(widths) + 1)]
        self._rows, self._heading_rows = table.height, table.heading_rows
        self._lines = {id(cell): self._broken(cell) for cell in cells}
        self._cells = sorted(cells, key=lambda one: (one.row, one.column))
        self._counts = self._line_counts()
        self._starts: dict[int, list[PlacedCell]] = {}
        for cell in self._cells:
            for row in range(cell.row, cell.row + cell.rows):
                self._starts.setdefault(row, []).append(cell)
        #: lines of a cell that are drawn already
        self._done: dict[int, int] = {}

    def _broken(self, cell: PlacedCell) -> list[str]:
        _face(self._pages, cell, self._size)
        width = self._left[cell.column + cell.columns] - self._left[cell.column] - 2 * _PADDING
        return self._pages.cut_lines(cell.text, width) if cell.is_fixed else self._pages.lines_of(cell.text, width)

    def _line_counts(self) -> list[int]:
        """Lines of each row: what the cells that end in it need."""
        counts = [1] * self._rows
        for cell in sorted(self._cells, key=lambda one: one.rows):
            own = range(cell.row, cell.row + cell.rows)
            counts[own[-1]] += max(len(self._lines[id(cell)]) - sum(counts[n] for n in own), 0)
        return counts

    def draw(self) -> None:
        heading = range(min(self._heading_rows, self._rows))
        high = sum(map(self._row_height, heading))
        repeats = high <= self._pages.eph * _HEADING_SHARE
        if repeats and self._rest() < high + (self._least(len(heading), 0) if len(heading) < self._rows else 0):
            self._pages.add_page(same=True)
        row, line = 0, 0
        while row < self._rows:
            if row >= len(heading) and self._rest() < self._least(row, line):
                self._pages.add_page(same=True)
                if repeats and heading:
                    self._again(heading)
            row, line = self._chunk(row, line)

    def _rest(self) -> float:
        return float(self._pages.page_break_trigger - self._pages.get_y())

    def _row_height(self, row: int) -> float:
        return self._counts[row] * self._height + 2 * _PADDING

    def _least(self, row: int, line: int) -> float:
        """Room without which this row is begun on the next page: all of it, where a page can hold it."""
        rest = (self._counts[row] - line) * self._height + 2 * _PADDING
        return min(rest, float(self._pages.eph) * 0.4)

    def _again(self, heading: range) -> None:
        done, self._done = self._done, {}
        for row in heading:
            self._band(row, 0, self._counts[row])
        self._done = {**self._done, **done}

    def _chunk(self, row: int, line: int) -> tuple[int, int]:
        """Draw as much of a row as fits; where to go on."""
        fits = max(int((self._rest() - 2 * _PADDING) / self._height), 1)
        left = self._counts[row] - line
        count = min(left, fits)
        if line == 0 and row < self._heading_rows and self._rest() < self._row_height(row):
            self._pages.add_page(same=True)
            count = min(left, max(int((self._rest() - 2 * _PADDING) / self._height), 1))
        self._band(row, line, count)
        if count < left:
            self._pages.add_page(same=True)
            return row, line + count
        return row + 1, 0

    def _band(self, row: int, line: int, count: int) -> None:
        """So many lines of a row, from one of its lines on, across all its cells."""
        top = self._pages.get_y()
        height = count * self._height + 2 * _PADDING
        for cell in self._starts.get(row, ()):
            self._part_of(cell, row, line, count, top, height)
        self._pages.set_xy(MARGIN, top + height)

    def _part_of(self, cell: PlacedCell, row: int, line: int, count: int, top: float, height: float) -> None:
        pages, lines = self._pages, self._lines[id(cell)]
        left, right = self._left[cell.column], self._left[cell.column + cell.columns]
        is_first = row == cell.row and line == 0
        is_last = row == cell.row + cell.rows - 1 and line + count == self._counts[row]
        if cell.is_heading and row < self._heading_rows:
            pages.set_fill_color(*TINT)
            pages.rect(left, top, right - left, height, style="F")
        pages.set_draw_color(*RULE)
        pages.set_line_width(0.5)
        for edge in (left, right):
            pages.line(edge, top, edge, top + height)
        if is_first:
            pages.line(left, top, right, top)
        if is_last:
            pages.line(left, top + height, right, top + height)
        done = self._done.get(id(cell), 0)
        shown = lines[done:] if is_last else lines[done : done + count]
        _face(pages, cell, self._size)
        pages.set_text_color(*(ACCENT if cell.is_heading and row < self._heading_rows else INK))
        for n, text in enumerate(shown):
            pages.set_xy(left + _PADDING, top + _PADDING + n * self._height)
            pages.line_of(text, right - left - 2 * _PADDING, self._height)
        self._done[id(cell)] = done + len(shown)
