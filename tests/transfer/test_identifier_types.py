"""Which numbers stand for one patient."""

import pytest

from transfer.identifier_types import is_record_number


@pytest.mark.parametrize("types", [[], ["MR"], ["mr "], ["PI"], ["PT"], ["PN"], ["U"], ["ANON"], ["EPI"], ["SS", "MR"]])
def test_a_medical_record_number_is_one(types):
    assert is_record_number(types)


@pytest.mark.parametrize(
    "kind",
    """SS SN MB MA MC HC DL PPN PNT AN ANC VN BC NNUSA NNCAN NPI TAX EN MCR WC MRT PRC SSN INS
    SB""".split(),  # noqa: SIM905  a list of codes
)
def test_the_number_of_a_policy_a_licence_or_a_citizen_is_none(kind):
    assert not is_record_number([kind])
    assert not is_record_number([kind.lower()])


@pytest.mark.parametrize("text", ["Driver's License", "Driver’s license number", "subscriber number", "SSN"])
def test_words_in_place_of_a_code_are_understood(text):
    assert not is_record_number([text])


@pytest.mark.parametrize(
    "issuer",
    [
        "http://hl7.org/fhir/sid/us-ssn",
        "urn:oid:2.16.840.1.113883.4.1",
        "urn:oid:2.16.840.1.113883.4.3.55",
        "http://hl7.org/fhir/sid/us-mbi",
    ],
)
def test_who_gave_it_says_what_it_is(issuer):
    assert not is_record_number([], issuer)
    assert not is_record_number(["MR"], issuer)


def test_a_site_names_its_own_words():
    assert is_record_number(["HPID"], "urn:oid:1.2.3")
    assert not is_record_number(["hpid"], "urn:oid:1.2.3", others=["HPID"])
