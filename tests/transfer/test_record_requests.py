"""One ask to one department: what it can become, and when it is tried again."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from transfer.errors import NotAllowed
from transfer.hold_answers import ANSWERS
from transfer.identifiers import CaseId, DepartmentId, InstitutionId, RequestId
from transfer.request_questions import QUESTIONS, REQUEST_ANSWERS
from transfer.requests import (
    GIVE_UP_AFTER,
    MAX_PAUSE,
    MAX_RETRY_AFTER,
    MOVES,
    OPEN,
    STANDINGS,
    TIMED,
    Owner,
    Request,
    RequestAnswer,
    RequestState,
    due_by,
    is_given_up,
    move,
    next_attempt,
    silent_from,
    state_after,
    when_overdue,
)

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
DENVER = ZoneInfo("America/Denver")


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


def test_what_was_withdrawn_is_only_asked_anew():
    assert MOVES[RequestState.WITHDRAWN] == {RequestState.DUE, RequestState.EXPECTED}


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


# --- what a source says -----------------------------------------------------------------------------------------------


def test_each_state_has_its_owner_and_where_a_person_must_act_something_leads_on():
    assert set(STANDINGS) == set(RequestState)
    for state, standing in STANDINGS.items():
        if standing.owner not in (Owner.WE, Owner.SOURCE) and state is not RequestState.NOT_PERMITTED:
            assert standing.steps, state
        for step in standing.steps:
            for is_fetched in (True, False):
                to = state_after(step, is_fetched=is_fetched)
                assert to in MOVES[state], (state, step)
                assert to is not state


def test_a_source_whose_time_runs_has_a_day_and_no_other():
    for state in RequestState:
        due = due_by(state, NOW, usual_days=7, zone=DENVER)
        assert (due is not None) == (state in TIMED)
        assert not due or STANDINGS[state].clock_runs


def test_all_of_a_promised_day_counts_where_the_source_is():
    due = due_by(RequestState.READY_ON, NOW, usual_days=7, zone=DENVER, day=date(2026, 12, 4))

    assert due == datetime(2026, 12, 5, 7, tzinfo=UTC)


@given(st.dates(), st.sampled_from(sorted(TIMED)), st.integers(0, 365), st.sampled_from(["UTC", "Pacific/Apia"]))
def test_a_promise_is_never_in_the_past_and_never_for_ever(day, state, usual_days, zone):
    due = due_by(state, NOW, usual_days=usual_days, zone=ZoneInfo(zone), day=day)

    assert due and NOW <= due <= NOW + max(timedelta(days=182), timedelta(days=2 * usual_days))


def test_who_is_late_is_asked_again_or_asked_about():
    for state in TIMED:
        for is_fetched in (True, False):
            assert when_overdue(state, is_fetched=is_fetched) in MOVES[state]
    assert when_overdue(RequestState.READY_ON, is_fetched=True) is RequestState.DUE
    assert when_overdue(RequestState.READY_ON, is_fetched=False) is RequestState.SILENT


class Life(RuleBasedStateMachine):
    """A request as sources, people, permissions and time move it: from each state something leads on, to the end."""

    def __init__(self) -> None:
        super().__init__()
        self.request = a_request(RequestState.DUE)

    def goes(self, to: RequestState) -> None:
        if to in MOVES[self.request.state]:
            self.request = move(self.request, to)

    @rule(answer=st.sampled_from(RequestAnswer), is_fetched=st.booleans())
    def is_answered(self, answer, is_fetched):
        self.goes(state_after(answer, is_fetched=is_fetched))

    @rule(to=st.sampled_from([RequestState.ANSWERED, RequestState.PARTLY, RequestState.FORBIDDEN]))
    def gives(self, to):
        self.goes(to)

    @rule()
    def is_asked(self):
        if self.request.state in (RequestState.DUE, RequestState.PARTLY):
            self.goes(RequestState.ASKING)

    @rule(is_fetched=st.booleans())
    def is_late(self, is_fetched):
        if self.request.state in TIMED:
            self.goes(when_overdue(self.request.state, is_fetched=is_fetched))

    @rule(is_permitted=st.booleans())
    def permission_changes(self, is_permitted):
        if not is_permitted:
            self.goes(RequestState.NOT_PERMITTED)
        elif self.request.state is RequestState.NOT_PERMITTED:
            self.goes(RequestState.DUE)

    @invariant()
    def something_leads_on(self):
        state = self.request.state
        standing = STANDINGS[state]
        asks_itself = state in (RequestState.DUE, RequestState.ASKING, RequestState.PARTLY)
        is_settled = state in (RequestState.ANSWERED, RequestState.NO_RECORDS)
        waits_for_form = state is RequestState.NOT_PERMITTED
        assert standing.steps or asks_itself or is_settled or waits_for_form or state in TIMED
        assert MOVES[state]
        if state in QUESTIONS:
            assert ANSWERS[QUESTIONS[state]]
            for word in ANSWERS[QUESTIONS[state]]:
                for is_fetched in (True, False):
                    assert state_after(REQUEST_ANSWERS[word], is_fetched=is_fetched) in MOVES[state]
        assert standing.owner is not Owner.DESK or state in QUESTIONS or state in ASKED_WHEN_ASKING

    @invariant()
    def it_can_be_done_without(self):
        assert self.request.state is RequestState.WITHDRAWN or RequestState.WITHDRAWN in MOVES[self.request.state]


#: their question is asked where the asking ends (`transfer.flow.request`)
ASKED_WHEN_ASKING = (RequestState.FORBIDDEN, RequestState.SILENT)

TestLife = Life.TestCase
