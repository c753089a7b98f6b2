"""When something that is wrong begins to be told, and when it is over."""

from datetime import UTC, datetime, timedelta

import pytest

from transfer.alerts import (
    AFTER,
    CALM,
    FEW,
    PAUSE,
    SILENT,
    TRIES,
    USUAL,
    Alert,
    AlertCode,
    AlertStep,
    SenderPause,
    Trouble,
    step,
    troubles,
    try_again_after,
)
from transfer.identifiers import AlertId

T0 = datetime(2026, 11, 29, 18, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def an_alert(**more: datetime) -> Alert:
    return Alert(id=AlertId.draw(), code=AlertCode.CASES_OVERDUE, about="summit", amount=1, why="", seen_at=T0, **more)


@pytest.mark.parametrize(
    ("after", "is_seen", "expected"),
    [
        (AFTER - SECOND, True, AlertStep.WAIT),
        (AFTER, True, AlertStep.BEGIN),
        (AFTER * 9, False, AlertStep.FORGET),
        (SECOND, False, AlertStep.FORGET),
    ],
)
def test_what_is_wrong_for_moments_alone_begins_nothing(after, is_seen, expected):
    assert step(an_alert(), T0 + after, is_seen=is_seen) is expected


@pytest.mark.parametrize(
    ("missed_after", "now_after", "is_seen", "expected"),
    [
        (None, CALM * 99, True, AlertStep.WAIT),
        (None, AFTER, False, AlertStep.MISS),
        (AFTER, AFTER + CALM - SECOND, False, AlertStep.WAIT),
        (AFTER, AFTER + CALM, False, AlertStep.END),
        (AFTER, AFTER + CALM * 9, True, AlertStep.RETURN),
    ],
)
def test_it_is_over_once_it_was_right_for_long_enough(missed_after, now_after, is_seen, expected):
    times = {"began_at": T0 + AFTER} | ({"missed_at": T0 + missed_after} if missed_after is not None else {})
    assert step(an_alert(**times), T0 + now_after, is_seen=is_seen) is expected


def found(**given: object) -> list[Trouble]:
    return list(troubles(**{"silent": {}, "pauses": [], "failures": {}, "overdue": {}} | given))  # type: ignore[arg-type]


def test_one_that_was_asked_may_be_silent_for_so_long():
    assert found(silent={"mercy": SILENT}) == []
    assert found(silent={"mercy": SILENT + SECOND}) == [Trouble(code=AlertCode.SOURCE_SILENT, about="mercy", amount=60)]


@pytest.mark.parametrize(
    ("messages", "longest", "now", "is_wrong"),
    [
        (USUAL, timedelta(hours=62), timedelta(hours=93), False),
        (USUAL, timedelta(hours=62), timedelta(hours=94), True),
        (USUAL, timedelta(minutes=1), PAUSE, False),
        (USUAL, timedelta(minutes=1), PAUSE + SECOND, True),
        (USUAL - 1, timedelta(minutes=1), timedelta(days=9), False),
    ],
)
def test_one_that_sends_by_itself_pauses_as_it_did_before(messages, longest, now, is_wrong):
    pause = SenderPause(institution="prairie", messages=messages, longest=longest, now=now)
    codes = [(one.code, one.about) for one in found(pauses=[pause])]
    assert codes == ([(AlertCode.NOTHING_COMES, "prairie")] if is_wrong else [])


@pytest.mark.parametrize(
    ("failed", "part"),
    [
        ([True] * (FEW - 1), None),
        ([True] * FEW, 100),
        ([True] * 5 + [False] * 5, 50),
        ([True] * 4 + [False] * 6, None),
    ],
)
def test_of_the_last_exchanges_half_may_not_fail(failed, part):
    expected = [Trouble(code=AlertCode.EXCHANGES_FAIL, about="mercy", amount=part, why="fetch")] if part else []
    assert found(failures={("fetch", "mercy"): failed}) == expected


def test_each_case_that_is_needed_soon_and_not_ready_counts_for_its_center():
    assert found(overdue={"summit": 3}) == [Trouble(code=AlertCode.CASES_OVERDUE, about="summit", amount=3)]


def test_a_message_is_tried_ever_more_seldom_and_for_hours():
    waits = [try_again_after(tries) for tries in range(1, TRIES + 1)]
    assert waits == sorted(waits)
    assert timedelta(hours=2) < sum(waits, timedelta(0)) < timedelta(hours=6)
