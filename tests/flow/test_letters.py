"""A request to a facility without an interface is a letter: it waits for a call, is sent, and is looked after."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, time, timedelta
from decimal import Decimal
from time import sleep

import pytest

from tests.kit import builders as b
from tests.kit.letter_posts import CEDAR, FAXED, Writing, a_post
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import facts
from transfer.actions import ActionCode
from transfer.business_days import business_day_after
from transfer.errors import NotAllowed
from transfer.fax_reports import FaxOutcome, FaxRule
from transfer.flow import desk
from transfer.flow.fax_reports import look_at_reports
from transfer.flow.letters import scan_of
from transfer.holds import HoldCode
from transfer.identifiers import LetterId
from transfer.incoming import WhyRefused
from transfer.ledger import Ledger, letters, requests, rounds
from transfer.letters import Letter, LetterKind, LetterState, SendingFailure, SendingWay, chased_from
from transfer.partial_dates import PartialDate
from transfer.procedures import ProcedureKind
from transfer.records import RecordKind
from transfer.refusals import RefusalCode
from transfer.requests import RequestAnswer
from transfer.rounds import Dag
from transfer.sandbox import paper
from transfer.source_answers import Fee

pytestmark = pytest.mark.servers


def test_asking_is_a_letter_that_waits_until_somebody_called(ledger: Ledger):
    office = Writing(ledger)

    assert office.letter.state is LetterState.QUEUED
    assert office.sender.sent == []
    (listed,) = desk.list_letters(office.services, actor=ANN)
    assert listed.is_unconfirmed

    office.call_back()

    assert office.letter.state is LetterState.SENT
    assert [(name, to) for name, to, _ in office.sender.sent] == [(office.letter.id, "12 Elm St\nMinot ND 58701")]
    assert office.letter.confirmation == "job-1"
    assert office.letter.pages


def test_a_call_back_and_whoever_writes_to_a_case_of_the_facility_never_wait_for_each_other(ledger: Ledger):
    office = Writing(ledger)

    with ThreadPoolExecutor(1) as beside:
        with office.services.ledger.transaction() as tx:  # it writes the row of the case at its end
            rounds.owe(tx, Dag.OPEN_CASE, office.case)
            tx.touch(office.case)
            calling = beside.submit(desk.call_back, office.services, CEDAR.id, actor=ANN)
            while not tx.value("SELECT count(*) FROM pg_locks WHERE NOT granted") and not calling.done():
                sleep(0.02)
        assert calling.result().code is ActionCode.CALLED_BACK


def test_what_it_says_is_sealed_and_what_it_rests_on_is_a_fact_before_it_leaves(ledger: Ledger):
    office = Writing(ledger)
    office.call_back()
    who = office.chart["patient"]

    said = office.says(office.letter)

    assert said.patient == f"{who['family']}, {' '.join(who['given'])}"
    assert said.wanted == (RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT)
    assert said.basis == "authorization"
    assert said.signed_on
    assert said.code.count("-") == 2
    kinds = [type(one) for one in b.facts_of(office.services, office.case)]
    at = kinds.index(facts.LetterBegun)
    assert kinds.index(facts.LetterQueued) < at < kinds.index(facts.LetterSettled)
    (begun,) = [one for one in b.facts_of(office.services, office.case) if isinstance(one, facts.LetterBegun)]
    assert begun.basis == "authorization"
    assert begun.permission


def test_somebody_asks_one_business_day_later_whether_it_arrived(ledger: Ledger):
    office = Writing(ledger)
    office.call_back()

    with ledger.transaction() as tx:
        today = tx.now().date()
    assert office.request.next_action_on == business_day_after(today)


@pytest.mark.parametrize("ends", ["died", "no-records", "revoked"])
def test_a_letter_that_is_needed_no_more_is_not_sent(ledger: Ledger, ends: str):
    office = Writing(ledger)
    if ends == "died":
        desk.close(office.services, office.case, "died", actor=ANN)
    elif ends == "revoked":
        for one in desk.list_permissions(office.services, office.case, actor=ANN):
            desk.revoke(office.services, one.permission, actor=ANN)
    else:
        desk.answer_request(office.services, office.request.id, RequestAnswer.NO_RECORDS, actor=ANN)

    office.call_back()

    assert office.sender.sent == []
    assert office.letter.state in (LetterState.NOT_NEEDED, LetterState.QUEUED)


def test_a_busy_line_is_tried_again_and_a_wrong_number_is_for_a_person(ledger: Ledger, hours_pass):
    office = Writing(ledger, SendingFailure.BUSY, SendingFailure.TURNED_AWAY)
    office.call_back()

    assert (office.letter.state, office.letter.failure) == (LetterState.QUEUED, SendingFailure.BUSY)

    hours_pass(timedelta(minutes=11))
    with ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET not_before = transfer.now() WHERE state = 'owed'")
    process_all(office.services)

    assert (office.letter.state, office.letter.failure) == (LetterState.FAILED, SendingFailure.TURNED_AWAY)
    (listed,) = desk.list_letters(office.services, actor=ANN)
    assert listed.failure is SendingFailure.TURNED_AWAY

    desk.retry_letter(office.services, office.letter.id, actor=ANN)
    process_all(office.services)

    assert office.letter.state is LetterState.SENT


def test_a_letter_that_would_not_show_the_patients_name_is_for_a_person(ledger: Ledger):
    """Sent as it is it would ask for the records of nobody."""
    writing = Writing(ledger, family="欧阳")
    writing.call_back()

    assert writing.sender.sent == []
    assert (writing.letter.state, writing.letter.failure) == (LetterState.FAILED, SendingFailure.NAME_UNDRAWN)
    assert desk.open_letter(writing.services, writing.letter.id, actor=ANN).size
    desk.mark_sent_by_hand(writing.services, writing.letter.id, actor=ANN)
    assert writing.letter.state is LetterState.SENT


def test_a_letter_shows_the_names_of_all_scripts_that_we_have_a_face_for(ledger: Ledger):
    writing = Writing(ledger, family="Müller-Đặng")
    writing.call_back()

    assert len(writing.sender.sent) == 1


def test_what_a_task_that_died_was_sending_is_for_a_person(ledger: Ledger, hours_pass):
    office = Writing(ledger)
    with ledger.transaction() as tx:
        tx.run("UPDATE letters SET state = 'sending', attempts = 1, lease_until = transfer.now()")
    office.call_back()
    with ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET not_before = transfer.now() WHERE state = 'owed'")
    process_all(office.services)

    assert (office.letter.state, office.letter.failure) == (LetterState.FAILED, SendingFailure.UNKNOWN)
    assert office.sender.sent == []


def test_a_second_letter_names_the_first_and_asks_only_for_what_is_outstanding(ledger: Ledger):
    office = Writing(ledger)
    office.call_back()

    done = desk.send_letter(office.services, office.request.id, actor=ANN)
    assert desk.send_letter(office.services, office.request.id, actor=ANN).code is ActionCode.LETTER_QUEUED_BEFORE
    process_all(office.services)
    desk.send_letter(office.services, office.request.id, actor=ANN)
    process_all(office.services)

    assert done.fields["which"] == LetterKind.SECOND
    said = [office.says(one) for one in office.letters if one.state is LetterState.SENT]
    assert [one.kind for one in said] == [*LetterKind]
    assert [len(one.before) for one in said] == [0, 1, 2]


def test_it_is_cancelled_or_said_to_have_been_sent_by_hand(ledger: Ledger):
    office = Writing(ledger)
    name = LetterId(office.letter.id)

    with pytest.raises(NotAllowed) as raised:
        desk.mark_sent_by_hand(office.services, name, actor=ANN)
    assert raised.value.refusal is not None
    assert raised.value.refusal.code is RefusalCode.CALL_FIRST
    assert desk.cancel_letter(office.services, name, actor=ANN).changed
    assert not desk.cancel_letter(office.services, name, actor=ANN).changed
    office.call_back()
    assert office.sender.sent == []
    again = LetterId(desk.retry_letter(office.services, name, actor=ANN).fields["letter"])
    assert desk.mark_sent_by_hand(office.services, again, actor=ANN).changed
    assert not desk.mark_sent_by_hand(office.services, again, actor=ANN).changed

    sent = office.letters[-1]
    assert (sent.state, sent.way) == (LetterState.SENT, SendingWay.BY_HAND)
    assert office.says(sent).kind is LetterKind.FIRST


def test_it_is_opened_as_it_would_go_and_as_it_went(ledger: Ledger):
    office = Writing(ledger)
    before = desk.open_letter(office.services, office.letter.id, actor=ANN)
    office.call_back()

    after = desk.open_letter(office.services, office.letter.id, actor=ANN)

    assert before.name == after.name == f"{office.letter.id}.pdf"
    assert b"".join(after.pieces()).startswith(b"%PDF-")
    assert b"".join(after.pieces()) == office.sender.sent[0][2]


def test_who_has_no_contact_and_who_has_an_interface_is_not_written_to(ledger: Ledger):
    services = b.new_services(ledger, letter_post=a_post())
    case = b.a_case(services)

    with ledger.transaction() as tx:
        assert [one for made in requests.of_case(tx, case) for one in letters.of_request(tx, made.id)] == []
        named = requests.of_case(tx, case)[0].id
    with pytest.raises(NotAllowed) as raised:
        desk.send_letter(services, named, actor=ANN)
    assert raised.value.refusal is not None
    assert raised.value.refusal.code is RefusalCode.GETS_NO_LETTERS


def test_no_fax_goes_on_a_weekend_of_the_facility(ledger: Ledger, hours_pass):
    with ledger.transaction() as tx:
        now = tx.now()
    saturday = (now + timedelta(days=7 + (5 - now.weekday()) % 7)).replace(hour=12, minute=0)
    hours_pass(saturday - now)
    writing = Writing(ledger, contact=FAXED)

    writing.call_back()

    assert writing.letter.way is SendingWay.FAX
    assert writing.sender.sent == []
    assert writing.letter.not_before == (saturday + timedelta(days=2)).replace(hour=8, second=0, microsecond=0)


# --- the second letter, by itself -------------------------------------------------------------------------------------


def its_time_comes(office: Writing, hours_pass, days: float = 10) -> None:
    hours_pass(timedelta(days=days))
    with office.services.ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET not_before = transfer.now() WHERE state = 'owed'")
    process_all(office.services)


def second(office: Writing) -> Letter:
    (found,) = [one for one in office.letters if one.is_automatic]
    return found


def test_a_letter_that_nobody_answers_is_followed_by_a_second_that_says_so(ledger: Ledger, hours_pass):
    office = Writing(ledger)
    office.call_back()
    assert (second(office).kind, second(office).state) == (LetterKind.SECOND, LetterState.QUEUED)
    assert second(office).not_before == chased_from(office.letter.settled_at, 7, UTC)

    its_time_comes(office, hours_pass)

    assert second(office).state is LetterState.SENT
    assert office.says(second(office)).before == (office.letter.settled_at.date(),)
    assert len(office.sender.sent) == 2
    its_time_comes(office, hours_pass, days=40)
    assert len(office.sender.sent) == 2


@pytest.mark.parametrize("said", [RequestAnswer.NO_RECORDS, RequestAnswer.IN_PROGRESS, RequestAnswer.FEE_REQUIRED])
def test_whatever_they_answer_no_second_letter_crosses_it(ledger: Ledger, hours_pass, said: RequestAnswer):
    office = Writing(ledger)
    office.call_back()

    fee = {"fee": Fee(amount=Decimal(20), currency="USD")} if said is RequestAnswer.FEE_REQUIRED else {}
    desk.answer_request(office.services, office.request.id, said, actor=ANN, **fee)

    assert second(office).state is LetterState.NOT_NEEDED
    its_time_comes(office, hours_pass)
    assert len(office.sender.sent) == 1


def test_a_second_letter_that_a_person_cancelled_stays_cancelled(ledger: Ledger, hours_pass):
    office = Writing(ledger)
    office.call_back()

    desk.cancel_letter(office.services, second(office).id, actor=ANN)
    its_time_comes(office, hours_pass)

    assert len(office.sender.sent) == 1


def test_a_second_letter_that_a_person_wants_now_goes_instead(ledger: Ledger, hours_pass):
    office = Writing(ledger)
    office.call_back()

    desk.send_letter(office.services, office.request.id, actor=ANN)
    process_all(office.services)

    assert second(office).state is LetterState.NOT_NEEDED
    assert [one.kind for one in office.letters if one.state is LetterState.SENT] == ["first", "second"]
    its_time_comes(office, hours_pass)
    assert len(office.sender.sent) == 2


def test_the_form_that_came_by_a_system_is_enclosed_as_the_scan_of_one_on_paper_is(ledger: Ledger):
    office = Writing(ledger)
    with ledger.transaction() as tx:
        patient = b.patient_of(office.services, office.case)
        by_paper = scan_of(tx, office.services, patient, b.form_of(office.services, office.case))
    assert by_paper

    services = b.new_services(ledger)
    chart = b.a_chart()
    case = b.a_case(services, chart)
    with ledger.transaction() as tx:
        by_fhir = scan_of(tx, services, b.patient_of(services, case), b.form_of(services, case))

    assert by_fhir == paper.release_form(chart)


def test_what_was_done_is_asked_for_by_a_letter_of_its_own_that_says_of_what(ledger: Ledger):
    office = Writing(ledger)
    office.call_back()

    desk.add_procedure(
        office.services, office.case, ProcedureKind.BIOPSY, office.facility, actor=ANN, day=PartialDate(2024, 3)
    )
    process_all(office.services)

    with ledger.transaction() as tx:
        own = next(one for one in requests.of_case(tx, office.case) if one.need == "added-1")
        (letter,) = [one for one in letters.of_request(tx, own.id) if not one.is_automatic]
    said = office.says(letter)
    assert (said.wanted, said.procedure, said.done_on) == (
        (RecordKind.PATHOLOGY_REPORT,),
        "biopsy",
        PartialDate(2024, 3),
    )
    assert office.says(office.letter).procedure is None
    desk.answer_request(office.services, own.id, RequestAnswer.NO_RECORDS, actor=ANN)
    assert second(office).state is LetterState.QUEUED


# --- what the fax service says later ----------------------------------------------------------------------------------

RULES = (FaxRule(says="line busy", means=FaxOutcome.BUSY), FaxRule(says="delivered", means=FaxOutcome.SENT))


@dataclass
class Mail:
    words: str
    where: str = "inbox"

    def keep(self) -> None:
        self.where = "done"

    def refuse(self, why: WhyRefused) -> None:
        self.where = f"refused: {why}"


@dataclass
class Inbox:
    mails: list[Mail]

    def waiting(self) -> Iterator[Mail]:
        yield from self.mails


def a_fax_that_went(ledger: Ledger) -> Writing:
    office = Writing(ledger, contact=FAXED)
    office.call_back()
    with ledger.transaction() as tx:  # whatever the hour is there
        tx.run("UPDATE letters SET not_before = transfer.now() WHERE NOT is_automatic")
        rounds.owe(tx, Dag.OPEN_CASE, office.case)
    monkey = pytest.MonkeyPatch()
    monkey.setattr("transfer.letters.FAX_FROM", time(0))
    monkey.setattr("transfer.letters.FAX_UNTIL", time(23, 59, 59))
    monkey.setattr("transfer.letters._SATURDAY", 7)
    process_all(office.services)
    monkey.undo()
    assert (office.letter.way, office.letter.state) == (SendingWay.FAX, LetterState.SENT)
    return office


def test_a_line_that_was_busy_after_all_has_the_letter_go_again(ledger: Ledger):
    office = a_fax_that_went(ledger)
    mail = Mail(f"Re: {office.letter.id}\nThe LINE  busy signal was heard")

    for _ in range(2):
        look_at_reports(office.services, Inbox([mail]), RULES)

    assert mail.where == "done"
    assert (office.letter.state, office.letter.failure) == (LetterState.QUEUED, SendingFailure.BUSY)
    assert second(office).state is LetterState.NOT_NEEDED
    assert b.open_holds(office.services, office.case) == []


def test_what_went_stays_so_and_what_nobody_can_read_is_a_persons(ledger: Ledger):
    office = a_fax_that_went(ledger)
    good, odd, foreign = Mail(f"{office.letter.id} delivered"), Mail(f"{office.letter.id} XYZ-77"), Mail("Your invoice")

    assert look_at_reports(office.services, Inbox([good]), RULES) == 1
    assert b.open_holds(office.services, office.case) == []
    look_at_reports(office.services, Inbox([odd, foreign]), RULES)

    assert office.letter.state is LetterState.SENT
    (hold,) = b.open_holds(office.services, office.case)
    assert (hold.code, hold.about) == (HoldCode.FAX_REPORT_UNREAD, office.letter.id)
    assert (odd.where, foreign.where) == ("done", "refused: no-paper")
