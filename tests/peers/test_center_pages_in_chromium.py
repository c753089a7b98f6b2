"""A center's pages in a browser: nothing wrong by axe-core, and nothing wider than a telephone."""

from collections.abc import Callable, Iterator

import pytest

from tests.kit.builders import a_chart, the_hold
from tests.kit.desk_client import Desk
from tests.kit.open_streams import Giving
from tests.kit.outside_client import MAIL, OutsideBrowser, invited
from tests.kit.peers.browser import Window, a_window
from tests.kit.peers.for_everybody import barriers
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.holds import HoldAnswer
from transfer.identifiers import PacketId
from transfer.rights import Role

pytestmark = pytest.mark.servers


@pytest.fixture
def window() -> Iterator[Window]:
    with a_window() as opened:
        yield opened


def at_the_door(giving: Giving) -> dict[str, str]:
    browser = OutsideBrowser(giving.services, giving.outgoing)
    invited(giving.services)
    officer = Desk(giving.services)
    officer.sign_in(Role.OFFICER)
    return {
        "signing-in": browser.get("/c/sign-in").text,
        "code": browser.post("/c/sign-in", {"mail": MAIL}).text,
        "wrong": browser.post("/c/sign-in/code", {"mail": MAIL, "code": "x", "pin": "1"}).text,
        "nobody": browser.get("/c/").text,
        "desk-centers": officer.get("/desk/centers").text,
    }


def with_a_packet(giving: Giving) -> tuple[OutsideBrowser, PacketId]:
    packet = giving.a_packet(a_chart())
    giving.give(packet)
    browser = OutsideBrowser(giving.services, giving.outgoing)
    browser.sign_in()
    return browser, packet


def reading(giving: Giving) -> dict[str, str]:
    browser, packet = with_a_packet(giving)
    where = f"/c/packets/{packet}"
    return {
        "list": browser.get("/c/").text,
        "packet": browser.get(where).text,
        "report": browser.get(f"{where}/report").text,
        "gone": browser.get("/c/packets/c00000000000-p1").text,
    }


def answering(giving: Giving) -> dict[str, str]:
    browser, packet = with_a_packet(giving)
    where = f"/c/packets/{packet}"
    return {
        "more": browser.get(f"{where}/more").text,
        "more-wrong": browser.post(f"{where}/more").text,
        "no-case": browser.get(f"{where}/no-case").text,
    }


def asking(giving: Giving) -> dict[str, str]:
    browser, packet = with_a_packet(giving)
    where = f"/c/packets/{packet}/words"
    browser.post(where, {"question": "Which block holds the tumor?"})
    officer = Desk(giving.services)
    officer.sign_in(Role.OFFICER)
    hold = the_hold(giving.services, "center-asks").id
    asked = officer.get(f"/desk/decisions/{hold}").text
    desk.resolve(giving.services, hold, HoldAnswer.REPLY, actor=ANN, note="Block A2, by the report.")
    return {"desk-question": asked, "words": browser.get(where).text}


@pytest.mark.parametrize("pages", [at_the_door, reading, answering, asking])
def test_the_pages_of_a_center_are_for_everybody(
    giving: Giving, window: Window, pages: Callable[[Giving], dict[str, str]]
):
    assert barriers(window, pages(giving), prefix="center-") == []
