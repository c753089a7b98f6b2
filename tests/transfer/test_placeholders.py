"""What stands for nothing."""

from datetime import date

import pytest

from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.placeholders import Placeholders, is_birth_date_placeholder, is_number_placeholder, without_placeholders


@pytest.mark.parametrize(
    "value",
    """PENDING TEST test123 TEST-0001 123456789 12345 987654321 1234567890 0123456789 0 00 0000000 000-00-0000 999
    999-99-9999 99999999 11111111 UNKNOWN unknown UNK UNKNOWN1 N/A NA NONE NULL nil NaN undefined TBD XXXXXX X
    XXX-XX-XXXX DUMMY DUMMY01 SAMPLE1 FAKE99 TEMP TEMP0001 TMP-17 MRN MRN0000000 MRN12345 ABC123 ABCD1234 121212
    123123 12341234 112233 ANON0001 ANONYMOUS #N/A #REF! 1.23457E+15 ? - . * NOMRN1 PATIENT SELF DELETED
    DONOTUSE7 PT000000 123-45-6789""".split(),  # noqa: SIM905  a list of words
)
def test_what_is_typed_for_want_of_a_number_is_no_number(value):
    assert is_number_placeholder(value)
    assert is_number_placeholder(f" {value.lower()} ")


@pytest.mark.parametrize(
    "value",
    """1 77 777 00123 00777 4711 L1234568 P7700412 S26-1001 E1004223 8801 20260105 100200 MX00001 MRN48210 A12345
    2.25.123456789012345678901234567890 9f8b7c6d-1234-4a2b-9c3d-0123456789ab""".split(),  # noqa: SIM905
)
def test_a_number_is_a_number(value):
    assert not is_number_placeholder(value)


@pytest.mark.parametrize(
    "born",
    [
        date(1, 1, 1),
        date(1800, 1, 1),
        date(1840, 12, 31),
        date(1858, 11, 17),
        date(1899, 12, 30),
        date(1900, 1, 1),
        date(1901, 1, 1),
        date(1904, 1, 1),
        date(1911, 11, 11),
        date(1970, 1, 1),
        date(2999, 12, 31),
        date(9999, 12, 31),
    ],
)
def test_a_day_that_systems_write_is_no_birth_date(born):
    assert is_birth_date_placeholder(born)


@pytest.mark.parametrize("born", [date(1911, 11, 12), date(1925, 6, 1), date(1957, 3, 4), date(1970, 1, 2)])
def test_a_birth_date_is_a_birth_date(born):
    assert not is_birth_date_placeholder(born)


@pytest.mark.parametrize(
    "name",
    [
        PersonName("Unknown", ("Mary",)),
        PersonName("TEST", ("PATIENT",)),
        PersonName("Doe", ("John",)),
        PersonName("DOE", ("JANE", "A")),
        PersonName("ZZTest", ("Ann",)),
        PersonName("--", ("Mary",)),
    ],
)
def test_a_name_for_want_of_a_name_is_nobodys(name):
    assert without_placeholders(name) is None


def test_a_newborns_name_is_the_familys_alone():
    assert without_placeholders(PersonName("O'Brien", ("Baby", "Girl"))) == ("OBRIEN", ())
    assert without_placeholders(PersonName("Doe", ("Mary-Ann",))) == ("DOE", ("MARY", "ANN"))


def test_an_institution_adds_its_own():
    theirs = Placeholders(numbers=("CENSUS-1",), birth_dates=(date(1950, 1, 1),), family_names=("Walk-In",))
    kept = IssuedIdentifier("urn:oid:1.2.3", "4711")
    said = Demographics(
        names=(PersonName("WALK IN", ("A",)), PersonName("Smith")),
        birth_date=date(1950, 1, 1),
        identifiers=(IssuedIdentifier("urn:oid:1.2.3", "census 1"), kept),
    )

    left = theirs.left_out_of(said)

    assert left == Demographics(names=(PersonName("Smith"),), identifiers=(kept,))
    assert Placeholders().left_out_of(said) == said
