"""What a report says beside its form goes into the packet with it, as one entry; so do pages left of a PDF."""

import base64
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pypdf import PdfReader

from tests.kit import builders as b
from tests.kit import lives
from tests.kit.packets import a_pdf
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.arrivals import ArrivalKind
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.identifiers import CaseId, PacketId, RecordId
from transfer.ledger import Ledger, packets, records
from transfer.records import RecordKind

pytestmark = pytest.mark.servers

AT = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)
THREE = a_pdf("FIRSTMARK", "SECONDMARK", "THIRDMARK")
PDF = base64.b64encode(THREE).decode()


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def files_of_packet(services: Services, case: CaseId) -> dict[str, bytes]:
    desk.approve(services, case, actor=ANN, without=b.assessed(services, case).lacking)
    process_all(services)
    with services.ledger.transaction() as tx:
        plan = packets.plan_of(tx, PacketId.of(case, 1), b.patient_of(services, case))
    return {one.path: b"".join(services.vault.read(one.location)) for one in plan.entries}


def a_report(*results: dict[str, Any], **said: Any) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "identifier": [lives.number("N1")],
        "code": {"coding": [{"system": "http://loinc.org", "code": "11526-1"}], "text": "Pathology study"},
        "effectiveDateTime": "2026-10-01T10:00:00Z",
        "presentedForm": [{"contentType": "application/pdf", "data": PDF}],
        "contained": [{"resourceType": "Observation", "code": {"text": "HER2"}, **one} for one in results],
        "result": [{"reference": f"#{one['id']}"} for one in results],
        **said,
    }


def test_results_beside_a_form_are_read_in_the_packet_as_one_entry(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    standing = {"id": "a", "status": "final", "valueString": "3+ RESULTMARK"}
    void = {"id": "b", "status": "entered-in-error", "valueString": "VOIDMARK"}
    sent = lives.pushed(chart, a_report(standing, void, conclusion="CONCLUSIONMARK"), AT)
    b.comes(services, sent.institution, ArrivalKind.ANSWER, sent.body, sent.content_type, sent.door)
    process_all(services)
    files = files_of_packet(services, case)

    read = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(files["records.pdf"])).pages)
    assert [word in read for word in ("FIRSTMARK", "RESULTMARK", "CONCLUSIONMARK")] == [True] * 3
    assert read.index("FIRSTMARK") < read.index("RESULTMARK")
    assert not any(b"VOIDMARK" in one for one in files.values())
    assert "VOIDMARK" not in read
    page = files["index.html"].decode()
    assert page.count('<tr id="document-') == 1
    assert "JSON" in page
    form, beside = json.loads(files["manifest.json"])["documents"]
    assert (beside["derived_from"], form.get("derived_from")) == (form["record"], None)


def test_a_label_of_one_result_holds_for_the_form_as_well(services: Services):
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}
    said = {"id": "a", "status": "final", "valueString": "LABELMARK"}

    assert joined(services, said) == 1
    assert joined(services, {**said, "meta": {"security": [label]}}) == 0, "the form of its case does not cover it"


def joined(services: Services, result: dict[str, Any]) -> int:
    """How many documents of a report with this result join the case of its patient."""
    chart = b.a_chart()
    case = b.a_case(services, chart)
    sent = lives.pushed(chart, a_report(result), AT)
    b.comes(services, sent.institution, ArrivalKind.ANSWER, sent.body, sent.content_type, sent.door)
    process_all(services)
    with services.ledger.transaction() as tx:
        return len(records.joined(tx, case))


def test_the_pages_that_are_left_of_a_document_go_into_the_packet(services: Services):
    case = b.a_case(services)
    kind = RecordKind.PATHOLOGY_REPORT
    record = RecordId(b.came_in(services, case, kind, content=THREE, content_type="application/pdf"))
    desk.withhold_pages(services, case, record, (2,), reason="Page of another specimen.", actor=ANN)
    files = files_of_packet(services, case)

    read = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(files["records.pdf"])).pages)
    assert [word in read for word in ("FIRSTMARK", "SECONDMARK", "THIRDMARK")] == [True, False, True]
    assert files["index.html"].count(b'<tr id="document-') == 1
    (said,) = json.loads(files["manifest.json"])["documents"]
    assert said["derived_from"] == record != said["record"]
