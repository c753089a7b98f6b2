"""A center without a FHIR server takes part by its browser alone: from the invitation to its consult report."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.center_by_pages import by_pages
from tests.kit.desk_client import Desk, text_of
from tests.kit.fakes import KeptMail
from tests.kit.open_streams import Giving
from tests.kit.outside_client import MAIL, SUMMIT, a_served_outside, code_in
from tests.kit.peers.browser import Window, a_window
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import ArrivalId, CaseId
from transfer.ledger import Ledger
from transfer.records import RecordKind
from transfer.rights import Role
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers

NUMBER = "1Z999AA10123456784"
REPORT = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
#: documents at least: the notes, the report, all as one PDF, the manifest
MANIFEST_AND_MORE = 4


@pytest.fixture
def giving(ledger: Ledger, migrated: Any) -> Iterator[Giving]:
    """The center has no endpoint, and waits for the slides."""
    giving = Giving(by_pages(b.new_services(ledger), SUMMIT), migrated.url("owner"))
    yield giving
    giving.outgoing.shut()


def mails(giving: Giving) -> list[str]:
    assert isinstance(giving.services.mailer, KeptMail)
    return [one.subject for one in giving.services.mailer.sent]


def invited_by_the_desk(giving: Giving) -> str:
    """The officer invites them at the desk's page, and reads the PIN to them by telephone."""
    officer = Desk(giving.services)
    officer.sign_in(Role.OFFICER)
    page = officer.post("/desk/centers/invite", {"center": SUMMIT, "mail": MAIL}).text
    (pin,) = re.findall(r"\b\d{8}\b", text_of(page))
    assert isinstance(giving.services.mailer, KeptMail)
    (mail,) = giving.services.mailer.sent
    assert mail.to == MAIL
    assert "https://transfer.example/c/" in mail.text
    assert pin not in mail.text
    return pin


def signs_in(window: Window, origin: str, giving: Giving, pin: str) -> None:
    window.type_address(f"{origin}/c/")
    window.follow("Sign in")
    window.fill("Mail address", MAIL)
    before = len(mails(giving))
    window.follow("Send me a code")
    window.until(lambda: len(mails(giving)) > before, "the mail")  # it goes once the page is there
    window.fill("Code of the mail", code_in(giving.services))
    window.fill("PIN", pin)
    window.follow("Sign in")


def all_but_the_glass_is_sent(giving: Giving, chart: Chart) -> CaseId:
    """The sources answer, and the desk lets go what is there."""
    services = giving.services
    case = b.a_case(services, chart)
    for kind in (RecordKind.NOTE, RecordKind.IMAGES):
        b.came_in(services, case, kind)
    b.report_comes(services, chart)
    desk.resolve(services, b.the_hold(services, HoldCode.APPROVE_PARTIAL).id, HoldAnswer.APPROVE, actor=ANN)
    process_all(services)
    assert mails(giving)[-1] == "A records packet is ready"
    return case


def the_desk_gets_it(giving: Giving, case: CaseId) -> None:
    """What was not to be read is asked for again, and comes."""
    services = giving.services
    process_all(services)
    desk.resolve(services, b.the_hold(services, HoldCode.PACKET_DECLINED).id, HoldAnswer.AGAIN, actor=ANN)
    process_all(services)
    b.came_in(services, case, RecordKind.NOTE, content=b"the same note, to be read now")


def reads_every_document(window: Window, packet: str, family: str) -> int:
    """The packet's own page, and each document that it leads to, shown or kept by the browser. How many there were."""
    window.follow("Read the packet")
    window.until_says(family)
    links = window.run("[...new Set([...document.links].map(one => one.href.split('#')[0]))]")
    documents = [one for one in links if f"/c/packets/{packet}/files/" in one and not one.endswith("/index.html")]
    window.listen()
    for one in documents:
        window.type_address(one)
        window.until(lambda one=one: window.run("1") and (200, one) in window.answers, one)
    return len(documents)


def test_from_the_invitation_to_the_consult_report(giving: Giving, tmp_path: Path):
    """Whatever the center does is done in its browser; the desk and the sources do their part beside it."""
    services, chart = giving.services, b.a_chart()
    pin = invited_by_the_desk(giving)
    case = all_but_the_glass_is_sent(giving, chart)
    with a_window() as window, a_served_outside(services, giving.outgoing) as address:
        window.be_wide(1280)
        signs_in(window, address.origin, giving, pin)
        window.follow(named(chart))
        read = reads_every_document(window, f"{case}-p1", chart["patient"]["family"])
        wants_more(window, f"{address.origin}/c/packets/{case}-p1")
        the_desk_gets_it(giving, case)
        window.type_address(f"{address.origin}/c/")
        window.until_says("No packet stands ready for you")
        logs_glass_in(window, chart)
        process_all(services)
        desk.resolve(services, b.the_hold(services, HoldCode.APPROVE_RELEASE).id, HoldAnswer.APPROVE, actor=ANN)
        process_all(services)
        assert mails(giving)[-1] == "A records packet is ready"
        window.follow("Packets")
        window.follow(named(chart))
        gives_their_numbers(window)
        window.follow("Packets")
        window.fill("Your record or accession number", "MRN-00417")
        window.follow("Find")
        window.follow(named(chart))
        outstanding = window.text
        sends_the_report(window, tmp_path)
        window.follow(f"Back to packet {case}-p2")
        window.follow("We accept it")
        window.until_says("The records desk has your answer")
    process_all(services)

    assert read >= MANIFEST_AND_MORE
    assert "Outstanding\nNothing" in outstanding
    found = b.folded(services, case)
    first, second = (found.packets[f"{case}-p{number}"].receipt for number in (1, 2))
    assert first
    assert second
    assert (first.status, {*first.reasons}) == ("declined", {"oncology-notes", "unreadable"})
    assert second.status == "accepted"
    (glass,) = desk.dossier(services, case, actor=ANN).materials
    assert glass.received == 12
    notes = [one.text or "" for one in desk.dossier(services, case, actor=ANN, notes=True).notes]
    assert any("MRN-00417" in one for one in notes)
    report = b.the_hold(services, HoldCode.UPLOADED)
    assert report.subject == case
    kept = desk.open_message(services, ArrivalId(report.about or ""), actor=ANN)
    assert b"".join(kept.pieces()) == REPORT


def wants_more(window: Window, packet: str) -> None:
    window.type_address(packet)
    window.follow("We need more, or something is wrong")
    window.tick("Oncology or surgery notes, with the diagnosis and its date")
    window.tick("Something cannot be read")
    window.follow("Send this answer")
    window.until_says("The records desk has your answer")


def logs_glass_in(window: Window, chart: Chart) -> None:
    """Their courier brings it; it is scanned, counted, and judged by their pathologist."""
    window.follow("Outside slides")
    window.go(f"{NUMBER}\n")
    window.choose("UPS")
    window.choose("Good")
    window.follow("Take it in")
    window.go(f"{chart['pathology']['accession']['value']}\n")
    window.until_says(chart["patient"]["family"])
    window.fill("Slides, stained", "12")
    window.choose("Name, birth date and number agree with the papers")
    window.follow("Log in")
    window.until_says("Logged in")
    window.follow(named(chart))
    window.choose("Sufficient")
    window.follow("Write it down")
    window.until_says("The pathologist says\nSufficient")


def gives_their_numbers(window: Window) -> None:
    window.follow("Ask the records desk, or give your own numbers")
    window.fill("Medical record number at your center", "MRN-00417")
    window.follow("Send the numbers")
    window.until_says("MRN-00417")


def sends_the_report(window: Window, folder: Path) -> None:
    window.follow("Send your consult report")
    file = folder / "report.pdf"
    file.write_bytes(REPORT)
    window.choose_file("The report", file)
    window.follow("Send the report")
    window.until_says("Received")


def named(chart: Chart) -> str:
    """The patient, as lists call them."""
    return f"{chart['patient']['family']}, {' '.join(chart['patient']['given'])}"
