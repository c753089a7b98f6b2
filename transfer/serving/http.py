"""Serving the HTTP app by uvicorn, with what it leaves to us: bounds on whoever is not known, a hand on the transport.

Bounds on one connection: its head in size and time, requests ahead of their answers, and its life after an answer. A
caller whom nobody knows gets one answer. How many connections there may be says `transfer.serving.budget`.
"""

import asyncio
import signal
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from transfer.health import HealthCheck, Readiness
from transfer.serving.budget import ConnectionBudget, ConnectionLimits, CountedConnection, Proxy, network_of
from transfer.serving.counting import CountedAnswers, door_of
from transfer.serving.listening import Entrance, Listener
from transfer.serving.proxies import TrustedProxies

#: seconds a caller may take for its request line and headers, the handshake of TLS apart
HEAD_SECONDS = 15
#: of request line and headers, of trailers, and of whatever stands between the bytes of a body
MAX_HEAD_BYTES = 16 << 10
#: requests that may wait for the answer to one before them (RFC 9112, section 9.3.2)
MAX_PIPELINED = 8
#: seconds after an answer in which a known caller may begin its next request
KEEP_ALIVE_SECONDS = 15
#: seconds in which a caller may read an answer that ends its connection, while what it still sends goes nowhere
LINGER_SECONDS = 2.0
#: seconds in which a caller has to read some of what is left of an answer after its end was written: by TLS that may be
#: half a megabyte, and a slow line takes long for it
FLUSH_SECONDS = 60
#: seconds the other side may take to end TLS once it has read all
TLS_END_SECONDS = 2.0
#: seconds after which asyncio gives up an end of TLS by itself, whatever is unread: we are sooner
_TLS_GIVEN_UP_SECONDS = 3600.0
#: seconds in which the event loop comes round to a question, else it is stuck
LOOP_SECONDS = 3.0
#: what the kernel may hold of a response beyond our recall
SEND_BUFFER = 128 << 10

_EXTENSION: Final = "transfer.connection"
_STATUS: Final = {400: b"HTTP/1.1 400 Bad Request\r\n", 431: b"HTTP/1.1 431 Request Header Fields Too Large\r\n"}


@dataclass(frozen=True, slots=True)
class _Carrying:
    """What carries a request."""

    transport: asyncio.Transport
    counted: CountedConnection


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A request finds what carries it in `scope["extensions"]`."""

    def __init__(self, *, counted: CountedConnection, proxies: TrustedProxies, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._counted = counted
        self._proxies = proxies
        self._proxy = counted.owner if isinstance(counted.owner, Proxy) else None
        self._deadline: asyncio.TimerHandle | None = None
        #: while an answer waits for its reader
        self._stuck: asyncio.TimerHandle | None = None
        #: bytes since the parser last came to the end of a head or to bytes of a body
        self._unfinished = 0
        self._head_bytes = 0
        self._status = 400
        self._is_refused = False

    # called by the event loop

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._counted.abort = transport.abort
        if raw := transport.get_extra_info("socket"):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if certificate := _demanded_certificate(transport):
            self._counted.is_of(certificate)
        self._end_within(HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._status = 431
            self.send_400_response("")

    def eof_received(self) -> None:
        super().eof_received()
        if self._is_refused:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_within(None)
        self._counted.is_closed()
        super().connection_lost(exc)
        self.resume_writing()
        if self.pipeline:
            # Requests that are never answered hold the connection and it holds them: a circle, which Python frees late.
            self.pipeline.clear()
            self.cycle = None  # type: ignore[assignment]  # as uvicorn begins

    def pause_writing(self) -> None:
        """An answer under way, or the one after it, waits until some of what was written is read."""
        super().pause_writing()
        if self._stuck is None:
            self._end_where_stuck(None)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    # called by the parser

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many requests ahead of their answers")
        is_next = self.cycle is not None and self.cycle.response_complete
        super().on_message_begin()
        self._head_bytes = 0
        self.scope["extensions"] = {_EXTENSION: {"carrying": _Carrying(self.transport, self._counted)}}
        if is_next:
            self._end_within(HEAD_SECONDS)

    def on_url(self, url: bytes) -> None:
        self._add_to_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._add_to_head(len(name) + len(value) + len(": \r\n"))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._unfinished = 0
        self._end_within(None)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished = 0
        super().on_message_complete()

    def _add_to_head(self, size: int) -> None:
        """Headers and trailers alike: trailers come to the same callback."""
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self._status = 431
            raise ValueError("a head over its bound")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - its words are not ours
        """Answer what is no request, or is too large, and take nothing more. An answer under way comes to its end."""
        self._is_refused = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            return
        self.transport.write(_STATUS[self._status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self._end_within(LINGER_SECONDS)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    # called by uvicorn

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._proxy is not None:
            forwarded = (
                value.decode("latin-1") for name, value in cycle.scope["headers"] if name == b"x-forwarded-for"
            )
            caller = self._proxies.caller(self._proxy.host, forwarded)
            if not self._counted.comes_from(caller):
                app = service_unavailable
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        self._counted.is_busy = False
        has_next = bool(self.pipeline)
        if self._proxy is not None and not self._counted.is_of(self._proxy):
            self.transport.close()
        super().on_response_complete()
        if self.transport.is_closing():
            self._end_once_read(TLS_END_SECONDS if _is_tls(self.transport) else FLUSH_SECONDS)
        elif not has_next:
            self._end_once_read(KEEP_ALIVE_SECONDS)

    def timeout_keep_alive_handler(self) -> None:
        if not _unread(self.transport):  # an end of TLS would cut what is left
            super().timeout_keep_alive_handler()

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            self._end_once_read(TLS_END_SECONDS)

    def _end_within(self, seconds: float | None) -> None:
        """The connection is cut then, unless another bound is set. None: none."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)

    def _end_once_read(self, seconds: float, before: int | None = None) -> None:
        """The connection is cut then, unless another bound is set; where some of an answer is unread, once that does
        not move.
        """
        unread = _unread(self.transport)
        if before is not None and unread >= before:
            self.transport.abort()
            return
        self._end_within(None)
        wait_seconds = FLUSH_SECONDS if unread else seconds
        self._deadline = self.loop.call_later(wait_seconds, self._end_once_read, seconds, unread)

    def _end_where_stuck(self, before: int | None) -> None:
        """The connection is cut where nothing more was read since the last look: whoever writes waits without end."""
        unread = _unread(self.transport)
        if before is not None and unread >= before:
            self.transport.abort()
            return
        self._stuck = self.loop.call_later(FLUSH_SECONDS, self._end_where_stuck, unread)


class OneAnswer:
    """An ASGI application around another: whom nobody knows gets one answer, and so does who has not sent all of its
    request. The answer can be read while the rest of the request goes nowhere, and then the connection ends.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        counted = _counted(scope)
        is_whole, is_last = _has_no_body(scope), False

        async def received() -> Message:
            nonlocal is_whole
            message = await receive()
            is_whole = is_whole or not message.get("more_body", False)
            return message

        async def sent(message: Message) -> None:
            nonlocal is_last
            if message["type"] == "http.response.start":
                is_last = not is_whole or (counted is not None and counted.owner is None)
                if is_last:
                    message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            elif is_last and not is_whole and not message.get("more_body", False):
                await send({**message, "more_body": True})
                message = {"type": "http.response.body", "body": b"", "more_body": False}
                with suppress(TimeoutError):
                    async with asyncio.timeout(LINGER_SECONDS):
                        while not is_whole:
                            await received()
            await send(message)

        await self._app(scope, received, sent)


def _has_no_body(scope: Scope) -> bool:
    framing = [value for name, value in scope["headers"] if name in (b"content-length", b"transfer-encoding")]
    return framing in ([], [b"0"])


def _carrying(scope: Scope) -> _Carrying | None:
    found: _Carrying | None = (scope.get("extensions") or {}).get(_EXTENSION, {}).get("carrying")
    return found


def _counted(scope: Scope) -> CountedConnection | None:
    carrying = _carrying(scope)
    return carrying.counted if carrying else None


def is_of(scope: Scope, owner: Hashable) -> bool:
    """Whoever sent this request has shown that it is of this institution, and its connection counts so until the answer
    is written. False: the institution has too many requests under way.
    """
    counted = _counted(scope)
    if counted is None:
        return True
    is_counted = counted.is_of(owner)
    counted.is_busy = is_counted
    return is_counted


def transport_of(scope: Scope) -> asyncio.Transport | None:
    """The transport beneath a request, so that a watcher can abort it."""
    carrying = _carrying(scope)
    return carrying.transport if carrying else None


def network_of_caller(scope: Scope) -> str:
    """Where a request comes from, as its proxy says where one is trusted: an IPv4 address, an IPv6 /64."""
    counted = _counted(scope)
    return counted.network if counted else network_of((scope.get("client") or ("",))[0])


def certificate_of(scope: Scope) -> bytes | None:
    """The certificate (DER) that the caller showed in the handshake, which has verified it."""
    transport = transport_of(scope)
    secured: ssl.SSLObject | None = transport.get_extra_info("ssl_object") if transport else None
    return secured.getpeercert(binary_form=True) if secured else None


def _is_tls(transport: asyncio.Transport) -> bool:
    return transport.get_extra_info("ssl_object") is not None


def _unread(transport: asyncio.Transport) -> int:
    """Bytes that were written, and that the kernel has not taken. What speaks TLS has a transport beneath it, of which
    asyncio tells nothing.
    """
    beneath = getattr(getattr(transport, "_ssl_protocol", None), "_transport", None)
    return transport.get_write_buffer_size() + (beneath.get_write_buffer_size() if beneath else 0)


def _demanded_certificate(transport: asyncio.Transport) -> bytes | None:
    """The certificate (DER) shown where nobody is let in without one: then it says who calls."""
    secured: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if secured is None or secured.context.verify_mode is not ssl.CERT_REQUIRED:
        return None
    return secured.getpeercert(binary_form=True)


def asked_to_stop() -> asyncio.Event:
    """Set at the first SIGTERM or SIGINT. To be called where the loop runs."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def serve_until(
    stop: asyncio.Event, http: uvicorn.Server, readiness: Readiness, *others: Callable[[], Awaitable[None]]
) -> None:
    """Serve until asked to stop, or until the server ends. Then be ready no more, close all doors at once, `others`
    beside it, and finish what is under way behind each.
    """
    serving, stopping = asyncio.create_task(http.serve()), asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    readiness.stop()
    http.should_exit = True
    await asyncio.gather(serving, *(close() for close in others))


def turning(loop: asyncio.AbstractEventLoop) -> HealthCheck:
    """Whether the event loop still comes round; to be asked from another thread."""

    def ask() -> bool:
        turned = threading.Event()
        loop.call_soon_threadsafe(turned.set)
        return turned.wait(LOOP_SECONDS)

    return ask


class _Server(uvicorn.Server):
    """Listens by a `Listener`, and leaves signals to who serves: uvicorn would end the process by the signal once its
    own door is closed.
    """

    def __init__(self, config: uvicorn.Config, entrance: Entrance) -> None:
        super().__init__(config)
        self._entrance = entrance

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's. Raises: OSError: the port is taken, or the address is not ours."""
        listener = Listener(self._entrance, self.config.host, self.config.port, self._speaker)
        listener.open()
        await super().startup(sockets=sockets or [])
        # uvicorn closes these when it ends, and waits for them
        self.servers = [listener]  # type: ignore[list-item]

    def _speaker(self, counted: CountedConnection) -> asyncio.Protocol:
        return BoundedProtocol(
            counted=counted,
            proxies=self._entrance.proxies,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """In place of uvicorn's, which its `serve` enters."""
        yield


def server(
    app: ASGIApp,
    host: str,
    port: int,
    tls: ssl.SSLContext | None = None,
    *,
    grace: int = 10,
    limits: ConnectionLimits | None = None,
    proxies: TrustedProxies | None = None,
    has_proxy_header: bool = False,
    door: Callable[[str], str] = door_of,
) -> uvicorn.Server:
    """A server that logs no request: its lines would carry what callers put into paths.

    What else it logs goes the way of every library's lines (`transfer.logs`). It serves until `should_exit` is set.
    Then it finishes what is under way, for `grace` seconds at the most. Who is named among `proxies` is believed which
    address a caller has: by a PROXY header where `has_proxy_header`, and by `X-Forwarded-For`. Answers are
    counted as those of the `door` that a path leads to.
    """
    entrance = Entrance(
        budget=ConnectionBudget("http", limits or ConnectionLimits()),
        tls=tls,
        tls_end_seconds=_TLS_GIVEN_UP_SECONDS,
        proxies=proxies or TrustedProxies(),
        has_proxy_header=has_proxy_header,
    )
    config = uvicorn.Config(
        OneAnswer(CountedAnswers(app, door)),
        host=host,
        port=port,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace,
        # what a caller says of itself in such headers is not believed
        proxy_headers=False,
    )
    return _Server(config, entrance)
