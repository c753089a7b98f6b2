"""A crowd that shows no token: `python -m tests.campaigns.hostile.crowd HTTP MLLP SECONDS ADDRESS...`, by itself.

It is a process of its own, so that whoever measures beside it is not slowed by its own attack. Each of its callers goes
on until it is cut, and comes again. At the end it prints how often each kind connected.
"""

# ruff: noqa: T201 - it prints what it did

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import cycle

from tests.campaigns.hostile.honest import a_report

Attack = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

#: between two bytes of a caller that only wants to stay
_NOW_AND_THEN = 2.0
#: until one that was cut comes again
_AGAIN = 0.05


async def _dribbles(writer: asyncio.StreamWriter) -> None:
    while True:
        await asyncio.sleep(_NOW_AND_THEN)
        writer.write(b"a")
        await writer.drain()


async def after_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A whole request, and then a byte whenever the connection might be closed."""
    writer.write(b"GET /packets/x/packet.tar HTTP/1.1\r\nHost: x\r\n\r\nG")
    await reader.readuntil(b"\r\n\r\n")
    await _dribbles(writer)


async def in_the_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"POST /fhir HTTP/1.1\r\nHost: x\r\nX-A: ")
    await _dribbles(writer)


async def in_the_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"POST /fhir HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n{")
    while True:
        writer.write(b" " * 65536)
        await writer.drain()
        await asyncio.sleep(0.01)


async def a_head_without_end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    while True:
        writer.write(b"X-A: " + b"a" * 65000 + b"\r\n")
        await writer.drain()


async def one_header_without_end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ")
    while True:
        writer.write(b"a" * 65536)
        await writer.drain()


async def ahead_of_answers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 4000)
        await writer.drain()


async def says_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def half_a_frame(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x0b" + a_report("HALF00"))
    await _dribbles(writer)


async def half_a_long_frame(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x0b" + a_report("HALF00") + b"OBX|2|TX|X||" + b"a" * (8 << 20))
    await _dribbles(writer)


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


async def _goes_on(port: int, address: str, attack: Attack, made: Counter[str]) -> None:
    while True:
        with suppress(OSError, EOFError, asyncio.LimitOverrunError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
            made[attack.__name__] += 1
            try:
                await attack(reader, writer)
            finally:
                writer.transport.abort()
        await asyncio.sleep(_AGAIN)


async def crowd(http: int, mllp: int, seconds: float, addresses: list[str]) -> Counter[str]:
    """Attack both ports at once; how often each kind connected."""
    made: Counter[str] = Counter()
    after_each_other = cycle(addresses)
    callers = [
        asyncio.create_task(_goes_on(port, next(after_each_other), attack, made))
        for port, attacks in ((http, AT_HTTP), (mllp, AT_MLLP))
        for attack, callers in attacks.items()
        for _ in range(callers)
    ]
    await asyncio.sleep(seconds)
    for each in callers:
        each.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    return made


if __name__ == "__main__":
    _, http, mllp, seconds, *addresses = sys.argv
    print(json.dumps(asyncio.run(crowd(int(http), int(mllp), float(seconds), addresses))))
