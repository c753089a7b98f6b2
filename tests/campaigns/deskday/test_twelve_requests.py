"""A source without an interface answers twelve requests by the codes of their letters: each click and key counted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from tests.campaigns.deskday.hand import Hand
from tests.campaigns.deskday.operators import Effort
from tests.kit import builders as b
from tests.kit.open_streams import Giving
from tests.kit.outside_client import a_served_outside
from tests.kit.peers.browser import a_window
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.requests import RequestState
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers

SCAN = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
CODE, BORN = "Code of the letter", "The patient's birth date"
NAME = "Ms. Okonkwo"
#: what the twelve take; of keys, where each birthday has two digits for month and day
CLICKS, MOST_KEYS = 41, 490


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter on the clerk's desk, and what the clerk finds about it."""

    chart: Chart
    request: str
    code: str


def a_letter(giving: Giving) -> Letter:
    chart = b.a_chart()
    case = b.a_case(giving.services, chart)
    request = b.request_to(giving.services, case, b.PRAIRIE).id
    return Letter(chart, request, str(desk.give_reply_code(giving.services, request, actor=ANN).fields["code"]))


def opens(hand: Hand, letter: Letter) -> None:
    hand.fill(CODE, letter.code.replace("-", ""))
    hand.fill_day(BORN, date.fromisoformat(letter.chart["patient"]["birth_date"]))
    hand.go()


def uploads(hand: Hand, scan: Path) -> None:
    hand.click("Here are the records")
    hand.window.choose_file("Files", scan)
    hand.effort += Effort(clicks=3, thoughts=2, views=1)  # the field, the file in the dialog, Open
    hand.fill("Your name", NAME)
    hand.go()


def says_none(hand: Hand, _scan: Path) -> None:
    hand.click("We have no records of this kind")
    hand.tick("We hold none of this kind")
    hand.fill("Your name", NAME)
    hand.go()
    hand.click("Send")


def sends_by_courier(hand: Hand, _scan: Path) -> None:
    hand.click("We will send them")
    hand.fill_day("When they leave", date(2026, 12, 1))
    hand.fill("Courier, or how they come", "UPS")
    hand.fill("Your name", NAME)
    hand.go()
    hand.click("Send")


def wants_a_fee(hand: Hand, _scan: Path) -> None:
    hand.tick("Another answer")
    hand.click("There is a fee")
    hand.fill("Fee in dollars", "12.50")
    hand.fill("Your name", NAME)
    hand.go()
    hand.click("Send")


#: what twelve letters of a morning come to
MORNING: list[tuple[Callable[[Hand, Path], None], RequestState]] = [
    *[(uploads, RequestState.EXPECTED)] * 5,
    *[(says_none, RequestState.NO_RECORDS)] * 4,
    *[(sends_by_courier, RequestState.EXPECTED)] * 2,
    (wants_a_fee, RequestState.FEE_REQUIRED),
]


def test_twelve_requests_are_answered_in_ten_minutes(giving: Giving, tmp_path: Path) -> None:
    """By the model of a practised person's work: a clock on the wall would measure this machine."""
    letters = [a_letter(giving) for _ in MORNING]
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(SCAN)
    with a_window() as window, a_served_outside(giving.services, giving.outgoing) as address:
        hand = Hand(window)
        window.be_wide(1280)
        hand.come_to(f"{address.origin}/r/open")
        for letter, (answers, _) in zip(letters, MORNING, strict=True):
            opens(hand, letter)
            if letter is letters[0]:
                hand.click("Answer", row=letter.chart["patient"]["family"])  # the first leads to the list
            assert letter.chart["patient"]["family"] in window.text
            answers(hand, scan)
            assert "We have what you sent" in window.text
    process_all(giving.services)
    with giving.services.ledger.transaction() as tx:
        states = [tx.value("SELECT state FROM requests WHERE request = %s", one.request) for one in letters]
    assert states == [state for _, state in MORNING]
    assert hand.effort.clicks == CLICKS
    assert hand.effort.keys <= MOST_KEYS
    assert hand.effort.minutes < 10, hand.effort
