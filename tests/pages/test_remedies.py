"""What a page says to do instead is a link, wherever a page does it."""

import re
import string

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, text_of
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import facts
from transfer.facts import Chain
from transfer.flow import desk as verbs
from transfer.pages.app import EVERYTHING
from transfer.pages.remedies import LINKS, WORDS
from transfer.pages.routes import Page
from transfer.permissions import End
from transfer.remedies import RemedyCode

pytestmark = pytest.mark.servers

#: what only somebody at the machine does, or another institution
_ON_NO_PAGE = {
    *(RemedyCode.VERIFY_TRAIL, RemedyCode.GIVE_WITH_PARCEL, RemedyCode.SPLIT_FIRST, RemedyCode.GRANT_IN_FILE),
    *(RemedyCode.CORRECT_PARTNER, RemedyCode.ANSWER_REQUEST, RemedyCode.ASK_ELSEWHERE),
}


def test_a_remedy_that_names_one_of_ours_is_a_link():
    named = {one for one in RemedyCode if {"case", "hold", "incoming", "institution", "request"} & set(one.fields)}

    assert named - set(LINKS) == _ON_NO_PAGE & named


@pytest.mark.parametrize("code", LINKS, ids=str)
def test_each_link_is_a_page_and_needs_nothing_that_the_remedy_does_not_say(code: RemedyCode):
    fields = {name for _, name, _, _ in string.Formatter().parse(LINKS[code]) if name}
    pages = {re.sub(r"{\w+}", "{}", one.path) for one in EVERYTHING if isinstance(one, Page)}

    assert fields <= set(code.fields)
    assert re.sub(r"{\w+}", "{}", LINKS[code]) in pages


def test_each_button_that_leads_there_says_where_to():
    assert set(WORDS) == set(LINKS.values())


def test_a_refusal_leads_back_to_what_was_written_and_its_way_out_keeps_that(services, browser: Desk):
    case = b.a_case_without_slides(services)
    verbs.stop_everything(services, case, End.PAUSED, actor=ANN)

    said = browser.post(f"/desk/cases/{case}/approve", {"sure": "yes", "note": "As agreed"}).text

    assert "Open the request (in another tab)" in text_of(said)
    assert re.search(rf'href="/desk/cases/{case}" target="_blank"', said)
    assert "<button>Fill it in again</button>" in said


def approved(services, case: str) -> int:
    with services.ledger.transaction() as tx:
        return sum(isinstance(one.fact, facts.CaseApproved) for one in tx.lines(Chain.case(case)))


def test_a_page_that_was_opened_before_the_patient_said_stop_approves_nothing(services, browser: Desk):
    case = b.a_case_without_slides(services)
    hold = b.the_hold(services, "approve-partial").id
    verbs.stop_everything(services, case, End.PAUSED, actor=ANN)  # a colleague, on the telephone meanwhile

    sent = browser.post(f"/desk/cases/{case}/approve", {"sure": "yes", "without": ["slides"]})
    answered = browser.post(f"/desk/decisions/{hold}", {"answer": "approve", "sure": "yes"})

    assert "is stopped" in text_of(sent.text)
    assert f'href="/desk/cases/{case}"' in sent.text
    assert (sent.status_code, answered.status_code) == (403, 403)
    verbs.resume_everything(services, case, actor=ANN)
    process_all(services)
    assert approved(services, case) == 0
    assert not b.folded(services, case).packets


def test_the_second_of_two_people_hears_what_the_first_said_and_gets_there(services, browser: Desk):
    b.a_case_without_slides(services)
    hold = b.the_hold(services, "approve-partial").id
    verbs.resolve(services, hold, "approve", actor=ANN)

    page = browser.post(f"/desk/decisions/{hold}", {"answer": "wait"})

    assert f"Question {hold} was answered before" in text_of(page.text)
    assert f'href="/desk/decisions/{hold}"' in page.text
