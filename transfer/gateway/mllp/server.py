"""The listening ports: each one institution's, or several's whose messages are told apart by MSH-3 and MSH-4."""

import asyncio
import ssl
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from transfer.doors import MllpDoor
from transfer.gateway.mllp.connection import Connection
from transfer.gateway.mllp.limits import MllpLimits
from transfer.gateway.mllp.messages import MessageStore
from transfer.gateway.mllp.port import Facility, MllpPort
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution
from transfer.serving.budget import ConnectionBudget
from transfer.serving.listening import Entrance, Listener
from transfer.serving.proxies import TrustedProxies

#: between two looks at what is still under way
_LOOK_SECONDS = 0.05


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
        proxies: who is believed which address a sender has, where `has_proxy_header`.

    Who may send for several at a port is one sender, and has a sender's share of the connections.
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
        proxies: TrustedProxies | None = None,
        has_proxy_header: bool = False,
    ) -> None:
        self._doors = dict(doors)
        self._message_store = message_store
        self._host = host
        self._limits = limits or MllpLimits()
        self._entrance = Entrance(
            budget=ConnectionBudget("mllp", self._limits.connections),
            tls=ssl_context,
            proxies=proxies or TrustedProxies(),
            has_proxy_header=has_proxy_header,
        )
        self._certificates = certificates or {}
        self._now = now
        self._listening: dict[InstitutionId, Listener] = {}
        self._connections: set[Connection] = set()
        self._timer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen at every port.

        Raises:
            OSError: a port is taken, or the address is not ours; then none is open.
        """
        try:
            for facilities in self._ports():
                listening = self._listen(facilities)
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

    def _listen(self, facilities: tuple[Facility, ...]) -> Listener:
        port = MllpPort(facilities=facilities, message_store=self._message_store, limits=self._limits, now=self._now)
        listener = Listener(
            self._entrance,
            self._host,
            facilities[0].door.port,
            lambda counted: Connection(port, counted, self._connections),
        )
        listener.open()
        return listener

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

    async def _check_deadlines(self) -> None:
        """One timer for all: a timer per message would cost more than the message's acknowledgement."""
        shortest = min(self._limits.frame_seconds, self._limits.idle_seconds)
        while True:
            await asyncio.sleep(min(1.0, shortest / 4))
            for connection in tuple(self._connections):
                connection.check_deadline()
