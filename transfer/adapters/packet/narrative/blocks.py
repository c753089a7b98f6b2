"""What there is to draw of a document: blocks, in the order in which they are read. Never markup."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

#: Around what is bold. A noncharacter (Unicode 16, section 23.7), so that no text from outside holds it.
BOLD: Final = "\ufdd0"
#: Around what is struck out.
STRUCK: Final = "\ufdd1"
MARKS: Final = frozenset((BOLD, STRUCK))
#: columns of a table that are drawn; what stands beyond is told
WIDEST: Final = 60
_MOST_ROWS: Final = 5_000
_GOES_ON: Final = "The table goes on; the rest is in the file itself."


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    #: 1 is the document's own, 2 a section's, 3 and more what lies within
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str
    #: how many lists it stands in
    indent: int = 0


@dataclass(frozen=True, slots=True)
class FixedWidth:
    """Lines whose columns mean something: drawn in a face of one width, broken only where they are too long."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a document says of itself: label and value."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence of ours, such as what is left out here."""

    text: str


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    is_heading: bool = False
    columns: int = 1
    #: 0 reaches to the end of its group of rows
    rows: int = 1
    #: its lines have columns of their own, and are drawn in one width
    is_fixed: bool = False


@dataclass(frozen=True, slots=True)
class PlacedCell:
    """A cell in its place on the grid, from 0."""

    row: int
    column: int
    rows: int
    columns: int
    text: str
    is_heading: bool
    is_fixed: bool = False


@dataclass(frozen=True, slots=True)
class NarrativeTable:
    cells: tuple[PlacedCell, ...]
    width: int
    height: int
    #: so many rows at the top are its heading
    heading_rows: int = 0
    caption: str = ""

    def row(self, number: int) -> list[str]:
        """The texts that stand over each column of a row; a cell that spans several stands over each of them."""
        texts = [""] * self.width
        for cell in self.cells:
            if cell.row <= number < cell.row + cell.rows:
                for column in range(cell.column, cell.column + cell.columns):
                    texts[column] = cell.text
        return texts

    def lines(self) -> Iterator[str]:
        """Row by row as text, each value after what stands over it."""
        heads = [self.row(n) for n in range(self.heading_rows)]
        names = [" / ".join(dict.fromkeys(filter(None, column))) for column in zip(*heads, strict=True)]
        for number in range(self.heading_rows, self.height):
            texts = self.row(number)
            named = [f"{name}: {text}" if name and text else text for name, text in zip(names, texts, strict=False)]
            yield "; ".join(dict.fromkeys(filter(None, named or texts)))


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that stands among the text."""

    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Embedded:
    """A document carried inside another, as in an unstructured C-CDA."""

    content_type: str
    data: bytes
    name: str = ""


Block = Heading | Paragraph | FixedWidth | Facts | Remark | NarrativeTable | Picture | Embedded


class BodyElsewhere(Exception):
    """The document is only the address of its body."""


class ForPrograms(Exception):
    """The document is data without a text for people."""


def gridded(groups: Iterable[Sequence[Sequence[Cell]]], *, heading_rows: int = 0, caption: str = "") -> NarrativeTable:
    """Cells in their places, by the table model of HTML (https://html.spec.whatwg.org/#forming-a-table).

    A span ends with its group of rows. What would stand beyond `WIDEST` columns is put into the last one. A table that
    is cut says so in its last row.
    """
    placed: list[PlacedCell] = []
    top = 0
    for rows in groups:
        if top > _MOST_ROWS:
            placed.append(PlacedCell(top, 0, 1, 1, _GOES_ON, is_heading=False))
            top += 1
            break
        taken: dict[tuple[int, int], int] = {}
        for number, row in enumerate(rows):
            column = 0
            for cell in row:
                while (number, column) in taken and column < WIDEST - 1:
                    column += 1
                if (at := taken.get((number, column))) is not None:
                    placed[at] = replace(placed[at], text=f"{placed[at].text}\n{cell.text}")
                    continue
                one = _placed(cell, number, column, len(rows), taken)
                taken |= {(r, c): len(placed) for r in range(number, number + one.rows) for c in _columns(one)}
                placed.append(replace(one, row=top + number))
        top += len(rows)
    width = max((cell.column + cell.columns for cell in placed), default=0)
    return NarrativeTable(tuple(placed), width, top, min(heading_rows, top), caption)


def _placed(cell: Cell, row: int, column: int, height: int, taken: Container[tuple[int, int]]) -> PlacedCell:
    """It reaches as far as it says, to the edge of the table, or to a cell from above."""
    rows = max(min(cell.rows or height, height - row), 1)
    columns = 1
    while columns < cell.columns and column + columns < WIDEST and (row, column + columns) not in taken:
        columns += 1
    return PlacedCell(row, column, rows, columns, cell.text, cell.is_heading, cell.is_fixed)


def _columns(cell: PlacedCell) -> range:
    return range(cell.column, cell.column + cell.columns)


def plain_table(rows: Sequence[Sequence[str]], *, heading_rows: int = 1) -> NarrativeTable:
    """A table without spans or caption; by default its first row is the heading."""
    cells = [[Cell(text, number < heading_rows) for text in row] for number, row in enumerate(rows)]
    return gridded([cells], heading_rows=heading_rows)


def unmarked(text: str) -> str:
    """Text from outside, without what we use as marks."""
    return "".join(c for c in text if c not in MARKS) if MARKS & set(text) else text
