"""Incoming: what came on paper, by fax or as a file, until somebody has said of each page what it is.

A paper may hold pages of several patients. Its pages are **indexed**: some become a record of a case, some are
misdirected, some are left out. The paper itself stays whole and unaltered as long as it is kept.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from transfer import media_types
from transfer.errors import Refused

#: bytes of one paper
LARGEST: Final = 64 << 20
#: pages of one paper
PAGES: Final = 300
#: how long a paper is kept of which pages were misdirected: time to send them back; and a disc once all of its studies
#: are indexed: what was taken of it lies with its patient, byte for byte
RETURN_WITHIN: Final = timedelta(days=7)
#: the line of what somebody uploads at the desk
UPLOAD: Final = "upload"

_RANGE: Final = re.compile(r"(\d{1,4})(?:\s*[-–]\s*(\d{1,4}))?")
#: what pages are made of
TAKEN_IN: Final = frozenset({media_types.PDF, "image/tiff", "image/jpeg", "image/png"})


class IncomingState(StrEnum):
    """`WAITING`: some page is not indexed. `DONE`: each is. `DESTROYED`: only that it came is known."""

    WAITING = "waiting"
    DONE = "done"
    DESTROYED = "destroyed"


class PagesBecame(StrEnum):
    """What pages were found to be."""

    #: a record of a case
    RECORD = "record"
    #: a referral that opened a case
    REFERRAL = "referral"
    #: a release form of the patient of a case
    FORM = "form"
    #: of nobody here: they go back to their sender
    MISDIRECTED = "misdirected"
    #: cover sheets, blank pages: nothing to keep
    LEFT_OUT = "left-out"

    @property
    def is_kept(self) -> bool:
        """It is of a case."""
        return self in (PagesBecame.RECORD, PagesBecame.REFERRAL, PagesBecame.FORM)


class SentBackHow(StrEnum):
    """How what was misdirected went back to its sender."""

    FAX = "fax"
    MAIL = "mail"
    #: or by hand
    COURIER = "courier"
    #: shredded here, and the sender was told
    SHREDDED = "shredded"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentBack:
    """How it went back, on which day here, and whose account says so."""

    how: SentBackHow
    on: date
    by: str


class WhyRefused(StrEnum):
    """Why a file is not taken in."""

    EMPTY = "empty"
    TOO_LARGE = "too-large"
    TOO_MANY_PAGES = "too-many-pages"
    #: a telephone's picture that few programs open
    HEIC = "heic"
    NO_PAPER = "no-paper"
    PASSWORD = "password"  # noqa: S105  a reason, no secret
    UNREADABLE = "unreadable"


class PaperRefused(Refused):
    """It is not taken in, and nothing of it is kept."""

    def __init__(self, why: WhyRefused) -> None:
        super().__init__(f"not taken in: {why}")
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedPages:
    """Pages of a paper and what they became. They are numbered from 1."""

    pages: tuple[int, ...]
    became: PagesBecame
    case: str | None = None

    def __post_init__(self) -> None:
        if not self.pages or list(self.pages) != sorted(set(self.pages)) or self.pages[0] < 1:
            raise ValueError("pages are rising numbers from 1 on")
        if self.became.is_kept is (self.case is None):
            raise ValueError("what is kept has a case, and nothing else has one")


def type_of(body: bytes) -> str:
    """What a file is by its bytes, if pages can be made of it.

    Raises:
        PaperRefused: it is empty, too large, or made of something else.
    """
    if not body:
        raise PaperRefused(WhyRefused.EMPTY)
    if len(body) > LARGEST:
        raise PaperRefused(WhyRefused.TOO_LARGE)
    ends = body[: media_types.LOOKED_AT], body[-media_types.LOOKED_AT :]
    found = media_types.judged(None, *ends, len(body)).content_type
    if found == "image/heic":
        raise PaperRefused(WhyRefused.HEIC)
    if found not in TAKEN_IN:
        raise PaperRefused(WhyRefused.NO_PAPER)
    return found


def pages_in(text: str, count: int) -> tuple[int, ...]:
    """The pages that somebody names, as `1-4, 7`; `all` is every one.

    Raises:
        ValueError: they are none, or the paper of `count` pages has no such page.
    """
    if text.strip().lower() == "all":
        return tuple(range(1, count + 1))
    found: set[int] = set()
    for part in filter(None, (one.strip() for one in text.split(","))):
        said = _RANGE.fullmatch(part)
        first = int(said[1]) if said else 0
        last = int(said[2] or said[1]) if said else 0
        if not 1 <= first <= last <= count:
            raise ValueError("no such pages")
        found.update(range(first, last + 1))
    if not found:
        raise ValueError("no pages")
    return tuple(sorted(found))


def left(count: int, parts: Collection[IndexedPages]) -> tuple[int, ...]:
    """The pages of which nobody has said yet what they are."""
    said = {page for part in parts for page in part.pages}
    return tuple(page for page in range(1, count + 1) if page not in said)


def clash(new: IndexedPages, parts: Sequence[IndexedPages]) -> tuple[int, ...]:
    """The pages of `new` that are indexed otherwise already. One page may hold the end of one report of a case and the
    beginning of the next; no page is of two patients.
    """
    others = [one for one in parts if one.case is None or one.case != new.case]
    return tuple(page for page in new.pages if any(page in one.pages for one in others))
