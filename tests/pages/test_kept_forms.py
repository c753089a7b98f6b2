"""What somebody typed into a form is not lost where it is not done: their session is over, or another one began."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import text_of
from tests.kit.papers import a_pdf
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.facts import Chain, NoteAdded
from transfer.flow import desk as verbs
from transfer.pages.desk.case_acts import ACTS
from transfer.rights import Role

pytestmark = pytest.mark.servers

CEDAR = {
    "name": "Cedar Clinic",
    "city": "Minot, ND",
    "zone": "America/Chicago",
    "sort": "other",
    "holds": ["note"],
    "telephone": "(701) 555-0142",
    "fax": "(701) 555-0143",
    "address": "",
}
SAID = "Call <b>Ann</b> at 5 & ask"


class _Forms(HTMLParser):
    """Of each form its address and what it would send."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form":
            self.found.append((said.get("action") or "", []))
        elif tag == "input" and self.found:
            self.found[-1][1].append((said.get("name") or "", said.get("value") or ""))


def forms_of(page: str) -> dict[str, list[tuple[str, str]]]:
    reader = _Forms()
    reader.feed(page)
    return dict(reader.found)


def notes(services, case) -> int:
    with services.ledger.transaction() as tx:
        return sum(isinstance(one.fact, NoteAdded) for one in tx.lines(Chain.case(case)))


def test_what_was_sent_after_the_session_was_over_is_sent_once_more_after_signing_in(services, browser, hours_pass):
    case = b.a_case(services)
    path, before = f"/desk/cases/{case}/note", notes(services, case)
    hours_pass(timedelta(minutes=31))

    none = browser.post(path, {"text": SAID})
    assert none.status_code == 401
    assert "Come back to this tab" in text_of(none.text)
    assert 'target="_blank"' in none.text
    kept = forms_of(none.text)[path]
    assert kept == [("text", SAID)]  # no token, and nothing that could be markup

    browser.sign_in(Role.OFFICER)
    again = browser.client.post(path, data=dict(kept))
    assert again.status_code == 422
    assert "Nothing of this was done yet" in text_of(again.text)
    assert SAID in text_of(again.text)
    assert notes(services, case) == before

    assert browser.post(path, {"text": SAID}).status_code == 303
    assert notes(services, case) == before + 1


def test_a_form_of_an_earlier_sign_in_is_shown_as_it_was_filled_in(services, browser):
    path = f"/desk/cases/{b.a_case(services)}/note"
    before = browser.token
    browser.sign_in(Role.OFFICER)

    again = browser.post(path, {"token": before, "text": SAID})

    assert again.status_code == 422
    assert SAID in text_of(again.text)
    assert browser.token in again.text


def test_whoever_signed_in_instead_sees_no_form_that_they_may_not_send(services, browser):
    case = b.a_case(services)
    browser.sign_in(Role.AUDITOR)

    page = browser.post(f"/desk/cases/{case}/note", {"token": "of somebody else", "text": SAID})

    assert page.status_code == 403
    assert "Call" not in text_of(page.text)


def test_what_a_verb_refuses_leads_back_to_what_was_written(services, browser):
    case = b.a_case(services)
    verbs.close(services, case, "withdrawn", actor=ANN)
    path = f"/desk/cases/{case}/appointment"
    fields = {
        "appointment-month": "12",
        "appointment-day": "19",
        "appointment-year": "2099",
        "at": "9:30",
        "note": SAID,
    }

    refused = browser.post(path, fields)

    assert refused.status_code in (403, 409)
    kept = forms_of(refused.text)[path]
    assert set(fields.items()) == set(kept)
    again = browser.client.post(path, data=dict(kept))
    assert SAID in text_of(again.text)
    assert 'value="2099"' in again.text


def test_a_button_without_anything_typed_carries_nothing(browser):
    browser.client.cookies.clear()

    page = browser.post("/desk/cases/c00000000000/take", {"seen": "", "whose": "mine"})

    assert page.status_code == 401
    assert "file" not in text_of(page.text)
    assert "<form" not in page.text
    assert not re.search(r'target="_blank"', page.text)


def test_a_button_of_an_earlier_sign_in_opens_no_request_as_though_it_were_a_form(services, browser):
    case, before = b.a_case(services), browser.token
    browser.sign_in(Role.OFFICER)

    page = browser.post(f"/desk/cases/{case}/take", {"token": before, "seen": ""})

    assert page.status_code == 403
    assert "What you wrote" not in text_of(page.text)


def _typed(page: str) -> dict[str, dict[str, str]]:
    """Of each form that is sent by POST, its fields: a word in each that takes text, and of choices the first."""
    filled: dict[str, dict[str, str]] = {}
    for form in re.findall(r'<form [^>]*method="post" action="([^"]*)".*?>(.*?)</form>', page, re.DOTALL):
        action, inside = form
        fields = filled.setdefault(action, {})
        for tag in re.findall(r"<(?:input|textarea)[^>]*>", inside):
            name = (re.search(r' name="([^"]*)"', tag) or [""])[1]
            kind = (re.search(r' type="([^"]*)"', tag) or ["", "text"])[1]
            if name and kind in ("text", "tel", "email", "search"):
                fields[name] = f"said {name}"
            elif name and kind == "hidden" and name != "token":
                fields[name] = (re.search(r' value="([^"]*)"', tag) or ["", ""])[1]
    return {action: fields for action, fields in filled.items() if any(one[:5] == "said " for one in fields.values())}


def _paths(services, browser) -> list[str]:
    """Every page with a form into which people type."""
    case = b.a_case_without_slides(services)
    verbs.approve(services, case, actor=ANN, without=["slides"])
    process_all(services)
    with services.ledger.transaction() as tx:
        found = tx.case(case)
        record, request = next(iter(found.records)), next(iter(found.requests))
    named = {"line": "slides", "permission": b.form_of(services, case), "request": request, "about": record}
    parcel = {"number": "1Z999AA10123456784", "carrier": "ups", "condition": "good", "shelf": "A12"}
    browser.post("/desk/facilities/new", CEDAR)
    browser.send("/desk/incoming/upload", file=a_pdf(2))
    paper = "/desk/incoming/f" + browser.get("/desk/incoming").text.split('href="/desk/incoming/f')[1].split('"')[0]
    browser.post(f"{paper}/take")
    return [
        *(f"/desk/cases/{case}/{act.path.format(**named, appointment='referral')}" for act in ACTS),
        *("/desk/find", "/desk/new", f"/desk/new?paper={paper.rpartition('/')[2]}", "/desk/packages/new"),
        *("/desk/facilities/new", f"/desk/facilities/new?case={case}", "/desk/facilities/cedar-clinic-minot-nd"),
        browser.post("/desk/packages/new", parcel).headers["location"],
        *(paper, f"{paper}/cases/{case}", f"{paper}/cases/{case}/form", f"{paper}/sent-back"),
        *("/desk/centers", "/desk/packages"),
        *(f"/desk/decisions/{one.hold}" for one in verbs.holds(services, actor=ANN)),
    ]


def test_every_form_into_which_people_type_comes_back_as_it_was_filled_in(services, browser):
    tried = set()
    for path in _paths(services, browser):
        page = browser.get(path)
        assert page.status_code == 200, (path, page.status_code)
        for action, fields in _typed(page.text.partition("<main")[2]).items():
            again = browser.client.post(action, data=fields)
            assert again.status_code == 422, (path, action, again.status_code)
            lost = [one for one in fields.values() if one and one not in again.text]
            assert not lost, (path, action, lost)
            tried.add(action)
    assert len(tried) >= 30, sorted(tried)
