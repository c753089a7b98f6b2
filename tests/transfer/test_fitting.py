"""Which record answers which line: by its kind, its code, its modality, the part of the body, its age, all of them."""

from datetime import UTC, datetime, timedelta

import pytest

from transfer.body_parts import BodyPart, body_parts_in
from transfer.checklist import Checklist, ChecklistLine, Necessity
from transfer.completeness import CollectedRecord, NeedState, WaitCode, Waiver, WaiverKind, assess, line_suggested
from transfer.identifiers import CaseId, DepartmentId, InstitutionId, MaterialId, RecordId, RequestId
from transfer.materials import Material, MaterialKind, MaterialState
from transfer.records import DocumentStatus, RecordKind
from transfer.requests import Request, RequestState

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
MERCY, PRAIRIE = InstitutionId("mercy-imaging"), InstitutionId("prairie-pathology")


def a_line(key: str, kind: RecordKind, **more) -> ChecklistLine:
    said = {"label": f"The {key}", "kinds": {kind}, "necessity": Necessity.REQUIRED, **more}
    return ChecklistLine.model_validate({"key": key, **said})


def images(*modalities: str, title: str = "", days: int = 5, **more) -> CollectedRecord:
    return a_record(RecordKind.IMAGES, modalities=frozenset(modalities), body=body_parts_in(title), days=days, **more)


def a_record(kind: RecordKind, code: str | None = None, days: int = 5, **more) -> CollectedRecord:
    plain = {"id": RecordId.draw(), "status": DocumentStatus.FINAL, "source": MERCY, "at": NOW - timedelta(days=days)}
    return CollectedRecord(**{**plain, "kind": kind, "code": code, **more})


def asked(state: RequestState, *lines: str, institution: InstitutionId = MERCY) -> Request:
    names = {"institution": institution, "department": DepartmentId("desk"), "lines": lines}
    return Request(id=RequestId.draw(), case=CaseId.draw(), state=state, attempts=0, **names)


def judged(*lines: ChecklistLine, records=(), requests=(), materials=None, waivers=None):
    checklist = Checklist(id="any", version="1", title="Any", codes=(), lines=lines)
    found = assess(
        checklist,
        requests=requests,
        records=records,
        materials=materials or {},
        waivers=waivers or {},
        now=NOW,
    )
    return {need.line.key: need for need in found.needs}, found


def states(*lines: ChecklistLine, **given) -> dict[str, NeedState]:
    return {key: need.state for key, need in judged(*lines, **given)[0].items()}


MAMMOGRAM = a_line("mammogram", RecordKind.IMAGES, modalities=["MG"])
CT = a_line("ct", RecordKind.IMAGES, modalities=["CT"], body=["chest"])
PET = a_line("pet", RecordKind.IMAGES, modalities=["PT"])
OTHERS = a_line("other-images", RecordKind.IMAGES, necessity=Necessity.OPTIONAL)
PSA = a_line("psa", RecordKind.LABORATORY, codes=["loinc|2857-1"], every=True)
LABS = a_line("labs", RecordKind.LABORATORY)


def test_a_record_answers_the_line_that_its_hints_fit_and_no_other():
    record = images("MG", title="MAMMOGRAM BILATERAL")

    found = states(CT, MAMMOGRAM, OTHERS, records=[record])

    assert found == {"ct": NeedState.MISSING, "mammogram": NeedState.SATISFIED, "other-images": NeedState.RECEIVED}
    assert line_suggested((CT, MAMMOGRAM, OTHERS), record) == "mammogram"


def test_what_fits_no_hint_goes_to_the_line_without_any():
    record = images("US")

    assert line_suggested((MAMMOGRAM, OTHERS), record) == "other-images"
    assert line_suggested((MAMMOGRAM, CT), record) is None


@pytest.mark.parametrize(
    ("modalities", "title", "state", "wait"),
    [
        (["CT"], "CT CHEST W CONTRAST", NeedState.SATISFIED, None),
        (["CT", "SR"], "CT CAP", NeedState.SATISFIED, None),
        (["MR"], "MR CHEST", NeedState.MISSING, WaitCode.NOT_IN_ANSWER),
        (["CT"], "CT HEAD WO CONTRAST", NeedState.MISSING, WaitCode.NOT_IN_ANSWER),
        (["CT", "PT"], "PET CT CHEST", NeedState.MISSING, WaitCode.NOT_IN_ANSWER),
        (["CT", "RTPLAN"], "CT CHEST", NeedState.MISSING, WaitCode.NOT_IN_ANSWER),
        (["CT"], "ROUTINE", NeedState.RECEIVED, WaitCode.UNVERIFIED),
        ([], "CHEST", NeedState.RECEIVED, WaitCode.UNVERIFIED),
    ],
)
def test_what_contradicts_a_hint_answers_nothing_and_what_is_silent_is_for_a_person(modalities, title, state, wait):
    answered = asked(RequestState.ANSWERED, "ct")

    needs, found = judged(CT, records=[images(*modalities, title=title)], requests=[answered])

    assert needs["ct"].state is state
    assert wait is None or wait in {one.code for one in found.waits}
    assert found.is_complete is (wait is None)


def test_a_pet_ct_answers_the_line_that_names_pet():
    assert states(CT, PET, records=[images("CT", "PT", title="PET CT CHEST")])["pet"] is NeedState.SATISFIED


def test_what_a_person_said_of_a_page_goes_before_its_hints_and_leaves_the_other_lines_alone():
    page = a_record(RecordKind.LABORATORY, answers=frozenset({"psa"}))
    answered = asked(RequestState.ANSWERED, "psa", "labs")

    assert states(PSA, LABS, records=[page], requests=[answered]) == {
        "psa": NeedState.SATISFIED,
        "labs": NeedState.RECEIVED,
    }
    assert line_suggested((LABS, PSA), page) == "psa"
    assert (
        line_suggested((LABS, PSA), a_record(RecordKind.LABORATORY, "loinc|2857-1", answers=frozenset({"labs"})))
        == "labs"
    )


def test_what_a_person_said_of_another_list_leaves_a_record_to_its_kind():
    page = a_record(RecordKind.LABORATORY, answers=frozenset({"ca-125"}))
    report = a_record(RecordKind.PATHOLOGY_REPORT, answers=frozenset({"labs"}))

    assert line_suggested((LABS, PSA), page) == "labs"
    assert line_suggested((LABS,), report) is None


def test_a_persons_word_goes_before_the_hints():
    record = images("MR", title="MR CHEST")
    said = Waiver(kind=WaiverKind.ANSWERED_BY, record=record.id)

    assert states(CT, records=[record], waivers={"ct": said})["ct"] is NeedState.SATISFIED


def test_what_was_said_not_to_exist_stays_so_where_only_another_test_came():
    said = {"psa": Waiver(kind=WaiverKind.ABSENT)}
    done = [asked(RequestState.ANSWERED, "psa", "labs")]

    other = states(PSA, LABS, records=[a_record(RecordKind.LABORATORY, "loinc|2039-6")], waivers=said, requests=done)
    it = states(PSA, LABS, records=[a_record(RecordKind.LABORATORY, "loinc|2857-1")], waivers=said, requests=done)

    assert (other["psa"], it["psa"]) == (NeedState.ABSENT_WITH_REASON, NeedState.SATISFIED)
    assert (other["labs"], it["labs"]) == (NeedState.SATISFIED, NeedState.RECEIVED)


def test_a_report_whose_code_says_little_is_for_a_person():
    total = a_record(RecordKind.LABORATORY, "loinc|11502-2")

    assert states(PSA, LABS, records=[total]) == {"psa": NeedState.RECEIVED, "labs": NeedState.SATISFIED}


# --- every one --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requests", "state", "wait"),
    [
        ([RequestState.ANSWERED], NeedState.SATISFIED, None),
        ([RequestState.ANSWERED, RequestState.NO_RECORDS], NeedState.SATISFIED, None),
        ([RequestState.ANSWERED, RequestState.EXPECTED], NeedState.RECEIVED, WaitCode.SOURCE_PUSH),
        ([RequestState.ANSWERED, RequestState.SILENT], NeedState.RECEIVED, WaitCode.SOURCE_SILENT),
        ([RequestState.ANSWERED, RequestState.NOT_FOUND], NeedState.RECEIVED, WaitCode.CONFIRM_ABSENT),
        ([], NeedState.RECEIVED, WaitCode.UNVERIFIED),
    ],
)
def test_all_values_are_there_once_all_who_were_asked_have_answered(requests, state, wait):
    made = [asked(one, "psa", institution=InstitutionId(f"i{n}")) for n, one in enumerate(requests)]
    value = a_record(RecordKind.LABORATORY, "loinc|2857-1", days=400)

    needs, found = judged(PSA, records=[value], requests=made)

    assert needs["psa"].state is state
    assert {one.code for one in found.waits} == ({wait} if wait else set())


def test_a_record_counts_on_the_line_of_all_and_on_one_more():
    every = a_line("mri-all", RecordKind.IMAGES, modalities=["MR"], every=True)
    latest = a_line("mri-latest", RecordKind.IMAGES, modalities=["MR"], max_age_days=30)
    done = [asked(RequestState.ANSWERED, "mri-all", "mri-latest")]

    old = states(every, latest, records=[images("MR", days=90)], requests=done)
    both = states(every, latest, records=[images("MR", days=90), images("MR", days=9)], requests=done)

    assert old == {"mri-all": NeedState.SATISFIED, "mri-latest": NeedState.EXPIRED}
    assert set(both.values()) == {NeedState.SATISFIED}


# --- near to another record ------------------------------------------------------------------------------------------

MARROW = a_line("marrow", RecordKind.PATHOLOGY_REPORT, codes=["loinc|33721-2"])
COUNT = a_line("count", RecordKind.LABORATORY, codes=["loinc|58410-2"], max_days_from={"line": "marrow", "days": 14})
MARROW_REPORT = a_record(RecordKind.PATHOLOGY_REPORT, "loinc|33721-2", days=40)


def a_count(days: int, **more) -> CollectedRecord:
    return a_record(RecordKind.LABORATORY, "loinc|58410-2", days=days, **more)


@pytest.mark.parametrize(
    ("days", "state"),
    [
        (54, NeedState.SATISFIED),
        (26, NeedState.SATISFIED),
        (55, NeedState.EXPIRED),
        (25, NeedState.EXPIRED),
        (1, NeedState.EXPIRED),
    ],
)
def test_an_age_is_counted_from_the_other_lines_record(days, state):
    needs, found = judged(COUNT, MARROW, records=[a_count(days), MARROW_REPORT])

    assert needs["count"].state is state
    assert ({one.code for one in found.waits} == {WaitCode.OTHER_DAY_NEEDED}) is (state is NeedState.EXPIRED)


def test_nothing_can_be_said_before_the_other_record_is_here():
    awaited = asked(RequestState.EXPECTED, "marrow", institution=PRAIRIE)

    needs, found = judged(COUNT, MARROW, records=[a_count(1)], requests=[awaited])

    assert needs["count"].state is NeedState.RECEIVED
    assert {one.code for one in found.waits} == {WaitCode.SOURCE_PUSH}
    assert found.unanswered == ()


def test_where_there_is_no_other_record_its_age_is_of_no_account():
    none = {"marrow": Waiver(kind=WaiverKind.ABSENT)}

    assert states(COUNT, MARROW, records=[a_count(1)], waivers=none)["count"] is NeedState.SATISFIED


def test_an_undated_record_is_near_to_nothing_that_a_rule_knows():
    assert states(COUNT, MARROW, records=[a_count(1, at=None), MARROW_REPORT])["count"] is NeedState.RECEIVED


# --- one of several ---------------------------------------------------------------------------------------------------


def test_of_several_lines_one_is_enough():
    lines = [line.model_copy(update={"one_of": "staging"}) for line in (CT, PET)]

    one, whole = judged(*lines, records=[images("PT", "CT")])
    _, none = judged(*lines, records=[images("MR")])

    assert (one["ct"].state, one["pet"].state) == (NeedState.NOT_APPLICABLE, NeedState.SATISFIED)
    assert whole.is_complete
    assert set(none.unanswered) == {"ct", "pet"}


def test_a_line_that_nobody_needs_does_not_do_for_another():
    lines = [line.model_copy(update={"one_of": "staging"}) for line in (CT, PET)]
    said = {"ct": Waiver(kind=WaiverKind.NOT_APPLICABLE)}

    assert not judged(*lines, waivers=said)[1].is_complete


# --- glass and tissue -------------------------------------------------------------------------------------------------

GLASS = a_line("slides", RecordKind.MATERIAL, counted=True, digital_slides=True)
BLOCK = a_line(
    "block", RecordKind.MATERIAL, counted=True, pieces="block", instead={"unstained": 15, "micron": 4}
)  # as a center's file adds it


def pieces(kind: MaterialKind, count: int, state: MaterialState = MaterialState.RECEIVED) -> Material:
    here = {"expected": count, "received": count, "state": state}
    return Material(id=MaterialId.draw(), accession_hmac="a1", kind=kind, **here)


@pytest.mark.parametrize(
    ("kind", "count", "state"),
    [
        (MaterialKind.BLOCK, 1, NeedState.SATISFIED),
        (MaterialKind.UNSTAINED, 15, NeedState.SATISFIED_BY_OTHER),
        (MaterialKind.UNSTAINED, 14, NeedState.RECEIVED),
        (MaterialKind.SLIDE, 20, NeedState.RECEIVED),
        (MaterialKind.RECUT, 20, NeedState.RECEIVED),
    ],
)
def test_a_block_or_as_many_sections_as_the_center_asks_for(kind, count, state):
    needs, found = judged(BLOCK, materials={"block": [pieces(kind, count)]})

    assert needs["block"].state is state
    assert ({one.code for one in found.waits} == {WaitCode.MATERIAL_NOT_ENOUGH}) is (state is NeedState.RECEIVED)
    assert BLOCK.asks == "The block; without a block 15 unstained sections of 4 µm"


def test_two_lines_of_material_are_counted_apart():
    here = {"slides": [pieces(MaterialKind.SLIDE, 6)], "block": [pieces(MaterialKind.BLOCK, 1, MaterialState.WANTED)]}

    assert states(GLASS, BLOCK, materials=here) == {
        "slides": NeedState.SATISFIED,
        "block": NeedState.AWAITED_MATERIAL,
    }


def test_pieces_of_a_line_that_the_list_does_not_have_count_on_its_first():
    assert states(GLASS, materials={"glass": [pieces(MaterialKind.SLIDE, 6)]})["slides"] is NeedState.SATISFIED


@pytest.mark.parametrize(
    ("modality", "more", "state"),
    [
        ("SM", {}, NeedState.SATISFIED_BY_OTHER),
        ("SM", {"is_whole": False}, NeedState.AWAITED_MATERIAL),
        ("SM", {"is_opened": False}, NeedState.AWAITED_MATERIAL),
        ("GM", {}, NeedState.AWAITED_MATERIAL),
    ],
)
def test_whole_slide_images_do_for_glass_where_the_center_takes_them(modality, more, state):
    assert states(GLASS, OTHERS, records=[images(modality, **more)])["slides"] is state
    glass = GLASS.model_copy(update={"digital_slides": False})
    assert states(glass, OTHERS, records=[images("SM")]) == {
        "slides": NeedState.AWAITED_MATERIAL,
        "other-images": NeedState.MISSING,
    }


# --- parts of the body ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("MRI BRAIN W/WO CONTRAST", {BodyPart.BRAIN}),
        ("CT C/A/P", set()),
        ("ct thorax, abdomen & pelvis", {BodyPart.CHEST, BodyPart.ABDOMEN, BodyPart.PELVIS}),
        ("MG tomosynthesis", {BodyPart.BREAST}),
        ("headache protocol", set()),
        ("", set()),
        (None, set()),
        ("x" * 400 + " brain", set()),
    ],
)
def test_a_description_names_parts_of_the_body_or_none(title, parts):
    assert body_parts_in(title) == parts
