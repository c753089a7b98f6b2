"""Whose turn it is: never more than are asked at once, nobody waits for ever, the urgent first, quiet hours kept."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.arrivals import Priority
from transfer.asking import Asking
from transfer.identifiers import CaseId, RequestId
from transfer.turns import (
    FIRST_REST,
    LAPSED_FOR,
    LONG_WAIT,
    LONGEST_WAITING_EVERY,
    MAX_REST,
    RESTS_AFTER,
    HeldTurn,
    Queue,
    Terms,
    TurnState,
    WaitingRequest,
    in_order,
    may_begin,
    opens_at,
    whose_turn,
)

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
CHICAGO = ZoneInfo("America/Chicago")
STAT, ASAP, URGENT, ROUTINE = Priority.STAT, Priority.ASAP, Priority.URGENT, Priority.ROUTINE


def terms(zone: ZoneInfo = CHICAGO, **asking: object) -> Terms:
    return Terms(asking=Asking.model_validate(asking), zone=zone)


def quiet(*hours: tuple[str, str], zone: ZoneInfo = CHICAGO, **asking: object) -> Terms:
    return terms(zone, quiet_hours=[{"from": begin, "to": end} for begin, end in hours], **asking)


def waits(priority: Priority = ROUTINE, minutes: float = 0, needed_by: date | None = None) -> WaitingRequest:
    since = NOW - timedelta(minutes=minutes)
    return WaitingRequest(
        request=RequestId.draw(), case=CaseId.draw(), priority=priority, needed_by=needed_by, since=since
    )


def holds(priority: Priority = ROUTINE, state: TurnState = TurnState.ASKING) -> HeldTurn:
    return HeldTurn(request=RequestId.draw(), priority=priority, state=state)


priorities = st.sampled_from(Priority)
lines = st.lists(st.builds(waits, priorities, st.floats(0, 10_000), st.none() | st.dates()), max_size=12)
turns_held = st.lists(st.builds(holds, priorities, st.sampled_from(TurnState)), max_size=6)
askings = st.integers(1, 8).flatmap(
    lambda n: st.builds(lambda kept: {"at_once": n, "kept_for_stat": kept}, st.integers(0, n - 1))
)
queues = st.builds(
    Queue,
    given=st.integers(0, 1000),
    failures=st.integers(0, 20),
    silent_since=st.none(),
    rests_until=st.none() | st.timedeltas(timedelta(0), timedelta(hours=1)).map(lambda ago: NOW - ago),
)


# --- how many ---------------------------------------------------------------------------------------------------------


@given(lines, turns_held, queues, askings)
def test_no_more_have_a_turn_than_are_asked_at_once(
    line: list[WaitingRequest], held: list[HeldTurn], queue: Queue, asking: dict[str, int]
):
    called = whose_turn(line, held, queue, terms(**asking), NOW)

    assert len(called) <= max(0, asking["at_once"] - len(held))
    others = sum(one.priority is not STAT for one in (*called, *held))
    assert not called or others <= max(
        asking["at_once"] - asking["kept_for_stat"], sum(one.priority is not STAT for one in held)
    )


@given(lines, askings)
def test_whatever_is_free_is_given(line: list[WaitingRequest], asking: dict[str, int]):
    stat, others = [o for o in line if o.priority is STAT], [o for o in line if o.priority is not STAT]
    may = min(len(others), asking["at_once"] - asking["kept_for_stat"])

    called = whose_turn(line, [], Queue(), terms(**asking), NOW)
    assert len(called) == min(len(stat) + may, asking["at_once"])


@given(priorities, st.lists(priorities, max_size=10), askings, queues)
def test_a_task_begins_only_where_that_makes_no_more_than_are_asked_at_once(
    priority: Priority, asking: list[Priority], file: dict[str, int], queue: Queue
):
    if may_begin(priority, asking, queue, terms(**file), NOW):
        assert len(asking) < file["at_once"]
        others = sum(one is not STAT for one in (priority, *asking))
        assert priority is STAT or others <= file["at_once"] - file["kept_for_stat"] or queue.is_silent


# --- in which order ---------------------------------------------------------------------------------------------------


def test_the_most_urgent_goes_first_then_what_is_needed_first_then_who_waits_longest():
    line = [
        waits(STAT, 1),
        waits(ASAP, 30),
        waits(URGENT, 30),
        waits(ROUTINE, 5, date(2026, 12, 1)),
        waits(ROUTINE, 50, date(2026, 12, 2)),
        waits(ROUTINE, 40),
        waits(ROUTINE, 30),
    ]

    assert in_order(line[::-1], NOW) == line


def test_a_stat_case_overtakes_twenty():
    line = [*(waits(ROUTINE, minutes) for minutes in range(20)), waits(STAT)]

    assert whose_turn(line, [], Queue(), terms(at_once=1), NOW)[0].priority is STAT


def test_one_turn_is_kept_for_a_stat_case():
    held, file = [holds(), holds()], terms(at_once=3, kept_for_stat=1)

    assert whose_turn([waits()], held, Queue(), file, NOW) == []
    assert len(whose_turn([waits(STAT)], held, Queue(), file, NOW)) == 1


def test_who_let_a_turn_lapse_lets_the_others_go_first_for_a_while():
    lapsed = replace(waits(STAT, 50), lapsed_at=NOW)
    line = [lapsed, waits()]

    assert in_order(line, NOW) == line[::-1]
    assert in_order(line, NOW + LAPSED_FOR) == line
    assert whose_turn([lapsed], [], Queue(), terms(), NOW) == [lapsed]


@given(
    st.integers(0, 8),
    st.sampled_from([URGENT, ASAP, STAT]),
    st.integers(0, LONGEST_WAITING_EVERY),
    st.integers(1, 4),
)
def test_nobody_waits_for_ever_whatever_comes_that_is_more_urgent(
    before: int, more_urgent: Priority, given_before: int, at_once: int
):
    """More urgent ones come without end. Who waits has his turn after four for each that has waited longer."""
    ours = waits(ROUTINE, LONG_WAIT.total_seconds() / 60)
    line = [ours, *(waits(ROUTINE, 61 + n) for n in range(before))]
    queue, count = Queue(given=given_before), 0
    while True:
        line += [waits(more_urgent) for _ in range(at_once)]
        called = whose_turn(line, [], queue, terms(at_once=at_once), NOW)
        count += len(called)
        queue = replace(queue, given=queue.given + len(called))
        line = [one for one in line if one not in called]
        if ours in called:
            break
        assert count <= LONGEST_WAITING_EVERY * (before + 2)


def test_of_four_turns_a_stat_case_gets_at_least_three_however_long_others_have_waited():
    line: list[WaitingRequest] = [*(waits(ROUTINE, 600) for _ in range(20)), *(waits(STAT) for _ in range(20))]

    assert [one.priority for one in whose_turn(line, [], Queue(), terms(at_once=8), NOW)] == [
        *(STAT, STAT, STAT, ROUTINE),
        *(STAT, STAT, STAT, ROUTINE),
    ]


# --- who does not answer ----------------------------------------------------------------------------------------------


def after(failures: int, retry_after: float | None = None) -> Queue:
    queue = Queue()
    for _ in range(failures):
        queue = queue.unanswered(NOW, retry_after)
    return queue


def test_who_does_not_answer_several_times_rests_and_then_one_asks():
    line = [waits(), waits(STAT)]
    queue = after(RESTS_AFTER)

    assert after(RESTS_AFTER - 1).rests_until is None
    assert queue.rests_until == NOW + FIRST_REST
    assert whose_turn(line, [], queue, terms(at_once=8), NOW) == []
    assert not may_begin(STAT, [], queue, terms(), NOW)
    later = NOW + FIRST_REST
    assert whose_turn(line, [], queue, terms(at_once=8), later) == [line[1]]
    assert whose_turn(line, [holds()], queue, terms(at_once=8), later) == []


def test_it_rests_ever_longer_up_to_a_bound():
    rests = [after(n).rests_until for n in range(RESTS_AFTER, 30)]

    assert rests == sorted(r for r in rests if r)
    assert rests[-1] == NOW + MAX_REST


@given(st.integers(0, 20), st.floats(allow_nan=True, allow_infinity=True))
def test_what_a_source_asks_us_to_wait_is_kept_by_all_and_shortens_nothing(failures: int, seconds: float):
    with_, without = after(failures).unanswered(NOW, seconds), after(failures).unanswered(NOW, None)

    assert (with_.rests_until or NOW) >= (without.rests_until or NOW)
    assert (with_.rests_until or NOW) <= NOW + timedelta(hours=24)


def test_it_is_remembered_since_when_nobody_was_answered():
    first = Queue().unanswered(NOW, None)

    assert first.unanswered(NOW + LONG_WAIT, None).silent_since == NOW


# --- quiet hours ------------------------------------------------------------------------------------------------------


def at(local: str, zone: ZoneInfo = CHICAGO, fold: int = 0) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        (("01:00", "05:00"), "2026-11-20T00:59", None),
        (("01:00", "05:00"), "2026-11-20T01:00", "2026-11-20T05:00"),
        (("01:00", "05:00"), "2026-11-20T05:00", None),
        (("22:00", "06:00"), "2026-11-20T23:30", "2026-11-21T06:00"),
        (("22:00", "06:00"), "2026-11-21T00:00", "2026-11-21T06:00"),
        (("22:00", "06:00"), "2026-11-21T06:00", None),
        (("22:00", "00:00"), "2026-11-20T23:59", "2026-11-21T00:00"),
    ],
)
def test_quiet_hours_are_by_the_clock_there_and_go_past_midnight(hours: tuple[str, str], now: str, until: str | None):
    assert quiet(hours).quiet_until(at(now)) == (at(until) if until else None)


def test_quiet_hours_that_meet_end_together():
    assert quiet(("22:00", "02:00"), ("01:00", "05:00")).quiet_until(at("2026-11-20T23:00")) == at("2026-11-21T05:00")


def test_clocks_put_forward_take_an_hour_from_quiet_hours_and_never_lose_their_end():
    """2026-03-08, 02:00 becomes 03:00 in Chicago."""
    assert quiet(("22:00", "02:30")).quiet_until(at("2026-03-08T01:00")) == datetime(2026, 3, 8, 8, 0, tzinfo=UTC)
    skipped = quiet(("02:15", "02:45"))
    assert skipped.quiet_until(datetime(2026, 3, 8, 7, 59, tzinfo=UTC)) is None
    assert skipped.quiet_until(datetime(2026, 3, 8, 8, 1, tzinfo=UTC)) is None


def test_clocks_put_back_give_an_hour_to_quiet_hours():
    """2026-11-01, 02:00 becomes 01:00 in Chicago: 01:30 comes twice."""
    end = datetime(2026, 11, 1, 7, 30, tzinfo=UTC)

    assert quiet(("22:00", "01:30")).quiet_until(at("2026-10-31T23:00")) == end
    assert quiet(("22:00", "01:30")).quiet_until(at("2026-11-01T01:45", fold=0)) == end
    assert quiet(("22:00", "01:30")).quiet_until(end) is None


zones = st.sampled_from(["America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]).map(
    ZoneInfo
)
moments = st.integers(0, 3 * 365 * 24 * 60).map(lambda passed: NOW - timedelta(days=400) + timedelta(minutes=passed))
minutes = st.integers(0, 24 * 60 - 1).map(lambda m: f"{m // 60:02}:{m % 60:02}")


@given(minutes, minutes, zones, moments)
def test_at_any_moment_the_clock_there_says_whether_it_is_quiet(begin: str, end: str, zone: ZoneInfo, now: datetime):
    if begin == end:
        return
    until = quiet((begin, end), zone=zone).quiet_until(now)
    local = now.astimezone(zone)
    shows = local.time()
    first, last = time.fromisoformat(begin), time.fromisoformat(end)
    within = first <= shows < last if first < last else shows >= first or shows < last
    is_shifted = {(now + timedelta(hours=h)).astimezone(zone).utcoffset() for h in (-3, 0, 3)}
    if len(is_shifted) == 1:  # no clock is put forward or back near now
        assert (until is not None) == within
    if until:
        assert now < until <= now + timedelta(hours=26)
        assert quiet((begin, end), zone=zone).quiet_until(until) is None


@given(lines, moments)
def test_in_quiet_hours_nothing_is_called_but_stat_where_the_file_lets_it(line: list[WaitingRequest], now: datetime):
    night, strict = quiet(("22:00", "06:00"), at_once=8), quiet(("22:00", "06:00"), stat_in_quiet_hours=False)
    if night.quiet_until(now) is None:
        return

    assert {one.priority for one in whose_turn(line, [], Queue(), night, now)} <= {STAT}
    assert whose_turn(line, [], Queue(), strict, now) == []
    assert may_begin(STAT, [], Queue(), night, now)
    assert not may_begin(STAT, [], Queue(), strict, now)


def test_it_is_known_when_time_alone_opens_a_queue():
    night = quiet(("22:00", "06:00"))
    evening = at("2026-11-20T21:59")
    resting = Queue(failures=9, rests_until=evening + timedelta(minutes=5))

    assert opens_at(Queue(), terms(), NOW) is None
    assert opens_at(resting, terms(), evening) == evening + timedelta(minutes=5)
    assert opens_at(Queue(), night, at("2026-11-20T22:00")) == at("2026-11-21T06:00")
    assert opens_at(resting, night, evening) == at("2026-11-21T06:00")


def test_turns_go_to_those_who_wait_and_to_nobody_twice():
    line: Sequence[WaitingRequest] = [waits() for _ in range(5)]
    called = whose_turn(line, [], Queue(), terms(at_once=4), NOW)

    assert len({one.request for one in called}) == 4
    assert {one.request for one in called} <= {one.request for one in line}
