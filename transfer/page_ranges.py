"""Pages of a document as people name them: `1-4, 7`."""

from collections.abc import Iterable
from typing import Final

#: of one document that pages are chosen of
MOST_PAGES: Final = 5_000


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


def in_ranges(pages: Iterable[int]) -> str:
    """Pages as people write them: `1-4, 7`."""
    runs: list[list[int]] = []
    for page in sorted(set(pages)):
        if runs and runs[-1][1] == page - 1:
            runs[-1][1] = page
        else:
            runs.append([page, page])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)
