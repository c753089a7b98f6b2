"""Silence is not an answer, forbidden is not absent, and an empty search proves nothing: four states, told apart."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from tests.kit.doors import a_task, post
from tests.kit.house import Chart, House
from tests.kit.processing import process_all
from tests.kit.staff import NURSE
from transfer import facts
from transfer.adapters.dicomweb import DicomwebClient
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.adapters.http import HttpLimits
from transfer.completeness import NeedState
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.receive import receive
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.requests import GIVE_UP_AFTER
from transfer.sentences import SENTENCES

pytestmark = pytest.mark.servers

#: institution of the sandbox, its department, the line that only it can answer
SOURCES = {"oncology": ("records-office", "oncology-notes"), "archive": ("film-room", "images")}


@pytest.fixture
def impatient(house: House) -> House:
    """The same installation, which takes a tenth of a second without a byte for silence."""
    services = replace(
        house.services,
        ask_documents=lambda source: FhirSourceClient(
            source.base_url, source.token, http=HttpLimits(silence_seconds=0.1)
        ),
        ask_archive=lambda source: DicomwebClient(source.base_url, source.token, http=HttpLimits(silence_seconds=0.1)),
    )
    return replace(house, services=services)


def a_case(house: House, chart: Chart) -> CaseId:
    house.release_form(chart)
    process_all(house.services)
    case = house.referral(chart)
    process_all(house.services)
    return case


def request_of(house: House, case: CaseId, department: str) -> str:
    with house.services.ledger.transaction() as tx:
        return str(tx.value("SELECT request FROM requests WHERE case_id = %s AND department = %s", case, department))


def waits(house: House, case: CaseId, department: str) -> set[str]:
    """What the case waits for from this department."""
    return {wait.code for wait in house.assessment(case).completeness.waits if wait.department == department}


def state_of_line(house: House, case: CaseId, key: str) -> str:
    return next(need.state for need in house.assessment(case).completeness.needs if need.line.key == key)


def holds_about(house: House, case: CaseId, request: str) -> dict[str, str]:
    with house.services.ledger.transaction() as tx:
        return {hold.code: key for key, hold in tx.case(case).holds.items() if hold.about == request}


def say_no_records(house: House, institution: str, request: str) -> int:
    return post(house, institution, "/fhir/Task", a_task("request", request, "rejected", "no-records")).status


def asked_at(house: House, case: CaseId, request: str) -> list[float]:
    """When we wrote that we ask, in seconds of the installation's clock."""
    with house.services.ledger.transaction() as tx:
        lines = tx.lines(Chain.case(case))
    return [
        line.at.timestamp()
        for line in lines
        if isinstance(line.fact, facts.RequestMoved) and line.fact.request == request and line.fact.state == "asking"
    ]


def wait_for_next_try(house: House, case: CaseId, hours_pass: Callable[[timedelta], None]) -> timedelta:
    """Move the clock to when something is to be asked again."""
    with house.services.ledger.transaction() as tx:
        pause = tx.value(
            "SELECT max(not_before) - transfer.now() FROM requests WHERE case_id = %s AND state = 'due'", case
        )
    assert pause is not None and pause > timedelta(0)
    hours_pass(pause + timedelta(seconds=1))
    return pause


@pytest.mark.parametrize("institution", SOURCES)
def test_an_empty_search_a_refusal_and_a_no_are_three_things(house: House, institution: str):
    department, line = SOURCES[institution]
    cases: dict[str, CaseId] = {}
    for answer in ("empty", "forbidden"):
        house.behave(institution, answer=answer)
        cases[answer] = a_case(house, house.a_patient(slices=2))
    house.behave(institution, answer="empty")
    cases["no-records"] = a_case(house, house.a_patient(slices=2))
    assert say_no_records(house, institution, request_of(house, cases["no-records"], department)) == 201
    process_all(house.services)

    states = {answer: house.request_states(case)[department] for answer, case in cases.items()}
    assert states == {"empty": "not-found", "forbidden": "forbidden", "no-records": "no-records"}
    assert len({SENTENCES[state].staff for state in states.values()}) == 3
    assert waits(house, cases["empty"], department) == {"confirm-absent"}
    assert waits(house, cases["forbidden"], department) == {"source-forbids"}
    assert waits(house, cases["no-records"], department) == set()
    sentences = {house.assessment(case).sentence for case in cases.values()}
    assert len(sentences) == 3
    # Only the source's own word settles the line.
    assert state_of_line(house, cases["empty"], line) == NeedState.MISSING
    assert state_of_line(house, cases["forbidden"], line) == NeedState.MISSING
    assert state_of_line(house, cases["no-records"], line) == NeedState.ABSENT_WITH_REASON
    refused = request_of(house, cases["forbidden"], department)
    assert set(holds_about(house, cases["forbidden"], refused)) == {"source-refuses"}


def test_silence_is_asked_again_ever_more_seldom_and_at_last_said(
    house: House, impatient: House, hours_pass: Callable[[timedelta], None]
):
    for institution in SOURCES:
        house.behave(institution, answer="silent")
    before = {institution: len(house.access_log(institution)) for institution in SOURCES}
    chart = house.a_patient(slices=2)
    case = a_case(impatient, chart)
    requests = {department: request_of(house, case, department) for department, _ in SOURCES.values()}
    tries = 1
    while "due" in {house.request_states(case)[department] for department in requests}:
        assert waits(house, case, "film-room") == {"source-retry"}
        assert tries < 30, "it is never given up"
        process_all(impatient.services)
        assert [len(asked_at(house, case, request)) for request in requests.values()] == [tries, tries], "too early"
        wait_for_next_try(house, case, hours_pass)
        process_all(impatient.services)
        tries += 1

    for institution, (department, line) in SOURCES.items():
        assert house.request_states(case)[department] == "silent"
        assert waits(house, case, department) == {"source-silent"}
        assert set(holds_about(house, case, requests[department])) == {"source-does-not-answer"}
        assert state_of_line(house, case, line) == NeedState.MISSING
        times = asked_at(house, case, requests[department])
        pauses = [later - earlier for earlier, later in pairwise(times)]
        assert len(times) == 12
        assert all(later > 1.5 * earlier for earlier, later in pairwise(pauses[:8]))
        assert max(pauses) < timedelta(hours=7).total_seconds()
        asked = house.access_log(institution)[before[institution] :]
        assert [line["status"] for line in asked] == [None] * 12

    # A person calls them, and they answer after all.
    for institution, (department, line) in SOURCES.items():
        house.behave(institution, answer="normal")
        hold = holds_about(house, case, requests[department])["source-does-not-answer"]
        desk.resolve(house.services, hold, HoldAnswer.AGAIN, actor=NURSE)
        process_all(house.services)
        assert house.request_states(case)[department] == "answered"
        assert state_of_line(house, case, line) == NeedState.SATISFIED
        assert not holds_about(house, case, requests[department])


def test_a_busy_source_is_not_asked_before_the_time_it_named(house: House, hours_pass: Callable[[timedelta], None]):
    for institution in SOURCES:
        house.behave(institution, answer="error-503", retry_after=7200)
    case = a_case(house, house.a_patient(slices=2))
    requests = {department: request_of(house, case, department) for department, _ in SOURCES.values()}
    hours_pass(timedelta(minutes=110))
    process_all(house.services)
    assert [len(asked_at(house, case, request)) for request in requests.values()] == [1, 1]

    for institution in SOURCES:
        house.behave(institution, answer="normal", retry_after=1)
    hours_pass(timedelta(minutes=11))
    process_all(house.services)
    assert [len(asked_at(house, case, request)) for request in requests.values()] == [2, 2]
    assert {house.request_states(case)[department] for department in requests} == {"answered"}


@pytest.mark.parametrize("answer", ["empty", "forbidden"])
def test_a_later_success_takes_the_place_of_what_was_said_before(house: House, answer: str):
    for institution in SOURCES:
        house.behave(institution, answer=answer)
    case = a_case(house, house.a_patient(slices=2))
    for institution, (department, line) in SOURCES.items():
        request = request_of(house, case, department)
        house.behave(institution, answer="normal")
        desk.answer_request(house.services, request, desk.RequestAnswer.AGAIN, actor=NURSE)
        process_all(house.services)
        assert house.request_states(case)[department] == "answered"
        assert state_of_line(house, case, line) == NeedState.SATISFIED
        assert not holds_about(house, case, request)


def test_a_refusal_that_ends_by_itself_is_asked_of_nobody_any_more(house: House):
    house.behave("archive", answer="forbidden")
    case = a_case(house, house.a_patient(slices=2))
    request = request_of(house, case, "film-room")
    house.behave("archive", answer="empty")
    with house.services.ledger.transaction() as tx:
        tx.run("UPDATE requests SET state = 'due' WHERE request = %s", request)
        tx.run("UPDATE due_runs SET state = 'owed' WHERE subject = %s AND dag_id = 'open_case'", case)
    process_all(house.services)
    assert house.request_states(case)["film-room"] == "not-found"
    assert set(holds_about(house, case, request)) == {"source-found-nothing"}


def test_a_silent_office_that_sends_something_is_asked_again(house: House):
    chart = house.a_patient(slices=2)
    house.behave("oncology", answer="error-503")
    case = a_case(house, chart)
    request = request_of(house, case, "records-office")
    for _ in range(GIVE_UP_AFTER - 1):
        assert house.request_states(case)["records-office"] == "due"
        with house.services.ledger.transaction() as tx:
            tx.run("UPDATE requests SET not_before = transfer.now() WHERE request = %s", request)
            tx.run("UPDATE queues SET rests_until = NULL")
            tx.run("UPDATE due_runs SET not_before = transfer.now() WHERE subject = %s AND state = 'owed'", case)
        process_all(house.services)
    assert house.request_states(case)["records-office"] == "silent"
    assert set(holds_about(house, case, request)) == {"source-does-not-answer"}

    house.behave("oncology", answer="normal")
    house.order("oncology", "push-document", {"chart": chart["id"], "document": "progress"})
    process_all(house.services)
    assert house.request_states(case)["records-office"] == "answered"
    with house.services.ledger.transaction() as tx:
        kinds = {record.document for record in tx.case(case).records.values()}
    assert "operative-note" in kinds, "what it sent by itself was taken for all it has"
    assert not holds_about(house, case, request)


@pytest.mark.parametrize(("answer", "state"), [("empty", "no-records"), ("normal", "answered")])
def test_a_no_said_while_we_ask_stands_unless_something_comes_all_the_same(house: House, answer: str, state: str):
    house.behave("archive", answer=answer, delay_seconds=0.5)
    chart = house.a_patient(slices=2)
    house.release_form(chart)
    process_all(house.services)
    case = house.referral(chart)
    with ThreadPoolExecutor() as background:
        asking = background.submit(process_all, house.services)
        until = time.monotonic() + 20
        while house.request_states(case).get("film-room") != "asking":
            assert time.monotonic() < until
            time.sleep(0.02)
        request = request_of(house, case, "film-room")
        assert say_no_records(house, "archive", request) == 201
        receive(house.services)
        assert house.request_states(case)["film-room"] == "no-records"
        house.order("archive", "behaviour", {"delay_seconds": 0})  # the rest may come as it likes
        asking.result(30)
    process_all(house.services)
    assert house.request_states(case)["film-room"] == state
    assert not holds_about(house, case, request)
