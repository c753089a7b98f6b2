"""What every way by which letters leave promises: whole, named, and a failure that says what may be done."""

import email
import re
import socket
import stat
from collections.abc import Iterator
from email.policy import default
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from tests.kit.letter_posts import ScriptedSender
from transfer.adapters.letters.mail_to_fax import MailToFax
from transfer.adapters.letters.print_folder import PrintFolder
from transfer.identifiers import LetterId
from transfer.letters import LetterSender, NotSent, SendingFailure

PDF = b"%PDF-1.7 a letter"
TO = "+17015550143"
_CONFIRMATION = re.compile(r"[A-Za-z0-9._@-]{1,80}")


class Mailbox:
    """A server of mail that keeps what it takes, and refuses addresses as it is told."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.refuses: str | None = None

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.kept.append(envelope.content)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, f"smtp://127.0.0.1:{port}"
    controller.stop()


@pytest.fixture(params=["folder", "mail", "scripted"])
def sender(request: pytest.FixtureRequest, tmp_path: Path) -> LetterSender:
    if request.param == "folder":
        return PrintFolder(tmp_path / "letters")
    if request.param == "mail":
        _, url = request.getfixturevalue("mailbox")
        return MailToFax(url, "records@hospital.example", "fax.example")
    return ScriptedSender()


@pytest.fixture(params=["folder", "mail", "scripted"])
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> LetterSender:
    if request.param == "folder":
        (tmp_path / "letters").write_text("a file is in the way")
        return PrintFolder(tmp_path / "letters")
    if request.param == "mail":
        return MailToFax("smtp://127.0.0.1:9", "records@hospital.example", "fax.example")
    return ScriptedSender(SendingFailure.AWAY)


def test_a_letter_that_was_handed_over_has_a_name_that_tells_nothing(sender: LetterSender):
    assert _CONFIRMATION.fullmatch(sender.send(LetterId.draw(), TO, PDF))


def test_what_does_not_answer_may_pass(broken: LetterSender):
    with pytest.raises(NotSent) as raised:
        broken.send(LetterId.draw(), TO, PDF)

    assert raised.value.failure is SendingFailure.AWAY
    assert raised.value.failure.may_pass
    assert TO not in str(raised.value)


def test_a_file_to_print_is_whole_and_ours_alone_and_the_same_letter_is_one_file(tmp_path: Path):
    folder, letter = PrintFolder(tmp_path / "letters"), LetterId.draw()

    folder.send(letter, TO, b"something else")
    folder.send(letter, TO, PDF)

    (file,) = (tmp_path / "letters").iterdir()
    assert file.name == f"{letter}.pdf"
    assert file.read_bytes() == PDF
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_fax_is_a_mail_to_its_number_with_the_pages_and_nothing_else(mailbox: tuple[Mailbox, str]):
    box, url = mailbox
    letter = LetterId.draw()

    MailToFax(url, "records@hospital.example", "fax.example").send(letter, TO, PDF)

    (kept,) = box.kept
    mail = email.message_from_bytes(kept, policy=default)
    assert mail["To"] == "+17015550143@fax.example"
    assert mail["Subject"] == letter
    assert mail["Message-ID"] == f"<{letter}@hospital.example>"
    text, pages = mail.iter_parts()
    assert text.get_content().strip() == ""
    assert pages.get_content_type() == "application/pdf"
    assert pages.get_content() == PDF


def test_a_number_that_the_service_does_not_take_is_for_a_person(mailbox: tuple[Mailbox, str]):
    box, url = mailbox
    box.refuses = "550 no such number"

    with pytest.raises(NotSent) as raised:
        MailToFax(url, "records@hospital.example", "fax.example").send(LetterId.draw(), TO, PDF)

    assert raised.value.failure is SendingFailure.TURNED_AWAY
