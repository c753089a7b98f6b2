"""What people do at the desk: each decision takes effect once, under a name, and lets go on only what may."""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.kit import builders as b
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN, somebody
from transfer import facts
from transfer.arrivals import ArrivalKind
from transfer.completeness import NeedState, WaiverKind
from transfer.disclosures import EgressOutcome
from transfer.errors import NeedsReview, NotAllowed, Unavailable, Unknown
from transfer.facts import Chain
from transfer.flow import desk, stopping
from transfer.flow.desk import permissions
from transfer.flow.services import Services
from transfer.hold_answers import ANSWERS
from transfer.holds import OF_STUCK_PACKETS, HoldAnswer, HoldCode
from transfer.identifiers import CaseId, HoldId, PacketId
from transfer.ledger import Ledger, disclosures, holds, notes, patients, requests
from transfer.ledger.disclosures import EgressEnd, Grounds, Sender
from transfer.matching import MatchRule
from transfer.milestones import Milestone
from transfer.permissions import End
from transfer.records import RecordKind
from transfer.remedies import Remedy, RemedyCode
from transfer.requests import RequestState
from transfer.rights import Right
from transfer.sentences import sentence

BY_FORM = Grounds(bases=("authorization",), permissions=())

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def lines(services: Services, chain: Chain, kind: type[facts.Fact]) -> list[facts.LedgerLine]:
    with services.ledger.transaction() as tx:
        return [line for line in tx.lines(chain) if isinstance(line.fact, kind)]


class TestApproving:
    def test_a_packet_that_lacks_only_slides_goes_when_somebody_approves(self, services):
        case = b.a_case_without_slides(services)

        did = desk.approve(services, case, actor=ANN)

        assert did.changed
        assert ("release_packet", f"{case}-p1") in b.owed(services)
        (line,) = lines(services, Chain.case(case), facts.CaseApproved)
        assert (line.by.person, line.fact.lacking) == (ANN.person, ("slides",))
        assert not b.open_holds(services, case)

    def test_approving_twice_lets_one_packet_go(self, services):
        case = b.a_case_without_slides(services)
        desk.approve(services, case, actor=ANN)

        again = desk.approve(services, case, actor=BEN)

        assert not again.changed
        assert len(lines(services, Chain.case(case), facts.PacketPlanned)) == 1

    def test_a_case_that_waits_for_more_is_not_approved_by_accident(self, services):
        case = b.a_case(services)
        b.came_in(services, case, RecordKind.NOTE)

        with pytest.raises(NotAllowed) as refused:
            desk.approve(services, case, actor=ANN)

        assert refused.value.remedy.code is RemedyCode.NAME_LINES
        assert "images" in refused.value.remedy.fields["lines"]
        assert not lines(services, Chain.case(case), facts.CaseApproved)

    def test_it_goes_without_the_lines_a_person_names(self, services):
        case = b.a_case(services)
        b.came_in(services, case, RecordKind.NOTE)

        did = desk.approve(services, case, actor=ANN, without=["pathology-report", "images", "slides"])

        assert f"{case}-p1" in sentence(did)

    def test_a_line_no_checklist_has_is_refused(self, services):
        case = b.a_case(services)

        with pytest.raises(NotAllowed, match="no line"):
            desk.approve(services, case, actor=ANN, without=["moon"])

    def test_a_case_that_is_not_opened_has_nothing_to_approve(self, services):
        case = b.refer(services, b.a_chart())

        with pytest.raises(NotAllowed, match="not opened"):
            desk.approve(services, case, actor=ANN)

    def test_a_case_nobody_knows_is_unknown(self, services):
        with pytest.raises(Unknown):
            desk.approve(services, CaseId("c00000000000"), actor=ANN)


class TestWaiving:
    def test_a_line_that_does_not_exist_is_no_longer_missing(self, services):
        case = b.a_case_without_slides(services)

        desk.waive(services, case, "slides", WaiverKind.ABSENT, actor=ANN)

        states = {need.line.key: need.state for need in b.assessed(services, case).completeness.needs}
        assert states["slides"] is NeedState.ABSENT_WITH_REASON
        assert ("release_packet", f"{case}-p1") in b.owed(services)

    def test_saying_it_twice_says_it_once(self, services):
        case = b.a_case(services)
        desk.waive(services, case, "images", WaiverKind.WAIVED, actor=ANN)

        again = desk.waive(services, case, "images", WaiverKind.WAIVED, actor=ANN)

        assert not again.changed
        assert len(lines(services, Chain.case(case), facts.NeedWaived)) == 1

    def test_applies_takes_the_word_back(self, services):
        case = b.a_case(services)
        desk.waive(services, case, "images", WaiverKind.WAIVED, actor=ANN)

        desk.waive(services, case, "images", WaiverKind.APPLIES, actor=ANN)

        states = {need.line.key: need.state for need in b.assessed(services, case).completeness.needs}
        assert states["images"] is not NeedState.WAIVED

    def test_a_substitute_is_a_record_of_the_case(self, services):
        case = b.a_case(services)
        record = b.came_in(services, case, RecordKind.NOTE)

        with pytest.raises(NotAllowed):
            desk.waive(services, case, "images", WaiverKind.SUBSTITUTE, actor=ANN)
        with pytest.raises(NotAllowed):
            desk.waive(services, case, "images", WaiverKind.SUBSTITUTE, actor=ANN, record="r" + "0" * 15)
        did = desk.waive(services, case, "images", WaiverKind.SUBSTITUTE, actor=ANN, record=record)

        assert did.changed


class TestNoting:
    def test_a_note_is_kept_sealed_and_once(self, services):
        case = b.a_case(services)

        first = desk.add_note(services, case, "Called Mrs. Zebra's daughter", actor=ANN)
        again = desk.add_note(services, case, "Called Mrs. Zebra's daughter", actor=ANN)

        assert (first.changed, again.changed) == (True, False)
        texts = [note.text for note in desk.dossier(services, case, actor=ANN, notes=True).notes]
        assert texts.count("Called Mrs. Zebra's daughter") == 1
        with services.ledger.transaction() as tx:
            assert not any(b"Zebra" in line.text for line in tx.lines(Chain.case(case)))

    def test_what_people_wrote_is_not_the_question_in_the_packet(self, services):
        chart = b.a_chart()
        b.sign_form(services, chart)
        asking_nothing = json.loads(b.referral_of(chart))
        order = asking_nothing["entry"][1]["resource"]
        del order["note"], order["reasonCode"][0]["text"]
        body = json.dumps(asking_nothing).encode()
        case = b.comes(services, b.LAKESIDE, ArrivalKind.REFERRAL, body, "application/fhir+json").subject
        process_all(services)
        desk.add_note(services, case, "a note among us", actor=ANN)

        with services.ledger.transaction() as tx:
            assert notes.of_referral(tx, case, "question") is None

    def test_an_empty_note_is_refused(self, services):
        with pytest.raises(NotAllowed):
            desk.add_note(services, b.a_case(services), "  ", actor=ANN)


class TestClosing:
    def test_what_is_asked_is_withdrawn_and_nothing_more_is_asked(self, services):
        case = b.a_case(services)

        desk.close(services, case, "opinion-given", actor=ANN)
        process_all(services)

        states = {request.state for request in desk.dossier(services, case, actor=ANN).requests}
        assert states == {RequestState.WITHDRAWN}
        assert desk.dossier(services, case, actor=ANN).why == "Closed: opinion given."
        assert not b.open_holds(services, case)

    def test_closing_twice_closes_once_and_otherwise_not_at_all(self, services):
        case = b.a_case(services)
        desk.close(services, case, "died", actor=ANN)

        assert not desk.close(services, case, "died", actor=BEN).changed
        with pytest.raises(NotAllowed):
            desk.close(services, case, "not-coming", actor=BEN)

    def test_a_referral_sent_back_before_it_was_opened_stays_closed(self, services):
        case = b.refer(services, b.a_chart())

        desk.close(services, case, "not-coming", actor=ANN)
        process_all(services)

        found = desk.dossier(services, case, actor=ANN)
        assert (found.stage, found.patient) == ("closed", None)

    def test_another_ending_than_the_five_is_refused(self, services):
        with pytest.raises(NotAllowed, match="no case ends"):
            desk.close(services, b.a_case(services), "forgotten", actor=ANN)

    def test_a_closed_case_takes_no_more_decisions(self, services):
        case = b.a_case(services)
        desk.close(services, case, "died", actor=ANN)

        with pytest.raises(NotAllowed, match="closed"):
            desk.waive(services, case, "images", WaiverKind.WAIVED, actor=ANN)


class TestMaterial:
    def test_pieces_are_counted_and_the_accession_number_is_sealed(self, services):
        case = b.a_case(services)

        did = desk.receive_material(services, case, pieces=6, announced=6, accession="S25-10071", actor=ANN)

        assert sentence(did).startswith("6 of 6 slides")
        (line,) = lines(services, Chain.case(case), facts.MaterialReceived)
        assert (line.fact.received, line.by.person) == (6, ANN.person)
        assert b"10071" not in line.text

    def test_the_same_parcel_entered_twice_counts_once(self, services):
        case = b.a_case(services)
        desk.receive_material(services, case, pieces=6, accession="S25-10071", actor=ANN)

        again = desk.receive_material(services, case, pieces=6, accession="S25-10071", actor=BEN)

        assert not again.changed
        assert desk.dossier(services, case, actor=ANN).materials[0].received == 6

    def test_a_further_parcel_is_said_to_be_one(self, services):
        case = b.a_case(services)
        desk.receive_material(services, case, pieces=4, announced=6, accession="S25-10071", actor=ANN)

        with pytest.raises(NotAllowed) as refused:
            desk.receive_material(services, case, pieces=2, accession="S25-10071", actor=ANN)
        desk.receive_material(services, case, pieces=2, accession="S25-10071", actor=ANN, is_another_parcel=True)

        assert refused.value.remedy == Remedy(RemedyCode.SAY_ANOTHER_PARCEL)
        assert desk.dossier(services, case, actor=ANN).materials[0].received == 6

    def test_other_labels_than_the_first_parcels_are_not_counted(self, services):
        case = b.a_case(services)
        desk.receive_material(services, case, pieces=4, accession="S25-10071", actor=ANN)

        with pytest.raises(NeedsReview):
            desk.receive_material(services, case, pieces=2, accession="S25-99999", actor=ANN, is_another_parcel=True)

    def test_the_senders_count_can_be_told_afterwards_and_completes_the_case(self, services):
        case = b.a_case_without_slides(services)
        desk.receive_material(services, case, pieces=6, accession="S25-10071", actor=ANN)

        desk.announce_material(services, case, 6, actor=ANN)

        assert ("release_packet", f"{case}-p1") in b.owed(services)
        assert not desk.announce_material(services, case, 6, actor=ANN).changed

    def test_a_count_before_anything_came_goes_with_the_parcel(self, services):
        with pytest.raises(NotAllowed, match="not come"):
            desk.announce_material(services, b.a_case(services), 6, actor=ANN)


class TestPermissions:
    def permission(self, services: Services, case: CaseId) -> str:
        return desk.dossier(services, case, actor=ANN).permissions[0].permission

    def test_a_revocation_stops_is_complete_and_rings_what_follows(self, services):
        case = b.a_case(services)
        permission = self.permission(services, case)

        did = desk.revoke(services, permission, actor=ANN)

        assert did.changed
        assert "the stop is complete" in sentence(did)
        (shown,) = desk.dossier(services, case, actor=ANN).permissions
        assert shown.state == "revoked"
        assert shown.stop_completed_at is not None
        (ended,) = lines(services, Chain.patient(b.patient_of(services, case)), facts.PermissionEnded)
        assert ended.by.person == ANN.person
        assert ("enforce_permissions", case) in b.owed(services)

    def test_revoking_twice_revokes_once(self, services):
        case = b.a_case(services)
        permission = self.permission(services, case)
        desk.revoke(services, permission, actor=ANN)

        assert not desk.revoke(services, permission, actor=BEN).changed
        assert len(lines(services, Chain.patient(b.patient_of(services, case)), facts.PermissionEnded)) == 1

    def test_a_pause_stops_and_a_resumption_lets_go_on(self, services):
        case = b.a_case(services)
        permission = self.permission(services, case)

        desk.pause(services, permission, actor=ANN)
        process_all(services)
        stopped = {request.state for request in desk.dossier(services, case, actor=ANN).requests}
        desk.resume(services, permission, actor=ANN)
        process_all(services)

        assert stopped == {RequestState.NOT_PERMITTED}
        assert desk.dossier(services, case, actor=ANN).permissions[0].state == "in-force"
        assert RequestState.NOT_PERMITTED not in {
            request.state for request in desk.dossier(services, case, actor=ANN).requests
        }

    def test_what_was_revoked_is_neither_paused_nor_resumed(self, services):
        case = b.a_case(services)
        permission = self.permission(services, case)
        desk.revoke(services, permission, actor=ANN)

        with pytest.raises(NotAllowed):
            desk.pause(services, permission, actor=ANN)
        with pytest.raises(NotAllowed):
            desk.resume(services, permission, actor=ANN)

        assert desk.dossier(services, case, actor=ANN).permissions[0].state == "revoked"

    def test_a_revocation_during_a_pause_is_not_overwritten_by_it(self, services, monkeypatch):
        case = b.a_case(services)
        permission = self.permission(services, case)
        begun, end = threading.Event(), stopping.end

        def slowly(tx, filed, how):
            if how is End.PAUSED:
                begun.set()
                time.sleep(0.5)
            return end(tx, filed, how)

        monkeypatch.setattr(stopping, "end", slowly)
        pausing = threading.Thread(target=desk.pause, args=(services, permission), kwargs={"actor": BEN})
        pausing.start()
        begun.wait(5)
        desk.revoke(services, permission, actor=ANN)
        pausing.join()

        assert desk.dossier(services, case, actor=ANN).permissions[0].state == "revoked"

    def test_it_is_not_in_force_while_a_stream_is_open(self, services, monkeypatch):
        monkeypatch.setattr(permissions, "STOP_COMPLETE_WITHIN_SECONDS", 0.3)
        case = b.a_case_without_slides(services)
        desk.approve(services, case, actor=ANN)
        permission, patient = self.permission(services, case), b.patient_of(services, case)
        seen: list[int] = []
        with Sender(services.ledger) as sender:
            with services.ledger.transaction() as tx:
                epoch = patients.hold_epoch_shared(tx, patient)
                packet = tx.case(case).newest_packet.planned.packet
                begun = disclosures.begin(tx, PacketId(packet), b.SUMMIT, BY_FORM)
                egress = disclosures.open_egress(tx, begun, patient, epoch, sender.number, "packet.tar", BY_FORM)

            with pytest.raises(Unavailable, match="its stop is not complete"):
                desk.revoke(services, permission, actor=ANN, waiting=seen.append)
            stopped = desk.dossier(services, case, actor=ANN).permissions[0]
            with services.ledger.transaction() as tx:
                disclosures.close_egress(tx, [EgressEnd(egress=egress.id, size=17, outcome=EgressOutcome.CUT)])
            did = desk.revoke(services, permission, actor=ANN, waiting=seen.append)

        assert (stopped.state, stopped.stop_completed_at) == ("revoked", None)
        assert "the stop is complete" in sentence(did)
        assert (seen[0], seen[-1]) == (1, 0)

    def test_a_revocation_after_the_case_was_closed_still_has_somebody_to_see_to_it(self, services):
        case = b.a_case(services)
        permission = self.permission(services, case)
        desk.close(services, case, "opinion-given", actor=ANN)

        desk.revoke(services, permission, actor=ANN)

        assert ("enforce_permissions", case) in b.owed(services)


class TestRecall:
    def packet(self, services: Services) -> PacketId:
        case = b.a_case_without_slides(services)
        return PacketId(str(desk.approve(services, case, actor=ANN).fields["packet"]))

    def test_a_recalled_packet_is_handed_to_nobody_and_another_may_go(self, services):
        packet = self.packet(services)

        did = desk.recall(services, packet.case, actor=ANN, note="wrong center")
        process_all(services)

        assert did.fields["packet"] == packet
        (shown,) = desk.dossier(services, packet.case, actor=ANN).packets
        assert shown.is_recalled
        assert shown.disclosure is None
        other = desk.approve(services, packet.case, actor=ANN)
        assert other.fields["packet"] == f"{packet.case}-p2"

    def test_recalling_twice_recalls_once(self, services):
        packet = self.packet(services)

        assert desk.recall(services, packet.case, actor=ANN).changed
        assert not desk.recall(services, packet.case, actor=ANN).changed

    def test_there_must_be_a_packet_that_is_still_here(self, services):
        with pytest.raises(NotAllowed, match="no packet that could be recalled"):
            desk.recall(services, b.a_case(services), actor=ANN)

    def test_of_a_closed_case_nothing_is_recalled_its_links_are_dead(self, services):
        packet = self.packet(services)
        desk.close(services, packet.case, "not-coming", actor=ANN)

        with pytest.raises(NotAllowed, match="closed"):
            desk.recall(services, packet.case, actor=ANN)


class TestTelephoneAnswers:
    def test_no_records_is_the_sources_own_word(self, services):
        case = b.a_case(services)
        request = b.request_to(services, case, "prairie-pathology")

        desk.answer_request(services, request.id, desk.RequestAnswer.NO_RECORDS, actor=ANN)

        assert b.request_to(services, case, "prairie-pathology").state is RequestState.NO_RECORDS
        assert not desk.answer_request(services, request.id, desk.RequestAnswer.NO_RECORDS, actor=ANN).changed

    def test_a_source_that_refused_may_send_by_itself(self, services):
        case = b.a_case(services)
        request = b.put(
            services, b.request_to(services, case, "mercy-imaging"), RequestState.ASKING, RequestState.FORBIDDEN
        )

        desk.answer_request(services, request.id, desk.RequestAnswer.WILL_SEND, actor=ANN)

        assert b.request_to(services, case, "mercy-imaging").state is RequestState.EXPECTED

    def test_asking_again_rings_at_once(self, services):
        case = b.a_case(services)
        request = b.request_to(services, case, "mercy-imaging")
        assert ("open_case", case) not in b.owed(services), "it is tried again later"

        desk.answer_request(services, request.id, desk.RequestAnswer.AGAIN, actor=ANN)

        assert ("open_case", case) in b.owed(services)

    def test_nothing_is_asked_without_a_permission(self, services):
        case = b.a_case(services, form=False)
        request = b.request_to(services, case, "mercy-imaging")

        with pytest.raises(NotAllowed, match="no permission"):
            desk.answer_request(services, request.id, desk.RequestAnswer.AGAIN, actor=ANN)

    def test_what_has_come_is_not_said_to_be_nothing(self, services):
        case = b.a_case(services)
        b.came_in(services, case, RecordKind.IMAGES)
        request = b.request_to(services, case, "mercy-imaging")

        with pytest.raises(NotAllowed, match="cannot become"):
            desk.answer_request(services, request.id, desk.RequestAnswer.NO_RECORDS, actor=ANN)

    def test_a_task_at_work_loses_its_claim(self, services):
        case = b.a_case(services)
        request = b.request_to(services, case, "mercy-imaging")
        desk.answer_request(services, request.id, desk.RequestAnswer.AGAIN, actor=ANN)
        with services.ledger.transaction() as tx:
            claimed = requests.claim(tx, request.id)

        desk.answer_request(services, request.id, desk.RequestAnswer.NO_RECORDS, actor=ANN)

        with pytest.raises(Unavailable), services.ledger.transaction() as tx:
            requests.still_ours(tx, claimed)


class TestReferralsFromAFile:
    def test_a_bundle_opens_a_case_under_the_persons_name(self, services):
        did = desk.open_referral(services, b.LAKESIDE, b.referral_of(b.a_chart()), actor=ANN)
        case = CaseId(did.fields["case"])
        process_all(services)

        assert did.changed
        assert desk.dossier(services, case, actor=ANN).referring == b.LAKESIDE
        (line,) = lines(services, Chain.case(case), facts.ReferralEntered)
        assert line.by.person == ANN.person

    def test_the_same_file_again_is_the_same_case(self, services):
        body = b.referral_of(b.a_chart())
        case = CaseId(desk.open_referral(services, b.LAKESIDE, body, actor=ANN).fields["case"])

        did = desk.open_referral(services, b.LAKESIDE, body, actor=BEN)

        assert (did.changed, did.fields["case"]) == (False, case)

    def test_a_ref_i12_opens_a_case(self, services):
        case = CaseId(desk.open_referral(services, b.LAKESIDE, b.ref_i12(b.a_chart()), actor=ANN).fields["case"])
        process_all(services)

        assert desk.dossier(services, case, actor=ANN).receiver == b.SUMMIT

    def test_who_may_not_refer_is_refused(self, services):
        with pytest.raises(NotAllowed, match="may not send referrals"):
            desk.open_referral(services, b.MERCY, b.referral_of(b.a_chart()), actor=ANN)

    def test_a_file_of_several_referrals_is_refused_and_not_stored(self, services):
        with pytest.raises(NotAllowed, match="several"):
            desk.open_referral(services, b.LAKESIDE, b.ref_i12(b.a_chart()) + b.ref_i12(b.a_chart()), actor=ANN)

        with services.ledger.transaction() as tx:
            assert tx.value("SELECT count(*) FROM arrivals") == 0

    @pytest.mark.parametrize("body", [b"", b"%PDF-1.7 a letter", b'{"resourceType": "Consent"}', b'{"a": ' * 2000])
    def test_what_is_no_referral_is_refused_and_not_stored(self, services, body):
        with pytest.raises((NotAllowed, NeedsReview)):
            desk.open_referral(services, b.LAKESIDE, body, actor=ANN)

        with services.ledger.transaction() as tx:
            assert tx.value("SELECT count(*) FROM arrivals") == 0

    def test_a_large_one_lies_in_the_vault(self, services):
        body = b.referral_of(b.a_chart()) + b" " * 100_000

        case = CaseId(desk.open_referral(services, b.LAKESIDE, body, actor=ANN).fields["case"])
        desk.open_referral(services, b.LAKESIDE, body, actor=ANN)
        process_all(services)

        assert len(services.vault.objects) == 1
        assert desk.dossier(services, case, actor=ANN).patient


class TestWhoseItIs:
    """A laboratory's report names somebody of our patient's name and birth date, under a number we do not know."""

    @pytest.fixture
    def chart(self):
        return b.a_chart()

    @pytest.fixture
    def case(self, services, chart) -> CaseId:
        return b.a_case(services, chart)

    @pytest.fixture
    def hold(self, services, chart, case):
        b.report_comes(services, b.a_twin(chart))
        return b.the_hold(services, "whose-record")

    def test_two_people_see_both_side_by_side(self, services, case, hold):
        seen = desk.hold(services, hold.id, actor=ANN, identity=True).comparison

        assert (seen.deciders, seen.match_rule) == (2, MatchRule.NAME_AND_BIRTH_DATE)
        assert seen.candidates[0].cases == (case,)
        assert seen.said[0].birth_date == seen.candidates[0].identity.current.birth_date

    def test_one_persons_word_is_kept_and_does_nothing_yet(self, services, case, hold):
        did = desk.resolve(services, hold.id, HoldAnswer.OURS, actor=ANN, case=case)
        again = desk.resolve(services, hold.id, HoldAnswer.OURS, actor=ANN, case=case)
        process_all(services)

        assert (did.needs_another, again.needs_another, again.changed) == (True, True, False)
        assert not desk.dossier(services, case, actor=ANN).records
        assert b.the_hold(services, "whose-record")

    def test_two_different_people_join_it_to_the_case(self, services, case, hold):
        desk.resolve(services, hold.id, HoldAnswer.OURS, actor=ANN, case=case)
        did = desk.resolve(services, hold.id, HoldAnswer.OURS, actor=BEN, case=case)
        process_all(services)

        assert not did.needs_another
        (record,) = lines(services, Chain.case(case), facts.RecordCollected)
        assert record.fact.document == "pathology-report"
        decided = lines(services, Chain.patient(b.patient_of(services, case)), facts.MatchDecided)
        assert [line.by.person for line in decided] == [ANN.person, BEN.person]
        assert not b.open_holds(services)

    def test_without_a_release_form_it_waits_sealed_and_is_not_asked_about_again(self, services):
        chart = b.a_chart()
        case = b.a_case(services, chart, form=False)
        b.report_comes(services, b.a_twin(chart))
        hold = b.the_hold(services, "whose-record")
        for actor in (ANN, BEN):
            desk.resolve(services, hold.id, HoldAnswer.OURS, actor=actor, case=case)
        process_all(services)
        assert not desk.dossier(services, case, actor=ANN).records

        b.sign_form(services, chart)
        process_all(services)

        assert [record.kind for record in desk.dossier(services, case, actor=ANN).records] == ["pathology-report"]
        assert not b.open_holds(services)

    def test_two_who_disagree_leave_it_open(self, services, case, hold):
        desk.resolve(services, hold.id, HoldAnswer.OURS, actor=ANN, case=case)

        assert desk.resolve(services, hold.id, HoldAnswer.NOT_OURS, actor=BEN).needs_another
        assert b.the_hold(services, "whose-record")

    def test_what_is_not_ours_is_sealed_and_not_asked_about_again(self, services, case, hold):
        for actor in (ANN, BEN):
            desk.resolve(services, hold.id, HoldAnswer.NOT_OURS, actor=actor)
        request = b.request_to(services, case, "mercy-imaging")
        desk.answer_request(services, request.id, desk.RequestAnswer.AGAIN, actor=ANN)
        process_all(services)

        assert not [one for one in b.open_holds(services) if one.code == "whose-record"]
        with services.ledger.transaction() as tx:
            row = tx.row("SELECT * FROM arrivals WHERE arrival = %s", hold.subject)
        assert (row.state, row.patient) == ("sealed", None)
        assert row.purge_after - row.received_at >= timedelta(hours=71)

    def test_what_is_not_ours_is_found_by_the_one_whose_it_is(self, services, chart, case):
        twin = b.a_twin(chart)
        b.report_comes(services, twin)
        hold = b.the_hold(services, "whose-record")
        for actor in (ANN, BEN):
            desk.resolve(services, hold.id, HoldAnswer.NOT_OURS, actor=actor)

        b.sign_form(services, twin)
        other = b.refer(services, twin)
        process_all(services)
        for actor in (ANN, BEN):
            desk.resolve(services, b.the_hold(services, "whose-referral").id, HoldAnswer.NOT_OURS, actor=actor)
        process_all(services)

        assert b.patient_of(services, other) != b.patient_of(services, case)
        with services.ledger.transaction() as tx:
            state = tx.value("SELECT state FROM arrivals WHERE arrival = %s", hold.subject)
        assert state != "purged"

    def test_a_case_of_somebody_else_is_refused(self, services, hold):
        other = b.a_case(services)

        with pytest.raises(NotAllowed, match="not, or not only"):
            desk.resolve(services, hold.id, HoldAnswer.OURS, actor=ANN, case=other)

    def test_ours_names_a_case(self, services, case, hold):
        with pytest.raises(NotAllowed) as refused:
            desk.resolve(services, hold.id, HoldAnswer.OURS, actor=ANN)

        assert refused.value.remedy == Remedy(RemedyCode.NAME_CASE, hold=hold.id, cases=(case,))

    def test_a_form_of_a_namesake_takes_effect_for_whom_people_say(self, services, chart):
        case = b.a_case(services, chart, form=False)
        b.sign_form(services, b.a_twin(chart))
        process_all(services)
        hold = b.the_hold(services, "whose-form")

        for actor in (ANN, BEN):
            desk.resolve(services, hold.id, HoldAnswer.OURS, actor=actor, case=case)
        process_all(services)

        assert desk.dossier(services, case, actor=ANN).permissions[0].state == "in-force"

    def test_a_referral_of_a_namesake_is_about_whom_people_say(self, services, chart, case):
        other = b.refer(services, b.a_twin(chart))
        process_all(services)
        hold = b.the_hold(services, "whose-referral")
        assert desk.dossier(services, other, actor=ANN).why.startswith("Needs a decision")

        for actor in (ANN, BEN):
            desk.resolve(services, hold.id, HoldAnswer.NOT_OURS, actor=actor)
        process_all(services)

        assert b.patient_of(services, other) != b.patient_of(services, case)
        assert desk.dossier(services, other, actor=ANN).stage == "gathering"


class TestAnsweringWhatIsAsked:
    def test_approving_answers_the_question(self, services):
        case = b.a_case_without_slides(services)
        hold = b.the_hold(services, "approve-partial")

        desk.resolve(services, hold.id, HoldAnswer.APPROVE, actor=ANN)

        assert ("release_packet", f"{case}-p1") in b.owed(services)
        (line,) = lines(services, Chain.case(case), facts.HoldResolved)
        assert (line.fact.answer, line.by.person) == ("approve", ANN.person)

    def test_waiting_sends_nothing_and_is_asked_again_when_something_changes(self, services):
        case = b.a_case_without_slides(services)
        hold = b.the_hold(services, "approve-partial")

        desk.resolve(services, hold.id, HoldAnswer.WAIT, actor=ANN)

        assert not b.open_holds(services, case)
        assert ("release_packet", f"{case}-p1") not in b.owed(services)
        b.came_in(services, case, RecordKind.LABORATORY)
        assert b.the_hold(services, "approve-partial").id != hold.id

    def test_the_same_answer_again_does_nothing_and_another_is_refused(self, services):
        b.a_case_without_slides(services)
        hold = b.the_hold(services, "approve-partial")
        desk.resolve(services, hold.id, HoldAnswer.APPROVE, actor=ANN)

        assert not desk.resolve(services, hold.id, HoldAnswer.APPROVE, actor=BEN).changed
        with pytest.raises(NotAllowed, match="was answered"):
            desk.resolve(services, hold.id, HoldAnswer.WAIT, actor=BEN)

    def test_a_question_takes_only_its_words(self, services):
        b.a_case_without_slides(services)
        hold = b.the_hold(services, "approve-partial")

        with pytest.raises(NotAllowed) as refused:
            b.two_say_purge(services, hold.id)

        assert refused.value.remedy == Remedy(RemedyCode.CHOOSE_ONE_OF, choices=("approve", "wait"))

    def test_a_question_nobody_asked_is_unknown(self, services):
        with pytest.raises(Unknown):
            desk.resolve(services, HoldId.draw(), HoldAnswer.SEEN, actor=ANN)

    @pytest.mark.parametrize(("word", "is_left"), [(HoldAnswer.KEEP, True), (HoldAnswer.PURGE, False)])
    def test_what_a_revocation_leaves_is_purged_or_kept_as_a_person_says(self, services, word, is_left):
        case = b.a_case(services)
        b.came_in(services, case, RecordKind.NOTE)
        desk.revoke(services, desk.dossier(services, case, actor=ANN).permissions[0].permission, actor=ANN)
        process_all(services)

        desk.resolve(services, b.the_hold(services, "confirm-purge").id, word, actor=BEN)
        process_all(services)

        assert bool(services.vault.objects) is is_left
        assert not [one for one in b.open_holds(services) if one.code == "confirm-purge"]

    def test_a_purged_case_can_be_shown_and_takes_nothing_more(self, services):
        case = b.a_case(services)
        b.came_in(services, case, RecordKind.NOTE)
        desk.revoke(services, desk.dossier(services, case, actor=ANN).permissions[0].permission, actor=ANN)
        process_all(services)
        b.two_say_purge(services, b.the_hold(services, "confirm-purge").id)
        process_all(services)

        shown = desk.dossier(services, case, actor=ANN, identity=True, notes=True)

        assert (shown.stage, shown.identity, shown.permissions) == ("closed", None, ())
        assert {note.text for note in shown.notes} == {None}
        with pytest.raises(Unknown, match="purged"):
            desk.add_note(services, case, "too late", actor=ANN)

    def test_what_cannot_be_read_is_set_aside_or_read_again(self, services):
        arrival = b.comes(services, b.LAKESIDE, ArrivalKind.AUTHORIZATION, b"{}", "application/fhir+json").arrival
        process_all(services)
        hold = b.the_hold(services, "arrival-unreadable")

        desk.resolve(services, hold.id, HoldAnswer.AGAIN, actor=ANN)
        process_all(services)
        desk.resolve(services, b.the_hold(services, "arrival-unreadable").id, HoldAnswer.SEEN, actor=ANN)

        with services.ledger.transaction() as tx:
            row = tx.row("SELECT * FROM arrivals WHERE arrival = %s", arrival)
        assert (row.state, row.outcome) == ("sealed", "seen")
        assert row.purge_after is not None

    def test_a_source_that_was_silent_is_asked_again(self, services):
        case = b.a_case(services)
        request = b.put(services, b.request_to(services, case, "mercy-imaging"), RequestState.SILENT)
        with services.ledger.transaction() as tx:
            holds.place(tx, case, HoldCode.SOURCE_DOES_NOT_ANSWER, request.id)

        desk.resolve(services, b.the_hold(services, "source-does-not-answer").id, HoldAnswer.AGAIN, actor=ANN)

        assert b.request_to(services, case, "mercy-imaging").state is RequestState.DUE
        assert ("open_case", case) in b.owed(services)

    @pytest.mark.parametrize(
        ("code", "about", "dag"),
        [
            (HoldCode.RELEASE_NOT_PERMITTED, "{case}-p1", "release_packet"),
            (HoldCode.RECEIVER_REFUSED, "{case}-p1", "release_packet"),
            (HoldCode.PACKET_DECLINED, "{case}-p1", "open_case"),
            (HoldCode.LEDGER_ALTERED, "{case}-p1", "release_packet"),
            (HoldCode.MACHINERY_BROKEN, "open_case", "open_case"),
        ],
    )
    def test_again_rings_what_is_to_be_tried_again(self, services, code, about, dag):
        case = b.a_case(services)
        with services.ledger.transaction() as tx:
            holds.place(tx, case, code, about.format(case=case))

        desk.resolve(services, b.the_hold(services, code).id, HoldAnswer.AGAIN, actor=ANN)

        assert any(rung[0] == dag and rung[1].startswith(case) for rung in b.owed(services))

    @pytest.mark.parametrize("code", [code for code in HoldCode if HoldAnswer.SEEN in ANSWERS[code]])
    def test_seen_answers_and_leaves_the_rest(self, services, code):
        case = b.a_case(services)
        with services.ledger.transaction() as tx:
            about = f"{case}-p1" if code in OF_STUCK_PACKETS else "q" + "0" * 15
            if code is HoldCode.CENTER_NOT_TOLD:
                about = Milestone.ENOUGH_TO_SCHEDULE
                tx.append(Chain.case(case), facts.MilestoneReached(milestone=about))
            holds.place(tx, case, code, about)

        desk.resolve(services, b.the_hold(services, code).id, HoldAnswer.SEEN, actor=ANN)

        assert not [hold for hold in b.open_holds(services, case) if hold.code == code]


class TestWhyItWaits:
    def why(self, services: Services, case: CaseId) -> str:
        said = desk.dossier(services, case, actor=ANN).why
        assert "\n" not in said
        assert said == {one.case: one.why for one in desk.list_cases(services, actor=ANN, closed=True)}[case]
        return said

    def test_for_a_release_form_and_of_whom_nothing_is_asked(self, services):
        said = self.why(services, b.a_case(services, form=False))

        assert said.startswith("Waits for the release form (")
        assert "Mercy Imaging, Film room" in said

    def test_for_a_decision_here(self, services):
        assert "Approve a partial packet, or wait" in self.why(services, b.a_case_without_slides(services))

    def test_for_us_once_it_is_approved(self, services):
        case = b.a_case_without_slides(services)
        desk.approve(services, case, actor=ANN)

        assert self.why(services, case) == f"Waits for us: packet {case}-p1 is being put together."

    def test_for_sources_by_name(self, services):
        said = self.why(services, b.a_case(services))

        assert "Prairie Pathology, Report desk" in said
        assert "Waits for the next try" in said

    def test_nothing_of_the_patient_is_said(self, services):
        chart = b.a_chart()
        case = b.a_case(services, chart)

        assert chart["patient"]["family"] not in str(desk.dossier(services, case, actor=ANN))
        assert chart["patient"]["family"] in str(desk.dossier(services, case, actor=ANN, identity=True))


class TestWhoDidIt:
    def test_a_name_that_nobody_made_sure_of_is_marked_so(self, services):
        case = b.a_case(services)
        desk.add_note(services, case, "she called", actor=ANN)
        desk.add_note(services, case, "she called again", actor=somebody("ben", is_claimed=False))

        noted = [(line.by.person, line.by.claimed) for line in lines(services, Chain.case(case), facts.NoteAdded)]
        shown = [(note.by, note.is_claimed) for note in desk.dossier(services, case, actor=ANN, notes=True).notes]

        assert noted[-2:] == [("ann", True), ("ben", False)]
        assert shown[-2:] == [("ann", True), ("ben", False)]

    def test_what_two_people_said_tells_who_had_signed_in(self, services):
        chart = b.a_chart()
        case = b.a_case(services, chart)
        b.report_comes(services, b.a_twin(chart))
        hold = b.the_hold(services, "whose-record")
        desk.resolve(services, hold.id, HoldAnswer.OURS, actor=somebody("ann", is_claimed=False), case=case)
        desk.resolve(services, hold.id, HoldAnswer.NOT_OURS, actor=BEN)

        said = desk.hold(services, hold.id, actor=ANN).comparison.opinions

        assert [(one.person, one.is_claimed, one.answer) for one in said] == [
            ("ann", False, "ours"),
            ("ben", True, "not-ours"),
        ]


class TestRights:
    def test_an_answer_needs_the_right_of_what_it_does(self, services):
        case = b.a_case_without_slides(services)
        hold = b.the_hold(services, "approve-partial")
        actor = somebody("ann", without=frozenset({Right.RELEASE}))

        with pytest.raises(NotAllowed, match="needs the right release"):
            desk.resolve(services, hold.id, HoldAnswer.APPROVE, actor=actor)

        assert b.the_hold(services, "approve-partial").id == hold.id
        assert not lines(services, Chain.case(case), facts.CaseApproved)

    def test_whose_it_is_needs_a_right_of_its_own(self, services):
        chart = b.a_chart()
        case = b.a_case(services, chart)
        b.report_comes(services, b.a_twin(chart))
        hold = b.the_hold(services, "whose-record")
        actor = somebody("ann", without=frozenset({Right.DECIDE_WHOSE}))

        with pytest.raises(NotAllowed, match="needs the right decide-whose"):
            desk.resolve(services, hold.id, HoldAnswer.OURS, actor=actor, case=case)

        assert not desk.hold(services, hold.id, actor=ANN).comparison.opinions

    def test_without_a_look_at_identity_nobody_compared_is_named(self, services):
        chart = b.a_chart()
        b.a_case(services, chart)
        b.report_comes(services, b.a_twin(chart))
        hold = b.the_hold(services, "whose-record")

        blind = desk.hold(services, hold.id, actor=somebody("ann", without=frozenset({Right.SEE_IDENTITY})))

        assert chart["patient"]["family"] not in str(blind)
        assert chart["patient"]["family"] in str(desk.hold(services, hold.id, actor=ANN, identity=True))


def test_a_form_that_expires_within_fourteen_days_is_told_of_until_another_takes_over(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    chart = b.a_chart()
    soon = (datetime.now(UTC) + timedelta(days=16)).date().isoformat()
    b.sign_form(services, chart, expires_on=soon)
    case = b.refer(services, chart)
    process_all(services)
    told = "expires within 14 days"
    assert told not in desk.dossier(services, case, actor=ANN).why

    hours_pass(timedelta(days=4))  # the day ends at the office, up to a quarter of a day after it does in UTC
    assert told in desk.dossier(services, case, actor=ANN).why
    assert told in desk.list_cases(services, actor=ANN)[0].why
    b.sign_form(services, chart, number="second", expires_on="2099-01-01")
    process_all(services)
    assert told not in desk.dossier(services, case, actor=ANN).why
