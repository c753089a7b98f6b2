"""What a document says of another that comes only after it, where no case collected the first."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.kit import builders as b
from tests.kit import lives
from tests.kit.processing import process_all
from transfer.arrivals import ArrivalKind
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, purging, records
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers

SAID: Final = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)
HIV: Final = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]}]
UNKNOWN: Final = [{"text": "as the chief said"}]
OPERATION: Final = {"coding": [{"system": "http://loinc.org", "code": "11504-8"}]}
BEFORE: Final = {"relatesTo": [{"code": "replaces", "target": {"identifier": lives.number("A")}}]}
#: codes of the form, number of the later document, and what it says
LATER: Final[Mapping[str, tuple[list[str] | None, str, dict[str, Any]]]] = {
    "withdrawn and blank": (["11506-3"], "A", {"status": "entered-in-error", "content": None, "type": None}),
    "withdrawn under a label": (None, "A", {"status": "entered-in-error", "securityLabel": HIV}),
    "replaced under a label": (None, "B", {**BEFORE, "securityLabel": HIV}),
    "corrected under a label": (None, "A", {"docStatus": "corrected", "securityLabel": HIV}),
    "replaced by another kind": (["11506-3"], "B", {**BEFORE, "type": OPERATION}),
    "replaced under a label nobody knows": (None, "B", {**BEFORE, "securityLabel": UNKNOWN}),
}


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def comes(services: Services, chart: Chart, number: str, at: datetime, said: Mapping[str, Any]) -> None:
    resource = {name: value for name, value in lives.a_reference(number, number, **said).items() if value is not None}
    sent = lives.pushed(chart, resource, at)
    b.comes(services, sent.institution, ArrivalKind.ANSWER, sent.body, sent.content_type, sent.door)
    process_all(services)


def later_then_before(services: Services, how: str) -> CaseId:
    codes, number, said = LATER[how]
    chart = b.a_chart()
    b.sign_form(services, chart, **({"codes": codes} if codes else {}))
    case = b.a_case(services, chart, form=False)
    comes(services, chart, number, SAID + timedelta(days=1), said)
    comes(services, chart, "A", SAID, {})
    return case


@pytest.mark.parametrize("how", LATER)
def test_what_nobody_may_collect_ends_also_what_comes_after_it(services: Services, how: str):
    case = later_then_before(services, how)

    with services.ledger.transaction() as tx:
        ((kept, joined),) = records.joined(tx, case)
        assert joined.superseded
        assert tx.case(case).superseded_by[kept.id].by_record is None


def test_what_is_collected_after_all_is_not_ended_by_its_own_word(services: Services):
    chart = b.a_chart()
    b.sign_form(services, chart, codes=["11506-3"])
    case = b.a_case(services, chart, form=False)
    comes(services, chart, "B", SAID + timedelta(days=1), {**BEFORE, "type": OPERATION, "docStatus": "corrected"})
    comes(services, chart, "A", SAID, {})
    b.sign_form(services, chart, number="all")
    process_all(services)

    with services.ledger.transaction() as tx:
        before, after = records.joined(tx, case)
        assert (before[1].superseded, after[1].superseded) == (True, False)
        assert tx.case(case).superseded_by[before[0].id].by_record == after[0].id


PUT: Final[Mapping[str, dict[str, Any]]] = {
    "withdrawn and blank": {"status": "entered-in-error", "content": None, "type": None},
    "corrected under a label": {"docStatus": "corrected", "securityLabel": HIV},
    "a draft again under a label": {"docStatus": "preliminary", "securityLabel": HIV},
}


def is_put(services: Services, chart: Chart, at: datetime, said: Mapping[str, Any]) -> None:
    """A document without a number of its own, put in its place on the source's server."""
    resource = {**lives.a_reference("A", "a text", docStatus="final"), **said, "identifier": None}
    sent = lives.pushed(chart, {name: value for name, value in resource.items() if value is not None}, at)
    bundle = json.loads(sent.body)
    bundle["entry"][1]["request"] = {"method": "PUT", "url": "DocumentReference/7"}
    b.comes(services, sent.institution, ArrivalKind.ANSWER, json.dumps(bundle).encode(), sent.content_type, sent.door)
    process_all(services)


@pytest.mark.parametrize("how", PUT)
def test_what_is_put_in_a_documents_place_and_collected_by_nobody_ends_it(services: Services, how: str):
    chart = b.a_chart()
    b.sign_form(services, chart, codes=["11506-3"])
    case = b.a_case(services, chart, form=False)
    is_put(services, chart, SAID, {})
    is_put(services, chart, SAID + timedelta(days=1), PUT[how])

    with services.ledger.transaction() as tx:
        assert records.joined(tx, case)[0][1].superseded


@pytest.mark.parametrize("how", [one for one in PUT if "draft" not in one])
def test_and_also_where_it_comes_only_after(services: Services, how: str):
    chart = b.a_chart()
    b.sign_form(services, chart, codes=["11506-3"])
    case = b.a_case(services, chart, form=False)
    is_put(services, chart, SAID + timedelta(days=1), PUT[how])
    is_put(services, chart, SAID, {})

    with services.ledger.transaction() as tx:
        assert [joined.superseded for _, joined in records.joined(tx, case)] == [True]


def test_the_same_put_again_under_a_label_ends_nothing(services: Services):
    chart = b.a_chart()
    b.sign_form(services, chart, codes=["11506-3"])
    case = b.a_case(services, chart, form=False)
    is_put(services, chart, SAID, {})
    is_put(services, chart, SAID + timedelta(days=1), {"securityLabel": HIV})

    with services.ledger.transaction() as tx:
        assert [joined.superseded for _, joined in records.joined(tx, case)] == [False]


def test_words_go_with_their_patient(services: Services):
    case = later_then_before(services, "withdrawn and blank")
    patient = b.patient_of(services, case)
    with services.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM heeded_words WHERE patient = %s", patient)
        purging.forget_patient(tx, patient)
        assert not tx.value("SELECT count(*) FROM heeded_words WHERE patient = %s", patient)
