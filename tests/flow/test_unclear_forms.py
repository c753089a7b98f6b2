"""Release forms that only a person can read, or judge: what becomes of them, and what people are asked."""

import json
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.arrivals import ArrivalKind
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.ledger import Ledger, permissions
from transfer.permissions import Finding
from transfer.sandbox.oncology import letters
from transfer.sentences import SENTENCES

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def a_form_comes(services: Services, chart: Any, **said: Any) -> str:
    body = json.dumps(letters.release_form(chart, said)).encode()
    arrival = b.comes(services, b.LAKESIDE, ArrivalKind.AUTHORIZATION, body, "application/fhir+json").arrival
    process_all(services)
    return arrival


def how_many(services: Services, case: Any) -> int:
    with services.ledger.transaction() as tx:
        return len(permissions.filed(tx, b.patient_of(services, case)))


def test_a_form_with_words_that_no_rule_can_keep_is_held_with_what_was_found(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart, form=False)

    arrival = a_form_comes(services, chart, description="Only the report of my last surgery")

    (asked,) = [one for one in desk.holds(services, actor=ANN) if one.subject == arrival]
    assert (asked.code, asked.about) == (HoldCode.FORM_UNCLEAR, Finding.WORDS_SAY_MORE)
    assert asked.says.endswith(SENTENCES[Finding.WORDS_SAY_MORE].staff)
    assert how_many(services, case) == 0


@pytest.mark.parametrize("answer", [HoldAnswer.AGAIN, HoldAnswer.SEEN])
def test_who_looked_may_have_it_read_again_or_set_it_aside(services: Services, answer: HoldAnswer):
    chart = b.a_chart()
    b.a_case(services, chart, form=False)
    arrival = a_form_comes(services, chart, description="Only the report of my last surgery")
    first = b.the_hold(services, HoldCode.FORM_UNCLEAR)

    desk.resolve(services, first.id, answer, actor=ANN)
    process_all(services)

    asked = [one.hold for one in desk.holds(services, actor=ANN) if one.subject == arrival]
    assert first.id not in asked
    assert len(asked) == (answer is HoldAnswer.AGAIN)


def test_a_form_whose_signature_is_doubtful_is_filed_permits_nothing_and_is_asked_about(services: Services):
    chart = b.a_chart()
    child = {**chart, "patient": {**chart["patient"], "birth_date": "2016-05-05"}}
    case = b.a_case(services, child, form=False)

    arrival = a_form_comes(services, child)

    (asked,) = [one for one in desk.holds(services, actor=ANN) if one.subject == arrival]
    assert (asked.code, asked.about) == (HoldCode.FORM_DOUBTED, Finding.SIGNER_MINOR)
    assert how_many(services, case) == 1
    assert "release form" in desk.dossier(services, case, actor=ANN).why
    desk.resolve(services, asked.hold, HoldAnswer.SEEN, actor=ANN)
    assert [one for one in desk.holds(services, actor=ANN) if one.subject == arrival] == []


@pytest.mark.parametrize(
    ("provision", "finding"),
    [
        ({"dataPeriod": {"start": "2024-01-01"}}, Finding.PERHAPS_NOT_COVERED),
        ({"provision": [{"type": "deny", "dataPeriod": {"end": "2020-01-01"}}]}, Finding.PERHAPS_DENIED),
        (
            {
                "provision": [
                    {"type": "deny", "code": [{"coding": [{"system": "http://loinc.org", "code": "11488-4"}]}]}
                ]
            },
            Finding.PERHAPS_DENIED,
        ),
    ],
)
def test_a_form_that_leaves_records_in_doubt_is_filed_and_asked_about(
    services: Services, provision: dict[str, Any], finding: Finding
):
    chart = b.a_chart()
    case = b.a_case(services, chart, form=False)

    arrival = a_form_comes(services, chart, resource={"provision": provision})

    (asked,) = [one for one in desk.holds(services, actor=ANN) if one.subject == arrival]
    assert (asked.code, asked.about) == (HoldCode.FORM_DOUBTED, finding)
    assert how_many(services, case) == 1


@pytest.mark.parametrize(
    ("said", "state", "findings"),
    [
        ({}, "in-force", ()),
        ({"disclosers": []}, "not-valid", (Finding.INCOMPLETE_DISCLOSER,)),
        ({"type": "deny", "statements": []}, "refuses", ()),
    ],
)
def test_a_case_shows_how_each_form_stands(
    services: Services, said: dict[str, Any], state: str, findings: tuple[Finding, ...]
):
    chart = b.a_chart()
    case = b.a_case(services, chart, form=False)
    a_form_comes(services, chart, resource={"organization": None}, **said)

    (shown,) = desk.dossier(services, case, actor=ANN).permissions

    assert (shown.state, shown.findings) == (state, findings)


def test_a_form_that_is_plainly_wrong_asks_nobody(services: Services):
    chart = b.a_chart()
    b.a_case(services, chart, form=False)

    arrival = a_form_comes(services, chart, statements=["revoke"])

    assert [one for one in desk.holds(services, actor=ANN) if one.subject == arrival] == []
