"""A server that sends whatever bytes a script gives, to whoever asks anything: what no HTTP library would send."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

#: what is sent, piece by piece, until it ends or the caller leaves
Script = Callable[[], Iterator[bytes]]


@contextmanager
def a_raw_server(script: Script, *, hangs_up: bool = False) -> Iterator[str]:
    """Its base URL. `hangs_up`: a connection is kept after its answer, and closed as soon as more is asked by it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stopped = threading.Event()
        threading.Thread(target=_serve, args=(listening, script, stopped, hangs_up), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/base"
        finally:
            stopped.set()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)


def _serve(listening: socket.socket, script: Script, stopped: threading.Event, hangs_up: bool) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection, script, stopped, hangs_up), daemon=True).start()


def _answer(connection: socket.socket, script: Script, stopped: threading.Event, hangs_up: bool) -> None:
    with connection, suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asked = b""
        while b"\r\n\r\n" not in asked:
            if not (piece := connection.recv(65536)):
                return
            asked += piece
        for piece in script():
            if stopped.is_set():
                return
            connection.sendall(piece)
        if hangs_up:
            connection.recv(1)  # the rest is unread, so the caller's system may hear a reset


def slowly(*before: bytes, again: bytes, pause: float = 0.1) -> Script:
    """What comes before at once, then the same piece for ever, one each `pause` seconds."""

    def script() -> Iterator[bytes]:
        yield from before
        while True:
            time.sleep(pause)
            yield again

    return script


def endlessly(*before: bytes, again: bytes) -> Script:
    """The same as fast as it is taken."""
    return slowly(*before, again=again, pause=0)


def once(*pieces: bytes) -> Script:
    return lambda: iter(pieces)
