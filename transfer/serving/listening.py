"""Listening at a port: a connection is counted before a byte of it is read, and before TLS."""

import asyncio
import errno
import logging
import os
import resource
import socket
import ssl
import traceback
from asyncio import sslproto
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from transfer.errors import Unreadable
from transfer.serving.budget import ConnectionBudget, CountedConnection, Proxy
from transfer.serving.proxies import TrustedProxies, read_header

log = logging.getLogger("transfer.serving.listening")

#: seconds from a connection's beginning until its proxy has said who it is, and TLS stands
HANDSHAKE_SECONDS = 10.0
#: connections that wait in the kernel until we come to them
_BACKLOG = 512
#: connections taken before others get their turn
_TAKEN_AT_ONCE = 32
#: seconds until we ask again, where the process or the machine has no files to open
_EXHAUSTED_SECONDS = 0.2
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
#: files this process wants to be able to open: the doors' connections, and a spool for each
_FILES = 8192
#: bytes that a connection of TLS reads at once: a quarter of its longest record (RFC 8446, 5.1). asyncio sets 256 KiB
#: aside for each before its first byte has come, so a crowd in its handshakes held 440 MB
_TLS_BUFFER: Final = 4 << 10

#: makes what speaks on a connection
Speaker = Callable[[CountedConnection], asyncio.Protocol]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """What the ports of one kind of door have in common."""

    budget: ConnectionBudget
    tls: ssl.SSLContext | None = None
    #: the other side may take to end TLS once we have said our last, though it has not read all of it
    tls_end_seconds: float = 2.0
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    #: those proxies begin each connection with a PROXY header
    has_proxy_header: bool = False


class Listener:
    """One port. Who speaks behind it tells its `CountedConnection` when it is closed."""

    def __init__(self, entrance: Entrance, host: str, port: int, speaker: Speaker) -> None:
        self._entrance = entrance
        self._host, self._port = host, port
        self._speaker = speaker
        self._listening: list[socket.socket] = []
        self._beginning: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Listen, in the running event loop.

        Raises:
            OSError: the port is taken, or the address is not ours.
        """
        if self._entrance.tls:
            sslproto.SSLProtocol.max_size = _TLS_BUFFER
        found = socket.getaddrinfo(self._host or None, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, address in dict.fromkeys((each[0], each[4]) for each in found):
                listening = socket.create_server(address, family=family, backlog=_BACKLOG)
                listening.settimeout(0)
                self._listening.append(listening)
        except OSError as error:
            log.critical("port %d cannot be listened at: %s", self._port, os.strerror(error.errno or 0))
            self.close()
            raise
        for each in self._listening:
            self._listen(each)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """What it listens at."""
        return tuple(self._listening)

    def close(self) -> None:
        """Take no more connections; those that are open stay. Closing twice does nothing more."""
        for each in self._listening:
            asyncio.get_running_loop().remove_reader(each)
            each.close()
        self._listening = []
        for task in self._beginning:
            task.cancel()

    async def wait_closed(self) -> None:
        """Until those that had only begun are gone. uvicorn waits so for each of its servers, of which this is one."""
        await asyncio.gather(*self._beginning, return_exceptions=True)

    def _listen(self, listening: socket.socket) -> None:
        if listening in self._listening:
            asyncio.get_running_loop().add_reader(listening, self._take, listening)

    def _take(self, listening: socket.socket) -> None:
        for _ in range(_TAKEN_AT_ONCE):
            try:
                accepted, peer = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                log.error("no more files can be opened: callers wait")
                self._entrance.budget.make_room()
                loop = asyncio.get_running_loop()
                loop.remove_reader(listening)
                loop.call_later(_EXHAUSTED_SECONDS, self._listen, listening)
                return
            self._begin(accepted, peer[0])

    def _begin(self, accepted: socket.socket, host: str) -> None:
        accepted.settimeout(0)
        connection = CountedConnection(self._entrance.budget, host)
        # Whoever comes by a proxy is counted once that has said where it comes from.
        is_counted = connection.is_of(Proxy(host)) if host in self._entrance.proxies else connection.comes_from(host)
        if not is_counted:
            accepted.close()
            return
        task = asyncio.get_running_loop().create_task(self._connect(connection, accepted))

        def give_up() -> None:
            # Its handshake fails of it. A task that is cancelled could leave the error of a handshake that just failed.
            with suppress(OSError):
                accepted.shutdown(socket.SHUT_RDWR)

        connection.abort = give_up
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    async def _connect(self, connection: CountedConnection, accepted: socket.socket) -> None:
        entrance, is_open = self._entrance, False
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                if entrance.has_proxy_header and connection.host in entrance.proxies:
                    said = await read_header(accepted)
                    if said is not None and said not in entrance.proxies and not connection.comes_from(said):
                        return
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: self._speaker(connection),
                    accepted,
                    ssl=entrance.tls,
                    ssl_shutdown_timeout=entrance.tls_end_seconds if entrance.tls else None,
                )
                is_open = True
        except (OSError, TimeoutError, Unreadable) as error:
            _forget(error)  # whoever it was never said a word of ours; `ssl.SSLError` is an `OSError`
        finally:
            if not is_open:
                connection.is_closed()
                accepted.close()


def _forget(error: BaseException | None) -> None:
    """Empty the frames that an error came through, its causes' too.

    They hold what speaks TLS, and that holds the error: a circle of 60 KB for each handshake that fails, which Python
    frees late.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def allow_many_files() -> None:
    """Let this process open as many files as its doors may need, or as many as it is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
