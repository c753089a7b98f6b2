"""How much one department may be asked, and when: a part of an institution's file."""

import re
from datetime import time
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from transfer.reviewed import ReviewedPart


def _as_time_of_day(text: object) -> time:
    if not isinstance(text, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError('a time of day is written "22:00", in quotes')  # without them YAML reads a number
    return time.fromisoformat(text)


TimeOfDay = Annotated[time, BeforeValidator(_as_time_of_day)]


class QuietHours(ReviewedPart):
    """Hours of each day in which nothing new is asked, on the clocks of the institution's time zone.

    Where the end comes before the beginning they go past midnight.
    """

    begin: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")

    @model_validator(mode="after")
    def _is_some_time(self) -> "QuietHours":
        if self.begin == self.end:
            raise ValueError("quiet hours end when they begin: write two times, or leave them out")
        return self

    def cover(self, at: time) -> bool:
        """Whether the clock shows a time within them."""
        if self.begin < self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end


class Asking(ReviewedPart):
    """How much a department may be asked, and when: `transfer.turns` says whose turn it is."""

    #: requests in flight
    at_once: Annotated[int, Field(ge=1, le=64)] = 2
    #: of these, so many for cases of priority *stat* alone
    kept_for_stat: Annotated[int, Field(ge=0, le=63)] = 0
    #: series of one request for images that are fetched at once
    series_at_once: Annotated[int, Field(ge=1, le=4)] = 1
    quiet_hours: Annotated[tuple[QuietHours, ...], Field(max_length=8)] = ()
    #: a case of priority *stat* is asked for in quiet hours, too
    stat_in_quiet_hours: bool = True

    @model_validator(mode="after")
    def _leaves_something(self) -> "Asking":
        if self.kept_for_stat >= self.at_once:
            raise ValueError("kept_for_stat leaves nothing to the others: it must be less than at_once")
        minutes = (time(hour, minute) for hour in range(24) for minute in range(60))
        if all(any(hours.cover(at) for hours in self.quiet_hours) for at in minutes):
            raise ValueError("quiet_hours cover the whole day: nothing would ever be asked")
        return self
