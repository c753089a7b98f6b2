"""FHIR dates and times. One without offset is read in the institution's zone; what is not a time is absent."""

import calendar
import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?")


def moment(text: str | None, zone: ZoneInfo) -> datetime | None:
    """UTC. A bare date is its midnight in `zone`; a bare month or year its first day, so that a document never looks
    newer than it is.
    """
    if exact := instant(text, zone):
        return exact
    day = first_day(text)
    return _utc(datetime.combine(day, time(), zone)) if day else None


def instant(text: str | None, zone: ZoneInfo) -> datetime | None:
    """UTC, only where a time of day was said."""
    match = _TIME.fullmatch(text or "")
    if not match:
        return None
    day, minutes, seconds, fraction, offset = match.groups()
    micro = f".{(fraction or '0')[:6]:0<6}"
    try:
        said = datetime.fromisoformat(f"{day}T{minutes}{seconds or ':00'}{micro}{offset or ''}")
    except ValueError:
        return None
    return _utc(said if said.tzinfo else said.replace(tzinfo=zone))


def _utc(said: datetime) -> datetime | None:
    try:
        return said.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def first_day(text: str | None) -> date | None:
    """The day, or the first of the month or year."""
    match = _DATE.fullmatch(text or "")
    return _date(int(match[1]), int(match[2] or 1), int(match[3] or 1)) if match else None


def last_day(text: str | None) -> date | None:
    """The day, or the last of the month or year: a Period's partial end includes all of it (R4 datatypes, Period)."""
    match = _DATE.fullmatch(text or "")
    if not match:
        return None
    year, month = int(match[1]), int(match[2] or 12)
    if match[3]:
        return _date(year, month, int(match[3]))
    return _date(year, month, calendar.monthrange(year, month)[1]) if year and 1 <= month <= 12 else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def full_date(text: str | None) -> date | None:
    """Only a whole date: half a birth date identifies nobody."""
    return first_day(text) if text and len(text) == 10 else None


def local_day(text: str | None, zone: ZoneInfo, *, end: bool = False) -> date | None:
    """The calendar day in `zone` of a date or date-time; of a partial one its first day, or its last if `end`.

    Midnight as an end belongs to the day before.
    """
    if exact := instant(text, zone):
        try:
            there = exact.astimezone(zone)
            return (there - timedelta(microseconds=1)).date() if end and there.time() == time() else there.date()
        except OverflowError:  # the first or the last day there is: as it was written
            return first_day((text or "")[:10])
    return last_day(text) if end else first_day(text)
