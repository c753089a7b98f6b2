"""What lists about a period share: its days, its pages, and the list as a file."""

from collections.abc import Sequence
from datetime import date
from typing import Final, TypeVar
from urllib.parse import urlencode

from transfer.errors import Unknown
from transfer.flow import desk
from transfer.pages.forms import Fields, Problems
from transfer.pages.routes import Asked, File
from transfer.periods import Period
from transfer.reports import ReportFile
from transfer.sheets import SheetFormat

T = TypeVar("T")

#: lines of one page
PAGE: Final = 50
#: days of a list where nobody says which
_DAYS: Final = 30


def period_of(asked: Asked, problems: Problems, *, days: int = _DAYS) -> Period:
    """The days that the query names, or the last ones; those count, too, where something is wrong with the query."""
    usual = desk.latest_days(asked.services, days, actor=asked.actor)
    if not (asked.query.get("first") or asked.query.get("last")):
        return usual
    try:
        first = date.fromisoformat(asked.query.get("first") or usual.first.isoformat())
        return Period(first, date.fromisoformat(asked.query.get("last") or usual.last.isoformat()))
    except ValueError:
        problems.add("first", "Choose two days, the first before the last, at most six years apart")
        return usual


def chosen_day(fields: Fields, name: str, problems: Problems) -> date | None:
    """A day of a form; None, and a problem there, where it is none."""
    try:
        return date.fromisoformat(fields.raw(name))
    except ValueError:
        problems.add(name, "Choose a day")
        return None


def chosen_period(first: date | None, last: date | None, problems: Problems) -> Period | None:
    """The days between two of a form; None where one of them is none, or, with a problem, where they are no period."""
    try:
        return Period(first, last) if first and last else None
    except ValueError:
        problems.add("first", "The first day stands before the last, at most six years apart")
        return None


def number_of(asked: Asked) -> int:
    """The page that the query asks for; 1 where it names none."""
    number = asked.query.get("page", "1")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1


def page_of(asked: Asked, found: Sequence[T]) -> tuple[Sequence[T], dict[str, object]]:
    """One page of a list, and what its template says of the pages."""
    last = max(1, -(-len(found) // PAGE))
    here = min(max(number_of(asked), 1), last)
    return found[(here - 1) * PAGE : here * PAGE], {"number": here, "pages": last, "total": len(found)}


def query_of(asked: Asked, period: Period, *names: str) -> str:
    """The query of the same list: its days, and what else was chosen."""
    chosen = {name: asked.query[name] for name in names if asked.query.get(name)}
    return urlencode({"first": period.first.isoformat(), "last": period.last.isoformat(), **chosen})


def format_of(asked: Asked) -> SheetFormat:
    """The form of file that the path names.

    Raises:
        Unknown: there is none of this name.
    """
    try:
        return SheetFormat(asked.path["form"])
    except ValueError:
        raise Unknown("there is no such page") from None


def file_of(made: ReportFile) -> File:
    return File(name=made.name, size=len(made.content), pieces=lambda: iter((made.content,)))
