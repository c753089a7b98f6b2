"""What a center waits for before its packet goes: its own file says it. Glass holds no packet of files up."""

import json
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.centers import delivering
from tests.kit.fakes import TakingReceiver
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import institutions
from transfer.arrivals import ArrivalKind
from transfer.case import Stage
from transfer.delivery import Delivery
from transfer.flow import desk
from transfer.flow.assess import settle_needs
from transfer.flow.rounds import assemble
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, rounds
from transfer.records import RecordKind
from transfer.rounds import Dag

pytestmark = pytest.mark.servers

ALL_FILES = (RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGES)


@pytest.fixture
def center() -> TakingReceiver:
    return TakingReceiver()


@pytest.fixture
def services(ledger: Ledger, center: TakingReceiver) -> Services:
    """The partners as their files have them: the center waits for what it waits for by default."""
    as_filed = institutions.load(b.ROOT / "institutions", b.NAMES)
    return b.new_services(ledger, institutions=as_filed, hand_to=lambda _: center)


def receipt(services: Services, case: CaseId, status: str = "accepted") -> None:
    """What the center says of the newest packet."""
    newest = b.folded(services, case).newest_packet
    assert newest
    packet = newest.planned.packet
    number = {"system": "urn:records-transfer:packet", "value": packet}
    task: dict[str, Any] = {
        "resourceType": "Task",
        "status": status,
        "intent": "order",
        "focus": {"identifier": number},
    }
    b.comes(services, b.SUMMIT, ArrivalKind.RECEIPT, json.dumps(task).encode(), "application/fhir+json", subject=packet)
    process_all(services)


def slides_come(services: Services, case: CaseId) -> None:
    desk.receive_material(services, case, pieces=6, announced=6, accession="S25-1", actor=ANN)
    process_all(services)


def test_all_files_and_no_glass_is_delivered_without_a_person_and_once(services: Services, center: TakingReceiver):
    case = b.a_case_without_slides(services)
    process_all(services)

    assert not b.folded(services, case).approved
    (packet,) = desk.dossier(services, case, actor=ANN).packets
    assert (packet.outcome, packet.is_partial, packet.lacking) == ("made", False, ("slides",))
    receipt(services, case)
    assert b.folded(services, case).stage is Stage.DELIVERED
    assert "slides" in b.assessed(services, case).lacking

    slides_come(services, case)

    assert b.assessed(services, case).completeness.is_complete
    assert len(b.folded(services, case).packets) == 1
    assert not b.codes_asked(services, case)


def test_what_comes_after_a_packet_goes_in_a_further_one_once_a_person_says_so(services: Services):
    case = b.a_case_without_slides(services)
    process_all(services)
    receipt(services, case)
    late = b.came_in(services, case, RecordKind.MOLECULAR)
    process_all(services)
    assert b.codes_asked(services, case) == {HoldCode.APPROVE_DELTA}

    desk.resolve(services, b.the_hold(services, "approve-delta").id, HoldAnswer.APPROVE, actor=ANN)
    process_all(services)

    newest = b.folded(services, case).newest_packet
    assert newest
    assert newest.planned.packet == f"{case}-p2"
    assert newest.assembled
    assert late in newest.assembled.records


def test_a_missing_file_holds_the_packet_up_though_the_glass_is_here(services: Services):
    case = b.a_case(services)
    b.came_in(services, case, RecordKind.NOTE)
    b.came_in(services, case, RecordKind.IMAGES)
    slides_come(services, case)

    assert not b.folded(services, case).packets

    b.came_in(services, case, RecordKind.PATHOLOGY_REPORT)
    assert b.folded(services, case).packets


def test_a_center_that_takes_it_as_it_comes_gets_each_record_in_a_packet_of_its_own_accord(services: Services):
    services = delivering(services, Delivery.AS_IT_COMES)
    case = b.a_case(services)
    for nth, kind in enumerate(ALL_FILES, 1):
        came = b.came_in(services, case, kind)
        process_all(services)
        assert len(b.folded(services, case).packets) == nth
        newest = b.folded(services, case).newest_packet
        assert newest
        assert newest.assembled
        assert came in newest.assembled.records
        assert newest.planned.is_partial is (nth < len(ALL_FILES))
        receipt(services, case)

    slides_come(services, case)

    assert len(b.folded(services, case).packets) == len(ALL_FILES)
    assert not b.folded(services, case).approved


def test_what_comes_while_a_packet_is_under_way_waits_for_its_receipt(services: Services):
    services = delivering(services, Delivery.AS_IT_COMES)
    case = b.a_case(services)
    b.came_in(services, case, RecordKind.NOTE)
    process_all(services)
    b.came_in(services, case, RecordKind.IMAGES)
    b.came_in(services, case, RecordKind.PATHOLOGY_REPORT)
    process_all(services)
    assert len(b.folded(services, case).packets) == 1

    receipt(services, case)

    assert len(b.folded(services, case).packets) == 2


def test_a_center_that_waits_for_all_gets_nothing_before_the_glass_unless_a_person_says_so(services: Services):
    services = delivering(services, Delivery.WHEN_ALL)
    waiting, let_go = b.a_case_without_slides(services), b.a_case_without_slides(services)
    process_all(services)
    assert b.codes_asked(services, waiting) == b.codes_asked(services, let_go) == {HoldCode.APPROVE_PARTIAL}
    assert not b.folded(services, waiting).packets

    slides_come(services, waiting)
    desk.approve(services, let_go, actor=ANN)

    assert len(b.folded(services, waiting).packets) == len(b.folded(services, let_go).packets) == 1
    assert not b.codes_asked(services, waiting) | b.codes_asked(services, let_go)


def test_where_a_source_wants_approval_a_person_is_asked_about_every_packet(services: Services):
    known = {**services.institutions}
    known[b.MERCY] = known[b.MERCY].model_copy(update={"approval_before_release": True})
    strict = b.new_services(
        services.ledger,
        institutions=institutions.Institutions(known.values()),
        hand_to=services.hand_to,
        vault=services.vault,
    )
    first = b.a_case_without_slides(strict)
    assert b.codes_asked(strict, first) == {HoldCode.APPROVE_RELEASE}

    quick = delivering(strict, Delivery.AS_IT_COMES)
    case = b.a_case(quick)
    b.came_in(quick, case, RecordKind.NOTE)
    assert b.codes_asked(quick, case) == {HoldCode.APPROVE_RELEASE}
    desk.approve(quick, case, actor=ANN, without=b.assessed(quick, case).lacking)
    process_all(quick)
    receipt(quick, case)
    b.came_in(quick, case, RecordKind.IMAGES)
    assert b.codes_asked(quick, case) == {HoldCode.APPROVE_DELTA}


def test_glass_that_nobody_settles_is_a_persons_after_the_packet_went(services: Services):
    case = b.a_case_without_slides(services)
    process_all(services)
    receipt(services, case)
    assert not b.codes_asked(services, case)

    desk.receive_material(services, case, pieces=4, announced=6, accession="S25-1", actor=ANN)

    assert b.codes_asked(services, case) == {HoldCode.NEEDS_UNANSWERED}
    desk.receive_material(services, case, pieces=2, accession="S25-1", is_another_parcel=True, actor=ANN)
    assert not b.codes_asked(services, case)
    assert len(b.folded(services, case).packets) == 1


def test_a_declined_packet_is_sent_again_only_by_a_person(services: Services):
    case = b.a_case_without_slides(services)
    process_all(services)
    receipt(services, case, "rejected")
    process_all(services)

    assert len(b.folded(services, case).packets) == 1
    assert HoldCode.APPROVE_RELEASE in b.codes_asked(services, case)


def test_what_is_judged_while_its_packet_is_put_together_owes_no_second_run(services: Services):
    case = b.a_case_without_slides(services)
    with services.ledger.transaction() as tx:
        taken = rounds.take(tx, Dag.RELEASE_PACKET, f"{case}-p1", 1)
    assert taken

    with services.ledger.transaction() as tx:
        settle_needs(tx, services, case)

    with services.ledger.transaction() as tx:
        made = [one.number for one, _ in rounds.of_case(tx, case) if one.dag is Dag.RELEASE_PACKET]
    assert made == [1]


def test_what_people_said_while_the_run_waited_for_them_owes_the_next_one(services: Services, monkeypatch):
    """They answer after it looked, and before it ends."""
    case = b.a_case_without_slides(services)
    with services.ledger.transaction() as tx:
        taken = rounds.take(tx, Dag.RELEASE_PACKET, f"{case}-p1", 1)
    assert taken
    monkeypatch.setattr("transfer.flow.rounds.assemble_packet", lambda *_: False)

    assert not assemble(services, taken)
    monkeypatch.undo()
    process_all(services)

    assert b.folded(services, case).stage is Stage.SENDING
