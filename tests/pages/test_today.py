"""Today on a page: what only we can move, in the trade's words, and nothing of a patient where it may not stand."""

import re
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, a_person, text_of
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.rights import Role

pytestmark = pytest.mark.servers


@pytest.fixture
def desk(ledger) -> Desk:
    return Desk(b.new_services(ledger))


def test_the_day_says_whose_turn_each_case_is_and_what_it_waits_for(desk: Desk):
    ours, theirs = b.a_case_without_slides(desk.services), b.a_case(desk.services)
    verbs.change(desk.services, ours, actor=ANN, appointment_at=datetime.now(UTC) + timedelta(days=2))
    desk.sign_in(Role.OFFICER)

    page = desk.get("/desk/").text

    said = text_of(page).partition("Sign out")[2]
    assert said.index("Only we can move these") < said.index("To do") < said.index("These wait for others")
    (asked,) = verbs.holds(desk.services, actor=ANN)
    assert f"/desk/decisions/{asked.hold}" in page
    assert all(f"/desk/cases/{case}" in page for case in (ours, theirs))
    assert "short of 1" in said
    assert not re.search(r"release form|\bsource\b|came in|\bpieces\b|Needs a decision", said)


def test_a_checklist_is_chosen_by_what_it_is_called(desk: Desk):
    b.a_case(desk.services)
    desk.sign_in(Role.OFFICER)

    assert "Cancer of the pancreas or ampulla" in text_of(desk.get("/desk/").text)


def test_a_patient_is_named_to_who_may_know_and_stands_in_no_address_and_no_title(desk: Desk):
    chart = b.a_chart()
    case = b.a_case(desk.services, chart)
    family = chart["patient"]["family"]
    desk.sign_in(Role.CLERK)
    page = desk.get("/desk/").text
    desk.sign_in(Role.AUDITOR)
    blind = desk.get("/desk/").text

    assert family in text_of(page)
    assert family not in " ".join(re.findall(r'(?:href|action|value)="[^"]*"|<title>.*?</title>', page))
    assert family not in blind
    assert case in text_of(blind)


def test_nobody_takes_from_a_colleague_what_a_page_showed_as_nobodys(desk: Desk):
    case = b.a_case(desk.services)
    desk.sign_in(Role.CLERK)
    assert 'name="seen" value=""' in desk.get("/desk/").text
    verbs.assign(desk.services, case, "ben", actor=ANN)

    late = desk.post(f"/desk/cases/{case}/take", {"seen": ""})

    assert "somebody else took" in text_of(late.text).lower()
    assert f'href="/desk/cases/{case}/assign"' in late.text
    with desk.services.ledger.transaction() as tx:
        assert tx.case(case).assigned_to == "ben"
    assert desk.post(f"/desk/cases/{case}/take", {"seen": "ben"}).status_code == 303


def test_who_takes_one_of_a_choice_is_shown_that_choice_again(desk: Desk):
    case = b.a_case(desk.services)
    desk.sign_in(Role.CLERK)
    assert f'name="facility" value="{b.MERCY}"' in desk.get(f"/desk/?facility={b.MERCY}").text

    done = desk.post(f"/desk/cases/{case}/take", {"facility": b.MERCY, "checklist": "Quillfeather"})

    assert done.headers["location"] == f"/desk/?facility={b.MERCY}"


def test_a_case_is_taken_by_whoever_works_on_it(desk: Desk):
    case = b.a_case(desk.services)
    desk.sign_in(Role.CLERK)
    assert "yours" not in text_of(desk.get("/desk/").text)

    done = desk.post(f"/desk/cases/{case}/take")

    assert (done.status_code, done.headers["location"]) == (303, "/desk/")
    page = desk.get("/desk/?whose=mine").text
    assert "yours" in text_of(page)
    assert f"/desk/cases/{case}/take" not in page
    desk.sign_in(Role.PRIVACY, person=a_person("ben", "Ben Example"))
    page = desk.get("/desk/").text
    assert "Ann Example" in text_of(page)
    assert "/take" not in page
    assert desk.post(f"/desk/cases/{case}/take").status_code == 403


def test_who_is_expected_after_those_of_the_clinics_is_counted_and_listed(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    cases = [b.a_case(desk.services) for _ in range(3)]
    for days, case in enumerate(cases, start=3):
        at = datetime.now(UTC) + timedelta(days=days)
        verbs.change(desk.services, case, actor=ANN, appointment_at=at)
    found = verbs.today(desk.services, actor=ANN, zone=desk.services.zone, appointments=1)
    assert ([one.case for clinic in found.clinics for one in clinic.lines], found.later) == ([cases[0]], 2)
    monkeypatch.setattr(sys.modules["transfer.flow.desk.today"], "_APPOINTMENTS", 1)
    desk.sign_in(Role.CLERK)

    page = desk.get("/desk/?facility=mercy-imaging").text
    (link,) = re.findall(r'href="(/desk/list/expected[^"]*)"', page)
    listed = desk.get(link.replace("&amp;", "&")).text

    assert ": 2 after these" in text_of(page)
    assert "3 in all" in text_of(listed)
    assert list(dict.fromkeys(re.findall(r"/desk/cases/(c\w{11})", listed))) == cases, "whoever comes first"


def test_a_list_has_pages_and_keeps_what_was_chosen(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules["transfer.flow.desk.today"], "PAGE", 1)
    for _ in range(2):
        b.a_case_of_others(desk.services)
    desk.sign_in(Role.CLERK)

    first = desk.get("/desk/list/others?facility=mercy-imaging").text
    (following,) = re.findall(r'href="([^"]+)">Next page', first)
    second = desk.get(following.replace("&amp;", "&")).text

    assert "facility=mercy-imaging" in following
    assert "page 2 of 2" in text_of(second)
    assert "Previous page" in second
    cases = [set(re.findall(r"/desk/cases/(c\w{11})", page)) for page in (first, second)]
    assert [len(one) for one in cases] == [1, 1]
    assert cases[0] != cases[1]


def test_a_list_says_in_words_what_it_leaves_out_and_as_of_when(desk: Desk):
    desk.sign_in(Role.OFFICER)
    mine = f"/desk/?whose=mine&facility={b.MERCY}&checklist=colorectal"
    said = "Only: requests of Ann Example; Mercy Imaging; Cancer of the colon or rectum."

    assert said in text_of(desk.get(mine).text)
    assert said in text_of(desk.get(mine.replace("/?", "/list/others?")).text)
    whole = text_of(desk.get("/desk/").text)
    assert "Only:" not in whole
    assert re.search(r"As of \w{3} \d+ \w{3} \d{4}, \d\d:\d\d UTC", whole)


@pytest.mark.parametrize("query", ["page=0", "page=x", "page=99999", "facility=nowhere", "checklist=%00", "whose=mine"])
def test_what_is_asked_for_and_is_not_there_is_an_empty_list(desk: Desk, query: str):
    b.a_case(desk.services)
    desk.sign_in(Role.CLERK)

    assert desk.get(f"/desk/list/others?{query}").status_code == 200
    assert desk.get(f"/desk/?{query}").status_code == 200
    assert desk.get("/desk/list/nothing").status_code == 404
