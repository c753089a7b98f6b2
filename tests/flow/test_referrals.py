"""A referral has a life: one case, whatever comes under its number and in whatever order."""

import json
from datetime import date
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import TakingReceiver
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN
from transfer import facts
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.case import OpenedCase
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, notes, requests
from transfer.requests import RequestState
from transfer.sandbox.charts import Chart
from transfer.sandbox.oncology import letters

FHIR_JSON = "application/fhir+json"

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger, hand_to=lambda _: TakingReceiver())


def a_message(
    chart: Chart, *, order: dict[str, Any] | None = None, task: dict[str, Any] | None = None, **said: Any
) -> bytes:
    """A referral as Lakeside writes it, with elements of its own."""
    bundle = letters.referral(chart, said)
    bundle["entry"][1]["resource"] |= order or {}
    bundle["entry"][2]["resource"] |= task or {}
    return json.dumps(bundle).encode()


def says(services: Services, body: bytes, content_type: str = FHIR_JSON, by: str = b.LAKESIDE) -> CaseId:
    """It comes and is processed. The case that was drawn for it at the door."""
    door = Door.MLLP if content_type == HL7_V2 else Door.FHIR
    stored = b.comes(services, by, ArrivalKind.REFERRAL, body, content_type, door)
    process_all(services)
    return CaseId(stored.subject or "")


def opened(services: Services) -> list[CaseId]:
    """Every case that was ever opened."""
    with services.ledger.transaction() as tx:
        return [CaseId(row.case_id) for row in tx.rows("SELECT case_id FROM cases WHERE patient IS NOT NULL")]


def answer(services: Services, case: CaseId, code: HoldCode, word: HoldAnswer) -> None:
    (hold,) = [one for one in b.open_holds(services, case) if one.code is code]
    desk.resolve(services, hold.id, word, actor=ANN)
    process_all(services)


class TestChanged:
    def test_another_appointment_takes_effect_on_the_same_case(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart))

        drawn = says(services, a_message(chart, appointment_at="2027-03-04T10:00:00-07:00", needed_by="2027-03-01"))

        now = desk.dossier(services, case, actor=ANN)
        assert (now.appointment_at, now.needed_by) == ("2027-03-04T17:00:00+00:00", "2027-03-01")
        assert opened(services) == [case]
        assert b.folded(services, drawn).closed == facts.CaseClosed(ending="same-referral", other=case)
        assert desk.list_cases(services, actor=ANN)[0].needed_by.isoformat() == "2027-03-01"

    def test_the_same_in_other_bytes_changes_nothing(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart))

        says(services, a_message(chart, order={"authoredOn": "2026-01-02T12:00:00Z"}))

        assert opened(services) == [case]
        with services.ledger.transaction() as tx:
            assert not [x for x in tx.lines(Chain.case(case)) if isinstance(x.fact, facts.CaseChanged)]

    def test_another_question_is_the_one_that_counts(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart, question="Is surgery right?"))

        says(services, a_message(chart, question="Is radiotherapy enough?"))

        with services.ledger.transaction() as tx:
            assert "radiotherapy" in (notes.of_referral(tx, case, "question") or "")

    def test_a_further_source_is_asked(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart, sources=[b.LAKESIDE]))

        says(services, a_message(chart, sources=[b.LAKESIDE, b.MERCY]))

        assert b.request_to(services, case, b.MERCY).state is RequestState.NOT_PERMITTED

    def test_what_a_person_changed_stands_until_the_referral_says_something_new(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart, needed_by="2027-03-01"))
        desk.change(services, case, needed_by=date(2027, 1, 15), actor=ANN)

        says(services, a_message(chart, needed_by="2027-03-01", question="Is surgery right?"))
        kept = b.folded(services, case).opened.needed_by
        says(services, a_message(chart, needed_by="2027-04-01", question="Is surgery right?"))

        assert (kept, b.folded(services, case).opened.needed_by) == ("2027-01-15", "2027-04-01")

    def test_an_older_message_that_is_processed_later_changes_nothing(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart))
        late, _ = (
            b.comes(services, b.LAKESIDE, ArrivalKind.REFERRAL, a_message(chart, needed_by=day), FHIR_JSON)
            for day in ("2027-02-01", "2027-05-01")
        )
        with services.ledger.transaction() as tx:
            tx.run("UPDATE due_runs SET not_before = now() + interval '1 hour' WHERE subject = %s", late.subject)
        process_all(services)
        with services.ledger.transaction() as tx:
            tx.run("UPDATE due_runs SET not_before = now() WHERE subject = %s", late.subject)
        process_all(services)

        assert b.folded(services, case).opened.needed_by == "2027-05-01"
        assert opened(services) == [case]

    def test_the_patient_of_another_is_asked_about(self, services):
        chart, other = b.a_chart(), b.a_chart()
        case = says(services, a_message(chart))
        number = chart["referral"]["number"]

        drawn = says(services, a_message(other, number=number))

        assert b.codes_asked(services, drawn) == {HoldCode.WHOSE_REFERRAL}
        (hold,) = b.open_holds(services, drawn)
        for actor in (ANN, BEN):
            desk.resolve(services, hold.id, HoldAnswer.NOT_OURS, actor=actor)
        process_all(services)
        assert sorted(opened(services)) == sorted([case, drawn])
        assert b.patient_of(services, case) != b.patient_of(services, drawn)

    def test_one_that_was_set_aside_is_no_document_of_its_patient(self, services):
        """What a person said of whose it is stays with it. No later case of that patient reads it as a record."""
        chart, other = b.a_chart(), b.a_chart()
        says(services, a_message(chart))
        drawn = says(services, a_message(other, number=chart["referral"]["number"], order={"status": "on-hold"}))
        (hold,) = b.open_holds(services, drawn)
        for actor in (ANN, BEN):
            desk.resolve(services, hold.id, HoldAnswer.NOT_OURS, actor=actor)
        process_all(services)
        answer(services, drawn, HoldCode.REFERRAL_NOT_ACTIVE, HoldAnswer.SEEN)

        says(services, a_message(other))

        assert [one.code for one in b.open_holds(services) if one.code is HoldCode.ARRIVAL_UNREADABLE] == []
        with services.ledger.transaction() as tx:
            assert tx.value("SELECT state FROM arrivals WHERE subject = %s", drawn) == "filed"

    def test_another_center_is_asked_about_and_taken_where_nothing_left(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart))

        drawn = says(services, a_message(chart, receiver=b.MERCY))
        before = OpenedCase.of(b.folded(services, case)).receiver
        answer(services, case, HoldCode.RECEIVER_CHANGED, HoldAnswer.APPROVE)

        assert (before, OpenedCase.of(b.folded(services, case)).receiver) == (b.SUMMIT, b.MERCY)
        assert b.folded(services, drawn).closed
        assert opened(services) == [case]

    def test_another_center_takes_back_nothing_that_was_said_since(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart))
        says(services, a_message(chart, receiver=b.MERCY, needed_by="2027-01-01"))
        says(services, a_message(chart, needed_by="2027-06-01"))

        answer(services, case, HoldCode.RECEIVER_CHANGED, HoldAnswer.APPROVE)

        assert OpenedCase.of(b.folded(services, case)).receiver == b.MERCY
        assert b.folded(services, case).opened.needed_by == "2027-06-01"

    def test_a_case_on_hold_goes_on_for_the_other_center_that_asks_for_it(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart))
        says(services, a_message(chart, order={"status": "on-hold"}))
        says(services, a_message(chart, receiver=b.MERCY))
        assert not b.folded(services, case).is_active

        answer(services, case, HoldCode.RECEIVER_CHANGED, HoldAnswer.APPROVE)

        assert b.folded(services, case).is_active
        assert HoldCode.REFERRAL_ON_HOLD not in b.codes_asked(services, case)

    def test_another_center_may_be_left_alone(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart))

        drawn = says(services, a_message(chart, receiver=b.MERCY, needed_by="2027-01-01"))
        answer(services, case, HoldCode.RECEIVER_CHANGED, HoldAnswer.KEEP)

        assert OpenedCase.of(b.folded(services, case)).receiver == b.SUMMIT
        assert b.folded(services, case).opened.needed_by != "2027-01-01"
        assert b.folded(services, drawn).closed

    def test_another_center_gets_a_case_of_its_own_where_a_packet_left(self, services):
        chart = b.a_chart()
        case = b.a_case_without_slides(services, chart)
        b.handed_over(services, case)

        drawn = says(services, a_message(chart, receiver=b.MERCY))
        answer(services, case, HoldCode.RECEIVER_CHANGED, HoldAnswer.APPROVE)

        assert b.folded(services, case).closed.other == drawn
        assert OpenedCase.of(b.folded(services, drawn)).receiver == b.MERCY

    def test_a_case_goes_on_where_the_other_center_s_was_ended_before_the_answer(self, services):
        chart = b.a_chart()
        case = b.a_case_without_slides(services, chart)
        b.handed_over(services, case)
        drawn = says(services, a_message(chart, receiver=b.MERCY))
        desk.close(services, drawn, "not-coming", actor=ANN)

        answer(services, case, HoldCode.RECEIVER_CHANGED, HoldAnswer.APPROVE)

        assert b.folded(services, case).is_open
        assert OpenedCase.of(b.folded(services, case)).receiver == b.SUMMIT

    def test_a_case_that_ends_before_the_answer_leaves_the_other_center_to_a_question(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart))
        drawn = says(services, a_message(chart, receiver=b.MERCY))

        desk.close(services, case, "not-coming", actor=ANN)
        process_all(services)

        assert b.codes_asked(services, drawn) == {HoldCode.REFERRAL_OF_CLOSED}
        answer(services, drawn, HoldCode.REFERRAL_OF_CLOSED, HoldAnswer.APPROVE)
        assert OpenedCase.of(b.folded(services, drawn)).receiver == b.MERCY


WITHDRAWALS: list[Any] = [
    {"order": {"status": "revoked"}},
    {"order": {"status": "entered-in-error"}},
    {"task": {"status": "cancelled"}},
    {"order": {"doNotPerform": True}},
]


class TestWithdrawn:
    @pytest.mark.parametrize("how", WITHDRAWALS)
    def test_a_case_of_which_nothing_left_ends(self, services, how):
        chart = b.a_chart()
        b.sign_form(services, chart)
        case = says(services, a_message(chart))

        says(services, a_message(chart, **how))

        assert b.folded(services, case).closed.ending == "withdrawn"
        assert opened(services) == [case]
        with services.ledger.transaction() as tx:
            assert {one.state for one in requests.of_case(tx, case)} == {RequestState.WITHDRAWN}

    @pytest.mark.parametrize("how", WITHDRAWALS)
    def test_it_opens_no_case_and_says_so(self, services, how):
        drawn = says(services, a_message(b.a_chart(), **how))

        assert opened(services) == []
        assert b.codes_asked(services, drawn) == {HoldCode.REFERRAL_NOT_ACTIVE}
        answer(services, drawn, HoldCode.REFERRAL_NOT_ACTIVE, HoldAnswer.SEEN)
        assert b.folded(services, drawn).closed

    def test_a_withdrawal_that_is_processed_before_its_referral_withdraws_it(self, services):
        chart = b.a_chart()
        first = b.comes(services, b.LAKESIDE, ArrivalKind.REFERRAL, a_message(chart), FHIR_JSON)
        with services.ledger.transaction() as tx:
            tx.run("UPDATE due_runs SET not_before = now() + interval '1 hour' WHERE subject = %s", first.subject)
        drawn = says(services, a_message(chart, order={"status": "revoked"}))
        assert b.codes_asked(services, drawn) == {HoldCode.REFERRAL_NOT_ACTIVE}

        with services.ledger.transaction() as tx:
            tx.run("UPDATE due_runs SET not_before = now() WHERE subject = %s", first.subject)
        process_all(services)

        assert b.folded(services, CaseId(first.subject)).closed.ending == "withdrawn"
        assert not b.open_holds(services)

    def test_where_a_packet_left_a_person_confirms_and_meanwhile_nothing_goes(self, services):
        chart = b.a_chart()
        case = b.a_case_without_slides(services, chart)
        packet = b.handed_over(services, case)

        says(services, a_message(chart, order={"status": "revoked"}))

        assert b.folded(services, case).is_open
        assert not b.folded(services, case).is_active
        shown = desk.dossier(services, case, actor=ANN)
        assert shown.packets[0].packet == packet
        assert "withdrawn" in (shown.packets[0].links_ended or "")
        answer(services, case, HoldCode.REFERRAL_WITHDRAWN, HoldAnswer.END)
        assert b.folded(services, case).closed.ending == "withdrawn"

    def test_a_person_may_keep_it(self, services):
        chart = b.a_chart()
        case = b.a_case_without_slides(services, chart)
        b.handed_over(services, case)
        says(services, a_message(chart, order={"status": "revoked"}))

        answer(services, case, HoldCode.REFERRAL_WITHDRAWN, HoldAnswer.KEEP)

        assert b.folded(services, case).is_active
        assert desk.dossier(services, case, actor=ANN).packets[0].links_ended is None

    def test_a_referral_that_comes_again_after_its_end_is_a_question(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart))
        says(services, a_message(chart, order={"status": "revoked"}))

        drawn = says(services, a_message(chart, order={"authoredOn": "2026-02-02T12:00:00Z"}))

        assert b.codes_asked(services, drawn) == {HoldCode.REFERRAL_OF_CLOSED}
        answer(services, drawn, HoldCode.REFERRAL_OF_CLOSED, HoldAnswer.APPROVE)
        assert sorted(opened(services)) == sorted([case, drawn])
        assert b.folded(services, drawn).is_active

    def test_another_sender_withdraws_nothing(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart))

        drawn = says(services, a_message(chart, order={"status": "revoked"}), by=b.PRAIRIE)

        assert b.folded(services, case).is_active
        assert b.codes_asked(services, drawn) == {HoldCode.REFERRAL_NOT_ACTIVE}

    def test_a_task_alone_withdraws_by_its_number(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart))
        task = letters.referral(chart, {})["entry"][2]["resource"] | {"status": "cancelled"}

        says(services, json.dumps(task).encode())

        assert b.folded(services, case).closed.ending == "withdrawn"


class TestOnHold:
    def test_nobody_is_asked_until_it_is_active_again(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart))

        says(services, a_message(chart, order={"status": "on-hold"}))
        b.sign_form(services, chart)
        process_all(services)
        held = b.request_to(services, case, b.LAKESIDE)
        asked = b.codes_asked(services, case)
        says(services, a_message(chart, order={"authoredOn": "2026-02-02T12:00:00Z"}))

        assert (held.state, held.attempts) == (RequestState.DUE, 0)
        assert asked == {HoldCode.REFERRAL_ON_HOLD}
        assert b.request_to(services, case, b.LAKESIDE).attempts == 1
        assert b.codes_asked(services, case) == set()

    @pytest.mark.parametrize("how", [{"status": "draft"}, {"intent": "proposal"}, {"status": "on-hold"}])
    def test_what_is_only_planned_opens_its_case_when_it_is_active(self, services, how):
        chart = b.a_chart()
        drawn = says(services, a_message(chart, order=how))
        assert (opened(services), b.codes_asked(services, drawn)) == ([], {HoldCode.REFERRAL_NOT_ACTIVE})

        case = says(services, a_message(chart))

        assert opened(services) == [case]
        assert b.folded(services, drawn).closed.other == case
        assert not b.open_holds(services)

    def test_a_completed_one_is_for_a_person(self, services):
        chart = b.a_chart()
        case = says(services, a_message(chart))

        says(services, a_message(chart, order={"status": "completed"}))

        assert b.codes_asked(services, case) == {HoldCode.REFERRAL_COMPLETED}
        answer(services, case, HoldCode.REFERRAL_COMPLETED, HoldAnswer.END)
        assert b.folded(services, case).closed.ending == "not-coming"


class TestByHl7:
    @pytest.mark.parametrize(("trigger", "ending"), [("I13", None), ("I14", "withdrawn")])
    def test_a_change_and_a_cancellation_take_effect(self, services, trigger, ending):
        chart = b.a_chart()
        case = says(services, b.ref_i12(chart), HL7_V2)
        again = b.ref_i12(chart).replace(b"REF^I12", f"REF^{trigger}".encode()).replace(b"20270405", b"20270301")

        says(services, again, HL7_V2)

        now = b.folded(services, case)
        assert opened(services) == [case]
        assert (now.closed.ending if now.closed else None) == ending
        if ending is None:
            assert now.opened.needed_by == "2027-03-01"

    def test_who_asks_how_it_stands_is_told_by_a_person(self, services):
        chart = b.a_chart()
        case = says(services, b.ref_i12(chart), HL7_V2)

        says(services, b.ref_i12(chart).replace(b"REF^I12", b"REF^I15"), HL7_V2)

        assert HoldCode.REFERRAL_ASKED_ABOUT in b.codes_asked(services, case)
        assert b.folded(services, case).is_active


def test_a_referral_of_no_known_disease_opens_with_the_common_list(services):
    chart = b.a_chart()

    case = says(services, a_message(chart, order={"reasonCode": [], "reasonReference": []}))

    assert OpenedCase.of(b.folded(services, case)).checklist == "common"
    assert HoldCode.DIAGNOSIS_UNKNOWN in b.codes_asked(services, case)
    desk.change(services, case, checklist="colorectal", actor=ANN)
    assert OpenedCase.of(b.folded(services, case)).checklist == "colorectal"
    assert HoldCode.DIAGNOSIS_UNKNOWN not in b.codes_asked(services, case)
    assert "colonoscopy-report" in b.request_to(services, case, b.LAKESIDE).lines
