"""Who must say why they look gets the form, and sees after it."""

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, text_of
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.identifiers import CaseId, HoldId
from transfer.looks import LookReason
from transfer.pages.desk.reason import REASONS
from transfer.pages.routes import Answer, Asked, Page
from transfer.rights import Right, Role

pytestmark = pytest.mark.servers


def _show(asked: Asked) -> Answer:
    seen = verbs.dossier(asked.services, asked.id(CaseId, "case"), actor=asked.actor, identity=True)
    assert seen.identity is not None
    return Answer(template="refused.html", title="Case", context={"says": seen.identity.names[0].family})


@pytest.fixture
def desk(ledger) -> Desk:
    from transfer.pages.app import EVERYTHING

    others = [one for one in EVERYTHING if one.path != "/desk/cases/{case}"]
    return Desk(
        b.new_services(ledger), declared=(*others, Page(path="/desk/cases/{case}", right=Right.SEE_CASES, show=_show))
    )


def test_an_auditor_says_why_and_then_sees_who_it_is(desk: Desk):
    chart = b.a_chart()
    case = b.a_case(desk.services, chart)
    desk.sign_in(Role.AUDITOR)

    refused = desk.get(f"/desk/cases/{case}")
    assert refused.status_code == 403
    assert chart["patient"]["family"] not in refused.text
    assert f'href="/desk/cases/{case}/reason?to=%2Fdesk%2Fcases%2F{case}"' in refused.text
    assert "Choose why you look" in text_of(desk.post(f"/desk/cases/{case}/reason", {"reason": "curious"}).text)
    done = desk.post(f"/desk/cases/{case}/reason", {"reason": "HCOMPL"})

    assert done.headers["location"] == f"/desk/cases/{case}"
    assert chart["patient"]["family"] in desk.get(f"/desk/cases/{case}").text
    assert [one.kind for one in verbs.list_looks(desk.services, actor=ANN, days=1)] == [
        *("identity-viewed", "reason-stated", "signed-in")
    ]


def test_every_reason_can_be_chosen():
    assert {reason for reason, _, _ in REASONS} == set(LookReason)


def test_a_case_that_there_is_not_has_no_reason(desk: Desk):
    desk.sign_in(Role.CLERK)

    assert desk.get("/desk/cases/nonsense/reason").status_code == 404
    assert desk.post("/desk/cases/c00000000000/reason", {"reason": "TREAT"}).status_code == 404


def test_the_form_leads_back_to_the_question_it_came_from_and_nowhere_else(desk: Desk):
    case, hold = b.a_case(desk.services), HoldId.draw()
    desk.sign_in(Role.CLERK)
    question, reason = f"/desk/decisions/{hold}", {"reason": "TREAT"}

    page = desk.get(f"/desk/cases/{case}/reason?to={question}").text

    assert f'name="to" value="{question}"' in page
    path = f"/desk/cases/{case}/reason"
    assert desk.post(path, {**reason, "to": question}).headers["location"] == question
    for elsewhere in ("https://example.org/", "//example.org", "/desk/decisions/../find", f"{question}?a=b"):
        assert desk.post(path, {**reason, "to": elsewhere}).headers["location"] == f"/desk/cases/{case}"
