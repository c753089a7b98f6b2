"""Serving the HTTP app by uvicorn, with what it leaves to us: bounds on slow heads, and a hand on the transport."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: seconds a caller may take for its request line and headers
HEAD_SECONDS = 15
#: what the kernel may hold of a response beyond our recall
SEND_BUFFER = 128 << 10


class WatchedProtocol(HttpToolsProtocol):
    """One connection. A request finds its transport in `scope["extensions"]`, so that a watcher can abort it."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if raw := transport.get_extra_info("socket"):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._start_head_timer()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {"transfer.transport": {"transport": self.transport}}

    def on_headers_complete(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._head_timer:
            self._head_timer.cancel()
        super().connection_lost(exc)

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)


def transport_of(scope: Scope) -> asyncio.Transport | None:
    """The transport beneath a request."""
    found: asyncio.Transport | None = (scope.get("extensions") or {}).get("transfer.transport", {}).get("transport")
    return found


def certificate_of(scope: Scope) -> bytes | None:
    """The certificate (DER) that the caller showed in the handshake, which has verified it."""
    transport = transport_of(scope)
    secured: ssl.SSLObject | None = transport.get_extra_info("ssl_object") if transport else None
    return secured.getpeercert(binary_form=True) if secured else None


class _Server(uvicorn.Server):
    """Leaves signals to who serves: it would end the process by the signal once its own door is closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """In place of uvicorn's, which its `serve` enters."""
        yield


def server(app: ASGIApp, host: str, port: int, tls: ssl.SSLContext | None = None, *, grace: int = 10) -> uvicorn.Server:
    """A server that logs no request: its lines would carry what callers put into paths.

    What else it logs goes the way of every library's lines (`transfer.logs`). It serves until `should_exit` is set.
    Then it finishes what is under way, for `grace` seconds at the most.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=WatchedProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        limit_concurrency=256,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=grace,
        # what a caller says of itself in such headers is not believed
        proxy_headers=False,
        ssl_context_factory=(lambda _config, _default: tls) if tls else None,
    )
    return _Server(config)
