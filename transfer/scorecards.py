"""How a department answers: days from the request to its answer, against what it says is usual there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

#: answers of a department that are looked at, the last ones
LAST: Final = 20
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDays:
    """Whole days, begun ones counted, of its last answers. None: it has not answered yet."""

    count: int
    median: int | None
    #: nine of ten answers took no longer
    ninety: int | None


def answer_days(took: Sequence[timedelta]) -> AnswerDays:
    """Of how long its answers took, the last one last. What took less than none is left out: clocks were set."""
    days = sorted(-(-one // _DAY) for one in took[-LAST:] if one >= timedelta(0))
    if not days:
        return AnswerDays(count=0, median=None, ninety=None)
    return AnswerDays(count=len(days), median=_at(days, 50), ninety=_at(days, 90))


def _at(days: Sequence[int], percent: int) -> int:
    """The nearest rank: the smallest that so many of a hundred do not exceed."""
    return days[-(-len(days) * percent // 100) - 1]
