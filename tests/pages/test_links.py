"""No page shows somebody a link or a form that is refused to them; nothing of another request is reached by a path."""

import re

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, a_person, text_of
from tests.kit.papers import a_pdf
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.permissions import End
from transfer.rights import Role

pytestmark = pytest.mark.servers

#: pages of one kind that are looked at
_OF_ONE_KIND = 3


def _a_busy_desk(services, browser: Desk) -> None:
    b.a_case_without_slides(services)
    verbs.stop_everything(services, b.a_case(services), End.PAUSED, actor=ANN)
    verbs.close(services, b.a_case(services), "not-coming", actor=ANN)
    b.report_comes(services, b.a_chart())
    browser.send("/desk/incoming/upload", file=a_pdf(2))


@pytest.mark.parametrize("role", [Role.CLERK, Role.PRIVACY, Role.AUDITOR])
def test_every_link_leads_to_what_somebody_may_see(services, browser: Desk, role: Role):
    _a_busy_desk(services, browser)
    browser.sign_in(role, person=a_person("zoe", "Zoe Example"))
    todo, seen, refused = ["/desk/"], dict[str, int](), list[tuple[int, str]]()
    while todo:
        path = todo.pop()
        kind = re.sub(r"[a-z][0-9a-z]{11,15}(-p1)?", "ID", path)
        if seen.get(kind, 0) >= _OF_ONE_KIND or path.endswith(".css"):
            continue
        seen[kind] = seen.get(kind, 0) + 1
        page = browser.get(path)
        if page.status_code >= 400:
            refused.append((page.status_code, kind))
        elif page.headers.get("content-type", "").startswith("text/html"):
            todo += [one.replace("&amp;", "&") for one in re.findall(r'href="(/[^"]*)"', page.text)]

    assert refused == []
    assert len(seen) > 15


def test_a_form_about_what_is_of_another_request_is_no_page_and_does_nothing(services, browser: Desk):
    ours, theirs = b.a_case_without_slides(services), b.a_case_without_slides(services)
    permission = b.form_of(services, theirs)
    with services.ledger.transaction() as tx:
        record = next(iter(tx.case(theirs).records))
    paths = ("revoke/{0}", "resume/{0}", "chart/{1}", "line/none-such", "drop/none-such", "appointment/none/cancel")

    for path in paths:
        here = f"/desk/cases/{ours}/{path.format(permission, record)}"
        assert browser.get(here).status_code == 404, path
        assert browser.post(here, {"sure": "yes", "waiver": "not-needed"}).status_code == 404, path

    assert "In force" in text_of(browser.get(f"/desk/cases/{theirs}").text)


@pytest.mark.parametrize(("path", "field"), [("call", "next"), ("appointment", "appointment")])
def test_a_day_that_is_mistyped_is_said_beside_it(services, browser: Desk, path: str, field: str):
    case = b.a_case(services)
    day = {f"{field}-month": "3", f"{field}-day": "8", f"{field}-year": "2020"}

    page = browser.post(f"/desk/cases/{case}/{path}", {"callee": "patient", "outcome": "spoke", "at": "9:30", **day})

    assert page.status_code == 422
    assert f'id="{field}-problem"' in page.text
    assert "Not before" in text_of(page.text)


def test_what_is_refused_names_facilities_and_answers_in_words(services, browser: Desk):
    case = b.a_case(services)

    page = browser.post(
        f"/desk/cases/{case}/procedure", {"procedure": "scan", "facility": b.PRAIRIE, "day-year": "2025"}
    )

    assert "Prairie Pathology has no department that holds images" in text_of(page.text)
    assert f'href="/desk/cases/{case}"' in page.text
