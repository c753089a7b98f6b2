"""Chromium without a window: opens a page as a receiver's clerk does, behind a proxy that counts whom it asks."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.kit.peers import installed
from transfer.embedded.process import inherited

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-default-apps",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
)
#: whom the browser asks on its own account, whatever page it shows; the proxy gives it nothing
_ERRANDS = ("clients2.google.com", "update.googleapis.com", "accounts.google.com")


@dataclass(frozen=True, slots=True)
class Opened:
    """A page as the browser has it, and the first line of each request for it."""

    dom: str
    asked: list[str] = field(default_factory=list)


def opened(page: Path) -> Opened:
    """Open a file, wait until it is quiet, and end."""
    program = installed.program("chromium")
    # Its own, new, and with a short path: it makes a socket in there.
    with TemporaryDirectory(prefix="rt-") as folder, _a_proxy() as (port, asked):
        done = subprocess.run(
            [
                str(program),
                *FLAGS,
                f"--user-data-dir={folder}/profile",
                f"--proxy-server=http://127.0.0.1:{port}",
                "--proxy-bypass-list=<-loopback>",
                "--virtual-time-budget=2000",
                "--dump-dom",
                page.as_uri(),
            ],
            env=inherited(HOME=folder, TMPDIR=folder, XDG_CONFIG_HOME=f"{folder}/config"),
            capture_output=True,
            timeout=90,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return Opened(done.stdout.decode(), [line for line in asked if not any(host in line for host in _ERRANDS)])


@contextmanager
def _a_proxy() -> Iterator[tuple[int, list[str]]]:
    """Takes every request, writes down its first line and gives nothing."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    wire, _ = server.accept()
                except OSError:
                    return
                with wire:
                    wire.settimeout(5)
                    asked.append(wire.recv(4096).split(b"\r\n")[0].decode(errors="replace"))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], asked
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)
