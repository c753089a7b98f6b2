"""One answer to whether people can read a document: what is opened is drawn, and what is not drawn is asked about."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from transfer import media_types
from transfer.adapters.content_labels import ReadWithin
from transfer.adapters.opening import documents
from transfer.adapters.own_patient import PatientHidden, patients_named
from transfer.adapters.packet import narrative
from transfer.adapters.packet.pdf_parts import part
from transfer.adapters.packet.shown import IN_THE_PDF
from transfer.flaws import Flaw
from transfer.institutions import Institution
from transfer.security_labels import UNREAD

SAMPLES = Path(__file__).parents[1] / "samples"
HERE = Institution(id="lakeside-oncology", name="Lakeside", time_zone="America/Chicago")
CDA = (SAMPLES / "documents" / "cda-cell-blocks.xml").read_bytes()
FHIR = "application/fhir+json"
#: what the pages say of files that other programs open: no flaw
ELSEWHERE = frozenset({"no-pages"})


def opened(content_type: str, data: bytes) -> set[Flaw]:
    try:
        return documents.flaws(content_type, data)
    except Exception:  # noqa: BLE001  # what a parser raises means that it cannot be opened
        return {Flaw.UNREADABLE}


def drawn(content_type: str, data: bytes) -> str:
    spec = {"packet": "p", "created_at": datetime(2026, 1, 1, tzinfo=UTC).isoformat(), "footer": "", "name": "n"}
    words = dict.fromkeys(("path", "title", "section", "date", "source", "status", "sha256"), "x")
    judged = media_types.judged(content_type, data[:65536], data[-65536:], len(data)).content_type
    document: dict[str, Any] = {"number": 1, "entry": 1, "why": None, **words, "content_type": judged}
    return part(spec, document, data, 300).how


def with_type(declared: str, document: bytes = CDA) -> bytes:
    head, _, rest = document.partition(b"?>")
    return head + b"?>" + declared.encode() + rest


#: nothing is defined in it
HARMLESS = {
    "a name": with_type("<!DOCTYPE ClinicalDocument>"),
    "an address": with_type('<!DOCTYPE ClinicalDocument SYSTEM "http://127.0.0.1:9/CDA.dtd">'),
    "a public name": with_type('<!DOCTYPE ClinicalDocument PUBLIC "-//HL7//CDA" "CDA.dtd">'),
    "blanks around it": b"\r\n " + CDA + b"\0\0",
}
HOSTILE = {
    "an entity": with_type('<!DOCTYPE ClinicalDocument [<!ENTITY e "x">]>'),
    "an attribute by default": with_type('<!DOCTYPE ClinicalDocument [<!ATTLIST id root CDATA "1.2">]>'),
    "an entity of elsewhere": with_type('<!DOCTYPE a SYSTEM "a.dtd">').replace(b"</title>", b"&e;</title>", 1),
    "levels without end": b"<a>" * 150 + b"x" + b"</a>" * 150,
}


@pytest.mark.parametrize("data", HARMLESS.values(), ids=HARMLESS)
def test_a_declared_type_that_defines_nothing_is_passed_over_by_all(data: bytes):
    assert (opened("text/xml", data), drawn("text/xml", data)) == (set(), "rendered")
    assert narrative.blocks("text/xml", data) == narrative.blocks("text/xml", CDA)
    assert patients_named(data, HERE) == patients_named(CDA, HERE)


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_one_that_defines_something_is_refused_by_all(data: bytes):
    assert (opened("text/xml", data), drawn("text/xml", data)) == ({Flaw.UNREADABLE}, "damaged")


@pytest.mark.parametrize("name", ["an entity", "an attribute by default"])
def test_so_it_is_where_labels_and_the_patient_are_read(name: str):
    reader = ReadWithin(HERE)
    list(reader.passing([HOSTILE[name]]))

    assert reader.labels == {UNREAD}
    with pytest.raises(PatientHidden):
        patients_named(HOSTILE[name], HERE)


PATIENT = {"resourceType": "Patient", "id": "a"}
TEXT = '<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">Words</div></text>'


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("application/json", b'{"a": 1}'),
        (FHIR, json.dumps(PATIENT).encode()),
        ("application/fhir+xml", b'<Patient xmlns="http://hl7.org/fhir"><id value="a"/></Patient>'),
        ("text/xml", b'<sheet><question title="Grade" value="2"/></sheet>'),
    ],
)
def test_data_for_programs_is_asked_about(content_type: str, data: bytes):
    assert opened(content_type, data) == {Flaw.FOR_PROGRAMS}
    assert drawn(content_type, data) not in IN_THE_PDF


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        (FHIR, json.dumps({**PATIENT, "text": {"status": "generated", "div": "<div>Words</div>"}}).encode()),
        ("application/fhir+xml", f'<Patient xmlns="http://hl7.org/fhir">{TEXT}</Patient>'.encode()),
        (
            "application/fhir+xml",
            f'<Bundle xmlns="http://hl7.org/fhir"><entry><resource><Patient>{TEXT}</Patient></resource></entry>'
            "</Bundle>".encode(),
        ),
    ],
)
def test_a_text_for_people_of_any_resource_is_read(content_type: str, data: bytes):
    assert "Words" in list(narrative.lines(narrative.blocks(content_type, data) or []))
    assert opened(content_type, data) == set()


def test_what_is_carried_and_cannot_be_drawn_costs_no_word_of_what_carries_it():
    inner = base64.b64encode(b'<sheet><question title="Grade"/></sheet>').decode()
    report = {
        "resourceType": "DiagnosticReport",
        "conclusion": "No malignancy.",
        "presentedForm": [{"contentType": "text/xml", "data": inner}],
    }
    assert drawn(FHIR, json.dumps(report).encode()) == "rendered"


KINDS = {
    ".xml": "text/xml",
    ".json": FHIR,
    ".hl7": "x-application/hl7-v2+er7",
    ".txt": "text/plain",
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".rtf": "application/rtf",
    ".jpg": "image/jpeg",
    ".png": "image/png",
}


def samples() -> Iterator[Path]:
    for folder in ("documents", "hl7v2", "fhir/ihe-mhd-examples"):
        yield from (one for one in sorted((SAMPLES / folder).rglob("*")) if one.suffix in KINDS)


@pytest.mark.parametrize("path", [*samples()], ids=lambda path: path.name)
def test_no_sample_is_opened_and_then_not_shown(path: Path):
    kind, data = KINDS[path.suffix], path.read_bytes()
    if not opened(kind, data):
        assert drawn(kind, data) in IN_THE_PDF | ELSEWHERE
