"""How a process of ours is, told on a port of its own that the world does not reach.

`GET /live`: 200, the process works; nobody else is asked. `GET /ready`: 200 where all it needs answers, else 503 with
the names of what is away, or `stopping`. Names of our own services only, never a word of theirs. `GET /metrics`: what
the process counts (`transfer.metrics`). `POST`: what the process does when it is asked there, if anything.
"""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

log = logging.getLogger("transfer.health")

#: whether one thing answers. It may block, and may raise: then it does not
HealthCheck = Callable[[], bool]
#: what is scraped, as OpenMetrics. It answers within seconds, and may raise
Scrape = Callable[[], bytes]

#: what a process does for whoever posts to this path: a status and what is said, as JSON. It may block, and may raise
OnPost = Callable[[str], tuple[int, object]]

#: processes of ours → the setting that says where they tell how they are; the embedded ones have a port each
PROCESSES: Final = {
    "gateway": "TRANSFER_GATEWAY_HEALTH",
    "dispatcher": "TRANSFER_DISPATCHER_HEALTH",
    "desk": "TRANSFER_DESK_HEALTH",
}

#: of OpenMetrics 1.0, in which `Scrape` answers
METRICS_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
#: what is said of a process that takes nothing more
STOPPING: Final = "stopping"

#: seconds all checks together may take; what has not answered then is away
MAX_CHECK_SECONDS: Final = 2.0
#: seconds an answer is given again
CACHE_SECONDS: Final = 1.0
#: seconds in which a caller may be silent
_CALLER_SECONDS: Final = 5.0
#: callers at once; where there are more, the one who came first is hung up on
_CALLERS: Final = 16


class Readiness:
    """Whether everything answers that this process needs. Safe to ask from any thread, as often as one likes."""

    def __init__(self, checks: Mapping[str, HealthCheck]) -> None:
        self._checks = [_Watched(name, check) for name, check in checks.items()]
        self._one_at_a_time = threading.Lock()
        self._away: tuple[str, ...] = ()
        self._asked_at: float | None = None
        self._is_stopping = False

    def away(self) -> tuple[str, ...]:
        """The names of what does not answer, in the order of the checks; nothing where all is well.

        It takes no longer than `MAX_CHECK_SECONDS`. A check that hangs is not begun again until it has come back.
        """
        if self._is_stopping:
            return (STOPPING,)
        with self._one_at_a_time:
            if self._asked_at is None or time.monotonic() - self._asked_at >= CACHE_SECONDS:
                self._ask()
        return self._away

    def stop(self) -> None:
        """From now on: not ready, because it stops."""
        self._is_stopping = True

    def _ask(self) -> None:
        deadline = time.monotonic() + MAX_CHECK_SECONDS
        for each in self._checks:
            each.begin()
        away = tuple(each.name for each in self._checks if not each.is_well(deadline))
        if away != self._away:
            log.log(logging.WARNING if away else logging.INFO, "ready: %s", f"no, {', '.join(away)}" if away else "yes")
        self._away, self._asked_at = away, time.monotonic()


class _Watched:
    """One check, in a thread of its own while it is asked."""

    def __init__(self, name: str, check: HealthCheck) -> None:
        self.name = name
        self._check = check
        self._ended = threading.Event()
        self._ended.set()
        self._is_well = False

    def begin(self) -> None:
        if not self._ended.is_set():
            return
        self._ended.clear()
        threading.Thread(target=self._run, name=f"check-{self.name}", daemon=True).start()

    def is_well(self, deadline: float) -> bool:
        return self._ended.wait(max(0.0, deadline - time.monotonic())) and self._is_well

    def _run(self) -> None:
        try:
            self._is_well = self._check()
        except Exception:  # noqa: BLE001 - whatever it is, the thing does not answer; its text is not ours to repeat
            self._is_well = False
        finally:
            self._ended.set()


def address_of(process: str, names: Mapping[str, str]) -> str | None:
    """Host and port at which one of `PROCESSES` tells how it is, by these settings; None: none of them says."""
    setting = PROCESSES[process]
    port = names.get(f"{setting}_PORT")
    return names.get(setting) or (f"127.0.0.1:{port}" if port else None)


@contextmanager
def served(
    address: tuple[str, int] | None,
    readiness: Readiness,
    *,
    is_live: HealthCheck = lambda: True,
    metrics: Scrape | None = None,
    posted: OnPost | None = None,
) -> Iterator[None]:
    """Answer on this host and port for the length of the block; without an address nothing listens.

    `is_live`: the part of the process that does the work still moves. It asks nobody outside. `metrics`: what is
    scraped; without it there is no `/metrics`. `posted`: what is done for whoever posts; without it nothing is.

    Raises:
        OSError: the port is taken, or the address is not ours.
    """
    if address is None:
        yield
        return
    try:
        server = _Server(address, readiness, is_live, metrics, posted)
    except OSError as error:
        log.critical("port %d of TRANSFER_HEALTH cannot be listened at: %s", address[1], os.strerror(error.errno or 0))
        raise
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    #: it waits for nobody who still asks
    block_on_close = False

    def __init__(
        self,
        address: tuple[str, int],
        readiness: Readiness,
        is_live: HealthCheck,
        metrics: Scrape | None,
        posted: OnPost | None,
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.readiness, self.is_live, self.metrics, self.posted = readiness, is_live, metrics, posted
        #: who is being answered, in the order they came
        self._callers: dict[socket.socket, None] = {}
        self._callers_lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """A full port answers whoever asks next: else silent callers would make a process that is well look dead."""
        assert isinstance(request, socket.socket)
        with self._callers_lock:
            self._callers[request] = None
            if len(self._callers) > _CALLERS:
                first = next(iter(self._callers))
                del self._callers[first]
                with suppress(OSError):
                    first.shutdown(socket.SHUT_RDWR)  # its own thread, which is reading, closes it
        super().process_request(request, client_address)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            assert isinstance(request, socket.socket)
            with self._callers_lock:
                self._callers.pop(request, None)

    def handle_error(self, request: object, client_address: object) -> None:
        """In place of `socketserver`'s, which prints a traceback: whoever hung up reads no answer."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _CALLER_SECONDS

    def do_GET(self) -> None:
        if self.path == "/live":
            is_live = self.server.is_live()
            self._answer(200 if is_live else 503, {"status": "ok" if is_live else "stuck"})
        elif self.path == "/ready":
            away = self.server.readiness.away()
            self._answer(503 if away else 200, {"status": "unavailable", "away": away} if away else {"status": "ok"})
        elif self.path == "/metrics" and self.server.metrics is not None:
            self._scraped(self.server.metrics)
        else:
            self._answer(404, {"status": "unknown"})

    def do_POST(self) -> None:
        """What stands in its body is not read. A browser on this machine would ask for any page that it shows."""
        if "Origin" in self.headers or "Sec-Fetch-Site" in self.headers:
            self._answer(403, {"status": "refused"})
            return
        if self.server.posted is None:
            self._answer(404, {"status": "unknown"})
            return
        try:
            status, said = self.server.posted(self.path)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is said here, and its text is not ours to repeat
            log.error("posted: %s", type(error).__name__)
            status, said = 503, {"status": "unavailable"}
        self._answer(status, said)

    def _scraped(self, metrics: Scrape) -> None:
        try:
            text = metrics()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is said here, and its text is not ours to repeat
            log.error("metrics: %s", type(error).__name__)
            self._answer(503, {"status": "unavailable"})
            return
        self._send(200, METRICS_TYPE, text)

    def _answer(self, status: int, body: object) -> None:
        self._send(status, "application/json", json.dumps(body).encode() + b"\n")

    def _send(self, status: int, content_type: str, text: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """No request is logged."""
