"""What everything that carries our mail promises: the mail as it was written, each time, or a failure in our words."""

import email
import socket
import stat
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from transfer.adapters.mail import FolderMailer, SmtpMailer
from transfer.errors import Refused, TurnedAway, Unavailable
from transfer.mail import Mail, Mailer

pytestmark = pytest.mark.servers

SENDER = "records-desk@hospital.example"
USER, PASSWORD = "desk@hospital.example", "p@ss:word/ %2F"
TEXT = "Müller & Söhne – «a packet is ready».\n.\nA line with a dot alone stands before this one.\n"
MAIL = Mail(to="anna.kowalska@center.example", subject="A records packet is ready – 2 ☐", text=TEXT)


class Server:
    """A server of mail that keeps what it takes, and refuses as it is told."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.refuses: dict[str, str] = {}
        self.logins: list[tuple[bytes, bytes]] = []

    def authenticated(self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.logins.append((given.login, given.password))
        return AuthResult(success=given.password == PASSWORD.encode())

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if "RCPT" in self.refuses:
            return self.refuses["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if "DATA" in self.refuses:
            return self.refuses["DATA"]
        self.kept.append(envelope.content)
        return "250 OK"


@pytest.fixture
def server() -> Iterator[tuple[Server, str]]:
    kept = Server()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(
        kept,
        hostname="127.0.0.1",
        port=port,
        authenticator=kept.authenticated,
        auth_require_tls=False,
        enable_SMTPUTF8=True,
    )
    controller.start()
    yield kept, f"127.0.0.1:{port}"
    controller.stop()


class Carried:
    """A mailer, and what it has carried so far, as whoever reads it next gets it."""

    def __init__(self, mailer: Mailer, server: Server | None, folder: Path | None) -> None:
        self.mailer = mailer
        self._server = server
        self._folder = folder

    @property
    def mails(self) -> list[EmailMessage]:
        if self._server is not None:
            kept = self._server.kept
        else:
            assert self._folder is not None
            kept = [path.read_bytes() for path in sorted(self._folder.glob("*.eml"))]
        return [email.message_from_bytes(one, policy=default) for one in kept]


@pytest.fixture(params=["server", "folder"])
def carried(request: pytest.FixtureRequest, tmp_path: Path) -> Carried:
    if request.param == "server":
        server, address = request.getfixturevalue("server")
        return Carried(SmtpMailer(f"smtp://{address}", SENDER), server, None)
    return Carried(FolderMailer(tmp_path / "outbox", SENDER), None, tmp_path / "outbox")


def test_a_mail_arrives_as_it_was_written(carried: Carried):
    carried.mailer.send(MAIL)

    (found,) = carried.mails
    assert (found["From"], found["To"], found["Subject"]) == (SENDER, MAIL.to, MAIL.subject)
    assert found.get_content().replace("\r\n", "\n") == TEXT
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["Date"].datetime is not None
    assert found["Message-ID"].endswith("@hospital.example>")


def test_sending_twice_is_two_mails_that_can_be_told_apart(carried: Carried):
    carried.mailer.send(MAIL)
    carried.mailer.send(MAIL)

    assert len({one["Message-ID"] for one in carried.mails}) == 2


def test_no_line_of_a_mail_is_longer_than_servers_take(carried: Carried):
    """RFC 5321, section 4.5.3.1.6: 1000 octets with the line's end."""
    carried.mailer.send(Mail(to=MAIL.to, subject="s" * 500, text="ü" * 5000 + "\n"))

    (found,) = carried.mails
    assert max(map(len, found.as_bytes().splitlines(keepends=True))) <= 1000
    assert found.get_content().strip() == "ü" * 5000


@pytest.mark.parametrize("where", ["to", "subject"])
def test_nobody_begins_a_header_of_their_own(where):
    plain = {"to": MAIL.to, "subject": MAIL.subject, "text": TEXT}
    with pytest.raises(ValueError, match="one line"):
        Mail(**plain | {where: "x\r\nBcc: everybody@center.example"})


# --- what each cannot share -------------------------------------------------------------------------------------------


def test_a_mail_in_the_folder_is_the_installations_own(tmp_path: Path):
    FolderMailer(tmp_path / "outbox", SENDER).send(MAIL)

    (file,) = (tmp_path / "outbox").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_written_is_not_now(tmp_path: Path):
    (tmp_path / "outbox").write_text("a file")
    with pytest.raises(Unavailable, match="folder of mail"):
        FolderMailer(tmp_path / "outbox", SENDER).send(MAIL)


def test_user_and_password_are_shown_as_they_are(server):
    kept, address = server
    SmtpMailer(f"smtp://desk%40hospital.example:p%40ss%3Aword%2F%20%252F@{address}", SENDER).send(MAIL)

    assert kept.logins == [(USER.encode(), PASSWORD.encode())]
    assert len(kept.kept) == 1


def test_a_wrong_password_is_not_now_and_not_repeated(server):
    kept, address = server
    with pytest.raises(Unavailable) as failed:
        SmtpMailer(f"smtp://desk:SECRET-WORD@{address}", SENDER).send(MAIL)

    assert "SECRET-WORD" not in str(failed.value)
    assert kept.kept == []


def test_a_password_that_smtp_clients_cannot_say_is_told_in_our_words(server):
    """smtplib says ASCII alone."""
    with pytest.raises(Unavailable) as failed:
        SmtpMailer(f"smtp://desk:w%C3%B6rd@{server[1]}", SENDER).send(MAIL)

    assert "wörd" not in str(failed.value)


@pytest.mark.parametrize(
    ("step", "answer", "raises"),
    [
        ("RCPT", "550 5.1.1 no such user anna.kowalska", TurnedAway),
        ("RCPT", "450 4.2.0 greylisted", Unavailable),
        ("DATA", "452 4.3.1 the disk is full", Unavailable),
        ("DATA", "554 5.7.1 no", Unavailable),
    ],
)
def test_a_server_that_does_not_take_it_is_told_in_our_words(server, step, answer, raises):
    kept, address = server
    kept.refuses[step] = answer
    with pytest.raises(raises) as failed:
        SmtpMailer(f"smtp://{address}", SENDER).send(MAIL)

    assert kept.kept == []
    assert "kowalska" not in str(failed.value)
    assert isinstance(failed.value, Refused | Unavailable)


def test_where_nobody_listens_it_is_not_now():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unavailable):
        SmtpMailer(f"smtp://127.0.0.1:{port}", SENDER).send(MAIL)


def test_to_another_machine_nothing_goes_in_plain_text(server, monkeypatch):
    """The server offers no STARTTLS, and is taken for one of another machine."""
    kept, address = server
    monkeypatch.setattr("transfer.adapters.mail.is_loopback", lambda _host: False)
    with pytest.raises(Unavailable):
        SmtpMailer(f"smtp://desk:SECRET-WORD@{address}", SENDER).send(MAIL)

    assert (kept.kept, kept.logins) == ([], [])
