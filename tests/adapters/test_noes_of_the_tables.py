"""A "no" by the codes of the standards' own tables, and in words that they have a place for."""

import base64

import pytest

from tests.kit.consents import ACT_CODE, COMPLETE, NOW, PARTNERS, a_form, checked, concept
from tests.kit.scripted_fhir import LAKESIDE
from transfer.adapters import enclosed, hl7v2
from transfer.adapters.fhir import inbound
from transfer.adapters.fhir.trees import dump
from transfer.objections import ObjectionKind, refuses_in_words
from transfer.permissions import Finding
from transfer.permissions.checking import Decision

HEAD = "MSH|^~\\&|A|B|||20260102||{}|1|P|2.5.1\rPID|1||42^^^LIS^MR||Doe^Jane||19600102|F\r"
POLICIES = "http://terminology.hl7.org/CodeSystem/consentpolicycodes"


def said(*segments: str, kind: str = "ADT^A08") -> list[ObjectionKind]:
    message = (HEAD.format(kind) + "".join(f"{one}\r" for one in segments)).encode()
    found = enclosed.against(message, LAKESIDE)
    assert all(one.patients for one in found)
    return [one.kind for one in found]


def con(**fields: str) -> str:
    of = {1: "1", 2: "001", 4: "form-7", 10: "W", 11: "A", 13: "20260101", 21: "F", 25: "1"}
    of |= {int(name[1:]): value for name, value in fields.items()}
    return "CON|" + "|".join(of.get(number, "") for number in range(1, 26))


@pytest.mark.parametrize(
    ("kind", "state", "expected"),
    [
        # table 0496: 110 is a request to restrict disclosure
        *[("110", state, ObjectionKind.UNREADABLE) for state in ("A", "L", "P", "?", "")],
        *[("110", state, None) for state in ("R", "X", "B")],
        # HIV tests; medical, psychiatric and drug records; psychiatric information
        *[(kind, "R", ObjectionKind.UNREADABLE) for kind in ("057", "079", "102")],
        *[(kind, "X", ObjectionKind.UNREADABLE) for kind in ("057", "079", "102")],
        *[(kind, "A", None) for kind in ("057", "079", "102")],
        # to family and friends, photographs, the public
        *[(kind, "R", None) for kind in ("041", "097", "103", "056")],
    ],
)
def test_a_consent_of_each_type_that_is_about_a_release_counts(kind: str, state: str, expected: ObjectionKind | None):
    assert said(con(f2=f"{kind}^^HL70496", f11=state)) == [expected] * (expected is not None)


def test_a_request_to_restrict_permits_nothing_and_marks_what_comes_with_it():
    message = (HEAD.format("MDM^T02") + con(f2="110") + "\r").encode()

    assert hl7v2.permitting(message, LAKESIDE) == ()
    assert hl7v2.permitting(message.replace(b"|110|", b"|001|"), LAKESIDE)


@pytest.mark.parametrize(
    "limit", [{"f6": "not HIV"}, {"f8": "all but HIV"}, {"f9": "No psychiatry"}, {"f21": "P"}, {"f22": "PR"}]
)
def test_an_active_consent_to_less_stops_the_form_that_it_takes_the_place_of(limit):
    assert said(con(**limit)) == [ObjectionKind.REPLACES]
    assert said(con()) == []


RESULTS = [
    "OBX|1|CWE|59284-0^Patient Consent^LN||N^No^HL70136||||||F",
    "OBX|1|ID|64292-6^Release of information consent^LN||N||||||F",
    "OBX|1|CWE|64292-6^Release of information consent^LN||LA33-6^No^LN||||||F",
    "OBX|1|CWE|64292-6^Release of information consent^LN||385648002^Rejected^SCT||||||F",
    "OBX|1|ST|Q7^Consent to share records^L||No||||||F",
    "OBX|1|ST|Q7^Consent to share records^L||Does not consent||||||F",
    "OBX|1|ST|64292-6^^LN||Withheld||||||F",
    "OBX|1|ST|64292-6^^LN||Cancelled by patient||||||F",
    "OBX|1|ST|64292-6^^LN||false||||||F",
]


@pytest.mark.parametrize("result", RESULTS)
def test_a_bare_no_to_a_release_is_one(result: str):
    assert said("OBR|1|||Q^Intake", result, kind="ORU^R01") == [ObjectionKind.UNREADABLE]


@pytest.mark.parametrize(
    "result",
    [
        "OBX|1|ST|64292-6^^LN||Yes||||||F",
        "OBX|1|ID|Q7^Consent to surgery^L||N||||||F",
        "OBX|1|CWE|Q8^Metastases^L||N^No^HL70136||||||F",
        "OBX|1|ST|Q7^Consent to share records^L||No. 12||||||F",
        "OBX|1|ST|Q7^Consent to share records^L||No objection||||||F",
    ],
)
def test_a_no_to_something_else_is_none(result: str):
    assert said("OBR|1|||Q^Intake", result, kind="ORU^R01") == []


def test_a_bare_no_is_heard_in_a_result_by_fhir():
    result = {"resourceType": "Observation", "status": "final", "code": concept("64292-6", "http://loinc.org")}
    bundle = {"resourceType": "Bundle", "type": "transaction"}
    for value, expected in (({"valueBoolean": False}, 1), ({"valueBoolean": True}, 0), ({"valueString": "No"}, 1)):
        body = dump({**bundle, "entry": [{"resource": {**result, **value}}]})
        assert len(inbound.said_against(body, LAKESIDE, is_form=False)) == expected


def packed(words: str) -> str:
    return base64.b64encode(words.encode()).decode()


def a_message(**attached: str) -> dict[str, object]:
    return {"resourceType": "Communication", "status": "completed", "payload": [{"contentAttachment": attached}]}


def a_composition(words: str) -> dict[str, object]:
    inner = {"text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{words}</p></div>'}}
    return {"resourceType": "Composition", "status": "final", "title": "Note", "section": [{"section": [inner]}]}


def an_intake(code: dict[str, str], **value: object) -> dict[str, object]:
    return {"resourceType": "Observation", "status": "final", "component": [{"code": code, **value}]}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"resourceType": "Flag", "status": "active", "code": {"text": "HIE opt-out"}}, 1),
        ({"resourceType": "Flag", "status": "active", "code": {"text": "Patient revoked ROI 11/30"}}, 1),
        ({"resourceType": "Flag", "status": "inactive", "code": {"text": "Patient revoked ROI 11/30"}}, 0),
        ({"resourceType": "Flag", "status": "active", "code": {"text": "Fall risk, refuses assistance"}}, 0),
        (
            {
                "resourceType": "CommunicationRequest",
                "status": "active",
                "payload": [{"contentString": "Please stop sending my records to Summit"}],
            },
            1,
        ),
        ({"resourceType": "Task", "status": "requested", "description": "Patient called and revoked her ROI"}, 1),
        ({"resourceType": "Task", "status": "rejected", "statusReason": {"text": "Patient cancelled the ROI"}}, 1),
        ({"resourceType": "Task", "status": "rejected", "statusReason": {"text": "No record of this patient"}}, 0),
        ({"resourceType": "ServiceRequest", "status": "revoked", "note": [{"text": "Patient revoked ROI"}]}, 1),
        (
            {"resourceType": "ServiceRequest", "status": "entered-in-error", "note": [{"text": "Patient revoked ROI"}]},
            0,
        ),
        ({"resourceType": "ServiceRequest", "status": "active", "note": [{"text": "Patient signed ROI"}]}, 0),
        ({"resourceType": "Condition", "note": [{"text": "Patient refuses release of records"}]}, 1),
        ({"resourceType": "Communication", "status": "completed", "category": [{"text": "ROI revocation"}]}, 1),
        ({"resourceType": "Communication", "status": "completed", "category": [{"text": "Notification"}]}, 0),
        (a_message(title="Revocation of authorization", url="x"), 1),
        (a_message(title="Authorization", url="x"), 0),
        (a_message(contentType="text/plain", data=packed("I hereby revoke my\nauthorization to release records.")), 1),
        (a_message(contentType="text/plain", data=packed("I may revoke my authorization at any time.")), 0),
        ({"resourceType": "Composition", "status": "final", "title": "Revocation of authorization"}, 1),
        (a_composition("Seen today. She does not want her records to be sent to the center."), 1),
        (a_composition("Seen today. She wants her records to be sent to the center."), 0),
        (an_intake({"text": "Consent to release of information"}, valueBoolean=False), 1),
        (an_intake({"text": "Consent to surgery"}, valueBoolean=False), 0),
        (an_intake({"text": "Remark"}, valueString="Patient revoked ROI"), 1),
    ],
)
def test_words_are_heard_wherever_a_resource_has_a_place_for_them(resource, expected):
    said = inbound.said_against(dump(resource | {"subject": {"reference": "Patient/1"}}), LAKESIDE, is_form=False)

    assert len(said) == expected


WORDS = [
    "I cancel my authorization to release records",
    "Please terminate the release authorization",
    "I take back my permission to share my records",
    "Patient objects to disclosure of her records",
    "Patient asks to stop sharing her records with Summit",
    "Please do not send my records to Summit",
    "She changed her mind and does not want records sent",
    "My authorization to disclose records has been cancelled",
    "Revoco mi autorizaci\u00f3n para divulgar mis expedientes",
    "No autorizo que se divulguen mis expedientes",
]
NO_WORDS = [
    "The insurer terminated the authorization for MRI",
    "Prior authorization cancelled",
    "Do not send the records without the form",
    "You may cancel this authorization to release records",
    "The drug was stopped, and results are released",
    "No objection to the release of records was made",
    "Records sent to Summit",
]


@pytest.mark.parametrize("words", WORDS)
def test_a_sentence_that_takes_a_release_back_in_other_words_counts(words: str):
    assert refuses_in_words(words)
    assert said(f"NTE|1||{words}", kind="ORU^R01") == [ObjectionKind.UNREADABLE]
    assert said(f"ARV|1|A|SMD||{words}", kind="ORU^R01") == [ObjectionKind.UNREADABLE]


@pytest.mark.parametrize("words", NO_WORDS)
def test_a_sentence_that_ends_something_else_does_not(words: str):
    assert not refuses_in_words(words)


@pytest.mark.parametrize(
    "segment",
    ["ZPD|OPT OUT|HIE", "ZCN|1|Refused release of records", "ZCO|1|REVOKED|HIPAA authorization"],
)
def test_a_no_in_a_segment_of_the_senders_own_counts(segment: str):
    assert said(segment) == [ObjectionKind.UNREADABLE]
    assert said(segment[:4] + "You may revoke your authorization") == []


TITLES = [
    "Request for restriction of disclosure",
    "Restriction on use and disclosure of protected health information",
    "Restricted: release of information",
    "Cancellation of authorization to release records",
    "Termination of consent to share information",
    "Objection to disclosure, HIPAA",
]


@pytest.mark.parametrize("title", TITLES)
def test_a_document_called_a_restriction_or_a_cancellation_of_a_release_counts(title: str):
    assert said(f"TXA|1|99^{title}^L", kind="MDM^T02") == [ObjectionKind.UNREADABLE]
    assert said(f"OBX|1|TX|99^{title}^L||Signed.||||||F", kind="ORU^R01") == [ObjectionKind.UNREADABLE]


@pytest.mark.parametrize(
    "title",
    [
        "Restricted diffusion on MRI",
        "Consent to termination of pregnancy",
        "Cancelled: consent form",
        "Terminated employment",
    ],
)
def test_a_document_that_ends_or_restricts_something_else_does_not(title: str):
    assert said(f"TXA|1|99^{title}^L", kind="MDM^T02") == []


def labelled(*codes: str) -> list[dict[str, str]]:
    return [{"system": ACT_CODE, "code": code} for code in codes]


@pytest.mark.parametrize(
    "permits",
    [
        {"securityLabel": labelled("PSYTHPN", "HIV")},
        {"securityLabel": labelled("PSYTHPN"), "provision": [{"type": "permit", "securityLabel": labelled("HIV")}]},
        {"provision": [{"type": "permit", "securityLabel": labelled("HIPAAPsyNotes")}]},
    ],
)
def test_a_form_that_combines_psychotherapy_notes_with_anything_is_defective_as_a_whole(permits):
    """45 CFR 164.508(b)(2)(iv), (b)(3)(ii)."""
    assert Finding.COMPOUND in checked(a_form(provision=permits)).findings
    alone = a_form(provision={"securityLabel": labelled("PSYTHPN"), "class": [{"code": "DocumentReference"}]})
    assert checked(alone, labels="PSYTHPN R").decision is Decision.PERMIT


RESTRICTING = {
    "a restriction asked for": {"policyRule": concept("hipaa-restrictions", POLICIES)},
    "a restriction of what was paid oneself": {"policyRule": concept("hipaa-self-pay", POLICIES)},
    "the revocation of the Veterans": {"policyRule": concept("va-10-0484", POLICIES)},
    "for emergencies alone": {"category": [concept("emrgonly", "urn:x")]},
    "no disclosure without a directive": {"category": [concept("NODSCLCD", ACT_CODE)]},
    "a restriction in words": {"category": [{"text": "Request for restriction of disclosure"}]},
}


@pytest.mark.parametrize("what", RESTRICTING)
def test_an_active_consent_that_restricts_by_its_code_stops_and_permits_nothing(what: str):
    form = a_form(**RESTRICTING[what])

    (found,) = inbound.said_against(dump(form), PARTNERS["lakeside"], is_form=True)
    assert found.kind is ObjectionKind.UNREADABLE
    assert checked(form, now=NOW).decision is Decision.PERSON
    assert checked(COMPLETE).decision is Decision.PERMIT
