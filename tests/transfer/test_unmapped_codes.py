"""What is noted as a code that means nothing here yet, and what is no code."""

import pytest

from tests.kit.scripted_fhir import an_institution
from transfer.adapters.own_codes import is_mapped
from transfer.records import Coding
from transfer.unmapped_codes import key_of


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("http://loinc.org", "2039-6"),
        ("urn:x-institution:lake:L", "PATH7"),
        ("urn:oid:1.2.3", "A/B+C:1_2"),
        ("http://lake.example/codes", "9"),
    ],
)
def test_a_code_is_written_with_its_system(system: str, code: str):
    assert key_of(Coding(system, code)) == f"{system}|{code}"


@pytest.mark.parametrize(
    "code", ["", "Odalys Quillfeather", "QUILLFEATHER^ODALYS", "x" * 41, "a\nb", "a|b", "Żółć", "-1", '"'], ids=repr
)
def test_what_looks_like_words_or_a_name_is_no_code(code: str):
    assert key_of(Coding("http://lake.example/codes", code)) is None


def test_a_system_that_is_no_uri_is_not_kept():
    assert key_of(Coding("of Odalys Quillfeather", "A1")) is None
    assert key_of(Coding("{}", "A1")) is None


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("http://loinc.org|2039-6", "LN|2039-6"),
        ("http://loinc.org|2039-6", "http://loinc.org|2039-6"),
        ("http://snomed.info/sct|1", "SNM|1"),
        ("http://terminology.hl7.org/CodeSystem/v2-0270|SP", "HL70270|SP"),
        ("urn:x-institution:lakeside:L|PATH7", "L|PATH7"),
        ("urn:x-institution:lakeside:local|PATH7", "|PATH7"),
        ("urn:x-institution:lakeside|TXSUM", "LOCAL|TXSUM"),
        ("urn:x-institution:lakeside|TXSUM", "TXSUM"),
        ("http://lake.example/codes|A1", "http://lake.example/codes|A1"),
    ],
)
def test_a_code_is_mapped_however_the_file_writes_it(key: str, written: str):
    assert is_mapped(key, an_institution(codes={written: "laboratory"}))
    assert not is_mapped(key, an_institution(codes={f"{written}x": "laboratory"}))
