"""What partners post to us: release forms, referrals, receipts, answers, documents."""

import base64
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.scripted_fhir import ALL, LAKESIDE, WHO, a_patient, a_reference, a_referral, as_bytes, organization
from transfer import checklist
from transfer.adapters.fhir import inbound
from transfer.adapters.fhir.inbound import Form
from transfer.adapters.fhir.trees import MAX_BODY
from transfer.arrivals import ArrivalKind, Grant, Priority, Receipt, ReceiptStatus, Referral, ReferralUpdate
from transfer.errors import NeedsReview, NotAllowed, Refused, TooLarge, TransferError, Unexpected, Unreadable
from transfer.patients import Demographics, IssuedIdentifier
from transfer.permissions import Authorization, FormStatus, SignerRole, Statement
from transfer.records import RecordKind
from transfer.referrals import ReferralStatus
from transfer.source_answers import AnswerToRequest
from transfer.sources import Bad

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "samples" / "fhir"
ICD_10_CM, SNOMED = "http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct"
LISTS = checklist.load(ROOT / "checklists")
ROLE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"


def actor(role, npi):
    return {"role": {"coding": [{"system": ROLE, "code": role}]}, "reference": organization(npi)}


def a_form(provision=None, **said):
    """A release form as agreed with the partners, complete in every element."""
    return {
        "resourceType": "Consent",
        "contained": [a_patient("patient")],
        "extension": [
            {"url": "urn:records-transfer:statement", "valueCode": word}
            for word in ("revoke", "condition", "redisclose")
        ],
        "identifier": [{"system": "urn:oid:1.2.9", "value": "form-7"}],
        "status": "active",
        "scope": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]
        },
        "category": [{"coding": [{"system": "http://loinc.org", "code": "64292-6"}]}],
        "patient": {"reference": "#patient"},
        "dateTime": "2026-03-02T23:30:00-06:00",
        "performer": [{"reference": "#patient"}],
        "sourceAttachment": {"contentType": "application/pdf", "data": "AAAA", "title": "All records"},
        "policyRule": {"coding": [{"code": "hipaa-auth"}]},
        "verification": [{"verified": True, "verificationDate": "2026-03-02"}],
        "provision": {
            "type": "permit",
            "period": {"start": "2026-03-01", "end": "2026-09-01"},
            "actor": [actor("CST", "1"), actor("CST", "2"), actor("IRCP", "3")],
            "action": [{"coding": [{"code": "disclose"}]}],
            "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}],
            **(provision or {}),
        },
        **said,
    }


def form(*args, **said):
    return inbound.authorization(as_bytes(a_form(*args, **said)), LAKESIDE, ALL)


def referral(*args, **said):
    return inbound.referral(as_bytes(a_referral(*args, **said)), LAKESIDE, ALL)


def picked(read):
    chosen = LISTS.for_diagnoses(read.diagnoses)
    return chosen and chosen.checklist.id


def a_task(status, system, value="x", **said):
    return {
        "resourceType": "Task",
        "status": status,
        "intent": "order",
        "focus": {"identifier": {"system": f"urn:records-transfer:{system}", "value": value}},
        **said,
    }


def a_push(*resources):
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"fullUrl": f"urn:uuid:{n}", "resource": each, "request": {"method": "POST", "url": each["resourceType"]}}
            for n, each in enumerate(resources)
        ],
    }


# --- at the door -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "form", "kind", "grant"),
    [
        (a_form(), Form.RELEASE_FORM, ArrivalKind.AUTHORIZATION, Grant.AUTHORIZATIONS),
        (a_form(status="inactive"), Form.REVOCATION, ArrivalKind.AUTHORIZATION, Grant.REVOCATIONS),
        (a_form(status="entered-in-error"), Form.REVOCATION, ArrivalKind.AUTHORIZATION, Grant.REVOCATIONS),
        (a_push(a_form(), a_patient()), Form.RELEASE_FORM, ArrivalKind.AUTHORIZATION, Grant.AUTHORIZATIONS),
        (a_referral(), Form.REFERRAL, ArrivalKind.REFERRAL, Grant.REFERRALS),
        (a_task("accepted", "packet"), Form.RECEIPT, ArrivalKind.RECEIPT, Grant.RECEIPTS),
        (a_task("rejected", "packet"), Form.RECEIPT, ArrivalKind.RECEIPT, Grant.RECEIPTS),
        (a_task("in-progress", "packet"), Form.PROGRESS, ArrivalKind.NOTICE, Grant.ANSWERS),
        (a_task("rejected", "request"), Form.REQUEST_ANSWER, ArrivalKind.ANSWER, Grant.ANSWERS),
        (a_task("accepted", "request"), Form.REQUEST_ANSWER, ArrivalKind.ANSWER, Grant.ANSWERS),
        (a_task("requested", "request"), Form.PROGRESS, ArrivalKind.NOTICE, Grant.ANSWERS),
        (a_push(a_reference("1", data="AAAA"), a_patient()), Form.DOCUMENTS, ArrivalKind.ANSWER, Grant.RECORDS),
        (a_reference("1", data="AAAA"), Form.DOCUMENTS, ArrivalKind.ANSWER, Grant.RECORDS),
    ],
)
def test_the_door_tells_what_comes_and_what_its_sender_must_be_granted(tree, form, kind, grant):
    incoming = inbound.sort(as_bytes(tree))

    assert (incoming.form, incoming.kind, incoming.grant) == (form, kind, grant)


def test_a_revocation_is_not_taken_for_the_form_it_revokes():
    filed, revoked = (inbound.sort(as_bytes(a_form(status=status))) for status in ("active", "inactive"))

    assert filed.key != revoked.key
    assert None not in (filed.key, revoked.key)


def test_a_form_put_right_under_its_old_number_is_not_taken_for_the_old_one():
    old, again, new = (
        inbound.sort(as_bytes(a_form(dateTime=day))) for day in ("2026-01-01", "2026-01-01", "2026-01-02")
    )

    assert old.key == again.key != new.key


def test_a_referral_that_says_something_else_under_its_old_number_is_not_taken_for_the_old_one():
    first, again, changed = (
        inbound.sort(as_bytes(a_referral(order={"authoredOn": day})))
        for day in ("2026-01-01", "2026-01-01", "2026-01-02")
    )

    assert first.key == again.key != changed.key


def test_a_receiver_may_change_its_mind():
    declined, accepted = (inbound.sort(as_bytes(a_task(word, "packet"))) for word in ("rejected", "accepted"))

    assert declined.key != accepted.key
    assert (declined.packet, accepted.packet) == ("x", "x")


def test_a_message_without_identifier_is_known_by_its_bytes_alone():
    assert inbound.sort(as_bytes(a_form(identifier=[]))).key is None


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"resourceType": "Patient"},
        {"resourceType": "Bundle", "type": "searchset", "entry": []},
        {"resourceType": "Bundle", "type": "transaction"},
        {"resourceType": "Bundle", "type": "transaction", "entry": 7},
        a_push(a_form(), a_form()),
        a_push(a_form(), *[entry["resource"] for entry in a_referral()["entry"]]),
        a_task("accepted", "other"),
    ],
)
def test_what_is_nothing_we_take_is_refused(tree):
    with pytest.raises(NotAllowed):
        inbound.sort(as_bytes(tree))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{",
        b"\xff",
        b'{"a":1,"a":2}',
        b'{"a":' * 70 + b"1" + b"}" * 70,
        b"[" * 100_000,
        b'{"a":Infinity}',
    ],
)
def test_what_is_no_json_within_bounds_is_refused(body):
    with pytest.raises(Unreadable):
        inbound.sort(body)


def test_a_giant_message_is_refused_before_it_is_read():
    with pytest.raises(TooLarge):
        inbound.sort(bytes(MAX_BODY + 1))


# --- release forms ---------------------------------------------------------------------------------------------


def test_a_complete_release_form_is_read_whole():
    read = form()

    assert read.patient == WHO
    assert read.reference == IssuedIdentifier("urn:oid:1.2.9", "form-7")
    assert read.status is FormStatus.ACTIVE
    assert (read.disclosers, read.recipients) == ({"lakeside", "prairie"}, {"summit"})
    assert (read.described, read.information, read.provision.labels) == (True, None, frozenset())
    assert read.purposes == {"TREAT"}
    assert (read.effective_from, read.expires_on) == (date(2026, 3, 1), date(2026, 9, 1))
    assert (read.signed_by, read.signed_on) == (SignerRole.PATIENT, date(2026, 3, 2))
    assert read.statements == set(Statement)
    assert (read.denies, read.expires_event, read.event_occurred, read.replaces) == (False, None, False, None)


def test_what_a_form_lacks_is_absent_and_nothing_is_made_up():
    read = inbound.authorization(
        as_bytes(
            {
                "resourceType": "Consent",
                "status": "active",
                "scope": {"coding": [{"code": "patient-privacy"}]},
                "category": [{"coding": [{"system": "http://loinc.org", "code": "64292-6"}]}],
                "policyRule": {"coding": [{"code": "hipaa-auth"}]},
                "patient": {"display": "somebody"},
            }
        ),
        LAKESIDE,
        ALL,
    )

    assert read.patient == Demographics()
    assert (read.reference, read.signed_by, read.signed_on, read.effective_from, read.expires_on) == (None,) * 5
    assert (read.described, read.disclosers, read.recipients, read.statements) == (False, set(), set(), set())


def test_a_signature_that_nobody_checked_does_not_count():
    for unchecked in ([], [{"verified": False}]):
        read = form(verification=unchecked)

        assert (read.signed_by, read.signed_on) == (None, None)


def test_a_representative_signs_with_the_right_that_is_said():
    related = {
        "resourceType": "RelatedPerson",
        "id": "son",
        "patient": {"reference": "#patient"},
        "relationship": [{"text": "health care power of attorney"}],
    }
    read = form(contained=[a_patient("patient"), related], performer=[{"reference": "#son"}])

    assert (read.signed_by, read.representative_authority) == (
        SignerRole.REPRESENTATIVE,
        "health care power of attorney",
    )


def test_another_patient_signing_is_not_the_patient():
    assert form(performer=[{"reference": "Patient/mother"}]).signed_by is None


def test_a_form_may_be_for_some_kinds_of_record_only():
    code = {"coding": [{"system": "http://loinc.org", "code": "11526-1"}]}
    images = {"system": "http://hl7.org/fhir/resource-types", "code": "ImagingStudy"}

    assert form({"code": [code]}).information == {RecordKind.PATHOLOGY_REPORT}
    assert form({"class": [images]}).information == {RecordKind.IMAGES}
    reports = {"system": "http://hl7.org/fhir/resource-types", "code": "DiagnosticReport"}
    assert form({"class": [reports], "code": [code]}).information == {RecordKind.PATHOLOGY_REPORT}


def test_a_form_for_kinds_we_have_no_word_for_is_for_a_person_and_never_for_all_records():
    code = {"coding": [{"system": "http://loinc.org", "code": "99999-9"}]}

    with pytest.raises(NeedsReview):
        form({"code": [code]})
    images = {"system": "http://hl7.org/fhir/resource-types", "code": "ImagingStudy"}
    report = {"coding": [{"system": "http://loinc.org", "code": "11526-1"}]}
    with pytest.raises(NeedsReview):
        form({"class": [images], "code": [report]})


def test_labels_on_a_form_are_read_as_they_are():
    labels = [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"},
        {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"},
        {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"},
    ]

    assert form({"securityLabel": labels}).provision.labels == {"HIV", "N", "R"}


def test_an_unknown_institution_on_a_form_is_for_a_person():
    with pytest.raises(NeedsReview):
        form({"actor": [actor("CST", "404")]})


@pytest.mark.parametrize(
    "provision",
    [
        {"provision": [{"type": "deny", "securityLabel": [{"code": "R"}]}]},
        {"provision": [{"class": [{"code": "ImagingStudy"}]}]},
        {"data": [{"meaning": "instance", "reference": {"reference": "Observation/1"}}]},
    ],
)
def test_limits_that_no_rule_of_ours_can_keep_are_for_a_person(provision):
    with pytest.raises(NeedsReview):
        form(provision)


def test_a_revocation_is_read_however_wrong_the_rest_of_it_is():
    read = form(
        {"actor": [actor("CST", "404"), actor("CST", "1")], "provision": [{"type": "deny"}]},
        status="inactive",
        inventedHere=1,
        scope={},
    )

    assert (read.status, read.disclosers) == (FormStatus.REVOKED, {"lakeside"})
    assert read.reference == IssuedIdentifier("urn:oid:1.2.9", "form-7")


def test_a_living_will_is_no_release_form():
    with pytest.raises(NeedsReview):
        form(scope={"coding": [{"code": "adr"}]})


def test_a_form_ends_with_its_last_day_at_the_office():
    assert form({"period": {"end": "2026-09"}}).expires_on == date(2026, 9, 30)
    assert form({"period": {"end": "2026-09-02T05:00:00Z"}}).expires_on == date(2026, 9, 1)
    assert form({"period": {"end": "2026-09-02T04:59:59Z"}}).expires_on == date(2026, 9, 1)


# --- referrals -------------------------------------------------------------------------------------------------


def test_a_referral_is_read_whole():
    read = referral()

    assert read.patient == WHO
    assert read.references == (IssuedIdentifier("urn:oid:1.2.8", "ref-3"),)
    assert picked(read) == "colorectal"
    assert read.question == "Is more chemotherapy of use?\nDaughter will come along."
    assert (read.receiver, read.referring, read.sources) == ("summit", "lakeside", ("lakeside", "prairie"))
    assert read.needed_by == date(2026, 3, 30)
    assert read.appointment_at == datetime(2026, 4, 2, 15, 30, tzinfo=UTC)
    assert read.priority is Priority.URGENT


@pytest.mark.parametrize(
    ("system", "code", "disease"),
    [
        ("http://hl7.org/fhir/sid/icd-10-cm", "C20", "colorectal"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "c19", "colorectal"),
        ("http://snomed.info/sct", "363406005", "colorectal"),
    ],
)
def test_the_diagnosis_picks_the_checklist(system, code, disease):
    assert picked(referral(order={"reasonCode": [{"coding": [{"system": system, "code": code}]}]})) == disease


def a_condition(name, code, **more):
    of = {"subject": {"reference": "Patient/1"}, "code": {"coding": [{"system": ICD_10_CM, "code": code}]}}
    return {"resourceType": "Condition", "id": name, **of, **more}


def test_all_codes_of_all_diagnoses_are_handed_over_in_their_order():
    order = {
        "reasonCode": [
            {"coding": [{"system": SNOMED, "code": "363406005"}, {"system": ICD_10_CM, "code": "C18.7"}]},
            {"text": "Is more chemotherapy of use?"},
        ],
        "reasonReference": [{"reference": "#one"}, {"reference": "#refuted"}, {"reference": "Condition/elsewhere"}],
        "contained": [
            a_condition("one", "C50.9"),
            a_condition("refuted", "C61", verificationStatus={"coding": [{"code": "refuted"}]}),
        ],
    }

    read = referral(order=order)

    assert [[f"{code.system}|{code.code}" for code in one.codes] for one in read.diagnoses] == [
        ["snomed|363406005", "icd-10-cm|C187"],
        ["icd-10-cm|C509"],
    ]
    assert read.diagnosis == "ICD-10-CM C18.7; ICD-10-CM C50.9"


def test_an_appointment_without_a_time_is_only_a_day():
    read = referral(order={"occurrenceDateTime": "2026-04-02"}, task={"restriction": {}})

    assert (read.appointment_at, read.needed_by) == (None, date(2026, 4, 2))


def test_a_referral_by_a_clinician_comes_from_the_institution_that_sent_it():
    assert referral(order={"requester": {"reference": "Practitioner/1"}}).referring == "lakeside"


@pytest.mark.parametrize(
    "order",
    [
        {"performer": [organization("404")]},
        {"performer": []},
        {"performer": [organization("1"), organization("3")]},
        {"supportingInfo": [organization("404")]},
        {"requester": organization("404")},
        {"inventedHere": 1},
    ],
)
def test_a_referral_that_leaves_a_doubt_is_for_a_person(order):
    with pytest.raises(NeedsReview):
        referral(order=order)


@pytest.mark.parametrize(
    "order",
    [
        {"reasonCode": [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "J45"}]}]},
        {"reasonCode": []},
    ],
)
def test_a_referral_may_name_no_diagnosis_that_we_know(order):
    assert picked(referral(order=order)) is None


@pytest.mark.parametrize(
    ("order", "task", "status"),
    [
        ({"status": "revoked"}, {}, "revoked"),
        ({"status": "entered-in-error"}, {}, "revoked"),
        ({}, {"status": "cancelled"}, "revoked"),
        ({"doNotPerform": True}, {}, "revoked"),
        ({"status": "revoked", "inventedHere": 1, "performer": []}, {"status": "on-hold"}, "revoked"),
        ({"status": "completed"}, {}, "completed"),
        ({}, {"status": "completed"}, "completed"),
        ({"status": "on-hold"}, {}, "on-hold"),
        ({"status": "draft"}, {}, "draft"),
        ({"intent": "proposal"}, {}, "draft"),
        ({"intent": "plan"}, {}, "draft"),
        ({"status": "unknown"}, {}, "unknown"),
        ({"status": 7}, {}, "unknown"),
    ],
)
def test_what_asks_for_nothing_now_says_which_referral_it_is_and_what_became_of_it(order, task, status):
    read = referral(order=order, task=task)

    number = IssuedIdentifier("urn:oid:1.2.8", "ref-3")
    assert read == ReferralUpdate(patient=WHO, references=(number,), status=ReferralStatus(status))


def test_a_task_alone_speaks_of_a_referral_sent_before():
    task = a_referral(task={"status": "cancelled"})["entry"][2]["resource"]
    incoming = inbound.sort(as_bytes(task))

    read = inbound.referral(as_bytes(task), LAKESIDE, ALL)

    assert (incoming.form, incoming.grant) == (Form.REFERRAL, Grant.REFERRALS)
    assert read.status is ReferralStatus.REVOKED
    assert read.references == (IssuedIdentifier("urn:oid:1.2.8", "ref-3"),)
    assert read.patient == Demographics()


def test_an_order_without_a_number_is_known_by_its_id_at_the_sender():
    order = {
        **a_referral()["entry"][1]["resource"],
        "id": "17",
        "subject": {"identifier": {"system": "urn:oid:1.2.3", "value": "1"}},
    }
    task = {
        "resourceType": "Task",
        "status": "cancelled",
        "intent": "order",
        "focus": {"reference": "ServiceRequest/17"},
    }

    read, cancelled = (inbound.referral(as_bytes(one), LAKESIDE, ALL) for one in (order, task))

    assert (
        read.references
        == cancelled.references
        == (IssuedIdentifier("urn:x-institution:lakeside:ServiceRequest", "17"),)
    )


# --- receipts and answers --------------------------------------------------------------------------------------


def test_a_receipt_accepts_or_declines_with_reasons():
    reasons = {"coding": [{"code": "wrong-patient"}, {"code": "bad code with text"}]}
    accepted = inbound.receipt(as_bytes(a_task("accepted", "packet", "c1-p1")))
    declined = inbound.receipt(as_bytes(a_task("rejected", "packet", "c1-p1", statusReason=reasons)))

    assert accepted == Receipt(packet="c1-p1", status=ReceiptStatus.ACCEPTED)
    assert declined == Receipt(packet="c1-p1", status=ReceiptStatus.DECLINED, reasons=("wrong-patient", "other"))


def test_a_word_that_is_no_receipt_accepts_nothing():
    for task in (a_task("completed", "packet"), a_task("accepted", "request"), a_task("accepted", "packet", value=" ")):
        with pytest.raises(Unexpected):
            inbound.receipt(as_bytes(task))


# --- documents -------------------------------------------------------------------------------------------------


def test_a_pushed_document_comes_with_its_patient_and_its_bytes():
    binary = {"resourceType": "Binary", "contentType": "application/pdf", "data": base64.b64encode(b"%PDF").decode()}
    reference = a_reference("1", url="urn:uuid:1", subject={"reference": "urn:uuid:2"})

    (sent,) = inbound.pushed_documents(as_bytes(a_push(reference, binary, a_patient())), LAKESIDE)

    assert sent.files[0].content == b"%PDF"
    assert sent.document.patient == WHO
    assert sent.document.kind is RecordKind.NOTE
    assert sent.document.identifiers == (IssuedIdentifier("urn:oid:9.9", "doc-1"),)


def test_one_bad_document_of_a_push_is_held_and_the_rest_goes_on():
    push = a_push(
        a_reference("1", data="AAAA"),
        a_reference("2", data="AAAA") | {"inventedHere": 1},
        a_reference("3", url="http://elsewhere.example/Binary/1"),
        a_reference("4", data="A==="),
        a_reference("5", data="AAAA"),
    )

    sent = inbound.pushed_documents(as_bytes(push), LAKESIDE)

    assert [isinstance(each, Bad) for each in sent] == [False, True, True, True, False]


def test_a_document_said_to_be_of_nobody_is_of_nobody():
    (sent,) = inbound.pushed_documents(as_bytes(a_reference("1", data="AAAA")), LAKESIDE)

    assert sent.document.patient == Demographics()


def test_a_published_submission_is_read():
    path = SAMPLES / "ihe-mhd-examples" / "Bundle-ex-comprehensiveProvideDocumentBundleSimple.json"

    (sent,) = inbound.pushed_documents(path.read_bytes(), LAKESIDE)

    assert inbound.sort(path.read_bytes()).form is Form.DOCUMENTS
    assert sent.files[0].content == b"Hello World"
    assert sent.document.labels == {"R"}


# --- anything at all -------------------------------------------------------------------------------------------

#: what reads a body → what it makes of one that it understands
READERS = {
    inbound.sort: inbound.InboundBody,
    lambda body: inbound.authorization(body, LAKESIDE, ALL): Authorization,
    lambda body: inbound.referral(body, LAKESIDE, ALL): Referral | ReferralUpdate,
    inbound.receipt: Receipt,
    lambda body: inbound.request_answer(body, LAKESIDE, ALL): AnswerToRequest,
    lambda body: inbound.pushed_documents(body, LAKESIDE): list,
}
SEEDS = [
    a_form(),
    a_form(status="inactive"),
    a_referral(),
    a_task("rejected", "request", statusReason={"coding": [{"code": "no-records"}]}),
    a_push(a_reference("1", data="AAAA"), a_patient()),
    *[json.loads(path.read_bytes()) for path in sorted(SAMPLES.glob("*/*.json"))],
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)


def places(tree, path=()):
    """Every place in a tree."""
    yield path
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


def put(tree, path, value):
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = put(copy[path[0]], path[1:], value)
    return copy


@given(st.data())
def test_whatever_is_changed_in_a_message_nothing_but_an_error_of_ours_comes_of_it(data):
    tree = data.draw(st.sampled_from(SEEDS))
    for _ in range(data.draw(st.integers(1, 3))):
        tree = put(tree, data.draw(st.sampled_from(list(places(tree)))), data.draw(ANYTHING))
    assert breaking(as_bytes(tree)) == []


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,0aé\\u', max_size=200).map(str.encode))
def test_whatever_bytes_come_nothing_but_an_error_of_ours_comes_of_it(body):
    assert breaking(body) == []


def breaking(body):
    """The readers that neither understand it nor refuse it for good; "try again" would bring the same bytes again."""
    found = []
    for read, noun in READERS.items():
        try:
            kept = isinstance(read(body), noun)
        except TransferError as error:
            kept = isinstance(error, (NeedsReview, Refused))
        if not kept:
            found.append(read)
    return found


@pytest.mark.skipif("SAMPLES" not in os.environ, reason="the whole set of published samples: set SAMPLES to its folder")
def test_all_published_resources_are_read_or_refused():
    paths = sorted(Path(os.environ["SAMPLES"]).glob("fhir/*/*.json"))

    for path in paths:
        assert breaking(path.read_bytes()) == [], path.name

    assert len(paths) > 300
