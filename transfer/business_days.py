"""Business days: Monday to Friday. Holidays are not known here."""

from datetime import date, timedelta
from typing import Final

_FRIDAY: Final = 4


def business_day_after(day: date) -> date:
    """The first business day after this one."""
    return day + timedelta(days=7 - day.weekday() if day.weekday() >= _FRIDAY else 1)
