"""A facility that no file names cannot be built wrong, and what is new of its contact counts as unconfirmed."""

from dataclasses import replace

import pytest

from transfer.contacts import Contact, as_address, as_number, as_said
from transfer.facilities import AddedFacility, id_of
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.records import RecordKind

CEDAR = AddedFacility(
    id=InstitutionId("cedar-clinic-minot"),
    name="Cedar Clinic",
    city="Minot",
    time_zone="America/Chicago",
    holds=frozenset({RecordKind.NOTE, RecordKind.MATERIAL}),
    contact=Contact(telephone="701 555 0142", fax="701 555 0143"),
)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("(605) 555-0142", "+16055550142"),
        ("1-605-555-0142", "+16055550142"),
        ("+49 30 555 0142", "+49305550142"),
        ("+1 605.555.0142", "+16055550142"),
    ],
)
def test_a_number_is_kept_as_e164_has_it(written: str, number: str):
    assert as_number(written) == number


@pytest.mark.parametrize("written", ["", "555-0142", "call Ann", "+0605550142", "605 555 0142 ext 7", "+" + "1" * 16])
def test_what_is_no_number_is_refused_and_not_repeated(written: str):
    with pytest.raises(ValueError, match="not a telephone number") as raised:
        as_number(written)

    assert not written or written not in str(raised.value)


def test_a_number_is_said_in_groups():
    assert as_said("+16055550142") == "+1 605 555 0142"
    assert as_said("+49305550142") == "+49305550142"


def test_an_address_is_a_few_lines():
    assert as_address("Records office\r\n\n 12 Elm St \nMinot ND 58701") == "Records office\n12 Elm St\nMinot ND 58701"
    for wrong in ("", "x" * 61, "\n".join("abcdefg")):
        with pytest.raises(ValueError, match="postal address"):
            as_address(wrong)


def test_a_contact_can_be_written_to():
    with pytest.raises(ValueError, match="fax number or a postal address"):
        Contact(telephone="701 555 0142")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"city": "x" * 81},
        {"time_zone": "Middle/Earth"},
        {"holds": frozenset()},
        {"holds": frozenset({RecordKind.OTHER})},
    ],
)
def test_a_facility_cannot_be_built_wrong(wrong: dict[str, object]):
    with pytest.raises(ValueError):
        replace(CEDAR, **wrong)


def test_what_it_holds_makes_its_departments_which_people_ask():
    known = CEDAR.as_institution()

    assert [(one.id, one.holds, one.is_fetched) for one in known.departments] == [
        ("records-office", (RecordKind.NOTE,), False),
        ("slide-file", (RecordKind.MATERIAL,), False),
    ]


@pytest.mark.parametrize(
    "changed", [{"fax": "+17015550199"}, {"fax": None, "address": "12 Elm St"}, {"telephone": "+17015550100"}]
)
def test_another_contact_is_confirmed_by_nobody_yet(changed: dict[str, str | None]):
    said = Contact(**(CEDAR.contact.model_dump() | changed))

    assert not CEDAR.reached_at(said).contact.is_confirmed


def test_the_same_contact_stays_as_confirmed_as_it_is():
    unconfirmed = replace(CEDAR, contact=CEDAR.contact.model_copy(update={"is_confirmed": False}))

    assert CEDAR.reached_at(unconfirmed.contact) is CEDAR
    assert unconfirmed.reached_at(CEDAR.contact) is unconfirmed


def test_an_id_is_that_of_a_file_which_could_name_it():
    assert id_of("St. Élan's Clinic", "Minot, ND") == "st-elan-s-clinic-minot-nd"
    assert id_of("7th Street Pathology", "Fargo") == "th-street-pathology-fargo"
    with pytest.raises(ValueError, match="lower-case letters"):
        id_of("12", "7")


def test_a_reviewed_file_goes_before_a_facility_of_the_same_id():
    known = Institutions([Institution(id="cedar-clinic-minot", name="By file", time_zone="UTC")])
    elm = replace(CEDAR, id=InstitutionId("elm-clinic"))

    known.know([CEDAR.as_institution(), elm.as_institution()])

    assert known["cedar-clinic-minot"].name == "By file"
    assert [*known] == ["cedar-clinic-minot", "elm-clinic"]
    assert known.is_reviewed("cedar-clinic-minot")
    assert not known.is_reviewed("elm-clinic")
