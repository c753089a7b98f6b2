"""A mailbox that a fax service sends papers to, by IMAP over TLS (RFC 9051). Attachments are taken; text is not."""

import email
import email.policy
import imaplib
import ssl
from collections.abc import Iterator
from contextlib import suppress
from email.message import EmailMessage
from itertools import islice
from typing import IO, Final

from transfer.discs import WhyNoDisc
from transfer.errors import Unavailable
from transfer.fax_reports import MOST_LETTERS
from transfer.incoming import LARGEST, WhyRefused
from transfer.paper_lines import Mailbox

DONE, REFUSED = "Done", "Refused"
_SECONDS: Final = 30
#: messages of one look, attachments of one message, and bytes of one: a paper in base64, and words around it
_MOST: Final = 50
_FILES: Final = 20
_LARGEST_MESSAGE: Final = LARGEST * 3 // 2
#: of a message of which only the words are read
_LARGEST_WORDS: Final = 1 << 18
_PARTS: Final = 20
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
        # cut beyond what is taken in: then an attachment does not decode, or is too large
        return _attachments(self._fetched(_LARGEST_MESSAGE))

    def _fetched(self, most: int) -> bytes:
        try:
            _, found = self._connection.uid("FETCH", self._number, f"(BODY.PEEK[]<0.{most}>)")
        except (imaplib.IMAP4.error, OSError):
            raise Unavailable("a message of a mailbox of papers cannot be read") from None
        return next((one[1] for one in found if isinstance(one, tuple)), b"")

    @property
    def words(self) -> str:
        """As `transfer.paper_lines.FaxReport.words`."""
        return _words(self._fetched(_LARGEST_WORDS))

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


def _words(message: bytes) -> str:
    """Subject, what it answers, and the beginning of its text, in the order in which a person reads them."""
    try:
        read = email.message_from_bytes(message, policy=email.policy.default)
        heads = [str(read.get(name, "")) for name in ("Subject", "In-Reply-To", "References")]
        parts = [part for part in list(islice(read.walk(), _PARTS)) if part.get_content_type() == "text/plain"]
        bodies = [part.get_payload(decode=True) for part in parts if isinstance(part, EmailMessage)]
    # as in `_attachments`
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    said = [one[: 4 * MOST_LETTERS].decode("utf-8", "replace") for one in bodies if isinstance(one, bytes)]
    return "\n".join([*(head[:MOST_LETTERS] for head in heads), *said])[:MOST_LETTERS]


def _is_file(part: EmailMessage) -> bool:
    return not part.is_multipart() and not part.get_content_type().startswith(_NO_PAPER)
