"""What real FHIR sources do that R4 does not promise: each sample gives what its source meant."""

import base64
import json

import pytest

from tests.kit.fhir_reading import found_at, one_of, read_files
from tests.kit.held_samples import INSTITUTION, WHO, a_source, answers_of
from tests.kit.scripted_fhir import Said, as_json, searchset
from transfer.errors import NeedsReview, NotAllowed, TransferError, TurnedAway
from transfer.flaws import Flaw
from transfer.records import DocumentStatus, RecordKind
from transfer.sources import Bad, Found

pytestmark = pytest.mark.servers

FHIR_JSON = "application/fhir+json"


def failure_of(found: Found) -> type[TransferError] | None:
    try:
        read_files(found)
    except TransferError as error:
        return type(error)
    return None


@pytest.mark.parametrize("name", ["binary-json-as-application-json", "binary-json-as-json+fhir"])
def test_a_binary_is_unpacked_under_whatever_type_it_comes(office, source, name):
    office.answers = answers_of(a_source(name))

    ((content, content_type, flaws),) = read_files(one_of(found_at(source), "-w"))

    assert (content[:5], content_type, flaws) == (b"%PDF-", "application/pdf", set())


@pytest.mark.parametrize(
    ("name", "number", "failure"),
    [
        ("attachment-on-another-host", "-e", NotAllowed),
        ("attachment-urn-uuid", "-a", NotAllowed),
        ("one-binary-403", "-f", TurnedAway),
    ],
)
def test_a_document_that_cannot_be_had_keeps_no_other_back(office, source, name, number, failure):
    office.answers = answers_of(a_source(name))

    failures = {one.sources[0].rpartition("-")[2]: failure_of(one) for one in found_at(source)}

    assert failures.pop(number[1:]) is failure
    assert failures
    assert set(failures.values()) == {None}


@pytest.mark.parametrize("name", ["entered-in-error-blanked", "entered-in-error-no-content"])
def test_what_is_void_may_be_blanked(office, source, name):
    office.answers = answers_of(a_source(name))

    listed = found_at(source)

    assert not [one for one in listed if isinstance(one, Bad)]
    assert one_of(listed, "-err").document.status.is_void
    assert one_of(listed, "-err").files == ()
    assert read_files(one_of(listed, "-good"))[0][2] == set()


@pytest.mark.parametrize("name", ["LP7787-7", "SP", "PAT"])
def test_a_report_is_found_under_whatever_category(office, source, name):
    office.answers = answers_of(a_source(name))

    assert one_of(found_at(source), "-p").document.kind is RecordKind.PATHOLOGY_REPORT


def test_where_categories_must_be_told_those_we_know_are_asked_for_and_that_is_said(office, source):
    sample = a_source("SP")

    def answers(asked):
        if asked.path.endswith("/DiagnosticReport/_search"):
            if "category" not in asked.form:
                return Said(400)
            wanted = asked.form["category"][0].partition("|")[2]
            held = [r for r in sample["DiagnosticReport"] if r["category"][0]["coding"][0]["code"] == wanted]
            return as_json(searchset(*held))
        return answers_of(sample)(asked)

    office.answers = answers
    listed = found_at(source)

    assert one_of(listed, "-p").document.kind is RecordKind.PATHOLOGY_REPORT
    assert [one.reason for one in listed if isinstance(one, Bad)] == ["reports of categories that were not asked for"]


def test_empty_strings_and_nulls_are_as_if_left_out(office, source):
    office.answers = answers_of(a_source("empty-strings-and-nulls"))

    listed = found_at(source)

    assert len(listed) == 3
    assert all(read_files(one)[0][1:] == ("application/pdf", set()) for one in listed)
    assert one_of(listed, "-e").document.title is None


def test_a_page_to_log_in_at_is_known_for_one(office, source):
    office.answers = answers_of(a_source("login-page-as-octet-stream"))

    assert Flaw.UNEXPECTED in read_files(one_of(found_at(source), "-l"))[0][2]


def test_a_scan_is_a_scan_whatever_type_is_said_of_it(office, source):
    office.answers = answers_of(a_source("octet-stream-scan"))

    assert read_files(one_of(found_at(source), "-j"))[0][1:] == ("image/jpeg", set())


def test_a_posted_search_whose_pages_are_refused_is_asked_by_get(office, source):
    sample = a_source("posted-search-pages-fail")
    first, second = sample["DocumentReference"]

    def answers(asked):
        if "/DocumentReference" not in asked.path:
            return answers_of(sample)(asked)
        if "ct" in asked.query:
            return Said(400)
        if "page" in asked.query:
            return as_json(searchset(second))
        following = "_search?ct=1" if asked.method == "POST" else "?page=2"
        return as_json(searchset(first, following=f"{office.base}/DocumentReference{following}"))

    office.answers = answers

    assert {one.sources[0].rpartition("-")[2] for one in found_at(source)} == {"good", "z"}


def test_a_name_is_not_put_into_an_address_because_a_page_is_refused(office, source):
    office.answers = lambda asked: (
        Said(400)
        if asked.method == "GET"
        else as_json(searchset(*a_source("SP")["Patient"], following=f"{office.base}/Patient/_search?ct=1"))
    )

    with pytest.raises(NeedsReview):
        source.find_patient(WHO, INSTITUTION)
    assert {asked.method for asked in office.asked if not asked.query} == {"POST"}


def test_each_attachment_of_a_document_is_a_file_of_it(office, source):
    office.answers = answers_of(a_source("two-pages-in-two-attachments"))

    two = one_of(found_at(source), "-two")

    assert [file.title for file in two.files] == ["page 1", "page 2"]
    assert len({content for content, _, _ in read_files(two)}) == 2


def test_so_is_each_that_stands_inside_the_resource(office, source):
    office.answers = answers_of(a_source("two-inline"))

    assert len({content for content, _, _ in read_files(one_of(found_at(source), "-two"))}) == 2


@pytest.mark.parametrize(
    ("name", "number", "flaw"),
    [("zero-bytes", "-z", Flaw.EMPTY), ("shorter-than-size-framed", "-s", Flaw.SIZE_DIFFERS)],
)
def test_bytes_that_are_not_there_are_told(office, source, name, number, flaw):
    office.answers = answers_of(a_source(name))

    assert read_files(one_of(found_at(source), number))[0][2] == {flaw}


@pytest.mark.parametrize("offered", ["along", "ignored", "refused"])
@pytest.mark.parametrize("name", ["include-not-supported", "form-with-title-only"])
def test_a_report_of_results_comes_with_them_however_they_are_had(office, source, name, offered):
    sample = a_source(name)
    sample["Observation"] = a_source("form-with-title-only")["Observation"]

    def answers(asked):
        if "_include" in asked.query and offered == "refused":
            return Said(400)
        return answers_of(sample, offers_include=offered == "along")(asked)

    office.answers = answers
    ((content, content_type, flaws),) = read_files(one_of(found_at(source), "-s"))

    resources = [entry["resource"]["resourceType"] for entry in json.loads(content)["entry"]]
    assert (resources, content_type, flaws) == (["DiagnosticReport", "Observation"], FHIR_JSON, set())


def test_a_result_of_another_patient_or_elsewhere_or_lost_makes_no_report(office, source):
    for result in (
        {"reference": "Observation/01234567-lost"},
        {"reference": "https://elsewhere.example/fhir/Observation/1"},
        {"display": "CEA"},
    ):
        sample = a_source("form-with-title-only")
        sample["DiagnosticReport"][0]["result"] = [result]
        office.answers = answers_of(sample)
        assert failure_of(one_of(found_at(source), "-s"))
    sample = a_source("form-with-title-only")
    sample["Observation"][0]["subject"] = {"reference": "Patient/somebody-else"}
    office.answers = answers_of(sample)
    assert failure_of(one_of(found_at(source), "-s"))


# --- one patient in several entries -----------------------------------------------------------------------------------


def merged(sample, links):
    """The sample, its patient found only under an entry that was merged: `links` by entry say into which."""
    (main,) = sample["Patient"]
    old = [
        {
            **main,
            "id": number,
            "active": False,
            "link": [{"other": {"reference": target}, "type": "replaced-by"}],
        }
        for number, target in links.items()
    ]
    numberless = {**main, "identifier": [{"system": NUMBERS_OF_MAIN, "value": "NEW"}]}
    return {**sample, "Patient": [*old, numberless]}


NUMBERS_OF_MAIN = "urn:oid:2.16.840.1.113883.19.71.1.1"


def only_the_old_answers(sample):
    def answers(asked):
        if asked.path.endswith("/Patient/_search"):
            return as_json(searchset(sample["Patient"][0] if "identifier" in asked.form else None))
        return answers_of(sample)(asked)

    return answers


def test_a_merged_entry_leads_to_the_one_that_stands_with_the_numbers_of_both(office, source):
    main = a_source("only-the-merged-record-answers")["Patient"][0]["id"]
    sample = merged(a_source("only-the-merged-record-answers"), {"old": "Patient/older", "older": f"Patient/{main}"})
    sample["DocumentReference"][0]["subject"] = {"reference": f"Patient/{main}"}
    office.answers = only_the_old_answers(sample)

    patient = source.find_patient(WHO, INSTITUTION)

    assert patient.id == main
    assert [one.value for one in patient.demographics.identifiers] == ["NEW", "L0000042"]
    assert set(patient.absorbed) == {"old", "older"}
    assert one_of(found_at(source), "-good")


def test_what_is_still_filed_under_a_merged_entry_is_found(office, source):
    sample = a_source("only-the-merged-record-answers")
    main = sample["Patient"][0]["id"]
    sample = merged(sample, {"old": f"Patient/{main}"})
    sample["DocumentReference"][0]["subject"] = {"reference": "Patient/old"}

    def answers(asked):
        if asked.path.endswith("/DocumentReference/_search"):
            return as_json(searchset(*(sample["DocumentReference"] if asked.form["patient"] == ["old"] else [])))
        return only_the_old_answers(sample)(asked)

    office.answers = answers

    assert one_of(found_at(source), "-good")


@pytest.mark.parametrize(
    "links",
    [
        {"old": "Patient/gone"},
        {"old": "Patient/older", "older": "Patient/old"},
        {"old": "https://elsewhere.example/fhir/Patient/1"},
        {"old": "urn:uuid:7d5bb8ac-68ee-4926-85e7-baaaaaaaaaad"},
        {f"old{n}" if n else "old": f"Patient/old{n + 1}" for n in range(9)},
    ],
)
def test_a_merge_that_leads_nowhere_is_for_a_person(office, source, links):
    office.answers = only_the_old_answers(merged(a_source("only-the-merged-record-answers"), links))

    with pytest.raises(NeedsReview):
        source.find_patient(WHO, INSTITUTION)


# --- wrappers ---------------------------------------------------------------------------------------------------------

A_PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\n%%EOF\n"
ENCODED = base64.b64encode(A_PDF).decode()
A_BINARY = json.dumps({"data": ENCODED, "contentType": "application/pdf", "resourceType": "Binary"})


@pytest.mark.parametrize(
    "body",
    [
        A_BINARY,
        json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": json.loads(A_BINARY)}]}),
        f'<Binary xmlns="http://hl7.org/fhir"><contentType value="application/pdf"/><data value="{ENCODED}"/></Binary>',
        f'<?xml version="1.0"?>\n<f:Binary xmlns:f="http://hl7.org/fhir"><f:data value="{ENCODED}"/></f:Binary>',
        '<Bundle xmlns="http://hl7.org/fhir"><entry><resource><Binary><data value="'
        + ENCODED
        + '"/></Binary></resource></entry></Bundle>',
        ENCODED,
        ENCODED[:40] + "\r\n" + ENCODED[40:],
        ENCODED.rstrip("="),
        json.dumps(ENCODED),
        base64.b64encode(ENCODED.encode()).decode(),
        base64.b64encode(A_BINARY.encode()).decode(),
        json.dumps({"contentType": "application/pdf", "data": ENCODED}),
    ],
)
@pytest.mark.parametrize("content_type", ["application/pdf", "application/xml", FHIR_JSON, "application/octet-stream"])
@pytest.mark.parametrize("inline", [True, False])
def test_a_document_is_taken_out_of_what_it_is_wrapped_in(office, source, body, content_type, inline):
    sample = a_source("two-inline")
    data = {"data": base64.b64encode(body.encode()).decode()} if inline else {"url": "Binary/x"}
    sample["DocumentReference"][-1]["content"] = [{"attachment": {"contentType": "application/pdf", **data}}]
    sample["Binary"]["/fhir/Binary/x"] = {"status": 200, "body": body, "content_type": content_type}
    office.answers = answers_of(sample)

    assert read_files(one_of(found_at(source), "-two")) == [(A_PDF, "application/pdf", set())]


@pytest.mark.parametrize(
    "data", [f"data:application/pdf;base64,{ENCODED}", ENCODED.replace("+", "-").replace("/", "_")]
)
def test_base64_in_its_other_spellings_is_base64(office, source, data):
    sample = a_source("two-inline")
    sample["DocumentReference"][-1]["content"] = [{"attachment": {"contentType": "application/pdf", "data": data}}]
    office.answers = answers_of(sample)

    assert read_files(one_of(found_at(source), "-two")) == [(A_PDF, "application/pdf", set())]


@pytest.mark.parametrize("body", [b"Adenocarcinoma", b"NORMALFINDINGSTHROUGHOUT", b'{"a": 1}', b"<note>Binary</note>"])
def test_what_only_looks_wrapped_stays_as_it_is(office, source, body):
    sample = a_source("two-inline")
    attachment = {"contentType": "text/plain", "url": "Binary/x"}
    sample["DocumentReference"][-1]["content"] = [{"attachment": attachment}]
    sample["Binary"]["/fhir/Binary/x"] = {"status": 200, "body": body.decode(), "content_type": "text/plain"}
    office.answers = answers_of(sample)

    assert read_files(one_of(found_at(source), "-two"))[0][0] == body


def test_a_label_in_a_wrapper_of_xml_is_seen(office, source):
    sample = a_source("two-inline")
    security = '<meta><security><system value="urn:x"/><code value="WHO-KNOWS"/></security></meta>'
    body = f'<Binary xmlns="http://hl7.org/fhir">{security}<data value="{ENCODED}"/></Binary>'
    attachment = {"contentType": "application/pdf", "url": "Binary/x"}
    sample["DocumentReference"][-1]["content"] = [{"attachment": attachment}]
    sample["Binary"]["/fhir/Binary/x"] = {"status": 200, "body": body, "content_type": "application/fhir+xml"}
    office.answers = answers_of(sample)

    assert failure_of(one_of(found_at(source), "-two"))


# --- changes ----------------------------------------------------------------------------------------------------------


def test_a_version_differs_once_anything_of_a_resource_does(office, source):
    sample = a_source("two-inline")
    office.answers = answers_of(sample)
    before = one_of(found_at(source), "-two")
    again = one_of(found_at(source), "-two")
    sample["DocumentReference"][-1]["meta"] = {"versionId": "2"}
    after = one_of(found_at(source), "-two")
    sample["DocumentReference"][-1]["status"] = "entered-in-error"
    void = one_of(found_at(source), "-two")

    assert before.version == again.version
    assert len({before.version, after.version, void.version}) == 3
    assert before.document.entries == void.document.entries != ()
    assert void.document.status is DocumentStatus.ENTERED_IN_ERROR
