"""Find on a page: what is looked for stands in no address and no title, and who finds nobody is told what to say."""

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, text_of
from transfer.rights import Role

pytestmark = pytest.mark.servers


@pytest.fixture
def desk(ledger) -> Desk:
    return Desk(b.new_services(ledger))


def test_a_patient_is_found_with_the_line_to_read_out(desk: Desk):
    chart = b.a_chart()
    case = b.a_case_without_slides(desk.services, chart)
    desk.sign_in(Role.CLERK)

    page = desk.post("/desk/find", {"name": chart["patient"]["family"].lower(), "born": "", "number": ""})

    assert page.status_code == 200
    assert f"/desk/cases/{case}" in page.text
    assert "Still outstanding:" in text_of(page.text)
    assert chart["patient"]["family"] not in page.text.split("</title>")[0]


def test_who_finds_nobody_is_told_what_to_say(desk: Desk):
    desk.sign_in(Role.CLERK)

    said = text_of(desk.post("/desk/find", {"name": "Nobody", "born": "", "number": ""}).text)

    assert "Say: we will call you back" in said


@pytest.mark.parametrize(
    "sent",
    [
        {"name": "", "born": "", "number": ""},
        {},
        {"name": "Nguyen", "born": "31/31/1958"},
        {"name": "x" * 300},
        {"name": "a\x00b"},
    ],
)
def test_what_finds_nobody_is_a_problem_of_the_form(desk: Desk, sent: dict[str, str]):
    desk.sign_in(Role.CLERK)

    page = desk.post("/desk/find", sent)

    assert page.status_code == 422
    assert "There is a problem" in text_of(page.text)


def test_who_may_not_know_patients_finds_none(desk: Desk):
    desk.sign_in(Role.AUDITOR)

    assert desk.get("/desk/find").status_code == 403
    assert desk.post("/desk/find", {"name": "Nguyen"}).status_code == 403
