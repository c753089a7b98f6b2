"""Institutions as the processes they are, and a gateway for them to talk to."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.kit import warm_start

CONTROL, ACCEPTS, SHOWS = "control-token", "accepted-token", "shown-token"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """One institution's process, and how a test speaks to it."""

    name: str
    config: dict[str, Any]
    process: subprocess.Popen[bytes]
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.config['port']}"

    @property
    def folder(self) -> Path:
        return Path(self.config["folder"])

    def control(self, action: str, body: object = None, method: str | None = None) -> Any:
        answer = self.pool.request(
            method or ("GET" if body is None else "POST"),
            f"{self.url}/_sandbox/{action}",
            body=None if body is None else json.dumps(body),
            headers={"Authorization": f"Bearer {CONTROL}"},
        )
        assert answer.status == 200, answer.data
        return answer.json()

    def ask(self, path: str, method: str = "GET", **options: Any) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Bearer {ACCEPTS}", **options.pop("headers", {})}
        url = path if path.startswith("http") else f"{self.url}{path}"
        return self.pool.request(method, url, headers=headers, redirect=False, **options)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=10)


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start an institution; all that were started are stopped at the end. `cold`: as a command line does."""
    started: list[Running] = []

    def _start(name: str, *, cold: bool = False, **changes: Any) -> Running:
        config = {
            "port": free_port(),
            "folder": str(tmp_path / name),
            "control_token": CONTROL,
            "accepts_token": ACCEPTS,
            "gateway_url": "http://127.0.0.1:9",
            "gateway_token": SHOWS,
            "gateway_mllp_port": 9,
            **changes,
        }
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(config))
        command = [sys.executable, "-m", "transfer.sandbox", name, "--config", str(path)]
        process = subprocess.Popen(command) if cold else warm_start.started(command)
        running = Running(name, config, process)
        started.append(running)
        _wait_until_up(running)
        return running

    yield _start
    for running in started:
        if running.process.poll() is None:
            os.kill(running.process.pid, signal.SIGKILL)
            running.process.wait()


def _wait_until_up(running: Running) -> None:
    until = time.monotonic() + 40
    while time.monotonic() < until:
        try:
            if running.pool.request("GET", f"{running.url}/_sandbox/health", timeout=2).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
    raise AssertionError(f"{running.name} did not start")


@dataclass
class Gateway:
    """What the institutions post to, and fetch packets from: records what it hears, answers as it is told."""

    port: int
    posted: list[tuple[str, str | None, Any]] = field(default_factory=list)
    packets: dict[str, bytes] = field(default_factory=dict)
    #: bytes after which a download breaks off, once each
    breaks: list[int] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    receipt_status: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    heard = Gateway(port=0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.posted.append((self.path, self.headers.get("Authorization"), json.loads(body)))
            status = heard.receipt_status.pop(0) if heard.receipt_status else 201
            self._answer(status, b"{}")

        def do_GET(self) -> None:
            whole = heard.packets.get(self.path)
            said = self.headers.get("Range")
            heard.ranges.append(said)
            if whole is None or self.headers.get("Authorization") != f"Bearer {SHOWS}":
                self._answer(403, b"")
                return
            first = int(said.removeprefix("bytes=").rstrip("-")) if said else 0
            part = whole[first:]
            cut = heard.breaks.pop(0) if heard.breaks else len(part)
            headers = {"Content-Range": f"bytes {first}-{len(whole) - 1}/{len(whole)}"} if said else {}
            self._answer(206 if said else 200, part[:cut], length=len(part), **headers)
            self.close_connection = cut < len(part)

        def _answer(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    heard.port = server.server_port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True).start()
    yield heard
    server.shutdown()
    server.server_close()


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Wait up to thirty seconds for something to come true."""

    def _eventually(check: Callable[[], Any]) -> Any:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if found := check():
                return found
            time.sleep(0.05)
        raise AssertionError("it did not come true")

    return _eventually
