"""A mailbox that a fax service sends papers to, by IMAP over TLS (RFC 9051). Attachments are taken; text is not."""

import email
import email.policy
import imaplib
import ssl
from collections.abc import Iterator
from contextlib import suppress
from email.message import EmailMessage
from typing import IO, Final

from transfer.discs import WhyNoDisc
from transfer.errors import Unavailable
from transfer.incoming import LARGEST, WhyRefused
from transfer.paper_lines import Mailbox

DONE, REFUSED = "Done", "Refused"
_SECONDS: Final = 30
#: messages of one look, attachments of one message, and bytes of one: a paper in base64, and words around it
_MOST: Final = 50
_FILES: Final = 20
_LARGEST_MESSAGE: Final = LARGEST * 3 // 2
#: an attachment that is none: what signs the message, or draws it
_NO_PAPER: Final = ("text/", "multipart/", "message/", "application/pkcs7", "image/gif")


class WatchedMailbox:
    """A `transfer.paper_lines.PaperLine`. Messages that were taken in are moved to Done there, others to Refused."""

    def __init__(self, name: str, mailbox: Mailbox, password: str) -> None:
        self.name = name
        self._mailbox = mailbox
        self._password = password

    def waiting(self) -> Iterator["MessageDelivered"]:
        """As `PaperLine.waiting`. The connection lasts until all of them are looked at."""
        try:
            connection = self._connected()
        except (imaplib.IMAP4.error, OSError, ssl.SSLError):
            raise Unavailable("a mailbox of papers does not answer, or does not let us in") from None
        try:
            for number in _numbers(connection):
                yield MessageDelivered(connection, number)
        finally:
            with suppress(imaplib.IMAP4.error, OSError):
                connection.logout()

    def _connected(self) -> imaplib.IMAP4_SSL:
        authority = self._mailbox.authority
        trusted = ssl.create_default_context(cafile=str(authority) if authority else None)
        trusted.minimum_version = ssl.TLSVersion.TLSv1_2
        connection = imaplib.IMAP4_SSL(self._mailbox.host, self._mailbox.port, ssl_context=trusted, timeout=_SECONDS)
        try:
            connection.login(self._mailbox.user, self._password)
            connection.select("INBOX")
            for made in (DONE, REFUSED):
                connection.create(made)  # NO where it is there
        except (imaplib.IMAP4.error, OSError):
            connection.shutdown()
            raise
        return connection


def _numbers(connection: imaplib.IMAP4) -> list[str]:
    try:
        _, found = connection.uid("SEARCH", "UNDELETED")
    except (imaplib.IMAP4.error, OSError):
        raise Unavailable("a mailbox of papers cannot be read") from None
    return [one.decode() for one in (found[0] or b"").split()[:_MOST] if one.isdigit()]


class MessageDelivered:
    """A `transfer.paper_lines.Delivered`: a message and its attachments."""

    def __init__(self, connection: imaplib.IMAP4, number: str) -> None:
        self._connection, self._number = connection, number

    @property
    def files(self) -> tuple[bytes, ...]:
        try:
            # cut beyond what is taken in: then an attachment does not decode, or is too large
            _, found = self._connection.uid("FETCH", self._number, f"(BODY.PEEK[]<0.{_LARGEST_MESSAGE}>)")
        except (imaplib.IMAP4.error, OSError):
            raise Unavailable("a message of a mailbox of papers cannot be read") from None
        bodies = [one[1] for one in found if isinstance(one, tuple)]
        return _attachments(bodies[0]) if bodies else ()

    def zip_file(self) -> IO[bytes] | None:
        """None: a disc is larger than a message."""
        return None

    def keep(self) -> None:
        self._move(DONE)

    def refuse(self, why: WhyRefused | WhyNoDisc) -> None:  # noqa: ARG002  the mailbox has no place for a reason
        self._move(REFUSED)

    def _move(self, to: str) -> None:
        """Copied first: what dies between finds the message once more, and takes it in once."""
        try:
            said, _ = self._connection.uid("COPY", self._number, to)
            if said != "OK":
                raise Unavailable("a message of a mailbox of papers cannot be moved")
            self._connection.uid("STORE", self._number, "+FLAGS", r"(\Deleted)")
            self._connection.expunge()
        except (imaplib.IMAP4.error, OSError):
            raise Unavailable("a message of a mailbox of papers cannot be moved") from None


def _attachments(message: bytes) -> tuple[bytes, ...]:
    """The files of a message (RFC 2045, RFC 2183), however its parts are nested; none of what is no message."""
    try:
        read = email.message_from_bytes(message, policy=email.policy.default)
        parts = [part for part in read.walk() if isinstance(part, EmailMessage) and _is_file(part)]
        found = [part.get_payload(decode=True) for part in parts[:_FILES]]
    # the parser of the standard library raises whatever a header makes it raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ()
    return tuple(one[: LARGEST + 1] for one in found if isinstance(one, bytes) and one)


def _is_file(part: EmailMessage) -> bool:
    return not part.is_multipart() and not part.get_content_type().startswith(_NO_PAPER)
