"""The privacy officer keeps who asked for an accounting and gives it; an auditor reads the register."""

import io
import zipfile
from datetime import timedelta

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, text_of
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.flow.services import Services
from transfer.rights import Role
from transfer.sentences.trade import day_words

pytestmark = pytest.mark.servers

WHERE = "/audit/accountings"
TO_DO = "/desk/decisions"


@pytest.fixture
def privacy(services: Services) -> Desk:
    desk = Desk(services)
    desk.sign_in(Role.PRIVACY)
    return desk


def form(services: Services, **other: str) -> dict[str, str]:
    period = verbs.latest_days(services, 30, actor=ANN)
    case = b.a_case(services) if "case" not in other else ""
    days = {"asked": str(period.last), "first": str(period.first), "last": str(period.last)}
    return {"case": case, **days, **other}


def the_one(services: Services) -> str:
    (one,) = verbs.list_accountings(services, actor=ANN)
    return one.request.accounting


def test_who_asked_stands_in_the_register_and_what_is_given_is_a_file(privacy: Desk):
    assert privacy.post(WHERE, form(privacy.services)).headers["location"] == WHERE
    assert "due" in text_of(privacy.get(WHERE).text)
    accounting = the_one(privacy.services)

    assert privacy.post(f"{WHERE}/{accounting}/delay").status_code == 422
    assert privacy.post(f"{WHERE}/{accounting}/delay", {"reason": "volume"}).status_code == 303
    assert "There is much of it" in text_of(privacy.get(WHERE).text)
    given = privacy.post(f"{WHERE}/{accounting}/give")

    assert "attachment" in given.headers["content-disposition"]
    assert zipfile.ZipFile(io.BytesIO(given.content)).namelist()
    assert "given" in text_of(privacy.get(WHERE).text)


def test_what_is_not_given_stands_in_to_do_with_its_last_day_until_it_is_given(privacy: Desk, hours_pass):
    services = privacy.services
    asked = verbs.latest_days(services, 1, actor=ANN).last - timedelta(days=58)
    fields = form(services, asked=str(asked), first="2024-01-01", last="2024-12-31")
    privacy.post(WHERE, fields)
    accounting, due = the_one(services), day_words(asked + timedelta(days=60))
    officer = Desk(services)
    officer.sign_in(Role.OFFICER)

    listed = text_of(privacy.get(TO_DO).text)
    assert f"{accounting} Request {fields['case']} {due}" in listed
    assert "Overdue" not in listed
    hours_pass(timedelta(days=4))
    privacy.sign_in(Role.PRIVACY)
    assert f"{due} Overdue" in text_of(privacy.get(TO_DO).text)
    assert accounting not in officer.get(TO_DO).text

    privacy.post(f"{WHERE}/{accounting}/give")
    assert accounting not in privacy.get(TO_DO).text


def test_a_form_with_gaps_comes_back(privacy: Desk):
    whole = form(privacy.services)

    for wrong in ({"case": "Jane"}, {"asked": ""}, {"first": "soon"}, {"first": "2030-01-01"}):
        assert privacy.post(WHERE, {**whole, **wrong}).status_code == 422
    assert privacy.post(WHERE, {**whole, "case": "c00000000000"}).status_code == 404
    assert privacy.post(WHERE, {**whole, "asked": "2999-01-01"}).status_code == 403
    assert verbs.list_accountings(privacy.services, actor=ANN) == ()


def test_an_amount_that_is_none_gives_nothing(privacy: Desk):
    privacy.post(WHERE, form(privacy.services))
    where = f"{WHERE}/{the_one(privacy.services)}/give"

    for fee in ("x", "1e9", "-1", "0.001", "nan", "100.01"):
        assert privacy.post(where, {"fee": fee}).status_code == 422
    assert privacy.post(where, {"fee": "6.50"}).status_code == 403  # the first is free
    (one,) = verbs.list_accountings(privacy.services, actor=ANN)
    assert one.request.given_on is None


def test_an_auditor_reads_the_register_and_the_officer_none_of_it(services: Services):
    case = b.a_case(services)
    auditor, officer = Desk(services), Desk(services)
    auditor.sign_in(Role.AUDITOR)
    officer.sign_in(Role.OFFICER)

    assert "Keep the request" not in auditor.get(WHERE).text
    assert auditor.post(WHERE, form(services, case=case)).status_code == 403
    assert officer.get(WHERE).status_code == officer.post(WHERE, form(services, case=case)).status_code == 403
