"""A document that another one replaces, whichever way that one names it, and whichever of the two comes first."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.kit import builders as b
from tests.kit import lives
from tests.kit.processing import process_all
from transfer.arrivals import ArrivalKind
from transfer.flow.services import Services
from transfer.ledger import Ledger, records
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers

SAID: Final = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)
URN: Final = "urn:uuid:22222222-2222-4222-8222-2222222222ab"
SET: Final = '<setId root="1.2.840.7" extension="S"/><versionNumber value="{}"/>'
SERVER: Final = "https://ehr.lakeside.example/fhir/DocumentReference"


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def a_text(text: str) -> dict[str, str]:
    return {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}


def a_clinical_document(text: str, own: str, related: str = "") -> dict[str, str]:
    within = (
        '<ClinicalDocument xmlns="urn:hl7-org:v3">'
        f"{own}{related}<component><structuredBody><component><section><text>{text}</text></section></component>"
        "</structuredBody></component></ClinicalDocument>"
    )
    return {"contentType": "application/xml", "data": base64.b64encode(within.encode()).decode()}


def replaces(inside: str) -> str:
    return f'<relatedDocument typeCode="RPLC"><parentDocument>{inside}</parentDocument></relatedDocument>'


def a_reference(attachment: Mapping[str, str], **said: Any) -> dict[str, Any]:
    """A DocumentReference without a number of its own."""
    resource = lives.a_reference("", "", **said)
    if "identifier" not in said:
        del resource["identifier"]
    return {**resource, "content": [{"attachment": dict(attachment)}]}


def posted(chart: Chart, at: datetime, resource: Mapping[str, object], **entry: Any) -> lives.Sent:
    sent = lives.pushed(chart, resource, at)
    bundle = json.loads(sent.body)
    bundle["entry"][1] |= entry
    return lives.Sent(sent.institution, json.dumps(bundle).encode(), sent.content_type, sent.door)


def put(number: str) -> dict[str, Any]:
    return {"request": {"method": "PUT", "url": f"DocumentReference/{number}"}}


def related(**target: object) -> dict[str, Any]:
    return {"relatesTo": [{"code": "replaces", "target": target}]}


OLD, NEW = a_text("as it was"), a_text("as it is now")
#: how the earlier one and the later one are sent: resource, and what else stands in its entry
NAMED: Final[Mapping[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]]] = {
    "id": (a_reference(OLD, id="12"), {}, a_reference(NEW, id="13", **related(reference="DocumentReference/12")), {}),
    "put": (a_reference(OLD), put("12"), a_reference(NEW, **related(reference="DocumentReference/12")), put("13")),
    "id at their server": (
        a_reference(OLD, id="12"),
        {},
        a_reference(NEW, id="13", **related(reference=f"{SERVER}/12/_history/2")),
        {},
    ),
    "address": (
        a_reference(OLD),
        {"fullUrl": f"{SERVER}/12"},
        a_reference(NEW, **related(reference="DocumentReference/12")),
        {},
    ),
    "urn of the entry": (a_reference(OLD), {"fullUrl": URN}, a_reference(NEW, **related(reference=URN)), {}),
    "urn in capitals": (
        a_reference(
            OLD, identifier=[{"system": "urn:ietf:rfc:3986", "value": URN.upper().replace("URN:UUID", "urn:uuid")}]
        ),
        {},
        a_reference(NEW, **related(reference=URN)),
        {},
    ),
    "in place": (a_reference(OLD), put("12"), a_reference(NEW, docStatus="corrected"), put("12")),
    "OID alone": (
        a_reference(a_clinical_document("as it was", '<id root="1.2.840.1"/>')),
        {},
        a_reference(a_clinical_document("now", '<id root="1.2.840.2"/>', replaces('<id root="1.2.840.1"/>'))),
        {},
    ),
    "version of a set": (
        a_reference(a_clinical_document("as it was", '<id nullFlavor="UNK"/>' + SET.format(1))),
        {},
        a_reference(a_clinical_document("now", '<id nullFlavor="UNK"/>' + SET.format(2), replaces(SET.format(1)))),
        {},
    ),
}


def stands(services: Services, chart: Chart, messages: list[lives.Sent]) -> list[bool]:
    """Whether each of what came counts at the end, in the order in which it came."""
    case = b.a_case(services, chart)
    for one in messages:
        b.comes(services, one.institution, ArrivalKind.ANSWER, one.body, one.content_type, one.door)
        process_all(services)
    with services.ledger.transaction() as tx:
        return [not (joined.superseded or kept.status.is_void) for kept, joined in records.joined(tx, case)]


@pytest.mark.parametrize("is_late", [False, True], ids=["in order", "out of order"])
@pytest.mark.parametrize("how", NAMED)
def test_however_it_is_named_what_is_replaced_counts_no_more(services: Services, how: str, is_late: bool):
    chart = b.a_chart()
    before, its_entry, after, other_entry = NAMED[how]
    sent = [posted(chart, SAID, before, **its_entry), posted(chart, SAID + timedelta(days=1), after, **other_entry)]

    assert stands(services, chart, sent[::-1] if is_late else sent) == ([True, False] if is_late else [False, True])


@pytest.mark.parametrize("is_late", [False, True], ids=["in order", "out of order"])
def test_a_withdrawal_by_the_place_it_was_put_in_needs_no_number(services: Services, is_late: bool):
    chart = b.a_chart()
    blank = {"resourceType": "DocumentReference", "status": "entered-in-error"}
    sent = [
        posted(chart, SAID, a_reference(OLD), **put("12")),
        posted(chart, SAID + timedelta(days=1), blank, **put("12")),
    ]

    assert stands(services, chart, sent[::-1] if is_late else sent) == [False, False]


def test_documents_that_a_sender_gives_one_id_or_one_oid_are_no_copies_and_replace_nothing(services: Services):
    chart = b.a_chart()
    oid = '<id root="1.2.840.1"/>'
    sent = [
        posted(chart, SAID, a_reference(a_text("one"), id="doc")),
        posted(chart, SAID, a_reference(a_text("two"), id="doc")),
        posted(chart, SAID, a_reference(a_clinical_document("three", oid))),
        posted(chart, SAID, a_reference(a_clinical_document("four", oid, replaces(oid)))),
    ]

    assert stands(services, chart, sent) == [True] * 4
    with services.ledger.transaction() as tx:
        assert {row.copy_of for row in tx.rows("SELECT copy_of FROM collected")} == {None}


def test_a_posted_withdrawal_without_a_number_is_asked_about(services: Services):
    """A server gives what is posted an id of its own: the one that was sent says nothing."""
    chart = b.a_chart()
    blank = {"resourceType": "DocumentReference", "status": "entered-in-error", "id": "12"}
    post = {"request": {"method": "POST", "url": "DocumentReference"}}

    assert stands(services, chart, [posted(chart, SAID, blank, **post)]) == []
    with services.ledger.transaction() as tx:
        assert [row.state for row in tx.rows("SELECT state FROM arrivals ORDER BY received_at DESC LIMIT 1")] == [
            "held"
        ]


@pytest.mark.parametrize(("own", "parent"), [("D2^PRAIRIELIS", "D1"), ("^^D2", "^^D1")])
@pytest.mark.parametrize("is_late", [False, True], ids=["in order", "out of order"])
def test_a_number_of_a_document_message_is_read_where_it_stands(
    services: Services, own: str, parent: str, is_late: bool
):
    """TXA-13 without the namespace of TXA-12, and a universal id alone (EI.3)."""
    chart = b.a_chart()
    first, then = (one(chart, "D", f"text of {one}", SAID) for one in (lives.FINAL["mdm"], lives.FINAL["mdm"]))
    was = "D1^PRAIRIELIS" if parent == "D1" else parent
    bodies = [
        first.body.replace(b"|D^PRAIRIELIS|", f"|{was}|".encode()),
        then.body.replace(b"|D^PRAIRIELIS||", f"|{own}|{parent}|".encode()).replace(b"^T02^", b"^T10^"),
    ]
    sent = [lives.Sent(first.institution, body, first.content_type, first.door) for body in bodies]

    assert stands(services, chart, sent[::-1] if is_late else sent) == ([True, False] if is_late else [False, True])


def test_a_document_in_fhir_may_replace_several_and_name_them_by_reference(services: Services):
    chart = b.a_chart()

    def a_document(own: str, *others: str) -> dict[str, Any]:
        composition = {
            "resourceType": "Composition",
            "id": own,
            "status": "final",
            "title": "Note",
            "section": [{"text": {"status": "generated", "div": f"<div>text of {own}</div>"}}],
            "relatesTo": [
                {"code": "replaces", "targetReference": {"reference": f"Composition/{one}"}} for one in others
            ],
        }
        bundle = {"resourceType": "Bundle", "type": "document", "entry": [{"resource": composition}]}
        data = base64.b64encode(json.dumps(bundle).encode()).decode()
        return a_reference({"contentType": "application/fhir+json", "data": data})

    sent = [posted(chart, SAID, a_document(*numbers)) for numbers in (("c3", "c1", "c2"), ("c1",), ("c2",))]

    assert stands(services, chart, sent) == [True, False, False]
