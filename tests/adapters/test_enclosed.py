"""A "no" and a permit in the bytes of a document: Consents, bundles, segments, clinical documents, answers to forms."""

import base64
import codecs
import gzip
import json
from collections import Counter
from typing import Any

import pytest

from tests.kit.scripted_fhir import LAKESIDE, a_patient
from transfer.adapters import enclosed
from transfer.adapters.fhir import identities
from transfer.adapters.fhir import objections as fhir_objections
from transfer.adapters.fhir.outline import outline
from transfer.objections import ObjectionKind
from transfer.patients import Demographics

NUMBER = {"system": "urn:oid:1.2.9", "value": "form-7"}
PRIVACY = {"coding": [{"code": "patient-privacy"}]}
DENY = {"type": "permit", "provision": [{"type": "deny"}]}
#: every way in which a Consent says no
NOES: dict[str, dict[str, Any]] = {
    "inactive": {"status": "inactive"},
    "rejected": {"status": "rejected"},
    "entered in error": {"status": "entered-in-error"},
    "a state that nobody knows": {"status": "revoked"},
    "no state": {"status": None},
    "a refusal": {"provision": {"type": "deny"}},
    "a refusal within": {"provision": DENY},
    "a title": {"sourceAttachment": {"title": "Revocation"}},
    "a category": {"category": [{"text": "Opt-out of exchange"}]},
    "a policy": {"policy": [{"uri": "https://profiles.ihe.net/ITI/PCF/Policy-deny"}]},
}
CONFORMING = "http://hl7.org/fhir"


def a_consent(**said: object) -> dict[str, Any]:
    whole = {
        "resourceType": "Consent",
        "contained": [a_patient("patient")],
        "identifier": [NUMBER],
        "status": "active",
        "scope": PRIVACY,
        "patient": {"reference": "#patient"},
        **said,
    }
    return {name: value for name, value in whole.items() if value is not None}


def as_xml(name: str, value: object) -> str:
    """FHIR in XML of a tree in JSON (https://hl7.org/fhir/R4/xml.html)."""
    if isinstance(value, list):
        return "".join(as_xml(name, each) for each in value)
    if not isinstance(value, dict):
        return f'<{name} value="{value}"/>'
    kind = value.get("resourceType")
    inside = "".join(as_xml(key, each) for key, each in value.items() if key != "resourceType")
    whole = f'<{kind} xmlns="{CONFORMING}">{inside}</{kind}>' if kind else inside
    return whole if not name else f"<{name}>{whole}</{name}>"


def json_of(tree: object) -> bytes:
    return json.dumps(tree).encode()


def xml_of(tree: object) -> bytes:
    return as_xml("", tree).encode()


def packed(content: bytes) -> str:
    return base64.b64encode(content).decode()


def a_reference(content: bytes, said: str = "application/octet-stream") -> dict[str, Any]:
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "contained": [a_patient("patient")],
        "subject": {"reference": "#patient"},
        "content": [{"attachment": {"contentType": said, "data": packed(content)}}],
    }


def heard(content: bytes) -> enclosed.EnclosedWord:
    return enclosed.in_resources(json_of(a_reference(content)), LAKESIDE)


@pytest.mark.parametrize("written", [json_of, xml_of])
@pytest.mark.parametrize("how", NOES)
def test_each_no_of_a_consent_is_heard_in_the_bytes_of_a_document(how, written):
    (said,) = heard(written(a_consent(**NOES[how]))).objections

    assert said.kind is ObjectionKind.UNREADABLE
    assert [one.value for one in said.references] == ["form-7"]
    assert [name.family for who in said.patients for name in who.names]


@pytest.mark.parametrize("written", [json_of, xml_of])
def test_a_permit_in_the_bytes_of_a_document_grants_nothing_and_asks_for_the_form(written):
    found = heard(written(a_consent()))

    assert found.objections == ()
    assert found.permitting
    assert Demographics() not in found.permitting


@pytest.mark.parametrize(
    "said", [{"status": "draft"}, {"status": "proposed"}, {"scope": {"coding": [{"code": "research"}]}}]
)
def test_a_draft_and_a_consent_to_something_else_permit_nothing(said):
    assert heard(json_of(a_consent(**said))) == enclosed.EnclosedWord()


NO = json_of(a_consent(status="inactive"))
ENCLOSING = {
    "a bundle": json_of({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": json.loads(NO)}]}),
    "a bundle in a bundle": json_of(
        {
            "resourceType": "Bundle",
            "entry": [{"resource": {"resourceType": "Bundle", "entry": [{"resource": json.loads(NO)}]}}],
        }
    ),
    "what another resource contains": json_of({"resourceType": "Basic", "contained": [json.loads(NO)]}),
    "a Binary": json_of({"resourceType": "Binary", "contentType": "x/y", "data": packed(NO)}),
    "base64 twice": packed(NO).encode(),
    "a document in a document": json_of(a_reference(NO)),
    "three documents deep": json_of(a_reference(json_of(a_reference(NO)))),
    "deeper than is looked": json_of(a_reference(json_of(a_reference(json_of(a_reference(json_of(a_reference(NO)))))))),
    "a line of many": b'{"resourceType":"Patient"}\n' + NO + b"\n",
    "another encoding": NO.decode().encode("utf-16"),
    "a mark before it": b"\xef\xbb\xbf\r\n" + NO,
    "a cut one": NO[:-9],
    "a key twice": NO[:-1] + b',"status":"active"}',
    "a parameter": json_of({"resourceType": "Parameters", "parameter": [{"name": "x", "resource": json.loads(NO)}]}),
}


@pytest.mark.parametrize("what", ENCLOSING)
def test_a_no_is_heard_in_whatever_encloses_it(what):
    (said,) = set(heard(ENCLOSING[what]).objections)

    assert said.kind is ObjectionKind.UNREADABLE
    assert said.patients


MSH = "MSH|^~\\&|LIS|LAB|RECAPP|CENTER|20260105101500||{}|1|P|2.5.1\r"
PID = "PID|1||0042^^^LAB^MR||Quillfeather^Odalys||19610203|F\r"
CON_NO = MSH.format("ADT^A08") + PID + "CON|1|001^Release of information^HL70496|||||||||X\r"
CON_YES = CON_NO.replace("|X\r", "|A||||||||||F\r")


@pytest.mark.parametrize(
    "content", [CON_NO.encode(), b"\x0b" + CON_NO.encode() + b"\x1c\r", CON_NO.replace(PID, "").encode()]
)
def test_a_consent_segment_is_heard_in_the_bytes_of_a_document(content):
    (said,) = heard(content).objections

    assert said.kind is ObjectionKind.UNREADABLE
    assert said.patients


def test_a_consent_segment_that_permits_asks_for_the_form():
    found = heard(CON_YES.encode())

    assert found.objections == ()
    assert found.permitting


def clinical(code="59284-0", title="Consent", body="", event=""):
    return (
        f'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><code code="{code}" displayName="A"/>'
        f"<title>{title}</title>{event}<component>{body}</component></ClinicalDocument>"
    ).encode()


def policy_event(named):
    return (
        '<documentationOf><serviceEvent><templateId root="1.3.6.1.4.1.19376.1.5.3.1.2.6"/>'
        f'<code code="1.2.3.4" displayName="{named}"/></serviceEvent></documentationOf>'
    )


REFUSING = {
    "its title": clinical("34133-9", "Revocation of authorization"),
    "its service event": clinical(
        event='<documentationOf><serviceEvent><code code="1.2.3" displayName="Opt-out of information exchange"/>'
        "</serviceEvent></documentationOf>"
    ),
    "the code of its service event": clinical(
        event='<documentationOf><serviceEvent><code code="OPTOUT"/></serviceEvent></documentationOf>'
    ),
    "its service event, in whatever words": clinical(event=policy_event("Deny all")),
    "its service event that does not agree": clinical(event=policy_event("Patient does not agree to share")),
    "its service event that was ended": clinical(
        event='<documentationOf><serviceEvent><statusCode code="aborted"/></serviceEvent></documentationOf>'
    ),
    "a sentence of its text": clinical(
        body="<structuredBody><component><section><text>I do not agree to <b>share</b> my records.</text></section>"
        "</component></structuredBody>"
    ),
    "a rule that denies": clinical(
        body='<structuredBody><PolicySet><Policy><Rule Effect="Deny"/></Policy></PolicySet></structuredBody>'
    ),
    "an observation turned around": clinical(body='<structuredBody><observation inversionInd="1"/></structuredBody>'),
    "an act that is not to be, by a number": clinical(body='<structuredBody><act negationInd="1"/></structuredBody>'),
    "a policy of access alone": b'<x:PolicySet xmlns:x="urn:oasis:names:tc:xacml:2.0:policy:schema:os"><x:Policy/>'
    b"</x:PolicySet>",
    "an act that is not to be": clinical(body='<structuredBody><act negationInd="true"/></structuredBody>'),
    "what it carries": clinical(
        "34133-9",
        "A scan",
        f'<nonXMLBody><text mediaType="x/y" representation="B64">{packed(NO)}</text></nonXMLBody>',
    ),
}


@pytest.mark.parametrize("where", REFUSING)
def test_a_clinical_document_refuses_by(where):
    (said,) = heard(REFUSING[where]).objections

    assert said.kind is ObjectionKind.UNREADABLE
    assert said.patients


@pytest.mark.parametrize(
    "content",
    [
        clinical(),
        clinical(
            body="<structuredBody><text>You may revoke this authorization. I agree to share.</text></structuredBody>"
        ),
        clinical(event=policy_event("Patient agrees to share")),
        clinical("57016-8"),
        clinical("34133-9", "X").replace(
            b"<component>",
            b'<documentationOf><serviceEvent><templateId root="1.3.6.1.4.1.19376.1.5.3.1.2.6"/></serviceEvent>'
            b"</documentationOf><component>",
        ),
    ],
)
def test_a_consent_document_that_refuses_nothing_asks_for_the_form(content):
    found = heard(content)

    assert (found.objections, bool(found.permitting)) == ((), True)


def test_a_clinical_document_that_is_no_consent_says_nothing():
    acts = '<structuredBody><act negationInd="true"/></structuredBody>'

    assert heard(clinical("34133-9", "Patient refused chemotherapy", acts)) == enclosed.EnclosedWord()


def answers(*lines: tuple[str, dict[str, Any]]) -> bytes:
    items = [{"linkId": str(at), "text": said, "answer": [answer]} for at, (said, answer) in enumerate(lines)]
    return json_of({"resourceType": "QuestionnaireResponse", "status": "completed", "item": items})


YES, NEVER = {"valueBoolean": True}, {"valueBoolean": False}


@pytest.mark.parametrize(
    "line",
    [
        ("I revoke my authorization to release my records", YES),
        ("I authorize the release of my records", NEVER),
        ("Release of records", {"valueCoding": {"code": "x", "display": "Refuse"}}),
        ("Your decision", {"valueString": "I withdraw my permission"}),
    ],
)
def test_an_answer_that_refuses_is_heard(line):
    (said,) = heard(answers(line)).objections

    assert said.patients


@pytest.mark.parametrize(
    "line",
    [
        ("I understand that I may revoke this authorization", YES),
        ("I revoke my authorization to release my records", NEVER),
        ("Are you allergic", NEVER),
        ("This authorization ends", {"valueString": "When I revoke this authorization, or if I withdraw it"}),
    ],
)
def test_an_answer_that_refuses_nothing_stops_nothing(line):
    assert heard(answers(line)).objections == ()


def test_an_answer_that_permits_asks_for_the_form():
    assert heard(answers(("I authorize the release of my records", YES))).permitting


def test_whom_the_inside_names_and_whom_the_envelope_names_are_both_meant():
    other = {**a_patient("patient"), "name": [{"family": "Anderson", "given": ["Ib"]}]}
    (said,) = heard(json_of(a_consent(contained=[other], status="inactive"))).objections

    assert len(said.patients) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7 Consent",
        b"Consent revoked, in plain words",
        b'{"resourceType":"Observation","note":[{"text":"Consent revoked"}]}',
        b'{"a": "Consent", ' + b'"data": "e30="' + b"}",
        b"<html><body>Consent revoked</body></html>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>Consent</x>",
        b"",
        b"{",
    ],
)
def test_text_for_people_is_not_searched(content):
    assert heard(content) == enclosed.EnclosedWord()


@pytest.mark.parametrize("encoding", ["Base64", "Hex", "A"])
def test_a_no_is_heard_in_the_encapsulated_data_of_a_message(encoding):
    data = {
        "Base64": packed(NO),
        "Hex": NO.hex().upper(),
        "A": "<Consent xmlns='http://hl7.org/fhir'><status value='inactive'/></Consent>",
    }
    message = MSH.format("MDM^T02") + PID + f"OBX|1|ED|X^Form^L||LIS^application^x^{encoding}^{data[encoding]}||||||F\r"

    (said,) = enclosed.against(message.encode(), LAKESIDE)

    assert said.kind is ObjectionKind.UNREADABLE
    assert said.patients
    assert enclosed.may_enclose(message.encode()[at : at + 16] for at in range(0, len(message), 16))


def test_a_message_with_a_pdf_is_not_searched():
    message = (
        MSH.format("MDM^T02") + PID + "OBX|1|ED|X^Form^L||LIS^application^pdf^Base64^JVBERi0xLjcKJcOkw7zDtsOf||||||F\r"
    )

    assert not enclosed.may_enclose([message.encode()])


def test_in_a_message_about_two_each_no_is_of_whom_stands_before_it():
    nobody = packed(json_of({"resourceType": "Consent", "status": "inactive"}))
    second = PID.replace("Odalys", "Ib").replace("0042", "0043")
    result = f"OBX|1|ED|X^Form^L||LIS^application^x^Base64^{nobody}||||||F\r"
    said = enclosed.against((MSH.format("ORU^R01") + PID + result + second + result).encode(), LAKESIDE)

    assert [[name.given for who in one.patients for name in who.names] for one in said] == [[("Odalys",)], [("Ib",)]]


def test_of_a_long_message_all_is_read_where_a_cut_document_may_be_a_consent():
    scan = {"contentType": "application/pdf", "data": packed(b"%PDF-1.7" + bytes(90_000))}
    long = json_of(a_reference(json_of(a_consent(status="inactive", sourceAttachment=scan))))
    report = json_of(a_reference(b"%PDF-1.7" + bytes(90_000)))

    assert enclosed.may_go_on(outline([long]))
    assert not enclosed.may_go_on(outline([report]))


LONG = "OBX|1|TX|X^Report^L||{}||||||F\r".format("A line of a long report. " * 4000)
BUNDLE = {"entry": [{"resource": json.loads(NO)}], "note": "x" * 90_000, "resourceType": "Bundle"}
LONG_NOES = {
    "a message": CON_NO.replace("CON|", LONG + "CON|").encode(),
    "a framed message": b"\x0b" + CON_NO.replace("CON|", LONG + "CON|").encode() + b"\x1c\r",
    "a batch": f"BHS|^~\\&|A|B\r{CON_NO.replace('CON|', LONG + 'CON|')}BTS|1\r".encode(),
    "a file of batches": f"FHS|^~\\&|A|B\rBHS|^~\\&|A|B\r{CON_NO.replace('CON|', LONG + 'CON|')}".encode(),
    "a message in base64 once more": packed(CON_NO.replace("CON|", LONG + "CON|").encode()).encode(),
    "a bundle that says late what it is": json_of(dict(BUNDLE)),
    "lines of which the first is long": json_of({"resourceType": "Patient", "x": "y" * 90_000}) + b"\n" + NO,
    "XML in UTF-16": (
        '<?xml version="1.0" encoding="UTF-16"?><!--'
        + "x" * 90_000
        + "-->"
        + xml_of(a_consent(status="inactive")).decode()
    ).encode("utf-16"),
    "a clinical document whose title comes late": b"<ClinicalDocument xmlns='urn:hl7-org:v3'>"
    + b"<realmCode/>" * 9_000
    + b"<title>Revocation of authorization</title></ClinicalDocument>",
}


@pytest.mark.parametrize("what", LONG_NOES)
def test_a_no_in_a_long_document_is_heard_at_the_door_that_keeps_its_outline(what):
    body = json_of(a_reference(LONG_NOES[what]))

    assert len(outline([body])) < len(body)
    assert enclosed.may_go_on(outline([body]))
    assert enclosed.in_resources(body, LAKESIDE).objections


LONG_FORMS = {
    **LONG_NOES,
    "an answer that comes late": json_of(
        {
            "note": "x " * 45_000,
            "resourceType": "QuestionnaireResponse",
            "status": "completed",
            "item": [{"linkId": "1", "text": "I authorize the release", "answer": [{"valueBoolean": False}]}],
        }
    ),
}


def in_pieces(body: bytes, length: int) -> list[bytes]:
    return [body[at : at + length] for at in range(0, len(body), length)]


@pytest.mark.parametrize("length", [4093, 65_536])
@pytest.mark.parametrize("what", LONG_FORMS)
def test_a_consent_in_a_body_too_long_to_be_held_says_no_as_it_goes_by(what, length):
    body = json_of(a_reference(LONG_FORMS[what]))

    for each in (body, body.replace(b"/", b"\\/"), body.replace(b"QU", b"QU\\r\\n"), body.replace(b"+", b"\\u002B")):
        assert enclosed.in_long_body(in_pieces(each, length), outline([each]), LAKESIDE).objections


@pytest.mark.parametrize("what", ["a message", "a batch", "a bundle that says late what it is", "XML in UTF-16"])
def test_of_a_document_too_long_to_be_held_a_consent_in_it_says_no(what):
    body = json_of(a_reference(LONG_FORMS[what]))

    assert enclosed.in_long_body(in_pieces(body, 4093), outline([body]), LAKESIDE, most=50_000).objections


def test_a_body_too_long_to_be_held_without_a_consent_says_nothing():
    for content in (
        (CON_NO.partition("CON")[0] + LONG * 3).encode(),
        json_of({"resourceType": "Bundle", "x": "y" * 90_000}),
        b"%PDF-1.7" + bytes(90_000),
    ):
        body = json_of(a_reference(content))
        assert enclosed.in_long_body(in_pieces(body, 4093), outline([body]), LAKESIDE) == enclosed.EnclosedWord()


def test_a_long_message_without_a_no_costs_one_look_and_is_not_read(monkeypatch):
    read = []
    monkeypatch.setattr(enclosed.hl7v2, "objections", lambda *_: read.append("objections") or ())
    monkeypatch.setattr(enclosed.hl7v2, "attached", lambda *_: read.append("attached") or ())
    monkeypatch.setattr(enclosed, "unwrapped", lambda chunks, *_, **__: chunks)
    monkeypatch.setattr(enclosed, "_trees", lambda _: read.append("trees") or [])

    for content in (
        (CON_NO.partition("CON")[0] + LONG * 3).encode(),
        json_of({"resourceType": "Bundle", "x": "y" * 90_000}),
    ):
        assert enclosed.may_go_on(outline([json_of(a_reference(content))]))
        heard(content)

    assert not read


def test_a_form_whose_signed_document_is_a_no_objects_and_does_not_ask_for_itself():
    form = a_consent(sourceAttachment={"data": packed(NO)})

    assert enclosed.in_resources(json_of(form), LAKESIDE).objections
    assert not enclosed.in_resources(
        json_of(a_consent(sourceAttachment={"data": packed(json_of(a_consent()))})), LAKESIDE
    ).permitting


def test_more_objections_than_are_settled_at_once_are_sent_apart():
    many = [{"resource": a_consent(status="inactive", identifier=[NUMBER | {"value": str(at)}])} for at in range(300)]

    with pytest.raises(enclosed.TooLarge):
        heard(json_of({"resourceType": "Bundle", "entry": many}))


A_CONSENT = json.dumps({"resourceType": "Consent", "status": "inactive"})


@pytest.mark.parametrize(
    "content",
    [
        A_CONSENT.encode(),
        b"\xef\xbb\xbf" + A_CONSENT.encode(),
        A_CONSENT.encode("utf-16"),
        codecs.BOM_UTF16_BE + A_CONSENT.encode("utf-16-be"),
        b" " + A_CONSENT.encode(),
        b"\n\t" + A_CONSENT.encode(),
        b"\r\n" + A_CONSENT.encode(),
        b"\x0b" + A_CONSENT.encode(),
        b"<Consent xmlns='http://hl7.org/fhir'/>",
        b"<?xml version='1.0'?><ClinicalDocument/>",
        b"MSH|^~\\&|A|B",
        b"BHS|^~\\&|A|B",
        b"FHS|^~\\&|A|B",
    ],
)
def test_a_message_with_such_a_document_is_looked_into(content):
    packed = base64.b64encode(content)
    body = b"MSH|^~\\&|A|B\rOBX|1|ED|1^X||^application^octet-stream^Base64^" + packed + b"||||||F\r"

    assert enclosed.may_enclose([body])
    assert enclosed.may_enclose([body[at : at + 7] for at in range(0, len(body), 7)])


@pytest.mark.parametrize(
    "begins",
    [
        b"%PDF-1.7\n",
        b"{\\rtf1\\ansi ",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"II*\0\x08\0",
        b"MM\0*",
        b"PK\x03\x04",
    ],
)
def test_a_long_message_with_pages_for_people_is_not_read_whole_for_it(begins):
    packed = base64.b64encode(begins + bytes(range(256)) * 1000)
    body = b"MSH|^~\\&|A|B\rOBX|1|ED|1^X||^application^pdf^Base64^" + packed + b"||||||F\r"

    assert not enclosed.may_enclose([body])


def objects(content: bytes) -> bool:
    return bool(enclosed.in_content(content, LAKESIDE).objections)


A_REVOCATION = '<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Revocation of consent</title></ClinicalDocument>'


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE ClinicalDocument>" + A_REVOCATION.encode(),
        ('<?xml version="1.0" encoding="UTF-16"?>' + A_REVOCATION).encode("utf-16"),
        json.dumps({"resourceType": "Consent", "status": "rejected", "note": [{"text": "," * 600_000}] * 2}).encode(),
    ],
)
def test_a_no_behind_a_doctype_another_encoding_or_beyond_the_bounds_is_heard(content):
    assert objects(content)


def test_a_no_in_the_packed_body_of_a_clinical_document_is_heard():
    packed = base64.b64encode(gzip.compress(A_CONSENT.encode())).decode()
    body = f'<nonXMLBody><text representation="B64" compression="GZ">{packed}</text></nonXMLBody>'
    whole = f'<ClinicalDocument xmlns="urn:hl7-org:v3"><title>A</title><component>{body}</component></ClinicalDocument>'

    assert objects(whole.encode())


def of_many(count: int, *, contained: bool) -> bytes:
    """A bundle of as many Consents as people: none says whose it is."""
    consent = {"resourceType": "Consent", "status": "inactive"}
    holder = {"resourceType": "Basic", "contained": [consent]} if contained else consent
    entries = [{"resource": holder}] * count + [{"resource": a_patient(str(at))} for at in range(count)]
    return json_of({"resourceType": "Bundle", "type": "collection", "entry": entries})


def passed(*chunks: bytes) -> bool:
    heard_within = enclosed.HeardWithin(LAKESIDE, most=100_000)
    assert b"".join(heard_within.passing(chunks)) == b"".join(chunks)
    return heard_within.objects


SCAN = packed(b"%PDF-1.7" + bytes(range(256)) * 1000)
LINE = b'{"resourceType":"Observation","note":[{"text":"' + b"a b, " * 20 + b'"}]}\n'


@pytest.mark.parametrize(
    ("content", "refuses"),
    [
        (json_of(a_consent(sourceAttachment={"data": SCAN}, status="inactive")), True),
        (json_of(a_consent(sourceAttachment={"data": SCAN})), False),
        (CON_NO.replace("CON|", f"OBX|1|ED|X^R^L||^^^Base64^{SCAN}||||||F\rCON|").encode(), True),
        # longer than what is held even without its scans
        (LINE * 2000 + NO + b"\n" + LINE, True),
        (LINE * 2000, False),
        ((CON_NO.partition("CON")[0] + LONG * 3 + "CON|1|001|||||||||X\r").encode(), True),
        (b"%PDF-1.7 " + NO * 2000, False),
    ],
)
def test_a_no_is_heard_in_what_is_longer_than_is_held(content, refuses):
    for length in (10_000, 65_536):
        assert passed(*(content[at : at + length] for at in range(0, len(content), length))) is refuses


@pytest.mark.parametrize("contained", [False, True])
@pytest.mark.parametrize(
    "hear",
    [
        lambda body: enclosed.in_content(body, LAKESIDE),
        lambda body: list(fhir_objections.read_beside(json.loads(body), LAKESIDE)),
    ],
)
def test_as_many_consents_as_people_cost_their_sum_and_not_their_product(monkeypatch, contained, hear):
    """Counted is how often a person is read, and how many entries are walked to see where references lead."""
    done: Counter[str] = Counter()

    def people(patient: Any, institution: Any) -> Demographics:
        done["people"] += 1
        return identities.demographics(patient, institution)

    def around(_: object, resource: Any, entries: Any = ()) -> Any:
        entries = list(entries)
        done["entries"] += len(entries)
        return original(resource, entries)

    original = identities.Resources.around
    monkeypatch.setattr(fhir_objections, "demographics", people)
    monkeypatch.setattr(identities.Resources, "around", classmethod(around))

    hear(of_many(200, contained=contained))

    assert done["people"] + done["entries"] <= 200 * 20


@pytest.mark.parametrize(
    ("answer", "refuses"),
    [({"code": "LA32-8", "display": "No"}, False), ({"display": "No"}, False), ({"code": "Y", "display": "Yes"}, True)],
)
def test_the_code_of_an_answer_is_no_second_answer(answer, refuses):
    item = {"text": "Do you revoke your authorization?", "answer": [{"valueCoding": answer}]}

    assert objects(json.dumps({"resourceType": "QuestionnaireResponse", "item": [item]}).encode()) is refuses


REFUSED = {"text": "Refused"}
RESULTS: dict[str, tuple[dict[str, Any], bool]] = {
    "a consent that is refused": ({"code": {"text": "HIE consent"}, "valueCodeableConcept": REFUSED}, True),
    "a consent by its code": (
        {"code": {"coding": [{"code": "59284-0"}]}, "valueString": "Patient declined"},
        True,
    ),
    "a sentence": (
        {"code": {"text": "Note"}, "valueString": "She revoked her authorization to release records."},
        True,
    ),
    "a remark": ({"code": {"text": "x"}, "note": [{"text": "I do not want my records shared."}]}, True),
    "a remark on records": ({"code": {"text": "x"}, "note": [{"text": "She does not have records to share."}]}, False),
    "a remark that refuses": ({"code": {"text": "x"}, "note": [{"text": "She refuses to share her records."}]}, True),
    "a void one": (
        {"status": "entered-in-error", "code": {"text": "HIE consent"}, "valueCodeableConcept": REFUSED},
        False,
    ),
    "a consent that is given": ({"code": {"text": "HIE consent"}, "valueString": "Signed"}, False),
    "another refusal": ({"code": {"text": "Influenza vaccine"}, "valueCodeableConcept": REFUSED}, False),
}


@pytest.mark.parametrize("what", RESULTS)
@pytest.mark.parametrize("is_contained", [False, True])
def test_a_result_may_be_a_no(what, is_contained):
    said, objects_to_it = RESULTS[what]
    result = {"resourceType": "Observation", "status": "final", **said}
    holder = {"resourceType": "DiagnosticReport", "status": "final", "contained": [result]}
    tree = {"resourceType": "Bundle", "entry": [{"resource": holder if is_contained else result}]}

    assert bool(list(fhir_objections.read_beside(tree, LAKESIDE))) is objects_to_it
