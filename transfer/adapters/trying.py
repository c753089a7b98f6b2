"""Trying a server as far as it can be tried without asking anything of anybody: name, port, TLS, clock.

Each step is bounded in time but the resolving of the name, which is the machine's own: whoever calls bounds the whole.
"""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from transfer.adapters.certificates import shown_ends
from transfer.adapters.http import HttpClient, HttpLimits, ShownAuthorization
from transfer.adapters.http.failures import ConnectionLost, NotTrusted, refusal
from transfer.errors import OutOfOrder, TransferError, TurnedAway, Unavailable, Unreachable
from transfer.operation import DoorStep
from transfer.sources import go_on

#: seconds until a connection is made, and again until TLS is agreed upon
SECONDS: Final = 5.0
#: whoever tries a door wants to know within seconds
_LIMITS: Final = HttpLimits(connect_seconds=SECONDS, silence_seconds=8, page_seconds=10, page_bytes=1 << 20)
#: of a try that is refused as a question, and not because of who asks (RFC 9110 section 15.5)
_NOT_THIS_QUESTION: Final = frozenset({400, 405, 406, 422})
#: what OpenSSL says of a certificate (x509_vfy.h): the step at which the door fails, where it is one of its own
_TLS_STEPS: Final = {10: DoorStep.TLS_ENDED, 62: DoorStep.TLS_NAME, 64: DoorStep.TLS_NAME}
#: the same in our words
_CERTIFICATE: Final = {
    10: "its certificate has ended",
    18: "its certificate is signed by itself alone",
    19: "an authority of its chain is not one we trust",
    20: "the authority that signed its certificate is not one we trust",
    21: "its chain lacks a certificate in between",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How far it went: `failed` is the step that did not work, and `why` says so in our own words."""

    failed: DoorStep | None = None
    why: str = ""
    certificate_ends: datetime | None = None
    ahead: timedelta | None = None


def line(host: str, port: int, tls: ssl.SSLContext | None) -> Tried:
    """Resolve the name, connect, and agree upon TLS where it is given; then hang up. Not one byte of a message goes."""
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return Tried(failed=DoorStep.NAME)
    try:
        connected = socket.create_connection((host, port), timeout=SECONDS)
    except ConnectionRefusedError:
        return Tried(failed=DoorStep.PORT, why="the port is closed")
    except OSError as error:
        said = "no answer in time" if isinstance(error, TimeoutError) else "no way there"
        return Tried(failed=DoorStep.PORT, why=said)
    with connected:
        if tls is None:
            return Tried()
        try:
            with tls.wrap_socket(connected, server_hostname=host) as spoken:
                shown = spoken.getpeercert(binary_form=True)
        except ssl.SSLCertVerificationError as error:
            why = _CERTIFICATE.get(error.verify_code, "its certificate is not one we trust")
            return Tried(failed=_TLS_STEPS.get(error.verify_code, DoorStep.TLS), why=why)
        except (ssl.SSLError, OSError):
            return Tried(failed=DoorStep.TLS_NONE, why="no TLS that both speak, or it wants a certificate of ours")
    return Tried(certificate_ends=shown_ends(shown) if shown else None)


def question(
    base: str, path: str, authorization: str | ShownAuthorization | None, accept: str, tls: ssl.SSLContext | None
) -> Tried:
    """Ask a question that is about nobody, and look at status, kind and clock alone; what it answers is not kept."""
    client = HttpClient(base, authorization, _LIMITS, tls)
    try:
        reply = client.ask("GET", client.base + path, accept=accept, keep_going=go_on, statuses=None)
    except TransferError as error:
        return Tried(failed=_step(error), why=_why(error))
    finally:
        client.close()
    ahead = _ahead(reply.headers)
    if 300 <= reply.status < 400:
        why = f"HTTP {reply.status}, which leads elsewhere: no redirect is followed"
        return Tried(failed=DoorStep.ANSWER, why=why, ahead=ahead)
    if not 200 <= reply.status < 300 and reply.status not in _NOT_THIS_QUESTION:
        refused = refusal(reply.status, reply.headers)
        return Tried(failed=_step(refused), why=_why(refused), ahead=ahead)
    if reply.headers.get("Content-Type", "").lower().startswith("text/html"):
        return Tried(failed=DoorStep.ANSWER, why=f"HTTP {reply.status} with a page for people", ahead=ahead)
    return Tried(ahead=ahead)


def _step(error: TransferError) -> DoorStep:
    kinds = {
        TurnedAway: DoorStep.CREDENTIAL,
        OutOfOrder: DoorStep.KEY,
        NotTrusted: DoorStep.TLS_NONE,
        ConnectionLost: DoorStep.ANSWER,
        Unreachable: DoorStep.BUSY,
    }
    return next((step for kind, step in kinds.items() if isinstance(error, kind)), DoorStep.ANSWER)


def _why(error: TransferError) -> str:
    wait = error.retry_after if isinstance(error, Unavailable) else None
    return f"{error}, and asks us to wait {wait:.0f} s" if wait else str(error)


def _ahead(headers: Mapping[str, str]) -> timedelta | None:
    """By its Date, which has whole seconds (RFC 9110 section 6.6.1)."""
    try:
        said = parsedate_to_datetime(headers.get("Date", ""))
        return said.astimezone(UTC) - datetime.now(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
