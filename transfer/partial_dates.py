"""Days as people at a source say them: without a time zone, and no more precise than they were said.

An instant turned into a day needs a zone, and another zone makes it another day. What a document says of its own day
is therefore kept beside its instant, and is what people read.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: the beginning of FHIR's date and dateTime (2013-01-11T…), of HL7 v2's DTM and of DICOM's DA (20130111…, 2013.01.11)
_DAY: Final = re.compile(
    r"([0-9]{4})(?:([-.]?)([0-9]{2})(?:\2([0-9]{2})|(?![0-9]))|(?![0-9]))(?=$|[^-.]|[+-][0-9]{4}$)"
)


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A day, or only its month, or only its year (https://hl7.org/fhir/R4/datatypes.html#date)."""

    year: int
    month: int | None = None
    day: int | None = None

    def __post_init__(self) -> None:
        if self.month is None and self.day is not None:
            raise ValueError("a day without its month")
        date(self.year, 1 if self.month is None else self.month, 1 if self.day is None else self.day)  # raises if none

    @classmethod
    def of(cls, day: date) -> Self:
        return cls(day.year, day.month, day.day)

    @property
    def first(self) -> date:
        """The day, or the first of its month or year: for sorting."""
        return date(self.year, self.month or 1, self.day or 1)

    @property
    def last(self) -> date:
        """The day, or the last of its month or year: with `first`, all the days that may be meant."""
        month = self.month or 12
        return date(self.year, month, self.day or monthrange(self.year, month)[1])

    @property
    def words(self) -> str:
        """For people: `11 Jan 2013`, `Jan 2013`, `2013`."""
        named = (f"{self.day:02}" if self.day else "", _MONTHS[self.month - 1] if self.month else "", f"{self.year:04}")
        return " ".join(part for part in named if part)

    def __str__(self) -> str:
        """ISO 8601, as far as it was said."""
        return "-".join([f"{self.year:04}", *(f"{part:02}" for part in (self.month, self.day) if part)])


def day_said(text: str | None) -> PartialDate | None:
    """The day in a date or time as FHIR, HL7 v2 or DICOM write it, whatever its zone. None: it is none. A month or day
    of nought is one that is not known.
    """
    match = _DAY.match(text.strip()) if text else None
    if match is None:
        return None
    year, month, day = (int(part or 0) or None for part in match.group(1, 3, 4))
    try:
        return PartialDate(year or 0, month, day)
    except ValueError:
        return None
