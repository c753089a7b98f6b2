"""The outbox and the pages of facilities in a browser: nothing wrong by axe-core, nothing wider than a telephone."""

import pytest

from tests.kit.desk_client import Desk
from tests.kit.letter_posts import Writing
from tests.kit.peers.browser import Window, a_window
from tests.kit.peers.for_everybody import barriers
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.letters import SendingFailure
from transfer.rights import Role

pytestmark = pytest.mark.servers


@pytest.fixture
def window():
    with a_window() as opened:
        yield opened


@pytest.fixture
def writing(ledger) -> Writing:
    return Writing(ledger, SendingFailure.TURNED_AWAY)


def pages(writing: Writing) -> dict[str, str]:
    """Before somebody called, after what did not go, and after what did."""
    desk = Desk(writing.services)
    desk.sign_in(Role.OFFICER)
    place = f"/desk/facilities/{writing.facility}"
    shown = {
        "outbox-waits": desk.get("/desk/outbox").text,
        "facilities": desk.get("/desk/facilities").text,
        "facility-new": desk.get("/desk/facilities/new").text,
        "facility-wrong": desk.post("/desk/facilities/new", {"name": "", "telephone": "none"}).text,
        "facility-call": desk.get(place).text,
    }
    writing.call_back()
    shown |= {"outbox-failed": desk.get("/desk/outbox").text, "to-do": desk.get("/desk/decisions").text}
    verbs.retry_letter(writing.services, writing.letter.id, actor=ANN)
    writing.process()
    return shown | {
        "outbox-all": desk.get("/desk/outbox?all=yes").text,
        "outbox-empty": desk.get("/desk/outbox").text,
        "facility-called": desk.get(place).text,
    }


def test_the_pages_of_letters_are_for_everybody(writing: Writing, window: Window):
    assert barriers(window, pages(writing)) == []
