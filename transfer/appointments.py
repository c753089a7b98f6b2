"""When a patient is expected at the center, and which of several appointments decides by when records are needed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

#: the key of the one that the referral names
REFERRAL: Final = "referral"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAppointment:
    """One appointment of a case. `at` is UTC, `day` is there; `hmac` is of the center's own number for it."""

    key: str
    at: datetime | None = None
    day: date | None = None
    hmac: str | None = None
    is_cancelled: bool = False

    @property
    def first_day(self) -> date | None:
        """The day there; of one that stands by its instant alone, that of UTC."""
        return self.day or (self.at.date() if self.at else None)


def deciding(known: Iterable[CaseAppointment], today: date) -> CaseAppointment | None:
    """The earliest that stands and is not over; where all are over, the last. `today` is there."""
    standing = [(one.first_day, one) for one in known if not one.is_cancelled]
    dated = sorted(((day, one) for day, one in standing if day), key=lambda pair: (pair[0], str(pair[1].at)))
    ahead = [one for day, one in dated if day >= today]
    if ahead:
        return ahead[0]
    return dated[-1][1] if dated else None


def meant(known: Mapping[str, CaseAppointment], hmac: str | None) -> CaseAppointment | None:
    """Which one a message of the center is about, by its number for it; where it said none before, the one that stands
    without one. None: it is another one, or nobody can tell.
    """
    if hmac and (same := next((one for one in known.values() if one.hmac == hmac), None)):
        return same
    standing = [one for one in known.values() if not one.is_cancelled]
    unnumbered = [one for one in standing if one.hmac is None] if hmac else standing
    return unnumbered[0] if len(unnumbered) == 1 else None


def new_key(known: Mapping[str, CaseAppointment]) -> str:
    """A key that no appointment of the case has had."""
    return f"appointment-{len(known) + 1}"
