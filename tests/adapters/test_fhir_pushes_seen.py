"""What institutions post that R4 does not promise: each sample says what its sender meant."""

import base64
import hashlib
import json

import pytest

from tests.kit.fhir_reading import A_PDF, a_result, bundle, push_of, read_push
from tests.kit.held_samples import a_push
from tests.kit.scripted_fhir import LAKESIDE, WHO, a_patient, a_reference, a_report, an_institution
from transfer.adapters.fhir import inbound
from transfer.adapters.fhir.inbound import Form
from transfer.errors import NotAllowed
from transfer.flaws import Flaw
from transfer.records import DocumentStatus, RecordKind, Relation
from transfer.sources import Bad


def a_pdf_with(**said):
    attachment = {"contentType": "application/pdf", "data": base64.b64encode(A_PDF).decode(), **said}
    return bundle(a_reference("1", content=[{"attachment": attachment}]), a_patient())


def test_a_hash_of_the_base64_proves_the_bytes_as_well():
    assert read_push(a_push("hash-of-the-base64")).document.flaws == set()


def test_a_size_that_says_more_is_told():
    assert read_push(a_push("size-says-more")).document.flaws == {Flaw.SIZE_DIFFERS}


@pytest.mark.parametrize(
    ("said", "flaws"),
    [
        ({}, set()),
        ({"size": len(A_PDF)}, set()),
        ({"size": 0}, set()),
        ({"size": "36"}, set()),
        ({"size": len(A_PDF) + 1}, {Flaw.SIZE_DIFFERS}),
        ({"hash": base64.b64encode(hashlib.sha1(A_PDF).digest()).decode()}, set()),  # noqa: S324
        ({"hash": hashlib.sha1(A_PDF).hexdigest()}, set()),  # noqa: S324
        ({"hash": base64.b64encode(hashlib.sha1(b"other").digest()).decode()}, {Flaw.HASH_DIFFERS}),  # noqa: S324
        ({"data": base64.b64encode(b"<html>Sign in</html>").decode()}, {Flaw.UNEXPECTED}),
        ({"data": base64.b64encode(b"\x01\x02\x03").decode()}, {Flaw.MISLABELLED}),
    ],
)
def test_what_is_pushed_is_checked_like_what_is_fetched(said, flaws):
    sent = read_push(a_pdf_with(**said))

    assert sent.document.flaws == flaws


def test_an_empty_binary_is_told():
    binary = {"resourceType": "Binary", "contentType": "application/pdf"}

    sent = read_push(bundle(a_reference("1", url="urn:uuid:1"), binary, a_patient()))

    assert sent.document.flaws == {Flaw.EMPTY}


def test_a_withdrawal_needs_no_content():
    first, then = read_push(a_push("withdrawn-without-content")), read_push(a_push("withdrawn-without-content", 2))

    assert then.document.status.is_void
    assert then.files == ()
    assert then.document.identifiers == first.document.identifiers
    assert then.document.entries == first.document.entries != ()


def test_a_withdrawal_without_a_number_is_for_a_person():
    assert isinstance(read_push(bundle(a_reference("1", identifier=[], status="entered-in-error"), a_patient())), Bad)


def test_of_a_withdrawal_with_content_nothing_is_kept():
    then = read_push(a_push("withdrawn-with-content", 2))

    assert then.document.status.is_void
    assert then.files == ()


def test_a_replacement_by_mhd_is_taken_with_the_patch_that_says_the_same():
    body = a_push("mhd-replace-by-patch", 2)

    assert inbound.sort(body).form is Form.DOCUMENTS
    sent = read_push(body)
    assert (sent.document.relation, sent.document.status) == (Relation.REPLACES, DocumentStatus.FINAL)
    assert sent.document.parent in read_push(a_push("mhd-replace-by-patch")).document.identifiers


@pytest.mark.parametrize(
    ("path", "value", "method"),
    [
        ("DocumentReference.status", "current", "PATCH"),
        ("DocumentReference.subject", "superseded", "PATCH"),
        ("DocumentReference.status", "superseded", "POST"),
    ],
)
def test_any_other_patch_is_refused_at_the_door(path, value, method):
    tree = json.loads(a_push("mhd-replace-by-patch", 2))
    patch = next(each for each in tree["entry"] if each["resource"]["resourceType"] == "Parameters")
    patch["request"]["method"] = method
    _, where, what = patch["resource"]["parameter"][0]["part"]
    where["valueString"], what["valueCode"] = path, value

    with pytest.raises(NotAllowed):
        inbound.sort(json.dumps(tree).encode())


def test_a_patch_that_no_document_comes_with_to_replace_is_refused():
    tree = json.loads(a_push("mhd-replace-by-patch", 2))
    for entry in tree["entry"]:
        entry["resource"].pop("relatesTo", None)

    with pytest.raises(NotAllowed):
        inbound.sort(json.dumps(tree).encode())


def test_empty_strings_are_as_if_left_out():
    sent = read_push(a_push("empty-description"))

    assert (sent.document.title, sent.document.flaws) == (None, set())
    assert sent.files[0].content_type == "application/pdf"


def test_each_attachment_is_a_file():
    pages = [
        {"attachment": {"contentType": "application/pdf", "data": base64.b64encode(A_PDF + title).decode()}}
        for title in (b"1", b"2")
    ]
    pages[1]["attachment"]["title"] = "page 2"

    sent = read_push(bundle(a_reference("1", content=pages), a_patient()))

    assert [(file.title, file.content[-1:]) for file in sent.files] == [(None, b"1"), ("page 2", b"2")]


def test_two_documents_of_one_message_under_one_number_are_no_states_of_one():
    number = [{"system": "urn:oid:9.9", "value": "order"}]
    both = inbound.pushed_documents(
        bundle(a_reference("1", data="AAAA", identifier=number), a_reference("2", data="AAAB", identifier=number)),
        LAKESIDE,
    )

    assert [sent.document.entries for sent in both] == [(), ()]


@pytest.mark.parametrize("data", [f"data:application/pdf;base64,{base64.b64encode(A_PDF).decode()}"])
def test_a_data_url_is_what_it_holds(data):
    sent = read_push(bundle(a_reference("1", url=data), a_patient()))

    assert sent.files[0].content == A_PDF


# --- results without a form -------------------------------------------------------------------------------------------


def of_results(*references):
    return a_report("9", result=[{"reference": each} for each in references], subject={"reference": "urn:uuid:9"})


def test_a_report_of_results_is_kept_with_all_of_them_and_their_digits():
    panel = a_result("a", hasMember=[{"reference": "urn:uuid:b"}])
    body = push_of(of_results("urn:uuid:a"), panel, a_result("b", valueQuantity={"value": 7.25, "unit": "ng/mL"}))
    body = body.replace(b"7.25", b"7.250")

    sent = read_push(body)
    (file,) = sent.files

    kinds = [entry["resource"]["resourceType"] for entry in json.loads(file.content)["entry"]]
    assert kinds == ["DiagnosticReport", "Observation", "Observation"]
    assert b"7.250" in file.content
    assert (sent.document.kind, sent.document.patient) == (RecordKind.PATHOLOGY_REPORT, WHO)
    assert file.content_type == "application/fhir+json"


@pytest.mark.parametrize(
    "body",
    [
        push_of(of_results("urn:uuid:a")),
        push_of(of_results("urn:uuid:a"), a_result("a", subject={"reference": "Patient/another"})),
        push_of(of_results("urn:uuid:a"), a_result("a", hasMember=[{"reference": "urn:uuid:lost"}])),
        push_of(of_results()),
    ],
)
def test_a_report_that_lacks_a_result_or_has_anothers_is_for_a_person(body):
    assert isinstance(read_push(body), Bad)


def test_results_that_no_report_names_are_told():
    sent = inbound.pushed_documents(push_of(of_results("urn:uuid:a"), a_result("a"), a_result("b")), LAKESIDE)

    assert [isinstance(one, Bad) for one in sent] == [False, True]


A_BINARY = {"resourceType": "Binary", "contentType": "application/pdf", "data": base64.b64encode(A_PDF).decode()}
A_PICTURE = {
    "resourceType": "Media",
    "status": "completed",
    "content": {"contentType": "image/png", "data": "iVBORw0KGgo="},
}


@pytest.mark.parametrize(
    ("beside", "is_told"),
    [((), False), ((A_BINARY,), True), ((A_PICTURE,), True), (({**A_PICTURE, "content": {"title": "x"}},), False)],
    ids=["nothing", "a Binary", "a picture", "a picture without content"],
)
def test_files_that_no_document_names_are_told(beside, is_told):
    named = a_reference("1", content=[{"attachment": {"contentType": "application/pdf", "url": "urn:uuid:1"}}])
    sent = [*inbound.pushed_documents(bundle(named, A_BINARY, a_patient(), *beside), LAKESIDE)]

    assert [isinstance(one, Bad) for one in sent] == [False, *[True] * is_told]


def test_a_conclusion_alone_is_something_to_read():
    body = push_of(a_report("9", conclusion="No malignancy.", subject={"reference": "urn:uuid:9"}))

    assert b"No malignancy." in read_push(body).files[0].content


def test_an_attachment_that_says_no_type_is_what_its_bytes_are():
    attachment = {"data": base64.b64encode(A_PDF).decode()}
    sent = read_push(bundle(a_reference("1", content=[{"attachment": attachment}]), a_patient()))

    assert [file.content_type for file in sent.files] == ["application/pdf"]


def test_a_report_that_is_a_text_for_people_alone_is_one():
    text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Invasive carcinoma</p></div>'}
    sent = read_push(bundle(a_report("9", text=text), a_patient()))

    assert b"Invasive carcinoma" in b"".join(file.content for file in sent.files)
    empty = {"status": "empty", "div": '<div xmlns="http://www.w3.org/1999/xhtml"> &nbsp;</div>'}
    assert isinstance(read_push(bundle(a_report("9", text=empty), a_patient())), Bad)


@pytest.mark.parametrize(
    ("said", "is_told"),
    [
        ({"name": [{"family": "Roe", "given": ["Rick"]}], "birthDate": "1970-02-02"}, True),
        ({"name": [{"text": "Rick Roe"}]}, True),
        ({"birthDate": "1970-02-02"}, True),
        ({"name": [{"family": "Maiden"}], "birthDate": "1961-02-03"}, False),
        ({"name": [{"text": "Quillfeather, Odalys"}]}, False),
        ({}, False),
    ],
)
def test_a_document_that_names_two_patients_is_for_a_person(said, is_told):
    as_known = {"resourceType": "Patient", "id": "p", **said}
    reference = a_reference("1", data="SGVsbG8=", context={"sourcePatientInfo": {"reference": "#p"}})
    reference["contained"] = [as_known]
    patient = {**a_patient(), "id": "9"}
    reference["subject"] = {"reference": "Patient/9"}

    assert isinstance(read_push(bundle(reference, patient)), Bad) is is_told


def test_a_document_that_names_two_patients_may_be_taken_back():
    as_known = {"resourceType": "Patient", "id": "p", "birthDate": "1970-02-02"}
    reference = a_reference("1", status="entered-in-error", context={"sourcePatientInfo": {"reference": "#p"}})
    patient = {**a_patient(), "id": "9"}
    reference |= {"contained": [as_known], "subject": {"reference": "Patient/9"}}

    assert read_push(bundle(reference, patient)).document.status is DocumentStatus.ENTERED_IN_ERROR


def test_a_name_in_one_piece_is_read():
    patient = {**a_patient(), "id": "9", "name": [{"text": "Quillfeather, Odalys"}]}
    reference = {**a_reference("1", data="SGVsbG8="), "subject": {"reference": "Patient/9"}}

    assert read_push(bundle(reference, patient)).document.patient.names == WHO.names


@pytest.mark.parametrize(
    ("reference", "parent"),
    [
        (
            "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
            ("urn:ietf:rfc:3986", "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"),
        ),
        ("DocumentReference/5", ("https://ehr.example/fhir/DocumentReference", "5")),
        ("DocumentReference/5/_history/3", ("https://ehr.example/fhir/DocumentReference", "5")),
        ("https://ehr.example/fhir/DocumentReference/5", ("https://ehr.example/fhir/DocumentReference", "5")),
    ],
)
def test_what_a_push_replaces_is_known_also_by_a_reference_that_does_not_come_along(reference, parent):
    department = {
        "id": "notes",
        "name": "D",
        "holds": ["note"],
        "asked": {"by": "fhir", "base_url": "https://ehr.example/fhir"},
    }
    lakeside = an_institution(departments=[department])
    relates = [{"code": "replaces", "target": {"reference": reference}}]
    body = bundle(a_reference("1", data="SGVsbG8=", relatesTo=relates), a_patient())

    (sent,) = inbound.pushed_documents(body, lakeside)

    assert sent.document.relation is Relation.REPLACES
    assert (sent.document.parent.issuer, sent.document.parent.value) == parent


def deleted(**said):
    """A bundle that asks that the document it brings is deleted."""
    tree = json.loads(bundle(a_patient(), a_reference("1", data="AAAA", **said)))
    tree["entry"][1]["request"] = {"method": "DELETE", "url": "DocumentReference/1"}
    return json.dumps(tree).encode()


@pytest.mark.parametrize("said", [{"identifier": [{"system": "urn:x-n", "value": "D1"}]}, {"identifier": []}])
def test_a_document_that_is_sent_to_be_deleted_is_withdrawn(said):
    sent = read_push(deleted(**said))

    assert sent.document.status is DocumentStatus.WITHDRAWN
    assert sent.files == ()


def beside(**said):
    return {"target": [{"reference": "urn:uuid:1"}], "recorded": "2026-10-02T00:00:00Z", **said}


@pytest.mark.parametrize(
    ("other", "is_told"),
    [
        ({"resourceType": "Provenance", **beside(activity={"coding": [{"code": "NULLIFY"}]})}, True),
        ({"resourceType": "Provenance", **beside(activity={"coding": [{"code": "CREATE"}]})}, False),
        ({"resourceType": "List", "entry": [{"deleted": True, "item": {"reference": "urn:uuid:1"}}]}, True),
        ({"resourceType": "List", "entry": [{"item": {"reference": "urn:uuid:1"}}]}, False),
        ({"resourceType": "Provenance", **beside(activity={"text": "Document deleted by HIM"})}, True),
        ({"resourceType": "Provenance", **beside(activity={"text": "Opioid withdrawal consult"})}, False),
        (
            {"resourceType": "List", "entry": [{"flag": {"text": "refused"}, "item": {"reference": "urn:uuid:1"}}]},
            False,
        ),
    ],
)
def test_a_document_that_was_deleted_as_what_comes_with_it_tells_is_a_persons(other, is_told):
    assert isinstance(read_push(bundle(a_patient(), a_reference("1", data="AAAA"), other)), Bad) is is_told
