"""A document that was handed over is corrected or withdrawn: its links end, and people decide what the center gets."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import QuietReceiver
from tests.kit.lives import FINAL, WORDS, Word
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import facts, links
from transfer.arrivals import ArrivalKind
from transfer.case import Stage
from transfer.errors import NotAllowed
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.deliver import deliver
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId, PacketId
from transfer.ledger import Ledger
from transfer.ledger.disclosures import Sender
from transfer.records import DocumentStatus, RecordKind
from transfer.remedies import RemedyCode
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers

SAID = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)
WITHDRAWAL = next(word for word in WORDS if (word.language, word.status) == ("oru", DocumentStatus.WITHDRAWN))
CORRECTION = next(word for word in WORDS if (word.language, word.status) == ("oru", DocumentStatus.CORRECTED))


@pytest.fixture
def center() -> QuietReceiver:
    return QuietReceiver()


@pytest.fixture
def services(ledger: Ledger, tmp_path: Any, center: QuietReceiver) -> Services:
    return b.new_services(ledger, hand_to=lambda _: center)


def says(services: Services, chart: Chart, word: Word, text: str = "as it is now", hours: int = 1) -> str:
    """The laboratory says this of its report. The arrival."""
    sent = word.say(chart, "N1", text, SAID + timedelta(hours=hours))
    stored = b.comes(services, sent.institution, ArrivalKind.ANSWER, sent.body, sent.content_type, sent.door)
    process_all(services)
    return stored.arrival


def reported(services: Services, chart: Chart, case: CaseId) -> str:
    """The laboratory's final report came. Its record."""
    first = says(services, chart, Word("oru", DocumentStatus.FINAL, FINAL["oru"]), hours=0)
    with services.ledger.transaction() as tx:
        return str(tx.value("SELECT record FROM records WHERE arrival = %s", first))


def handed_over(services: Services, *, alone: bool = False) -> tuple[CaseId, Chart, str]:
    """A case whose first packet holds the laboratory's report, and other records unless it is `alone`."""
    chart = b.a_chart()
    case = b.a_case(services, chart)
    report = reported(services, chart, case)
    for kind in () if alone else (RecordKind.NOTE, RecordKind.IMAGES):
        b.came_in(services, case, kind)
    without = ["slides", "oncology-notes", "images"] if alone else ["slides"]
    desk.approve(services, case, actor=ANN, without=without)
    process_all(services)
    return case, chart, report


def link_of(services: Services, case: CaseId, number: int = 1) -> links.LinkEnd | None:
    with services.ledger.transaction() as tx:
        return links.ended(tx.case(case), PacketId.of(case, number), 30, tx.now())


def held_in(services: Services, case: CaseId, number: int) -> set[str]:
    return {one["record"] for one in b.manifest(services, case, number)["documents"]}


@pytest.mark.parametrize("word", [WITHDRAWAL, CORRECTION], ids=str)
def test_its_links_end_and_a_person_is_asked_once(services: Services, word: Word):
    case, chart, report = handed_over(services)
    assert link_of(services, case) is None

    says(services, chart, word)
    says(services, chart, word)

    assert link_of(services, case) is links.LinkEnd.HOLDS_VOID
    assert b.the_hold(services, HoldCode.DELIVERED_VOID).about == PacketId.of(case, 1)
    assert b.folded(services, case).void_in(PacketId.of(case, 1)) == {report}
    (line,) = [one for one in desk.list_cases(services, actor=ANN) if one.case == case]
    assert "has been corrected or withdrawn" in line.why


def test_a_delta_goes_also_where_no_receipt_came_and_the_line_is_missing_now(services: Services):
    case, chart, report = handed_over(services)
    says(services, chart, WITHDRAWAL)

    said = desk.resolve(services, b.the_hold(services, HoldCode.DELIVERED_VOID).id, HoldAnswer.DELTA, actor=ANN)
    process_all(services)

    assert said.code == "approved"
    assert report not in held_in(services, case, 2)
    assert b.folded(services, case).packets[PacketId.of(case, 2)].was_handed_over
    assert link_of(services, case, 2) is None
    assert HoldCode.DELIVERED_VOID not in b.codes_asked(services, case)


def test_recalled_it_is_taken_back_and_another_may_be_approved(services: Services):
    case, chart, _ = handed_over(services)
    says(services, chart, CORRECTION)

    said = desk.resolve(services, b.the_hold(services, HoldCode.DELIVERED_VOID).id, HoldAnswer.RECALL, actor=ANN)

    assert said.code == "recalled"
    assert link_of(services, case) is links.LinkEnd.RECALLED
    assert b.folded(services, case).stage is Stage.GATHERING
    assert desk.approve(services, case, actor=ANN, without=["slides"]).code == "approved"


def test_recalling_by_the_command_settles_the_question(services: Services):
    case, chart, _ = handed_over(services)
    says(services, chart, CORRECTION)

    desk.recall(services, case, actor=ANN)

    assert HoldCode.DELIVERED_VOID not in b.codes_asked(services, case)


def test_approving_by_the_command_settles_the_question(services: Services):
    case, chart, _ = handed_over(services)
    says(services, chart, CORRECTION)

    assert desk.approve(services, case, actor=ANN, without=["slides"]).code == "approved"
    assert HoldCode.DELIVERED_VOID not in b.codes_asked(services, case)


def test_told_by_a_person_nothing_goes_and_the_name_stands_under_it(services: Services):
    case, chart, _ = handed_over(services)
    says(services, chart, WITHDRAWAL)
    asked = b.the_hold(services, HoldCode.DELIVERED_VOID)

    desk.resolve(services, asked.id, HoldAnswer.TELL, actor=ANN, note="Called Dr Consult.")
    process_all(services)

    assert list(b.folded(services, case).packets) == [PacketId.of(case, 1)]
    assert link_of(services, case) is links.LinkEnd.HOLDS_VOID
    with services.ledger.transaction() as tx:
        (told,) = [
            one
            for one in tx.lines(Chain.case(case))
            if isinstance(one.fact, facts.HoldResolved) and one.fact.hold == asked.id
        ]
    assert (told.fact.answer, told.by.person) == (HoldAnswer.TELL, ANN.person)
    assert told.fact.note
    assert HoldCode.DELIVERED_VOID not in b.codes_asked(services, case)


def test_what_becomes_void_after_the_answer_is_asked_about_anew(services: Services):
    case, chart, _ = handed_over(services)
    says(services, chart, CORRECTION)
    first = b.the_hold(services, HoldCode.DELIVERED_VOID)
    desk.resolve(services, first.id, HoldAnswer.DELTA, actor=ANN)
    process_all(services)

    says(services, chart, WITHDRAWAL, hours=2)

    again = b.the_hold(services, HoldCode.DELIVERED_VOID)
    assert again.about == PacketId.of(case, 2)


def test_where_nothing_is_left_to_send_the_packet_is_recalled_instead(services: Services):
    _, chart, _ = handed_over(services, alone=True)
    says(services, chart, WITHDRAWAL)
    asked = b.the_hold(services, HoldCode.DELIVERED_VOID)

    with pytest.raises(NotAllowed) as refused:
        desk.resolve(services, asked.id, HoldAnswer.DELTA, actor=ANN)

    assert refused.value.remedy.code is RemedyCode.RECALL_FIRST
    assert b.the_hold(services, HoldCode.DELIVERED_VOID).id == asked.id
    assert desk.resolve(services, asked.id, HoldAnswer.RECALL, actor=ANN).code == "recalled"


def test_a_packet_that_was_not_handed_over_yet_gives_way(services: Services, center: QuietReceiver):
    center.is_there = False
    case, chart, report = handed_over(services)
    says(services, chart, CORRECTION)
    center.is_there = True

    with Sender(services.ledger) as sender:
        assert "another packet takes its place" in deliver(services, PacketId.of(case, 1), sender)
    assert not b.folded(services, case).packets[PacketId.of(case, 1)].was_handed_over
    assert HoldCode.DELIVERED_VOID not in b.codes_asked(services, case)
    assert HoldCode.APPROVE_PARTIAL in b.codes_asked(services, case)
    desk.approve(services, case, actor=ANN)
    process_all(services)
    assert report not in held_in(services, case, 2)
    assert b.folded(services, case).packets[PacketId.of(case, 2)].was_handed_over


def test_a_withdrawal_is_heard_of_after_the_case_was_closed(services: Services):
    case, chart, _ = handed_over(services)
    desk.close(services, case, "opinion-given", actor=ANN)

    says(services, chart, WITHDRAWAL)

    asked = b.the_hold(services, HoldCode.DELIVERED_VOID)
    assert asked.subject == case
    with pytest.raises(NotAllowed):
        desk.resolve(services, asked.id, HoldAnswer.DELTA, actor=ANN)
    desk.resolve(services, asked.id, HoldAnswer.TELL, actor=ANN)
    assert not b.codes_asked(services, case)


def test_a_withdrawal_with_a_label_that_nobody_can_read_counts_while_people_look_at_it(services: Services):
    case, chart, report = handed_over(services)
    sent = WITHDRAWAL.say(chart, "N1", "as it is now", SAID + timedelta(hours=1))
    body = sent.body.replace(b"\rOBX|1|", b"\rPV1|1|O||||||||||||||WHO-KNOWS\rOBX|1|")
    b.comes(services, sent.institution, ArrivalKind.ANSWER, body, sent.content_type, sent.door)
    process_all(services)

    assert "arrival-label-unread" in {one.code for one in b.open_holds(services)}
    assert report in b.folded(services, case).void


@pytest.mark.parametrize("word", [WITHDRAWAL, CORRECTION], ids=str)
def test_the_same_word_again_says_nothing_of_what_was_handed_over_under_it(services: Services, word: Word):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    says(services, chart, word)
    b.came_in(services, case, RecordKind.NOTE)
    desk.approve(services, case, actor=ANN, without=["slides", "images", "pathology-report"])
    process_all(services)
    desk.close(services, case, "opinion-given", actor=ANN)

    says(services, chart, word, text="as it is now, sent once more")

    assert not b.codes_asked(services, case)


def test_closing_the_case_does_not_settle_the_question(services: Services):
    case, chart, _ = handed_over(services)
    says(services, chart, WITHDRAWAL)

    desk.close(services, case, "opinion-given", actor=ANN)

    assert b.codes_asked(services, case) == {HoldCode.DELIVERED_VOID}


@pytest.mark.parametrize("word", [WITHDRAWAL, CORRECTION], ids=str)
def test_it_counts_also_where_no_form_lets_it_be_collected_and_is_named_once_one_does(services: Services, word: Word):
    case, chart, report = handed_over(services)
    (form,) = desk.dossier(services, case, actor=ANN).permissions
    desk.pause(services, form.permission, actor=ANN)

    says(services, chart, word)

    assert HoldCode.DELIVERED_VOID in b.codes_asked(services, case)
    assert b.folded(services, case).superseded_by[report].by_record is None
    desk.resume(services, form.permission, actor=ANN)
    process_all(services)
    assert b.folded(services, case).superseded_by[report].by_record


@pytest.mark.parametrize("word", [WITHDRAWAL, CORRECTION], ids=str)
def test_an_open_case_that_may_not_collect_it_is_judged_anew(services: Services, word: Word):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    reported(services, chart, case)
    for kind in (RecordKind.NOTE, RecordKind.IMAGES):
        b.came_in(services, case, kind)
    assert HoldCode.APPROVE_PARTIAL in b.codes_asked(services, case)
    (form,) = desk.dossier(services, case, actor=ANN).permissions
    desk.pause(services, form.permission, actor=ANN)

    says(services, chart, word)

    assert HoldCode.APPROVE_PARTIAL not in b.codes_asked(services, case)
    assert b.assessed(services, case).lacking == ("pathology-report", "slides")
