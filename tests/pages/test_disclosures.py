"""What left is shown to the privacy office and to auditors: by day, receiver and patient, and as a file."""

import hashlib

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, text_of
from tests.kit.handed_over import handed_over
from transfer.flow.services import Services
from transfer.rights import Role

pytestmark = pytest.mark.servers


@pytest.fixture
def auditor(services: Services) -> Desk:
    desk = Desk(services)
    desk.sign_in(Role.AUDITOR)
    return desk


def test_a_disclosure_is_a_row_with_its_basis_approver_and_clause(auditor: Desk):
    case = handed_over(auditor.services)

    said = text_of(auditor.get("/desk/disclosures").text)

    assert case in said
    assert "authorization m0123456789abcde approved by ann" in said
    assert "exempt: 164.528(a)(1)(iv)" in said
    assert "420,864 bytes left; downloads: 1" in said


def test_an_auditor_reads_a_name_only_after_a_reason_and_the_privacy_office_at_once(auditor: Desk):
    chart = b.a_chart()
    case = handed_over(auditor.services, chart=chart)
    family = chart["patient"]["family"]

    assert family not in auditor.get("/desk/disclosures").text
    auditor.post(f"/desk/cases/{case}/reason", {"reason": "HCOMPL"})
    assert family in auditor.get("/desk/disclosures").text

    privacy = Desk(auditor.services)
    privacy.sign_in(Role.PRIVACY)
    assert family in privacy.get("/desk/disclosures").text


@pytest.mark.parametrize(
    "query", ["receiver=mercy-imaging", "basis=emergency", "outcome=unknown", "last=2020-01-01&first=2020-01-01"]
)
def test_what_was_not_chosen_is_not_shown(auditor: Desk, query: str):
    case = handed_over(auditor.services)

    shown = auditor.get(f"/desk/disclosures?{query}")

    assert shown.status_code == 200
    assert case not in shown.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("basis=whim", 404),
        ("outcome=x", 404),
        ("case=nobody", 404),
        ("case=c00000000000", 404),
        ("first=yesterday", 422),
        ("first=2026-02-02&last=2026-02-01", 422),
        ("first=1900-01-01&last=2026-02-01", 422),
        ("page=-1", 200),
        ("page=99999999999", 200),
    ],
)
def test_a_query_that_means_nothing_is_refused(auditor: Desk, query: str, status: int):
    assert auditor.get(f"/desk/disclosures?{query}").status_code == status


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_file_is_named_by_its_hash(auditor: Desk, form: str):
    handed_over(auditor.services)

    file = auditor.get(f"/desk/disclosures/file/{form}")

    assert file.status_code == 200
    assert hashlib.sha256(file.content).hexdigest()[:12] in file.headers["content-disposition"]
    assert file.headers["content-disposition"].endswith(f'.{form}"')
    assert auditor.get("/desk/disclosures/file/exe").status_code == 404


def test_an_officer_or_a_clerk_reads_no_list_of_disclosures(browser: Desk):
    assert browser.get("/desk/disclosures").status_code == 403
    assert browser.get("/desk/disclosures/file/csv").status_code == 403
