"""What a message says of its patient: medical record numbers by their type, and what else may agree."""

import json
from typing import Any

import pytest

from transfer.adapters.fhir.identities import demographics as of_fhir
from transfer.adapters.fhir.trees import parse
from transfer.adapters.hl7v2.message import Message
from transfer.adapters.hl7v2.values import demographics as of_hl7v2
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, OtherNumber, PostalAddress

OFFICE = Institution.model_validate(
    {
        "id": "office",
        "name": "Office",
        "time_zone": "America/Chicago",
        "issuers": {"OFFICE": "urn:oid:1.2.3", "urn:oid:1.2.3": "urn:oid:1.2.3"},
        "default_issuer": "urn:oid:1.2.3",
        "other_number_types": ["HPID"],
        "placeholders": {"numbers": ["SEE-CHART-1"], "birth_dates": ["1950-01-01"], "family_names": ["Walk-In"]},
    }
)
TABLE_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"
MRN = IssuedIdentifier("urn:oid:1.2.3", "4711")


def pid(number: str, *, born: str = "19570304", name: str = "OBRIEN^MARY") -> Demographics:
    msh = r"MSH|^~\&|EHR|OFFICE|||20260105101500||ADT^A31|1|P|2.5.1"
    said = f"PID|1||{number}||{name}||{born}|F|||12 ELM ST^^KENOSHA^WI^53140||262-555-0142||||||123-45-6789"
    (segment,) = Message(f"{msh}\r{said}\r".encode()).segments("PID")
    return of_hl7v2(segment, OFFICE)


def patient(*identifiers: dict[str, Any], **more: object) -> Demographics:
    said = {"resourceType": "Patient", "identifier": list(identifiers), "birthDate": "1957-03-04", **more}
    return of_fhir(parse(json.dumps(said).encode()), OFFICE)


@pytest.mark.parametrize("kind", ["MR", "PI", "PT", "", "EPI"])
def test_pid_3_gives_medical_record_numbers(kind):
    assert pid(f"4711^^^OFFICE^{kind}").identifiers == (MRN,)


@pytest.mark.parametrize("kind", ["F", "P", "K", "N", "S", "MSK", "NAV", "BAD", "NOUSE", "p"])
def test_a_name_of_somebody_else_or_of_nobody_is_not_the_patients(kind: str):
    (own,) = pid("4711^^^OFFICE^MR", name=f"OBRIEN^MARY^^^^^L~JONES^PETER^^^^^{kind}").names

    assert own.family == "OBRIEN"


@pytest.mark.parametrize("kind", ["L", "A", "B", "C", "D", "M", "R", "U", ""])
def test_a_name_of_the_patients_own_counts_whatever_its_type(kind: str):
    assert len(pid("4711^^^OFFICE^MR", name=f"OBRIEN^MARY^^^^^L~JONES^MARY^^^^^{kind}").names) == 2


def test_the_clinics_own_telephone_is_nobodys():
    office = OFFICE.placeholders.model_copy(update={"numbers": ("2625550142",)})
    said = pid("262-555-0142^^^OFFICE^MR")

    assert office.left_out_of(said).telephones == ()
    assert office.left_out_of(said).identifiers == ()


@pytest.mark.parametrize("kind", ["SS", "SN", "MB", "DL", "MA", "HC", "AN", "VN", "HPID"])
def test_pid_3_of_another_type_is_no_medical_record_number(kind):
    said = pid(f"4711^^^OFFICE^{kind}~4711^^^&2.16.840.1.113883.4.1&ISO")

    assert said.identifiers == ()
    assert OtherNumber(kind, "4711") in said.other_numbers


def test_pid_says_where_somebody_lives_and_no_more_of_a_citizens_number_than_its_end():
    said = pid("4711^^^OFFICE^MR")

    assert said.addresses == (PostalAddress("12 ELM ST", "53140"),)
    assert said.telephones == ("262-555-0142",)
    assert said.other_numbers == (OtherNumber("SS", "6789"),)
    assert "123-45" not in repr(said)


@pytest.mark.parametrize(
    "kind",
    [
        {"coding": [{"system": TABLE_0203, "code": "SN"}]},
        {"coding": [{"system": "http://hl7.org/fhir/v2/0203", "code": "DL"}]},
        {"coding": [{"code": "MB"}]},
        {"text": "Subscriber Number"},
        {"text": "HPID"},
    ],
)
def test_a_fhir_number_of_another_type_is_no_medical_record_number(kind):
    said = patient({"system": "urn:oid:1.2.3", "value": "W900-4711", "type": kind})

    assert said.identifiers == ()
    assert [one.last_four for one in said.other_numbers] == ["4711"]


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"type": {"coding": [{"system": TABLE_0203, "code": "MR"}]}},
        {"type": {"text": "Chart number"}},
        # a code of the site's own table, which only looks like one of HL7's
        {"type": {"coding": [{"system": "http://office.example/types", "code": "SN"}]}},
        {"type": {"coding": [{"system": TABLE_0203, "code": "SN"}, {"system": TABLE_0203, "code": "MR"}]}},
    ],
)
def test_any_other_fhir_number_is_a_medical_record_number(kind):
    assert patient({"system": "urn:oid:1.2.3", "value": "4711", **kind}).identifiers == (MRN,)


def test_a_fhir_citizens_number_is_known_by_its_system():
    said = patient({"system": "http://hl7.org/fhir/sid/us-ssn", "value": "123-45-6789"})

    assert said.identifiers == ()
    assert [one.last_four for one in said.other_numbers] == ["6789"]


def test_a_fhir_patient_says_where_she_lives():
    said = patient(
        address=[{"line": ["12 Elm Street", "Apt 4"], "postalCode": "53140-1234"}, {"city": "Kenosha"}],
        telecom=[{"system": "phone", "value": "+1-262-555-0142"}, {"system": "email", "value": "mary@example.org"}],
    )

    assert said.addresses == (PostalAddress("12 Elm Street Apt 4", "53140-1234"),)
    assert said.telephones == ("+1-262-555-0142",)


def test_what_a_site_types_for_want_of_a_value_is_left_out():
    said = pid("SEE-CHART-1^^^OFFICE^MR", born="19500101", name="WALK IN^A")
    assert (said.identifiers, said.birth_date, said.names) == ((), None, ())

    told = patient(
        {"system": "urn:oid:1.2.3", "value": "see chart 1"}, birthDate="1950-01-01", name=[{"family": "Walk-In"}]
    )
    assert (told.identifiers, told.birth_date, told.names) == ((), None, ())
