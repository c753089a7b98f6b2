"""A referral that somebody entered from a fax or a telephone call: what it says, and its pages, as one body (a ZIP)."""

from typing import Final

from transfer import codec
from transfer.adapters.paper.bundle import packed, unpacked
from transfer.arrivals import Referral

PAPER_REFERRAL: Final = "application/vnd.records-transfer.paper-referral+zip"
_SAID, _PAGES = "referral.json", "pages"
#: bytes of what it says
_LARGEST: Final = 256 << 10


def bundled_referral(said: Referral, pages: bytes | None) -> bytes:
    """Both as one body; without pages where it came by telephone. The same again is the same bytes."""
    return packed({_SAID: codec.dump(Referral, said)} | ({_PAGES: pages} if pages else {}))


def referral_of(body: bytes) -> Referral:
    """What was entered, of a body that `bundled_referral` made.

    Raises:
        Unreadable: it did not.
    """
    return codec.load(Referral, unpacked(body, _SAID, _LARGEST))
