"""A new referral on pages: filled in, checked, opened; what is wrong is said, and nothing is typed twice."""

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, text_of
from tests.kit.papers import a_pdf
from tests.kit.processing import process_all
from transfer.rights import Role

pytestmark = pytest.mark.servers

FIELDS: dict[str, str | list[str]] = {
    "referring": b.LAKESIDE,
    "referrer": "Dr. Okafor, 555 0100",
    "family": "Quillfeather",
    "given": "Odalys Jane",
    "born-month": "2",
    "born-day": "3",
    "born-year": "1961",
    "sex": "female",
    "number": "L-4711",
    "diagnosis": "Cancer of the sigmoid colon",
    "checklist": "colorectal",
    "question": "Is surgery first?",
    "receiver": b.SUMMIT,
    "appointment-month": "12",
    "appointment-day": "19",
    "appointment-year": "2035",
    "at": "9:30",
    "sources": [b.PRAIRIE, b.MERCY],
    "priority": "routine",
}


def test_a_referral_is_checked_and_then_opened(browser: Desk):
    assert "New referral" in text_of(browser.get("/desk/new").text)
    checked = browser.post("/desk/new/check", FIELDS)
    said = text_of(checked.text)

    assert "Patient Quillfeather, Odalys Jane" in said
    assert "Fri 3 Feb 1961" in said
    assert "Wed 19 Dec 2035 9:30" in said
    assert "Quillfeather" not in checked.text.split("</title>")[0]
    assert 'name="sources" value="mercy-imaging"' in checked.text

    opened = browser.post("/desk/new", FIELDS)
    process_all(browser.services)
    assert opened.status_code == 303
    assert opened.headers["location"].startswith("/desk/cases/c")
    assert "Quillfeather" in browser.get(opened.headers["location"]).text


@pytest.mark.parametrize("field", ["born", "appointment"])
def test_a_birth_date_that_lies_ahead_and_an_appointment_that_is_over_are_mistyped(browser: Desk, field: str):
    wrong = {"born": {"born-year": "2099"}, "appointment": {"appointment-year": "2025"}}[field]

    page = browser.post("/desk/new", FIELDS | wrong)

    assert page.status_code == 422
    assert f'id="{field}-problem"' in page.text
    assert 'value="Quillfeather"' in page.text


def test_somebody_may_change_what_they_wrote(browser: Desk):
    page = browser.post("/desk/new", {**FIELDS, "back": "1"})

    assert page.status_code == 200
    assert 'value="Quillfeather"' in page.text


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("referring", b.PRAIRIE, "Choose the office that refers"),
        ("receiver", b.PRAIRIE, "Choose the receiving center"),
        ("family", "", "Write the family name"),
        ("given", "", "Write the given names"),
        ("born-year", "61", "year of four digits"),
        ("diagnosis", "", "Write the diagnosis"),
        ("checklist", "", "Choose the list"),
        ("at", "noon", "A time as 09:30"),
        ("appointment-month", "13", "year of four digits"),
        ("paper", "f1", "no such paper"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_opened(browser: Desk, field: str, value: str, says: str):
    page = browser.post("/desk/new/check", {**FIELDS, field: value})

    assert page.status_code == 422
    assert says in text_of(page.text)
    assert browser.post("/desk/new", {**FIELDS, field: value}).status_code == 422
    assert "L-4711" in page.text


def test_pages_of_a_paper_are_kept_with_it(browser: Desk):
    browser.send("/desk/incoming/upload", file=a_pdf(3))
    paper = browser.get("/desk/incoming").text.split('href="/desk/incoming/f')[1].split('"')[0]
    browser.post(f"/desk/incoming/f{paper}/take")
    assert f"/desk/new?paper=f{paper}" in browser.get(f"/desk/incoming/f{paper}").text

    opened = browser.post("/desk/new", {**FIELDS, "paper": f"f{paper}", "pages": "1-2"})

    case = opened.headers["location"].rpartition("/")[2]
    assert opened.headers["location"] == f"/desk/incoming/f{paper}/cases/{case}"  # page 3 is of the same patient
    process_all(browser.services)
    assert 'value="3"' in browser.get(opened.headers["location"]).text
    assert f"1-2: request {case}" in text_of(browser.get("/desk/incoming").text)
    assert 'value="1-2"' not in browser.get("/desk/new").text


def test_the_pages_stand_beside_the_form_for_whoever_has_the_paper(browser: Desk):
    browser.send("/desk/incoming/upload", file=a_pdf(2))
    paper = browser.get("/desk/incoming").text.split('href="/desk/incoming/f')[1].split('"')[0]
    assert "/pages/1" not in browser.get(f"/desk/new?paper=f{paper}").text

    browser.post(f"/desk/incoming/f{paper}/take")

    assert f"/desk/incoming/f{paper}/pages/1" in browser.get(f"/desk/new?paper=f{paper}").text
    assert f"/desk/incoming/f{paper}/pages/1" in browser.post("/desk/new/check", {"paper": f"f{paper}"}).text


def test_an_office_that_no_list_has_is_added_on_the_way_and_nothing_is_typed_twice(browser: Desk):
    filled: dict[str, str | list[str]] = {**FIELDS, "referring": "", "sources": [b.PRAIRIE]}
    asked = browser.post("/desk/new/facility", filled)
    assert 'name="family" value="Quillfeather"' in asked.text
    place = {"name": "Cedar Oncology", "city": "Minot ND", "zone": "America/Chicago", "sort": "office"}
    reached = {"telephone": "701 555 0142", "fax": "701 555 0143", "role": "refers"}
    wrong = browser.post("/desk/new/facility", {**filled, **place, **reached, "city": ""})
    assert "Write its city" in text_of(wrong.text)
    assert 'value="Quillfeather"' in wrong.text

    added = browser.post("/desk/new/facility", {**filled, **place, **reached})

    assert 'value="cedar-oncology-minot-nd" selected' in added.text
    assert 'value="Quillfeather"' in added.text
    opened = browser.post("/desk/new", {**filled, "referring": "cedar-oncology-minot-nd"})
    process_all(browser.services)
    assert "Cedar Oncology" in text_of(browser.get(opened.headers["location"]).text)


def test_a_clerk_opens_a_referral_from_the_telephone(browser: Desk):
    browser.sign_in(Role.CLERK)

    assert browser.post("/desk/new", FIELDS).status_code == 303
