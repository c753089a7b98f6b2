"""What a referral says that was done to the patient: by FHIR and by REF^I12, again, otherwise, and badly."""

import json
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.case import Case
from transfer.completeness import NeedState
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, requests
from transfer.records import RecordKind
from transfer.requests import RequestState
from transfer.sandbox.charts import Chart
from transfer.sandbox.oncology import letters

pytestmark = pytest.mark.servers

NPI = "http://hl7.org/fhir/sid/us-npi"
PRAIRIE, MERCY, SUMMIT = "2990000020", "2990000038", "2990000046"
PCS = "http://hl7.org/fhir/sid/icd-10-pcs"
BIOPSY = {"coding": [{"system": PCS, "code": "0DBN3ZX", "display": "Core biopsy"}]}


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def procedure(code: dict[str, Any], npi: str | None = PRAIRIE, day: str | None = "2026-03-04", **more: Any) -> dict:
    where = {"identifier": {"system": NPI, "value": npi}, "type": "Organization"}
    said = {
        "resourceType": "Procedure",
        "status": "completed",
        "subject": {"reference": "Patient/1"},
        "code": code,
        "performedDateTime": day,
        "performer": [{"actor": {"display": "Dr. Lee"}, "onBehalfOf": where}] if npi else None,
        **more,
    }
    return {name: value for name, value in said.items() if value is not None}


def by_fhir(chart: Chart, *procedures: dict, contained: bool = False, **said: Any) -> tuple[bytes, str]:
    bundle = letters.referral(chart, said)
    order = bundle["entry"][1]["resource"]
    for one in procedures:
        one["subject"] = one["subject"] if one["subject"] != {"reference": "Patient/1"} else order["subject"]
    if contained:
        numbered = ({**one, "id": f"p{n}"} for n, one in enumerate(procedures))
        order["contained"] = [*order.get("contained", []), *numbered]
    else:
        entries = [{"request": {"method": "POST", "url": "Procedure"}, "resource": one} for one in procedures]
        bundle["entry"] += entries
    return json.dumps(bundle).encode(), "application/fhir+json"


def by_ref(chart: Chart, *segments: str) -> tuple[bytes, str]:
    named = b.ref_i12(chart).replace(b"REF71", chart["id"][-8:].encode())
    return named + "".join(f"{one}\r" for one in segments).encode(), HL7_V2


def comes(services: Services, body: bytes, content_type: str) -> CaseId:
    door = Door.MLLP if content_type == HL7_V2 else Door.FHIR
    stored = b.comes(services, b.LAKESIDE, ArrivalKind.REFERRAL, body, content_type, door)
    process_all(services)
    return CaseId(stored.subject or "")


def added(case: Case) -> list[tuple[str, str, str | None, str | None]]:
    facts = [one.added for one in case.added.values() if not one.is_dropped]
    return [(one.document, one.institution, one.procedure, one.day) for one in facts]


def written(services: Services, case: CaseId) -> str:
    return "\n".join(note.text or "" for note in desk.dossier(services, case, actor=ANN, notes=True).notes)


AT_PRAIRIE = ("pathology-report", "prairie-pathology", "biopsy", "2026-03-04")
PR1 = "PR1|1||0DBN3ZX^Core biopsy^I10P||20260304|||||||LEE^^^^^^^^^^^^^PRAIRIE&2990000020&NPI"
#: the facility stands with the contact of the group (AUT, CTD)
IN_GROUP = ("PR1|1||0DBN3ZX^Core biopsy^I10P||202603041200-0600", "AUT||A1", "CTD|AP|LEE^ANN|||||2990000020^NPI")


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(lambda chart: by_fhir(chart, procedure(BIOPSY)), id="fhir"),
        pytest.param(lambda chart: by_fhir(chart, procedure(BIOPSY), contained=True), id="fhir-contained"),
        pytest.param(lambda chart: by_ref(chart, PR1.replace("|LEE", "LEE")), id="ref-i12"),
        pytest.param(lambda chart: by_ref(chart, *IN_GROUP), id="ref-i12-group"),
    ],
)
def test_what_was_done_is_an_item_of_its_own_and_is_asked_for(services, how):
    case = comes(services, *how(b.a_chart()))

    assert added(b.folded(services, case)) == [AT_PRAIRIE]
    shown = next(one for one in desk.dossier(services, case, actor=ANN).needs if one.line == "added-1")
    assert (shown.label, shown.day) == ("Pathology report of the biopsy", "2026-03-04")
    with services.ledger.transaction() as tx:
        (asked,) = [one for one in requests.of_case(tx, case) if one.need == "added-1"]
    assert asked.institution == b.PRAIRIE
    assert HoldCode.PROCEDURE_UNCLEAR not in b.codes_asked(services, case)


def test_a_facility_that_the_referral_names_nowhere_else_is_asked(services):
    scan = procedure({"text": "PET/CT"}, MERCY, "2026-02")

    case = comes(services, *by_fhir(b.a_chart(), scan, sources=[]))

    assert ("images", "mercy-imaging", "scan", "2026-02") in added(b.folded(services, case))
    assert b.request_to(services, case, b.MERCY).state in (RequestState.DUE, RequestState.NOT_PERMITTED)


def test_the_same_by_both_doors_and_again_is_asked_for_once(services):
    chart = b.a_chart()
    case = comes(services, *by_fhir(chart, procedure(BIOPSY), procedure({"text": "Biopsy"}, day=None)))
    before = added(b.folded(services, case))
    assert before == [AT_PRAIRIE, (*AT_PRAIRIE[:3], None)]

    comes(services, *by_ref(chart, *IN_GROUP))
    again = procedure(BIOPSY), procedure({"text": "Biopsy, earlier"}, day=None)
    comes(services, *by_fhir(chart, *again, priority="urgent"))

    assert added(b.folded(services, case)) == before


def test_what_it_lists_later_is_added_and_what_a_person_dropped_is_not(services):
    chart = b.a_chart()
    case = comes(services, *by_fhir(chart, procedure(BIOPSY)))
    desk.drop_need(services, case, "added-1", actor=ANN)

    scan = procedure({"text": "CT chest"}, MERCY, "2026-02-01")
    comes(services, *by_fhir(chart, procedure(BIOPSY), scan, priority="urgent"))

    assert added(b.folded(services, case)) == [("images", "mercy-imaging", "scan", "2026-02-01")]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        pytest.param(procedure(BIOPSY, None), "Core biopsy (0DBN3ZX), 2026-03-04", id="nobody-says-where"),
        pytest.param(procedure(BIOPSY, "2999999999"), "Core biopsy", id="unknown-facility"),
        pytest.param(procedure({"text": "Port placement"}), "Port placement", id="no-kind"),
        pytest.param(procedure(BIOPSY, SUMMIT), "summit-cancer-center", id="holds-no-such-thing"),
        pytest.param(procedure(BIOPSY, subject={"reference": "Patient/other"}), "Core biopsy", id="of-somebody-else"),
        pytest.param(procedure(BIOPSY, status="unknown"), "Core biopsy", id="nobody-knows-whether"),
    ],
)
def test_what_is_unclear_is_a_persons_and_is_asked_once(services, said, words):
    chart = b.a_chart()

    case = comes(services, *by_fhir(chart, said))

    assert not added(b.folded(services, case))
    assert words in written(services, case)
    hold = next(one for one in b.open_holds(services, case) if one.code is HoldCode.PROCEDURE_UNCLEAR)
    desk.resolve(services, hold.id, HoldAnswer.SEEN, actor=ANN)
    comes(services, *by_fhir(chart, said, priority="urgent"))
    assert HoldCode.PROCEDURE_UNCLEAR not in b.codes_asked(services, case)


def test_what_was_not_done_is_asked_for_nowhere(services):
    undone = [procedure(BIOPSY, status=one) for one in ("not-done", "entered-in-error", "preparation")]

    by_one = comes(services, *by_fhir(b.a_chart(), *undone))
    by_other = comes(services, *by_ref(b.a_chart(), "PR1|1||0DBN3ZX^Core biopsy^I10P||20260304|||||||" + "|" * 8 + "D"))

    for case in (by_one, by_other):
        assert not added(b.folded(services, case))
        assert HoldCode.PROCEDURE_UNCLEAR not in b.codes_asked(services, case)


def test_what_it_refers_to_and_did_not_send_is_a_persons(services):
    body, content_type = by_fhir(b.a_chart())
    bundle = json.loads(body)
    order = bundle["entry"][1]["resource"]
    order["supportingInfo"] = [*order["supportingInfo"], {"reference": "Procedure/77", "display": "Biopsy in Toledo"}]

    case = comes(services, json.dumps(bundle).encode(), content_type)

    assert HoldCode.PROCEDURE_UNCLEAR in b.codes_asked(services, case)
    assert "Biopsy in Toledo" in written(services, case)


def test_a_record_of_that_day_answers_it(services):
    chart = b.a_chart()
    b.sign_form(services, chart)
    with services.ledger.transaction() as tx:
        today = str(tx.now().date())
    case = comes(services, *by_fhir(chart, procedure(BIOPSY, day=today), procedure(BIOPSY, day="2026-01-05")))

    b.came_in(services, case, RecordKind.PATHOLOGY_REPORT)

    states = {one.line: one.state for one in desk.dossier(services, case, actor=ANN).needs}
    assert states["added-1"] == NeedState.SATISFIED
    assert states["added-2"] != NeedState.SATISFIED
