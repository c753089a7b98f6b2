"""FHIR as institutions post it: what a body is, and what forms, referrals, words and documents become."""

import json
from collections.abc import Iterable
from functools import partial

from tests.campaigns.fuzz.contract import Target, answer, can_be_kept, files
from tests.campaigns.fuzz.partners import ALL, LAKESIDE
from tests.kit.builders import a_chart
from transfer.adapters.fhir import inbound, responses
from transfer.adapters.fhir.codes import CONFIDENTIALITY, KIND, PACKET, REQUEST
from transfer.adapters.fhir.inbound import Form
from transfer.adapters.loinc import LOINC
from transfer.errors import TransferError
from transfer.sandbox.oncology import letters
from transfer.sources import Bad

_PACKET = "c00000000001-p1"


def sort(body: bytes) -> None:
    """A body is one form, the same one each time, and named in words of ours; or it is refused in words of ours."""
    try:
        incoming = inbound.sort(body)
    except TransferError as error:
        refusal = responses.refused(error)
        assert 400 <= refusal.status < 500
        json.loads(refusal.body)
        return
    assert inbound.sort(body) == incoming
    can_be_kept(incoming.form, *(said for said in (incoming.key, incoming.packet, incoming.request) if said))
    json.loads(responses.stored_bundle(incoming.types, "a").body)
    _understood(incoming.form, body)


def _understood(form: Form, body: bytes) -> None:
    """What was sorted is read by the reader of its form, as the round that processes it does. Whatever it is, it says
    what it objects to besides.
    """
    is_form = form in (Form.RELEASE_FORM, Form.REVOCATION)
    for said in answer(partial(inbound.said_against, is_form=is_form), body, LAKESIDE) or ():
        can_be_kept(said)
    if is_form:
        authorization(body)
    elif form is Form.REFERRAL:
        referral(body)
    elif form is Form.DOCUMENTS:
        pushed_documents(body)
    else:
        words(body)


def authorization(body: bytes) -> None:
    if (form := answer(inbound.authorization, body, LAKESIDE, ALL)) is not None:
        can_be_kept(form)
    # What is sorted as a Consent says what it objects to, whatever else is wrong with it.
    for said in answer(partial(inbound.said_against, is_form=True), body, LAKESIDE) or ():
        can_be_kept(said)


def referral(body: bytes) -> None:
    if (asked := answer(inbound.referral, body, LAKESIDE, ALL)) is not None:
        can_be_kept(asked)


def words(body: bytes) -> None:
    """A receiver's word about a packet, a source's word about a request."""
    if (said := answer(inbound.receipt, body)) is not None:
        can_be_kept(said)
    if (heard := answer(inbound.request_answer, body, LAKESIDE, ALL)) is not None:
        can_be_kept(heard)


def pushed_documents(body: bytes) -> None:
    """One bad document is held with a reason and does not stop the others."""
    for each in answer(inbound.pushed_documents, body, LAKESIDE) or ():
        can_be_kept(each.reason if isinstance(each, Bad) else each.document)


def _task(status: str, system: str, **more: object) -> bytes:
    task = {
        "resourceType": "Task",
        "status": status,
        "intent": "order",
        "focus": {"identifier": {"system": system, "value": _PACKET}},
        "statusReason": {"coding": [{"code": "unreadable"}, {"code": "wrong-patient"}]},
        "lastModified": "2026-11-21T10:00:00Z",
        **more,
    }
    return json.dumps(task).encode()


_NARROW = {
    "provision": {
        "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "DiagnosticReport"}],
        "code": [{"coding": [{"system": KIND, "code": "pathology-report"}, {"system": LOINC, "code": "11529-5"}]}],
        "securityLabel": [{"system": CONFIDENTIALITY, "code": "R"}, {"code": "HIV"}],
    }
}
_FOR_ANOTHER = {
    "contained": [
        {"resourceType": "Patient", "id": "patient", "identifier": [{"system": "urn:oid:1.2", "value": "1"}]},
        {
            "resourceType": "RelatedPerson",
            "id": "mother",
            "patient": {"reference": "#patient"},
            "relationship": [{"coding": [{"code": "MTH", "display": "mother"}]}],
        },
    ],
    "performer": [{"reference": "#mother"}],
}


def seeds() -> Iterable[tuple[str, bytes]]:
    chart = a_chart(seed=1)
    forms = [letters.release_form(chart, {"resource": patch}) for patch in ({}, _NARROW, _FOR_ANOTHER)]
    for tree in (letters.referral(chart, {}), *forms):
        for parser in ("sort", "authorization", "referral"):
            yield parser, json.dumps(_without_paper(tree)).encode()
    for system in (PACKET, REQUEST):
        for status in ("accepted", "rejected", "in-progress"):
            yield "sort", _task(status, system)
            yield "words", _task(status, system)
    for body in files("fhir", suffixes=(".json",), longest=12 << 10):
        for each in TARGET.parsers:
            yield each.__name__, body


def _without_paper(tree: object) -> object:
    """Without the pages of base64, which teach a fuzzer nothing."""
    if isinstance(tree, dict):
        return {key: "JVBERi0=" if key == "data" else _without_paper(value) for key, value in tree.items()}
    return [_without_paper(each) for each in tree] if isinstance(tree, list) else tree


TARGET = Target(
    name="fhir_inbound",
    parsers=(sort, authorization, referral, words, pushed_documents),
    seeds=seeds,
    is_json=True,
    words=(
        *(f'"{word}":'.encode() for word in ("resourceType", "entry", "resource", "status", "identifier", "system")),
        *(f'"{word}":'.encode() for word in ("value", "reference", "coding", "code", "contained", "id", "fullUrl")),
        *(f'"{word}":'.encode() for word in ("provision", "period", "end", "start", "class", "actor", "role", "type")),
        *(f'"{word}":'.encode() for word in ("extension", "url", "modifierExtension", "data", "attachment", "focus")),
        *(f'"{word}"'.encode() for word in ("Bundle", "Consent", "ServiceRequest", "Task", "Patient", "Organization")),
        *(f'"{word}"'.encode() for word in ("DocumentReference", "DiagnosticReport", "Binary", "List", "transaction")),
        *(f'"{word}"'.encode() for word in ("active", "inactive", "entered-in-error", "permit", "deny", "replaces")),
        *(b'"0001-01-01T00:00:00Z"', b'"9999-12-31T23:59:59-14:00"', b'"2026-11-21"', b"\\ud800", b"\\u0000", b"1e999"),
        *(b"NaN", b"{}", b"[]", b"null", b"true", b"[[[[[[[[", b'{"":{"":{"":', b"urn:uuid:", b"\xef\xbb\xbf", b"#"),
    ),
)
