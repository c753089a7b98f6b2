"""The listening ports: each one institution's, or several's whose messages are told apart by MSH-3 and MSH-4."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import cast

from transfer.doors import MllpDoor
from transfer.gateway.mllp.connection import Connection
from transfer.gateway.mllp.limits import MllpLimits
from transfer.gateway.mllp.messages import MessageStore
from transfer.gateway.mllp.port import Facility, MllpPort, MllpSender
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution

_BACKLOG = 128
#: between two looks at what is still under way
_LOOK_SECONDS = 0.05
_HANDSHAKE_SECONDS = 10.0


def doors(institutions: Mapping[str, Institution]) -> dict[InstitutionId, MllpDoor]:
    """The MLLP doors of those that have one."""
    return {
        InstitutionId(institution.id): institution.mllp_door
        for institution in institutions.values()
        if institution.mllp_door
    }


def certificates(institutions: Mapping[str, Institution]) -> dict[InstitutionId, frozenset[str]]:
    """By which client certificates each institution's messages may be sent."""
    return {InstitutionId(institution.id): institution.certificates_at_mllp for institution in institutions.values()}


def _utc() -> datetime:
    return datetime.now(UTC)


class MllpServer:
    """Serves all doors in the running event loop.

    Args:
        doors: the port of each institution; several may share one. Port 0 takes a free one for each (see `port`).
        host: the address to listen at. The default is loopback: other machines reach it only where told so.
        ssl_context: TLS for every port.
        certificates: SHA-256 of the client certificates of who may send for each institution. Where there are any, one
            must be shown; where there are none, none may be.
        now: UTC, for the time of acknowledgements (MSH-7).

    Who may send for several at a port is one sender, and has connections up to `connections_per_sender`.
    """

    def __init__(
        self,
        doors: Mapping[InstitutionId, MllpDoor],
        message_store: MessageStore,
        *,
        host: str = "127.0.0.1",
        limits: MllpLimits | None = None,
        ssl_context: ssl.SSLContext | None = None,
        certificates: Mapping[InstitutionId, frozenset[str]] | None = None,
        now: Callable[[], datetime] = _utc,
    ) -> None:
        self._doors = dict(doors)
        self._message_store = message_store
        self._host = host
        self._limits = limits or MllpLimits()
        self._ssl = ssl_context
        self._certificates = certificates or {}
        self._now = now
        self._listening: dict[InstitutionId, asyncio.Server] = {}
        self._connections: set[Connection] = set()
        self._per_sender: Counter[MllpSender] = Counter()
        self._timer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen at every port.

        Raises:
            OSError: a port is taken, or the address is not ours; then none is open.
        """
        try:
            for facilities in self._ports():
                listening = await self._listen(facilities)
                self._listening |= {each.institution: listening for each in facilities}
        except OSError:
            await self.close(grace=0)
            raise
        self._timer = asyncio.get_running_loop().create_task(self._check_deadlines())

    def _ports(self) -> list[tuple[Facility, ...]]:
        """Who shares a port with whom."""
        found: dict[Hashable, tuple[Facility, ...]] = {}
        for institution, door in self._doors.items():
            listed = self._certificates.get(institution, frozenset())
            one = Facility(institution=institution, door=door, certificates=listed)
            at = door.port or institution
            found[at] = (*found.get(at, ()), one)
        return list(found.values())

    async def _listen(self, facilities: tuple[Facility, ...]) -> asyncio.Server:
        port = MllpPort(
            facilities=facilities,
            message_store=self._message_store,
            limits=self._limits,
            now=self._now,
            connections=self,
        )
        return await asyncio.get_running_loop().create_server(
            lambda: Connection(port),
            self._host,
            facilities[0].door.port,
            ssl=self._ssl,
            backlog=_BACKLOG,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS if self._ssl else None,
        )

    async def close(self, grace: float = 10.0) -> None:
        """Take no more connections, and of those that are open the frame that has begun to arrive; answer it within
        `grace` seconds; close. Closing twice does nothing more.

        What was not answered then is stored or not. Its sender sends it again and is answered as the first time.
        """
        if self._timer is not None:
            self._timer.cancel()
            with suppress(asyncio.CancelledError):
                await self._timer
            self._timer = None
        for server in self._listening.values():
            server.close()
        self._listening = {}
        for connection in tuple(self._connections):
            connection.finish()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while any(connection.is_under_way for connection in self._connections):
                    await asyncio.sleep(_LOOK_SECONDS)
        for _ in range(2):  # a turn of the loop for closing, then for what did not
            await asyncio.sleep(0)
        for connection in tuple(self._connections):
            connection.abort()

    def port(self, institution: InstitutionId) -> int:
        """The port this institution's door really listens at."""
        number: int = self._listening[institution].sockets[0].getsockname()[1]
        return number

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def register(self, connection: Hashable, sender: MllpSender) -> bool:
        """As `ConnectionRegister.register`."""
        limits, of_sender = self._limits, self._per_sender[sender]
        if len(self._connections) >= limits.connections or of_sender >= limits.connections_per_sender:
            return False
        self._connections.add(cast(Connection, connection))
        self._per_sender[sender] += 1
        return True

    def unregister(self, connection: Hashable, sender: MllpSender) -> None:
        """As `ConnectionRegister.unregister`."""
        if connection in self._connections:
            self._connections.remove(connection)
            self._per_sender[sender] -= 1

    async def _check_deadlines(self) -> None:
        """One timer for all: a timer per message would cost more than the message's acknowledgement."""
        shortest = min(self._limits.frame_seconds, self._limits.idle_seconds)
        while True:
            await asyncio.sleep(min(1.0, shortest / 4))
            for connection in tuple(self._connections):
                connection.check_deadline()
