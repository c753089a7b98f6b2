"""A release form among the pages of a paper: what is wrong is told, and it is filed with its scan in one act."""

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, a_person, text_of
from tests.kit.papers import a_fax, a_pdf
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.rights import Role

pytestmark = pytest.mark.servers


def served_paper(browser: Desk, body: bytes) -> str:
    """The path of a paper that was brought in and taken."""
    assert browser.send("/desk/incoming/upload", file=body).status_code == 303
    path = "/desk/incoming/f" + browser.get("/desk/incoming").text.split('href="/desk/incoming/f')[1].split('"')[0]
    browser.post(f"{path}/take")
    return path


def fields(chart, **differing: object) -> dict[str, object]:
    """A complete form, as somebody fills it in."""
    patient = chart["patient"]
    year, month, day = patient["birth_date"].split("-")
    complete = {
        "pages": "2-3",
        "institution": b.LAKESIDE,
        "form": "release",
        "family": patient["family"],
        "given": " ".join(patient["given"]),
        "born-year": year,
        "born-month": month,
        "born-day": day,
        "records": "all",
        "ordinary": "yes",
        "released_by": [b.LAKESIDE, b.PRAIRIE, b.MERCY],
        "released_to": [b.SUMMIT],
        "purposes": ["TREAT"],
        "expires-year": "2099",
        "expires-month": "1",
        "expires-day": "31",
        "signature": "handwritten",
        "by": "patient",
        "signed-year": "2026",
        "signed-month": "3",
        "signed-day": "2",
        "statements": ["revoke", "condition", "redisclose"],
        "terms": "none",
    }
    return complete | differing


@pytest.mark.parametrize("body", [a_pdf(4), a_fax(4)], ids=["pdf", "fax"])
def test_a_form_is_filed_with_its_scan_and_its_pages_leave_incoming(browser: Desk, body: bytes):
    chart = b.a_chart()
    case, path = b.a_case(browser.services, chart, form=False), served_paper(browser, body)
    assert f"{path}/cases/{case}/form" in browser.get(f"{path}/cases/{case}").text
    assert "<img" in browser.get(f"{path}/cases/{case}/form").text

    looked = browser.post(f"{path}/cases/{case}/form", fields(chart))
    assert "Nothing is wrong with it" in text_of(looked.text)
    assert desk.list_permissions(browser.services, case, actor=ANN) == []
    filed = browser.post(f"{path}/cases/{case}/form", fields(chart, file="1"))

    assert (filed.status_code, filed.headers["location"]) == (303, f"{path}/cases/{case}")  # two pages are left
    (form,) = desk.list_permissions(browser.services, case, actor=ANN)
    assert form.ended is None
    (paper,) = desk.list_incoming(browser.services, actor=ANN).papers
    assert [(part.pages, part.became, part.case) for part in paper.parts] == [("2-3", "form", case)]


def test_who_refers_mostly_brought_it_and_nothing_else_is_filled_in_beforehand(browser: Desk):
    chart = b.a_chart()
    case, path = b.a_case(browser.services, chart, form=False), served_paper(browser, a_pdf(2))

    page = browser.get(f"{path}/cases/{case}/form").text

    assert f'value="{b.LAKESIDE}" selected' in page
    assert chart["patient"]["family"] not in page
    filed = browser.post(f"{path}/cases/{case}/form", fields(chart, pages="all", file="1"))
    assert filed.headers["location"] == f"/desk/cases/{case}"


def test_what_the_form_lacks_is_told_before_it_is_filed(browser: Desk):
    chart = b.a_chart()
    case, path = b.a_case(browser.services, chart, form=False), served_paper(browser, a_pdf(4))

    lacking = fields(chart, statements=["revoke"], signature="missing")
    said = text_of(browser.post(f"{path}/cases/{case}/form", lacking).text)

    assert "What is wrong with it" in said
    assert "(164.508(c)(1)(vi))" in said
    assert desk.list_permissions(browser.services, case, actor=ANN) == []


def test_a_form_of_somebody_else_is_turned_away_and_its_pages_stay(browser: Desk):
    chart = b.a_chart()
    case, path = b.a_case(browser.services, chart, form=False), served_paper(browser, a_pdf(4))

    answer = browser.post(f"{path}/cases/{case}/form", fields(b.a_chart(), file="1"))

    assert answer.status_code == 403
    (paper,) = desk.list_incoming(browser.services, actor=ANN).papers
    assert (paper.parts, paper.left) == ((), (1, 2, 3, 4))


def test_what_nobody_filled_in_is_said_beside_it(browser: Desk):
    case, path = b.a_case(browser.services, form=False), served_paper(browser, a_pdf(2))

    answer = browser.post(f"{path}/cases/{case}/form", {})

    assert (answer.status_code, "Choose who brought the form" in text_of(answer.text)) == (422, True)


def test_who_may_not_release_files_no_form(browser: Desk):
    case, path = b.a_case(browser.services, form=False), served_paper(browser, a_pdf(2))
    clerk = Desk(browser.services)
    clerk.sign_in(Role.CLERK, person=a_person("ben", "Ben Example"))

    assert clerk.get(f"{path}/cases/{case}/form").status_code == 403
    assert clerk.post(f"{path}/cases/{case}/form", {}).status_code == 403
