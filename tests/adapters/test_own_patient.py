"""What documents say of their own patient, in each language that carries one."""

import json
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit import unreadable as u
from transfer.adapters.own_patient import MOST, PatientHidden, patients_named
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, PersonName

SAMPLES = Path(__file__).parents[1] / "samples"
OFFICE = Institution(id="office", name="Office", time_zone="UTC", issuers={"2.16.1.7": "urn:oid:2.16.1.7"})
ADAMS = Demographics(
    names=(PersonName("Adams", ("Eve", "Q")),),
    birth_date=date(1970, 1, 2),
    sex="female",
    identifiers=(IssuedIdentifier("urn:oid:2.16.1.7", "77"),),
)
TARGET = (
    '<recordTarget><patientRole><id root="2.16.1.7" extension="77"/>{more}<patient><name>{name}</name>'
    '<administrativeGenderCode code="F"/><birthTime value="197001020830"/></patient></patientRole></recordTarget>'
)
NAME = "<given>Eve</given><given>Q</given><family>Adams</family>"


def a_cda(header: str, body: str = u.SECTION.format("Note")) -> bytes:
    return u.CDA.format(header=header, body=body).encode()


def test_a_clinical_document_names_its_record_target():
    assert patients_named(a_cda(TARGET.format(more="", name=NAME)), OFFICE) == (ADAMS,)


@pytest.mark.parametrize(
    "data",
    [
        a_cda(TARGET.format(more='<id root="2.16.840.1.113883.4.1" extension="999-99-9999"/>', name=NAME)),
        a_cda(
            TARGET.format(more='<id nullFlavor="UNK"/><addr><city>X</city></addr>', name=f"<prefix>Dr</prefix>{NAME}")
        ),
        a_cda(TARGET.format(more="", name=NAME)).replace(b'<?xml version="1.0"?>', b'\r\n <?xml version="1.0"?>'),
        a_cda(TARGET.format(more="", name=NAME)).decode().replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16"),
        a_cda(TARGET.format(more="", name=NAME) + '<author><id root="2.16.1.7" extension="1"/></author>'),
        a_cda(
            TARGET.format(more="", name=NAME), u.SECTION.format("<patient><name><family>B</family></name></patient>")
        ),
        a_cda(TARGET.format(more="", name=NAME)) + b"<broken",
        a_cda(TARGET.format(more="", name="Adams, Eve Q")),
        a_cda(TARGET.format(more="", name="Eve Q Adams")),
        a_cda(TARGET.format(more="", name=NAME).replace("197001020830", "1970-01-02")),
    ],
    ids=range(10),
)
def test_numbers_of_others_and_what_stands_elsewhere_say_nothing(data: bytes):
    assert patients_named(data, OFFICE) == (ADAMS,)


def test_each_of_several_is_named_and_one_of_two_names_is_kept():
    second = TARGET.format(more="", name="<family>Baker</family>").replace("77", "78")
    found = patients_named(
        a_cda(TARGET.format(more="", name=f"{NAME}</name><name><family>Eden</family>") + second), OFFICE
    )

    assert [[name.family for name in one.names] for one in found] == [["Adams", "Eden"], ["Baker"]]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a plain note about Eve Adams",
        u.a_pdf(),
        a_cda(""),
        a_cda('<recordTarget><patientRole><id nullFlavor="NI"/></patientRole></recordTarget>'),
        b'{"resourceType": "DocumentReference"}',
        b'{"resourceType": ',
        b"MSH|^~\\&|A\rOBX|1\r",
        b"<html><body>Eve Adams</body></html>",
        b"<!DOCTYPE html><html><body>Eve Adams</body></html>",
        b"{\\rtf1 Eve Adams}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=range(13),
)
def test_what_says_nothing_names_nobody(data: bytes):
    assert patients_named(data, OFFICE) == ()


def a_person(family: str = "Adams") -> dict[str, object]:
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
    return {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"type": kind, "system": "urn:oid:2.16.1.7", "value": "77"}],
        "name": [{"family": family, "given": ["Eve", "Q"]}],
        "birthDate": "1970-01-02",
        "gender": "female",
    }


@pytest.mark.parametrize(
    "resource",
    [
        a_person(),
        {"resourceType": "DiagnosticReport", "subject": {"reference": "#p"}, "contained": [a_person()]},
        {
            "resourceType": "Bundle",
            "type": "document",
            "entry": [
                {"resource": {"resourceType": "Composition", "subject": {"reference": "Patient/p"}}},
                {"resource": a_person()},
            ],
        },
    ],
    ids=["a patient", "contained", "a document"],
)
def test_a_resource_names_its_subject(resource: dict[str, object]):
    assert patients_named(json.dumps(resource).encode(), OFFICE) == (ADAMS,)


def test_a_message_names_its_patient():
    message = "MSH|^~\\&|LIS|L|||20260105||ORU^R01|1|P|2.5.1\rPID|1||77^^^2.16.1.7^MR||Adams^Eve^Q||19700102|F\r"

    assert patients_named(message.encode(), OFFICE) == (ADAMS,)


def test_an_image_names_its_patient():
    image = u.an_image(PatientName="Adams^Eve^Q", PatientID="77", IssuerOfPatientID="2.16.1.7",
                       PatientBirthDate="19700102", PatientSex="F")  # fmt: skip

    assert patients_named(image, OFFICE) == (ADAMS,)


def test_of_very_many_only_some_are_compared():
    crowd = "".join(TARGET.format(more="", name=f"<family>N{n}</family>") for n in range(3 * MOST))

    assert len(patients_named(a_cda(crowd), OFFICE)) == MOST


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Maria J <family>Lopez</family>, <suffix>MD</suffix>", ["Lopez/Maria J"]),
        ("<family>Lopez</family>, Maria", ["Lopez/Maria"]),
        ("Lopez<delimiter>, </delimiter><given>Maria</given>", ["Lopez/Maria"]),
        (
            "<given>Maria</given><family qualifier='BR'>Ruiz</family><family>Lopez</family>",
            ["Lopez/Maria", "Ruiz/Maria"],
        ),
        ("<given>Maria</given><family qualifier='BR'>Ruiz</family>", ["Ruiz/Maria"]),
        ("Maria Lopez", ["Lopez/Maria"]),
    ],
)
def test_words_between_the_parts_of_a_name_belong_to_it(name: str, said: list[str]):
    header = f"<recordTarget><patientRole><patient><name>{name}</name></patient></patientRole></recordTarget>"
    (one,) = patients_named(a_cda(header), OFFICE)
    assert [f"{each.family}/{' '.join(each.given)}" for each in one.names] == said


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE x [<!ENTITY e 'Eve'>]>" + a_cda(TARGET.format(more="", name=NAME)).partition(b"?>")[2],
        a_cda("<x>" * 500),
        b'{"resourceType": "Patient", "id": "a", "id": "b"}',
        b'<Patient xmlns="http://hl7.org/fhir">' + b"<x>" * 500,
    ],
    ids=range(4),
)
def test_what_hides_whom_it_names_is_told_from_what_names_nobody(data: bytes):
    with pytest.raises(PatientHidden):
        patients_named(data, OFFICE)


def test_a_resource_in_xml_names_its_subject():
    kind = "http://terminology.hl7.org/CodeSystem/v2-0203"
    patient = (
        f'<Patient><id value="p"/><identifier><type><coding><system value="{kind}"/><code value="MR"/></coding></type>'
        '<system value="urn:oid:2.16.1.7"/><value value="77"/></identifier><name><family value="Adams"/>'
        '<given value="Eve"/><given value="Q"/></name><gender value="female"/><birthDate value="1970-01-02"/></Patient>'
    )
    document = (
        '<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"><identifier><value value="b"/></identifier>'
        '<type value="document"/><entry><resource><Composition><subject><reference value="Patient/p"/></subject>'
        f"</Composition></resource></entry><entry><resource>{patient}</resource></entry></Bundle>"
    )

    assert patients_named(document.encode(), OFFICE) == (ADAMS,)


@given(
    st.binary(max_size=200), st.sampled_from([b"<ClinicalDocument>", b"{", b"MSH|^~\\&|", bytes(128) + b"DICM", b""])
)
def test_whatever_the_bytes_it_answers(data: bytes, beginning: bytes):
    with suppress(PatientHidden):
        assert isinstance(patients_named(beginning + data, OFFICE), tuple)
