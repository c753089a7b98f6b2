"""A hostile peer: an HTTP server of bare sockets that says exactly what a script tells it, framed or not.

It shares no code with the product. A second one beside it stands for what none of our requests may reach.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field

#: of a request's path with its query, and its method; gives the wire's bytes, piece by piece
Script = Callable[[str, str], Iterator[bytes]]


@dataclass
class Peer:
    port: int
    script: Script
    #: how many connections came
    visits: int = 0
    #: Authorization headers that were shown
    shown: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, line: socket.socket) -> None:
        with closing(line), suppress(OSError):
            line.settimeout(30)
            head = b""
            while b"\r\n\r\n" not in head and (more := line.recv(65536)):
                head += more
            head, _, body = head.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            said = [int(each.partition(":")[2]) for each in lines if each.lower().startswith("content-length:")]
            while len(body) < sum(said) and (more := line.recv(65536)):  # left unread it would end the answer early
                body += more
            self.shown |= {each for each in lines if each.lower().startswith("authorization:")}
            method, path, *_ = (*lines[0].split(" "), "", "")
            for piece in self.script(method, path):
                line.sendall(piece)
            with suppress(OSError):
                line.shutdown(socket.SHUT_WR)


def answer(body: bytes, content_type: str, *, status: str = "200 OK", length: int | None = None, **more: str) -> bytes:
    """An answer with a length, which may be a lie."""
    headers = {"Content-Type": content_type, "Content-Length": str(len(body) if length is None else length)}
    headers |= {"Connection": "close"} | {name.replace("_", "-"): value for name, value in more.items()}
    return f"HTTP/1.1 {status}\r\n".encode() + b"".join(
        f"{name}: {value}\r\n".encode() for name, value in headers.items()
    ) + b"\r\n" + body  # fmt: skip


def begun(content_type: str, *headers: str) -> bytes:
    """The head of an answer whose body has no length; its end is the connection's."""
    lines = ["HTTP/1.1 200 OK", f"Content-Type: {content_type}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode()


@contextmanager
def a_peer(script: Script) -> Iterator[Peer]:
    """It listens on loopback, by IPv6 at the same port; `peer.script` may be changed between requests."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as stack:
        port = listening.getsockname()[1]
        peer, over, at = Peer(port, script), threading.Event(), [listening]
        with suppress(OSError):  # a machine without IPv6, where nothing can stray to it
            at.append(stack.enter_context(socket.create_server(("::1", port), family=socket.AF_INET6)))

        def accept(door: socket.socket) -> None:
            while not over.is_set():
                with suppress(OSError):
                    line, _ = door.accept()
                    peer.visits += 1
                    threading.Thread(target=peer.serve, args=(line,), daemon=True).start()

        for door in at:
            threading.Thread(target=accept, args=(door,), daemon=True).start()
        try:
            yield peer
        finally:
            over.set()
            for door in at:
                with suppress(OSError):
                    door.shutdown(socket.SHUT_RDWR)
