"""A need of one case alone is answered by the records of its institution, its day and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from transfer.checklist import Checklist, ChecklistLine, Necessity, NeededFor
from transfer.completeness import (
    LEAVES_BEHIND,
    AddedNeed,
    CollectedRecord,
    Completeness,
    NeedState,
    WaitCode,
    Waiver,
    WaiverKind,
    assess,
    assess_added,
)
from transfer.identifiers import CaseId, DepartmentId, InstitutionId, MaterialId, RecordId, RequestId
from transfer.materials import Material, MaterialKind, MaterialState
from transfer.partial_dates import PartialDate
from transfer.procedures import ProcedureKind
from transfer.records import DocumentStatus, RecordKind
from transfer.requests import Request, RequestState

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MERCY, PRAIRIE = InstitutionId("mercy-imaging"), InstitutionId("prairie-pathology")
NOTES = ChecklistLine(
    key="notes",
    label="Oncology notes",
    kinds=frozenset({RecordKind.NOTE}),
    necessity=Necessity.REQUIRED,
    needed_for=NeededFor.SCHEDULING,
)
LIST = Checklist(id="some", version="1", title="Some disease", codes=("snomed|363406005",), lines=(NOTES,))
SCAN_DAY = PartialDate(2026, 3, 4)
SCAN = AddedNeed(key="added-1", kind=RecordKind.IMAGES, institution=MERCY, procedure=ProcedureKind.SCAN, day=SCAN_DAY)
MORE = AddedNeed(key="added-2", kind=RecordKind.MOLECULAR, institution=PRAIRIE)


def a_record(kind: RecordKind = RecordKind.IMAGES, **other) -> CollectedRecord:
    plain = {
        "id": RecordId.draw(),
        "kind": kind,
        "status": DocumentStatus.FINAL,
        "at": datetime(2026, 3, 4, 15, tzinfo=UTC),
        "source": MERCY,
    }
    return CollectedRecord(**(plain | other))


def judged(*needs: AddedNeed, records=(), requests=(), materials=None, waivers=None) -> Completeness:
    all_of_it = {"requests": requests, "records": [a_record(RecordKind.NOTE), *records], "waivers": waivers or {}}
    listed = assess(LIST, materials=(), now=NOW, **all_of_it)
    return assess_added(needs, LIST, listed, materials=materials or {}, now=NOW, **all_of_it)


def state(need: AddedNeed, *records: CollectedRecord) -> NeedState:
    (found,) = [one for one in judged(need, records=records).needs if one.line.key == need.key]
    return found.state


def test_a_case_is_complete_only_with_what_was_added_to_it():
    assert judged().is_complete
    lacking = judged(SCAN)
    assert not lacking.is_complete
    assert not lacking.has_all_electronic
    assert lacking.unanswered == ("added-1",)
    assert judged(SCAN, records=[a_record()]).is_complete


def test_only_images_of_that_day_from_there_are_the_scan():
    assert state(SCAN, a_record()) is NeedState.SATISFIED
    assert state(SCAN, a_record(source=PRAIRIE)) is NeedState.MISSING
    assert state(SCAN, a_record(at=datetime(2026, 3, 20, tzinfo=UTC))) is NeedState.MISSING
    assert state(SCAN, a_record(at=datetime(2025, 3, 4, tzinfo=UTC))) is NeedState.MISSING
    assert state(SCAN, a_record(RecordKind.IMAGING_REPORT)) is NeedState.MISSING


def test_of_images_without_a_day_a_person_says_whether_they_are_the_scan():
    undated = a_record(at=None)

    found = judged(SCAN, records=[undated])

    assert found.needs[1].state is NeedState.RECEIVED
    assert {wait.code for wait in found.waits} == {WaitCode.UNVERIFIED}
    word = {"added-1": Waiver(kind=WaiverKind.ANSWERED_BY, record=undated.id)}
    assert judged(SCAN, records=[undated], waivers=word).is_complete


@pytest.mark.parametrize(("days", "is_it"), [(-2, False), (0, True), (20, True), (60, False)])
def test_a_report_is_written_after_what_it_is_about(days: int, is_it: bool):
    biopsy = AddedNeed(
        key="added-1",
        kind=RecordKind.PATHOLOGY_REPORT,
        institution=PRAIRIE,
        procedure=ProcedureKind.BIOPSY,
        day=SCAN_DAY,
    )
    at = datetime(2026, 3, 4, 12, tzinfo=UTC) + timedelta(days=days)
    report = a_record(RecordKind.PATHOLOGY_REPORT, source=PRAIRIE, at=at)

    assert (state(biopsy, report) is NeedState.SATISFIED) is is_it


def test_a_month_is_all_of_its_days():
    in_march = AddedNeed(key="added-1", kind=RecordKind.IMAGES, institution=MERCY, day=PartialDate(2026, 3))

    assert state(in_march, a_record(at=datetime(2026, 3, 31, tzinfo=UTC))) is NeedState.SATISFIED
    assert state(in_march, a_record(at=datetime(2026, 4, 9, tzinfo=UTC))) is NeedState.MISSING


def test_without_a_day_it_is_what_came_after_it_was_added():
    old, new = (a_record(RecordKind.MOLECULAR, source=PRAIRIE) for _ in range(2))
    later = AddedNeed(key="added-2", kind=RecordKind.MOLECULAR, institution=PRAIRIE, before=frozenset({old.id}))

    assert state(later, old) is NeedState.MISSING
    assert state(later, old, new) is NeedState.SATISFIED


def test_what_is_void_answers_none():
    withdrawn = a_record(at=None, status=DocumentStatus.WITHDRAWN)

    assert state(SCAN, withdrawn) is NeedState.MISSING
    assert state(SCAN, a_record(superseded=True)) is NeedState.MISSING


def test_it_waits_for_whom_it_is_asked_of():
    asked = Request(
        id=RequestId.draw(),
        case=CaseId("c00000000000"),
        institution=MERCY,
        department=DepartmentId("film-room"),
        lines=("added-1",),
        state=RequestState.EXPECTED,
    )

    found = judged(SCAN, requests=[asked])

    assert [(wait.code, wait.institution) for wait in found.waits] == [(WaitCode.SOURCE_PUSH, MERCY)]
    assert not found.unanswered


def test_blocks_that_are_added_are_lacked_as_glass_and_counted_by_themselves():
    block = AddedNeed(key="added-1", kind=RecordKind.MATERIAL, institution=PRAIRIE)
    came = Material(
        id=MaterialId.draw(),
        accession_hmac="a",
        kind=MaterialKind.BLOCK,
        expected=1,
        received=1,
        state=MaterialState.RECEIVED,
    )

    assert judged(block).lacks_only_material
    assert judged(block).has_all_electronic
    assert not judged(block).has_all_material
    assert judged(block, materials={"added-1": [came]}).has_all_material
    assert not judged(block, materials={"slides": [came]}).has_all_material


def test_a_label_names_no_institution_since_packets_say_it():
    assert {need.line.label for need in (SCAN, MORE)} == {
        "Images of the scan",
        "Molecular, needed for this patient",
    }


def test_each_procedure_leaves_a_record_behind():
    assert all(LEAVES_BEHIND[one] for one in ProcedureKind)


# --- enough to schedule -----------------------------------------------------------------------------------------------


def test_one_record_of_what_is_needed_for_scheduling_is_enough_whatever_else_is_lacking():
    owing = Request(
        id=RequestId.draw(),
        case=CaseId("c00000000000"),
        institution=PRAIRIE,
        department=DepartmentId("records"),
        lines=("notes",),
        state=RequestState.EXPECTED,
    )
    assert judged(SCAN, requests=[owing]).is_schedulable
    assert not judged(SCAN, requests=[owing]).is_complete


@pytest.mark.parametrize("wrong", [{"kind": RecordKind.OTHER}, {"status": DocumentStatus.PRELIMINARY}])
def test_without_it_it_is_not_enough(wrong):
    record = a_record(**({"kind": RecordKind.NOTE} | wrong))
    found = assess(LIST, requests=(), records=[record], materials=(), waivers={}, now=NOW)

    assert not found.is_schedulable


def test_a_list_that_names_nothing_for_scheduling_is_never_enough_for_it():
    plain = LIST.model_copy(update={"lines": (NOTES.model_copy(update={"needed_for": NeededFor.VISIT}),)})

    found = assess(plain, requests=(), records=[a_record(RecordKind.NOTE)], materials=(), waivers={}, now=NOW)

    assert found.is_complete
    assert not found.is_schedulable


def test_what_is_optional_cannot_keep_an_appointment_waiting():
    with pytest.raises(ValueError, match="optional"):
        ChecklistLine(
            key="notes",
            label="Oncology notes",
            kinds=frozenset({RecordKind.NOTE}),
            necessity=Necessity.OPTIONAL,
            needed_for=NeededFor.SCHEDULING,
        )
