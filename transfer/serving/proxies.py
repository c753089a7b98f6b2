"""Proxies of ours before the doors: who they are, and which address they say a caller comes from.

Nobody else is believed. A named proxy tells it at the beginning of a connection (PROXY protocol, versions 1 and 2:
https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt), or with each request (`X-Forwarded-For`).
"""

import asyncio
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from transfer.errors import Unreadable

#: between two questions where a proxy is that is named by name
RESOLVE_SECONDS = 5.0

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
#: of a line of version 1, its end included
_MAX_LINE_BYTES = 107
#: of addresses and what else stands in a header of version 2; more is none of any use here
_MAX_REST_BYTES = 2048


class TrustedProxies:
    """The proxies that are believed: addresses, networks, or names that the machine's own resolver answers.

    Raises:
        ValueError: a network that is none.
    """

    def __init__(self, named: Iterable[str] = ()) -> None:
        self._networks = []
        self._names: dict[str, frozenset[str]] = {}
        for each in named:
            try:
                self._networks.append(ip_network(each))
            except ValueError:
                if "/" in each or ":" in each:
                    raise
                self._names[each] = frozenset()

    def __contains__(self, host: str) -> bool:
        address = _address(host)
        if address is None:
            return False
        return any(address in network for network in self._networks) or any(
            str(address) in found for found in self._names.values()
        )

    async def resolve(self) -> None:
        """Ask where the proxies are that are named by name, again and again; returns at once where none is.

        What a name led to before holds until there is another answer. An answer that there is no such name is one.
        """
        while self._names:
            for name in self._names:
                self._names[name] = await _resolved(name, self._names[name])
            await asyncio.sleep(RESOLVE_SECONDS)

    def caller(self, proxy: str, forwarded: Iterable[str]) -> str:
        """Who calls, where this proxy passed on these `X-Forwarded-For`, in order: the last who is no proxy of ours.

        What stands before that anybody may have written. The proxy itself, where nothing is said or what is said is no
        address.
        """
        named = [each.strip() for line in forwarded for each in line.split(",")]
        for each in reversed(named):
            address = _address(_without_port(each))
            if address is None:
                break
            if str(address) not in self:
                return str(address)
        return proxy


async def read_header(connection: socket.socket) -> str | None:
    """Read a PROXY header, and not a byte of what follows it. The address of the caller; None: the proxy speaks for
    itself (LOCAL, UNKNOWN), as for its own checks.

    Raises:
        Unreadable: it is no such header, or the connection ended.
        OSError: the connection broke.
    """
    beginning = await _exactly(connection, len(_SIGNATURE))
    if beginning == _SIGNATURE:
        return await _version_2(connection)
    if beginning.startswith(b"PROXY "):
        return _version_1(await _line(connection, beginning))
    raise Unreadable("no PROXY header")


async def _version_2(connection: socket.socket) -> str | None:
    version_and_command, family, length = struct.unpack("!BBH", await _exactly(connection, 4))
    if version_and_command >> 4 != 2 or length > _MAX_REST_BYTES:
        raise Unreadable("no PROXY header of version 2")
    rest = await _exactly(connection, length)
    command = version_and_command & 0xF
    if command == 0:
        return None
    if command != 1:
        raise Unreadable("a PROXY header with a command that there is not")
    if family >> 4 == 1 and length >= 12:
        return str(IPv4Address(rest[:4]))
    if family >> 4 == 2 and length >= 36:
        return str(_plain(IPv6Address(rest[:16])))
    return None


def _version_1(line: bytes) -> str | None:
    words = line.decode("ascii", "replace").split(" ")
    if words[1] == "UNKNOWN":
        return None
    address = _address(words[2]) if len(words) == 6 and words[1] in ("TCP4", "TCP6") else None
    if address is None:
        raise Unreadable("no PROXY header of version 1")
    return str(address)


async def _line(connection: socket.socket, beginning: bytes) -> bytes:
    """Byte by byte: what follows the line is another's to read."""
    line = bytearray(beginning)
    while not line.endswith(b"\r\n"):
        if len(line) >= _MAX_LINE_BYTES:
            raise Unreadable("no PROXY header of version 1")
        line += await _exactly(connection, 1)
    return bytes(line[:-2])


async def _exactly(connection: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        more = await asyncio.get_running_loop().sock_recv(connection, size - len(received))
        if not more:
            raise Unreadable("the connection ended within its PROXY header")
        received += more
    return bytes(received)


async def _resolved(name: str, before: frozenset[str]) -> frozenset[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            return frozenset()
        return before
    except OSError:
        return before
    return frozenset(str(address) for each in found if (address := _address(str(each[4][0]))))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return _plain(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def _without_port(text: str) -> str:
    """`192.0.2.1:4711`, `[2001:db8::1]:4711`, or an address alone."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
