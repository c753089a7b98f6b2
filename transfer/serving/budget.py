"""How many connections a door holds, and who gives way when it is full.

Anybody may connect before anybody is known. So a full door turns nobody away: it cuts the connection that has the least
claim. Who has shown who it is never gives way to who has not. Of those who have not, the address with the most
connections loses its oldest. Of one institution's, the one unused for longest goes. What is being answered is not cut.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

log = logging.getLogger("transfer.serving.budget")

#: a network that one sender holds whole: addresses of IPv6 are given out by it (RFC 6177)
_IPV6_PREFIX = 64
#: seconds between two lines on what was cut
_SAID_EVERY_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Connections open at once at one kind of door."""

    #: of all who have not shown who they are
    unknown: int = 256
    #: of these, of one address (IPv6: of one /64)
    unknown_per_address: int = 64
    #: of all who have
    known: int = 512
    #: of these, of one institution or sender
    known_per_owner: int = 96
    #: of one proxy of ours, idle or with a request whose caller it has not said yet
    per_proxy: int = 256
    #: bytes on disk of messages that have begun to arrive
    spooled_bytes: int = 512 << 20


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy of ours, as the owner of a connection on which nobody calls at the moment."""

    host: str


class CountedConnection:
    """One connection as its budget counts it, from before its first byte until it is closed.

    `host` is the address it comes from, as its proxy says where one is trusted. `is_busy` is true while it is being
    answered. `abort` is called when it has to give way.
    """

    def __init__(self, budget: "ConnectionBudget", host: str) -> None:
        self._budget = budget
        self.host = host
        self.network = network_of(host)
        self.owner: Hashable | None = None
        self.abort: Callable[[], None] = lambda: None
        self.is_busy = False
        self.is_gone = False
        self.spooled = 0

    def comes_from(self, host: str) -> bool:
        """It is counted as of this address, and of nobody known. False: there is no room: it is not counted."""
        return self._budget.count_at(self, host)

    def is_of(self, owner: Hashable) -> bool:
        """It has shown whose it is: counted so, as the one used last. False: its owner has too many that are busy. Then
        it is counted as before.
        """
        return self._budget.count(self, owner)

    def spools(self, size: int) -> None:
        """So many bytes of a message of it lie on disk now. Somebody gives way where that is too much, perhaps it."""
        self._budget.spool(self, size)

    def is_closed(self) -> None:
        """It counts no more. Saying so again does nothing."""
        self._budget.remove(self)


class ConnectionBudget:
    """Counts the connections of one kind of door. For one event loop. `door` names it in the log."""

    def __init__(self, door: str, limits: ConnectionLimits) -> None:
        self._door = door
        self._limits = limits
        #: each group from the one that has waited or rested longest to the newest
        self._unknown: dict[str, dict[CountedConnection, None]] = {}
        self._known: dict[Hashable, dict[CountedConnection, None]] = {}
        self._count: Counter[bool] = Counter()
        self._spooled = 0
        self._cut, self._said = 0, -_SAID_EVERY_SECONDS

    def __len__(self) -> int:
        return self._count.total()

    def count(self, connection: CountedConnection, owner: Hashable | None = None) -> bool:
        """Count it as its owner's, or without one as its address's; the one counted last. Counting again moves it.

        False: all who could give way are busy, or it is closed. A connection that was not counted is not counted then.
        """
        if connection.is_gone:
            return False
        if owner is not None and connection.owner == owner:
            group = self._known[owner]
            group[connection] = group.pop(connection)
            return True
        if not self._has_room(connection, owner):
            return False
        self._leave(connection)
        connection.owner = owner
        self._group(connection)[connection] = None
        self._count[owner is not None] += 1
        return True

    def count_at(self, connection: CountedConnection, host: str) -> bool:
        """As `CountedConnection.comes_from`."""
        self._leave(connection)
        connection.host, connection.network, connection.owner = host, network_of(host), None
        return self.count(connection)

    def remove(self, connection: CountedConnection) -> None:
        """It is closed. Removing one that is not counted does nothing."""
        self.spool(connection, 0)
        self._leave(connection)
        connection.owner, connection.is_gone = None, True

    def spool(self, connection: CountedConnection, size: int) -> None:
        """As `CountedConnection.spools`: who holds the most on disk gives way, counted by address."""
        self._spooled += size - connection.spooled
        connection.spooled = size
        while size and self._spooled > self._limits.spooled_bytes and connection.spooled:
            held: Counter[str] = Counter()
            counted = [each for pool in (self._unknown, self._known) for group in pool.values() for each in group]
            holders = [each for each in counted if each is connection or not each.is_busy]
            for each in holders:
                held[each.network] += each.spooled
            most = held.most_common(1)[0][0]
            self._cut_off(max((each for each in holders if each.network == most), key=lambda each: each.spooled))

    def make_room(self) -> None:
        """The process has no more files to open: somebody unknown gives way."""
        self._cut_one(self._unknown_oldest_of_most())

    def _has_room(self, connection: CountedConnection, owner: Hashable | None) -> bool:
        limits = self._limits
        if owner is None:
            group = self._unknown.get(connection.network, {})
            return (
                len(group) < limits.unknown_per_address or self._cut_one(_first_idle(group, sparing=connection))
            ) and (self._count[False] < limits.unknown or self._cut_one(self._unknown_oldest_of_most()))
        own = self._known.get(owner, {})
        most = limits.per_proxy if isinstance(owner, Proxy) else limits.known_per_owner
        return (len(own) < most or self._cut_one(_of_most_addresses(own))) and (
            self._count[True] < limits.known or self._cut_one(self._known_of_most())
        )

    def _unknown_oldest_of_most(self) -> CountedConnection | None:
        for group in sorted(self._unknown.values(), key=len, reverse=True):
            if found := _first_idle(group):
                return found
        return None

    def _known_of_most(self) -> CountedConnection | None:
        for group in sorted(self._known.values(), key=len, reverse=True):
            if found := _of_most_addresses(group):
                return found
        return None

    def _cut_one(self, connection: CountedConnection | None) -> bool:
        if connection is not None:
            self._cut_off(connection)
        return connection is not None

    def _cut_off(self, connection: CountedConnection) -> None:
        self.remove(connection)
        connection.abort()
        self._cut += 1
        now = time.monotonic()
        if now - self._said >= _SAID_EVERY_SECONDS:
            log.warning("%s: the door is full; %d connections gave way to others", self._door, self._cut)
            self._cut, self._said = 0, now

    def _leave(self, connection: CountedConnection) -> None:
        group = self._group(connection)
        if connection in group:
            del group[connection]
            self._count[connection.owner is not None] -= 1
        if group:
            return
        if connection.owner is None:
            self._unknown.pop(connection.network, None)
        else:
            self._known.pop(connection.owner, None)

    def _group(self, connection: CountedConnection) -> dict[CountedConnection, None]:
        if connection.owner is None:
            return self._unknown.setdefault(connection.network, {})
        return self._known.setdefault(connection.owner, {})


def network_of(host: str) -> str:
    """What one sender holds of addresses: an IPv4 address, an IPv6 /64. What is no address stands for itself."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address)


def _first_idle(
    group: dict[CountedConnection, None], sparing: CountedConnection | None = None
) -> CountedConnection | None:
    return next((each for each in group if not each.is_busy and each is not sparing), None)


def _of_most_addresses(group: dict[CountedConnection, None]) -> CountedConnection | None:
    """Of one owner's, the one unused for longest of the address with the most."""
    each_network = Counter(each.network for each in group)
    idle = [each for each in group if not each.is_busy]
    return max(idle, key=lambda each: each_network[each.network], default=None)
