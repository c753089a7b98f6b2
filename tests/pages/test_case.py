"""A request in a browser: everything told once, and each act on a page that says what follows."""

import re
from datetime import date, timedelta

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import text_of
from tests.kit.handed_over import handed_over
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import facts
from transfer.facts import Chain
from transfer.flow import desk as verbs
from transfer.flow.desk import EnteredReferral
from transfer.looks import PatientFlag
from transfer.pages.desk.case_acts import ACTS
from transfer.permissions import End
from transfer.requests import RequestState
from transfer.rights import Role

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("path", ["stop", "close", "call", "code"])
def test_a_form_says_about_whom_it_is(services, browser, path: str):
    chart = b.a_chart()
    case = b.a_case_without_slides(services, chart)
    family = chart["patient"]["family"]

    page = browser.get(f"/desk/cases/{case}/{path}").text
    assert family in text_of(page)
    assert family not in re.search(r"<title>(.*?)</title>", page).group(1)

    verbs.flag_patient(services, case, PatientFlag.VIP, actor=ANN)
    assert family not in browser.get(f"/desk/cases/{case}/{path}").text


class TestShowing:
    def test_it_says_whether_it_is_ready_and_what_would_make_it_so(self, services, browser):
        case = b.a_case_without_slides(services)

        says = text_of(browser.get(f"/desk/cases/{case}").text)

        assert "Not yet. This would make it ready" in says
        assert "Outstanding" in says
        assert "Received" in says

    def test_without_an_authorization_it_says_so_once_and_each_line_what_waits_for_it(self, services, browser):
        case = b.a_case(services, form=False)

        ready = text_of(browser.get(f"/desk/cases/{case}").text).partition("Ready to send?")[2].partition("Needed")[0]

        assert ready.index("Authorization: None in force covers") < ready.index("waits for the authorization")
        assert ready.count("None in force") == 1
        assert "legal basis" not in ready
        assert "Outstanding" in ready

    def test_it_names_the_patient_in_its_text_and_never_in_title_or_links(self, services, browser):
        chart = b.a_chart()
        case = b.a_case_without_slides(services, chart)
        family = chart["patient"]["family"]

        page = browser.get(f"/desk/cases/{case}").text

        assert family in text_of(page)
        title = re.search(r"<title>(.*?)</title>", page).group(1)
        assert family not in title
        assert not [link for link in re.findall(r'(?:href|action)="([^"]*)"', page) if family in link]

    def test_who_may_not_see_who_it_is_sees_no_name(self, services, browser):
        chart = b.a_chart()
        case = b.a_case(services, chart)
        browser.sign_in(Role.AUDITOR)

        page = browser.get(f"/desk/cases/{case}")

        assert page.status_code == 200
        assert chart["patient"]["family"] not in page.text

    def test_a_stopped_request_recommends_sending_nowhere(self, services, browser):
        case = b.a_case_without_slides(services)
        verbs.stop_everything(services, case, End.PAUSED, actor=ANN)

        page = browser.get(f"/desk/cases/{case}").text

        assert "No. It is stopped." in text_of(page)
        assert f"/desk/cases/{case}/approve" not in page
        assert "<form" not in browser.get(f"/desk/cases/{case}/approve").text.split("<main")[1]

    def test_it_tells_what_people_did_in_bold_and_folds_the_rest(self, services, browser):
        case = b.a_case_without_slides(services)
        verbs.add_note(services, case, "Call back on Monday.", actor=ANN)

        page = browser.get(f"/desk/cases/{case}").text

        assert "<strong>A note was written.</strong>" in page
        assert "Call back on Monday." not in page
        assert "Call back on Monday." in browser.get(f"/desk/cases/{case}?notes=1").text

    def test_a_request_whose_referral_is_not_understood_yet_has_a_page(self, services, browser):
        case = b.refer(services, b.a_chart())

        assert browser.get(f"/desk/cases/{case}").status_code == 200

    def test_a_request_whose_referral_is_still_being_read_says_so(self, services, browser):
        said = EnteredReferral(
            referring=b.LAKESIDE,
            receiver=b.SUMMIT,
            family="Quillfeather",
            given=("Odalys",),
            birth_date=date(1961, 2, 3),
            diagnosis="Cancer of the sigmoid colon",
        )
        case = verbs.enter_referral(services, said, actor=ANN).fields["case"]
        before = text_of(browser.get(f"/desk/cases/{case}").text)
        process_all(services)

        assert "Its referral is being read" in before
        assert "Its referral is being read" not in text_of(browser.get(f"/desk/cases/{case}").text)

    def test_one_that_there_is_not_is_no_page(self, browser):
        assert browser.get("/desk/cases/c00000000000").status_code == 404


class TestActing:
    @pytest.mark.parametrize("act", ACTS, ids=lambda act: act.path)
    def test_each_act_has_a_page_that_says_what_follows_and_does_nothing_without_a_form(self, services, browser, act):
        case = b.a_case_without_slides(services)
        with services.ledger.transaction() as tx:
            permission = next(one.permission for one in tx.case(case).records.values() if one.permission)
            record = next(iter(tx.case(case).records))
            lines, request = len(tx.lines(Chain.case(case))), next(iter(tx.case(case).requests))
        named = {
            "line": "slides",
            "permission": permission,
            "request": request,
            "appointment": "referral",
            "about": record,
        }
        path = f"/desk/cases/{case}/{act.path.format(**named)}"

        page = browser.get(path)

        assert page.status_code == 200
        for says in act.follows:
            assert says in text_of(page.text)
        assert f'action="{path}"' in page.text
        if act.is_grave or act.path not in ("stop", "chart/{about}"):
            assert browser.post(path).status_code == 422
        with services.ledger.transaction() as tx:
            assert len(tx.lines(Chain.case(case))) == lines

    def test_a_call_that_nobody_answered_is_logged_by_one_button_of_the_page(self, services, browser):
        case = b.a_case(services)
        request = b.request_to(services, case, b.PRAIRIE)

        sent = {"callee": "facility", "request": request.id, "outcome": "no-answer"}
        done = browser.post(f"/desk/cases/{case}/call", sent)

        assert done.status_code == 303
        assert [(one.request, one.outcome) for one in b.facts_of(services, case, facts.CallLogged)] == [
            (request.id, "no-answer")
        ]

    @pytest.mark.parametrize("whom", ["patient", "referring-office", "center"])
    def test_a_call_to_anybody_who_was_not_reached_is_two_clicks(self, services, browser, whom):
        case = b.a_case(services)
        page = browser.get(f"/desk/cases/{case}").text
        (form,) = [one for one in page.split("<form")[1:] if f'name="callee" value="{whom}"' in one]

        assert 'name="outcome" value="voicemail"' in form
        browser.post(f"/desk/cases/{case}/call", {"callee": whom, "outcome": "no-answer"})
        assert [(one.callee, one.outcome) for one in b.facts_of(services, case, facts.CallLogged)] == [
            (whom, "no-answer")
        ]

    def test_a_promise_is_logged_with_whom_they_spoke_to(self, services, browser):
        case = b.a_case(services)
        request = b.request_to(services, case, b.PRAIRIE)
        page = browser.get(f"/desk/cases/{case}/call?request={request.id}").text
        assert re.search(rf'value="{request.id}" selected', page)
        day = {"promised-month": "12", "promised-day": "24", "promised-year": "2099"}

        without = browser.post(f"/desk/cases/{case}/call", {"callee": "patient", "outcome": "promised"})
        done = browser.post(
            f"/desk/cases/{case}/call",
            {"callee": "facility", "request": request.id, "outcome": "promised", "person": "Ms. Okonkwo", **day},
        )

        assert without.status_code == 422
        assert done.status_code == 303
        assert b.request_to(services, case, b.PRAIRIE).state is RequestState.READY_ON
        assert "Ms. Okonkwo" in browser.get(f"/desk/cases/{case}").text

    def test_the_patient_who_says_stop_stops_everything_at_once(self, services, browser):
        case = b.a_case_without_slides(services)
        browser.sign_in(Role.CLERK)

        done = browser.post(f"/desk/cases/{case}/stop", {"how": "paused"})

        assert done.status_code == 303
        assert "No. It is stopped." in text_of(browser.get(f"/desk/cases/{case}").text)

    def test_what_is_here_is_sent_without_what_was_ticked(self, services, browser):
        case = b.a_case_without_slides(services)

        done = browser.post(f"/desk/cases/{case}/approve", {"without": ["slides"], "sure": "yes"})

        assert done.status_code == 303
        assert ("release_packet", f"{case}-p1") in b.owed(services)
        happened = text_of(browser.get(f"/desk/cases/{case}").text).split("What happened")[1]
        assert "Ann Example" in happened

    def test_a_line_is_settled_and_a_request_closed(self, services, browser):
        case = b.a_case_without_slides(services)

        assert browser.post(f"/desk/cases/{case}/line/slides", {"waiver": "absent"}).status_code == 303
        assert browser.post(f"/desk/cases/{case}/line/slides", {"waiver": "substitute"}).status_code == 422
        assert browser.post(f"/desk/cases/{case}/close", {"ending": "not-coming", "sure": "yes"}).status_code == 303

        assert [one.waiver for one in b.facts_of(services, case, facts.NeedWaived)] == ["absent"]
        closed = browser.get(f"/desk/cases/{case}").text
        assert "It is closed: nothing more is sent, and it is not opened again" in text_of(closed)
        assert 'href="/desk/new"' in closed.partition("Ready to send?")[2].partition("<table")[0]
        assert "Facility: Prairie Pathology" not in text_of(closed)

    def test_the_links_of_a_packet_are_said_not_to_work_while_it_is_stopped(self, services, browser):
        case = handed_over(services)

        def of_links() -> str:
            return text_of(browser.get(f"/desk/cases/{case}").text).partition("What was sent")[2]

        assert "do not work" not in of_links()
        assert " until " in of_links()
        browser.post(f"/desk/cases/{case}/stop", {"how": "paused"})
        assert "Its links do not work while it is stopped." in of_links()
        assert " until " not in of_links().partition("Notes")[0]

    def test_who_closes_a_request_reads_that_it_is_not_opened_again(self, services, browser):
        assert "not opened again" in text_of(browser.get(f"/desk/cases/{b.a_case(services)}/close").text)

    def test_appointments_are_added_moved_and_cancelled_each_by_itself(self, services, browser):
        case = b.a_case(services)
        day = {"appointment-month": "12", "appointment-day": "19", "appointment-year": "2099"}
        here = f"/desk/cases/{case}"

        assert browser.post(f"{here}/appointment", {**day, "at": "half past"}).status_code == 422
        assert browser.post(f"{here}/appointment", {**day, "at": "9:30"}).status_code == 303
        assert "19 Dec 2099, 09:30" in text_of(browser.get(here).text)
        moved = browser.post(f"{here}/appointment/appointment-2", {**day, "appointment-day": "20", "at": "10:00"})
        assert moved.status_code == 303
        assert "20 Dec 2099, 10:00" in text_of(browser.get(here).text)
        assert "20 Dec 2099, 10:00" in text_of(browser.get(f"{here}/appointment/appointment-2").text)
        assert browser.post(f"{here}/appointment/appointment-2/cancel").status_code == 422
        assert browser.post(f"{here}/appointment/appointment-2/cancel", {"sure": "yes"}).status_code == 303

        assert re.search("Cancelled ... 20 Dec 2099, 10:00", text_of(browser.get(here).text))
        assert f"{here}/appointment/appointment-2" not in browser.get(here).text

    def test_the_day_by_which_records_are_needed_is_changed(self, services, browser):
        case = b.a_case(services)

        assert browser.post(f"/desk/cases/{case}/needed").status_code == 422
        day = {"needed-month": "12", "needed-day": "3", "needed-year": "2099"}
        assert browser.post(f"/desk/cases/{case}/needed", day).status_code == 303

        assert "3 Dec 2099" in text_of(browser.get(f"/desk/cases/{case}").text)

    def test_one_button_lets_everything_go_on_and_the_next_stop_files_nothing_new(self, services, browser):
        case = b.a_case_without_slides(services)
        here = f"/desk/cases/{case}"
        assert browser.post(f"{here}/stop", {"how": "paused"}).status_code == 303
        assert f'href="{here}/resume"' in browser.get(here).text

        assert browser.post(f"{here}/resume").status_code == 422
        assert browser.post(f"{here}/resume", {"sure": "yes"}).status_code == 303

        forms = verbs.list_permissions(services, case, actor=ANN)
        assert [one.ended for one in forms] == [None, None]
        page = text_of(browser.get(here).text)
        assert "It is stopped" not in page
        assert "stands for a stop" not in page
        browser.post(f"{here}/stop", {"how": "paused"})
        assert [one.permission for one in verbs.list_permissions(services, case, actor=ANN)] == [
            one.permission for one in forms
        ]
        assert "It is stopped" in text_of(browser.get(here).text)

    def test_what_was_paused_by_itself_before_stays_paused(self, services, browser, hours_pass):
        case = b.a_case_without_slides(services)
        verbs.pause(services, b.form_of(services, case), actor=ANN)
        hours_pass(timedelta(minutes=5))
        verbs.stop_everything(services, case, End.PAUSED, actor=ANN)

        assert browser.post(f"/desk/cases/{case}/resume", {"sure": "yes"}).status_code == 303

        stands = {one.is_stop: one.ended for one in verbs.list_permissions(services, case, actor=ANN)}
        assert stands == {True: None, False: End.PAUSED}

    def test_a_paused_authorization_is_resumed_and_a_revoked_one_is_not(self, services, browser):
        case = b.a_case_without_slides(services)
        verbs.stop_everything(services, case, End.PAUSED, actor=ANN)
        standing = verbs.list_permissions(services, case, actor=ANN)
        permission = next(one.permission for one in standing if not one.is_stop)

        assert browser.post(f"/desk/cases/{case}/resume/{permission}", {"sure": "yes"}).status_code == 303
        assert browser.post(f"/desk/cases/{case}/revoke/{permission}", {"sure": "yes"}).status_code == 303
        assert browser.post(f"/desk/cases/{case}/resume/{permission}", {"sure": "yes"}).status_code == 403


def test_what_happened_is_told_in_the_trades_words_without_keys_and_with_days_as_pages_write_them(services, browser):
    case = b.a_case_without_slides(services)
    when = {"appointment-month": "12", "appointment-day": "19", "appointment-year": "2099", "at": "9:30"}
    browser.post(f"/desk/cases/{case}/appointment", when)
    browser.post(f"/desk/cases/{case}/need", {"kind": "molecular", "facility": "lakeside-oncology"})
    verbs.stop_everything(services, case, End.PAUSED, actor=ANN)

    said = text_of(browser.get(f"/desk/cases/{case}").text.partition("What happened")[2])

    assert "molecular, for this patient" in said.lower()
    assert "Sat 19 Dec 2099" in said
    assert not re.search(r"added-\d|appointment-\d|\b\d{4}-\d\d-\d\d\b|\bsource|release form", said, re.IGNORECASE)
    assert not re.search(r"\b\d{4}-\d\d-\d\d\b", text_of(browser.get("/desk/").text))
