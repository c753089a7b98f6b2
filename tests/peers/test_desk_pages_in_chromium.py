"""The pages of a day in a browser: nothing wrong by axe-core, and nothing wider than a telephone."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk
from tests.kit.peers.browser import Window, a_window
from tests.kit.peers.for_everybody import barriers
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.rights import Role

pytestmark = pytest.mark.servers


@pytest.fixture
def window():
    with a_window() as opened:
        yield opened


@pytest.fixture
def desk(ledger) -> Desk:
    """A day with something in each list."""
    services = b.new_services(ledger)
    chart = b.a_chart()
    ours, stopped, theirs = b.a_case_without_slides(services), b.a_case(services), b.a_case_of_others(services, chart)
    verbs.change(services, ours, actor=ANN, appointment_at=datetime.now(UTC) + timedelta(days=2))
    verbs.change(services, theirs, actor=ANN, appointment_at=datetime.now(UTC) + timedelta(days=2))
    verbs.pause(services, verbs.list_permissions(services, stopped, actor=ANN)[0].permission, actor=ANN)
    b.report_comes(services, b.a_twin(chart))
    b.report_comes(services, b.a_chart())
    opened = Desk(services)
    opened.sign_in(Role.OFFICER)
    opened.chart = chart  # type: ignore[attr-defined]
    return opened


def pages(desk: Desk) -> dict[str, str]:
    family = desk.chart["patient"]["family"]  # type: ignore[attr-defined]
    return {
        "today": desk.get("/desk/").text,
        "others": desk.get("/desk/list/others").text,
        "empty": desk.get("/desk/list/delivered").text,
        "find": desk.get("/desk/find").text,
        "found": desk.post("/desk/find", {"name": family, "born": "", "number": ""}).text,
        "nobody": desk.post("/desk/find", {"name": "Nobody", "born": "", "number": ""}).text,
        "problem": desk.post("/desk/find", {"name": "", "born": "31/31/1958", "number": ""}).text,
    }


def test_the_pages_of_a_day_are_for_everybody(desk: Desk, window: Window):
    assert barriers(window, pages(desk)) == []
