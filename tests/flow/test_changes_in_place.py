"""What a FHIR source says of a document today: its state, its bytes, its files; and one that it does not give."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from hashlib import sha1
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.packets import a_pdf as one_pdf
from tests.kit.processing import process_all
from tests.kit.scripted_fhir import LIMITS, TOKEN, Asked, Office, Said, an_office, as_json, searchset
from tests.kit.staff import ANN
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.flaws import Flaw
from transfer.flow import desk
from transfer.flow.assemble import assemble
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId, PacketId
from transfer.ledger import Ledger, packets, records
from transfer.ledger.records import Joined, StoredRecord
from transfer.records import DocumentStatus, RecordKind
from transfer.requests import MAX_PAUSE, RequestAnswer, RequestState
from transfer.sandbox.charts import Chart
from transfer.sandbox.oncology import resources

pytestmark = pytest.mark.servers


@cache
def a_pdf(mark: str) -> bytes:
    """The same bytes each time: a PDF says when it was made."""
    return one_pdf(mark)


@dataclass
class Server:
    """An office's FHIR server with one patient: resources by id, and what each Binary answers."""

    chart: Chart
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    observations: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, Said] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)

    def holds(self, number: str, body: bytes | None = None, **said: Any) -> None:
        """A note under this id, its bytes in a Binary of the same id."""
        attachment = {"contentType": "application/pdf", "url": f"Binary/{number}"}
        self.documents[number] = {
            "resourceType": "DocumentReference",
            "id": number,
            "status": "current",
            "docStatus": "final",
            "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]},
            "subject": {"reference": f"Patient/{self.chart['fhir_id']}"},
            "date": "2026-03-01T10:00:00-06:00",
            "content": [{"attachment": attachment}],
            **said,
        }
        if body is not None:
            self.files[number] = Said(body=body, content_type="application/pdf")

    def answers(self, asked: Asked) -> Said | None:
        kind, _, number = asked.path.removeprefix("/fhir/").partition("/")
        if kind == "Binary":
            self.read.append(number)
            return self.files.get(number)
        if kind == "Observation":
            return as_json(self.observations[number]) if number in self.observations else None
        if kind == "Patient":
            return as_json(searchset(*resources.of("Patient", self.chart, "")))
        wanted = asked.query.get("_id", list(self.documents))
        held = [one for number, one in self.documents.items() if one["resourceType"] == kind and number in wanted]
        return as_json(searchset(*held))


@pytest.fixture
def office() -> Iterator[Office]:
    with an_office() as running:
        yield running


@pytest.fixture
def server(office: Office) -> Server:
    server = Server(b.a_chart())
    office.answers = server.answers
    return server


@pytest.fixture
def services(ledger: Ledger, office: Office) -> Iterator[Services]:
    with closing(FhirSourceClient(office.base, TOKEN, http=LIMITS)) as client:
        yield b.new_services(ledger, ask_documents=lambda _: client)


def asked(services: Services, server: Server) -> CaseId:
    """A case whose office was asked for the first time."""
    return b.a_case(services, server.chart)


def asked_again(services: Services, case: CaseId) -> None:
    request = b.request_to(services, case, b.LAKESIDE)
    desk.answer_request(services, request.id, RequestAnswer.AGAIN, actor=ANN)
    process_all(services)


def here(services: Services, case: CaseId) -> list[tuple[StoredRecord, Joined]]:
    with services.ledger.transaction() as tx:
        return records.joined(tx, case)


def standing(services: Services, case: CaseId) -> list[tuple[DocumentStatus, list[bytes]]]:
    """State and files of each document that counts."""
    found = []
    with services.ledger.transaction() as tx:
        for kept, joined in records.joined(tx, case):
            if not joined.superseded and not kept.status.is_void:
                files = [b"".join(services.vault.read(part.location)) for part in records.parts(tx, kept)]
                found.append((kept.status, files))
    return found


def why(services: Services, case: CaseId) -> set[str]:
    about = b.request_to(services, case, b.LAKESIDE).id
    return {hold.code for hold in b.open_holds(services) if hold.about == about}


# --- one document that changes ----------------------------------------------------------------------------------------


def test_asked_twice_an_unchanged_document_is_read_once(services: Services, server: Server):
    server.holds("1", a_pdf("note"))
    case = asked(services, server)
    asked_again(services, case)

    assert standing(services, case) == [(DocumentStatus.FINAL, [a_pdf("note")])]
    assert server.read == ["1"]


@pytest.mark.parametrize(
    "said",
    [
        {"date": "2026-04-01T10:00:00-06:00"},
        {"type": {"coding": [{"system": "http://loinc.org", "code": "34117-2"}]}},
        {"content": [{"attachment": {"contentType": "text/plain; charset=iso-8859-1", "url": "Binary/1"}}]},
    ],
    ids=["date", "code", "charset"],
)
def test_what_its_source_corrects_without_another_byte_takes_its_place(
    services: Services, server: Server, said: dict[str, Any]
):
    plain = {"content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "url": "Binary/1"}}]}
    server.files["1"] = Said(body="Befund: groß".encode(), content_type="text/plain")
    server.holds("1", **plain)
    case = asked(services, server)
    server.holds("1", **{**plain, **said})
    asked_again(services, case)

    (before, first), (after, second) = here(services, case)
    assert (first.superseded, second.superseded) == (True, False)
    assert (before.about.at, before.about.code, first.content_type) != (
        *(after.about.at, after.about.code),
        second.content_type,
    )


def test_a_draft_that_is_final_now_is_final(services: Services, server: Server):
    server.holds("1", a_pdf("draft"), docStatus="preliminary", meta={"versionId": "1"})
    case = asked(services, server)
    assert [status for status, _ in standing(services, case)] == [DocumentStatus.PRELIMINARY]

    server.holds("1", a_pdf("note"), meta={"versionId": "2"})
    asked_again(services, case)

    assert standing(services, case) == [(DocumentStatus.FINAL, [a_pdf("note")])]


@pytest.mark.parametrize("versioned", [True, False])
def test_only_the_state_may_change_and_counts_all_the_same(services: Services, server: Server, versioned: bool):
    server.holds("1", a_pdf("note"), docStatus="preliminary", **({"meta": {"versionId": "1"}} if versioned else {}))
    case = asked(services, server)
    server.holds("1", **({"meta": {"versionId": "2"}} if versioned else {}))
    asked_again(services, case)

    assert standing(services, case) == [(DocumentStatus.FINAL, [a_pdf("note")])]


def test_other_bytes_under_the_same_id_take_the_place_of_those_before(services: Services, server: Server):
    server.holds("1", a_pdf("one"), meta={"versionId": "1"})
    case = asked(services, server)
    server.holds("1", a_pdf("two"), meta={"versionId": "2"})
    asked_again(services, case)
    server.holds("1", a_pdf("three"), meta={"versionId": "3"}, docStatus="amended")
    asked_again(services, case)

    assert standing(services, case) == [(DocumentStatus.AMENDED, [a_pdf("three")])]
    assert len(here(services, case)) == 3


def test_a_new_version_of_which_nothing_is_other_is_the_same_document(services: Services, server: Server):
    server.holds("1", a_pdf("note"), meta={"versionId": "1"})
    case = asked(services, server)
    server.holds("1", meta={"versionId": "2"})
    asked_again(services, case)

    assert len(here(services, case)) == 1


@pytest.mark.parametrize("said", [{"status": "entered-in-error"}, {"docStatus": "entered-in-error"}])
def test_what_is_entered_in_error_counts_no_more_and_asks_nothing(
    services: Services, server: Server, said: dict[str, str]
):
    server.holds("1", a_pdf("note"))
    case = asked(services, server)
    server.holds("1", **said)
    asked_again(services, case)

    assert standing(services, case) == []
    assert why(services, case) == set()
    assert server.read == ["1"]


def test_a_blanked_entry_withdraws_by_its_id(services: Services, server: Server):
    server.holds("1", a_pdf("note"))
    server.holds("2", a_pdf("other"))
    case = asked(services, server)
    server.documents["1"] = {
        "resourceType": "DocumentReference",
        "id": "1",
        "status": "entered-in-error",
        "subject": server.documents["1"]["subject"],
    }
    asked_again(services, case)

    assert standing(services, case) == [(DocumentStatus.FINAL, [a_pdf("other")])]
    assert why(services, case) == set()


def test_what_was_void_before_we_asked_is_not_collected(services: Services, server: Server):
    server.holds("1", a_pdf("note"), status="entered-in-error")
    server.holds("2", a_pdf("other"))
    case = asked(services, server)

    assert len(here(services, case)) == 1
    assert server.read == ["2"]


def test_a_label_of_today_holds_for_what_was_kept_before(services: Services, server: Server):
    server.holds("1", a_pdf("note"))
    case = asked(services, server)
    hiv = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}
    server.holds("1", securityLabel=[{"coding": [hiv]}])
    asked_again(services, case)

    assert ["HIV" in kept.about.labels for kept, _ in here(services, case)] == [True]


def test_a_result_that_is_corrected_is_a_new_state_of_its_report(services: Services, server: Server):
    server.documents["9"] = {
        "resourceType": "DiagnosticReport",
        "id": "9",
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "LAB"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2039-6"}]},
        "subject": {"reference": f"Patient/{server.chart['fhir_id']}"},
        "result": [{"reference": "Observation/1"}],
    }
    server.observations["1"] = {
        "resourceType": "Observation",
        "id": "1",
        "status": "final",
        "code": {"text": "CEA"},
        "valueQuantity": {"value": 5, "unit": "ng/mL"},
    }
    case = asked(services, server)
    asked_again(services, case)
    assert len(here(services, case)) == 1

    server.observations["1"] = {**server.observations["1"], "valueQuantity": {"value": 50, "unit": "ng/mL"}}
    asked_again(services, case)

    ((_, (content,)),) = standing(services, case)
    assert b'"value":50' in content


# --- several files ----------------------------------------------------------------------------------------------------


def with_attachments(server: Server, number: str, *said: tuple[str, str, bytes]) -> None:
    """A note in several attachments: title, type and bytes of each."""
    server.holds(number)
    content = []
    for at, (title, content_type, body) in enumerate(said):
        name = f"{number}-{at}"
        server.files[name] = Said(body=body, content_type=content_type)
        content.append({"attachment": {"contentType": content_type, "url": f"Binary/{name}", "title": title}})
    server.documents[number]["content"] = content


def test_pages_and_addenda_are_files_of_one_record(services: Services, server: Server):
    pages = [("page 1", "application/pdf", a_pdf("1")), ("page 2", "application/pdf", a_pdf("2"))]
    with_attachments(server, "1", *pages)
    case = asked(services, server)

    assert standing(services, case) == [(DocumentStatus.FINAL, [a_pdf("1"), a_pdf("2")])]
    ((kept, _),) = here(services, case)
    assert kept.about.titles == ("page 1", "page 2")

    with_attachments(server, "1", *pages, ("addendum", "text/plain", b"MSI-high"))
    asked_again(services, case)

    assert standing(services, case) == [(DocumentStatus.FINAL, [a_pdf("1"), a_pdf("2"), b"MSI-high"])]


def test_formats_of_one_document_are_kept_and_the_best_stands_for_it(services: Services, server: Server):
    with_attachments(server, "1", ("Note", "text/plain", b"a note"), ("Note", "application/pdf", a_pdf("note")))
    case = asked(services, server)

    ((kept, joined),) = here(services, case)
    with services.ledger.transaction() as tx:
        roles = [(part.role, part.content_type) for part in records.parts(tx, kept)]
    assert roles == [("received", "application/pdf"), ("format", "text/plain")]
    assert joined.content_type == "application/pdf"


def test_in_the_packet_each_file_is_a_document_with_its_title_and_a_format_is_a_copy(
    services: Services, server: Server
):
    with_attachments(server, "1", ("page 1", "application/pdf", a_pdf("1")), ("page 2", "application/pdf", a_pdf("2")))
    server.documents["1"]["description"] = "Consult"
    with_attachments(server, "2", ("Note", "text/plain", b"a note"), ("Note", "application/pdf", a_pdf("note")))
    case = asked(services, server)
    desk.approve(services, case, actor=ANN, without=b.assessed(services, case).lacking)
    with services.ledger.transaction() as tx:
        newest = tx.case(case).newest_packet
        assert newest
        packet = PacketId(newest.planned.packet)
    assert assemble(services, packet)
    with services.ledger.transaction() as tx:
        plan = packets.plan_of(tx, packet, b.patient_of(services, case))
    manifest = json.loads(b"".join(services.vault.read(plan.entry("manifest.json").location)))

    documents = {one["title"]: one for one in manifest["documents"] if one["content_type"] == "application/pdf"}
    assert {"Consult: page 1", "Consult: page 2"} <= set(documents)
    assert len({one["record"] for one in manifest["documents"]}) == 4
    (text,) = [one for one in manifest["documents"] if one["content_type"] == "text/plain"]
    assert text["copy_of"] in {one["record"] for one in manifest["documents"]}


# --- one that cannot be read ---------------------------------------------------------------------------------------


def test_what_was_empty_is_read_again_and_takes_the_place_of_nothing(services: Services, server: Server):
    server.holds("1", b"")
    case = asked(services, server)
    ((kept, _),) = here(services, case)
    assert kept.flaws == {Flaw.EMPTY}
    asked_again(services, case)
    assert len(here(services, case)) == 1

    server.holds("1", a_pdf("note"))
    asked_again(services, case)

    assert standing(services, case) == [(DocumentStatus.FINAL, [a_pdf("note")])]


def test_what_differed_from_its_hash_counts_once_its_source_says_the_right_one(services: Services, server: Server):
    right = base64.b64encode(sha1(a_pdf("note"), usedforsecurity=False).digest()).decode()
    attachment = {"contentType": "application/pdf", "url": "Binary/1", "hash": base64.b64encode(bytes(20)).decode()}
    server.holds("1", a_pdf("note"), content=[{"attachment": attachment}])
    case = asked(services, server)
    assert [kept.flaws for kept, _ in here(services, case)] == [{Flaw.HASH_DIFFERS}]

    server.holds("1", a_pdf("note"), content=[{"attachment": {**attachment, "hash": right}}])
    asked_again(services, case)

    assert [kept.flaws for kept, _ in here(services, case)] == [{Flaw.HASH_DIFFERS}, set()]
    assert "document-unreadable" not in {hold.code for hold in b.open_holds(services, case)}


def test_what_a_person_wants_once_more_comes_once_more(services: Services, server: Server):
    server.holds("1", b"")
    case = asked(services, server)
    desk.resolve(services, b.the_hold(services, "document-unreadable").id, HoldAnswer.AGAIN, actor=ANN)
    process_all(services)

    assert len(here(services, case)) == 2
    assert b.the_hold(services, "document-unreadable")


# --- one that is not given --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["https://elsewhere.example/Binary/1", "urn:uuid:7d5bb8ac-68ee-4926-85e7-baaaaaaaaaad", "Binary/away"]
)
@pytest.mark.parametrize("alone", [True, False])
def test_a_document_that_is_not_given_is_one_question_and_the_others_come(
    services: Services, server: Server, url: str, alone: bool
):
    server.holds("bad", content=[{"attachment": {"contentType": "application/pdf", "url": url}}])
    server.files["away"] = Said(403)
    if not alone:
        server.holds("good", a_pdf("note"))
    case = asked(services, server)

    assert len(standing(services, case)) == (0 if alone else 1)
    assert b.request_to(services, case, b.LAKESIDE).state is RequestState.ANSWERED
    assert why(services, case) == {"documents-not-given"}

    server.holds("bad", a_pdf("now it comes"))
    desk.resolve(services, b.the_hold(services, "documents-not-given").id, HoldAnswer.AGAIN, actor=ANN)
    process_all(services)

    assert len(standing(services, case)) == (1 if alone else 2)
    assert why(services, case) == set()


def test_a_page_to_log_in_at_is_no_record(services: Services, server: Server):
    server.holds("1")
    server.files["1"] = Said(body=b"<html><title>Sign in</title></html>", content_type="text/html")
    case = asked(services, server)

    assert here(services, case) == []
    assert why(services, case) == {"documents-not-given"}


def test_one_document_that_never_comes_leaves_the_request_open_and_the_rest_collected(
    services: Services, server: Server, hours_pass: Callable[[timedelta], None]
):
    server.holds("bad")
    server.files["bad"] = Said(500)
    server.holds("good", a_pdf("note"))
    case = asked(services, server)

    assert len(standing(services, case)) == 1
    assert b.request_to(services, case, b.LAKESIDE).state is RequestState.PARTLY

    server.files["bad"] = Said(body=a_pdf("late"), content_type="application/pdf")
    hours_pass(MAX_PAUSE + timedelta(minutes=1))
    process_all(services)

    assert len(standing(services, case)) == 2
    assert b.request_to(services, case, b.LAKESIDE).state is RequestState.ANSWERED


def test_a_source_that_gives_nothing_any_more_is_not_asked_for_each_of_its_documents(
    services: Services, server: Server
):
    for number in range(9):
        server.holds(str(number))
        server.files[str(number)] = Said(503)
    case = asked(services, server)

    assert b.request_to(services, case, b.LAKESIDE).state is RequestState.DUE
    assert len(server.read) == 3


# --- pushed -----------------------------------------------------------------------------------------------------------


def push(services: Services, server: Server, number: str, content: bytes | None, **said: Any) -> None:
    reference = deepcopy(server.documents.get(number) or {})
    server.holds(number)
    plain = {key: value for key, value in server.documents.pop(number).items() if key not in ("id", "content")}
    if reference:
        server.documents[number] = reference
    attachment = {"contentType": "application/pdf"}
    if content is not None:
        attachment["data"] = base64.b64encode(content).decode()
    document = {
        **plain,
        "identifier": [{"system": "urn:oid:9.9", "value": number}],
        "content": [{"attachment": attachment}],
        "subject": {"reference": "urn:uuid:1"},
        **said,
    }
    post(services, server, document)


def post(services: Services, server: Server, *documents: dict[str, Any]) -> None:
    """The documents come in one message with their patient, and it is processed."""
    (patient,) = resources.of("Patient", server.chart, "")
    entries = [{"fullUrl": f"urn:uuid:{n}", "resource": each} for n, each in enumerate([patient, *documents], 1)]
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
    b.comes(services, b.LAKESIDE, ArrivalKind.ANSWER, body, "application/fhir+json")
    process_all(services)


def test_what_is_pushed_again_takes_the_place_of_what_was_pushed_before(services: Services, server: Server):
    case = asked(services, server)
    push(services, server, "D1", a_pdf("draft"), docStatus="preliminary")
    push(services, server, "D1", a_pdf("one"))
    push(services, server, "D2", a_pdf("other"))
    push(services, server, "D1", a_pdf("two"))

    assert sorted(standing(services, case), key=str) == sorted(
        [(DocumentStatus.FINAL, [a_pdf("other")]), (DocumentStatus.FINAL, [a_pdf("two")])], key=str
    )


@pytest.mark.parametrize("blanked", [True, False])
@pytest.mark.parametrize("form", ["everything", "notes"])
def test_a_withdrawal_by_number_needs_no_content_and_asks_nothing(
    services: Services, server: Server, blanked: bool, form: str
):
    chart = server.chart
    b.sign_form(services, chart, **({"codes": ["11506-3"]} if form == "notes" else {}))
    case = b.refer(services, chart)
    process_all(services)
    push(services, server, "D1", a_pdf("note"))
    assert len(standing(services, case)) == 1

    push(services, server, "D1", None, status="entered-in-error", **({"type": None} if blanked else {}))

    assert standing(services, case) == []
    assert not {hold.code for hold in b.open_holds(services)} & {"entries-unusable", "arrival-unreadable"}


def test_a_kind_that_a_withdrawal_leaves_out_is_that_of_what_it_withdraws(services: Services, server: Server):
    case = asked(services, server)
    push(services, server, "D1", a_pdf("note"))
    push(services, server, "D1", None, status="entered-in-error", type=None)

    assert {kept.kind for kept, _ in here(services, case)} == {RecordKind.NOTE}


def test_a_withdrawal_of_what_we_do_not_have_asks_nothing_and_holds_for_what_comes_later(
    services: Services, server: Server
):
    b.sign_form(services, server.chart, codes=["11506-3"])
    case = b.refer(services, server.chart)
    process_all(services)
    push(services, server, "D1", None, status="entered-in-error", type=None)

    assert here(services, case) == []
    assert not {hold.code for hold in b.open_holds(services)} & {"records-not-covered", "entries-unusable"}


# --- what a form covers of one message --------------------------------------------------------------------------------


def a_document(number: str, code: str, content: bytes) -> dict[str, Any]:
    attachment = {"contentType": "application/pdf", "data": base64.b64encode(content).decode()}
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "identifier": [{"system": "urn:oid:9.9", "value": number}],
        "type": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "urn:uuid:1"},
        "content": [{"attachment": attachment}],
    }


def test_of_one_message_what_is_covered_is_collected_and_the_desk_is_told_what_waits(
    services: Services, server: Server
):
    b.sign_form(services, server.chart, codes=["11506-3"])
    case = b.refer(services, server.chart)
    process_all(services)
    post(services, server, a_document("N", "11506-3", a_pdf("note")), a_document("L", "2039-6", a_pdf("laboratory")))

    assert standing(services, case) == [(DocumentStatus.FINAL, [a_pdf("note")])]
    assert b.the_hold(services, "records-not-covered").subject == case

    b.sign_form(services, server.chart, number="for-all-records")
    process_all(services)

    assert {files[0] for _, files in standing(services, case)} == {a_pdf("laboratory"), a_pdf("note")}
    assert "records-not-covered" not in {hold.code for hold in b.open_holds(services)}


def test_what_no_form_covers_waits_and_the_desk_is_told_where_a_form_covers_other_things(
    services: Services, server: Server
):
    b.sign_form(services, server.chart, codes=["11506-3"])
    case = b.refer(services, server.chart)
    process_all(services)
    post(services, server, a_document("L", "2039-6", a_pdf("laboratory")))

    assert standing(services, case) == []
    assert b.the_hold(services, "records-not-covered").subject == case


def test_where_there_is_no_form_at_all_nobody_is_told_of_each_thing_that_waits(services: Services, server: Server):
    case = b.a_case(services, server.chart, form=False)
    post(services, server, a_document("L", "2039-6", a_pdf("laboratory")))

    assert standing(services, case) == []
    assert "records-not-covered" not in {hold.code for hold in b.open_holds(services)}


def test_of_a_message_by_hl7_v2_the_covered_report_is_collected_without_a_word_of_the_other(
    services: Services, server: Server
):
    b.sign_form(services, server.chart, codes=["11526-1"])
    case = b.refer(services, server.chart)
    process_all(services)
    laboratory = b"OBR|2||L9|2039-6^CEA^LN|||20260301\rOBX|1|NM|2039-6^CEA^LN||77.7|ng/mL|||||F\r"
    report = b.report_of(server.chart) + laboratory
    b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, report, HL7_V2, Door.MLLP)
    process_all(services)

    ((_, (message, *_)),) = standing(services, case)
    assert b"77.7" not in message
    assert b.the_hold(services, "records-not-covered").subject == case

    b.sign_form(services, server.chart, number="for-all-records")
    process_all(services)

    assert len(standing(services, case)) == 2
    assert "records-not-covered" not in {hold.code for hold in b.open_holds(services)}
