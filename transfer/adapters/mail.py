"""Mail by SMTP (RFC 5321), always by TLS to another machine; or into a folder, where no server of mail is set."""

import smtplib
import ssl
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from transfer.addresses import is_loopback
from transfer.errors import OutOfOrder, Refused, TurnedAway, Unavailable
from transfer.exchanges import ExchangeOutcome
from transfer.mail import Mail, Mailer

#: seconds for each step of a hand-over
_SECONDS: Final = 20.0


def _message(mail: Mail, sender: str) -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = sender, mail.to, mail.subject
    made["Date"], made["Message-ID"] = formatdate(), make_msgid(domain=sender.rpartition("@")[2] or "localhost")
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no machine answers it
    made.set_content(mail.text)
    return made


@dataclass(frozen=True, slots=True)
class SmtpMailer:
    """By one server: `smtps://` speaks TLS from the first byte (RFC 8314), `smtp://` after STARTTLS (RFC 3207). To this
    machine plain text will do. `url` may hold user and password.
    """

    url: str
    sender: str

    def send(self, mail: Mail) -> None:
        hand_over(self.url, _message(mail, self.sender))


def hand_over(url: str, message: EmailMessage) -> None:
    """Hand a message to the server of mail at this URL, as `SmtpMailer` says.

    Raises:
        TurnedAway: it takes none to this address.
        OutOfOrder: it does not take it now, or nobody knows.
    """
    parts = urlsplit(url)
    host, is_tls = parts.hostname or "", parts.scheme == "smtps"
    context = ssl.create_default_context()
    try:
        with (
            smtplib.SMTP_SSL(host, parts.port or 465, timeout=_SECONDS, context=context)
            if is_tls
            else smtplib.SMTP(host, parts.port or 587, timeout=_SECONDS)
        ) as server:
            if not is_tls and not is_loopback(host):
                server.starttls(context=context)
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        if all(code < 500 for code, _ in error.recipients.values()):  # not now, as while greylisted (RFC 5321, 4.2.1)
            raise OutOfOrder("the server of mail does not take it to this address now") from None
        raise TurnedAway("the server of mail takes none to this address") from None
    except (smtplib.SMTPException, OSError, UnicodeError) as error:  # of a password beyond ASCII
        raise OutOfOrder(f"the server of mail does not take it ({type(error).__name__})") from None


@dataclass(frozen=True, slots=True)
class CountedMailer:
    """Another mailer. How each mail went is told to `count`, with the seconds that it took."""

    mailer: Mailer
    count: Callable[[ExchangeOutcome, float], None]

    def send(self, mail: Mail) -> None:
        began, went = time.monotonic(), ExchangeOutcome.OUR_OUTAGE
        try:
            self.mailer.send(mail)
            went = ExchangeOutcome.ANSWERED
        except Refused:
            went = ExchangeOutcome.TURNED_AWAY
            raise
        except Unavailable:
            went = ExchangeOutcome.NO_ANSWER
            raise
        finally:
            self.count(went, time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class FolderMailer:
    """Into files of a folder (0600), for whoever carries them on; what an installation does that has no server."""

    folder: Path
    sender: str

    def send(self, mail: Mail) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            place = self.folder / f"{uuid.uuid4()}.eml"
            draft = place.with_name(f".{place.name}")
            draft.touch(mode=0o600, exist_ok=False)
            draft.write_bytes(_message(mail, self.sender).as_bytes())
            draft.rename(place)  # whoever carries mail on finds whole ones
        except OSError as error:
            raise OutOfOrder(f"the folder of mail cannot be written ({type(error).__name__})") from None
