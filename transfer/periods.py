"""A period that somebody asks about: whole days, as they were in one place."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Self
from zoneinfo import ZoneInfo

#: six years: as far back as an accounting goes (45 CFR 164.528(a)(1)), and as documentation is kept (164.530(j)(2))
MAX_LENGTH: Final = timedelta(days=6 * 365 + 2)


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day to the last, both counted in.

    Raises:
        ValueError: it ends before it begins, or is longer than six years.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("a period that ends before it begins")
        if self.last - self.first > MAX_LENGTH:
            raise ValueError("a period of more than six years")

    @classmethod
    def until(cls, last: date, *, days: int) -> Self:
        """So many days, the last of them this one."""
        return cls(last - timedelta(days=days - 1), last)

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Its first moment and the first one after it, UTC."""
        begin = datetime.combine(self.first, time(), zone)
        end = datetime.combine(self.last + timedelta(days=1), time(), zone)
        return begin.astimezone(UTC), end.astimezone(UTC)

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"
