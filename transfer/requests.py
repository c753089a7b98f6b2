"""One ask to one department, from the first attempt to its end.

Forbidden is not absent. An empty search means "not found under these identifiers". Silence is not an answer. A fee, a
form of theirs and a promise are no answers either. Each is a state of its own (docs/safety.md, promise 9).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from transfer.business_days import business_day_after
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
    # the source promises it
    IN_PROGRESS = "in-progress"
    READY_ON = "ready-on"
    #: the report is written and nobody has signed it
    NOT_SIGNED = "not-signed"
    REST_FOLLOWS = "rest-follows"
    # the source gives it once something is done
    #: they want a form of their own
    FORM_REQUIRED = "form-required"
    AUTHORIZATION_NOT_ACCEPTED = "authorization-not-accepted"
    IDENTIFIER_REQUIRED = "identifier-required"
    FEE_REQUIRED = "fee-required"
    # the source leaves it to us
    ALREADY_SENT = "already-sent"
    HELD_ELSEWHERE = "held-elsewhere"
    #: we ask where they said that it is
    ASKED_ELSEWHERE = "asked-elsewhere"
    REFUSED = "refused"
    #: it answered in words or codes that only a person can read
    ANSWER_UNCLEAR = "answer-unclear"

    @property
    def is_open(self) -> bool:
        """Whether we still have something to do, or await something from the source."""
        return self in OPEN


class RequestAnswer(StrEnum):
    """What was heard from a source, or done about it."""

    # heard
    NO_RECORDS = "no-records"
    NOT_FOUND = "not-found"
    WILL_SEND = "will-send"
    IN_PROGRESS = "in-progress"
    READY_ON = "ready-on"
    NOT_SIGNED = "not-signed"
    REST_FOLLOWS = "rest-follows"
    ALREADY_SENT = "already-sent"
    FORM_REQUIRED = "form-required"
    AUTHORIZATION_NOT_ACCEPTED = "authorization-not-accepted"
    IDENTIFIER_REQUIRED = "identifier-required"
    FEE_REQUIRED = "fee-required"
    HELD_ELSEWHERE = "held-elsewhere"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    #: they say that they are done
    COMPLETED = "completed"
    # done
    AGAIN = "again"
    FORM_SENT = "form-sent"
    FEE_APPROVED = "fee-approved"
    FEE_DISPUTED = "fee-disputed"
    ASK_ELSEWHERE = "ask-elsewhere"
    DO_WITHOUT = "do-without"


class Owner(StrEnum):
    """Whose turn it is."""

    #: the system, by itself
    WE = "we"
    DESK = "desk"
    SOURCE = "source"
    REFERRING_OFFICE = "referring-office"
    PATIENT = "patient"
    #: the receiving center, of a packet that is there
    CENTER = "center"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whose turn it is in a state, whether the source's time runs, and what leads on, the usual first."""

    owner: Owner
    clock_runs: bool = False
    steps: tuple[RequestAnswer, ...] = ()


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
    #: the added need that it alone is for; empty: it is for what the list needs
    need: str = ""
    attempts: int = 0
    not_before: datetime | None = None
    #: by when the source is to have done what it owes, UTC; None: its time does not run
    due_at: datetime | None = None
    #: when somebody at the desk looks after it next, a day of the source's
    next_action_on: date | None = None


_S, _A = RequestState, RequestAnswer
#: states a source's answer can lead to, whatever the request was waiting for
_ANSWERS = frozenset({_S.ANSWERED, _S.PARTLY, _S.NOT_FOUND, _S.FORBIDDEN, _S.NO_RECORDS})
#: what a source owes by a day that it named, or by its usual days
PROMISED = frozenset({_S.IN_PROGRESS, _S.READY_ON, _S.NOT_SIGNED, _S.REST_FOLLOWS})
#: where a source's time runs
TIMED = PROMISED | {_S.EXPECTED}
#: its time stands still until something is done here, in the referring office or by the patient
CONDITIONAL = frozenset({_S.FORM_REQUIRED, _S.AUTHORIZATION_NOT_ACCEPTED, _S.IDENTIFIER_REQUIRED, _S.FEE_REQUIRED})
#: what a source said instead of giving it
SAID = PROMISED | CONDITIONAL | {_S.ALREADY_SENT, _S.HELD_ELSEWHERE, _S.REFUSED, _S.ANSWER_UNCLEAR}
_ASKED_ANEW = frozenset({_S.DUE, _S.EXPECTED})

#: what may be heard or done wherever a request stands, by whoever may ask
_HEARD = (_ANSWERS - {_S.FORBIDDEN}) | SAID | _ASKED_ANEW | {_S.NOT_PERMITTED, _S.WITHDRAWN}

#: the allowed moves; every other move is an error. To itself: said again, otherwise
MOVES: Mapping[RequestState, frozenset[RequestState]] = MappingProxyType(
    {
        _S.EXPECTED: _HEARD | {_S.FORBIDDEN, _S.SILENT},
        _S.DUE: _HEARD | {_S.ASKING, _S.SILENT},
        # to itself: a newer claim takes over from a task that died
        _S.ASKING: _HEARD | {_S.ASKING, _S.FORBIDDEN, _S.SILENT},
        _S.PARTLY: _HEARD - {_S.NOT_FOUND, _S.NO_RECORDS} | {_S.ASKING, _S.FORBIDDEN, _S.SILENT},
        # reopened by a decline, taken back by the source, or not all of it yet
        _S.ANSWERED: _HEARD - {_S.NOT_FOUND, _S.NO_RECORDS, _S.NOT_PERMITTED},
        _S.NOT_FOUND: _HEARD | {_S.ASKED_ELSEWHERE},
        _S.FORBIDDEN: _HEARD | {_S.ASKED_ELSEWHERE},
        _S.NO_RECORDS: _HEARD - {_S.NOT_PERMITTED} | {_S.ASKED_ELSEWHERE},
        _S.SILENT: _HEARD | {_S.FORBIDDEN, _S.ASKED_ELSEWHERE},
        # what they push meanwhile waits sealed until a basis is in force. To itself: for another reason
        _S.NOT_PERMITTED: frozenset({_S.NOT_PERMITTED, _S.WITHDRAWN}) | _ASKED_ANEW,
        # somebody wants it after all
        _S.WITHDRAWN: _ASKED_ANEW,
        # a promise that is not kept counts as silence where nothing can be asked
        **dict.fromkeys(sorted(PROMISED), _HEARD | {_S.SILENT}),
        **dict.fromkeys(sorted(SAID - PROMISED), _HEARD | {_S.ASKED_ELSEWHERE}),
        _S.ASKED_ELSEWHERE: _HEARD,
    }
)

OPEN = frozenset({_S.EXPECTED, _S.DUE, _S.ASKING, _S.PARTLY}) | SAID

_OTHERWISE = (_A.AGAIN, _A.DO_WITHOUT)
#: whose turn it is in each state
STANDINGS: Mapping[RequestState, Standing] = MappingProxyType(
    {
        _S.EXPECTED: Standing(Owner.SOURCE, clock_runs=True),
        _S.DUE: Standing(Owner.WE, clock_runs=True),
        _S.ASKING: Standing(Owner.WE, clock_runs=True),
        _S.ANSWERED: Standing(Owner.WE),
        _S.PARTLY: Standing(Owner.SOURCE, clock_runs=True),
        _S.NOT_FOUND: Standing(Owner.DESK, steps=(_A.AGAIN, _A.NO_RECORDS, _A.ASK_ELSEWHERE, _A.DO_WITHOUT)),
        _S.FORBIDDEN: Standing(Owner.DESK, steps=(_A.AGAIN, _A.ASK_ELSEWHERE, _A.DO_WITHOUT)),
        _S.NO_RECORDS: Standing(Owner.WE),
        _S.SILENT: Standing(Owner.DESK, clock_runs=True, steps=(_A.AGAIN, _A.ASK_ELSEWHERE, _A.DO_WITHOUT)),
        _S.NOT_PERMITTED: Standing(Owner.PATIENT),
        _S.WITHDRAWN: Standing(Owner.WE, steps=(_A.AGAIN,)),
        **dict.fromkeys(sorted(PROMISED), Standing(Owner.SOURCE, clock_runs=True, steps=_OTHERWISE)),
        _S.FORM_REQUIRED: Standing(Owner.DESK, steps=(_A.FORM_SENT, *_OTHERWISE)),
        _S.AUTHORIZATION_NOT_ACCEPTED: Standing(Owner.PATIENT, steps=_OTHERWISE),
        _S.IDENTIFIER_REQUIRED: Standing(Owner.REFERRING_OFFICE, steps=_OTHERWISE),
        _S.FEE_REQUIRED: Standing(Owner.DESK, steps=(_A.FEE_APPROVED, _A.FEE_DISPUTED, _A.DO_WITHOUT)),
        _S.ALREADY_SENT: Standing(Owner.DESK, steps=_OTHERWISE),
        _S.HELD_ELSEWHERE: Standing(Owner.DESK, steps=(_A.ASK_ELSEWHERE, *_OTHERWISE)),
        _S.ASKED_ELSEWHERE: Standing(Owner.WE, steps=_OTHERWISE),
        _S.REFUSED: Standing(Owner.DESK, steps=(*_OTHERWISE, _A.ASK_ELSEWHERE)),
        _S.ANSWER_UNCLEAR: Standing(Owner.DESK, steps=_OTHERWISE),
    }
)

#: somebody outside is to act, and somebody here asks for it when its day has come
AWAITED = frozenset(
    state for state in OPEN if STANDINGS[state].owner in (Owner.SOURCE, Owner.REFERRING_OFFICE, Owner.PATIENT)
)

#: a source gives nothing, and says so
REFUSALS = frozenset({_S.REFUSED, _S.FORBIDDEN, _S.AUTHORIZATION_NOT_ACCEPTED})

#: what is done about a state by somebody here; everything else is heard
DONE = frozenset({_A.AGAIN, _A.FORM_SENT, _A.FEE_APPROVED, _A.FEE_DISPUTED, _A.ASK_ELSEWHERE, _A.DO_WITHOUT})
_LEADS_TO: Mapping[RequestAnswer, RequestState] = MappingProxyType(
    {
        **{answer: RequestState(answer) for answer in RequestAnswer if answer.value in {*map(str, RequestState)}},
        _A.WILL_SEND: _S.EXPECTED,
        _A.UNCLEAR: _S.ANSWER_UNCLEAR,
        _A.ASK_ELSEWHERE: _S.ASKED_ELSEWHERE,
        _A.DO_WITHOUT: _S.WITHDRAWN,
    }
)

#: the finding of an answer that left something with the source, because no permission covered it
NOT_COVERED = "not-covered"
#: the finding of a request whose source did not answer
UNREACHABLE = "unreachable"
#: the finding of a request whose source found somebody who may be the patient, and people are asked
UNDECIDED = "undecided"
#: the finding of a request whose source did not keep its day, or sent nothing in twice its usual days
OVERDUE = "overdue"
#: tries without an answer until a request is *silent*; with the pauses below that is about a day
GIVE_UP_AFTER = 12
#: and so long without an answer, where the department was asked as often in a row for whomever: those who wait there
#: share its tries
SILENT_AFTER = timedelta(hours=24)
FIRST_PAUSE = timedelta(seconds=30)
MAX_PAUSE = timedelta(hours=6)
#: the longest "try again later" that we take from a source
MAX_RETRY_AFTER = timedelta(hours=24)
#: the latest day that a source may promise
MAX_PROMISE = timedelta(days=180)


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
    return replace(request, state=to, attempts=attempts, not_before=not_before if to in OPEN else None, due_at=None)


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


def first_state(*, is_fetched: bool) -> RequestState:
    """Where an ask begins, and begins again."""
    return _S.DUE if is_fetched else _S.EXPECTED


def state_after(answer: RequestAnswer, *, is_fetched: bool) -> RequestState:
    """The state that an answer leads to; of what is asked anew, by how the department is asked."""
    return _LEADS_TO.get(answer) or first_state(is_fetched=is_fetched)


def due_by(
    state: RequestState, now: datetime, *, usual_days: int, zone: ZoneInfo, day: date | None = None
) -> datetime | None:
    """By when the source is to have done what it owes in this state, UTC; None: its time does not run.

    `day` is what it promised, in its own `zone`: all of that day counts, and at most `MAX_PROMISE` ahead. What has no
    day is due when silence would begin.
    """
    if state not in TIMED:
        return None
    if day is None:
        return silent_from(now, usual_days)
    latest = (now + MAX_PROMISE).astimezone(zone).date()
    ends = datetime.combine(min(day, latest) + timedelta(days=1), time(), zone).astimezone(UTC)
    return max(ends, now)


def next_action_on(request: Request, now: datetime, zone: ZoneInfo) -> date:
    """The day on which somebody asks whether it arrived, where nobody chose one: one business day
    after the last day of the source's time, and where that does not run, after today. `zone` is the source's.
    """
    day = now.astimezone(zone).date()
    if request.due_at:
        # The last moment of a day is a day of the source's, and not the next one.
        last = (min(request.due_at, now + MAX_PROMISE) - timedelta(microseconds=1)).astimezone(zone).date()
        day = max(day, last)
    return business_day_after(day)


def is_same_wait(before: Request, after: Request) -> bool:
    """Whether what the desk planned of a request still fits after a move: the same side is to act, by the same day."""
    same = STANDINGS[before.state].owner is STANDINGS[after.state].owner
    return after.state.is_open and same and after.due_at in (None, before.due_at)


def is_prepared(done: RequestAnswer, done_at: datetime, now: datetime, usual_days: int) -> bool:
    """Whether a source may still be at what it wanted a form or a fee for: an empty search says nothing then."""
    return done in _PREPARED_AFTER and now < silent_from(done_at, usual_days)


_PREPARED_AFTER = frozenset({_A.FORM_SENT, _A.FEE_APPROVED, _A.FEE_DISPUTED})


def when_overdue(state: RequestState, *, is_fetched: bool) -> RequestState:
    """What becomes of a request whose source is late: a promise is looked after, and the rest counts as silence."""
    return _S.DUE if is_fetched and state in PROMISED else _S.SILENT
