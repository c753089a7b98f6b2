"""Questions between the servers of the embedded store, asked within their one process.

Swift asks its account, container and object servers by HTTP, over a connection of its own for each question. Here they
are in the same process: each is a call of the server, as WSGI has it (PEP 3333), in a green thread of its own, so that
a timeout stays with whoever asks. Bytes of an object are handed over as they were received, piece by piece.

Swift also looks up for each question which methods may be asked, by trying every attribute of what answers it. That is
a matter of its class, and looked up once.
"""

import inspect
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import quote

import eventlet
from eventlet.event import Event
from eventlet.queue import LightQueue
from swift.common.bufferedhttp import http_connect
from swift.container import server as container_server
from swift.obj import server as object_server
from swift.proxy.controllers import base as proxy_base
from swift.proxy.controllers import obj as proxy_object

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: what asks by the name that it imported
_ASKING: Final = (proxy_base, proxy_object, object_server, container_server)
#: names of headers that WSGI has without its prefix
_PLAIN: Final = ("CONTENT_TYPE", "CONTENT_LENGTH")


class _Answer:
    """What Swift reads of an `http.client.HTTPResponse`."""

    def __init__(self, status: str, headers: list[tuple[str, str]], body: Iterable[bytes]) -> None:
        number, _, self.reason = status.partition(" ")
        self.status = int(number)
        self._headers = headers
        self._by_name = {name.lower(): value for name, value in headers}
        self._body, self._pieces, self._held = body, iter(body), b""

    def getheaders(self) -> list[tuple[str, str]]:
        return self._headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        return self._by_name.get(name.lower(), default)

    def read(self, amount: int | None = None) -> bytes:
        if amount is None:
            held, self._held = self._held, b""
            return held + b"".join(self._pieces)
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._held = piece
        given, self._held = self._held[:amount], self._held[amount:]
        return given

    def close(self) -> None:
        if close := getattr(self._body, "close", None):
            close()

    nuke_from_orbit = close


class _Question:
    """What Swift calls of an `http.client.HTTPConnection`."""

    def __init__(self, app: WsgiApp, environ: dict[str, Any]) -> None:
        self._app, self._environ, self._sent = app, environ, b""

    def send(self, data: bytes) -> None:
        self._sent += data

    def getresponse(self) -> _Answer:
        self._environ["wsgi.input"] = io.BytesIO(self._sent)
        answer: _Answer = eventlet.spawn(_called, self._app, self._environ).wait()
        return answer

    def close(self) -> None:
        pass


class _Continue:
    """What Swift reads of an interim answer (RFC 9110 15.2.1): the bytes are wanted."""

    status: Final = 100
    reason: Final = "Continue"


class _Incoming:
    """An object's bytes on their way from the proxy to the object server, one piece at a time."""

    def __init__(self) -> None:
        #: they are read, or an answer came without
        self.is_asked = Event()
        self._pieces = LightQueue(1)
        self.is_over = False

    def put(self, piece: bytes | memoryview) -> None:
        """Waits while the piece before is not taken. An empty one is the end.

        Raises:
            OSError: nobody takes them any more.
        """
        self._check()
        self._pieces.put(piece)
        if piece:  # who has taken the end may have answered and left before this goes on
            self._check()

    def read(self, length: int) -> bytes | memoryview:
        """A piece; nothing at the end.

        Raises:
            OSError: the end did not come.
        """
        self._ask()
        self._check()
        piece: bytes | memoryview = self._pieces.get()
        self._check()
        if len(piece) > length:  # both take as much at once (`_INNER_CONFIGURATION`)
            raise OSError("a piece larger than is read")
        return piece

    def end(self, *_: object) -> None:
        """One side has left: whoever waits on the other is told. Twice is once."""
        self.is_over = True
        self._ask()
        if self._pieces.getting():
            self._pieces.put(b"")
        elif self._pieces.full():
            self._pieces.get()

    def _ask(self) -> None:
        if not self.is_asked.ready():
            self.is_asked.send()

    def _check(self) -> None:
        if self.is_over:
            raise OSError("the other side has left")


class _Upload:
    """What Swift calls of an `http.client.HTTPConnection` by which it sends an object."""

    def __init__(self, app: WsgiApp, environ: dict[str, Any]) -> None:
        self._is_framed = "HTTP_TRANSFER_ENCODING" in environ
        self._incoming = environ["wsgi.input"] = _Incoming()
        self._answer = eventlet.spawn(_called, app, environ)
        self._answer.link(self._incoming.end)

    def getexpect(self) -> "_Answer | _Continue":
        """Once it is known whether the bytes are wanted. Whoever stops waiting has left."""
        try:
            self._incoming.is_asked.wait()
        except BaseException:
            self.close()
            raise
        return self.getresponse() if self._incoming.is_over else _Continue()

    def send(self, data: bytes) -> None:
        # its sender frames a piece of an object whose length is not known (RFC 9112 7.1)
        self._incoming.put(memoryview(data)[data.index(b"\n") + 1 : -2] if self._is_framed else data)

    def getresponse(self) -> _Answer:
        answer: _Answer = self._answer.wait()
        return answer

    def close(self) -> None:
        self._incoming.end()


def _called(app: WsgiApp, environ: dict[str, Any]) -> _Answer:
    said: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], _error: object = None) -> None:
        said[:] = [status, headers]

    body = app(environ, start)
    pieces: Iterator[bytes] = iter(body)
    # an answer may begin with its first bytes only
    first = b"" if said else next(pieces, b"")
    return _Answer(said[0], said[1], _Body(first, pieces, body) if first else body)


class _Body:
    def __init__(self, first: bytes, rest: Iterator[bytes], of: object) -> None:
        self._first, self._rest = first, rest
        self.close = getattr(of, "close", lambda: None)

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        yield from self._rest


def connect(apps: Mapping[int, WsgiApp]) -> None:
    """From now on these servers, by their ports, are asked within the process. Twice is once."""

    def asked(
        ip: str,
        port: int | str,
        device: str,
        partition: int | str,
        method: str,
        path: str,
        headers: Mapping[str, Any] | None = None,
        query_string: str | None = None,
        ssl: bool = False,
    ) -> Any:
        app = apps.get(int(port))
        # several ranges in one answer are read line by line
        if app is None or ssl or "," in str((headers or {}).get("Range", "")):
            return http_connect(ip, port, device, partition, method, path, headers, query_string, ssl)
        whole = f"/{device}/{partition}{path if isinstance(path, str) else path.decode()}"
        connection = _Upload if "Expect" in (headers or {}) else _Question
        return connection(app, _environ(method, whole, headers or {}, query_string, int(port)))

    for module in _ASKING:
        module.http_connect = asked
    proxy_base.Controller.allowed_methods = property(_allowed)
    proxy_base.Controller.private_methods = property(_private)


def _allowed(controller: Any) -> set[str]:
    if controller._allowed_methods is None:
        # each its own: an account's takes from it
        controller._allowed_methods = set(_marked(controller.__class__, "publicly_accessible"))
    return controller._allowed_methods  # type: ignore[no-any-return]


def _private(controller: Any) -> set[str]:
    return set(_marked(controller.__class__, "privately_accessible"))


@cache
def _marked(kind: type, mark: str) -> frozenset[str]:
    return frozenset(name for name, method in inspect.getmembers(kind, inspect.isfunction) if hasattr(method, mark))


def _environ(method: str, path: str, headers: Mapping[str, Any], query_string: str | None, port: int) -> dict[str, Any]:
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode().decode("latin-1"),
        "RAW_PATH_INFO": quote(path),
        "QUERY_STRING": query_string or "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        known = name.upper().replace("-", "_")
        environ[known if known in _PLAIN else f"HTTP_{known}"] = str(value)
    return environ
