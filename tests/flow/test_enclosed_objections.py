"""A "no" in the bytes of a document stops at the door, whichever door it is; a permit there asks for the form."""

import base64
import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import pikepdf
import pytest

from tests.kit import builders as b
from tests.kit.doors import posted, received
from tests.kit.fakes import MemoryDocuments
from tests.kit.filed_forms import ends
from tests.kit.objections import a_permitted_case, an_objection, consent_message, is_permitted
from tests.kit.papers import a_printed_text
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.adapters.opening import OpeningProcess
from transfer.errors import Unavailable
from transfer.flow import desk
from transfer.flow.opening_records import open_waiting
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, records
from transfer.opened import OpenedDocument
from transfer.permissions import End
from transfer.records import DocumentStatus, RecordKind
from transfer.sandbox.charts import Chart
from transfer.sandbox.oncology import letters
from transfer.sources import DocumentSource, Found

pytestmark = pytest.mark.servers

#: longer than what a door reads at once: its middle is left out of what is sorted
LONG = {"sourceAttachment": {"contentType": "application/pdf", "data": "JVBERi0x" * 20_000}}


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def codes(services: Services) -> list[str]:
    asked = {"form-stopped", "source-objects", "objection-unmatched", "consent-without-form", "form-unclear"}
    return sorted(hold.code for hold in b.open_holds(services) if hold.code in asked)


def a_document(chart: Chart, content: bytes) -> dict[str, Any]:
    """A progress note as Lakeside posts it, with these bytes instead."""
    bundle: dict[str, Any] = json.loads(json.dumps(letters.pushed(chart, "progress")))
    data = base64.b64encode(content).decode()
    attachments = 0
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Binary":
            resource["data"] = data
        for each in resource.get("content", ()) if resource["resourceType"] == "DocumentReference" else ():
            each["attachment"] = {"contentType": "application/fhir+json", "data": data}
            attachments += 1
    assert attachments
    return bundle


def consent(chart: Chart, **said: Any) -> bytes:
    return json.dumps(an_objection(chart, **said)).encode()


def bundled(chart: Chart, **said: Any) -> bytes:
    entry = {"resource": an_objection(chart, **said)}
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [entry]}).encode()


NOES = {
    "a revocation": lambda chart: consent(chart, status="inactive"),
    "a refusal": lambda chart: consent(chart, resource={"provision": {"type": "deny"}}),
    "a rejected one": lambda chart: consent(chart, status="rejected"),
    "one of another number": lambda chart: consent(chart, status="inactive", number="F-999"),
    "a bundle": lambda chart: bundled(chart, status="inactive"),
    "a long one": lambda chart: consent(chart, status="inactive", resource=LONG),
    "a consent segment": lambda chart: consent_message(chart, "X", institution=b.LAKESIDE),
    "a consent document": lambda _: (
        b'<ClinicalDocument xmlns="urn:hl7-org:v3"><code code="59284-0"/><title>Refusal to release information</title>'
        b"</ClinicalDocument>"
    ),
    "one that names nobody": lambda _: b'{"resourceType": "Consent", "status": "inactive"}',
}


@pytest.mark.parametrize("what", NOES)
def test_a_no_in_the_bytes_of_a_document_stops_at_the_fhir_door(services: Services, what: str):
    chart, case = a_permitted_case(services)

    posted(services, b.LAKESIDE, a_document(chart, NOES[what](chart)))

    assert not is_permitted(services, case)
    assert codes(services) == ["form-stopped"]
    process_all(services)
    assert ends(services, case) == [End.PAUSED]
    assert codes(services) == ["form-stopped"]


def an_attachment(chart: Chart, content: bytes) -> bytes:
    """A document message as the laboratory sends it, with these bytes inside."""
    message = consent_message(chart, "A").decode().replace("MDM^T01^MDM_T01", "MDM^T02^MDM_T02")
    lines = [line for line in message.split("\r") if line and not line.startswith("CON")]
    data = base64.b64encode(content).decode()
    return "".join(
        f"{line}\r" for line in [*lines, f"OBX|1|ED|C^Form^L||PR^application^x^Base64^{data}||||||F"]
    ).encode()


@pytest.mark.parametrize("what", NOES)
@pytest.mark.parametrize("form", ["alone", "in a batch"])
def test_a_no_in_the_bytes_of_a_document_stops_at_the_mllp_door(services: Services, what: str, form: str):
    chart, case = a_permitted_case(services)
    message = an_attachment(chart, NOES[what](chart))
    if form == "in a batch":
        message = b"BHS|^~\\&|PRAIRIELIS|PRAIRIE\r" + message + b"BTS|1\r"

    received(services, b.PRAIRIE, message)

    assert not is_permitted(services, case, RecordKind.PATHOLOGY_REPORT, b.PRAIRIE)
    assert is_permitted(services, case)
    process_all(services)
    assert "source-objects" in codes(services)
    assert not is_permitted(services, case, RecordKind.PATHOLOGY_REPORT, b.PRAIRIE)


@pytest.mark.parametrize("door", ["fhir", "mllp"])
def test_a_permit_in_the_bytes_of_a_document_grants_nothing_and_asks_for_the_form(services: Services, door: str):
    chart = b.a_chart()
    case = b.refer(services, chart)
    process_all(services)
    before = codes(services)

    if door == "fhir":
        posted(services, b.LAKESIDE, a_document(chart, consent(chart)))
    else:
        received(services, b.PRAIRIE, an_attachment(chart, consent(chart)))
    process_all(services)

    assert not is_permitted(services, case)
    assert not is_permitted(services, case, RecordKind.PATHOLOGY_REPORT, b.PRAIRIE)
    assert sorted(set(codes(services)) - set(before)) == ["consent-without-form"]


def test_a_permit_in_the_bytes_of_a_document_asks_nobody_where_a_form_stands(services: Services):
    chart, case = a_permitted_case(services)

    posted(services, b.LAKESIDE, a_document(chart, consent(chart)))
    process_all(services)

    assert is_permitted(services, case)
    assert not codes(services)


# --- when it is opened ------------------------------------------------------------------------------------------------


def test_a_no_in_the_words_of_what_was_sent_stops_when_it_is_opened(services: Services):
    chart, case = a_permitted_case(services)

    posted(services, b.LAKESIDE, a_document(chart, a_printed_text(REVOKING)))
    process_all(services)

    assert ends(services, case) == [End.PAUSED]
    assert codes(services) == ["form-stopped"]
    assert notes_of(services, case) == 0

    desk.resolve(services, b.the_hold(services, "form-stopped").id, HoldAnswer.RESUME, actor=ANN)
    process_all(services)

    assert is_permitted(services, case)
    assert notes_of(services, case) == 1
    assert not codes(services)


class Late(OpeningProcess):
    """It opens nothing until it is told to."""

    is_away = True

    def document(self, *said: Any) -> OpenedDocument:
        if self.is_away:
            raise Unavailable("not now")
        return super().document(*said)


def test_a_no_in_what_is_opened_late_stops_what_it_would_have_stopped_when_it_came(ledger: Ledger):
    opener = Late()
    services = b.new_services(ledger, opener=opener)
    chart, case = a_permitted_case(services)
    posted(services, b.LAKESIDE, a_document(chart, a_printed_text(REVOKING)))
    process_all(services)
    assert not codes(services)

    opener.is_away = False
    assert open_waiting(services, case)
    opener.close()

    assert ends(services, case) == [End.PAUSED]
    assert codes(services) == ["form-stopped"]
    assert not is_permitted(services, case)


@pytest.mark.parametrize(
    "words",
    [
        "Authorization\nI authorize Lakeside to release my records.\nI may revoke this authorization at any time.",
        "Progress note\nInsurance refused authorization for a PET scan. Records reviewed.",
    ],
)
def test_words_that_take_nothing_back_stop_nothing(services: Services, words: str):
    chart, case = a_permitted_case(services)

    posted(services, b.LAKESIDE, a_document(chart, a_printed_text(words)))
    process_all(services)

    assert is_permitted(services, case)
    assert notes_of(services, case) == 1


# --- from a source that is asked --------------------------------------------------------------------------------------


class Archive(MemoryDocuments):
    """A records office whose papers may be a consent, and be called anything."""

    def __init__(self, paper: bytes, title: str = "Progress note") -> None:
        super().__init__([paper])
        self.title = title
        self.status = DocumentStatus.FINAL

    def ask(self, _source: object) -> DocumentSource:
        return self

    def _found(self, *what: Any) -> Found:
        found = super()._found(*what)
        return replace(found, document=replace(found.document, title=self.title, status=self.status))


def opened(ledger: Ledger, office: Archive) -> tuple[Services, CaseId]:
    services = b.new_services(ledger, ask_documents=office.ask)
    chart = b.a_chart()
    b.sign_form(services, chart)
    case = b.refer(services, chart)
    process_all(services)
    return services, case


def notes_of(services: Services, case: CaseId) -> int:
    with services.ledger.transaction() as tx:
        return sum(one.institution == b.LAKESIDE for one, _ in records.joined(tx, case))


REVOKING = "To the records office\n\nDear all,\nI hereby revoke my authorization to release my records to Summit.\n"


def zipped(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("form.json", content)
    return made.getvalue()


def a_carrier(content: bytes) -> bytes:
    """A PDF with a file attached to it."""
    made = io.BytesIO()
    with pikepdf.open(io.BytesIO(a_printed_text("See what is attached."))) as pdf:
        pdf.attachments["form.json"] = content
        pdf.save(made)
    return made.getvalue()


def a_filled_form(**fields: str) -> bytes:
    made = io.BytesIO()
    with pikepdf.open(io.BytesIO(a_printed_text("A form."))) as pdf:
        filled = [pikepdf.Dictionary(T=name, V=pikepdf.Name(value)) for name, value in fields.items()]
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array(filled))
        pdf.save(made)
    return made.getvalue()


FETCHED = {
    "its bytes": lambda chart: Archive(consent(chart, status="inactive")),
    "a refusal": lambda chart: Archive(consent(chart, resource={"provision": {"type": "deny"}})),
    "its bytes, of another language": lambda chart: Archive(consent_message(chart, "X", institution=b.LAKESIDE)),
    "a file of an archive": lambda chart: Archive(zipped(consent(chart, status="inactive"))),
    "what a PDF carries": lambda chart: Archive(a_carrier(consent(chart, status="inactive"))),
    "the words of a PDF": lambda _: Archive(a_printed_text(REVOKING)),
    "a form that is filled in": lambda _: Archive(a_filled_form(RevokeAuthorization="/Yes")),
    "the words of a letter": lambda _: Archive(REVOKING.encode()),
    "what it is called": lambda _: Archive(b"%PDF-1.7 a scan", "Revocation of authorization"),
}


@pytest.mark.parametrize("what", FETCHED)
def test_a_no_that_a_source_gives_when_it_is_asked_stops_its_own_records(ledger: Ledger, what: str):
    services, case = opened(ledger, FETCHED[what](b.a_chart()))

    assert codes(services) == ["source-objects"]
    assert not is_permitted(services, case)
    assert is_permitted(services, case, RecordKind.PATHOLOGY_REPORT, b.PRAIRIE)
    assert notes_of(services, case) == 0


@pytest.mark.parametrize("what", FETCHED)
def test_what_a_person_lets_go_on_is_fetched_and_nobody_is_asked_again(ledger: Ledger, what: str):
    services, case = opened(ledger, FETCHED[what](b.a_chart()))

    desk.resolve(services, b.the_hold(services, "source-objects").id, HoldAnswer.RESUME, actor=ANN)
    process_all(services)

    assert is_permitted(services, case)
    assert notes_of(services, case) == 1
    assert not codes(services)


def test_what_a_source_gives_and_says_no_to_nothing_is_kept(ledger: Ledger):
    for office in (
        Archive(b"{Consent"),
        Archive(b"%PDF-1.7", "Patient refuses chemotherapy"),
        Archive(consent(b.a_chart())),
    ):
        services, case = opened(ledger, office)

        assert not codes(services)
        assert notes_of(services, case) == 1
