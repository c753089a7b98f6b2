"""What a source's FHIR server answers: patients, pages of documents, attachments, and addresses it names."""

import base64
import json
from collections.abc import Iterable
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from tests.campaigns.fuzz.contract import Target, answer, can_be_kept, files, pieces
from tests.campaigns.fuzz.partners import LAKESIDE
from tests.campaigns.fuzz.wire import NEXT, Wire, answers_in
from transfer.adapters.fhir.codes import PACKET
from transfer.adapters.fhir.limits import DocumentLimits
from transfer.adapters.fhir.receiver import ReceiverClient
from transfer.adapters.fhir.sheets import result_sheet
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.adapters.fhir.wrappers import unwrapped
from transfer.adapters.http import HttpClient, HttpLimits
from transfer.bytes_seen import BytesSeen
from transfer.errors import TransferError, Unheard
from transfer.identifiers import PacketId
from transfer.media_types import KNOWN, named
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.records import RecordKind
from transfer.sources import Bad, PatientFound, go_on

BASE = "http://127.0.0.1:9/fhir"
_WHO = Demographics(
    names=(PersonName("Doe", ("John",)),),
    birth_date=date(1961, 2, 3),
    sex="male",
    identifiers=(IssuedIdentifier(LAKESIDE.default_issuer or "", "0042"),),
)
_THEM = PatientFound(id="p1", url=f"{BASE}/Patient/p1", demographics=_WHO)
_LIMITS = DocumentLimits(pages=8, documents=200, inline_bytes=1 << 16)
_HTTP = HttpLimits(page_bytes=1 << 20, stream_bytes=1 << 20)


def patient(data: bytes) -> None:
    """Whoever answers can be kept, and is one person or a question to a person."""
    found = answer(_source(data).find_patient, _WHO, LAKESIDE)
    if found is not None:
        can_be_kept(found.demographics, found.id)


def documents(data: bytes) -> None:
    """All that could be read is given, whatever ends it; what is given can be kept and opened, or refused by name."""
    source = _source(data)
    given = source.documents(_THEM, LAKESIDE, frozenset(RecordKind))
    for _ in range(400):
        found = answer(next, given, documented=(TransferError, StopIteration))
        if found is None:
            return
        if isinstance(found, Bad):
            can_be_kept(found.reason)
        else:
            can_be_kept(found.document, *found.sources)
            for file in found.files:
                seen = BytesSeen(file.announced)
                answer(b"".join, seen.passing(answer(file.read) or ()))
                assert named(seen.judged().content_type) in KNOWN
    raise AssertionError("more documents than the bound allows")


def content(data: bytes) -> None:
    """A document comes out of its wrappers the same however it is cut, or is refused by name."""
    stream, cut = pieces(data)
    whole, again = (answer(_unwrapped, each) for each in ([stream], cut))
    assert whole == again


def _unwrapped(chunks: list[bytes]) -> bytes:
    return b"".join(unwrapped(chunks, go_on, most=1 << 20, check=lambda _: None))


def sheet(data: bytes) -> None:
    """Every text of a result sheet can be drawn."""
    found = answer(result_sheet, data)
    if found is not None:
        for section in found.sections:
            assert all(text for line in section.lines for text in (line.name, *line.value) if line.value)


def address(data: bytes) -> None:
    """An address a peer names is one at its own origin, in plain ASCII, or none."""
    peer = HttpClient(BASE, None, _HTTP)
    url = peer.address(data.decode("utf-8", "replace"))
    if url is not None:
        parts = urlsplit(url)
        assert (parts.scheme, parts.hostname, parts.port, parts.username) == ("http", "127.0.0.1", 9, None)
        assert url.isascii()
        assert url.isprintable()
        assert peer.address(url) == url
        peer.is_within(url)


def receiver(data: bytes) -> None:
    """A success that cannot be read is unheard: only the receiver knows, and it is asked before anything goes again."""
    answers = answers_in(data)
    client = ReceiverClient(BASE, "token", _HTTP)
    client._client._pool = Wire(answers)  # type: ignore[assignment]
    try:
        client.submit(b'{"resourceType": "Bundle", "entry": [{}]}')
    except TransferError as error:
        assert answers[0][0] not in (200, 201) or (isinstance(error, Unheard) and error.maybe_received)
    else:
        assert answers[0][0] in (200, 201), "what the receiver did not take is told as taken"
    answer(client.has, PacketId("c00000000001-p1"))


def _source(data: bytes) -> FhirSourceClient:
    client = FhirSourceClient(BASE, "token", _LIMITS, _HTTP)
    client._client._pool = Wire(answers_in(data))  # type: ignore[assignment]
    return client


def _page(*resources: dict[str, Any], following: str | None = None) -> bytes:
    links = [{"relation": "next", "url": following}] if following else []
    entries = [{"fullUrl": f"{BASE}/{each['resourceType']}/{each['id']}", "resource": each} for each in resources]
    tree = {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}
    return b"200 application/fhir+json\n\0\0\0\0" + json.dumps(tree).encode()


def _beside(found: dict[str, Any], mode: str, other: dict[str, Any]) -> bytes:
    entries = [{"resource": found}, {"resource": other, "search": {"mode": mode}}]
    tree = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    return b"200 application/fhir+json\n\0\0\0\0" + json.dumps(tree).encode()


def seeds() -> Iterable[tuple[str, bytes]]:
    them = {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": LAKESIDE.default_issuer, "value": "0042"}],
        "name": [{"family": "Doe", "given": ["John"]}],
        "birthDate": "1961-02-03",
    }
    yield "patient", _page(them)
    yield "patient", NEXT.join([_page(), _page(them)])
    yield "patient", _page(them, {**them, "id": "p2", "link": [{"other": {"reference": "x"}, "type": "replaced-by"}]})
    reference = {
        "resourceType": "DocumentReference",
        "id": "d1",
        "status": "current",
        "subject": {"reference": "Patient/p1"},
        "date": "2026-03-01T10:00:00-06:00",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11488-4"}]},
        "relatesTo": [{"code": "replaces", "target": {"reference": "DocumentReference/d0"}}],
        "content": [
            {"attachment": {"contentType": "application/pdf", "url": "Binary/b1", "size": 5, "data": "JVBERi0="}}
        ],
    }
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "status": "final",
        "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "11526-1"}]},
        "effectiveDateTime": "2026-02-01",
        "result": [{"reference": "Observation/o1"}],
    }
    file, binary = b"200 application/pdf\n\0\0\0\0%PDF-", {"resourceType": "Binary", "id": "b1", "data": "JVBERi0="}
    linked = {**reference, "content": [{"attachment": {"contentType": "application/pdf", "url": "Binary/b1"}}]}
    as_resource = b"200 application/fhir+json\n\0\0\0\0" + json.dumps(binary).encode()
    nothing, gone = _page(), b"410 text/plain\t5\tSat, 21 Nov 2026 10:00:00 GMT\n\0\0\0\0"
    for answers in (
        [_page(reference), nothing],
        [_page(linked), nothing, file],
        [_page(linked), nothing, as_resource],
        [_page(linked, following="?page=2"), _page(reference), _page(report)],
        [nothing, _page(report), _page(report, {"resourceType": "Observation", "id": "o1"})],
        [gone, _page(linked), nothing],
        [b"429 text/plain\t120\n\0\0\0\0"],
        [_page(linked, {**linked, "id": "d2", "docStatus": "preliminary"}), nothing, file],
        [b"0\n"],
        [_page(linked), nothing, b"200 application/pdf\t\t\t\t\n\0\0\0\0%PDF-"],
        [_page(linked), nothing, b"200 text/html\t\t\t\t9\n\0\0\0\0%PDF-"],
        [_page(reference, following=f"{BASE}/next?page=2"), _page(following="http://elsewhere/fhir?page=3")],
        [_beside(reference, "include", report), nothing],
        [
            _beside(reference, "outcome", {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal"}]}),
            nothing,
        ],
    ):
        yield "documents", NEXT.join(answers)
    for body in files("fhir/us-core-examples", "fhir/ihe-mhd-examples", suffixes=(".json",), longest=10 << 10):
        yield "documents", NEXT.join([_page({**json.loads(body), "id": "d1", "subject": {"reference": "Patient/p1"}})])
    taken = {
        "resourceType": "Bundle",
        "type": "transaction-response",
        "entry": [{"response": {"status": "201 Created"}}],
    }
    issue = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid"}]}
    held = {"resourceType": "List", "id": "l1", "identifier": [{"system": PACKET, "value": "c00000000001-p1"}]}
    for status, tree in ((200, taken), (400, issue), (409, issue), (500, taken)):
        said = b"%d application/fhir+json\n\0\0\0\0" % status + json.dumps(tree).encode()
        yield "receiver", said + NEXT + _page(held)
    yield "receiver", b"200 x\t\t\tgzip\n\0\0\0\0{}"
    for document in (b"%PDF-1.4", b"<Binary xmlns='http://hl7.org/fhir'><data value='JVBERi0='/></Binary>"):
        yield "content", b"\1\2\3\4" + document
        yield "content", b"\1\2\3\4" + base64.b64encode(document * 4)
    yield "content", b"\1\2\3\4" + json.dumps(binary).encode()
    result = {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "CEA"}, "valueInteger": 5}
    entries = [{"resource": report}, {"resource": result}]
    yield "sheet", json.dumps({"resourceType": "Bundle", "entry": entries}).encode()
    for said in (
        b"Binary/1",
        b"http://127.0.0.1:9/fhir/Binary/1?a=b#c",
        b"//127.0.0.1:9/x",
        b"http://[::1]/",
        b"../..%2f",
    ):
        yield "address", said


TARGET = Target(
    name="fhir_source",
    parsers=(patient, documents, address, receiver, content, sheet),
    seeds=seeds,
    is_json=True,
    words=(
        *(
            NEXT,
            b"\n200 application/fhir+json\n\0\0\0\0",
            b"\n200 application/pdf\n\0\0\0\0",
            b"\n410 x\n",
            b"\n429 x\t120\n",
        ),
        *(f'"{word}":'.encode() for word in ("resourceType", "entry", "resource", "fullUrl", "search", "mode", "link")),
        *(f'"{word}":'.encode() for word in ("relation", "url", "contentType", "data", "hash", "size", "attachment")),
        *(
            f'"{word}":'.encode()
            for word in ("subject", "identifier", "contained", "relatesTo", "target", "result", "id")
        ),
        *(
            b'"searchset"',
            b'"include"',
            b'"outcome"',
            b'"next"',
            b'"Binary"',
            b'"replaced-by"',
            b"Patient/p1",
            b"?page=2",
        ),
        *(
            b"127.0.0.1:9",
            b"http://",
            b"%2e%2e",
            b"\\",
            b"@",
            b":99999",
            b"[::1]",
            b"/_history/1",
            b"#",
            b"\\ud800",
            b"1e999",
        ),
    ),
)
