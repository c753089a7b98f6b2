"""One ask to one department, from the first attempt to its end.

Forbidden is not absent. An empty search means "not found under these identifiers". Silence is not an answer. Each is a
state of its own (docs/safety.md, promise 9).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from transfer.errors import NotAllowed
from transfer.identifiers import CaseId, DepartmentId, InstitutionId, RequestId


class RequestState(StrEnum):
    """Where an ask stands."""

    #: the source sends by itself; we wait
    EXPECTED = "expected"
    #: to be asked, now or from `not_before` on
    DUE = "due"
    #: a task is asking
    ASKING = "asking"
    ANSWERED = "answered"
    #: something came, and more is owed
    PARTLY = "partly"
    #: an empty search: not found under these identifiers
    NOT_FOUND = "not-found"
    FORBIDDEN = "forbidden"
    #: the source says that it holds nothing
    NO_RECORDS = "no-records"
    #: asked as often as is sensible, without an answer
    SILENT = "silent"
    #: no legal basis is in force: not asked
    NOT_PERMITTED = "not-permitted"
    WITHDRAWN = "withdrawn"

    @property
    def is_open(self) -> bool:
        """Whether we still have something to do, or await something from the source."""
        return self in OPEN


class RequestAnswer(StrEnum):
    """What was heard, or decided."""

    NO_RECORDS = "no-records"
    NOT_FOUND = "not-found"
    WILL_SEND = "will-send"
    AGAIN = "again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One ask. `not_before` is UTC; `attempts` counts the times we tried, successful or not."""

    id: RequestId
    case: CaseId
    institution: InstitutionId
    department: DepartmentId
    #: keys of the checklist lines this request is to fill
    lines: tuple[str, ...]
    state: RequestState
    attempts: int = 0
    not_before: datetime | None = None
    #: their number for it, once they gave one
    reference: str | None = None


_S = RequestState
#: states a source's answer can lead to, whatever the request was waiting for
_ANSWERS = frozenset({_S.ANSWERED, _S.PARTLY, _S.NOT_FOUND, _S.FORBIDDEN, _S.NO_RECORDS})
#: an answer, whole or in part, that came after nobody waited for it
_CAME_AFTER_ALL = frozenset({_S.ANSWERED, _S.PARTLY})

#: the allowed moves; every other move is an error. Only *withdrawn* is final: asking again after it is a new request
MOVES: Mapping[RequestState, frozenset[RequestState]] = MappingProxyType(
    {
        _S.EXPECTED: _ANSWERS | {_S.DUE, _S.SILENT, _S.NOT_PERMITTED, _S.WITHDRAWN},
        _S.DUE: _CAME_AFTER_ALL | {_S.ASKING, _S.EXPECTED, _S.NO_RECORDS, _S.SILENT, _S.NOT_PERMITTED, _S.WITHDRAWN},
        # to itself: a newer claim takes over from a task that died
        _S.ASKING: _ANSWERS | {_S.ASKING, _S.DUE, _S.SILENT, _S.NOT_PERMITTED, _S.WITHDRAWN},
        _S.PARTLY: _CAME_AFTER_ALL | {_S.ASKING, _S.DUE, _S.FORBIDDEN, _S.SILENT, _S.NOT_PERMITTED, _S.WITHDRAWN},
        # reopened by a decline, or taken back by the source
        _S.ANSWERED: frozenset({_S.ANSWERED, _S.PARTLY, _S.DUE, _S.EXPECTED, _S.WITHDRAWN}),
        # they said by telephone that they send by themselves
        _S.NOT_FOUND: _CAME_AFTER_ALL | {_S.DUE, _S.EXPECTED, _S.NO_RECORDS, _S.NOT_PERMITTED, _S.WITHDRAWN},
        _S.FORBIDDEN: _CAME_AFTER_ALL | {_S.DUE, _S.EXPECTED, _S.NO_RECORDS, _S.NOT_PERMITTED, _S.WITHDRAWN},
        _S.NO_RECORDS: _CAME_AFTER_ALL | {_S.DUE, _S.EXPECTED, _S.WITHDRAWN},
        _S.SILENT: _ANSWERS | {_S.DUE, _S.EXPECTED, _S.NOT_PERMITTED, _S.WITHDRAWN},
        # what they push meanwhile waits sealed until a basis is in force. To itself: for another reason
        _S.NOT_PERMITTED: frozenset({_S.NOT_PERMITTED, _S.DUE, _S.EXPECTED, _S.WITHDRAWN}),
        _S.WITHDRAWN: frozenset(),
    }
)

OPEN = frozenset({_S.EXPECTED, _S.DUE, _S.ASKING, _S.PARTLY})

#: the finding of an answer that left something with the source, because no permission covered it
NOT_COVERED = "not-covered"
#: the finding of a request whose source did not answer
UNREACHABLE = "unreachable"
#: the finding of a request whose source found somebody who may be the patient, and people are asked
UNDECIDED = "undecided"
#: tries without an answer until a request is *silent*; with the pauses below that is about a day
GIVE_UP_AFTER = 12
#: and so long without an answer, where the department was asked as often in a row for whomever: those who wait there
#: share its tries
SILENT_AFTER = timedelta(hours=24)
FIRST_PAUSE = timedelta(seconds=30)
MAX_PAUSE = timedelta(hours=6)
#: the longest "try again later" that we take from a source
MAX_RETRY_AFTER = timedelta(hours=24)


def move(request: Request, to: RequestState, *, not_before: datetime | None = None) -> Request:
    """The request in its new state. `not_before` stays only where something is still to be tried or awaited.

    Entering *asking* counts one attempt. An answer starts the count anew.

    Raises:
        NotAllowed: the table has no such move.
    """
    if to not in MOVES[request.state]:
        raise NotAllowed(f"request {request.id} cannot go from {request.state} to {to}")
    attempts = request.attempts + 1 if to is _S.ASKING else request.attempts
    if to in _ANSWERS:
        attempts = 0
    return replace(request, state=to, attempts=attempts, not_before=not_before if to in OPEN else None)


def next_attempt(attempts: int, now: datetime, retry_after: float | None) -> datetime:
    """When to try again after `attempts` tries (1 = the first one failed). Pauses double from 30 seconds to six hours.

    `retry_after` is what the source asked for, in seconds. It comes from outside: it can lengthen the pause up to a
    day, but never shorten it. It is ignored where it is not a number.
    """
    doublings = min(max(attempts, 1) - 1, 32)
    pause = min(FIRST_PAUSE * (1 << doublings), MAX_PAUSE)
    if retry_after is not None and retry_after > pause.total_seconds():  # false for NaN
        pause = timedelta(seconds=min(retry_after, MAX_RETRY_AFTER.total_seconds()))
    return now + pause


def is_given_up(attempts: int, *, for_whomever: int = 0, unanswered_for: timedelta = timedelta(0)) -> bool:
    """Whether it was tried as often as is sensible: the request becomes *silent*, and a person is asked.

    `attempts` are its own in a row; `for_whomever` those of its department for all who wait there, which count for it
    once it has been without an answer for a day.
    """
    return attempts >= GIVE_UP_AFTER or (for_whomever >= GIVE_UP_AFTER and unanswered_for >= SILENT_AFTER)


def silent_from(asked_at: datetime, usual_days: int) -> datetime:
    """When a missing answer begins to count as silence: after twice the department's usual days."""
    return asked_at + timedelta(days=2 * usual_days)
