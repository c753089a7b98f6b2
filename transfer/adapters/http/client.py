"""One HTTP server of a partner, spoken to within bounds.

The credential goes to the configured origin and nowhere else: no redirect is followed, no proxy is used, and an address
the peer names is used only as a path on the connection we opened ourselves.
"""

import http.client
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import SplitResult, unquote, urljoin, urlsplit
from weakref import WeakSet

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from transfer.adapters.http.bounds import AnswerBounds, BoundedSocket
from transfer.adapters.http.failures import ConnectionLost, TooSlow, refusal, unanswered
from transfer.adapters.http.limits import HttpLimits
from transfer.errors import CutShort, TooLarge, Unexpected
from transfer.sources import KeepGoing
from transfer.staging import CHUNK

#: asked for at once; what one `recv` brings is handed on as it is
_PIECE: Final = 256 << 10
#: connections that are kept for the next question
_KEPT: Final = 2
#: 206 is none: nobody asked for a part
SUCCESS: Final = frozenset({200, 201})


def bearer(token: str | None) -> str | None:
    """The Authorization header that shows a bearer token (RFC 6750); None without one."""
    return f"Bearer {token}" if token else None


def basic(user: str | None, password: str | None) -> str | None:
    """The Authorization header that shows a user's password (RFC 7617, in UTF-8); None without a user."""
    if user is None:
        return None
    return "Basic " + b64encode(f"{user}:{password or ''}".encode()).decode()


class ShownAuthorization(Protocol):
    """What is shown at a server, where that changes."""

    def header(self, keep_going: KeepGoing) -> str:
        """What to show now. It may ask another server for it, and raises as that."""

    def forget(self, shown: str) -> None:
        """It was refused: 401. The next one is another."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpAnswer:
    """An answer whose body is still to be read, once."""

    def __init__(self, response: urllib3.BaseHTTPResponse, bounds: AnswerBounds, most: int) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._bounds = bounds
        self._most = most

    @property
    def is_framed(self) -> bool:
        """Whether the end of the body can be told from the connection's breaking off."""
        return "Content-Length" in self.headers or "Transfer-Encoding" in self.headers

    def read(self) -> bytes:
        """What one `recv` brings; nothing at the end of the body.

        Raises:
            TooLarge: more than is taken of this answer.
            Silent: no byte came for too long.
            TooSlow, CutShort: it did not end in time, or stopped before the end it announced.
        """
        try:
            piece = self._response.read1(_PIECE)
        except (urllib3.exceptions.HTTPError, OSError, http.client.HTTPException):
            raise CutShort("it stopped in the middle") from None
        self._bounds.taken += len(piece)
        if self._bounds.taken > self._most:
            raise TooLarge("more than is taken from this server at once")
        return piece

    def chunks(self, keep_going: KeepGoing) -> Iterator[bytes]:
        """The body in chunks of `CHUNK`, the last one shorter; `keep_going` is asked before each. Raises as `read`."""
        block = bytearray()
        while piece := self.read():
            block += piece
            while len(block) >= CHUNK:
                keep_going()
                yield bytes(block[:CHUNK])
                del block[:CHUNK]
        if block:
            yield bytes(block)

    def whole(self, most: int) -> bytes:
        """The body, of at most so many bytes. Raises as `read`."""
        self._most = min(self._most, most)
        body = bytearray()
        while piece := self.read():
            body += piece
        return bytes(body)


class HttpClient:
    """Requests to one base URL. Safe for use by several threads at once.

    Asking raises:
        TurnedAway (401, 403), Unreachable (408, 425, 429, 5xx), Gone, NotFound, NotOffered, Unexpected: by the status.
        Unexpected: it compressed its answer though we asked for it plain: nothing is unpacked.
        NotReached: no connection. NotTrusted: TLS failed.
        Silent, TooSlow, CutShort, TooLarge: beyond `HttpLimits`.
    """

    def __init__(
        self,
        base_url: str,
        authorization: str | ShownAuthorization | None,
        limits: HttpLimits,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`authorization`: the header, or who knows it; then a 401 is answered by one more try with a new one.

        `tls`: whom we trust, and the certificate that we show where one is asked for; else the machine's.

        Raises:
            ValueError: not a base URL.
        """
        self.base = base_url.rstrip("/")
        self.limits = limits
        self._at = _base(self.base)
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "records-transfer"}
        self._changing = None if isinstance(authorization, str) else authorization
        if isinstance(authorization, str):
            self._headers["Authorization"] = authorization
        self._asking = _Asking(WeakSet())
        #: how often requests were cut: one that was is not sent again
        self._cuts = 0
        self._pool = _pool(self._at, limits, tls, self._asking)

    def close(self) -> None:
        self._pool.close()

    def cut(self) -> None:
        """End the requests that other threads are making, at once: what was not handed to a socket never leaves."""
        self._cuts += 1
        for connection in list(self._asking.connections):
            with suppress(OSError, AttributeError):  # not connected
                connection.sock.shutdown(socket.SHUT_RDWR)

    def address(self, said: str) -> str | None:
        """The absolute URL of a reference of theirs, if it lies at their origin."""
        try:
            url = urljoin(f"{self.base}/", said)
        except ValueError:
            return None
        return url if _is_plain(url) and _origin(urlsplit(url)) == _origin(self._at) else None

    def is_within(self, url: str) -> bool:
        """Whether an absolute URL of `address` lies at the base itself."""
        path = urlsplit(url).path
        return path == self._at.path or path.startswith(f"{self._at.path}/")

    def ask(
        self,
        method: str,
        url: str,
        *,
        accept: str,
        keep_going: KeepGoing,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        statuses: Container[int] | None = SUCCESS,
        is_safe: bool | None = None,
    ) -> HttpReply:
        """One whole answer, at most a page. `headers`, `body`, `statuses` and `is_safe` as for `open`.

        Raises:
            CutShort: the connection ended and nothing had been said.
            and as the class says.
        """
        limits = self.limits
        how: dict[str, Any] = {"accept": accept, "headers": headers, "body": body, "statuses": statuses}
        how |= {"is_safe": is_safe}
        until, most = time.monotonic() + limits.page_seconds, limits.page_bytes
        with self.open(method, url, keep_going=keep_going, until=until, most=most, **how) as answer:
            reply = HttpReply(answer.status, answer.headers, answer.whole(most))
            if not reply.body and not answer.is_framed and answer.status != 204 and statuses is not None:
                raise CutShort("it stopped before it said anything")
            return reply

    @contextmanager
    def open(
        self,
        method: str,
        url: str,
        *,
        accept: str,
        keep_going: KeepGoing,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        statuses: Container[int] | None = SUCCESS,
        is_safe: bool | None = None,
        until: float | None = None,
        most: int | None = None,
    ) -> Iterator[HttpAnswer]:
        """An answer whose body is still to be read; the connection is dropped unless it was read to its end.

        Args:
            url: at the base, or one that `address` gave
            keep_going: as `AnswerBounds` asks it; not while we connect and send
            headers: beside those of the client, or in their place
            statuses: those that are answers; None: any is, for it says that what was sent has arrived
            is_safe: asking changes nothing at the server (RFC 9110 section 9.2.1); by default so for GET alone. Such a
                request is sent once more where a connection kept from an earlier answer turns out to be closed
            until: when the whole answer has to be here, by `time.monotonic`; else after `stream_seconds`
            most: bytes of the body; else `stream_bytes`

        Raises:
            TransferError: which of its kinds it is says `failures`.
        """
        limits = self.limits
        until = time.monotonic() + limits.stream_seconds if until is None else until
        most = limits.stream_bytes if most is None else most
        if time.monotonic() >= until:
            raise TooSlow("the time set for it is over")
        bounds = AnswerBounds(limits, keep_going, until)
        sent = self._headers | {"Accept": accept} | dict(headers or {})
        is_safe = method == "GET" if is_safe is None else is_safe
        response = self._shown(method, url, body, sent, bounds, keep_going, is_safe=is_safe)
        try:
            if statuses is not None:
                _check(response, statuses)
            if _length(response) > most:
                raise TooLarge("more than is taken from this server at once")
            bounds.begin_body()
            yield HttpAnswer(response, bounds, most)
        finally:
            response.close()  # read to its end, it has given its connection back already

    def _shown(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        bounds: AnswerBounds,
        keep_going: KeepGoing,
        *,
        is_safe: bool,
    ) -> urllib3.BaseHTTPResponse:
        """Sent with what is to be shown now. What is refused for it (401) was not acted on, and is sent once more."""
        if self._changing is None:
            return self._send(method, url, body, headers, bounds, is_safe=is_safe)
        shown = self._changing.header(keep_going)
        response = self._send(method, url, body, {**headers, "Authorization": shown}, bounds, is_safe=is_safe)
        if response.status != HTTPStatus.UNAUTHORIZED:
            return response
        response.close()
        self._changing.forget(shown)
        shown = self._changing.header(keep_going)
        return self._send(method, url, body, {**headers, "Authorization": shown}, bounds, is_safe=is_safe)

    def _send(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        bounds: AnswerBounds,
        *,
        is_safe: bool,
    ) -> urllib3.BaseHTTPResponse:
        at = urlsplit(url)
        target = f"{at.path or '/'}?{at.query}" if at.query else at.path or "/"
        self._asking.bounds = bounds
        cuts, kept = self._cuts, _KEPT if is_safe else 0
        while True:
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
            except (urllib3.exceptions.HTTPError, ConnectionLost) as error:
                failure = unanswered(error, was_sent=bounds.was_sent)
                # A server may close a kept connection at the moment we ask by it (RFC 9112 section 9.3.1).
                is_stale = isinstance(failure, ConnectionLost) and bounds.is_unheard_on_kept() and self._cuts == cuts
                if not kept or not is_stale:
                    raise failure from None
                kept -= 1


def _check(response: urllib3.BaseHTTPResponse, statuses: Container[int]) -> None:
    if response.status not in statuses:
        raise refusal(response.status, response.headers)
    codings = {each.strip() for each in response.headers.get("Content-Encoding", "").lower().split(",")}
    if not codings <= {"", "identity"}:
        raise Unexpected("compressed though we asked for it plain")


def _length(response: urllib3.BaseHTTPResponse) -> int:
    said = response.headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else 0


def _base(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("a base URL is http(s)://host[:port]/path")
    return parts


def _is_plain(url: str) -> bool:
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


# --- below urllib3 ----------------------------------------------------------------------------------------------------


class _Asking(threading.local):
    """The bounds of the request that a thread is making: urllib3 has no way to hand them to its connection."""

    #: of all threads
    connections: "WeakSet[_Connection]"
    bounds: AnswerBounds

    def __init__(self, connections: "WeakSet[_Connection]") -> None:
        """Called anew in each thread, with the same set."""
        self.connections = connections


class _Connection(HTTPConnection):
    """A connection whose answers come within the bounds of who asks."""

    def __init__(self, *args: Any, asking: _Asking, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asking = asking
        self._has_answered = False
        asking.connections.add(self)

    def connect(self) -> None:
        self._has_answered = False
        super().connect()

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._asking.bounds.begin_request(is_kept=self._has_answered and not self.is_closed)
        super().request(*args, **kwargs)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3 itself
        bounds = self._asking.bounds
        bounds.begin_head()
        self.response_class = partial(_response, bounds)  # type: ignore[assignment]
        response = super().getresponse()
        self._has_answered = True
        return response


class _SecureConnection(_Connection, HTTPSConnection):
    pass


def _response(bounds: AnswerBounds, connected: socket.socket, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
    return http.client.HTTPResponse(BoundedSocket(connected, bounds), *args, **kwargs)  # type: ignore[arg-type]


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _pool(
    at: SplitResult, limits: HttpLimits, tls: ssl.SSLContext | None, asking: _Asking
) -> urllib3.HTTPConnectionPool:
    assert at.hostname
    timeout = urllib3.Timeout(connect=limits.connect_seconds, read=limits.silence_seconds)
    if at.scheme == "https":
        return _SecurePool(at.hostname, at.port, timeout=timeout, maxsize=_KEPT, ssl_context=tls, asking=asking)
    return _Pool(at.hostname, at.port, timeout=timeout, maxsize=_KEPT, asking=asking)
