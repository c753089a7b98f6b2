"""What a document says of itself inside counts as what its envelope says: C-CDA, and FHIR documents."""

import base64
import json
from datetime import datetime
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.lives import pushed
from tests.kit.processing import process_all
from tests.kit.scripted_fhir import an_institution
from transfer.adapters.content_labels import ReadWithin
from transfer.adapters.own_words import OwnWord
from transfer.arrivals import ArrivalKind
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, records
from transfer.patients import Demographics, IssuedIdentifier
from transfer.records import Document, DocumentStatus, RecordKind, Relation
from transfer.sandbox.charts import Chart

ROOT, OTHER = "2.16.840.1.113883.19.71.1.9", "8f0ad7c2-4b8e-4d2e-9d3e-3a1b2c4d5e6f"
LAB = an_institution(issuers={"LAB": f"urn:oid:{ROOT}"})


def a_cda(own: str, *related: tuple[str, str], words: str = "Seen.", status: str | None = None) -> bytes:
    """`own` and the ids of others: an extension of `ROOT`, or a UUID."""
    state = f'<sdtc:statusCode xmlns:sdtc="urn:hl7-org:sdtc" code="{status}"/>' if status else ""
    other = "".join(
        f'<relatedDocument typeCode="{code}"><parentDocument>{an_id(number)}'
        '<setId root="9.9.9" extension="set"/></parentDocument></relatedDocument>'
        for code, number in related
    )
    return (
        f'<ClinicalDocument xmlns="urn:hl7-org:v3"><templateId root="1.2.3" extension="T"/>{an_id(own)}'
        f'<title>Progress note</title>{state}{other}<component><structuredBody><component><section><id root="1.1" '
        f'extension="S"/><text>{words}</text></section></component></structuredBody></component></ClinicalDocument>'
    ).encode()


def an_id(number: str) -> str:
    return f'<id root="{number}"/>' if number == OTHER else f'<id root="{ROOT}" extension="{number}"/>'


def a_document(status: str, *relates: dict[str, Any], number: str = "D1") -> bytes:
    """A FHIR document: a Bundle with its Composition first."""
    composition = {
        "resourceType": "Composition",
        "status": status,
        "identifier": {"system": f"urn:oid:{ROOT}", "value": number},
        "title": "Progress note",
        "relatesTo": list(relates),
        "section": [{"text": {"status": "generated", "div": "<div>Seen.</div>"}}],
    }
    return json.dumps({"resourceType": "Bundle", "type": "document", "entry": [{"resource": composition}]}).encode()


def named(number: str) -> IssuedIdentifier:
    if number == OTHER:
        return IssuedIdentifier("urn:ietf:rfc:3986", f"urn:uuid:{OTHER}")
    return IssuedIdentifier(f"urn:oid:{ROOT}", number)


def word_of(content: bytes, piece: int = 61) -> OwnWord:
    within = ReadWithin(LAB)
    for _ in within.passing(content[at : at + piece] for at in range(0, len(content), piece)):
        pass
    return within.own_word


@pytest.mark.parametrize(
    ("related", "relation", "parent"),
    [
        ((), None, None),
        ((("RPLC", "A"),), Relation.REPLACES, "A"),
        ((("RPLC", OTHER),), Relation.REPLACES, OTHER),
        ((("APND", "A"),), Relation.APPENDS, "A"),
        ((("XFRM", "A"),), None, None),
        ((("XFRM", "A"), ("RPLC", "B")), Relation.REPLACES, "B"),
        ((("APND", "A"), ("RPLC", "B")), Relation.REPLACES, "B"),
        ((("SOMETHING", "A"),), None, None),
    ],
)
def test_a_clinical_document_says_what_it_replaces(
    related: tuple[tuple[str, str], ...], relation: Relation | None, parent: str | None
):
    said = word_of(a_cda("C", *related))
    assert said == OwnWord(numbers=(named("C"),), relation=relation, parents=(named(parent),) if parent else ())


@pytest.mark.parametrize(
    ("status", "meant", "relation"),
    [
        ("nullified", DocumentStatus.ENTERED_IN_ERROR, Relation.WITHDRAWS),
        ("aborted", DocumentStatus.CANCELLED, Relation.WITHDRAWS),
        ("obsolete", DocumentStatus.OBSOLETE, Relation.WITHDRAWS),
        ("active", DocumentStatus.PRELIMINARY, None),
        ("completed", None, None),
        ("bogus", DocumentStatus.UNKNOWN, None),
    ],
)
def test_a_clinical_document_says_how_it_stands(status: str, meant: DocumentStatus | None, relation: Relation | None):
    said = word_of(a_cda("C", status=status))
    assert (said.status, said.relation, said.parents) == (meant, relation, (named("C"),) if relation else ())


@pytest.mark.parametrize(
    ("result", "meant"),
    [
        ("preliminary", DocumentStatus.PRELIMINARY),
        ("registered", DocumentStatus.PRELIMINARY),
        ("final", None),
        ("cancelled", None),
    ],
)
@pytest.mark.parametrize("is_contained", [False, True])
def test_one_preliminary_result_keeps_its_report_from_final(
    result: str, meant: DocumentStatus | None, is_contained: bool
):
    observation = {"resourceType": "Observation", "status": result, "code": {"text": "CEA"}}
    report = {"resourceType": "DiagnosticReport", "status": "final", "contained": [observation] * is_contained}
    entries = [{"resource": report}, *([] if is_contained else [{"resource": observation}])]
    said = word_of(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode())
    assert said == OwnWord(status=meant)


def test_an_oid_alone_is_no_number_of_a_document():
    content = a_cda("C").replace(b' extension="C"', b"")
    said = word_of(content)
    assert (said.numbers, said.relation) == ((), None)
    assert [one.value for one in said.aliases] == [f"urn:oid:{ROOT}"]


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        ("final", DocumentStatus.FINAL),
        ("preliminary", DocumentStatus.PRELIMINARY),
        ("amended", DocumentStatus.AMENDED),
        ("entered-in-error", DocumentStatus.ENTERED_IN_ERROR),
        ("bogus", DocumentStatus.UNKNOWN),
    ],
)
def test_a_fhir_document_says_how_it_stands(status: str, meant: DocumentStatus):
    before = {"code": "replaces", "targetIdentifier": {"system": f"urn:oid:{ROOT}", "value": "D0"}}
    said = word_of(a_document(status, {"code": "signs"}, before))
    assert said == OwnWord(numbers=(named("D1"),), status=meant, relation=Relation.REPLACES, parents=(named("D0"),))


def in_xml(status: str, number: str = "D1", more: str = "") -> bytes:
    """The same as `a_document`, in XML."""
    identifier = f'<identifier><system value="urn:oid:{ROOT}"/><value value="{{}}"/></identifier>'
    return (
        '<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"><type value="document"/><entry><resource>'
        "<Composition>"
        f'{identifier.format(number)}<status value="{status}"/>{more}<relatesTo><code value="signs"/></relatesTo>'
        f'<relatesTo><code value="replaces"/>{identifier.format("D0").replace("identifier", "targetIdentifier")}'
        '</relatesTo><section><title value="Course"/><text><div xmlns="http://www.w3.org/1999/xhtml">Seen.</div></text>'
        "</section></Composition></resource></entry></Bundle>"
    ).encode()


@pytest.mark.parametrize("piece", [7, 1 << 20])
def test_a_fhir_document_in_xml_says_the_same(piece: int):
    before = {"code": "replaces", "targetIdentifier": {"system": f"urn:oid:{ROOT}", "value": "D0"}}
    said = word_of(in_xml("entered-in-error"), piece)
    assert said == word_of(a_document("entered-in-error", {"code": "signs"}, before))
    assert said.status is DocumentStatus.ENTERED_IN_ERROR


def test_what_a_document_in_xml_says_of_one_other_alone_is_heard():
    alone = in_xml("final").replace(b'<relatesTo><code value="signs"/></relatesTo>', b"")

    assert word_of(alone).relation is Relation.REPLACES
    assert word_of(alone).parents == (named("D0"),)


def test_a_state_said_twice_is_none():
    assert word_of(in_xml("final", more='<status value="preliminary"/>')).status is DocumentStatus.UNKNOWN


@pytest.mark.parametrize(
    ("content", "meant"),
    [
        (b'{"resourceType": "DiagnosticReport", "status": "preliminary"}', DocumentStatus.PRELIMINARY),
        (
            b'<DiagnosticReport xmlns="http://hl7.org/fhir"><status value="entered-in-error"/></DiagnosticReport>',
            DocumentStatus.ENTERED_IN_ERROR,
        ),
        (b'{"resourceType": "Patient", "status": "final"}', None),
    ],
)
def test_a_report_within_a_document_says_how_it_stands(content: bytes, meant: DocumentStatus | None):
    assert word_of(content) == OwnWord(status=meant)


def comes(services: Services, chart: Chart, content: bytes, content_type: str, number: str) -> None:
    """Somebody posts it as a current document, with a number of its own, and says nothing else."""
    resource = {
        "resourceType": "DocumentReference",
        "status": "current",
        "identifier": [{"system": "urn:oid:2.16.840.1.113883.19.71.1.5", "value": number}],
        "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]},
        "content": [{"attachment": {"contentType": content_type, "data": base64.b64encode(content).decode()}}],
    }
    sent = pushed(chart, resource, datetime(2026, 10, 1))  # noqa: DTZ001  written as UTC
    b.comes(services, sent.institution, ArrivalKind.ANSWER, sent.body, sent.content_type, sent.door)
    process_all(services)


def standing(services: Services, case: CaseId) -> list[tuple[DocumentStatus, bool]]:
    """The notes of a case in the order in which they came: how each stands, and whether it still counts."""
    with services.ledger.transaction() as tx:
        return [(kept.status, not joined.superseded) for kept, joined in records.joined(tx, case)]


@pytest.mark.servers
@pytest.mark.parametrize(
    ("content_type", "first", "second", "outcome"),
    [
        ("text/xml", a_cda("A"), a_cda("B", ("RPLC", "A"), words="Right."), [("final", False), ("final", True)]),
        ("text/xml", a_cda("A"), a_cda("B", ("APND", "A"), words="More."), [("final", True), ("final", True)]),
        (
            "application/fhir+json",
            a_document("final"),
            a_document("entered-in-error"),
            [("final", False), ("entered-in-error", True)],
        ),
        (
            "application/fhir+json",
            a_document("preliminary"),
            a_document("final", {"code": "signs"}),
            [("preliminary", False), ("final", True)],
        ),
        (
            "application/fhir+xml",
            in_xml("final"),
            in_xml("entered-in-error"),
            [("final", False), ("entered-in-error", True)],
        ),
        (
            "application/cda+xml",
            a_cda("A"),
            a_cda("A", status="nullified"),
            [("final", False), ("entered-in-error", True)],
        ),
    ],
    ids=["replaces", "appends", "in error", "preliminary", "in error, in XML", "nullified"],
)
def test_its_own_word_counts_for_what_came_before(
    ledger: Ledger, content_type: str, first: bytes, second: bytes, outcome: list[tuple[str, bool]]
):
    services, chart = b.new_services(ledger), b.a_chart()
    case = b.a_case(services, chart)
    comes(services, chart, first, content_type, "N1")
    # A FHIR document is the same one again; a clinical document is another one.
    comes(services, chart, second, content_type, "N1" if "fhir" in content_type else "N2")

    assert standing(services, case) == outcome


@pytest.mark.parametrize(
    ("title", "status"),
    [("DRAFT - progress note", DocumentStatus.PRELIMINARY), ("Progress note", DocumentStatus.FINAL)],
)
@pytest.mark.parametrize("made", [a_cda("D1"), a_document("final")], ids=["cda", "fhir"])
def test_what_is_called_a_draft_inside_is_preliminary(made: bytes, title: str, status: DocumentStatus):
    within = ReadWithin(LAB)
    content = made.replace(b"Progress note", title.encode())
    assert b"".join(within.passing(iter([content[:300], content[300:]]))) == content
    envelope = Document(
        patient=Demographics(), kind=RecordKind.NOTE, code=None, title="Note", status=DocumentStatus.FINAL, at=None
    )

    assert within.own_word.added_to(envelope).status is status


def test_the_type_of_a_relation_counts_in_small_letters_as_well():
    within = ReadWithin(LAB)
    for _ in within.passing(iter([a_cda("D2", ("rplc", "D1"))])):
        pass

    assert (within.own_word.relation, within.own_word.parents) == (Relation.REPLACES, (named("D1"),))
