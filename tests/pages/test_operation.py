"""Whoever runs the installation sees how it runs, and nothing of a case."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, text_of
from tests.kit.sites import a_site, looking_at
from transfer.alerts import AlertCode, Trouble
from transfer.flow.measuring import Site
from transfer.flow.services import Services
from transfer.ledger import Ledger, alerts
from transfer.rights import Role

pytestmark = pytest.mark.servers


@pytest.fixture
def site(ledger: Ledger, tmp_path: Path) -> Site:
    """Without Airflow, store and processes: they are not asked."""
    return a_site(ledger, tmp_path)


@pytest.fixture
def services(ledger: Ledger, site: Site) -> Services:
    return b.new_services(ledger, site=looking_at(site))


@pytest.fixture
def operator(services: Services) -> Desk:
    desk = Desk(services)
    desk.sign_in(Role.OPERATOR)
    return desk


def test_who_runs_it_is_led_from_the_desks_first_page_to_theirs(operator: Desk):
    led = operator.client.get("/desk/", follow_redirects=False)

    assert (led.status_code, led.headers["location"]) == (303, "/desk/operation")
    assert operator.get("/desk/find").status_code == 403


def test_what_is_wrong_stands_first_with_its_remedy(operator: Desk):
    said = text_of(operator.get("/desk/operation").text)

    assert said.index("There is no backup.") < said.index("Parts")
    assert "docs/operations.md#backups" in said
    assert "ledger up 18" in said
    assert "gateway not asked TRANSFER_GATEWAY_HEALTH does not say where it tells how it is" in said


def test_nothing_of_a_case_stands_there(operator: Desk, services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)

    for path in ("/desk/operation", "/desk/operation/interfaces"):
        page = operator.get(path).text
        assert case not in page
        assert chart["patient"]["family"] not in page
        assert "secret-token" not in page


def test_it_is_looked_at_again_without_script_and_not_for_ever(operator: Desk):
    """A page that is left open must not keep its session."""
    assert operator.get("/desk/operation").headers["refresh"] == "60; url=/desk/operation?left=19"
    assert operator.get("/desk/operation?left=1").headers["refresh"] == "60; url=/desk/operation?left=0"
    assert "refresh" not in operator.get("/desk/operation?left=0").headers
    assert operator.get("/desk/operation?left=9999999").headers["refresh"].endswith("left=19")


def test_interfaces_are_tried_when_somebody_asks(operator: Desk):
    said = text_of(operator.get("/desk/operation/interfaces").text)

    assert "riverside, office: nobody takes a connection there: the port is closed." in said
    assert "riverside, office fhir fails port: the port is closed" in said


def test_a_ledger_of_which_nothing_can_be_asked_is_a_fault_and_no_error(operator: Desk, services: Services, site: Site):
    class Away:
        url = "postgresql://nobody@127.0.0.1:1/x?connect_timeout=1"

    desk = Desk(replace(services, site=looking_at(replace(site, ledger=Away()))))  # type: ignore[arg-type]
    desk.sign_in(Role.OPERATOR)

    assert "ledger does not work: it does not answer." in text_of(desk.get("/desk/operation").text)


def test_alerts_of_the_work_stand_there_while_they_are_not_over(operator: Desk, ledger: Ledger):
    def work(began: Trouble | None) -> None:
        with ledger.transaction() as tx:
            if began:
                alerts.notice(tx, began)
            for one in alerts.unfinished(tx):
                alerts.begin(tx, one, began, ()) if began else alerts.end(tx, one, ())

    work(Trouble(code=AlertCode.CASES_OVERDUE, about=b.SUMMIT, amount=3))
    said = text_of(operator.get("/desk/operation").text)
    assert "3 requests for Summit" in said
    assert "See Today at the desk." in said

    work(None)
    assert "requests for Summit" not in text_of(operator.get("/desk/operation").text)
