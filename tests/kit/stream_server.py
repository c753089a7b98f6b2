"""A server in a thread of its own that answers each connection by a coroutine."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def a_stream_server(answer: Answer, port: int, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """It listens at this port of loopback until the block ends. Gives the port."""
    started, ends = threading.Event(), list[tuple[asyncio.AbstractEventLoop, asyncio.Event]]()

    async def serve() -> None:
        end = asyncio.Event()
        ends.append((asyncio.get_running_loop(), end))
        listening = await asyncio.start_server(answer, "127.0.0.1", port, ssl=tls, family=socket.AF_INET)
        started.set()
        await end.wait()
        listening.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(10), "it does not listen"
    try:
        yield port
    finally:
        loop, end = ends[0]
        loop.call_soon_threadsafe(end.set)
        thread.join()
