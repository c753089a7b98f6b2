"""Turns: how many requests a department is asked at once, and whose turn is next.

A department (one system of an institution: its records office, its film room) has a queue of the requests that may be
made now. A request is made when it has a turn. A turn is a lease: that of a process that died frees itself. Who waits
holds nothing but a row.

- At most `at_once` requests are in flight. In quiet hours nothing new is asked; what is being asked is finished.
- The most urgent is next, then what is needed first, then who waits longest. So that nobody waits for ever, every
  fourth turn goes to whoever has waited longest, once that is more than an hour.
- A department that did not answer several times in a row rests, then is asked by one request, and rests longer.

The rules here are pure. `transfer.ledger.turns` keeps queues and turns; `transfer.flow.turns` gives them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from transfer.arrivals import Priority
from transfer.asking import Asking, QuietHours
from transfer.codes import Code, Coded
from transfer.identifiers import CaseId, RequestId
from transfer.requests import MAX_RETRY_AFTER

#: one of so many turns goes to whoever has waited longest
LONGEST_WAITING_EVERY: Final = 4
#: but not before they have waited so long
LONG_WAIT: Final = timedelta(hours=1)
#: whose turn lapsed before it asked lets the others go first for so long: something holds up its case
LAPSED_FOR: Final = timedelta(minutes=5)
#: times in a row without an answer, whoever asked, until a department rests
RESTS_AFTER: Final = 3
FIRST_REST: Final = timedelta(seconds=30)
MAX_REST: Final = timedelta(minutes=15)
#: of those who wait before one that are counted: whoever has so many before it is told that there may be more
MOST_BEFORE: Final = 100


class TurnWaitCode(Code):
    """For what a request waits that may be made now."""

    IN_LINE = "in-line", "department", "before"
    FAR_BACK = "far-back", "department", "before"
    QUIET_HOURS = "quiet-hours", "department", "until", "zone"
    DOES_NOT_REPLY = "does-not-reply", "department", "again"


class TurnWait(Coded[TurnWaitCode]):
    """Why it is not its turn. The words are in `transfer.sentences.desk`."""


class TurnState(StrEnum):
    #: its case is owed a round
    CALLED = "called"
    #: its case's round has handed it to a task
    HANDED_OUT = "handed-out"
    #: a task is asking
    ASKING = "asking"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRequest:
    """A request that may be made now and has no turn. Times are UTC."""

    request: RequestId
    case: CaseId
    priority: Priority
    needed_by: date | None
    since: datetime
    #: it had a turn and did not come
    lapsed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTurn:
    request: RequestId
    priority: Priority
    state: TurnState


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What is remembered of a department. Times are UTC."""

    #: turns given so far
    given: int = 0
    #: times in a row without an answer
    failures: int = 0
    silent_since: datetime | None = None
    rests_until: datetime | None = None

    @property
    def is_silent(self) -> bool:
        return self.failures >= RESTS_AFTER

    def rests(self, now: datetime) -> bool:
        return self.rests_until is not None and self.rests_until > now

    def unanswered(self, now: datetime, retry_after: float | None) -> "Queue":
        """After one more time without an answer. `retry_after`: the seconds they asked for, which all of us keep."""
        failures = self.failures + 1
        pause = timedelta(0)
        if failures >= RESTS_AFTER:
            pause = min(FIRST_REST * (1 << min(failures - RESTS_AFTER, 16)), MAX_REST)
        if retry_after is not None and retry_after > pause.total_seconds():  # false for NaN
            pause = timedelta(seconds=min(retry_after, MAX_RETRY_AFTER.total_seconds()))
        return Queue(
            given=self.given,
            failures=failures,
            silent_since=self.silent_since or now,
            rests_until=max(self.rests_until or now, now + pause) if pause else self.rests_until,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the institution's file says of a department, and where its clocks are."""

    asking: Asking
    zone: ZoneInfo

    def is_quiet(self, priority: Priority, now: datetime) -> bool:
        """Whether a request of this priority is not to be made at this time of day."""
        passes = priority is Priority.STAT and self.asking.stat_in_quiet_hours
        return not passes and self.quiet_until(now) is not None

    def quiet_until(self, now: datetime) -> datetime | None:
        """When the quiet hours of now are over, UTC; None: these are none."""
        until = now
        while ends := [end for hours in self.asking.quiet_hours if (end := _end(hours, self.zone, until))]:
            until = max(ends)
        return until if until > now else None


def in_order(waiting: Sequence[WaitingRequest], now: datetime) -> list[WaitingRequest]:
    """Who waits, the next one first."""
    return sorted(waiting, key=lambda one: (_is_passed_over(one, now), *_urgency(one)))


def whose_turn(
    waiting: Sequence[WaitingRequest], held: Sequence[HeldTurn], queue: Queue, terms: Terms, now: datetime
) -> list[WaitingRequest]:
    """To whom a turn is given now, in this order."""
    line = [one for one in in_order(waiting, now) if not terms.is_quiet(one.priority, now)]
    priorities = [one.priority for one in held]
    given: list[WaitingRequest] = []
    while able := [one for one in line if _is_free(one.priority, priorities, queue, terms, now)]:
        one = _next(able, queue.given + len(given) + 1, now)
        given.append(one)
        priorities.append(one.priority)
        line.remove(one)
    return given


def may_begin(priority: Priority, asking: Sequence[Priority], queue: Queue, terms: Terms, now: datetime) -> bool:
    """Whether a task that is here to make its request may do so beside those that are `asking`.

    This alone bounds what is in flight: a turn given before may have lapsed on the way, or been given to another since.
    """
    return not terms.is_quiet(priority, now) and _is_free(priority, asking, queue, terms, now)


def opens_at(queue: Queue, terms: Terms, now: datetime) -> datetime | None:
    """When time alone lets somebody ask who may not now: a rest or quiet hours end. None: it is open."""
    until = terms.quiet_until(queue.rests_until if queue.rests_until and queue.rests_until > now else now)
    return until or (queue.rests_until if queue.rests(now) else None)


def turn_wait(
    priority: Priority, before: int, queue: Queue, terms: Terms, now: datetime, *, department: str
) -> TurnWait:
    """Why it is not the turn of one that waits, with so many `before` it in the line, `MOST_BEFORE` at most."""
    if queue.rests_until and queue.rests(now):
        return TurnWait(
            TurnWaitCode.DOES_NOT_REPLY, department=department, again=f"{queue.rests_until:%Y-%m-%d %H:%MZ}"
        )
    if (until := terms.quiet_until(now)) and terms.is_quiet(priority, now):
        local = until.astimezone(terms.zone)
        return TurnWait(TurnWaitCode.QUIET_HOURS, department=department, until=f"{local:%H:%M}", zone=terms.zone.key)
    code = TurnWaitCode.IN_LINE if before < MOST_BEFORE else TurnWaitCode.FAR_BACK
    return TurnWait(code, department=department, before=before)


def _is_free(priority: Priority, held: Sequence[Priority], queue: Queue, terms: Terms, now: datetime) -> bool:
    if queue.rests(now):
        return False
    if queue.is_silent:  # one request finds out whether it answers again
        return not held
    asking = terms.asking
    others = sum(each is not Priority.STAT for each in held)
    is_for_all = priority is Priority.STAT or others < asking.at_once - asking.kept_for_stat
    return len(held) < asking.at_once and is_for_all


def _next(able: Sequence[WaitingRequest], number: int, now: datetime) -> WaitingRequest:
    """Of those in order, whose turn is the one of this number."""
    longest = min(able, key=lambda one: (_is_passed_over(one, now), one.since, one.request))
    if number % LONGEST_WAITING_EVERY == 0 and now - longest.since >= LONG_WAIT:
        return longest
    return able[0]


def _urgency(one: WaitingRequest) -> tuple[int, date, datetime, RequestId]:
    return one.priority.rank, one.needed_by or date.max, one.since, one.request


def _is_passed_over(one: WaitingRequest, now: datetime) -> bool:
    return one.lapsed_at is not None and now - one.lapsed_at < LAPSED_FOR


# --- quiet hours ------------------------------------------------------------------------------------------------------


def _end(hours: QuietHours, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When these hours end, if it is within them now."""
    today = now.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        end_day = day if hours.begin < hours.end else day + timedelta(days=1)
        begin, end = _instant(day, hours.begin, zone), _instant(end_day, hours.end, zone, last=True)
        if begin <= now < end:
            return end
    return None


def _instant(day: date, at: time, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """When the clocks of a zone show this, UTC: the first or the last time where they show it twice.

    Where they are put forward over it, that is the moment at which they are.
    """
    local = datetime.combine(day, at)
    once, again = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if once <= again:
        return again if last else once
    before, after = again, once  # skipped: it lies between the two
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).replace(tzinfo=None) < local:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
