"""Something of a patient that went to the wrong place, and what was done about it (45 CFR 164.402, 164.530(f))."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from transfer.identifiers import InstitutionId


class Misdirected(StrEnum):
    """What went to the wrong place."""

    PACKET = "packet"
    LETTER = "letter"
    FAX = "fax"
    MAIL = "mail"
    RECORD = "record"
    SLIDES = "slides"
    OTHER = "other"


class Mitigation(StrEnum):
    """What was done about it (45 CFR 164.530(f))."""

    ASKED_TO_DESTROY = "asked-to-destroy"
    #: whoever got it said so
    DESTROYED = "destroyed"
    RETURNED = "returned"
    ACCESS_ENDED = "access-ended"
    PRIVACY_TOLD = "privacy-told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misdirection:
    """`noticed_on` is a day here. `to` is an institution of ours, if it is one. `words` are sealed: who got it, how
    many pages, what they said.

    Raises:
        ValueError: nothing is said of who got it.
    """

    what: Misdirected
    noticed_on: date
    done: frozenset[Mitigation] = frozenset()
    to: InstitutionId | None = None
    words: str | None = None

    def __post_init__(self) -> None:
        if self.to is None and not (self.words and self.words.strip()):
            raise ValueError("say who got it")
