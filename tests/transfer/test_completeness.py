"""What a case still lacks, and whose turn it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.checklist import Checklist, ChecklistLine, Necessity
from transfer.completeness import (
    SETTLED,
    CollectedRecord,
    Completeness,
    Need,
    NeedState,
    Wait,
    WaitCode,
    Waiver,
    WaiverKind,
    assess,
    is_lacking,
)
from transfer.identifiers import CaseId, DepartmentId, InstitutionId, MaterialId, RecordId, RequestId
from transfer.materials import Material, MaterialKind, MaterialState
from transfer.records import DocumentStatus, RecordKind
from transfer.requests import OPEN, Request, RequestState

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
OFFICE, LABORATORY = InstitutionId("lakeside-oncology"), InstitutionId("prairie-pathology")
DESK, SLIDE_ROOM = DepartmentId("records-office"), DepartmentId("slide-room")
CASE = CaseId.draw()


def a_line(key: str, kind: RecordKind, necessity: Necessity = Necessity.REQUIRED, **more) -> ChecklistLine:
    if necessity is Necessity.CONDITIONAL:
        more["condition"] = "it was done"
    return ChecklistLine(key=key, label=f"The {key}", kinds=frozenset({kind}), necessity=necessity, **more)


NOTES = a_line("notes", RecordKind.NOTE)
REPORT = a_line("pathology-report", RecordKind.PATHOLOGY_REPORT)
LABS = a_line("labs", RecordKind.LABORATORY, max_age_days=30)
IMAGES = a_line("images", RecordKind.IMAGES)
SLIDES = a_line("slides", RecordKind.MATERIAL, counted=True)
OPERATION = a_line("operative-note", RecordKind.OPERATIVE_NOTE, Necessity.CONDITIONAL)
LETTER = a_line("letter", RecordKind.NOTE, Necessity.OPTIONAL)


def a_checklist(*lines: ChecklistLine) -> Checklist:
    return Checklist(id="colorectal", version="1", title="Colon", codes=("icd-10-cm|C18",), lines=lines)


def a_record(kind: RecordKind = RecordKind.NOTE, **differing) -> CollectedRecord:
    plain = {
        "id": RecordId.draw(),
        "kind": kind,
        "status": DocumentStatus.FINAL,
        "at": NOW - timedelta(days=5),
        "source": OFFICE,
    }
    return CollectedRecord(**{**plain, **differing})


def a_request(state: RequestState, *lines: ChecklistLine, institution=OFFICE, department=DESK, attempts=0) -> Request:
    return Request(
        id=RequestId.draw(),
        case=CASE,
        institution=institution,
        department=department,
        lines=tuple(line.key for line in lines or (NOTES,)),
        state=state,
        attempts=attempts,
    )


def slides(state: MaterialState, expected: int = 6, received: int = 6, kind=MaterialKind.SLIDE) -> Material:
    return Material(
        id=MaterialId.draw(), accession_hmac="a1", kind=kind, expected=expected, received=received, state=state
    )


def judged(*lines: ChecklistLine, requests=(), records=(), materials=(), waivers=None) -> Completeness:
    return assess(
        a_checklist(*lines),
        requests=requests,
        records=records,
        materials={line.key: materials for line in lines if line.counted},
        waivers=waivers or {},
        now=NOW,
    )


def the_need(*lines: ChecklistLine, **given_things) -> Need:
    """The first line's."""
    return judged(*lines, **given_things).needs[0]


def waits(*lines: ChecklistLine, **given_things) -> set[WaitCode]:
    return {wait.code for wait in judged(*lines, **given_things).waits}


# --- records --------------------------------------------------------------------------------------------------------


def test_a_final_note_answers_the_line_and_completes_the_case():
    note = a_record()
    done = judged(NOTES, requests=[a_request(RequestState.ANSWERED)], records=[note])

    assert done.needs == (Need(line=NOTES, state=NeedState.SATISFIED, records=(note.id,), chosen=note.id),)
    assert done.is_complete
    assert not done.lacks_only_material
    assert done.waits == ()


@pytest.mark.parametrize("status", DocumentStatus)
def test_only_a_settled_document_answers_a_line(status):
    need = the_need(NOTES, records=[a_record(status=status)])

    assert (need.state is NeedState.SATISFIED) is status.is_settled
    assert (need.state is NeedState.MISSING) is status.is_void


def test_a_preliminary_report_just_came_in_and_is_not_yet_it():
    record = a_record(status=DocumentStatus.PRELIMINARY)
    one = judged(NOTES, requests=[a_request(RequestState.ANSWERED)], records=[record])

    assert one.needs[0].state is NeedState.RECEIVED
    assert one.needs[0].chosen is None
    assert one.waits == (Wait(WaitCode.UNVERIFIED, OFFICE),)
    assert not one.is_complete


def test_half_a_study_is_still_owed():
    half = a_record(RecordKind.IMAGES, is_whole=False)
    whole = a_record(RecordKind.IMAGES)

    assert the_need(IMAGES, records=[half]).state is NeedState.RECEIVED
    assert the_need(IMAGES, records=[half, whole]).state is NeedState.RECEIVED
    asked = [a_request(RequestState.PARTLY, IMAGES)]
    assert waits(IMAGES, records=[half, whole], requests=asked) == {WaitCode.SOURCE_REST}


@pytest.mark.parametrize(
    "state",
    [RequestState.NOT_FOUND, RequestState.ANSWERED, RequestState.SILENT, RequestState.NO_RECORDS, None],
)
def test_what_becomes_of_half_a_study_that_nobody_asks_for_any_more_is_for_people(state):
    half = a_record(RecordKind.IMAGES, is_whole=False)
    asked = [a_request(state, IMAGES)] if state else []

    found = judged(IMAGES, records=[half], requests=asked)

    assert {wait.code for wait in found.waits} == {WaitCode.UNVERIFIED}
    assert found.unanswered == ("images",)


def test_a_whole_copy_makes_up_for_half_a_one():
    half = a_record(RecordKind.IMAGES, is_whole=False)
    whole = a_record(RecordKind.IMAGES, copy_of=half.id)
    need = the_need(IMAGES, records=[half, whole])

    assert (need.state, need.chosen) == (NeedState.SATISFIED, whole.id)


def test_results_too_old_are_told_from_results_missing():
    at_the_edge = a_record(RecordKind.LABORATORY, at=NOW - timedelta(days=30))
    too_old = replace(at_the_edge, at=NOW - timedelta(days=30, seconds=1))
    undated = replace(at_the_edge, at=None)

    assert the_need(LABS, records=[at_the_edge]).state is NeedState.SATISFIED
    assert the_need(LABS, records=[too_old]).state is NeedState.EXPIRED
    assert waits(LABS, records=[too_old]) == {WaitCode.NEWER_NEEDED}
    assert the_need(LABS, records=[undated, too_old]).state is NeedState.RECEIVED
    assert the_need(LABS, records=[too_old, at_the_edge]).chosen == at_the_edge.id


def test_what_was_replaced_or_withdrawn_answers_nothing():
    voids = [a_record(status=status) for status in DocumentStatus if status.is_void]
    for void in (a_record(superseded=True), *voids):
        assert the_need(NOTES, records=[void]) == Need(line=NOTES, state=NeedState.MISSING)


def test_of_several_the_latest_settled_original_is_chosen_and_all_are_listed():
    old, new = a_record(at=NOW - timedelta(days=9)), a_record(at=NOW - timedelta(days=1))
    copy, undated = a_record(at=NOW, copy_of=new.id), a_record(at=None)
    need = the_need(NOTES, records=[undated, old, copy, new])

    assert need.chosen == new.id
    assert len(need.records) == 4


def test_one_record_does_not_answer_two_lines_that_ask_for_different_things():
    note = a_record()
    letter, notes = judged(LETTER, NOTES, records=[note]).needs

    assert (notes.state, notes.chosen) == (NeedState.SATISFIED, note.id)
    assert (letter.state, letter.chosen, letter.records) == (NeedState.RECEIVED, None, (note.id,))


# --- asking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "need", "wait"),
    [
        (RequestState.EXPECTED, NeedState.REQUESTED, WaitCode.SOURCE_PUSH),
        (RequestState.DUE, NeedState.REQUESTED, WaitCode.TO_ASK),
        (RequestState.ASKING, NeedState.REQUESTED, WaitCode.TO_ASK),
        (RequestState.PARTLY, NeedState.REQUESTED, WaitCode.SOURCE_REST),
        (RequestState.ANSWERED, NeedState.MISSING, WaitCode.NOT_IN_ANSWER),
        (RequestState.NOT_FOUND, NeedState.MISSING, WaitCode.CONFIRM_ABSENT),
        (RequestState.FORBIDDEN, NeedState.MISSING, WaitCode.SOURCE_FORBIDS),
        (RequestState.SILENT, NeedState.MISSING, WaitCode.SOURCE_SILENT),
        (RequestState.NOT_PERMITTED, NeedState.MISSING, WaitCode.RELEASE_FORM),
        (RequestState.WITHDRAWN, NeedState.MISSING, WaitCode.NOBODY_ASKED),
    ],
)
def test_where_nothing_came_the_state_of_the_asking_is_told(state, need, wait):
    one = judged(NOTES, requests=[a_request(state)])

    assert one.needs[0].state is need
    assert {w.code for w in one.waits} == {wait}
    assert not one.is_complete
    expected = (None, None) if state is RequestState.WITHDRAWN else (OFFICE, DESK)
    assert (one.waits[0].institution, one.waits[0].department) == expected


def test_every_state_but_the_sources_no_has_a_wait():
    assert {WaitCode.SOURCE_RETRY} == waits(NOTES, requests=[a_request(RequestState.DUE, attempts=1)])
    assert {WaitCode.TO_ASK} == waits(NOTES, requests=[a_request(RequestState.ASKING, attempts=1)])
    assert waits(NOTES, requests=[a_request(RequestState.NO_RECORDS)]) == set()


def test_a_source_that_says_it_holds_nothing_settles_the_line():
    one = judged(NOTES, requests=[a_request(RequestState.NO_RECORDS)])

    assert one.is_complete
    assert one.needs[0] == Need(line=NOTES, state=NeedState.ABSENT_WITH_REASON)


@pytest.mark.parametrize("other", [RequestState.NOT_FOUND, RequestState.FORBIDDEN, RequestState.SILENT])
def test_an_empty_search_a_refusal_and_silence_settle_nothing(other):
    requests = [a_request(RequestState.NO_RECORDS), a_request(other, institution=LABORATORY)]
    one = judged(NOTES, requests=requests)

    assert one.needs[0].state is NeedState.MISSING
    assert {w.institution for w in one.waits} == {LABORATORY}
    assert not one.is_complete


def test_a_request_for_other_lines_says_nothing_of_this_one():
    assert waits(NOTES, requests=[a_request(RequestState.NO_RECORDS, REPORT)]) == {WaitCode.NOBODY_ASKED}


@pytest.mark.parametrize("state", RequestState)
def test_the_record_of_one_hospital_does_not_stand_for_that_of_another(state):
    answered = a_request(RequestState.ANSWERED)
    other = a_request(state, institution=LABORATORY)
    one = judged(NOTES, requests=[answered, other], records=[a_record()])

    assert one.needs[0].state is NeedState.SATISFIED
    assert one.is_complete is (state not in OPEN | {RequestState.NOT_PERMITTED})
    assert bool(one.waits) is not one.is_complete


# --- what people say ------------------------------------------------------------------------------------------------


def a_word(kind: WaiverKind, record: RecordId | None = None) -> Waiver:
    return Waiver(kind=kind, record=record)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (WaiverKind.WAIVED, NeedState.WAIVED),
        (WaiverKind.NOT_APPLICABLE, NeedState.NOT_APPLICABLE),
        (WaiverKind.ABSENT, NeedState.ABSENT_WITH_REASON),
        (WaiverKind.SUBSTITUTE, NeedState.SATISFIED_BY_OTHER),
    ],
)
def test_a_persons_word_settles_a_line_and_keeps_its_reason(kind, state):
    one = judged(NOTES, requests=[a_request(RequestState.SILENT)], waivers={"notes": a_word(kind)})

    assert one.needs[0] == Need(line=NOTES, state=state)
    assert one.is_complete


def test_what_a_person_called_absent_and_came_after_all_is_there():
    note = a_record()
    need = the_need(NOTES, records=[note], waivers={"notes": a_word(WaiverKind.ABSENT)})

    assert (need.state, need.chosen) == (NeedState.SATISFIED, note.id)


def test_a_person_says_which_record_answers_which_line():
    note = a_record()
    letter, notes = judged(
        LETTER, NOTES, records=[note], waivers={"letter": a_word(WaiverKind.ANSWERED_BY, note.id)}
    ).needs

    assert (letter.state, letter.chosen) == (NeedState.SATISFIED, note.id)
    assert notes.chosen == note.id


@pytest.mark.parametrize("kind", [WaiverKind.ANSWERED_BY, WaiverKind.SUBSTITUTE])
def test_a_word_about_a_record_falls_with_that_record(kind):
    replaced = a_record(superseded=True)

    assert not judged(NOTES, records=[replaced], waivers={"notes": a_word(kind, replaced.id)}).is_complete
    assert not judged(NOTES, waivers={"notes": a_word(kind, RecordId.draw())}).is_complete


def test_a_line_somebody_does_without_stays_so_whatever_becomes_of_a_record():
    waivers = {"notes": a_word(WaiverKind.WAIVED, RecordId.draw())}

    assert the_need(NOTES, waivers=waivers).state is NeedState.WAIVED


def test_to_be_answered_by_a_record_it_must_be_named():
    assert the_need(NOTES, waivers={"notes": a_word(WaiverKind.ANSWERED_BY)}).state is NeedState.MISSING


def test_conditional_and_optional_lines_hold_nothing_up():
    one = judged(NOTES, OPERATION, LETTER, records=[a_record()])

    assert [need.state for need in one.needs][1] is NeedState.MISSING
    assert one.is_complete
    assert one.waits == ()


def test_a_conditional_line_counts_once_somebody_says_that_it_applies():
    waivers = {"operative-note": a_word(WaiverKind.APPLIES)}
    note, operation = a_record(), a_record(RecordKind.OPERATIVE_NOTE)

    lacks = judged(NOTES, OPERATION, records=[note], waivers=waivers)
    assert not lacks.is_complete
    assert [need.line.key for need in lacks.needs if is_lacking(need)] == ["operative-note"]
    assert judged(NOTES, OPERATION, records=[note, operation], waivers=waivers).is_complete


# --- material -------------------------------------------------------------------------------------------------------


def test_slides_are_awaited_from_the_slide_room():
    asked = a_request(RequestState.EXPECTED, SLIDES, institution=LABORATORY, department=SLIDE_ROOM)
    one = judged(
        NOTES, SLIDES, records=[a_record()], requests=[asked], materials=[slides(MaterialState.REQUESTED, 0, 0)]
    )

    assert one.needs[1].state is NeedState.AWAITED_MATERIAL
    assert one.waits == (Wait(WaitCode.MATERIAL, LABORATORY, SLIDE_ROOM),)
    assert not one.is_complete
    assert one.lacks_only_material


def test_where_more_than_material_is_lacking_it_is_not_only_material():
    assert not judged(NOTES, SLIDES).lacks_only_material


def test_a_source_still_to_answer_is_more_than_material():
    pending = a_request(RequestState.EXPECTED, NOTES, institution=LABORATORY)

    assert not judged(NOTES, SLIDES, records=[a_record()], requests=[pending]).lacks_only_material


def test_all_announced_slides_satisfy_the_line():
    assert judged(SLIDES, materials=[slides(MaterialState.RECEIVED)]).is_complete


def test_no_piece_is_missing_from_any_of_the_accessions():
    one = judged(SLIDES, materials=[slides(MaterialState.RECEIVED), slides(MaterialState.IN_TRANSIT, 4, 0)])

    assert one.needs[0].state is NeedState.AWAITED_MATERIAL
    assert one.waits == (Wait(WaitCode.MATERIAL),)


def test_recuts_are_a_substitute():
    recut = slides(MaterialState.RECEIVED, kind=MaterialKind.RECUT)
    refused = slides(MaterialState.REFUSED, 0, 0, kind=MaterialKind.BLOCK)

    assert the_need(SLIDES, materials=[refused, recut]).state is NeedState.SATISFIED_BY_OTHER


def test_a_laboratory_that_releases_nothing_is_for_a_person():
    refused = slides(MaterialState.REFUSED, 0, 0)

    assert waits(SLIDES, materials=[refused]) == {WaitCode.MATERIAL_REFUSED}


def test_pieces_that_do_not_add_up_or_that_nobody_announced_are_for_a_person():
    assert waits(SLIDES, materials=[slides(MaterialState.DISCREPANT, 6, 5)]) == {WaitCode.MATERIAL_DISCREPANCY}
    assert waits(SLIDES, materials=[slides(MaterialState.RECEIVED, 0, 5)]) == {WaitCode.MATERIAL_UNANNOUNCED}


def test_a_request_answered_is_no_slide_received():
    answered = a_request(RequestState.ANSWERED, SLIDES)

    assert not judged(SLIDES, requests=[answered]).is_complete


def test_a_slide_room_that_holds_nothing_settles_the_line():
    nothing = a_request(RequestState.NO_RECORDS, SLIDES)

    assert judged(SLIDES, requests=[nothing]).is_complete
    assert not judged(SLIDES, requests=[nothing], materials=[slides(MaterialState.IN_TRANSIT, 4, 0)]).is_complete
    assert not judged(SLIDES, requests=[nothing, a_request(RequestState.SILENT, SLIDES)]).is_complete


def test_slides_wait_for_the_release_form_like_everything_else():
    assert waits(SLIDES, requests=[a_request(RequestState.NOT_PERMITTED, SLIDES)]) == {WaitCode.RELEASE_FORM}


def test_a_person_can_do_without_slides():
    assert judged(SLIDES, waivers={"slides": a_word(WaiverKind.WAIVED)}).is_complete


# --- what must hold of every case -----------------------------------------------------------------------------------

LINES = (NOTES, LETTER, REPORT, LABS, IMAGES, SLIDES, OPERATION)
RECORDS = st.lists(
    st.builds(
        CollectedRecord,
        id=st.builds(RecordId.draw),
        kind=st.sampled_from(RecordKind),
        status=st.sampled_from(DocumentStatus),
        at=st.none() | st.sampled_from([NOW, NOW - timedelta(days=40)]),
        source=st.sampled_from([OFFICE, LABORATORY]),
        is_whole=st.booleans(),
        superseded=st.booleans(),
    ),
    max_size=6,
)
REQUESTS = st.lists(
    st.builds(
        a_request,
        st.sampled_from(RequestState),
        st.sampled_from(LINES),
        institution=st.sampled_from([OFFICE, LABORATORY]),
    ),
    max_size=5,
)
MATERIALS = st.lists(
    st.builds(slides, st.sampled_from(MaterialState), st.integers(0, 3), st.integers(0, 3)), max_size=2
)
WAIVERS = st.dictionaries(
    st.sampled_from([line.key for line in LINES]), st.builds(a_word, st.sampled_from(WaiverKind)), max_size=3
)
CASES = st.fixed_dictionaries({"requests": REQUESTS, "records": RECORDS, "materials": MATERIALS, "waivers": WAIVERS})


@given(CASES)
def test_complete_means_every_required_line_is_settled_and_nobody_is_waited_for(case):
    one = judged(*LINES, **case)

    if one.is_complete:
        assert all(n.state in SETTLED for n in one.needs if n.line.necessity is Necessity.REQUIRED)
        assert one.waits == ()
    else:
        assert one.waits, "a case that waits says why"
    assert not (one.is_complete and one.lacks_only_material)


@given(CASES)
def test_what_is_chosen_is_among_the_records_alive_and_whole(case):
    by_id = {record.id: record for record in case["records"]}

    for need in judged(*LINES, **case).needs:
        if need.chosen is not None:
            record = by_id[need.chosen]
            assert record.is_whole
            assert not record.superseded
            assert record.kind in need.line.kinds
            assert record.status.is_settled


@given(CASES)
def test_the_order_in_which_things_came_changes_nothing(case):
    turned = {name: things[::-1] if isinstance(things, list) else things for name, things in case.items()}
    forwards, backwards = judged(*LINES, **case), judged(*LINES, **turned)

    assert (forwards.is_complete, forwards.waits) == (backwards.is_complete, backwards.waits)
    assert [(n.state, n.chosen) for n in forwards.needs] == [(n.state, n.chosen) for n in backwards.needs]


@given(CASES, st.sampled_from([RequestState.ASKING, RequestState.EXPECTED, RequestState.NOT_PERMITTED]))
def test_one_more_source_to_hear_from_never_completes_a_case(case, state):
    more = {**case, "requests": [*case["requests"], a_request(state, NOTES)]}

    if not judged(*LINES, **case).is_complete:
        assert not judged(*LINES, **more).is_complete
