"""What a source says to a request: whose turn it is then, whether its time runs, what leads on, and never absence."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.doors import a_task, posted
from tests.kit.fakes import MemoryDocuments
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN
from transfer import facts
from transfer.completeness import NeedState
from transfer.errors import NotAllowed
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, holds, requests, rounds
from transfer.patients import Demographics
from transfer.records import RecordKind
from transfer.request_questions import QUESTIONS
from transfer.requests import SAID, STANDINGS, Owner, Request, RequestState
from transfer.requests import RequestAnswer as A
from transfer.rounds import Dag
from transfer.source_answers import Fee, SaidBy

pytestmark = pytest.mark.servers
S = RequestState


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def laboratory(services: Services, case: CaseId) -> Request:
    """The request to a department that sends by itself."""
    return b.request_to(services, case, b.PRAIRIE)


def film_room(services: Services, case: CaseId) -> Request:
    """The request to a department that we fetch from."""
    return b.request_to(services, case, b.MERCY)


def says(services: Services, request: Request, status: str, code: str | None = None, **more: object) -> None:
    """The institution's Task about our request, through the door and processed."""
    posted(services, request.institution, a_task("request", request.id, status, code, **more))
    process_all(services)


def say(services: Services, request: Request, answer: A, **more: Any) -> Any:
    return desk.answer_request(services, request.id, answer, actor=ANN, **more)


def need(services: Services, case: CaseId, line: str) -> str:
    return next(one.state for one in b.assessed(services, case).completeness.needs if one.line.key == line)


def codes(services: Services, case: CaseId, request: Request) -> list[str]:
    return [hold.code for hold in b.open_holds(services, case) if hold.about == request.id]


def shown(services: Services, case: CaseId, request: Request, **more: bool) -> Any:
    found = desk.dossier(services, case, actor=ANN, **more)
    return next(one for one in found.requests if one.request == request.id)


# --- by Task ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "state"),
    [
        ("rejected", "form-required", S.FORM_REQUIRED),
        ("on-hold", "fee-required", S.FEE_REQUIRED),
        ("rejected", "held-elsewhere", S.HELD_ELSEWHERE),
        ("rejected", "expired", S.AUTHORIZATION_NOT_ACCEPTED),
        ("rejected", "identifier-required", S.IDENTIFIER_REQUIRED),
        ("rejected", "policy", S.REFUSED),
        ("rejected", None, S.REFUSED),
        ("rejected", "what-else", S.ANSWER_UNCLEAR),
        ("on-hold", None, S.ANSWER_UNCLEAR),
        ("rejected", "already-sent", S.ALREADY_SENT),
        ("rejected", "not-found", S.NOT_FOUND),
    ],
)
def test_a_refusal_is_never_absence_and_asks_a_person(services: Services, status: str, code: str | None, state: S):
    case = b.a_case_without_slides(services)
    request = b.put(services, laboratory(services, case), S.EXPECTED)
    with services.ledger.transaction() as tx:  # what came is replaced: its line lacks it again
        tx.run("UPDATE collected SET superseded = true WHERE case_id = %s AND line = 'pathology-report'", case)

    says(services, request, status, code)

    assert laboratory(services, case).state is state
    assert need(services, case, "pathology-report") in (NeedState.MISSING, NeedState.REQUESTED)
    assert not b.assessed(services, case).completeness.is_complete
    assert codes(services, case, request) == [QUESTIONS[state]]
    assert shown(services, case, request).steps
    assert laboratory(services, case).due_at is None


def test_only_no_records_is_absence(services: Services):
    case = b.a_case(services)

    says(services, laboratory(services, case), "rejected", "no-records")
    assert laboratory(services, case).state is S.NO_RECORDS
    assert need(services, case, "pathology-report") is NeedState.REQUESTED, "the office is asked for it, too"

    says(services, b.request_to(services, case, b.LAKESIDE), "rejected", "destroyed")
    assert need(services, case, "pathology-report") is NeedState.ABSENT_WITH_REASON


def test_progress_is_kept_with_its_day_and_its_words(services: Services):
    case = b.a_case(services)
    request = laboratory(services, case)
    says(
        services,
        request,
        "in-progress",
        businessStatus={"text": "ready Friday"},
        executionPeriod={"end": "2099-01-01"},
        note=[{"authorString": "Jo Field", "text": "pulled"}],
        identifier=[{"system": "urn:theirs", "value": "R-7"}],
    )

    found = laboratory(services, case)
    assert (found.state, STANDINGS[found.state].owner) == (S.IN_PROGRESS, Owner.SOURCE)
    assert codes(services, case, request) == []
    seen = shown(services, case, request, identity=True, notes=True)
    assert (seen.heard.person, seen.heard.reference, seen.heard.words) == ("Jo Field", "R-7", "ready Friday\npulled")
    plain = shown(services, case, request)
    assert (plain.heard.person, plain.heard.reference, plain.heard.words) == (None, None, None)
    with services.ledger.transaction() as tx:  # a century ahead is taken as half a year
        assert found.due_at and timedelta(days=178) < found.due_at - tx.now() < timedelta(days=183)


def test_words_and_names_of_a_source_stand_in_no_fact(services: Services):
    case = b.a_case(services)
    says(services, laboratory(services, case), "rejected", "Marker-Code", note=[{"text": "Marker-Words"}])

    with services.ledger.transaction() as tx:
        told = [row.text for row in tx.rows("SELECT text FROM facts")]
        assert not [text for text in told if "arker" in str(text)]
        assert not tx.rows("SELECT 1 FROM notes WHERE position('Marker-Words'::bytea IN text) > 0")


def test_the_same_task_again_changes_nothing(services: Services):
    case = b.a_case(services)
    request = laboratory(services, case)
    for day in ("2026-11-20", "2026-11-21"):  # the same, sent at another time
        says(services, request, "on-hold", "fee-required", lastModified=f"{day}T10:00:00Z")

    assert answers(services, case) == ["fee-required"]
    assert codes(services, case, request) == ["source-wants-fee"]


def answers(services: Services, case: CaseId) -> list[str]:
    with services.ledger.transaction() as tx:
        found = [line.fact for line in tx.lines(Chain.case(case)) if isinstance(line.fact, facts.RequestAnswered)]
    return [one.answer if one.counts else f"({one.answer})" for one in found]


def test_answers_in_any_order_lead_to_the_last_one_said(services: Services):
    case = b.a_case(services)
    request = laboratory(services, case)
    says(services, request, "on-hold", "fee-required", lastModified="2026-01-03T10:00:00Z")
    says(services, request, "accepted", lastModified="2026-01-01T10:00:00Z")
    says(services, request, "on-hold", "form-required", lastModified="2026-01-02T10:00:00Z")

    assert laboratory(services, case).state is S.FEE_REQUIRED
    assert answers(services, case) == ["fee-required", "(in-progress)", "(form-required)"]


def test_a_late_answer_to_an_older_ask_moves_nothing(services: Services):
    case = b.a_case(services)
    request = laboratory(services, case)
    say(services, request, A.FEE_REQUIRED)
    say(services, request, A.FEE_APPROVED)

    says(services, request, "on-hold", "fee-required", lastModified="2026-01-01T10:00:00Z")

    assert laboratory(services, case).state is S.EXPECTED
    assert codes(services, case, request) == []


def test_a_clock_that_is_ahead_does_not_outdo_what_is_said_later(services: Services):
    case = b.a_case(services)
    request = laboratory(services, case)
    says(services, request, "on-hold", "fee-required", lastModified="2098-01-01T10:00:00Z")

    say(services, request, A.FEE_APPROVED)

    assert laboratory(services, case).state is S.EXPECTED


@pytest.mark.parametrize(
    ("status", "code", "asked"),
    [
        ("on-hold", "fee-required", ["answered-after-records"]),
        ("rejected", "policy", ["answered-after-records"]),
        ("rejected", "no-records", ["answered-after-records"]),
        ("accepted", None, []),
        ("completed", None, []),
    ],
)
def test_what_is_said_after_the_records_came_takes_none_of_them_back(
    services: Services, status: str, code: str | None, asked: list[str]
):
    case = b.a_case_without_slides(services)
    request = laboratory(services, case)
    assert request.state is S.ANSWERED

    says(services, request, status, code)

    assert laboratory(services, case).state is S.ANSWERED
    assert need(services, case, "pathology-report") is NeedState.SATISFIED
    assert codes(services, case, request) == asked
    assert shown(services, case, request).left_aside.answer == answers(services, case)[-1].strip("()")
    (told,) = [one.heard.answer for one in desk.holds(services, actor=ANN, case=case) if one.code in asked] or [""]
    assert bool(told) == bool(asked)


@pytest.mark.parametrize("code", ["in-progress", "ready-on", "not-signed", "fee-required", "held-elsewhere", "refused"])
def test_records_that_come_after_all_answer_it(services: Services, code: str):
    case = b.a_case(services)
    request = laboratory(services, case)
    status = "in-progress" if code in ("in-progress", "ready-on", "not-signed") else "rejected"
    says(services, request, status, code)

    b.came_in(services, case, RecordKind.PATHOLOGY_REPORT)

    assert laboratory(services, case).state is S.ANSWERED
    assert codes(services, case, request) == []


def test_what_nobody_may_ask_for_is_not_moved_by_an_answer(services: Services):
    case = b.a_case(services, form=False)
    request = laboratory(services, case)

    says(services, request, "on-hold", "fee-required")

    assert laboratory(services, case).state is S.NOT_PERMITTED
    assert answers(services, case) == ["(fee-required)"]


@pytest.mark.parametrize("status", ["completed", "accepted"])
def test_what_nobody_wants_any_more_is_not_asked_again_by_an_answer(services: Services, status: str):
    case = b.a_case(services)
    request = laboratory(services, case)
    say(services, request, A.DO_WITHOUT)

    says(services, request, status)
    assert laboratory(services, case).state is S.WITHDRAWN

    desk.close(services, case, "not-coming", actor=ANN)
    says(services, film_room(services, case), status)
    assert film_room(services, case).state is S.WITHDRAWN


def test_in_progress_said_again_and_again_puts_nothing_off(services: Services, hours_pass: Callable[[timedelta], None]):
    case = b.a_case(services)
    request = laboratory(services, case)
    says(services, request, "accepted")
    due = laboratory(services, case).due_at

    hours_pass(timedelta(days=3))
    says(services, request, "in-progress", businessStatus={"text": "still"})

    assert laboratory(services, case).due_at == due


# --- by telephone -----------------------------------------------------------------------------------------------------


def test_a_fee_is_approved_and_the_source_awaited_again(services: Services):
    case = b.a_case(services)
    request = laboratory(services, case)
    say(services, request, A.FEE_REQUIRED, fee=Fee(amount=Decimal("12.50"), currency="USD"))
    seen = shown(services, case, request)
    assert (seen.owner, seen.clock_runs, seen.due_at) == (Owner.DESK, False, None)
    assert (seen.heard.amount, seen.heard.currency) == ("12.50", "USD")
    (listed,) = [one for one in desk.holds(services, actor=ANN, case=case) if one.code == "source-wants-fee"]
    assert listed.heard
    assert (listed.heard.amount, [one.answer for one in listed.answers]) == (
        "12.50",
        ["approve", "dispute", "do-without"],
    )
    assert seen.steps[:2] == (A.FEE_APPROVED, A.FEE_DISPUTED)

    hold = b.the_hold(services, "source-wants-fee")
    desk.resolve(services, hold.id, HoldAnswer.APPROVE, actor=BEN)

    found = laboratory(services, case)
    assert found.state is S.EXPECTED
    assert found.due_at
    assert answers(services, case) == ["fee-required", "fee-approved"]


@pytest.mark.parametrize(
    ("said", "code", "word", "done"),
    [
        (A.FORM_REQUIRED, "source-wants-form", HoldAnswer.SENT, "form-sent"),
        (A.FEE_REQUIRED, "source-wants-fee", HoldAnswer.DISPUTE, "fee-disputed"),
        (A.IDENTIFIER_REQUIRED, "source-wants-identifier", HoldAnswer.AGAIN, "again"),
        (A.ALREADY_SENT, "source-sent-before", HoldAnswer.AGAIN, "again"),
        (A.REFUSED, "source-will-not-release", HoldAnswer.AGAIN, "again"),
    ],
)
def test_each_question_leads_back_to_asking(services: Services, said: A, code: str, word: HoldAnswer, done: str):
    case = b.a_case(services)
    request = film_room(services, case)
    say(services, request, said)
    hold = b.the_hold(services, code)

    desk.resolve(services, hold.id, word, actor=ANN)

    assert film_room(services, case).state is S.DUE
    assert ("open_case", case) in b.owed(services)
    assert answers(services, case)[-1] == done
    assert not desk.resolve(services, hold.id, word, actor=ANN).changed


@pytest.mark.parametrize("said", [A(state) for state in sorted(SAID - {S.ANSWER_UNCLEAR})])
def test_one_can_do_without_any_source_and_ask_it_again_all_the_same(services: Services, said: A):
    case = b.a_case(services)
    request = laboratory(services, case)
    say(services, request, said)

    say(services, request, A.DO_WITHOUT)
    assert laboratory(services, case).state is S.WITHDRAWN
    assert codes(services, case, request) == []
    assert need(services, case, "pathology-report") is NeedState.REQUESTED, "of the others who are asked"

    say(services, request, A.AGAIN)
    assert laboratory(services, case).state is S.EXPECTED


def test_the_same_answer_twice_is_written_once_and_another_detail_is_news(services: Services):
    case = b.a_case(services)
    request = laboratory(services, case)
    jo = SaidBy(person="Jo Field", reference="R-7")

    assert say(services, request, A.IN_PROGRESS, by=jo).changed
    assert not say(services, request, A.IN_PROGRESS, by=jo).changed
    assert say(services, request, A.IN_PROGRESS, by=jo, day=date(2099, 1, 1)).changed
    assert answers(services, case) == ["in-progress"] * 2


def test_what_an_answer_does_not_take_is_refused(services: Services):
    request = laboratory(services, b.a_case(services))

    for more in ({"reason": "expired"}, {"fee": Fee(amount=Decimal(1), currency="USD")}, {"institution": b.MERCY}):
        with pytest.raises(NotAllowed, match="takes no such"):
            say(services, request, A.IN_PROGRESS, **more)


def test_held_elsewhere_is_asked_there(services: Services):
    chart = b.a_chart()
    b.sign_form(services, chart)
    case = b.refer(services, chart, sources=[])
    process_all(services)
    office = b.request_to(services, case, b.LAKESIDE)
    with services.ledger.transaction() as tx:
        assert [one.institution for one in requests.of_case(tx, case)] == [b.LAKESIDE]
    says(services, office, "rejected", "held-elsewhere", output=[at(services, b.PRAIRIE)])
    assert shown(services, case, office).heard.elsewhere == b.PRAIRIE

    say(services, office, A.ASK_ELSEWHERE)
    process_all(services)

    assert b.request_to(services, case, b.LAKESIDE).state is S.ASKED_ELSEWHERE
    assert laboratory(services, case).state is S.EXPECTED
    assert need(services, case, "pathology-report") is NeedState.REQUESTED

    # That the other one has none either is no absence: the first has not said so.
    says(services, laboratory(services, case), "rejected", "no-records")
    assert need(services, case, "pathology-report") is NeedState.MISSING
    assert codes(services, case, office) == ["nobody-holds-it"]


def at(services: Services, institution: str) -> dict[str, Any]:
    number = services.institutions[institution].identifiers[0]
    return {
        "type": {"text": "held at"},
        "valueReference": {"identifier": {"system": number.system, "value": number.value}},
    }


def test_where_nobody_said_who_holds_it_somebody_must_be_named(services: Services):
    case = b.a_case(services)
    request = laboratory(services, case)
    say(services, request, A.HELD_ELSEWHERE)

    with pytest.raises(NotAllowed, match="nobody said who"):
        say(services, request, A.ASK_ELSEWHERE)
    with pytest.raises(NotAllowed, match="no other department"):
        say(services, request, A.ASK_ELSEWHERE, institution=b.SUMMIT)
    assert laboratory(services, case).state is S.HELD_ELSEWHERE


def test_a_better_form_asks_again_who_did_not_accept_the_first(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    say(services, laboratory(services, case), A.AUTHORIZATION_NOT_ACCEPTED, reason="expired")
    process_all(services)
    assert laboratory(services, case).state is S.AUTHORIZATION_NOT_ACCEPTED

    b.sign_form(services, chart, number="another")
    process_all(services)

    assert laboratory(services, case).state is S.EXPECTED
    assert b.open_holds(services, case) == []


# --- time -------------------------------------------------------------------------------------------------------------


def sweep(services: Services) -> None:
    """What the dispatcher does, and the rounds that it owes."""
    with services.ledger.transaction() as tx:
        requests.sweep(tx)
    process_all(services)


def in_days(services: Services, count: int) -> date:
    with services.ledger.transaction() as tx:
        return (tx.now() + timedelta(days=count)).date()


def test_a_promise_that_is_not_kept_is_asked_for_again_or_becomes_a_question(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    case = b.a_case(services)
    pushed, fetched = laboratory(services, case), film_room(services, case)
    for request in (pushed, fetched):
        say(services, request, A.READY_ON, day=in_days(services, 3))
    hours_pass(timedelta(days=2))
    sweep(services)
    assert (laboratory(services, case).state, film_room(services, case).state) == (S.READY_ON, S.READY_ON)

    hours_pass(timedelta(days=3))
    sweep(services)

    assert laboratory(services, case).state is S.SILENT
    assert codes(services, case, pushed) == ["source-does-not-answer"]
    assert film_room(services, case).state is S.DUE
    assert film_room(services, case).attempts == fetched.attempts + 1, "it was asked again"


def test_what_is_only_awaited_becomes_a_question_after_twice_the_usual_days(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    case = b.a_case(services)
    request = laboratory(services, case)
    assert request.due_at
    hours_pass(timedelta(days=3))
    sweep(services)
    assert laboratory(services, case).state is S.EXPECTED

    hours_pass(timedelta(days=2))
    sweep(services)

    assert laboratory(services, case).state is S.SILENT
    assert codes(services, case, request) == ["source-does-not-answer"]
    assert laboratory(services, case).due_at is None


def test_what_is_awaited_since_before_there_were_days_is_given_some(services: Services):
    case = b.a_case(services)
    with services.ledger.transaction() as tx:
        tx.run("UPDATE requests SET due_at = NULL")

    sweep(services)

    assert laboratory(services, case).due_at


def test_a_case_whose_rounds_fail_is_run_no_sooner_because_a_source_is_late(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    case = b.a_case(services)
    hours_pass(timedelta(days=5))
    with services.ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET state = 'done' WHERE subject = %s", case)
        rounds.owe(tx, Dag.OPEN_CASE, case, after=timedelta(minutes=5), attempts=3)

    with services.ledger.transaction() as tx:
        requests.sweep(tx)
        later = tx.value("SELECT not_before > transfer.now() FROM due_runs WHERE subject = %s AND state = 'owed'", case)
    assert later

    with services.ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET state = 'done' WHERE subject = %s", case)
        holds.place(tx, case, HoldCode.MACHINERY_BROKEN, Dag.OPEN_CASE)
    sweep(services)
    assert laboratory(services, case).state is S.EXPECTED, "a person decides first"

    (asked,) = b.open_holds(services, case)
    desk.resolve(services, asked.id, HoldAnswer.AGAIN, actor=ANN)
    process_all(services)
    assert laboratory(services, case).state is S.SILENT


def test_the_line_of_a_case_says_whose_turn_it_is_and_until_when(services: Services):
    case = b.a_case(services)
    request = laboratory(services, case)
    day = in_days(services, 5)
    say(services, request, A.READY_ON, day=day)
    assert f"Prairie Pathology, Report desk, by {day}" in why(services, case)

    say(services, request, A.FEE_REQUIRED)
    assert "wants a fee, and its clock stands still" in why(services, case)


def why(services: Services, case: CaseId) -> str:
    return next(one.why for one in desk.list_cases(services, actor=ANN) if one.case == case)


def test_an_empty_search_soon_after_a_fee_is_approved_is_no_answer(
    ledger: Ledger, hours_pass: Callable[[timedelta], None]
):
    office = MemoryDocuments([], patient=Demographics())
    services = b.new_services(ledger, ask_documents=lambda _: office)
    case = b.a_case(services)
    request = b.request_to(services, case, b.LAKESIDE)
    assert request.state is S.NOT_FOUND
    say(services, request, A.FEE_REQUIRED)

    say(services, request, A.FEE_APPROVED)
    process_all(services)
    assert b.request_to(services, case, b.LAKESIDE).state is S.IN_PROGRESS
    assert codes(services, case, request) == []

    hours_pass(timedelta(days=5))
    sweep(services)
    assert b.request_to(services, case, b.LAKESIDE).state is S.NOT_FOUND


def test_what_they_send_by_a_day_is_late_after_it(services: Services, hours_pass: Callable[[timedelta], None]):
    case = b.a_case(services)
    say(services, laboratory(services, case), A.WILL_SEND, day=in_days(services, 9))

    hours_pass(timedelta(days=9))
    sweep(services)
    assert laboratory(services, case).state is S.EXPECTED

    hours_pass(timedelta(days=2))
    sweep(services)
    assert laboratory(services, case).state is S.SILENT
