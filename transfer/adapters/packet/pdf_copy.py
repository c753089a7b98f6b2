"""A PDF without some of its pages, and with nothing of them: a derived copy (`transfer.derived_copies`).

The other pages are as they look. What lies within the file beside them (attached files, scripts, what a page does not
draw) does not go along. It is made in the process of `pdf_merge`, for the file is from outside.
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
class PdfCopy:
    """The copy, and how many pages its original has."""

    pdf: bytes
    of: int


def copy_without(data: bytes, withheld: Sequence[int]) -> PdfCopy:
    """All pages of a PDF but these, which are counted from 1.

    Raises:
        Unreadable: it cannot be opened, it needs a password, it does not have these pages, or none would be left.
    """
    job = {"without": [*withheld], "seconds": SECONDS, "most": MOST_PAGES}
    with Maker() as maker:
        try:
            told, pdf = maker.ask(job, [data])
        except Died:
            raise Unreadable("its pages cannot be copied") from None
    if not pdf:
        raise Unreadable("it has no such pages")
    return PdfCopy(pdf=pdf, of=told["of"])
