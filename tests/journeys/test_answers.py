"""On real Airflow: what a source wants is given, and its records come."""

from typing import Any

import pytest

from tests.kit.auditor import eventually
from tests.kit.house import Chart, House
from tests.kit.staff import ANN
from transfer.completeness import NeedState
from transfer.flow import desk
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.ledger import holds, requests
from transfer.requests import Request

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

OFFICE, DESK = "records-office", "report-desk"


@pytest.fixture(scope="module")
def house(airflow_house: House) -> House:
    return airflow_house


def request_to(house: House, case: CaseId, department: str) -> Request | None:
    with house.services.ledger.transaction() as tx:
        return next((one for one in requests.of_case(tx, case) if one.department == department), None)


def opened(house: House, chart: Chart, department: str, **referral: Any) -> tuple[CaseId, Request]:
    """A patient's case, whose department is asked or awaited. Its first round may be over before its form is read."""
    case = house.referral(chart, **referral)
    not_yet = (None, "not-permitted", "due", "asking")
    eventually("it is asked", lambda: house.request_states(case).get(department) not in not_yet)
    request = request_to(house, case, department)
    assert request
    return case, request


def says(house: House, institution: str, request: Request, state: str, **said: Any) -> None:
    """The institution says something to our request by Task."""
    answer = house.order(institution, "answer-request", {"request": request.id, **said})
    assert answer["status"] == 201
    eventually(f"it is {state}", lambda: house.request_states(request.case)[request.department] == state)


def resolves(house: House, case: CaseId, code: str, word: HoldAnswer) -> None:
    with house.services.ledger.transaction() as tx:
        (hold,) = [one for one in holds.open_holds(tx, case) if one.code == code]
    desk.resolve(house.services, hold.id, word, actor=ANN)


def state_of(house: House, case: CaseId, line: str) -> str:
    return next(one.state for one in house.assessment(case).completeness.needs if one.line.key == line)


def is_here(house: House, case: CaseId, line: str) -> bool:
    return state_of(house, case, line) == NeedState.SATISFIED


def test_a_fee_is_approved_a_form_is_sent_and_who_holds_it_is_asked(house: House):
    """Three patients side by side: Airflow, which costs as much while it waits, waits for all of them at once."""
    house.behave("oncology", answer="empty")
    charts = [house.a_patient(slices=2) for _ in range(3)]
    for chart in charts:
        house.release_form(chart)
    fee_case, fee = opened(house, charts[0], OFFICE)
    form_case, form = opened(house, charts[1], DESK)
    # Nobody named the laboratory: the office does.
    there_case, there = opened(house, charts[2], OFFICE, sources=[])
    assert request_to(house, there_case, DESK) is None

    money = {"value": 12.5, "currency": "USD"}
    says(house, "oncology", fee, "fee-required", status="on-hold", code="fee-required", fee=money)
    says(house, "pathology", form, "form-required", status="rejected", code="form-required", words="Form 12, please")
    says(
        house,
        "oncology",
        there,
        "held-elsewhere",
        status="rejected",
        code="held-elsewhere",
        elsewhere="prairie-pathology",
    )
    for case, line in ((fee_case, "oncology-notes"), (form_case, "pathology-report"), (there_case, "pathology-report")):
        assert state_of(house, case, line) in (NeedState.MISSING, NeedState.REQUESTED)

    house.behave("oncology", answer="normal")
    resolves(house, fee_case, "source-wants-fee", HoldAnswer.APPROVE)
    resolves(house, form_case, "source-wants-form", HoldAnswer.SENT)
    desk.answer_request(house.services, there.id, desk.RequestAnswer.ASK_ELSEWHERE, actor=ANN)
    eventually("it is awaited there", lambda: house.request_states(there_case).get(DESK) == "expected")
    for chart in charts[1:]:
        house.pathology_report(chart)

    eventually("the notes came", lambda: is_here(house, fee_case, "oncology-notes"))
    eventually("the report came", lambda: is_here(house, form_case, "pathology-report"))
    eventually("the other's report came", lambda: is_here(house, there_case, "pathology-report"))
    assert house.request_states(there_case)[OFFICE] == "asked-elsewhere"


#: what a laboratory says one after the other: its Task's status and code, the state, and what people are asked
SAID = (
    ("in-progress", None, "in-progress", None),
    ("in-progress", "ready-on", "ready-on", None),
    ("in-progress", "not-signed", "not-signed", None),
    ("in-progress", "rest-follows", "rest-follows", None),
    ("rejected", "identifier-required", "identifier-required", "source-wants-identifier"),
    ("rejected", "signature-missing", "authorization-not-accepted", "source-wants-authorization"),
    ("rejected", "already-sent", "already-sent", "source-sent-before"),
    ("rejected", "policy", "refused", "source-will-not-release"),
)


def questions(house: House, case: CaseId, request: Request) -> set[str]:
    with house.services.ledger.transaction() as tx:
        return {one.code for one in holds.open_holds(tx, case) if one.about == request.id}


def test_each_other_answer_is_a_state_of_its_own_with_its_question_and_none_is_absence(house: House):
    """One case, whose laboratory says one thing after the other: a case for each would be as many waits."""
    house.behave("oncology", answer="empty")
    chart = house.a_patient(slices=2)
    house.release_form(chart)
    case, request = opened(house, chart, DESK)
    for status, code, state, question in SAID:
        day = {"day": "2099-01-01"} if state == "ready-on" else {}
        says(house, "pathology", request, state, status=status, **({"code": code} if code else {}), **day)
        asked = {question} if question else set()
        eventually(f"the question of {state}", lambda asked=asked: questions(house, case, request) == asked)
        assert state_of(house, case, "pathology-report") in (NeedState.MISSING, NeedState.REQUESTED)

    says(house, "pathology", request, "no-records", status="rejected", code="no-records")
    eventually("nothing is asked any more", lambda: not questions(house, case, request))
    house.behave("oncology", answer="normal")
