"""The object store: OpenStack Swift behind S3, as one process of ours."""

import json
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import urllib3

from transfer.embedded import ports, private
from transfer.embedded.process import Handle, inherited, spawn, stop
from transfer.errors import Unavailable

#: the group of a tempauth user, made an S3 access key by its colon
_ACCOUNT = "transfer"
_ESCALATION = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


class Store:
    """One store in `folder`. Its port is chosen once, at the first start, unless it is given."""

    def __init__(self, folder: Path, port: int | None = None, log: Path | None = None) -> None:
        self.folder = folder.absolute()
        self.log = log or self.folder / "store.log"
        self._wanted_port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._known()['port']}"

    @property
    def access_key(self) -> str:
        return self._known()["access_key"]

    @property
    def secret_key(self) -> str:
        return self._known()["secret_key"]

    @property
    def pid(self) -> int | None:
        handle = self._handle()
        return handle.pid if handle else None

    def is_running(self) -> bool:
        return self._handle() is not None

    def start(self) -> None:
        """Run it. One that runs already is kept as it is.

        Raises:
            Unavailable: it did not come up; the message names the log.
        """
        if not self.is_running():
            self.begin()
        self.await_ready()

    def begin(self) -> subprocess.Popen[bytes]:
        """Start it without waiting for it."""
        private.folder(self.folder / "data")
        known = self._known()
        configuration = {**known, "port": int(known["port"]), "folder": str(self.folder / "data")}
        private.write(self.folder / "server.json", json.dumps(configuration))
        command = [sys.executable, "-m", "transfer.embedded.swift_server", str(self.folder / "server.json")]
        self._process = spawn(
            command, log=self.log, environment=inherited(), folder=self.folder, dies_with_us=signal.SIGTERM
        )
        if handle := Handle.of(self._process.pid):
            private.write(self.folder / "process.json", json.dumps(handle.as_dict()))
        return self._process

    def await_ready(self, seconds: float = 30.0) -> None:
        """Raises `Unavailable` where it ended, or does not answer in time."""
        deadline = time.monotonic() + seconds
        while not self.answers():
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise Unavailable(f"the object store does not come up; see {self.log}")
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            answer = urllib3.request("GET", f"{self.endpoint}/healthcheck", retries=False, timeout=2.0, redirect=False)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == 200

    def stop(self) -> None:
        """Stop it and wait. Stopping what does not run does nothing."""
        if handle := self._handle():
            stop(handle, _ESCALATION)
        if self._process:
            self._process.wait(5)
            self._process = None
        (self.folder / "process.json").unlink(missing_ok=True)

    def _handle(self) -> Handle | None:
        handle = Handle.read(self.folder / "process.json")
        return handle if handle and handle.is_alive else None

    def _known(self) -> dict[str, str]:
        """Keys and port. The hash suffix is part of where every object lies on the disk, so it is kept with them."""
        known = private.kept(self.folder / "store.json", self._draw)
        return {**known, "port": str(self._wanted_port)} if self._wanted_port else known

    def _draw(self) -> dict[str, str]:
        private.folder(self.folder)
        return {
            "access_key": f"{_ACCOUNT}:{secrets.token_hex(8)}",
            "secret_key": secrets.token_hex(24),
            "hash_suffix": secrets.token_hex(8),
            "port": str(self._wanted_port or ports.free(["store"])["store"]),
        }
