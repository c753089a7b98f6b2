"""No packet is packed with nothing in it, and one that cannot leave gives way."""

import json
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import TakingReceiver
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.arrivals import ArrivalKind
from transfer.completeness import WaiverKind
from transfer.disclosures import DisclosureOutcome
from transfer.errors import NotAllowed
from transfer.flow import desk
from transfer.flow.assemble import assemble
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId, PacketId, RecordId
from transfer.ledger import Ledger, permissions, records
from transfer.records import RecordKind, Relation
from transfer.refusals import RefusalCode
from transfer.requests import RequestState
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers

LINES = ("oncology-notes", "pathology-report", "slides", "images")


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger, hand_to=lambda _: TakingReceiver())


def a_receipt(services: Services, packet: str, status: str, *reasons: str) -> None:
    """What the center says of a packet."""
    number = {"system": "urn:records-transfer:packet", "value": packet}
    task: dict[str, Any] = {
        "resourceType": "Task",
        "status": status,
        "intent": "order",
        "focus": {"identifier": number},
    }
    if reasons:
        task["statusReason"] = {"coding": [{"code": reason} for reason in reasons]}
    body = json.dumps(task).encode()
    b.comes(services, b.SUMMIT, ArrivalKind.RECEIPT, body, "application/fhir+json", subject=packet)
    process_all(services)


class TestNothingInIt:
    def test_nobody_approves_a_packet_of_nothing(self, services: Services):
        case = b.a_case(services, form=False)

        with pytest.raises(NotAllowed) as refused:
            desk.approve(services, case, actor=ANN, without=LINES)

        assert refused.value.refusal is not None
        assert refused.value.refusal.code is RefusalCode.NOTHING_TO_PACK
        assert b.folded(services, case).newest_packet is None

    def test_where_nothing_is_missing_and_nothing_came_a_person_ends_the_case(self, services: Services):
        case = b.a_case(services, form=False)
        for line in LINES:
            desk.waive(services, case, line, WaiverKind.ABSENT, actor=ANN)
        with services.ledger.transaction() as tx:
            assert tx.case(case).newest_packet is None
        for one in ("lakeside-oncology", "prairie-pathology", "mercy-imaging"):
            assert b.request_to(services, case, one).state is RequestState.NOT_PERMITTED

        (hold,) = b.open_holds(services, case)
        assert hold.code is HoldCode.NOTHING_TO_SEND
        desk.resolve(services, hold.id, HoldAnswer.END, actor=ANN)

        assert b.folded(services, case).closed

    def test_one_whose_records_are_withdrawn_before_it_is_assembled_gives_way(self, services: Services):
        case = b.a_case(services)
        record = b.came_in(services, case, RecordKind.NOTE)
        desk.approve(services, case, actor=ANN, without=LINES[1:])
        with services.ledger.transaction() as tx:
            records.supersede(tx, case, RecordId(record), None, Relation.WITHDRAWS)

        process_all(services)

        sent = b.folded(services, case).packets[f"{case}-p1"]
        assert sent.given_up
        assert sent.given_up.why == "nothing-in-it"
        assert b.folded(services, case).newest_packet is None


class TestGivingUp:
    def stuck(self, services: Services, chart: Chart) -> CaseId:
        """A packet that a paused form keeps here."""
        case = b.a_case(services, chart)
        b.came_in(services, case, RecordKind.NOTE)
        desk.approve(services, case, actor=ANN, without=LINES[1:])
        assert assemble(services, PacketId(f"{case}-p1"))
        with services.ledger.transaction() as tx:
            form = permissions.filed(tx, b.patient_of(services, case))[-1].permission.id
        desk.pause(services, form, actor=ANN)
        process_all(services)
        assert HoldCode.RELEASE_NOT_PERMITTED in b.codes_asked(services, case)
        return case

    def goes_on(self, services: Services, case: CaseId) -> None:
        with services.ledger.transaction() as tx:
            form = permissions.filed(tx, b.patient_of(services, case))[-1].permission.id
        desk.resume(services, form, actor=ANN)
        process_all(services)

    def test_one_that_waits_for_a_form_goes_when_the_form_goes_on(self, services: Services):
        chart = b.a_chart()
        case = self.stuck(services, chart)

        self.goes_on(services, case)

        assert b.folded(services, case).packets[f"{case}-p1"].outcome is DisclosureOutcome.MADE
        assert HoldCode.RELEASE_NOT_PERMITTED not in b.codes_asked(services, case)

    def test_what_cannot_leave_is_given_up_and_another_goes(self, services: Services):
        chart = b.a_chart()
        case = self.stuck(services, chart)

        did = desk.give_up(services, case, actor=ANN)
        again = desk.give_up(services, case, actor=ANN)

        assert (did.changed, again.changed) == (True, False)
        assert HoldCode.RELEASE_NOT_PERMITTED not in b.codes_asked(services, case)
        self.goes_on(services, case)
        desk.approve(services, case, actor=ANN, without=LINES[1:])
        process_all(services)
        now = b.folded(services, case).newest_packet
        assert now
        assert (now.planned.packet, now.outcome) == (f"{case}-p2", DisclosureOutcome.MADE)
        assert b.folded(services, case).packets[f"{case}-p1"].begun is None

    def test_one_that_cannot_leave_gives_way_to_more(self, services: Services):
        case = self.stuck(services, b.a_chart())
        with services.ledger.transaction() as tx:
            form = permissions.filed(tx, b.patient_of(services, case))[-1].permission.id
        desk.resume(services, form, actor=ANN)

        b.came_in(services, case, RecordKind.PATHOLOGY_REPORT)

        sent = b.folded(services, case).packets[f"{case}-p1"]
        assert sent.given_up
        assert sent.given_up.why == "newer"

    def test_one_that_may_have_left_is_recalled_instead(self, services: Services):
        case = b.a_case_without_slides(services)
        b.handed_over(services, case)

        with pytest.raises(NotAllowed) as refused:
            desk.give_up(services, case, actor=ANN)

        assert refused.value.remedy
        assert refused.value.remedy.fields == {"case": case}

    def test_a_case_without_a_packet_has_nothing_to_give_up(self, services: Services):
        with pytest.raises(NotAllowed):
            desk.give_up(services, b.a_case(services), actor=ANN)


class TestDeclined:
    def test_glass_that_is_declined_is_counted_anew(self, services: Services):
        case = b.a_case_without_slides(services)
        desk.receive_material(services, case, pieces=6, announced=6, accession="S25-1", actor=ANN)
        process_all(services)
        newest = b.folded(services, case).newest_packet
        assert newest

        a_receipt(services, newest.planned.packet, "rejected", "slides")

        assert "slides" in b.assessed(services, case).lacking
        assert HoldCode.PACKET_DECLINED in b.codes_asked(services, case)
        desk.announce_material(services, case, 6, actor=ANN)
        assert "slides" not in b.assessed(services, case).lacking

    def test_what_a_person_waived_is_owed_again_where_the_center_names_it(self, services: Services):
        case = b.a_case_without_slides(services)
        desk.waive(services, case, "slides", WaiverKind.WAIVED, actor=ANN)
        process_all(services)
        newest = b.folded(services, case).newest_packet
        assert newest

        a_receipt(services, newest.planned.packet, "rejected", "slides", "operative-note")

        assert {"slides", "operative-note"} <= {
            need.line.key for need in b.assessed(services, case).completeness.needs if need.state == "awaited-material"
        } | set(b.folded(services, case).waived)
        assert b.folded(services, case).waived["slides"].waiver == WaiverKind.APPLIES

    @pytest.mark.parametrize("before", [None, "accepted"])
    def test_the_case_itself_can_be_declined(self, services: Services, before: str | None):
        case = b.a_case_without_slides(services)
        packet = b.handed_over(services, case)
        if before:
            a_receipt(services, packet, before)

        a_receipt(services, packet, "rejected", "case-declined")

        assert b.folded(services, case).closed
        assert b.folded(services, case).closed.ending == "center-declined"  # type: ignore[union-attr]
        assert b.codes_asked(services, case) == {HoldCode.CASE_DECLINED}
        assert desk.dossier(services, case, actor=ANN).packets[0].links_ended
