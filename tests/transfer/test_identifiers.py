"""The names things have: opaque, of one form, and safe to write anywhere."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.identifiers import (
    ArrivalId,
    CaseId,
    DisclosureId,
    EgressId,
    HoldId,
    Identifier,
    InstitutionId,
    MaterialId,
    NoteId,
    PacketId,
    PatientId,
    PermissionId,
    RecordId,
    RequestId,
    Subject,
)

DRAWN = (
    ArrivalId,
    CaseId,
    DisclosureId,
    EgressId,
    HoldId,
    MaterialId,
    NoteId,
    PatientId,
    PermissionId,
    RecordId,
    RequestId,
)
ALL = (*DRAWN, InstitutionId, PacketId, Subject)


@pytest.mark.parametrize("kind", DRAWN)
def test_what_is_drawn_is_of_its_kind_and_new(kind: type):
    drawn = {kind.draw() for _ in range(200)}

    assert len(drawn) == 200
    assert {kind(one) for one in drawn} == drawn


def test_no_two_kinds_begin_with_the_same_letter():
    assert len({kind.letter for kind in DRAWN}) == len(DRAWN)


@pytest.mark.parametrize("kind", ALL)
@given(text=st.text(max_size=40))
def test_nothing_that_could_break_a_path_a_log_or_a_run_id_is_an_identifier(kind: type[Identifier], text: str):
    try:
        built = kind(text)
    except ValueError as error:
        assert str(error) == (kind.refusal or f"not a {kind.__name__}")  # never the text, which is from outside
    else:
        # Airflow's run ids: [A-Za-z0-9_.~:+-]
        assert re.fullmatch(r"[a-z0-9-]+", built)


def test_a_packet_begins_with_its_case_and_no_case_begins_another():
    case = CaseId.draw()

    assert PacketId.of(case, 12).startswith(case)
    assert (PacketId.of(case, 12).case, PacketId.of(case, 12).number) == (case, 12)
    assert len(case) == 12


@pytest.mark.parametrize("text", ["", "inbox2", "C0123456789A", "c0123456789a-p0", "c0123456789a.1", "../etc"])
def test_a_round_is_about_a_case_a_packet_or_the_inbox(text: str):
    with pytest.raises(ValueError, match="not a Subject"):
        Subject(text)
