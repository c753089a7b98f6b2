"""Failures of HTTP in our words: what a status, a lost connection or a wrong certificate asks of us."""

import http.client
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import urllib3

from transfer.errors import CutShort, TooLarge, TransferError, TurnedAway, Unexpected, Unreachable

#: statuses by which a server says "not now" (with all of 5xx but those of `_NOT_OFFERED`)
_NOT_NOW: Final = frozenset({408, 425, 429})
#: method, media type, function or version of HTTP: asking again later changes nothing (RFC 9110 section 15)
_NOT_OFFERED: Final = frozenset({405, 415, 501, 505})
_DAY: Final = 86_400.0


class Gone(Unexpected):
    """410: what was there is not any more, as an expired page."""


class NotOffered(Unexpected):
    """405, 415, 501, 505: the server does not do this."""


class NotFound(NotOffered):
    """404: there is nothing at this address, or the server does not do this and says so in this way."""


class NotReached(Unreachable):
    """No connection was made: not one byte of ours left."""


class ConnectionLost(Unreachable):
    """The connection ended before the head of the answer did."""


class NotTrusted(Unexpected):
    """TLS failed: their certificate is not one we trust, they do not take ours, or no protocol is in common.

    `was_sent`: the request had left us by then (RFC 8446 section 4.4.2.4), so they may have acted on it.
    """

    def __init__(self, *, was_sent: bool) -> None:
        super().__init__("its certificate or its TLS is not one we accept, or it does not accept ours")
        self.was_sent = was_sent


class Silent(Unreachable):
    """No byte came for as long as silence is borne, or the head of the answer did not end in that time."""


class TooSlow(CutShort):
    """The whole answer did not end in the time set for it."""


def refusal(status: int, headers: Mapping[str, str]) -> TransferError:
    """What a status other than success asks of us."""
    if status in (401, 403):
        return TurnedAway(f"HTTP {status}")
    if status in _NOT_OFFERED:
        return NotOffered(f"HTTP {status}")
    if status in _NOT_NOW or status >= 500:
        return Unreachable(f"HTTP {status}", retry_after=retry_after(headers))
    if status == 410:
        return Gone("HTTP 410")
    return NotFound("HTTP 404") if status == 404 else Unexpected(f"HTTP {status}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, at most a day; none where what is said is neither whole seconds nor a date.

    A date is counted from the answer's own Date: their clock is compared with itself. Without one it came now (RFC 9110
    sections 10.2.3 and 6.6.1).
    """
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), _DAY)
    with suppress(TypeError, ValueError, OverflowError):
        date = headers.get("Date")
        wait = _instant(said) - (_instant(date) if date else datetime.now(UTC))
        return min(max(wait.total_seconds(), 0.0), _DAY)
    return None


def _instant(said: str) -> datetime:
    """An HTTP date (RFC 9110 section 5.6.7). That of asctime says no zone: each of the three forms is UTC."""
    found = parsedate_to_datetime(said)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def unanswered(error: urllib3.exceptions.HTTPError | ConnectionLost, *, was_sent: bool) -> TransferError:
    """A request that got no answer. `was_sent`: it had left us, as a whole or in part."""
    if isinstance(error, ConnectionLost):
        return error
    cause = error.args[-1] if error.args else None
    if isinstance(error, urllib3.exceptions.SSLError):
        is_lost = isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        return ConnectionLost("the connection was lost") if is_lost else NotTrusted(was_sent=was_sent)
    if isinstance(error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError):
        return NotReached("no connection")
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return Unreachable("no answer in time")
    # http.client has no name of its own for the 101st header line
    if isinstance(cause, http.client.LineTooLong) or type(cause) is http.client.HTTPException:
        return TooLarge("an answer whose head is more than is read")
    return ConnectionLost("the connection was lost")
