"""Derived copies: some pages of a PDF as a document of their own, chosen by a person. The original stays as it came.

45 CFR 164.502(b): no more goes than is necessary. A page with what may not go is withheld.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: of one document that pages are chosen of
MOST_PAGES: Final = 5_000


class Derivation(StrEnum):
    """Why some pages stand apart."""

    #: the rest of the document may not go
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedCopy:
    """Of which original, by its id, and which of its pages, counted from 1.

    Raises:
        ValueError: no page, a page twice, or one that the original does not have.
    """

    derivation: Derivation
    original: str
    pages: tuple[int, ...]
    #: how many pages the original has
    of: int

    def __post_init__(self) -> None:
        if not self.pages or len({*self.pages}) < len(self.pages):
            raise ValueError("no page, or a page twice")
        if not all(1 <= page <= self.of <= MOST_PAGES for page in self.pages):
            raise ValueError("a page that there is not")

    @property
    def lacking(self) -> tuple[int, ...]:
        """The pages of the original that are not in it."""
        return pages_without(self.pages, self.of)


def pages_without(taken: Iterable[int], of: int) -> tuple[int, ...]:
    """The other pages of a document of so many, in their order."""
    without = {*taken}
    return tuple(page for page in range(1, of + 1) if page not in without)


def pages_named(text: str) -> tuple[int, ...]:
    """Pages as a person names them: `2`, `1-4`, `1-2,5`. In the order in which they are named.

    Raises:
        ValueError: they are not named so, one is named twice, or there are more than `MOST_PAGES`.
    """
    found: list[int] = []
    for piece in text.split(","):
        first, dash, last = (each.strip() for each in piece.partition("-"))
        ends = (first, last if dash else first)
        if not all(each.isascii() and each.isdecimal() and len(each) <= 4 for each in ends):
            raise ValueError("pages are named like 1-4,7")
        begin, end = map(int, ends)
        if not 1 <= begin <= end <= MOST_PAGES:
            raise ValueError("pages are named from the first to the last")
        found += range(begin, end + 1)
    if len({*found}) < len(found):
        raise ValueError("a page is named twice")
    return tuple(found)


def pages_said(pages: Iterable[int]) -> str:
    """Pages as people read them: `1-4, 7`. They stand in their order."""
    runs: list[list[int]] = []
    for page in sorted(pages):
        if runs and runs[-1][1] == page - 1:
            runs[-1][1] = page
        else:
            runs.append([page, page])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
