"""Whoever comes from outside gets everything done by the keyboard alone, with no script: center, source, patient."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.center_by_pages import by_provider
from tests.kit.fakes import KeptMail
from tests.kit.filed_forms import ends
from tests.kit.open_streams import Giving
from tests.kit.outside_client import MAIL, SUMMIT, a_free_address, a_served_outside, code_in, invited
from tests.kit.peers.browser import Window, a_window
from tests.kit.processing import process_all
from tests.kit.providers import CLIENT_SECRET, PASSWORDS, a_provider
from tests.kit.staff import ANN
from transfer.center_accounts import CenterSignIn
from transfer.flow import desk
from transfer.identifiers import PacketId
from transfer.letter_codes import CodeHolder
from transfer.permissions import End
from transfer.requests import RequestState
from transfer.sentences.own_pages import OWN

pytestmark = pytest.mark.servers

Chart = dict[str, Any]


@pytest.fixture
def window() -> Iterator[Window]:
    with a_window() as opened:
        opened.without_script()
        yield opened


@pytest.fixture
def chart() -> Chart:
    return b.a_chart()


@pytest.fixture
def packet(giving: Giving, chart: Chart) -> PacketId:
    packet = giving.a_packet(chart)
    giving.give(packet)
    return packet


def press(window: Window, words: str) -> None:
    """Tab to the link or button, and Enter."""
    window.tab_to(words)
    window.go("\n")


def named(chart: Chart) -> str:
    return f"{chart['patient']['family']}, {' '.join(chart['patient']['given'])}"


def day(chart: Chart) -> str:
    """A birth date as it is typed: month, day, year."""
    year, month, day = chart["patient"]["birth_date"].split("-")
    return f"{month}\t{day}\t{year}"


def mails(giving: Giving) -> int:
    assert isinstance(giving.services.mailer, KeptMail)
    return len(giving.services.mailer.sent)


def test_a_center_that_was_invited(giving: Giving, window: Window, chart: Chart, packet: PacketId):
    """From the sign-in to an accepted packet and slides that are logged in and judged."""
    awaited = b.a_chart()
    case = b.a_case(giving.services, awaited)
    b.report_comes(giving.services, awaited)
    pin = invited(giving.services)
    before = mails(giving)
    with a_served_outside(giving.services, giving.outgoing) as address:
        window.type_address(f"{address.origin}/c/")
        press(window, "Sign in")
        window.tab_to("Mail address")
        window.go(f"{MAIL}\n")
        window.until(lambda: mails(giving) > before, "the mail")
        window.tab_to("Code of the mail")
        window.go(f"{code_in(giving.services)}\t{pin}\n")
        press(window, named(chart))
        press(window, "Read the packet")
        window.until_says(chart["patient"]["family"])
        a_document_is_opened(window)
        window.type_address(f"{address.origin}/c/packets/{packet}")
        press(window, "We accept it")
        window.until_says("The records desk has your answer")
        slides_are_logged_in(window, awaited)
        press(window, "Sign out")
        window.type_address(f"{address.origin}/c/packets/{packet}")
        assert chart["patient"]["family"] not in window.text

    process_all(giving.services)
    receipt = b.folded(giving.services, packet.case).packets[packet].receipt
    assert receipt
    assert receipt.status == "accepted"
    (glass,) = desk.dossier(giving.services, case, actor=ANN).materials
    assert glass.received == 12


def a_document_is_opened(window: Window) -> None:
    words = first_link(window, "one.href.includes('/files/') && !one.href.includes('#')")
    press(window, words)
    window.until(lambda: not window.url.endswith("index.html"), "the document")


def first_link(window: Window, such: str) -> str:
    """What people read of the first link such as this condition on `one` says."""
    words = ""

    def is_there() -> bool:
        nonlocal words
        words = window.run(f"(one => one && one.innerText.trim())([...document.links].find(one => {such}))") or ""
        return bool(words)

    window.until(is_there, "the link")
    return words


def slides_are_logged_in(window: Window, chart: Chart) -> None:
    press(window, "Outside slides")
    window.go("1Z999AA10123456784\n")
    window.choose("UPS")
    window.choose("Good")
    press(window, "Take it in")
    window.go(f"{chart['pathology']['accession']['value']}\n")
    window.until_says(chart["patient"]["family"])
    window.tab_to("Slides, stained")
    window.type_keys("12")
    window.choose("Name, birth date and number agree with the papers")
    press(window, "Log in")
    window.until_says("Logged in")
    press(window, named(chart))
    window.choose("Sufficient")
    press(window, "Write it down")
    window.until_says("The pathologist says\nSufficient")


def test_a_center_whose_own_provider_signs_its_people_in(
    giving: Giving, window: Window, chart: Chart, packet: PacketId, tmp_path: Path
):
    """They need more, and the packet is not here any more."""
    address = a_free_address()
    with a_provider(tmp_path, address.origin) as provider:
        said = {"issuer": provider.issuer, "client_id": "desk", "client_secret": CLIENT_SECRET}
        theirs = CenterSignIn.model_validate({**said, "people": ["records-clerks"], "tells": [MAIL]})
        giving.services = by_provider(giving.services, {SUMMIT: theirs})
        with a_served_outside(giving.services, giving.outgoing, address):
            window.type_address(f"{address.origin}/c/")
            press(window, "Sign in")
            press(window, "Summit Cancer Center")
            window.tab_to("Account")
            window.go(f"clerk\t{PASSWORDS['clerk']}\n")
            window.until_says("Soonest appointment first")
            press(window, named(chart))
            press(window, "We need more, or something is wrong")
            window.tick("Something cannot be read")
            press(window, "Send this answer")
            window.until_says("The records desk has your answer")
            process_all(giving.services)
            window.type_address(f"{address.origin}/c/packets/{packet}")
            window.until_says("What you look for is not here")

    receipt = b.folded(giving.services, packet.case).packets[packet].receipt
    assert receipt
    assert (receipt.status, {*receipt.reasons}) == ("declined", {"unreadable"})


def test_a_source_answers_a_letter_and_prints_its_receipt(giving: Giving, window: Window, chart: Chart):
    case = b.a_case(giving.services, chart)
    request = b.request_to(giving.services, case, b.PRAIRIE).id
    code = desk.give_reply_code(giving.services, request, actor=ANN).fields["code"]
    with a_served_outside(giving.services, giving.outgoing) as address:
        window.type_address(f"{address.origin}/r/code/{code}")
        window.tab_to("Month")
        window.go(f"{day(chart)}\n")
        press(window, first_link(window, "one.innerText.includes('the request for')"))
        window.tab_to("Another answer")
        window.type_keys("\n")
        press(window, "There is a fee")
        window.tab_to("Fee in dollars")
        window.type_keys("12.50")
        window.tab_to("Your name")
        window.go("Ms. Okonkwo\n")
        press(window, "Send")
        window.until_says("We have what you sent")
        press(window, "Receipt for your disclosure log")
        window.until_says(chart["patient"]["family"])

    process_all(giving.services)
    assert b.request_to(giving.services, case, b.PRAIRIE).state is RequestState.FEE_REQUIRED


def test_a_patient_stops_and_takes_the_form_back(giving: Giving, window: Window, chart: Chart, packet: PacketId):
    code = desk.give_own_code(giving.services, packet.case, CodeHolder.PATIENT, actor=ANN).fields["code"]
    pin = desk.give_own_pin(giving.services, packet.case, CodeHolder.PATIENT, actor=ANN).fields["pin"]
    with a_served_outside(giving.services, giving.outgoing) as address, giving.watched():
        window.type_address(f"{address.origin}/own/open")
        window.tab_to(OWN["code"])
        window.go(f"{code}\t{day(chart)}\n")
        press(window, OWN["stop"])
        window.until_says(OWN["stopped"])
        press(window, OWN["take_back"])
        window.tab_to(OWN["pin"])
        window.go(f"{pin}\n")
        window.tab_to(OWN["sign"])
        window.type_keys(" ".join((*chart["patient"]["given"], chart["patient"]["family"])))
        window.tick(OWN["sure_tick"])
        press(window, OWN["take_back_now"])
        window.until_says(OWN["taken_back"])

    assert {*ends(giving.services, packet.case)} == {End.REVOKED, End.PAUSED}  # the form, and the stop beside it
