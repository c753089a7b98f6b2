"""A crowd that shows no token: `python -m tests.campaigns.hostile.crowd HTTP MLLP SECONDS TLS ADDRESS...`, by itself.

TLS is the file of the doors' authority, or `-` where they speak plain text. Then some also do what TLS alone allows.

It is a process of its own, so that whoever measures beside it is not slowed by its own attack. Each of its callers goes
on until it is cut, and comes again. At the end it prints how often each kind connected.
"""

# ruff: noqa: T201 - it prints what it did

import asyncio
import json
import ssl
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice

from tests.campaigns.hostile.honest import a_report
from tests.kit.peers.certificates import client_hello

Attack = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

#: between two bytes of a caller that only wants to stay
_NOW_AND_THEN = 2.0
#: until one that was cut comes again
_AGAIN = 0.05


async def _again_and_again(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes, pause: float = 0.0
) -> None:
    """Until it is cut: a stream of TLS takes what is written to it also when nothing carries it any more."""
    while not (writer.is_closing() or reader.at_eof()):
        writer.write(said)
        await writer.drain()
        await asyncio.sleep(pause)


async def _dribbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(_NOW_AND_THEN)
    await _again_and_again(reader, writer, b"a", _NOW_AND_THEN)


async def after_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A whole request, and then a byte whenever the connection might be closed."""
    writer.write(b"GET /packets/x/packet.tar HTTP/1.1\r\nHost: x\r\n\r\nG")
    await reader.readuntil(b"\r\n\r\n")
    await _dribbles(reader, writer)


async def in_the_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"POST /fhir HTTP/1.1\r\nHost: x\r\nX-A: ")
    await _dribbles(reader, writer)


async def in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"POST /fhir HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n{")
    await _again_and_again(reader, writer, b" " * 65536, 0.01)


async def a_head_without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    await _again_and_again(reader, writer, b"X-A: " + b"a" * 65000 + b"\r\n")


async def one_header_without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ")
    await _again_and_again(reader, writer, b"a" * 65536)


async def ahead_of_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _again_and_again(reader, writer, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 4000)


async def says_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def half_a_frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x0b" + a_report("HALF00"))
    await _dribbles(reader, writer)


async def half_a_long_frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x0b" + a_report("HALF00") + b"OBX|2|TX|X||" + b"a" * (8 << 20))
    await _dribbles(reader, writer)


async def half_a_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """It says hello, reads the certificate, and says nothing more."""
    writer.write(client_hello())
    while await reader.read(65536):
        pass


async def a_slow_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in client_hello():
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(_NOW_AND_THEN / 4)


async def a_hello_without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Records of a handshake message that is said to have sixteen megabytes."""
    writer.write(b"\x16\x03\x01\x40\x00" + b"\x01\xff\xff\xff" + bytes(0x4000 - 4))
    await _again_and_again(reader, writer, b"\x16\x03\x01\x40\x00" + bytes(0x4000))


async def no_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.read(1)


async def one_handshake_after_another(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Whole, and over at once: it costs the server more than who asks."""
    await asyncio.sleep(0)


async def alerts_without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Warnings and empty records before any handshake, which a server may read for ever."""
    writer.write(client_hello())
    await _again_and_again(reader, writer, b"\x15\x03\x03\x00\x02\x01\x5a" * 2000)


#: what TLS alone allows, at either port: without a handshake of asyncio's, and with one
BEFORE_TLS: dict[Attack, int] = {
    half_a_handshake: 64,
    a_slow_hello: 64,
    a_hello_without_end: 6,
    no_handshake: 16,
    alerts_without_end: 4,
}
OF_TLS: dict[Attack, int] = {one_handshake_after_another: 8}
AT_HTTP: dict[Attack, int] = {
    after_an_answer: 255,
    in_the_head: 64,
    in_the_body: 16,
    a_head_without_end: 6,
    one_header_without_end: 6,
    ahead_of_answers: 4,
    says_nothing: 64,
}
AT_MLLP: dict[Attack, int] = {half_a_frame: 255, half_a_long_frame: 8, says_nothing: 32}


@dataclass(frozen=True)
class Crowd:
    """At which doors, from where, and by which authority these are known; None: they speak plain text."""

    http: int
    mllp: int
    authority: str | None
    addresses: list[str]

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self.authority) if self.authority else None

    def attacks(self) -> list[tuple[int, Attack, bool]]:
        """Port, what is done there, and whether it is done in TLS: each once for every caller."""
        by_port = {self.http: AT_HTTP, self.mllp: AT_MLLP}
        found = [(port, one, bool(self.authority)) for port, attacks in by_port.items() for one in _each(attacks)]
        for port in by_port if self.authority else ():
            found += [(port, one, False) for one in _each(BEFORE_TLS)]
            found += [(port, one, True) for one in _each(OF_TLS)]
        return found


def _each(attacks: dict[Attack, int]) -> list[Attack]:
    return [one for one, callers in attacks.items() for _ in range(callers)]


async def _goes_on(port: int, address: str, attack: Attack, made: Counter[str], tls: ssl.SSLContext | None) -> None:
    name = "localhost" if tls else None
    while True:
        with suppress(OSError, EOFError, asyncio.LimitOverrunError):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(address, 0), ssl=tls, server_hostname=name
            )
            made[attack.__name__] += 1
            try:
                await attack(reader, writer)
            finally:
                writer.transport.abort()
        await asyncio.sleep(_AGAIN)


async def crowd(come: Crowd, seconds: float) -> Counter[str]:
    """Attack both ports at once; how often each kind connected."""
    made: Counter[str] = Counter()
    attacks = come.attacks()
    callers = [
        asyncio.create_task(_goes_on(port, address, attack, made, come.tls if is_tls else None))
        for (port, attack, is_tls), address in zip(attacks, islice(cycle(come.addresses), len(attacks)), strict=True)
    ]
    await asyncio.sleep(seconds)
    for each in callers:
        each.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    return made


if __name__ == "__main__":
    _, http, mllp, seconds, authority, *addresses = sys.argv
    come = Crowd(int(http), int(mllp), None if authority == "-" else authority, addresses)
    print(json.dumps(asyncio.run(crowd(come, float(seconds)))))
