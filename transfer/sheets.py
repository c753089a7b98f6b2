"""A list as a table of text and numbers, as an auditor takes it along."""

from dataclasses import dataclass
from enum import StrEnum

SheetCell = str | int


class SheetFormat(StrEnum):
    """As which file. CSV: RFC 4180, UTF-8. XLSX: ISO/IEC 29500."""

    CSV = "csv"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """`about`: what is said of the list as a whole, each a label and a text.

    Raises:
        ValueError: a row has more or fewer cells than there are headings.
    """

    title: str
    about: tuple[tuple[str, str], ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[SheetCell, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.headings) for row in self.rows):
            raise ValueError("a row that does not fit its headings")
