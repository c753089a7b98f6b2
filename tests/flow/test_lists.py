"""Every disease by its list alone, from either door, and as the receiving center has it."""

import json
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import facts
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.case import Case
from transfer.center_needs import CenterNeeds
from transfer.completeness import NeedState, WaiverKind
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.assess import NextStep
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import CaseId
from transfer.institutions import Institutions
from transfer.ledger import Ledger, materials
from transfer.materials import MaterialKind
from transfer.sandbox.charts import Chart
from transfer.sandbox.oncology import letters

FHIR_JSON = "application/fhir+json"
ICD_10_CM, SNOMED = "http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct"

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def by_fhir(chart: Chart, *codes: str, **said: Any) -> tuple[bytes, str]:
    bundle = letters.referral(chart, said)
    order = bundle["entry"][1]["resource"]
    order.pop("reasonReference", None)
    order["reasonCode"] = [
        {"coding": [{"system": SNOMED if code.isdigit() else ICD_10_CM, "code": code}]} for code in codes
    ]
    return json.dumps(bundle).encode(), FHIR_JSON


def by_ref_i12(chart: Chart, *codes: str) -> tuple[bytes, str]:
    head, _, _ = b.ref_i12(chart).replace(b"REF71", chart["id"][-8:].encode()).partition(b"DG1|")
    segments = [f"DG1|{n}||{c}^^{'SCT' if c.isdigit() else 'I10'}\r" for n, c in enumerate(codes, start=1)]
    return head + "".join(segments).encode(), HL7_V2


DOORS = [pytest.param(by_fhir, id="fhir"), pytest.param(by_ref_i12, id="ref-i12")]


def opened_by(services: Services, body: bytes, content_type: str) -> Case:
    door = Door.MLLP if content_type == HL7_V2 else Door.FHIR
    stored = b.comes(services, b.LAKESIDE, ArrivalKind.REFERRAL, body, content_type, door)
    process_all(services)
    return b.folded(services, CaseId(stored.subject or ""))


def of(case: Case) -> facts.CaseOpened:
    assert case.opened is not None
    return case.opened


def open_codes(case: Case) -> set[str]:
    return {hold.code for hold in case.holds.values()}


DISEASES = [
    ("brain", "C71.9", "276828006"),
    ("breast", "C50.911", "706970001"),
    ("colorectal", "C18.7", "363406005"),
    ("head-and-neck", "C32.0", "363429002"),
    ("leukaemia", "C92.01", "91861009"),
    ("lung", "C34.12", "93880001"),
    ("lymphoma", "C83.31", "109969005"),
    ("melanoma", "C43.9", "93655004"),
    ("myeloma", "C90.00", "109989006"),
    ("ovary", "C56.1", "363443007"),
    ("pancreas", "C25.0", "363418001"),
    ("prostate", "C61", "399068003"),
    ("sarcoma", "C22.3", "424413001"),
]


def test_each_list_that_codes_pick_has_a_row(services):
    assert {row[0] for row in DISEASES} == {known.id for known in services.checklists.values() if known.codes} - {
        "common"
    }


@pytest.mark.parametrize("by", DOORS)
@pytest.mark.parametrize(("disease", "icd", "snomed"), DISEASES)
def test_a_referral_for_a_disease_opens_a_case_with_its_list(services, by, disease, icd, snomed):
    for code in (icd, snomed):
        case = opened_by(services, *by(b.a_chart(), code))

        assert of(case).checklist == disease
        assert HoldCode.DIAGNOSIS_UNKNOWN not in open_codes(case)
        needs = b.assessed(services, case.id).completeness.needs
        assert [need.line.key for need in needs] == [line.key for line in services.checklists[disease].lines]


@pytest.mark.parametrize("by", DOORS)
@pytest.mark.parametrize("codes", [(), ("J45.909",), ("123456789",)])
def test_without_a_code_that_a_list_knows_the_common_list_opens_the_case(services, by, codes):
    case = opened_by(services, *by(b.a_chart(), *codes))

    assert of(case).checklist == "common"
    assert HoldCode.DIAGNOSIS_UNKNOWN in open_codes(case)


@pytest.mark.parametrize("by", DOORS)
def test_of_two_diagnoses_the_first_listed_decides_and_both_are_shown(services, by):
    case = opened_by(services, *by(b.a_chart(), "I10", "C61", "C34.1"))

    shown = desk.dossier(services, case.id, actor=ANN, notes=True)
    assert (of(case).checklist, shown.other_checklists) == ("prostate", ("lung",))
    assert "ICD-10-CM C61" in " ".join(note.text or "" for note in shown.notes)
    assert "ICD-10-CM C34.1" in " ".join(note.text or "" for note in shown.notes)
    assert shown.checklist_confirmed_by is None


@pytest.mark.parametrize("by", DOORS)
@pytest.mark.parametrize(("code", "priority"), [("C92.01", "urgent"), ("91857003", "urgent"), ("C91.10", "routine")])
def test_acute_leukaemia_is_urgent_whatever_its_referral_says(services, by, code, priority):
    chart = b.a_chart()

    case = opened_by(services, *by(chart, code))

    assert of(case).priority == priority
    again = opened_by(services, *by(chart, code, "I10"))
    assert (again.closed and again.closed.ending) == "same-referral"
    assert of(b.folded(services, case.id)).priority == priority


# --- as the center has it ---------------------------------------------------------------------------------------------


def with_center(services: Services, **needs: Any) -> Services:
    """The same, and the center's file says this."""
    known = dict(services.institutions)
    center = known[b.SUMMIT]
    assert center.receives is not None
    receives = center.receives.model_copy(update={"needs": CenterNeeds.model_validate({"version": "7", **needs})})
    known[b.SUMMIT] = center.model_copy(update={"receives": receives})
    return b.new_services(services.ledger, institutions=Institutions(known.values()))


REPORTS_ONLY = {
    "without": ["images"],
    "lists": {
        "colorectal": {
            "lines": {"imaging-reports": "required", "colonoscopy-report": "required", "recent-labs": "not-wanted"},
            "add": [{"key": "summary", "label": "Typed summary", "kinds": ["note"], "necessity": "required"}],
        }
    },
}


def required(services: Services, case: CaseId) -> set[str]:
    return {need.line.key for need in b.assessed(services, case).completeness.needs if need.line.is_required}


def test_two_centers_need_different_things_for_one_patient(services):
    chart = b.a_chart()
    plain = opened_by(services, *by_fhir(chart, "C18.7"))
    desk.close(services, plain.id, "withdrawn", actor=ANN)
    other = with_center(services, **REPORTS_ONLY)

    case = opened_by(other, *by_fhir(chart, "C18.7", number={"system": "urn:oid:1.2.3", "value": "again"}))

    assert of(plain).checklist_version == "1"
    assert of(case).checklist_version == "1, summit-cancer-center 7"
    assert required(services, plain.id) == {"oncology-notes", "pathology-report", "slides", "images"}
    assert required(other, case.id) == {
        *("oncology-notes", "pathology-report", "slides"),
        *("imaging-reports", "colonoscopy-report", "summary"),
    }
    assert "recent-labs" not in {need.line.key for need in b.assessed(other, case.id).completeness.needs}
    assert b.MERCY in {one.made.institution for one in plain.requests.values()}
    assert b.MERCY not in {one.made.institution for one in case.requests.values()}


def test_a_center_that_speaks_with_the_patient_first_gets_nothing_without_a_person(services):
    case = b.a_case_without_slides(services)
    other = with_center(services, after_first_contact=True)

    desk.waive(other, case, "slides", WaiverKind.WAIVED, actor=ANN)

    assert b.assessed(other, case).step is NextStep.ASK_APPROVAL
    assert b.assessed(services, case).step is NextStep.PACK
    assert desk.dossier(other, case, actor=ANN).after_first_contact


@pytest.mark.parametrize(
    ("cut_off", "appointment", "needed_by"),
    [
        (None, "2027-03-04T15:00:00-07:00", "2027-02-27"),
        ("tuesday", "2027-03-04T15:00:00-07:00", "2027-02-27"),
        ("friday", "2027-03-04T15:00:00-07:00", "2027-02-26"),
    ],
)
def test_a_packet_is_needed_by_the_cut_off_before_the_appointment(services, cut_off, appointment, needed_by):
    other = with_center(services, cut_off=cut_off) if cut_off else services

    case = opened_by(other, *by_fhir(b.a_chart(), "C18.7", appointment_at=appointment, needed_by="2027-02-27"))

    assert of(case).needed_by == needed_by


def test_a_person_who_moves_the_appointment_moves_the_cut_off(services):
    other = with_center(services, cut_off="tuesday")
    case = b.a_case(other)

    desk.change(other, case, appointment_at=datetime(2027, 3, 4, 16, tzinfo=UTC), actor=ANN)  # a Thursday

    assert of(b.folded(other, case)).needed_by == date(2027, 3, 2).isoformat()


def test_a_cut_off_with_a_time_is_shown_with_it_by_the_centers_clocks(services):
    other = with_center(services, cut_off="tuesday", cut_off_at="12:00")
    case = b.a_case(other)

    desk.change(other, case, appointment_at=datetime(2027, 3, 4, 16, tzinfo=UTC), actor=ANN)  # a Thursday

    assert desk.dossier(other, case, actor=ANN).needed_until == time(12)
    desk.change(other, case, needed_by=date(2027, 3, 1), actor=ANN)
    assert desk.dossier(other, case, actor=ANN).needed_until is None


# --- glass and tissue -------------------------------------------------------------------------------------------------

SECTIONS = {"instead_of_block": {"unstained": 15, "micron": 4}}


def pieces(services: Services, case: CaseId) -> dict[str, MaterialKind]:
    with services.ledger.transaction() as tx:
        kept = materials.of_case(tx, case, b.patient_of(services, case))
        return {one.line: one.material.kind for one in kept}


def test_a_block_is_awaited_once_a_person_says_that_it_applies(services):
    case = opened_by(services, *by_fhir(b.a_chart(), "C50.9")).id

    assert pieces(services, case) == {"slides": MaterialKind.SLIDE}
    desk.waive(services, case, "block", WaiverKind.APPLIES, actor=ANN)
    desk.waive(services, case, "block", WaiverKind.APPLIES, actor=ANN)

    assert pieces(services, case) == {"slides": MaterialKind.SLIDE, "block": MaterialKind.BLOCK}


@pytest.mark.parametrize(("count", "state"), [(15, NeedState.SATISFIED_BY_OTHER), (14, NeedState.RECEIVED)])
def test_sections_that_came_for_a_block_are_compared_with_what_the_center_asks_for(services, count, state):
    other = with_center(services, **SECTIONS)
    case = opened_by(other, *by_fhir(b.a_chart(), "C83.3")).id
    with other.ledger.transaction() as tx:
        kept = materials.of_case(tx, case, b.patient_of(other, case))
    block = next(one.material.id for one in kept if one.line == "block")

    desk.receive_material(
        other, case, pieces=count, announced=count, accession="S26-1", material=block, actor=ANN, kind=UNSTAINED
    )

    need = next(one for one in b.assessed(other, case).completeness.needs if one.line.key == "block")
    shown = next(one.label for one in desk.dossier(other, case, actor=ANN).needs if one.line == "block")
    assert need.state is state
    assert shown == "Tissue block; without a block 15 unstained sections of 4 µm"


UNSTAINED = MaterialKind.UNSTAINED


def test_what_came_beside_what_had_come_before_is_counted_apart(services):
    case = opened_by(services, *by_fhir(b.a_chart(), "C18.7")).id
    desk.receive_material(services, case, pieces=6, announced=6, accession="S26-1", actor=ANN)

    desk.receive_material(services, case, pieces=9, announced=9, accession="S26-1", actor=ANN, kind=UNSTAINED)

    with services.ledger.transaction() as tx:
        kept = materials.of_case(tx, case, b.patient_of(services, case))
    assert {(one.material.kind, one.material.received) for one in kept} == {
        (MaterialKind.SLIDE, 6),
        (UNSTAINED, 9),
    }


def test_another_list_asks_for_no_glass_twice(services):
    case = opened_by(services, *by_fhir(b.a_chart())).id
    desk.receive_material(services, case, pieces=6, announced=6, accession="S26-1", actor=ANN)

    desk.change(services, case, checklist="leukaemia", actor=ANN)

    with services.ledger.transaction() as tx:
        kept = materials.of_case(tx, case, b.patient_of(services, case))
        told = [one.fact for one in tx.lines(Chain.case(case)) if isinstance(one.fact, facts.CaseChanged)]
    assert [(one.line, one.material.received) for one in kept if one.line == "slides"] == [("slides", 6)]
    assert told[-1].checklist_version == services.checklists["leukaemia"].version
