"""One FHIR server of a partner, spoken to within bounds.

The token goes to the configured origin and nowhere else: no redirect is followed, and an address the peer names is
used only as a path on the connection we opened ourselves.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from transfer.errors import CutShort, TooLarge, TransferError, TurnedAway, Unexpected, Unreachable
from transfer.staging import CHUNK

KeepGoing = Callable[[], None]

#: statuses by which a server says "not now" (with all of 5xx)
_NOT_NOW: Final = frozenset({408, 425, 429})
_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one partner may cost us. Seconds and bytes."""

    connect_seconds: float = 5.0
    #: without one byte; also the most that the head of an answer may take
    silence_seconds: float = 30.0
    page_seconds: float = 120.0
    attachment_seconds: float = 3600.0
    page_bytes: int = 12 << 20
    #: a document sent as a Binary resource, which is read but not checked against FHIR's forms
    binary_bytes: int = 32 << 20
    attachment_bytes: int = 512 << 20
    pages: int = 200
    #: documents of one patient
    documents: int = 5000
    #: attachments sent inside their resource that are held in memory at once
    inline_bytes: int = 32 << 20


class Gone(Unexpected):
    """410: what was there is not any more, as an expired page."""


class NotOffered(Unexpected):
    """404, 405, 501 …: the server does not do this."""


class NotReached(Unreachable):
    """No connection was made: not one byte of ours left."""


def go_on() -> None:
    """Nothing stops us."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Peer:
    """Requests to one base URL. Not safe for use by several threads at once."""

    def __init__(self, base_url: str, token: str | None, limits: Limits, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: whom we trust, and the certificate that we show where one is asked for; else the machine's."""
        self.base = base_url.rstrip("/")
        self.limits = limits
        self._at = urlsplit(self.base)
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "records-transfer"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._pool = _pool(self._at, limits, tls)

    def close(self) -> None:
        self._pool.close()

    def cut(self) -> None:
        """End the request that another thread is making, at once: what was not handed to the socket never leaves."""
        if self._pool.newest:
            _cut(self._pool.newest.sock, threading.Event())

    def address(self, said: str) -> str | None:
        """The absolute URL of a reference of theirs, if it lies at their origin."""
        try:
            url = urljoin(f"{self.base}/", said)
        except ValueError:
            return None
        return url if _plain(url) and _origin(urlsplit(url)) == _origin(self._at) else None

    def is_within(self, url: str) -> bool:
        """Whether an absolute URL of `address` lies at the base itself."""
        path = urlsplit(url).path
        return path == self._at.path or path.startswith(f"{self._at.path}/")

    def ask(self, method: str, url: str, *, accept: str, keep_going: KeepGoing, **sent: Any) -> Reply:
        """One whole answer, at most a page's worth. `sent` as for `answer`.

        Raises:
            TurnedAway, Unreachable, Gone, NotOffered, Unexpected: by its status.
            TooLarge: by its size.
        """
        with self.answer(method, url, accept=accept, **sent) as response:
            limits = self.limits
            chunks = pour(response, limit=limits.page_bytes, seconds=limits.page_seconds, keep_going=keep_going)
            reply = Reply(response.status, response.headers, b"".join(chunks))
            if not reply.body and not is_framed(response):
                raise CutShort("it stopped before it said anything")
            return reply

    @contextmanager
    def answer(
        self,
        method: str,
        url: str,
        *,
        accept: str,
        body: bytes | None = None,
        content_type: str | None = None,
        any_status: bool = False,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """An answer whose body is still to be read; the connection is dropped unless it was read to its end.

        Raises:
            by its status, unless it is 200 or 201 or `any_status` is wanted.
        """
        headers = self._headers | {"Accept": accept} | ({"Content-Type": content_type} if content_type else {})
        response = self._send(method, url, body, headers)
        try:
            if response.status not in (200, 201) and not any_status:
                raise refusal(response.status, response.headers)
            # of any status it is still an answer, which says that what was sent has arrived; its body reads as nothing
            if not any_status and response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise Unexpected("compressed though we asked for it plain")
            yield response
        finally:
            response.close()

    def _send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        at = urlsplit(url)
        target = f"{at.path or '/'}?{at.query}" if at.query else at.path or "/"
        try:
            return self._pool.urlopen(
                method,
                target,
                body=body,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise unheard(error) from None


def pour(response: urllib3.BaseHTTPResponse, *, limit: int, seconds: float, keep_going: KeepGoing) -> Iterator[bytes]:
    """The body in chunks of `CHUNK`, the last one shorter. `keep_going` is asked before each MiB and each second.

    Raises:
        TooLarge: more than `limit` bytes.
        CutShort: it stopped before the end it announced, or takes more than `seconds`.
        Unreachable: it fell silent.
    """
    if _length(response) > limit:
        raise TooLarge("more than is taken from this source at once")
    deadline, asked, taken, block = time.monotonic() + seconds, 0.0, 0, bytearray()
    while chunk := _read(response):
        taken += len(chunk)
        if taken > limit:
            raise TooLarge("more than is taken from this source at once")
        if (now := time.monotonic()) > deadline:
            raise CutShort("too slow")
        block += chunk
        if now - asked > 1:
            keep_going()
            asked = now
        while len(block) >= CHUNK:
            keep_going()
            yield bytes(block[:CHUNK])
            del block[:CHUNK]
    if block:
        yield bytes(block)


def is_framed(response: urllib3.BaseHTTPResponse) -> bool:
    """Whether the end of the body can be told from the connection's breaking off."""
    return "Content-Length" in response.headers or "Transfer-Encoding" in response.headers


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    try:
        return response.read1(1 << 16)
    except urllib3.exceptions.ReadTimeoutError:
        raise Unreachable("it fell silent") from None
    except (urllib3.exceptions.HTTPError, OSError, http.client.HTTPException):
        raise CutShort("it stopped in the middle") from None


def _length(response: urllib3.BaseHTTPResponse) -> int:
    said = response.headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else 0


def refusal(status: int, headers: Mapping[str, str]) -> TransferError:
    """What a status other than success asks of us."""
    if status in (401, 403):
        return TurnedAway(f"HTTP {status}")
    if status in _NOT_NOW or (status >= 500 and status != 501):
        return Unreachable(f"HTTP {status}", retry_after=retry_after(headers))
    if status == 410:
        return Gone("HTTP 410")
    if status in (404, 405, 415, 501):
        return NotOffered(f"HTTP {status}")
    return Unexpected(f"HTTP {status}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, at most a day. A date is counted from the answer's own Date: their clock is compared with itself."""
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), _DAY)
    with suppress(TypeError, ValueError, OverflowError):
        wait = parsedate_to_datetime(said) - parsedate_to_datetime(headers.get("Date", ""))
        return min(max(wait.total_seconds(), 0.0), _DAY)
    return None


def unheard(error: urllib3.exceptions.HTTPError) -> TransferError:
    """A request that got no answer."""
    cause = error.args[0] if isinstance(error, urllib3.exceptions.SSLError) and error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unexpected("its certificate is not one we trust")
    if isinstance(error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError):
        return NotReached("no connection")
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return Unreachable("no answer in time")
    return Unreachable("the connection was lost")


def _plain(url: str) -> bool:
    """An http(s) URL that every parser reads alike: no user, no dots to climb, nothing but visible ASCII."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises for what is no port
    except ValueError:
        return False
    steps = unquote(unquote(parts.path)).replace("\\", "/").split("/")
    visible = all("!" <= character <= "~" and character != "\\" for character in url)
    named = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    return visible and named and not {".", ".."} & set(steps) and not parts.path.startswith("//")


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _pool(at: SplitResult, limits: Limits, tls: ssl.SSLContext | None) -> "_PlainPool":
    if not at.hostname or at.scheme not in ("http", "https"):
        raise ValueError("not the base URL of a FHIR server")
    timeout = urllib3.Timeout(connect=limits.connect_seconds, read=limits.silence_seconds)
    if at.scheme == "https":
        return _SecurePool(at.hostname, at.port, timeout=timeout, maxsize=1, ssl_context=tls)
    return _PlainPool(at.hostname, at.port, timeout=timeout, maxsize=1)


class _Watched(HTTPConnection):
    """The head of an answer has to come within the read timeout as a whole; without this each line starts it anew."""

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3 itself
        late = threading.Event()
        timer = threading.Timer((self.timeout or 60.0) + 0.5, _cut, [self.sock, late])
        timer.daemon = True
        timer.start()
        try:
            response = super().getresponse()
        finally:
            timer.cancel()
        if late.is_set():
            response.close()
            # the standard library takes a connection that ends among the headers for their end
            raise TimeoutError
        return response


class _WatchedSecure(_Watched, HTTPSConnection):
    pass


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Watched
    #: the one connection a peer has, in use or not
    newest: "_Watched | None" = None

    def _new_conn(self) -> Any:
        self.newest = cast(_Watched, super()._new_conn())
        return self.newest


class _SecurePool(_PlainPool, urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedSecure


def _cut(taken: socket.socket | None, late: threading.Event) -> None:
    late.set()
    with suppress(OSError, AttributeError):
        if taken:
            taken.shutdown(socket.SHUT_RDWR)
