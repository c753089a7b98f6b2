"""Derived copies: some pages of a PDF as a document of their own, chosen by a person. The original stays as it came.

45 CFR 164.502(b): no more goes than is necessary. A page with what may not go is withheld.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from transfer.page_ranges import MOST_PAGES


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
