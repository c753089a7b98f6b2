"""A FHIR document as people read it: its head, and the text of each section, from JSON and from XML alike."""

import json
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest

from transfer.adapters.packet import narrative
from transfer.adapters.packet.narrative import Block, ForPrograms, NarrativeTable

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
TABLE = (
    f"<div {XHTML}><table><thead><tr><th>Test</th><th>Value</th></tr></thead>"
    "<tbody><tr><td>CEA</td><td><p>100</p><p>0</p></td></tr></tbody></table></div>"
)
PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [{"value": "7001"}],
    "name": [{"family": "Doe", "given": ["Jo", "Ann"]}],
    "birthDate": "1960-01-01",
    "gender": "female",
}
COMPOSITION = {
    "resourceType": "Composition",
    "status": "preliminary",
    "type": {"text": "Summary"},
    "subject": {"reference": "Patient/p"},
    "date": "2026-01-04T09:30:00-05:00",
    "author": [{"reference": "urn:uuid:o"}, {"display": "Dr Eve"}],
    "title": "Patient summary",
    "section": [
        {"title": "Results", "text": {"status": "generated", "div": TABLE}},
        {"code": {"text": "History"}, "section": [
            {"title": "Surgery", "text": {"status": "generated", "div": f"<div {XHTML}>Lobe<br/>gone</div>"}}]},
        {"title": "Allergies", "entry": [{"reference": "AllergyIntolerance/1"}]},
        {"title": "Implants", "emptyReason": {"coding": [{"code": "nilknown", "display": "Nil Known"}]}},
    ],
}  # fmt: skip
ORGANIZATION = {"resourceType": "Organization", "name": "Cedar Clinic"}


def a_document(**composition: Any) -> dict[str, Any]:
    entries = [
        {"fullUrl": "urn:uuid:c", "resource": {**COMPOSITION, **composition}},
        {"fullUrl": "urn:uuid:o", "resource": ORGANIZATION},
        {"fullUrl": "https://x.example/Patient/p", "resource": PATIENT},
    ]
    return {"resourceType": "Bundle", "type": "document", "entry": entries}


def in_xml(tree: Any, name: str = "") -> str:
    """As https://hl7.org/fhir/R4/xml.html says, for what is drawn here."""
    if name == "div":
        return str(tree)
    if isinstance(tree, list):
        return "".join(in_xml(one, name) for one in tree)
    if not isinstance(tree, dict):
        return f"<{name} value={quoteattr(str(tree))}/>"
    inner = "".join(in_xml(value, key) for key, value in tree.items() if key != "resourceType")
    if kind := tree.get("resourceType"):
        space = "" if name else ' xmlns="http://hl7.org/fhir"'
        inner = f"<{kind}{space}>{inner}</{kind}>"
    return f"<{escape(name)}>{inner}</{escape(name)}>" if name else inner


def both(tree: dict[str, Any]) -> list[tuple[str, bytes]]:
    return [
        ("application/fhir+json", json.dumps(tree).encode()),
        ("application/fhir+xml", ('<?xml version="1.0"?>' + in_xml(tree)).encode()),
    ]


def drawn(blocks: list[Block] | None) -> list[str]:
    return list(narrative.lines(blocks or []))


@pytest.mark.parametrize(("kind", "content"), both(a_document()), ids=["JSON", "XML"])
def test_a_document_is_read_section_by_section(kind: str, content: bytes):
    found = narrative.blocks(kind, content) or []

    assert drawn(found) == [
        "Patient summary",
        *("Patient: Jo Ann Doe", "Born: 1960-01-01", "Sex: Female", "Patient no.: 7001", "Kind: Summary"),
        *("Dated: 2026-01-04 09:30 -05:00", "Status: Preliminary", "Author: Cedar Clinic; Dr Eve"),
        *("Results", "Test: CEA; Value: 100", "0"),
        *("Surgery", "Lobe", "gone", "Allergies", "Implants", "Empty: Nil Known"),
    ]
    (table,) = [one for one in found if isinstance(one, NarrativeTable)]
    assert (table.heading_rows, table.row(1)) == (1, ["CEA", "100\n0"])


@pytest.mark.parametrize(("kind", "content"), both(COMPOSITION), ids=["JSON", "XML"])
def test_a_composition_alone_is_read(kind: str, content: bytes):
    assert "Surgery" in drawn(narrative.blocks(kind, content))


@pytest.mark.parametrize(
    ("kind", "content"),
    both(a_document(section=[], text={"status": "generated", "div": f"<div {XHTML}><p>All of it.</p></div>"})),
    ids=["JSON", "XML"],
)
def test_the_text_of_the_whole_stands_where_no_section_has_one(kind: str, content: bytes):
    assert drawn(narrative.blocks(kind, content))[-1] == "All of it."


REPORT = {
    "resourceType": "DiagnosticReport",
    "status": "final",
    "code": {"text": "Tumor markers"},
    "result": [{"reference": "#1"}, {"reference": "#2"}],
    "contained": [
        {"resourceType": "Observation", "id": "1", "status": "final", "code": {"text": "CEA"},
         "valueQuantity": {"value": 7.25, "comparator": ">", "unit": "ng/mL"},
         "interpretation": [{"coding": [{"code": "H"}]}], "referenceRange": [{"text": "< 3.8"}]},
        {"resourceType": "Observation", "id": "2", "status": "final", "code": {"text": "BP"},
         "component": [{"code": {"text": "systolic"}, "valueInteger": 120}, {"code": {"text": "diastolic"},
                        "valueString": "80"}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "content"), both(REPORT), ids=["JSON", "XML"])
def test_results_are_the_same_sheet(kind: str, content: bytes):
    (table,) = [one for one in narrative.blocks(kind, content) or [] if isinstance(one, NarrativeTable)]
    rows = [table.row(number) for number in range(table.height)]

    assert rows[1][:5] == ["CEA", ">7.25", "ng/mL", "< 3.8", "H"]
    assert [row[:2] for row in rows[2:]] == [["BP: systolic", "120"], ["BP: diastolic", "80"]]


@pytest.mark.parametrize(
    ("status", "conclusion", "is_shown"),
    [("generated", None, True), ("additional", "Seen.", True), ("generated", "Seen.", False)],
)
def test_the_text_of_a_report_is_shown_where_it_says_more_than_its_results(
    status: str, conclusion: str | None, is_shown: bool
):
    text = {"status": status, "div": f"<div {XHTML}><p>Invasive carcinoma</p></div>"}
    report = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "Path"}, "text": text}
    content = json.dumps(report | ({"conclusion": conclusion} if conclusion else {})).encode()

    assert ("Invasive carcinoma" in drawn(narrative.blocks("application/fhir+json", content))) is is_shown


@pytest.mark.parametrize(
    ("kind", "content"),
    [*both({"resourceType": "Patient", "id": "p"}), ("application/fhir+xml", b"<Bundle xmlns='http://hl7.org/fhir'>")],
)
def test_other_resources_are_for_programs(kind: str, content: bytes):
    with pytest.raises(ForPrograms):
        narrative.blocks(kind, content)
