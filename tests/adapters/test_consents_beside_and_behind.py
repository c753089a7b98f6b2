"""Consents whose form is text, whose narrative leaves something out, and beside which something else says otherwise."""

import base64
import json

import pytest

from tests.kit.consents import ACT_CODE, CST, LOINC, PARTNERS, ROLE, a_form, checked, concept
from tests.kit.consents import COMPLETE as FORM
from transfer.adapters.fhir import inbound
from transfer.adapters.fhir.trees import dump
from transfer.objections import ObjectionKind
from transfer.permissions import Finding
from transfer.permissions.checking import Decision

PATIENT, OURS = FORM["contained"][0], FORM["extension"]
NPI = "http://hl7.org/fhir/sid/us-npi"
ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
NOTES = {"class": [{"code": "DocumentReference"}]}
REVOKED = "I hereby revoke my authorization to release records."
PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n").decode()


def packed(said):
    return base64.b64encode((said if isinstance(said, str) else json.dumps(said)).encode()).decode()


def behind(data, kind="text/plain", **said):
    return a_form(sourceAttachment={"contentType": kind, "data": data, **said}, provision=NOTES)


def referred(**said):
    source = {"resourceType": "DocumentReference", "id": "d", "status": "current", **said}
    source.setdefault("content", [{"attachment": {"url": "x"}}])
    return a_form(
        contained=[PATIENT, source], sourceAttachment=None, sourceReference={"reference": "#d"}, provision=NOTES
    )


def told(words, attributes="", **said):
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"{attributes}><p>{words}</p></div>'
    return a_form(text={"status": "generated", "div": div}, **said)


def to_center(**organization):
    named = {"resourceType": "Organization", "id": "o", "identifier": [{"system": NPI, "value": "3"}], **organization}
    receives = {"role": concept("IRCP", ROLE), "reference": {"reference": "#o"}}
    return a_form(contained=[PATIENT, named], provision={"actor": [CST, receives]})


def signed(**performer):
    return a_form(performer=[{"reference": "#patient", **performer}])


def by_guardian(*relationship, **said):
    related = {"resourceType": "RelatedPerson", "id": "r", "patient": {"reference": "#patient"}, **said}
    related["relationship"] = list(relationship) or [concept("GUARD", ROLE_CODE)]
    return a_form(contained=[PATIENT, related], performer=[{"reference": "#r"}])


def beside(*resources):
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in (FORM, *resources)]}


def holding(kind, **said):
    return a_form(contained=[PATIENT, {"resourceType": kind, "id": "x", **said}])


def tagged(code):
    return a_form(meta={"tag": [{"code": code}]})


ANSWERS = {"resourceType": "QuestionnaireResponse", "item": [{"answer": [{"valueBoolean": False}]}]}
TAGS = [
    "test",
    "training",
    "synthetic",
    "unverified",
    "expired",
    "terminated",
    "on-hold",
    "paused",
    "disputed",
    "archived",
]
PROVENANCE = {"resourceType": "Provenance", "target": [{"reference": "Consent/1"}]}
PERSON = {
    # --- what it and its envelope are marked with, and called
    "a label of opt-out": a_form(meta={"security": [{"system": ACT_CODE, "code": "OPTOUT"}]}),
    "a label in words that it was revoked": a_form(meta={"security": [{"display": "Consent revoked"}]}),
    "a file called a revocation": a_form(
        sourceAttachment={"url": "https://x.example/1/Revocation.pdf"}, provision=NOTES
    ),
    "a number of revoked forms": a_form(identifier=[{**FORM["identifier"][0], "type": {"text": "Revoked form"}}]),
    "an extension of its bundle": beside() | {"extension": [{"url": "urn:x:revoked", "valueBoolean": True}]},
    "an extension of its entry": beside()
    | {"entry": [{"resource": FORM, "extension": [{"url": "urn:x:ended", "valueBoolean": True}]}]},
    "an entry with one in its place": beside()
    | {"entry": [{"resource": FORM, "link": [{"relation": "superseded-by", "url": "Consent/2"}]}]},
    "a patient who opted out": a_form(
        contained=[{**PATIENT, "extension": [{"url": "urn:x:hie-opt-out", "valueBoolean": True}]}]
    ),
    "a patient for tests": a_form(contained=[{**PATIENT, "meta": {"tag": [{"code": "test"}]}}]),
    # --- the bytes of the form
    "a form in words that revokes": behind(packed(REVOKED)),
    "a form in words that narrows": behind(packed("All records except HIV.")),
    "a form that is a page": behind(packed("<html><body>Log in</body></html>"), "application/pdf"),
    "a form that is answers": behind(packed(ANSWERS), "application/fhir+json"),
    "a form that is a Consent": behind(packed({"resourceType": "Consent", "status": "active"}), "application/json"),
    "a form that is a policy": behind(packed('<Policy xmlns="urn:oasis:names:tc:xacml:3.0"/>'), "application/xml"),
    "a form of another hash": behind(PDF, "application/pdf", hash=packed("0" * 20)),
    "a form of another length": behind(PDF, "application/pdf", size=999_999),
    "a form that is no base64": behind("!!!", "application/pdf"),
    "words behind a reference": referred(content=[{"attachment": {"contentType": "text/plain", "data": packed("x")}}]),
    "words in a file beside it": beside({"resourceType": "Binary", "contentType": "text/plain", "data": packed("x")}),
    # --- what is said of the form
    "a form about another": referred(subject={"reference": "Patient/2", "display": "Doe, John"}),
    "a form of the type of refusals": referred(type={"text": "Refusal to release"}),
    "a form of the category of revocations": referred(category=[{"coding": [{"display": "Revocation"}]}]),
    "a form whose narrative narrows": referred(text={"div": "<div>All records but psychiatry</div>"}),
    "a form that is a policy of APPC": referred(
        content=[{"attachment": {"url": "x"}, "format": {"code": "urn:ihe:iti:appc:2016:consent"}}]
    ),
    # --- who receives
    "a number with another's name": to_center(name="Prairie Imaging"),
    "a number with a part of its name": to_center(name="Summit, Radiology only"),
    "an organization that is no more": to_center(active=False),
    "an organization that is no more, in text": to_center(active="false"),
    "an old number": to_center(identifier=[{"use": "old", "system": NPI, "value": "3"}]),
    "a number that has ended": to_center(identifier=[{"system": NPI, "value": "3", "period": {"end": "2020-01-01"}}]),
    "the numbers of two": to_center(identifier=[{"system": NPI, "value": "3"}, {"system": NPI, "value": "1"}]),
    # --- who signed
    "a signature by another name": signed(display="Jane Roe"),
    "a signature by her mother": signed(display="Odalys Quillfeather, by her mother"),
    "a signature by somebody related": signed(type="RelatedPerson"),
    "a signature under another number": signed(identifier={"system": "urn:oid:1.2.3.4", "value": "9999"}),
    "a guardian who is a child": by_guardian(birthDate="2020-01-01"),
    "a guardian of the estate": by_guardian(concept("GUARD", ROLE_CODE, display="Guardian of the estate")),
    "a guardian for a lawsuit": by_guardian({**concept("GUARD", ROLE_CODE), "text": "guardian ad litem"}),
    "a power of attorney for money": by_guardian(concept("POWATT", ROLE_CODE, display="financial power of attorney")),
    "a guardian with a limit": by_guardian(extension=[{"url": "urn:x:limit", "valueString": "money"}]),
    "a guardian whose narrative limits": by_guardian(text={"div": "<div>Medical matters only</div>"}),
    # --- truth as text
    "a patient who died, in text": a_form(contained=[{**PATIENT, "deceasedBoolean": "true"}]),
    "a patient who is inactive, in text": a_form(contained=[{**PATIENT, "active": "false"}]),
    # --- what else stands there
    "a form in the place of one without an issuer": a_form(
        extension=[*OURS, {"url": "urn:records-transfer:replaces", "valueIdentifier": {"value": "7"}}]
    ),
    "a policy of an opt-out registry": a_form(policy=[{"authority": "State Opt-Out Registry", "uri": "urn:x:y"}]),
    "a policy for research": a_form(policy=[{"uri": "https://x.example/research-only"}]),
    "a narrative in another language": told("Autorizo la divulgaci\u00f3n", ' xml:lang="es"'),
    "a narrative of a form in another language": told("Autorizo la divulgaci\u00f3n", language="es"),
    "a narrative that is struck out": told("<s>All records may be released</s>"),
    "a file about something else": beside({"resourceType": "Flag", "code": {"text": "do not disclose"}}),
    "a contract that ended": beside({"resourceType": "Contract", "status": "terminated"}),
    "a List that stands no more": beside({"resourceType": "List", "status": "retired"}),
    "a List of what was revoked": beside({"resourceType": "List", "status": "current", "title": "Revoked consents"}),
    "a List with a mark": beside({"resourceType": "List", "status": "current", "entry": [{"flag": {"text": "Void"}}]}),
    "a List with a note": beside({"resourceType": "List", "status": "current", "note": [{"text": "was withdrawn"}]}),
    "a Provenance with a reason": beside({**PROVENANCE, "reason": [{"text": "Consent withdrawn"}]}),
    "a Provenance under a policy": beside({**PROVENANCE, "policy": ["http://x.example/revoked"]}),
    "a Provenance that aborts": beside({**PROVENANCE, "activity": concept("ABORT", OPERATION)}),
    "a Provenance within": holding("Provenance", activity=concept("NULLIFY", OPERATION)),
    "a List within": holding("List", status="current", entry=[{"deleted": True}]),
    "a flag within": holding("Flag", status="active", code={"text": "Do not release"}),
    "a message within": holding("Communication", status="completed", payload=[{"contentString": "phoned to revoke"}]),
    "answers within": holding("QuestionnaireResponse", status="completed"),
    "a contract within": holding("Contract", status="executed"),
    **{f"a tag: {code}": tagged(code) for code in TAGS},
}
NARRATIVES = [
    *("All records other than HIV", "All records but HIV", "Withhold HIV results", "Omit psychiatric records"),
    *("I do NOT want my psychiatric notes to go", "Radiology, nothing else", "HIV: NO", "Release HIV? [X] No"),
    *("Consent expired", "This consent is void", "minus mental health", "save for substance use", "DRAFT"),
    *("Objects to release", "This consent was cancelled by the patient on 4 May", "Limited to slides"),
    *("Restricted to MRI", "one-time disclosure", "superseded by form 12", "Todo excepto VIH", "Alles, nicht HIV"),
    *("No autorizo la divulgaci\u00f3n", "Tous les dossiers, sauf VIH"),
]
PERMITTED = {
    "a form that is a PDF of its length": behind(PDF, "application/pdf", size=len(base64.b64decode(PDF))),
    "an organization by its name": to_center(name=PARTNERS["summit"].name),
    "an organization that is active": to_center(active=True),
    "a signature by her name": signed(display="Odalys Quillfeather"),
    "a signature by the patient": signed(display="The patient", type="Patient"),
    "a guardian of age": by_guardian(birthDate="1960-01-01"),
    "a guardian by its name": by_guardian(concept("GUARD", ROLE_CODE, display="guardian")),
    "a check in the month of the signature": a_form(verification=[{"verified": True, "verificationDate": "2026-03"}]),
    "a patient who did not opt out": a_form(
        contained=[{**PATIENT, "extension": [{"url": "urn:x:hie-opt-out", "valueBoolean": False}]}]
    ),
    "a patient who wants no messages": a_form(
        contained=[{**PATIENT, "extension": [{"url": "urn:x:sms-opt-out", "valueBoolean": True}]}]
    ),
    "a patient who gives no money": a_form(
        contained=[{**PATIENT, "extension": [{"url": "urn:x/fundraising-opt-out", "valueBoolean": True}]}]
    ),
    "a label of the form itself": a_form(
        meta={"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}
    ),
    "a file called a form": a_form(sourceAttachment={"url": "https://x.example/revocations/7.pdf"}, provision=NOTES),
    "a check in its year": a_form(verification=[{"verified": True, "verificationDate": "2026"}]),
    "a List that stands": beside({"resourceType": "List", "status": "current", "title": "Forms"}),
    "a patient who lives, in text": a_form(contained=[{**PATIENT, "deceasedBoolean": "false"}]),
    "rights": told("You may cancel it; it cannot be undone. I do not have to sign. My care is not conditioned on it"),
    "a narrative in English": told("Status: active. Purpose: treatment", ' lang="en-US"', language="en"),
    "a form behind it of its type": referred(type=concept("64292-6", LOINC), subject={"reference": "#patient"}),
}


@pytest.mark.parametrize("what", PERSON)
def test_what_stands_beside_or_behind_a_form_is_a_persons(what):
    said = checked(PERSON[what])

    assert said.decision is Decision.PERSON
    assert all(finding.needs_person for finding in said.findings)


def with_signed_form(reference="urn:uuid:d", **said):
    form = a_form(sourceAttachment=None, sourceReference={"reference": reference}, provision=NOTES)
    source = {"resourceType": "DocumentReference", "id": "d", "status": "current", **said}
    source.setdefault("content", [{"attachment": {"contentType": "application/pdf", "data": PDF}}])
    entries = [{"resource": form}, {"fullUrl": "urn:uuid:d", "resource": source}]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


@pytest.mark.parametrize("reference", ["urn:uuid:d", "DocumentReference/d"])
def test_a_form_may_bring_the_document_that_was_signed(reference):
    sent = with_signed_form(reference)

    assert inbound.sort(dump(sent)).form is inbound.Form.RELEASE_FORM
    assert checked(sent).findings == ()


@pytest.mark.parametrize(
    "said",
    [
        {"reference": "urn:uuid:other"},
        {"status": "entered-in-error"},
        {"type": {"text": "Revocation of authorization"}},
        {"description": "Only the MRI"},
        {"content": [{"attachment": {"contentType": "text/plain", "data": packed(REVOKED)}}]},
        {"subject": {"display": "Doe, John"}},
    ],
)
def test_a_document_beside_a_form_that_is_not_it_or_says_otherwise_is_a_persons(said):
    assert checked(with_signed_form(**said)).decision is Decision.PERSON


@pytest.mark.parametrize("words", NARRATIVES)
def test_a_narrative_that_leaves_something_out_is_a_persons(words):
    assert checked(told(words)).findings == (Finding.WORDS_SAY_MORE,)


@pytest.mark.parametrize("what", PERMITTED)
def test_what_says_no_more_than_the_form_changes_nothing(what):
    said = checked(PERMITTED[what])

    assert (said.decision, said.findings) == (Decision.PERMIT, ())


@pytest.mark.parametrize("value", ["true", "yes", True])
def test_an_event_that_occurred_ends_the_form_however_that_is_written(value):
    url = "urn:records-transfer:expiration-event-occurred"

    said = checked(a_form(extension=[*OURS, {"url": url, "valueBoolean": value}]))
    assert said.decision is not Decision.PERMIT
    assert checked(a_form(extension=[*OURS, {"url": url, "valueBoolean": "false"}])).decision is Decision.PERMIT


@pytest.mark.parametrize("form", [behind(packed(REVOKED)), told(REVOKED)])
def test_a_no_in_the_words_of_an_active_form_is_heard_at_the_door(form):
    (said,) = inbound.said_against(dump(form), PARTNERS["lakeside"], is_form=True)

    assert said.kind is ObjectionKind.UNREADABLE
    (told_of,) = inbound.said_against(dump(told("You may revoke this")), PARTNERS["lakeside"], is_form=True)
    assert told_of.kind is ObjectionKind.REPLACES
