"""What a packet names of the packets before it: what was handed over and is here, and nothing else."""

from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import QuietReceiver
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.flow.superseding import superseded
from transfer.identifiers import CaseId, PacketId, RecordId
from transfer.ledger import Ledger, packets, purging
from transfer.packet import Superseded
from transfer.records import RecordKind, Relation
from transfer.sandbox.charts import Chart
from transfer.sandbox.pathology import messages

pytestmark = pytest.mark.servers


@pytest.fixture
def center() -> QuietReceiver:
    return QuietReceiver()


@pytest.fixture
def services(ledger: Ledger, tmp_path: Any, center: QuietReceiver) -> Services:
    return b.new_services(ledger, hand_to=lambda _: center)


def reported(services: Services, chart: Chart, case: CaseId, status: str) -> RecordId:
    """The laboratory's report of this status comes. Its record."""
    report = messages.report(chart, control_id=f"{case}{status}", status=status, form="oru")
    stored = b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, report, HL7_V2, Door.MLLP)
    process_all(services)
    with services.ledger.transaction() as tx:
        return RecordId(tx.value("SELECT record FROM records WHERE arrival = %s", stored.arrival))


def replacing(chart: Chart) -> tuple[bytes, bytes]:
    """A document of the laboratory's, and another under a number of its own that replaces it (MDM T10, TXA-13)."""
    number = chart["documents"]["pathology"]["number"]
    old = messages.report(chart, control_id="1", status="F", form="mdm")
    new = messages.report(chart, control_id="2", status="F", form="mdm").replace(b"T02", b"T10")
    new = new.replace(b"|^application^pdf^Base64^JVBERi0xLjM", b"|^application^pdf^Base64^JVBERi0xLjQ")  # other bytes
    return old, new.replace(f"|{number}^PRAIRIELIS|".encode(), f"|{number}-B^PRAIRIELIS|{number}^PRAIRIELIS".encode())


@pytest.mark.parametrize("is_late", [False, True])
def test_a_document_that_another_replaces_is_replaced_also_when_it_comes_late(services: Services, is_late: bool):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    both = replacing(chart)
    came = {}
    for one in both[::-1] if is_late else both:
        stored = b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, one, HL7_V2, Door.MLLP)
        process_all(services)
        with services.ledger.transaction() as tx:
            came[one] = tx.value("SELECT record FROM records WHERE arrival = %s", stored.arrival)
    old, new = (came[one] for one in both)

    with services.ledger.transaction() as tx:
        ended = tx.case(case).superseded_by
    assert {(one.record, one.by_record, one.relation) for one in ended.values()} == {(old, new, "replaces")}


def corrected(services: Services) -> tuple[CaseId, RecordId, RecordId, str]:
    """A packet with a final report was put together, and a correction came: case, report, correction, a note."""
    chart = b.a_chart()
    case = b.a_case(services, chart)
    final = reported(services, chart, case, "F")
    note = b.came_in(services, case, RecordKind.NOTE)
    b.came_in(services, case, RecordKind.IMAGES)
    desk.approve(services, case, actor=ANN, without=["slides"])
    process_all(services)
    return case, final, reported(services, chart, case, "C"), note


def named(services: Services, case: CaseId, record: RecordId) -> tuple[Superseded, ...]:
    with services.ledger.transaction() as tx:
        return superseded(tx, tx.case(case), b.patient_of(services, case), [record]).get(record, ())


def forget(services: Services, case: CaseId, record: str) -> None:
    patient = b.patient_of(services, case)
    with services.ledger.transaction() as tx:
        purging.forget_records(tx, patient, [record])


def test_each_document_of_a_replaced_record_is_named_by_its_number_in_the_packet_it_went_in(services: Services):
    case, final, correction, _ = corrected(services)
    with services.ledger.transaction() as tx:
        plan = packets.plan_of(tx, PacketId.of(case, 1), b.patient_of(services, case))
    there = [one for one in plan.documents if one.path.endswith(("report.hl7", "report.pdf"))]

    assert len(there) == 2  # the message as it came, and the pages within it
    assert final in {one.record for one in there}
    assert named(services, case, correction) == tuple(
        Superseded(record=one.record, packet=PacketId.of(case, 1), number=one.number, relation=Relation.REPLACES)
        for one in there
    )


def test_what_was_in_a_packet_that_reached_nobody_is_not_named(services: Services, center: QuietReceiver):
    center.is_there = False
    case, _, correction, _ = corrected(services)

    with services.ledger.transaction() as tx:
        newest = tx.case(case).newest_packet
    assert newest
    assert (newest.outcome, newest.assembled is not None) == ("not-made", True)
    assert named(services, case, correction) == ()


def test_what_is_purged_is_named_no_more(services: Services):
    case, final, correction, _ = corrected(services)
    forget(services, case, final)

    assert named(services, case, correction) == ()


def test_where_the_earlier_packet_is_purged_its_report_is_named_without_a_number(services: Services):
    case, final, correction, note = corrected(services)
    forget(services, case, note)

    (one,) = named(services, case, correction)
    assert (one.record, one.packet, one.number) == (final, PacketId.of(case, 1), None)


def test_a_copy_is_a_copy_of_what_stands_in_the_packet(services: Services):
    """Not of the first that came, where that one is not there any more."""
    case = b.a_case(services)
    first, second, third = (b.came_in(services, case, RecordKind.NOTE, content=b"the same") for _ in range(3))
    for kind in (RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGES):
        b.came_in(services, case, kind)
    forget(services, case, first)
    desk.approve(services, case, actor=ANN, without=["slides"])
    process_all(services)

    copies = {one["record"]: one["copy_of"] for one in b.manifest(services, case)["documents"] if one["kind"] == "note"}
    assert copies == {second: None, third: second}
