"""To do in a browser: each question with its facts, its answers, and what follows."""

from dataclasses import replace
from datetime import date

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import a_person, text_of
from tests.kit.letter_posts import CEDAR
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.flow.desk import EnteredReferral
from transfer.holds import HoldCode
from transfer.looks import PatientFlag
from transfer.permissions import End
from transfer.rights import Role

pytestmark = pytest.mark.servers


def the_page(services, code: HoldCode) -> str:
    return f"/desk/decisions/{b.the_hold(services, code).id}"


def test_every_question_is_in_the_list_and_leads_to_its_page(services, browser):
    case = b.a_case_without_slides(services)

    page = browser.get("/desk/decisions")

    assert page.status_code == 200
    assert f'href="{the_page(services, HoldCode.APPROVE_PARTIAL)}"' in page.text
    assert f'href="/desk/cases/{case}"' in page.text


def test_the_list_names_patients_to_who_may_know_them(services, browser):
    chart = b.a_chart()
    b.a_case_without_slides(services, chart)
    family = chart["patient"]["family"]

    named = browser.get("/desk/decisions").text
    browser.sign_in(Role.AUDITOR)

    assert text_of(named).count(family) == 2  # its question, and its slides that nobody asked for
    assert family not in browser.get("/desk/decisions").text


def test_a_patient_of_whom_one_must_say_why_is_not_named_in_the_list(services, browser):
    chart = b.a_chart()
    case = b.a_case_without_slides(services, chart)
    verbs.flag_patient(services, case, PatientFlag.VIP, actor=ANN)

    said = text_of(browser.get("/desk/decisions").text)

    assert chart["patient"]["family"] not in said
    assert f"Request {case}" in said


def test_twenty_five_questions_stand_on_a_page(services, browser):
    b.a_case_without_slides(services)
    with services.ledger.transaction() as tx:
        tx.run(
            """INSERT INTO holds (hold, subject, code, opened_at)
               SELECT 'h' || lpad(n::text, 15, '0'), 'a' || lpad(n::text, 15, '0'), 'whose-record', transfer.now()
               FROM generate_series(1, 35) AS n"""
        )

    first, second = (browser.get(f"/desk/decisions?page={n}").text for n in (1, 2))

    assert "36 questions" in text_of(first)
    assert "Page 1 of 2" in text_of(first)
    assert [page.count('href="/desk/decisions/h') for page in (first, second)] == [25, 11]


def test_its_page_says_what_is_in_what_is_not_and_what_each_answer_does(services, browser):
    b.a_case_without_slides(services)

    says = text_of(browser.get(the_page(services, HoldCode.APPROVE_PARTIAL)).text)

    assert "Pathology report from Prairie Pathology" in says
    assert "covered by: authorization" in says
    assert "The packet goes as it is, under your name" in says
    assert "Nothing of this request has left" in says


def test_an_answer_that_lets_something_leave_is_sent_only_once_what_follows_was_read(services, browser):
    case = b.a_case_without_slides(services)
    path = the_page(services, HoldCode.APPROVE_PARTIAL)

    unread = browser.post(path, {"answer": "approve"})
    assert unread.status_code == 422
    assert "Say that you have read what follows" in unread.text
    assert b.open_holds(services, case)

    read = browser.post(path, {"answer": "approve", "sure": "yes"})
    assert (read.status_code, read.headers["location"]) == (303, path)
    assert ("release_packet", f"{case}-p1") in b.owed(services)
    assert "Approve" in text_of(browser.get(path).text)


def test_no_answer_and_one_that_there_is_not_are_said_beside_the_field(services, browser):
    b.a_case_without_slides(services)
    path = the_page(services, HoldCode.APPROVE_PARTIAL)

    for answer in ("", "purge", "<script>"):
        page = browser.post(path, {"answer": answer})
        assert page.status_code == 422
        assert "Choose an answer" in page.text
        assert "<script>" not in page.text


def test_of_what_is_stopped_nothing_recommends_approving(services, browser):
    case = b.a_case_without_slides(services)
    verbs.stop_everything(services, case, End.PAUSED, actor=ANN)

    page = browser.get(the_page(services, HoldCode.APPROVE_PARTIAL))

    assert "Stopped" in text_of(page.text)
    assert 'value="approve"' not in page.text
    assert 'value="wait"' in page.text


def test_a_number_is_called_by_the_facility_that_gave_it_and_a_day_is_written_as_everywhere(services, browser):
    """Also of a facility that was added here, whose numbers have no issuer of their own."""
    verbs.add_facility(services, CEDAR, actor=ANN)
    process_all(services)
    said = EnteredReferral(
        referring=CEDAR.id,
        receiver=b.SUMMIT,
        family="Quillfeather",
        given=("Odalys",),
        birth_date=date(1961, 2, 3),
        diagnosis="Cancer of the sigmoid colon",
        number="112233",
    )
    for reference in ("A1", "A2"):
        verbs.enter_referral(services, replace(said, reference=reference), actor=ANN)
        process_all(services)
    (asked,) = [one for one in b.open_holds(services) if one.about]

    shown = text_of(browser.get(f"/desk/decisions/{asked.id}").text)

    assert "Number of Cedar Clinic" in shown
    assert "urn:" not in shown
    assert "Born Fri 3 Feb 1961 Fri 3 Feb 1961" in shown


def test_whose_it_is_is_compared_side_by_side_and_two_people_say_the_same(services, browser):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    b.report_comes(services, b.a_twin(chart))
    path = the_page(services, HoldCode.WHOSE_RECORD)

    page = browser.get(path)
    assert "Side by side" in page.text
    assert text_of(page.text).index("Differs") < text_of(page.text).index("Same")
    assert browser.post(path, {"answer": "ours"}).status_code == 422
    first = browser.post(path, {"answer": "ours", "case": case})
    assert first.status_code == 303

    browser.sign_in(Role.OFFICER, person=a_person("ben", "Ben Example"))
    second = text_of(browser.get(path).text)
    assert "1 of 2 has answered" in second
    assert "What they said is shown once you have answered" in second
    browser.post(path, {"answer": "ours", "case": case})
    assert not b.open_holds(services, None) or HoldCode.WHOSE_RECORD not in {one.code for one in b.open_holds(services)}


def test_who_may_not_see_who_it_is_sees_no_name(services, browser):
    chart = b.a_chart()
    b.a_case(services, chart)
    b.report_comes(services, b.a_twin(chart))
    browser.sign_in(Role.AUDITOR)

    page = browser.get(the_page(services, HoldCode.WHOSE_RECORD))

    assert page.status_code == 200
    assert chart["patient"]["family"] not in page.text


def test_who_may_not_answer_is_told_whom_to_ask_and_nothing_is_written(services, browser):
    case = b.a_case_without_slides(services)
    browser.sign_in(Role.CLERK)

    refused = browser.post(the_page(services, HoldCode.APPROVE_PARTIAL), {"answer": "approve", "sure": "yes"})

    assert refused.status_code == 403
    assert b.open_holds(services, case)


def test_a_question_that_there_is_not_is_no_page(browser):
    assert browser.get("/desk/decisions/h00000000000000a").status_code == 404
    assert browser.get("/desk/decisions/nonsense").status_code == 404
    assert browser.get("/desk/decisions?page=99999999").status_code == 200
    assert browser.get("/desk/decisions?page=-1").status_code == 200


def test_a_second_person_confirms_what_is_destroyed(services, browser):
    case = b.a_case_without_slides(services)
    browser.post(f"/desk/cases/{case}/revoke/{b.form_of(services, case)}", {"sure": "yes"})
    process_all(services)
    hold = b.the_hold(services, "confirm-purge").id
    page = f"/desk/decisions/{hold}"

    assert browser.post(page, {"answer": "purge", "sure": "yes"}).status_code == 303
    assert "1 of 2 has answered" in text_of(browser.get(page).text)
    browser.sign_in(Role.PRIVACY, person=a_person("ben", "Ben Example"))
    assert "What they said is shown once you have answered" in text_of(browser.get(page).text)
    assert browser.post(page, {"answer": "purge", "sure": "yes"}).status_code == 303

    assert "Answered" in text_of(browser.get(page).text)
