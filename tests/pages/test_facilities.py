"""Adding a facility on a page, and calling back before letters go there."""

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, text_of
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.flow.services import Services
from transfer.rights import Role

pytestmark = pytest.mark.servers

CEDAR = {
    "name": "Cedar Clinic",
    "city": "Minot, ND",
    "zone": "America/Chicago",
    "sort": "other",
    "holds": ["note", "images"],
    "telephone": "(701) 555-0142",
    "fax": "(701) 555-0143",
    "address": "",
}
PATH = "/desk/facilities/cedar-clinic-minot-nd"


def test_a_facility_is_added_called_back_and_reached_otherwise(services: Services, browser: Desk):
    assert browser.post("/desk/facilities/new", CEDAR).headers["location"] == PATH
    assert "call back first" in text_of(browser.get("/desk/facilities").text)
    assert browser.post(f"{PATH}/call-back", {"sure": "yes"}).headers["location"] == PATH
    assert "call back first" not in text_of(browser.get(PATH).text)
    assert "+1 701 555 0143" in text_of(browser.get(PATH).text)

    browser.post(f"{PATH}/contact", {"telephone": "7015550142", "fax": "", "address": "12 Elm St\nMinot ND 58701"})

    (known,) = verbs.list_facilities(services, actor=ANN)
    assert known.contact.fax is None
    assert known.contact.address == "12 Elm St\nMinot ND 58701"
    assert "Call back first" in text_of(browser.get(PATH).text)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": ""}, "Write its name"),
        ({"name": "12", "city": "7"}, "A name with letters"),
        ({"zone": "Middle/Earth"}, "Choose its time zone"),
        ({"sort": ""}, "Choose what it is"),
        ({"holds": "everything"}, "Tick what it holds"),
        ({"telephone": "call Ann"}, "Not a telephone number"),
        ({"fax": ""}, "Write its fax number or its postal address"),
        ({"address": "\n".join("abcdefgh")}, "Not a postal address"),
        ({"name": "Mercy", "city": "imaging"}, "Mercy-imaging has a reviewed file"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_added(
    services: Services, browser: Desk, wrong: dict[str, str], says: str
):
    page = browser.post("/desk/facilities/new", CEDAR | wrong)

    assert page.status_code == 422
    assert says in text_of(page.text)
    assert verbs.list_facilities(services, actor=ANN) == ()


@pytest.mark.parametrize(("sort", "holds"), [("office", "Operative note"), ("laboratory", "Material")])
def test_what_a_usual_place_holds_is_not_ticked_one_by_one(browser: Desk, sort: str, holds: str):
    browser.post("/desk/facilities/new", {**CEDAR, "sort": sort, "holds": []})

    page = text_of(browser.get(PATH).text)

    assert holds in page
    assert "Images" not in page.partition("Holds")[2].partition("Telephone")[0]


def test_a_facility_that_a_request_needs_is_asked_at_once_and_people_go_on_there(services: Services, browser: Desk):
    case = b.a_case(services)
    process_all(services)
    assert f"/desk/facilities/new?case={case}" in browser.get(f"/desk/cases/{case}/source").text
    assert f'name="case" value="{case}"' in browser.get(f"/desk/facilities/new?case={case}").text

    added = browser.post("/desk/facilities/new", {**CEDAR, "case": case}).headers["location"]
    process_all(services)

    assert added == f"{PATH}?case={case}"
    assert f"{PATH}?case={case}" in browser.get(f"/desk/cases/{case}").text
    called = browser.post(f"{PATH}/call-back", {"sure": "yes", "case": case})
    assert called.headers["location"] == f"/desk/cases/{case}"
    assert "Call back" not in browser.get(f"/desk/cases/{case}").text


def test_a_call_is_said_to_have_been_made(browser: Desk):
    browser.post("/desk/facilities/new", CEDAR)

    page = browser.post(f"{PATH}/call-back", {})

    assert page.status_code == 422
    assert "Say that you called" in text_of(page.text)


def test_who_only_looks_sees_no_form(browser: Desk):
    browser.post("/desk/facilities/new", CEDAR)
    browser.sign_in(Role.AUDITOR)

    assert "<form method" not in browser.get(PATH).text.split("<main")[1]
    assert browser.get("/desk/facilities/new").status_code == 403
    assert browser.get("/desk/facilities/no-such").status_code == 404
