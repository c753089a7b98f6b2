"""A patient stops a release on a telephone while the center downloads the packet: it is cut, and nobody says why."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.kit import builders as b
from tests.kit.fakes import KeptMail, MemoryVault
from tests.kit.open_streams import Giving
from tests.kit.outside_client import MAIL, a_served_outside, code_in, invited
from tests.kit.peers.browser import Window, a_window
from tests.kit.staff import ANN
from transfer import facts
from transfer.facts import Chain
from transfer.flow import desk
from transfer.gateway.egress import Outgoing
from transfer.identifiers import PacketId
from transfer.letter_codes import CodeHolder
from transfer.sentences.own_pages import OWN
from transfer.staging import Location

pytestmark = pytest.mark.servers

#: bytes of a piece, and seconds before the next: the packet takes minutes
PIECE, PAUSE = 2048, 0.2


@dataclass
class SlowVault:
    """A vault from which little comes at a time, as much would take long."""

    inner: MemoryVault

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        return getattr(self.inner, name)

    def read(self, location: Location) -> Iterator[bytes]:
        return _slowly(self.inner.read(location))

    def read_range(self, location: Location, start: int, stop: int) -> Iterator[bytes]:
        return _slowly(self.inner.read_range(location, start, stop))


def _slowly(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for at in range(0, len(piece), PIECE):
            time.sleep(PAUSE)
            yield piece[at : at + PIECE]


def signed_in_for_center(window: Window, origin: str, giving: Giving, pin: str) -> None:
    window.type_address(f"{origin}/c/sign-in")
    window.fill("Mail address", MAIL)
    mailer = giving.services.mailer
    assert isinstance(mailer, KeptMail)
    before = len(mailer.sent)
    window.follow("Send me a code")
    window.until(lambda: len(mailer.sent) > before, "the mail")  # it goes once the page is there
    window.fill("Code of the mail", code_in(giving.services))
    window.fill("PIN", pin)
    window.follow("Sign in")
    window.until_says("Soonest appointment first")


def opened_by_patient(window: Window, origin: str, giving: Giving, packet: PacketId, born: str) -> None:
    code = desk.give_own_code(giving.services, packet.case, CodeHolder.PATIENT, actor=ANN).fields["code"]
    window.be_wide(360)
    window.type_address(f"{origin}/own/open")
    window.fill(OWN["code"], str(code))
    for label, part in zip(("Year", "Month", "Day"), born.split("-"), strict=True):
        window.fill(label, part)
    window.follow(OWN["open"])
    window.until_says(OWN["stop"])


def bytes_left(giving: Giving, packet: PacketId) -> list[tuple[int, str]]:
    with giving.services.ledger.transaction() as tx:
        closed = [line.fact for line in tx.lines(Chain.case(packet.case))]
        return [(one.size, one.outcome) for one in closed if isinstance(one, facts.EgressClosed)]


def test_a_patient_stops_on_a_telephone_and_the_center_s_download_is_cut(giving: Giving, tmp_path: Path):
    chart = b.a_chart()
    packet = giving.a_packet(chart)
    giving.give(packet)
    giving.outgoing.shut()
    assert isinstance(giving.services.vault, MemoryVault)
    giving.services = replace(giving.services, vault=SlowVault(giving.services.vault))
    giving.outgoing = Outgoing(giving.services)
    pin = invited(giving.services)
    with (
        a_window() as center,
        a_window() as telephone,
        a_served_outside(giving.services, giving.outgoing) as address,
        giving.watched(),
    ):
        signed_in_for_center(center, address.origin, giving, pin)
        opened_by_patient(telephone, address.origin, giving, packet, chart["patient"]["birth_date"])
        center.keep_downloads(tmp_path)
        center.type_address(f"{address.origin}/c/packets/{packet}")
        center.click("Download as ZIP")
        center.until(lambda: center.run("1") and center.download and center.download[1] > 2 * PIECE, "the download")
        assert center.download
        assert center.download[0] == "inProgress"

        began = time.monotonic()
        telephone.click(OWN["stop"])
        center.until(lambda: center.run("1") and center.download and center.download[0] == "canceled", "the cut")
        took = time.monotonic() - began

        telephone.until_says(OWN["stopped"])
        center.type_address(f"{address.origin}/c/packets/{packet}")
        gone = center.text
        center.type_address(f"{address.origin}/c/packets/c00000000000-p1")
        never = center.text
        center.type_address(f"{address.origin}/c/")
        listed = center.text
    # It is five seconds (docs/safety.md); a busy machine may be slower.
    assert took < 10, f"cut after {took:.1f} s"
    (size, outcome) = bytes_left(giving, packet)[-1]
    assert outcome == "cut"
    assert 0 < size < 200_000
    assert gone == never
    assert "What you look for is not here" in gone
    assert "No packet stands ready for you" in listed
    for word in ("stop", "permission", "revoke", "authori", "taken back", "withdrawn"):
        assert word not in (gone + listed).lower()
