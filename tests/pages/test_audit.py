"""An auditor follows one case and one period on pages, sees no name without a reason, and changes nothing."""

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, text_of
from tests.kit.handed_over import handed_over
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.flow.services import Services
from transfer.pages import audit
from transfer.pages.routes import Page
from transfer.rights import RIGHTS, Right, Role
from transfer.verify.lines import broken_in

pytestmark = pytest.mark.servers

#: each page that takes no id of a case or a run
PAGES = [one.path for one in audit.DECLARED if isinstance(one, Page) and "{" not in one.path]


@pytest.fixture
def auditor(services: Services) -> Desk:
    desk = Desk(services)
    desk.sign_in(Role.AUDITOR)
    return desk


def test_a_case_is_told_with_its_basis_its_approver_and_who_looked(auditor: Desk):
    chart = b.a_chart()
    case = handed_over(auditor.services, chart=chart)
    verbs.dossier(auditor.services, case, actor=ANN, identity=True)

    page = auditor.get(f"/audit/cases/{case}").text
    said = text_of(page)

    assert "each is what was written" in said
    assert "authorization m0123456789abcde" in said
    assert "Approved, without" in said
    assert "Identity viewed" in said
    assert chart["patient"]["family"] not in page
    assert f'href="/desk/cases/{case}/reason"' in page


def test_after_a_reason_the_patient_is_named(auditor: Desk):
    chart = b.a_chart()
    case = b.a_case(auditor.services, chart)

    auditor.post(f"/desk/cases/{case}/reason", {"reason": "HCOMPL"})

    assert chart["patient"]["family"] in auditor.get(f"/audit/cases/{case}").text


def test_the_chain_is_taken_along_and_is_whole(auditor: Desk):
    case = b.a_case(auditor.services)

    file = auditor.get(f"/audit/cases/{case}/chain")

    assert broken_in(file.content.splitlines(keepends=True)).broken == ()
    assert "jsonl" in file.headers["content-disposition"]


def test_an_id_that_is_typed_leads_to_its_case_or_run(auditor: Desk):
    case = b.a_case(auditor.services)

    assert auditor.post("/audit/", {"id": f" {case} "}).headers["location"] == f"/audit/cases/{case}"
    assert auditor.post("/audit/", {"id": f"{case}-p1.2"}).headers["location"] == f"/audit/runs/{case}-p1.2"
    for typed in ("", "x", "Zebra, Jane", "//evil.example/.1", "a/../b.1"):
        assert auditor.post("/audit/", {"id": typed}).status_code == 404


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_an_auditor_shows_before_and_after_something_happened(auditor: Desk, path: str):
    assert auditor.get(path).status_code == 200
    handed_over(auditor.services)
    assert auditor.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/audit/decisions", "/audit/views", "/audit/sample", "/audit/report"])
def test_each_list_is_taken_along_as_a_file(auditor: Desk, path: str):
    handed_over(auditor.services)

    for form in ("csv", "xlsx"):
        assert auditor.get(f"{path}/file/{form}").content
    assert auditor.get(f"{path}/file/pdf").status_code == 404
    assert auditor.get(f"{path}/file/csv?first=x").status_code == 404
    assert text_of(auditor.get("/audit/evidence").text).count("CSV") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/audit/cases/nonsense",
        "/audit/cases/c00000000000",
        "/audit/cases/c00000000000/chain",
        "/audit/runs/inbox.x",
        "/audit/runs/c00000000000.1",
        "/audit/views?case=nonsense",
        "/audit/views?person=Jane Zebra",
        "/audit/sample?size=0",
        "/audit/sample?size=9999999999999999999999999",
        "/audit/sample?seed=' OR 1=1",
    ],
)
def test_what_there_is_not_is_not_found(auditor: Desk, path: str):
    assert auditor.get(path).status_code == 404


def test_a_review_is_told_on_the_page_and_a_form_with_gaps_comes_back(auditor: Desk):
    form = {"report": "views", "first": "2026-03-01", "last": "2026-03-31", "finding": "nothing-found"}

    assert auditor.post("/audit/evidence", form).headers["location"] == "/audit/evidence"
    assert "Nothing was found" in text_of(auditor.get("/audit/evidence").text)
    for wrong in ({"report": ""}, {"finding": "x"}, {"first": "soon"}, {"first": "2026-04-01"}):
        assert auditor.post("/audit/evidence", {**form, **wrong}).status_code == 422


@pytest.mark.parametrize("role", [role for role in Role if Right.AUDIT not in RIGHTS[role]])
def test_whoever_does_not_audit_gets_none_of_it(services: Services, role: Role):
    desk = Desk(services)
    desk.sign_in(role)

    assert {desk.get(path).status_code for path in PAGES} == {403}
