"""A telephone call: whom, what came of it, and when to look again. Whom they spoke to and what was said is sealed."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from transfer.business_days import business_day_after
from transfer.identifiers import RequestId
from transfer.source_answers import SaidBy


class Callee(StrEnum):
    """Who was called, or called us."""

    FACILITY = "facility"
    REFERRING_OFFICE = "referring-office"
    PATIENT = "patient"
    CENTER = "center"
    SOMEBODY_ELSE = "somebody-else"


class CallOutcome(StrEnum):
    NO_ANSWER = "no-answer"
    VOICEMAIL = "voicemail"
    SPOKE = "spoke"
    #: they named a day
    PROMISED = "promised"


_NOBODY: Final = SaidBy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. `promised_by` and `next_action` are days where the one called is; `request` is what a facility was
    called about.

    Raises:
        ValueError: a facility without a request, or a request without one; a promise without its day, or a day without
            a promise; somebody was spoken to though nobody answered.
    """

    callee: Callee
    outcome: CallOutcome
    request: RequestId | None = None
    promised_by: date | None = None
    next_action: date | None = None
    by: SaidBy = _NOBODY

    def __post_init__(self) -> None:
        if (self.callee is Callee.FACILITY) is not (self.request is not None):
            raise ValueError("a facility is called about a request, and nobody else is")
        if (self.outcome is CallOutcome.PROMISED) is not (self.promised_by is not None):
            raise ValueError("a promise names its day, and nothing else does")
        if self.outcome is CallOutcome.NO_ANSWER and self.by.person is not None:
            raise ValueError("nobody answered, so nobody was spoken to")


def next_look(call: Call, today: date) -> date | None:
    """The day to look again: the one named; else a business day after what was promised, or after nobody was reached.

    None: they were spoken to and nothing was promised.
    """
    if call.next_action is not None or call.outcome is CallOutcome.SPOKE:
        return call.next_action
    return business_day_after(call.promised_by or today)
