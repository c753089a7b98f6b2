"""One ask to one department: what it can become, and when it is tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.errors import NotAllowed
from transfer.identifiers import CaseId, DepartmentId, InstitutionId, RequestId
from transfer.requests import (
    GIVE_UP_AFTER,
    MAX_PAUSE,
    MAX_RETRY_AFTER,
    MOVES,
    OPEN,
    Request,
    RequestState,
    is_given_up,
    move,
    next_attempt,
    silent_from,
)

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def a_request(state: RequestState = RequestState.DUE, attempts: int = 0) -> Request:
    return Request(
        id=RequestId.draw(),
        case=CaseId.draw(),
        institution=InstitutionId("lakeside-oncology"),
        department=DepartmentId("records-office"),
        lines=("oncology-notes",),
        state=state,
        attempts=attempts,
        not_before=NOW,
    )


@pytest.mark.parametrize("before", RequestState)
@pytest.mark.parametrize("after", RequestState)
def test_a_request_moves_as_the_table_says_and_no_other_way(before, after):
    if after in MOVES[before]:
        assert move(a_request(before), after).state is after
    else:
        with pytest.raises(NotAllowed):
            move(a_request(before), after)


def test_every_state_has_its_moves_and_is_reachable():
    assert set(MOVES) == set(RequestState) > OPEN
    reached = {RequestState.DUE, RequestState.EXPECTED}.union(*MOVES.values())
    assert reached == set(RequestState)
    assert RequestState.EXPECTED.is_open
    assert not RequestState.SILENT.is_open


def test_an_empty_search_a_refusal_no_records_and_silence_are_four_different_states():
    asking = a_request(RequestState.ASKING)
    four = (RequestState.NOT_FOUND, RequestState.FORBIDDEN, RequestState.NO_RECORDS, RequestState.SILENT)

    assert len({move(asking, state).state for state in four}) == 4


def test_what_came_too_late_still_answers():
    for given_up in (RequestState.NOT_FOUND, RequestState.FORBIDDEN, RequestState.SILENT):
        assert move(a_request(given_up), RequestState.ANSWERED).state is RequestState.ANSWERED


def test_what_is_pushed_without_a_basis_answers_nothing():
    with pytest.raises(NotAllowed):
        move(a_request(RequestState.NOT_PERMITTED), RequestState.ANSWERED)


def test_what_was_withdrawn_stays_withdrawn():
    assert not MOVES[RequestState.WITHDRAWN]


def test_each_try_is_counted_and_an_answer_begins_the_count_anew():
    tried = move(a_request(attempts=2), RequestState.ASKING)
    again = move(tried, RequestState.DUE, not_before=LATER)

    assert tried.attempts == 3
    assert (again.attempts, again.not_before) == (3, LATER)
    assert move(tried, RequestState.ANSWERED).attempts == 0


def test_what_is_over_has_no_next_time():
    assert move(a_request(), RequestState.WITHDRAWN, not_before=LATER).not_before is None


def test_the_pauses_double_from_half_a_minute_to_six_hours():
    pauses = [next_attempt(n, NOW, None) - NOW for n in range(1, 13)]

    assert pauses[:3] == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2)]
    assert pauses[-1] == MAX_PAUSE


def test_a_source_that_says_when_is_believed_within_reason():
    assert next_attempt(1, NOW, 600) == NOW + timedelta(minutes=10)
    assert next_attempt(1, NOW, 1) == NOW + timedelta(seconds=30)
    assert next_attempt(1, NOW, 10**9) == NOW + MAX_RETRY_AFTER


@given(st.integers(), st.none() | st.floats())
def test_no_number_from_outside_breaks_the_clock_or_puts_it_off_for_ever(attempts, retry_after):
    pause = next_attempt(attempts, NOW, retry_after) - NOW

    assert timedelta(seconds=30) <= pause <= MAX_RETRY_AFTER


@given(st.integers(1, 100))
def test_a_later_try_never_waits_shorter(attempts):
    assert next_attempt(attempts, NOW, None) <= next_attempt(attempts + 1, NOW, None)


def test_after_a_day_of_trying_a_person_hears_of_it():
    spent = sum((next_attempt(n, NOW, None) - NOW for n in range(1, GIVE_UP_AFTER)), timedelta())

    assert timedelta(hours=12) < spent < timedelta(hours=36)
    assert not is_given_up(GIVE_UP_AFTER - 1)
    assert is_given_up(GIVE_UP_AFTER)


def test_silence_begins_after_twice_the_usual_days():
    assert silent_from(NOW, usual_days=7) == NOW + timedelta(days=14)
