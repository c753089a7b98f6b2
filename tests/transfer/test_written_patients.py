"""Whom the words of a document name, and when that is surely somebody else."""

from datetime import date

import pytest

from transfer.opened import WrittenPatient
from transfer.patients import Demographics, PersonName
from transfer.written_patients import read_name, written_patients

BORN = (date(1950, 3, 4),)
EITHER = (date(1950, 3, 4), date(1950, 4, 3))
ROE = PersonName("ROE", ("RICHARD",))


@pytest.mark.parametrize(
    ("lines", "name", "births"),
    [
        (["Patient: ROE, RICHARD   DOB: 03/04/1950"], ROE, EITHER),
        (["PATIENT NAME: ROE, RICHARD MRN: 77", "Birthdate: 1950-03-04"], ROE, BORN),
        (["Patient:", "ROE, RICHARD", "D.O.B.:", "March 4, 1950"], ROE, BORN),
        (["Patient Name: Dr. Richard J. Roe Jr. (M) born 4 Mar 1950"], PersonName("Roe", ("Richard", "J.")), BORN),
        (["Patient: ROE, RICHARD", "Date of birth (mm/dd/yyyy): 03/04/1950"], ROE, EITHER),
        (["Dear Dr. Lee,", "RE: ROE, RICHARD (DOB 1950-03-04)"], ROE, BORN),
        (["Patient: Anna van der Berg | Date of birth 1950-03-04"], PersonName("van der Berg", ("Anna",)), BORN),
    ],
)
def test_a_name_and_a_birth_date_beside_each_other_are_a_patient(
    lines: list[str], name: PersonName, births: tuple[date, ...]
):
    assert written_patients(lines) == (WrittenPatient(name, births),)


@pytest.mark.parametrize(
    "lines",
    [
        ["Patient: stable and doing well", "DOB: 03/04/1950"],
        ["Patient presents with pain", "born 03/04/1950"],
        ["Patient: ROE, RICHARD"],
        ["We care: Richard Roe", "DOB: 03/04/1950"],
        ["Re: your referral of today", "DOB: 03/04/1950"],
        ["Patient: ROE, RICHARD", *[""] * 9, "DOB: 03/04/1950"],
        ["Patient: ROE, RICHARD", "Mother's DOB: 03/04/1950"],
        ["Emergency contact of patient: ROE, RICHARD", "DOB: 03/04/1950"],
        ["Patient: ROE, RICHARD DOB: 13/13/1950"],
        ["Patient: See below", "DOB: unknown"],
        ["Patient: ROE, RICHARD", "DOB:", "Collected: 03/04/2024"],
        ["Patient: ROE, RICHARD", "DOB: unknown  Collected: 03/04/2024"],
        ["Patient: ROE, RICHARD", "He was born in Ohio. Seen 03/04/2024"],
    ],
)
def test_what_may_be_no_patient_is_none(lines: list[str]):
    assert written_patients(lines) == ()


@pytest.mark.parametrize(
    ("known", "is_another"),
    [
        (Demographics(names=(PersonName("Doe", ("Jane",)),), birth_date=date(1961, 2, 3)), True),
        (Demographics(names=(PersonName("Doe", ("Jane",)),), birth_date=date(1950, 4, 3)), False),
        (Demographics(names=(PersonName("Roe-Doe", ("Jane",)),), birth_date=date(1961, 2, 3)), False),
        (Demographics(names=(PersonName("Richard", ("Roe",)),), birth_date=date(1961, 2, 3)), False),
        (Demographics(names=(PersonName("Doe", ("Jane",)),)), False),
        (Demographics(birth_date=date(1961, 2, 3)), False),
        (Demographics(names=(PersonName("O", ("Jane",)),), birth_date=date(1961, 2, 3)), False),
    ],
    ids=[
        *("both", "day and month turned", "half the name", "turned", "no birth date known", "no name known"),
        "a name of one letter",
    ],
)
def test_somebody_else_is_who_differs_in_both(known: Demographics, is_another: bool):
    assert WrittenPatient(ROE, EITHER).is_another_than([known]) is is_another


def test_a_former_name_is_the_patients():
    now, before = (
        Demographics(names=(PersonName(one, ("J",)),), birth_date=date(1961, 2, 3)) for one in ("Doe", "Roe")
    )
    assert not WrittenPatient(ROE, BORN).is_another_than([now, before])


@pytest.mark.parametrize("text", ["", "Roe", "x y", "Seen in 2020", "A B C D E F G"])
def test_words_that_are_no_name_are_none(text: str):
    assert read_name(text) is None
