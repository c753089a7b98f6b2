"""Records and messages are opened at the desk: each look is a fact, and nothing of others' is rendered."""

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import text_of
from transfer import facts
from transfer.facts import Fact
from transfer.records import RecordKind
from transfer.rights import RIGHTS, Right, Role

pytestmark = pytest.mark.servers

HARMFUL = b"<!doctype html><script>alert(1)</script><p>Adenocarcinoma"


def a_record(services, content: bytes, content_type: str) -> tuple[str, str]:
    """A case and one record of it, with a file of this type."""
    case = b.a_case(services)
    record = b.came_in(services, case, RecordKind.NOTE, content=content, content_type=content_type)
    return case, record


def looks(services) -> list[facts.ContentViewed]:
    with services.ledger.transaction() as tx:
        rows = tx.rows("SELECT text, previous, hash FROM facts WHERE kind = 'content-viewed' ORDER BY sequence")
        found: list[Fact] = [facts.read(row.text, row.previous, row.hash).fact for row in rows]
    return [one for one in found if isinstance(one, facts.ContentViewed)]


def test_a_text_is_shown_as_text_and_that_somebody_looked_is_a_fact(services, browser):
    case, record = a_record(services, HARMFUL, "text/html")

    parts = browser.get(f"/desk/cases/{case}/records/{record}")
    assert f"/desk/cases/{case}/records/{record}/0" in parts.text
    assert looks(services) == []

    page = browser.get(f"/desk/cases/{case}/records/{record}/0")

    assert page.status_code == 200
    assert "Adenocarcinoma" in text_of(page.text)
    assert "<script>alert" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert [(one.case, one.about) for one in looks(services)] == [(case, record)]


@pytest.mark.parametrize("content_type", ["application/pdf", "image/svg+xml", "image/png", "application/dicom"])
def test_everything_else_is_a_file_to_keep(services, browser, content_type):
    case, record = a_record(services, HARMFUL, content_type)

    page = browser.get(f"/desk/cases/{case}/records/{record}/0")

    assert page.content == HARMFUL
    assert page.headers["content-type"] == "application/octet-stream"
    assert page.headers["content-disposition"].startswith(f'attachment; filename="{record}-0.')
    assert "sandbox" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"
    assert len(looks(services)) == 1


def test_a_referral_and_a_form_are_opened_from_the_request(services, browser):
    case = b.a_case(services)

    page = browser.get(f"/desk/cases/{case}").text
    links = [one.split('"')[0] for one in page.split('href="') if one.startswith("/desk/messages/")]
    says = [text_of(browser.get(link).text) for link in links]

    assert len(links) == 2
    assert any("ServiceRequest" in one for one in says)
    assert any("Consent" in one for one in says)


@pytest.mark.parametrize("role", [role for role in Role if Right.SEE_CONTENT not in RIGHTS[role]])
def test_who_may_see_no_content_opens_nothing_and_sees_no_link(services, browser, role):
    case, record = a_record(services, HARMFUL, "text/plain")
    browser.sign_in(role)

    assert browser.get(f"/desk/cases/{case}/records/{record}/0").status_code == 403
    assert "/records/" not in browser.get(f"/desk/cases/{case}").text
    assert looks(services) == []


def test_a_record_of_another_request_or_a_file_that_there_is_not_is_no_page(services, browser):
    case, record = a_record(services, HARMFUL, "text/plain")
    other = b.a_case(services)

    for path in (f"{other}/records/{record}", f"{other}/records/{record}/0", f"{case}/records/{record}/7"):
        assert browser.get(f"/desk/cases/{path}").status_code == 404
    for part in ("-1", "0x1", "9999", "%C2%B2"):
        assert browser.get(f"/desk/cases/{case}/records/{record}/{part}").status_code == 404
    assert browser.get("/desk/messages/a00000000000000a").status_code == 404
    assert looks(services) == []
