"""Glass and blocks: counted as they come, lent and given back."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.errors import NeedsReview, NotAllowed
from transfer.identifiers import MaterialId
from transfer.materials import (
    MOVES,
    Discrepancy,
    LabelCheck,
    Material,
    MaterialKind,
    MaterialState,
    Sufficiency,
    announce,
    discrepancy,
    due_back,
    is_labelled_as,
    is_overdue,
    judge,
    keep_until,
    move,
    receive,
)

LABEL = "a1" * 32


def slides(expected: int = 6, **differing) -> Material:
    plain = {"id": MaterialId.draw(), "accession_hmac": LABEL, "kind": MaterialKind.SLIDE, "expected": expected}
    return Material(**{**plain, **differing})


def received(material: Material, *parcels: int) -> Material:
    for pieces in parcels:
        material = receive(material, pieces=pieces, accession_hmac=LABEL)
    return material


def test_all_announced_pieces_make_it_complete():
    came = received(slides(6), 6)

    assert came.state is MaterialState.RECEIVED
    assert came.is_complete


def test_too_few_are_a_discrepancy_until_the_second_parcel_comes():
    first = received(slides(6), 4)

    assert (first.state, discrepancy(first)) == (MaterialState.DISCREPANT, Discrepancy.TOO_FEW)
    assert not first.is_complete
    assert received(first, 2).is_complete


def test_too_many_are_a_discrepancy_too():
    assert discrepancy(received(slides(6), 7)) is Discrepancy.TOO_MANY


def test_pieces_under_another_number_are_not_ours_to_count():
    wanted = slides(6)

    with pytest.raises(NeedsReview):
        receive(wanted, pieces=6, accession_hmac="b2" * 32)


def test_pieces_nobody_announced_are_counted_but_never_called_complete():
    came = received(slides(0), 6)

    assert came.state is MaterialState.RECEIVED
    assert discrepancy(came) is None
    assert not came.is_complete
    assert announce(came, 6).is_complete
    assert announce(came, 8).state is MaterialState.DISCREPANT


def test_a_list_that_comes_first_waits_for_the_parcel():
    assert announce(slides(0), 6).state is MaterialState.WANTED
    assert received(announce(slides(0), 6), 6).is_complete


def test_a_list_announces_at_least_one_piece_and_a_parcel_holds_at_least_one():
    with pytest.raises(NotAllowed):
        announce(slides(), 0)
    with pytest.raises(NotAllowed):
        received(slides(), 0)


def test_a_corrected_list_settles_a_discrepancy():
    assert announce(received(slides(6), 5), 5).is_complete


@pytest.mark.parametrize("before", MaterialState)
@pytest.mark.parametrize("after", MaterialState)
def test_custody_moves_as_the_table_says_and_no_other_way(before, after):
    material = slides(state=before, loan=after is not MaterialState.CONSUMED)

    if after in MOVES[before] and after not in (MaterialState.RECEIVED, MaterialState.DISCREPANT):
        assert move(material, after).state is after
    else:
        with pytest.raises(NotAllowed):
            move(material, after)


def test_a_parcel_may_come_unannounced_but_not_after_it_went_back():
    assert received(slides(2, state=MaterialState.REFUSED), 2).is_complete
    for gone in (MaterialState.RETURNED, MaterialState.CONSUMED):
        with pytest.raises(NotAllowed):
            received(slides(state=gone), 6)


def test_a_loan_is_not_used_up_and_a_recut_is_not_given_back():
    lent, recut = received(slides(6), 6), received(slides(6, kind=MaterialKind.RECUT, loan=False), 6)

    with pytest.raises(NotAllowed):
        move(lent, MaterialState.CONSUMED)
    with pytest.raises(NotAllowed):
        move(recut, MaterialState.RETURNED)
    assert move(recut, MaterialState.CONSUMED).is_complete
    assert move(lent, MaterialState.RETURNED).is_complete


def test_what_comes_back_undelivered_is_counted_anew():
    returning = move(received(slides(6), 6), MaterialState.RETURNING)

    assert received(returning, 6).is_complete
    assert received(returning, 5).state is MaterialState.DISCREPANT


def test_only_originals_must_go_back():
    assert {kind for kind in MaterialKind if kind.is_original} == {
        MaterialKind.SLIDE,
        MaterialKind.BLOCK,
        MaterialKind.SMEAR,
    }


def test_a_loan_is_overdue_the_day_after_it_was_due():
    lent = replace(received(slides(6), 6), due_back=date(2026, 12, 1))

    assert not is_overdue(lent, date(2026, 12, 1))
    assert is_overdue(lent, date(2026, 12, 2))
    assert is_overdue(move(lent, MaterialState.RETURNING), date(2026, 12, 2))
    assert not is_overdue(move(lent, MaterialState.RETURNED), date(2026, 12, 2))
    assert not is_overdue(replace(lent, due_back=None), date(2026, 12, 2))
    assert not is_overdue(replace(lent, loan=False), date(2026, 12, 2))
    assert not is_overdue(slides(due_back=date(2026, 1, 1)), date(2026, 12, 2))


def test_pieces_are_counted_from_nought():
    with pytest.raises(ValueError, match="counted"):
        slides(-1)
    with pytest.raises(ValueError, match="counted"):
        slides(1, received=-1)


@given(st.integers(1, 40), st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_however_many_parcels_it_is_complete_exactly_when_the_pieces_add_up(expected, parcels):
    came = received(slides(expected), *parcels)

    assert came.received == sum(parcels)
    assert came.is_complete is (sum(parcels) == expected)
    assert (came.state is MaterialState.DISCREPANT) is (discrepancy(came) is not None)


@pytest.mark.parametrize(
    ("label", "number", "is_theirs"),
    [
        ("S26-1234", "S26-1234", True),
        ("s26 1234", "S26-1234", True),
        ("S26-001234", "S26-1234", True),
        ("S26-1234 A1", "S26-1234", True),
        ("S26-1234A1", "S26-1234", True),
        ("S26-1234-2", "S26-1234", True),
        ("S26-12345", "S26-1234", False),
        ("S26-123", "S26-1234", False),
        ("S25-1234", "S26-1234", False),
        ("S26-1234", "", False),
        ("S26-1234", "--", False),
    ],
)
def test_a_label_is_a_reports_by_its_accession_number(label, number, is_theirs):
    assert is_labelled_as(label, ["X1", number]) is is_theirs


def test_a_second_count_of_a_parcel_stands_in_place_of_the_first():
    first = received(slides(12), 10)

    again = receive(first, pieces=12, accession_hmac=LABEL, instead_of=10)

    assert (again.received, again.is_complete) == (12, True)
    with pytest.raises(NotAllowed):
        receive(first, pieces=12, accession_hmac=LABEL, instead_of=11)


@pytest.mark.parametrize("labels", [one for one in LabelCheck if one is not LabelCheck.AGREE])
def test_pieces_whose_labels_do_not_say_whose_they_are_are_a_discrepancy_however_many_came(labels: LabelCheck):
    came = receive(slides(6), pieces=6, accession_hmac=LABEL, labels=labels)

    assert (came.state, discrepancy(came)) == (MaterialState.DISCREPANT, Discrepancy.LABELS)
    assert not came.is_complete
    assert receive(came, pieces=6, accession_hmac=LABEL, instead_of=6).is_complete


@pytest.mark.parametrize("said", Sufficiency)
def test_a_pathologist_goes_before_every_count(said: Sufficiency):
    assert judge(received(slides(11), 10), said).is_complete
    with pytest.raises(NotAllowed):
        judge(slides(11), said)


def test_a_loan_stays_longer_where_its_lender_says_so_and_never_shorter():
    here = replace(received(slides(6), 6), due_back=date(2027, 1, 31))

    assert keep_until(here, date(2027, 2, 28)).due_back == date(2027, 2, 28)
    with pytest.raises(NotAllowed):
        keep_until(here, date(2027, 1, 30))
    with pytest.raises(NotAllowed):
        keep_until(replace(here, loan=False), date(2027, 2, 28))


def test_blocks_go_back_before_slides_and_what_is_consumed_never():
    came = date(2027, 1, 31)

    assert due_back(MaterialKind.BLOCK, came) < due_back(MaterialKind.SLIDE, came)
    assert {kind for kind in MaterialKind if due_back(kind, came)} == {one for one in MaterialKind if one.is_original}
