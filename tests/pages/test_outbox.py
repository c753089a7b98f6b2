"""The outbox on a page: what is to go, what did not, and what is done about it."""

from zoneinfo import ZoneInfo

import pytest

from tests.kit.desk_client import Desk, text_of
from tests.kit.letter_posts import FAXED, Writing
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.letters import LetterState, SendingFailure
from transfer.rights import Role

pytestmark = pytest.mark.servers


@pytest.fixture
def writing(ledger) -> Writing:
    return Writing(ledger)


@pytest.fixture
def officer(writing: Writing) -> Desk:
    found = Desk(writing.services)
    found.sign_in(Role.OFFICER)
    return found


def test_a_letter_that_waits_for_a_call_says_so_and_leads_there(writing: Writing, officer: Desk):
    page = officer.get("/desk/outbox")

    assert "call back first" in text_of(page.text)
    assert f"/desk/facilities/{writing.facility}" in page.text
    assert writing.chart["patient"]["family"] not in page.text
    assert "Call back first" in text_of(officer.get("/desk/decisions").text)


def test_a_request_whose_letter_waits_for_our_call_waits_on_us(writing: Writing, officer: Desk):
    today = text_of(officer.get("/desk/").text)
    ours = today.partition("Only we can move these")[2].partition("These wait for others")[0]
    case = text_of(officer.get(f"/desk/cases/{writing.case}").text)
    row = case.partition("whose turn it is")[2].partition("Cedar Clinic")[2].partition("Log a call")[0]

    assert "Call back first" in ours
    assert "Cedar Clinic" in ours
    assert "Nothing waits for us" not in today
    assert " Us until " in row
    assert "Call back first; the letter goes then" in row
    assert "Call back first; the letter goes then" in case.partition("Ready to send?")[2].partition("Needed")[0]
    assert "Us: Cedar Clinic" in case
    writing.call_back()
    assert "Call back first" not in text_of(officer.get("/desk/").text)
    assert "Us: Cedar Clinic" not in text_of(officer.get(f"/desk/cases/{writing.case}").text)


def test_the_row_of_a_case_is_ours_until_we_called_back_and_again_once_they_are_reached_otherwise(
    writing: Writing, officer: Desk
):
    def standing() -> tuple[bool, bool]:
        """Whether its row stands among ours, and among the others'."""
        found = desk.today(writing.services, actor=ANN, zone=ZoneInfo("UTC"))
        ours, others = ({one.case for one in part.lines} for part in (found.ours, found.others))
        return writing.case in ours, writing.case in others

    assert standing() == (True, False)
    assert "Call back first; the letter goes then (Cedar Clinic" in text_of(officer.get("/desk/").text)
    assert "+1 701 555 0142" not in officer.get(f"/desk/cases/{writing.case}").text
    desk.call_back(writing.services, writing.facility, actor=ANN)  # its round has not run yet
    assert standing() == (False, True)
    assert "+1 701 555 0142" in officer.get(f"/desk/cases/{writing.case}").text
    desk.change_contact(writing.services, writing.facility, FAXED, actor=ANN)
    assert standing() == (True, False)


def test_what_did_not_go_is_to_do_and_is_tried_again(ledger):
    writing = Writing(ledger, SendingFailure.TURNED_AWAY)
    officer = Desk(writing.services)
    officer.sign_in(Role.OFFICER)
    writing.call_back()

    assert "Letters that did not go" in text_of(officer.get("/desk/decisions").text)
    assert "Letters that did not go" in text_of(officer.get("/desk/").text)
    assert officer.post(f"/desk/outbox/{writing.letter.id}/retry").headers["location"] == "/desk/outbox"
    writing.process()

    assert writing.letter.state is LetterState.SENT
    assert "No letter is to go" in text_of(officer.get("/desk/outbox").text)
    assert "by itself, unless they answer before" in text_of(officer.get("/desk/outbox?all=yes").text)
    assert "job-1" in officer.get("/desk/outbox?all=yes").text


def test_a_letter_is_opened_cancelled_and_the_next_one_sent_from_the_case(writing: Writing, officer: Desk):
    letter = writing.letter.id
    opened = officer.get(f"/desk/outbox/{letter}")
    assert opened.content.startswith(b"%PDF-")
    assert letter in opened.headers["content-disposition"]

    officer.post(f"/desk/outbox/{letter}/cancel")
    assert writing.letter.state is LetterState.CANCELLED
    case, request = writing.case, writing.request.id
    assert f"/letters/{request}" in officer.get(f"/desk/cases/{case}").text

    assert officer.post(f"/desk/cases/{case}/letters/{request}").headers["location"] == f"/desk/cases/{case}"
    assert [one.state for one in writing.letters] == [LetterState.CANCELLED, LetterState.QUEUED]


def test_what_may_not_be_marked_as_sent_says_what_leads_on(writing: Writing, officer: Desk):
    page = officer.post(f"/desk/outbox/{writing.letter.id}/by-hand")

    assert page.status_code == 403
    assert f"/desk/facilities/{writing.facility}" in page.text


def test_who_sees_no_content_opens_no_letter(writing: Writing, officer: Desk):
    officer.sign_in(Role.CLERK)

    assert officer.get(f"/desk/outbox/{writing.letter.id}").status_code == 403
    assert f'href="/desk/outbox/{writing.letter.id}"' not in officer.get("/desk/outbox").text
