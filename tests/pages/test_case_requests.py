"""What facilities are asked for and say, on the pages of a request: answers, needs, sources, whose work it is."""

import re
from datetime import timedelta

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import a_person, text_of
from tests.kit.staff import ANN
from transfer import facts
from transfer.flow import desk as verbs
from transfer.requests import RequestAnswer, RequestState
from transfer.rights import Role
from transfer.sentences.answers import ANSWERS

pytestmark = pytest.mark.servers


def day(name, year="2099", month="12", number="24"):
    return {f"{name}-month": month, f"{name}-day": number, f"{name}-year": year}


class TestAnswers:
    def test_each_answer_that_a_person_hears_or_gives_has_its_words(self):
        assert set(ANSWERS) == set(RequestAnswer) - {RequestAnswer.COMPLETED}

    @pytest.mark.parametrize(
        ("said", "state"),
        [
            ({"answer": "no-records", "because": "destroyed"}, RequestState.NO_RECORDS),
            (
                {"answer": "already-sent", "elsewhere": "summit-cancer-center", **day("day", "2020")},
                RequestState.ALREADY_SENT,
            ),
            ({"answer": "form-required"}, RequestState.FORM_REQUIRED),
            (
                {"answer": "authorization-not-accepted", "because": "expired"},
                RequestState.AUTHORIZATION_NOT_ACCEPTED,
            ),
            ({"answer": "identifier-required", "words": "They know her by another name"}, "identifier-required"),
            ({"answer": "rest-follows", **day("day")}, RequestState.REST_FOLLOWS),
            ({"answer": "fee-required", "amount": "12.50"}, RequestState.FEE_REQUIRED),
            ({"answer": "ready-on", **day("day")}, RequestState.READY_ON),
            ({"answer": "not-signed"}, RequestState.NOT_SIGNED),
            ({"answer": "held-elsewhere", "elsewhere": "mercy-imaging"}, RequestState.HELD_ELSEWHERE),
            ({"answer": "refused", "because": "legal-hold"}, RequestState.REFUSED),
            ({"answer": "in-progress"}, RequestState.IN_PROGRESS),
        ],
        ids=lambda one: one["answer"] if isinstance(one, dict) else "",
    )
    def test_what_a_facility_says_moves_its_request(self, services, browser, said, state):
        case = b.a_case(services)
        request = b.request_to(services, case, b.PRAIRIE)
        path = f"/desk/cases/{case}/answer/{request.id}"
        assert f'value="{said["answer"]}"' in browser.get(path).text

        done = browser.post(path, {**said, "person": "Ms. Okonkwo", "reference": "R-77"})

        assert done.status_code == 303
        assert b.request_to(services, case, b.PRAIRIE).state == state
        (written,) = b.facts_of(services, case, facts.RequestAnswered)
        assert (written.answer, written.reason) == (said["answer"], said.get("because"))
        assert (written.amount, written.elsewhere) == (said.get("amount"), said.get("elsewhere"))
        page = text_of(browser.get(f"/desk/cases/{case}").text)
        assert "said by Ms. Okonkwo" in page
        assert "their number R-77" in page

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"answer": "ready-on"},
            {"answer": "fee-required"},
            {"answer": "fee-required", "amount": "a lot"},
            {"answer": "no-records", "because": "expired"},
            {"answer": "no-records", **day("day")},
            {"answer": "refused", "elsewhere": "mercy-imaging"},
            {"answer": "completed"},
        ],
    )
    def test_what_an_answer_cannot_say_is_asked_for_again(self, services, browser, said):
        case = b.a_case(services)
        request = b.request_to(services, case, b.PRAIRIE)

        assert browser.post(f"/desk/cases/{case}/answer/{request.id}", said).status_code == 422
        assert not b.facts_of(services, case, facts.RequestAnswered)

    def test_a_request_of_another_case_is_no_page_of_this_one(self, services, browser):
        case, other = b.a_case(services), b.a_case(services)
        request = b.request_to(services, other, b.PRAIRIE)

        assert browser.get(f"/desk/cases/{case}/answer/{request.id}").status_code == 404

    def test_the_question_about_an_answer_leads_to_writing_the_next_one_down(self, services, browser):
        case = b.a_case(services)
        request = b.request_to(services, case, b.PRAIRIE)
        browser.post(f"/desk/cases/{case}/answer/{request.id}", {"answer": "refused", "because": "policy"})
        (hold,) = [one for one in b.open_holds(services, case) if one.about == request.id]

        assert f"/desk/cases/{case}/answer/{request.id}" in browser.get(f"/desk/decisions/{hold.id}").text

    def test_somebody_looks_after_it_on_the_day_that_is_planned(self, services, browser):
        case = b.a_case(services)
        request = b.request_to(services, case, b.PRAIRIE)
        with services.ledger.transaction() as tx:
            soon = tx.now().date() + timedelta(days=2)
        parts = day("on", str(soon.year), str(soon.month), str(soon.day))

        assert browser.post(f"/desk/cases/{case}/plan/{request.id}", parts).status_code == 303
        assert browser.post(f"/desk/cases/{case}/plan/{request.id}", day("on", "2199")).status_code == 403

        assert b.request_to(services, case, b.PRAIRIE).next_action_on == soon


class TestNeeds:
    def test_something_needed_is_added_requested_and_taken_back(self, services, browser):
        case = b.a_case(services)
        sent = {"kind": "molecular", "facility": "lakeside-oncology", "note": "the panel", "day-year": "2026"}

        assert browser.post(f"/desk/cases/{case}/need", {**sent, "day-month": "13"}).status_code == 422
        assert browser.post(f"/desk/cases/{case}/need", sent).status_code == 303

        (added,) = b.facts_of(services, case, facts.NeedAdded)
        assert (added.document, added.institution, added.day) == ("molecular", "lakeside-oncology", "2026")
        page = browser.get(f"/desk/cases/{case}").text
        assert f"/desk/cases/{case}/drop/added-1" in page
        assert "the panel" not in page
        assert browser.post(f"/desk/cases/{case}/drop/added-1").status_code == 422
        assert browser.post(f"/desk/cases/{case}/drop/added-1", {"sure": "yes"}).status_code == 303
        assert b.folded(services, case).added["added-1"].is_dropped

    def test_what_was_done_to_the_patient_becomes_lines(self, services, browser):
        case = b.a_case(services)

        sent = {"procedure": "scan", "facility": "mercy-imaging", **day("day", "2026", "3", "4")}
        done = browser.post(f"/desk/cases/{case}/procedure", sent)

        assert done.status_code == 303
        assert {(one.document, one.day) for one in b.facts_of(services, case, facts.NeedAdded)} == {
            ("images", "2026-03-04"),
        }

    def test_another_checklist_is_picked(self, services, browser):
        case = b.a_case(services)

        assert browser.post(f"/desk/cases/{case}/checklist", {"checklist": "colourectal"}).status_code == 422
        assert browser.post(f"/desk/cases/{case}/checklist", {"checklist": "lung"}).status_code == 303
        assert "Checklist Cancer of the lung Pick another" in text_of(browser.get(f"/desk/cases/{case}").text)

    def test_a_facility_is_added_and_requested(self, services, browser):
        case = b.a_case(services)

        assert browser.post(f"/desk/cases/{case}/source", {"facility": "mercy-imaging"}).status_code == 303
        assert "mercy-imaging" in b.folded(services, case).opened.sources


class TestAssigning:
    def test_a_request_is_given_to_somebody_who_has_signed_in(self, services, browser):
        case, ben = b.a_case(services), a_person("ben", "Ben Example")
        browser.sign_in(Role.CLERK, person=ben)

        assert browser.post(f"/desk/cases/{case}/assign", {"to": ben.account}).status_code == 303
        assert browser.post(f"/desk/cases/{case}/assign", {"to": "carol"}).status_code == 422
        assert "Ben Example" in text_of(browser.get(f"/desk/cases/{case}").text)
        assert browser.post(f"/desk/cases/{case}/assign", {"to": "-"}).status_code == 303
        assert b.folded(services, case).assigned_to is None

    def test_all_requests_of_one_person_go_to_another(self, services, browser):
        ann, ben = a_person(), a_person("ben", "Ben Example")
        browser.sign_in(Role.CLERK, person=ben)
        cases = [b.a_case(services), b.a_case(services)]
        for case in cases:
            verbs.assign(services, case, ann.account, actor=ANN)
        assert re.search("/desk/reassign", browser.get("/desk/").text)

        assert browser.post("/desk/reassign", {"whose": ann.account}).status_code == 422
        done = browser.post("/desk/reassign", {"whose": ann.account, "to": ben.account})

        assert done.status_code == 303
        assert {b.folded(services, case).assigned_to for case in cases} == {ben.account}
