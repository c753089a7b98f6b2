"""Whoever answers a question sees its facts: what contradicts first, what an answer destroys, and what left already."""

from itertools import chain

import pytest

from tests.kit import builders as b
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import facts
from transfer.arrivals import ArrivalKind
from transfer.completeness import WaitCode, WaiverKind
from transfer.disclosures import DisclosureOutcome
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.assess import look
from transfer.flow.desk.readiness import readiness
from transfer.flow.desk.shown import ContextLine, Weight
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import CaseId, PacketId
from transfer.ledger import Ledger, disclosures, holds
from transfer.ledger.disclosures import Grounds
from transfer.permissions import End
from transfer.records import RecordKind
from transfer.remedies import RemedyCode
from transfer.requests import RequestState

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def context_of(services: Services, code: HoldCode):
    return desk.context(services, b.the_hold(services, code).id, actor=ANN)


def of_weight(lines: tuple[ContextLine, ...], weight: Weight) -> list[ContextLine]:
    return [one for one in lines if one.weight is weight]


def ask(services: Services, subject: str, code: HoldCode, about: str | None = None):
    with services.ledger.transaction() as tx:
        holds.place(tx, subject, code, about)


def is_ready(services: Services, case: CaseId):
    with services.ledger.transaction() as tx:
        return readiness(tx, services, look(tx, services, case))


class TestReadyToSend:
    def test_it_says_what_is_in_what_is_not_and_who_receives(self, services):
        b.a_case_without_slides(services)

        found = context_of(services, HoldCode.APPROVE_PARTIAL)

        lacks, agrees = (of_weight(found.lines, one) for one in (Weight.CONTRADICTS, Weight.AGREES))
        assert len(agrees) == 3
        assert all("covered by: authorization m" in one.says for one in agrees)
        assert any("slide" in one.label.lower() for one in lacks)
        assert [one.label for one in found.lines if one.label == "It goes to"]
        assert not found.left

    def test_what_contradicts_comes_first(self, services):
        b.a_case_without_slides(services)

        weights = [one.weight for one in context_of(services, HoldCode.APPROVE_PARTIAL).lines]

        assert weights == sorted(weights, key=list(Weight).index)
        assert weights[0] is Weight.CONTRADICTS

    def test_what_left_already_is_told_with_its_receiver(self, services):
        case = b.a_case_without_slides(services)
        desk.approve(services, case, actor=ANN)
        packet = PacketId.of(case, 1)
        with services.ledger.transaction() as tx:
            tx.lock_case(case)
            begun = disclosures.begin(tx, packet, b.SUMMIT, Grounds(bases=("authorization",), permissions=()))
            disclosures.settle(tx, begun, DisclosureOutcome.UNKNOWN)
        ask(services, case, HoldCode.RECEIVER_REFUSED, packet)

        (left,) = context_of(services, HoldCode.RECEIVER_REFUSED).left

        assert (left.packet, left.recipient, left.size) == (packet, services.institutions[b.SUMMIT].name, 0)

    def test_a_patient_who_said_stop_stands_before_all_else_and_nothing_is_ready(self, services):
        case = b.a_case_without_slides(services)
        desk.stop_everything(services, case, End.PAUSED, actor=ANN)

        found, (asked,) = context_of(services, HoldCode.APPROVE_PARTIAL), desk.holds(services, actor=ANN)

        assert found.lines[0].says.startswith("Stopped for now")
        assert asked.says.startswith("Stopped")
        ready = is_ready(services, case)
        assert ready.stopped
        assert not ready.is_ready
        assert not ready.held

    def test_what_was_received_and_is_not_covered_waits_for_the_authorization(self, services):
        case = b.a_case_without_slides(services)
        desk.stop_everything(services, case, End.REVOKED, actor=ANN)

        ready = is_ready(services, case)

        assert any("on hold" in one.says for one in ready.stopped)

    def test_with_everything_here_it_is_ready(self, services):
        case = b.a_case_without_slides(services)
        desk.waive(services, case, "slides", WaiverKind.ABSENT, actor=ANN)
        with services.ledger.transaction() as tx:
            assert tx.case(case).newest_packet
        ready = is_ready(services, case)

        assert not ready.stopped
        assert not ready.lacking
        assert ready.is_ready


class TestOtherQuestions:
    def test_before_anything_is_destroyed_it_says_what_and_that_the_request_closes(self, services):
        case = b.a_case_without_slides(services)
        desk.stop_everything(services, case, End.REVOKED, actor=ANN)
        process_all(services)

        found = context_of(services, HoldCode.CONFIRM_PURGE)

        destroyed = [one for one in found.lines if one.says == "Destroyed."]
        assert len(destroyed) == 3
        assert any("every request of theirs closes" in one.says for one in found.lines)

    def test_a_referral_that_cannot_be_read_says_why_and_from_whom(self, services):
        broken = b'{"resourceType": "Bundle", "type": "transaction", "entry": []}'
        b.comes(services, b.LAKESIDE, ArrivalKind.REFERRAL, broken, "application/fhir+json")
        process_all(services)

        found = context_of(services, HoldCode.REFERRAL_UNREADABLE)

        assert any("Lakeside" in one.says for one in found.lines)
        assert [one for one in found.lines if one.label == "What cannot be read"]

    def test_a_facility_that_does_not_answer_is_told_with_its_calls(self, services):
        case = b.a_case(services)
        request = b.request_to(services, case, b.PRAIRIE)
        call = desk.Call(callee=desk.Callee.FACILITY, outcome=desk.CallOutcome.VOICEMAIL, request=request.id)
        desk.log_call(services, case, call, actor=ANN)
        b.put(services, request, RequestState.SILENT)
        ask(services, case, HoldCode.SOURCE_DOES_NOT_ANSWER, request.id)

        found = context_of(services, HoldCode.SOURCE_DOES_NOT_ANSWER)

        assert found.lines[0].says.startswith("No answer")
        assert "Voicemail." in [one.says for one in found.lines if one.label == "Call"]

    def test_a_decline_says_what_each_reason_reopens(self, services):
        case = b.a_case_without_slides(services)
        desk.approve(services, case, actor=ANN)
        packet = PacketId.of(case, 1)
        with services.ledger.transaction() as tx:
            receipt = facts.ReceiptRecorded(
                packet=packet, status="declined", arrival="a", reasons=("images", "integrity")
            )
            tx.append(Chain.case(case), receipt)
        ask(services, case, HoldCode.PACKET_DECLINED, packet)

        lines = of_weight(context_of(services, HoldCode.PACKET_DECLINED).lines, Weight.CONTRADICTS)

        assert "Requested again: Mercy" in lines[0].says
        assert lines[1].says == "Nothing is requested again by itself."

    def test_every_question_has_its_facts_whatever_it_is_about(self, services):
        case = b.a_case_without_slides(services)
        request = b.request_to(services, case, b.PRAIRIE)
        with services.ledger.transaction() as tx:
            record, permission = next(iter(tx.case(case).records)), facts_permission(tx, case)
            abouts = (None, request.id, record, permission, f"{case}-p1", case)
            asked = {code: [holds.place(tx, case, code, about) for about in abouts] for code in HoldCode}

        assert all(any(holds_of_it) for holds_of_it in asked.values())
        for hold in filter(None, chain.from_iterable(asked.values())):
            found = desk.context(services, hold, actor=ANN)
            assert found.lines


def facts_permission(tx, case: CaseId) -> str:
    return next(one.permission for one in tx.case(case).records.values() if one.permission)


class TestComparing:
    def test_what_differs_stands_before_what_agrees(self, services):
        chart = b.a_chart()
        b.a_case(services, chart)
        b.report_comes(services, b.a_twin(chart))
        hold = b.the_hold(services, HoldCode.WHOSE_RECORD)

        lines = desk.hold(services, hold.id, actor=ANN, identity=True).side_by_side

        assert lines[0].weight is Weight.CONTRADICTS
        name = next(one for one in lines if one.label == "Name")
        assert name.weight is Weight.AGREES
        assert chart["patient"]["family"] in name.says
        assert chart["patient"]["family"] in name.beside
        assert desk.hold(services, hold.id, actor=ANN).side_by_side == ()


class TestWaitsOfPeople:
    def test_what_no_question_asks_is_in_the_list_with_what_leads_on(self, services):
        case = b.a_case(services)
        b.came_in(services, case, RecordKind.NOTE)
        for hold in b.open_holds(services, case):
            with services.ledger.transaction() as tx:
                holds.resolve(tx, hold.id, "seen")
        request = b.put(services, b.request_to(services, case, b.PRAIRIE), RequestState.SILENT)

        found = desk.undecided_cases(services, actor=ANN)

        (silent,) = [one for one in found if one.code is WaitCode.SOURCE_SILENT]
        assert silent.case == case
        assert silent.remedy.code is RemedyCode.ANSWER_REQUEST
        assert silent.remedy.fields["request"] == request.id

    def test_what_a_question_asks_stands_there_once(self, services):
        case = b.a_case_of_others(services)
        request = b.put(services, b.request_to(services, case, b.PRAIRIE), RequestState.SILENT)
        ask(services, case, HoldCode.SOURCE_DOES_NOT_ANSWER, request.id)

        assert not desk.undecided_cases(services, actor=ANN)
