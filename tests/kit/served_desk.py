"""The desk's application behind its own server, in a thread, at an address of loopback: for a browser."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from transfer.flow.services import Services
from transfer.pages.address import Address
from transfer.pages.app import application
from transfer.serving.http import server


@contextmanager
def a_served_desk(services: Services) -> Iterator[Address]:
    """Its address, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = Address(f"http://127.0.0.1:{port}")
    with serving(server(application(services, address), "127.0.0.1", port, grace=1)):
        yield address


@contextmanager
def serving(served: uvicorn.Server) -> Iterator[None]:
    """It answers until the block ends."""
    thread = threading.Thread(target=lambda: asyncio.run(served.serve()))
    thread.start()
    try:
        end = time.monotonic() + 30
        while not served.started:
            assert time.monotonic() < end and thread.is_alive(), "it does not listen"
            time.sleep(0.02)
        yield
    finally:
        served.should_exit = True
        thread.join()
