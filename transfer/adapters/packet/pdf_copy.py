"""Some pages of a PDF as a file of their own, with nothing of the others: a derived copy (`transfer.derived_copies`).

The pages are as they look. What lies within the file beside them (attached files, scripts, what a page does not draw)
does not go along. It is made in the process of `pdf_merge`, for the file is from outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from transfer.adapters.packet.pdf_maker import Died, Maker
from transfer.errors import Unreadable
from transfer.page_ranges import MOST_PAGES

#: processor seconds for one copy
SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedPages:
    """The copy, and how many pages its original has."""

    pdf: bytes
    of: int


def copied_pages(data: bytes, pages: Sequence[int], *, is_without: bool = False) -> CopiedPages:
    """These pages of a PDF, counted from 1, in this order; `is_without`: all but these.

    Raises:
        Unreadable: it cannot be opened, it needs a password, it does not have these pages, or none would be left.
    """
    job = {"pages": [*pages], "without": is_without, "seconds": SECONDS, "most": MOST_PAGES}
    with Maker() as maker:
        try:
            told, pdf = maker.ask(job, [data])
        except Died:
            raise Unreadable("its pages cannot be copied") from None
    if not pdf:
        raise Unreadable("it has no such pages")
    return CopiedPages(pdf=pdf, of=told["of"])
