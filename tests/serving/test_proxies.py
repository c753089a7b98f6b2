"""Which address a caller has, as proxies of ours say it."""

import asyncio
import socket
import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.errors import Unreadable
from transfer.serving.proxies import TrustedProxies, read_header

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
PROXIES = TrustedProxies(["192.0.2.9", "10.0.0.0/8", "2001:db8:9::/48"])


def version_2(rest: bytes, *, command: int = 0x21, family: int = 0x11) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(rest)) + rest


IPV4 = socket.inet_aton("198.51.100.7") + socket.inet_aton("192.0.2.1") + b"\x01\x02\x03\x04"
IPV6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + bytes(16) + b"\x01\x02\x03\x04"


def read(sent: bytes) -> tuple[str | None, bytes]:
    """What it says, and what is left for who reads after it."""

    async def run() -> tuple[str | None, bytes]:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(0)
            theirs.sendall(sent)
            theirs.shutdown(socket.SHUT_WR)
            said = await read_header(ours)
            return said, await asyncio.get_running_loop().sock_recv(ours, 65536)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"PROXY TCP4 198.51.100.7 192.0.2.1 56324 443\r\n", "198.51.100.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n", "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", None),
        (version_2(IPV4), "198.51.100.7"),
        (version_2(IPV4 + b"\x04\x00\x01x"), "198.51.100.7"),
        (version_2(IPV6, family=0x21), "2001:db8::7"),
        (version_2(b"", command=0x20, family=0), None),
        (version_2(bytes(216), family=0x31), None),
    ],
)
def test_a_header_is_read_and_not_a_byte_of_what_follows(header: bytes, said: str | None):
    assert read(header + b"\x0bMSH|") == (said, b"\x0bMSH|")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"PROXY TCP4",
        b"\x0bMSH|^~\\&|LIS|LAB\r",
        b"GET / HTTP/1.1\r\n\r\n",
        b"PROXY TCP4 198.51.100.7 192.0.2.1 56324\r\n",
        b"PROXY TCP4 somebody 192.0.2.1 56324 443\r\n",
        b"PROXY TCP9 198.51.100.7 192.0.2.1 56324 443\r\n",
        b"PROXY " + b"x" * 200,
        version_2(IPV4, command=0x11),
        version_2(IPV4, command=0x22),
        version_2(IPV4)[:20],
        SIGNATURE + b"\x21\x11\xff\xff" + bytes(65535),
    ],
)
def test_what_is_no_header_is_refused(sent: bytes):
    with pytest.raises(Unreadable):
        read(sent)


@given(st.binary(max_size=200))
def test_whatever_comes_is_read_as_an_address_or_refused(sent: bytes):
    for header in (sent, b"PROXY " + sent, b"PROXY TCP4 " + sent + b"\r\n", SIGNATURE + sent):
        try:
            said, left = read(header)
        except Unreadable:
            continue
        assert said is None or said == str(ip_address(said))
        assert header.endswith(left)
        assert header[: len(header) - len(left)].startswith((b"PROXY ", SIGNATURE))


@pytest.mark.parametrize(
    ("forwarded", "caller"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["203.0.113.1, 198.51.100.7"], "198.51.100.7"),
        (["203.0.113.1", "198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7, 10.1.2.3"], "198.51.100.7"),
        (["198.51.100.7:4711"], "198.51.100.7"),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["::ffff:198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7, unknown"], "192.0.2.9"),
        (["10.1.2.3"], "192.0.2.9"),
        ([""], "192.0.2.9"),
        ([], "192.0.2.9"),
    ],
)
def test_the_caller_is_the_last_who_is_no_proxy_of_ours(forwarded: list[str], caller: str):
    """What stands before it was written by the caller itself."""
    assert PROXIES.caller("192.0.2.9", forwarded) == caller


def test_nobody_but_the_named_is_a_proxy():
    assert [host in PROXIES for host in ("192.0.2.9", "::ffff:192.0.2.9", "10.255.0.1", "2001:db8:9::1")] == [True] * 4
    assert [host in PROXIES for host in ("192.0.2.8", "11.0.0.1", "2001:db8:8::1", "proxy", "")] == [False] * 5


def test_a_proxy_named_by_name_is_where_its_name_leads():
    async def run() -> bool:
        proxies = TrustedProxies(["localhost", "there-is-no-such-host.invalid"])
        asking = asyncio.create_task(proxies.resolve())
        while "127.0.0.1" not in proxies and not asking.done():
            await asyncio.sleep(0.01)
        asking.cancel()
        return "127.0.0.2" in proxies

    assert asyncio.run(run()) is False


@pytest.mark.parametrize("named", ["10.0.0.0/33", "10.0.0.1/8", "2001:db8::/200"])
def test_a_network_that_is_none_is_refused(named: str):
    with pytest.raises(ValueError, match=r"network|bits|prefix|mask"):
        TrustedProxies([named])
