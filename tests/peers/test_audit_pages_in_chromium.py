"""An auditor's pages in a browser: nothing wrong by axe-core, and nothing wider than a telephone."""

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk
from tests.kit.handed_over import handed_over
from tests.kit.peers.browser import Window, a_window
from tests.kit.peers.for_everybody import barriers
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.periods import Period
from transfer.rights import Role
from transfer.sheets import SheetFormat

pytestmark = pytest.mark.servers


@pytest.fixture
def window():
    with a_window() as opened:
        yield opened


@pytest.fixture
def desk(ledger) -> Desk:
    """A month with something in each list."""
    services = b.new_services(ledger)
    case = handed_over(services)
    chart = b.a_chart()
    b.a_case(services, chart)
    b.report_comes(services, b.a_twin(chart))
    verbs.dossier(services, case, actor=ANN, identity=True)
    walked = [verbs.walk_chain(services.ledger, one, actor=ANN) for one in verbs.chains(services.ledger, actor=ANN)]
    verbs.note_walk(services, walked, actor=ANN)
    verbs.disclosures_file(services, verbs.latest_days(services, 30, actor=ANN), SheetFormat.XLSX, actor=ANN)
    opened = Desk(services)
    opened.sign_in(Role.PRIVACY)
    opened.case = case  # type: ignore[attr-defined]
    form = {"report": "views", "first": "2026-03-01", "last": "2026-03-31", "finding": "nothing-found"}
    opened.post("/audit/evidence", form)
    period = verbs.latest_days(services, 30, actor=ANN)
    for first in (period.first, period.last):
        verbs.ask_accounting(services, case, period.last, Period(first, period.last), actor=ANN)
    given = verbs.list_accountings(services, actor=ANN)[0].request.accounting
    verbs.give_accounting(services, given, SheetFormat.CSV, actor=ANN)
    return opened


def pages(desk: Desk) -> dict[str, str]:
    case = desk.case  # type: ignore[attr-defined]
    return {
        "audit": desk.get("/audit/").text,
        "audit-case": desk.get(f"/audit/cases/{case}").text,
        "audit-decisions": desk.get("/audit/decisions").text,
        "audit-views": desk.get("/audit/views").text,
        "audit-sample": desk.get("/audit/sample").text,
        "audit-evidence": desk.get("/audit/evidence").text,
        "audit-report": desk.get("/audit/report").text,
        "to-do": desk.get("/desk/decisions").text,
        "accountings": desk.get("/audit/accountings").text,
        "accountings-problem": desk.post("/audit/accountings", {"case": "x"}).text,
        "audit-evidence-problem": desk.post("/audit/evidence", {"first": "x"}).text,
        "disclosures": desk.get("/desk/disclosures").text,
        "disclosures-problem": desk.get("/desk/disclosures?first=x").text,
        "facilities": desk.get("/desk/sources").text,
        "call-list": desk.get(f"/desk/sources/{b.PRAIRIE}").text,
    }


def test_the_pages_of_an_audit_are_for_everybody(desk: Desk, window: Window):
    assert barriers(window, pages(desk)) == []
