"""A key service of ours in a process of its own, and who may ask it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.kit.peers.certificates import Certificates, certificates
from transfer import probe
from transfer.adapters import key_places
from transfer.adapters.service_keys import ServiceKeys
from transfer.embedded import ports
from transfer.settings import Settings

ROOT = Path(__file__).parents[2]


@dataclass
class KeyService:
    """`folder` holds its keys, `copy` their copy if one is made; it serves from `start` to `kill`."""

    folder: Path
    known: Certificates
    port: int
    #: where it tells how it is
    health: int
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def log(self) -> Path:
        return self.folder / "service.log"

    def settings(self, name: str = "client", **more: str) -> Settings:
        """Of who asks it, showing this certificate."""
        names = {
            "TRANSFER_KEYS": self.url,
            "TRANSFER_KEYS_CERTIFICATE": str(self.known.folder / f"{name}.pem"),
            "TRANSFER_KEYS_KEY": str(self.known.folder / f"{name}.key"),
            "TRANSFER_KEYS_AUTHORITY": str(self.known.files["authority"]),
        }
        return Settings.load(names | more, self.folder / "asking")

    def client(self, name: str = "client", **more: str) -> ServiceKeys:
        return key_places.key_service(self.settings(name, **more), self.url)

    def start(self, *, begun: bool = True) -> "KeyService":
        """`begun`: with a site key, as `transfer keys begin` makes it."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TRANSFER_VAR": str(self.folder / "serving"),
            "TRANSFER_KEYS": str(self.keys),
            "TRANSFER_KEYS_COPY": str(self.folder / "copy"),
            "TRANSFER_KEYS_LISTEN": f"127.0.0.1:{self.port}",
            "TRANSFER_HEALTH": f"127.0.0.1:{self.health}",
            "TRANSFER_KEYS_CERTIFICATE": str(self.known.files["certificate"]),
            "TRANSFER_KEYS_KEY": str(self.known.files["key"]),
            "TRANSFER_KEYS_AUTHORITY": str(self.known.files["authority"]),
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "transfer.key_service"], env=environment, stdout=log, stderr=log
            )
        until = time.monotonic() + 300
        while not (ports.answers(self.port) and ports.answers(self.health)):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, "the key service does not answer"
            time.sleep(0.05)
        if begun:
            key_places.begin_keys(self.settings())
        return self

    def says(self, path: str) -> tuple[int, str]:
        """What it tells of itself."""
        return probe.ask(f"http://127.0.0.1:{self.health}/{path}")

    def kill(self) -> None:
        """SIGKILL. Killing it again does nothing."""
        if self.process:
            self.process.kill()
            self.process.wait(20)
            self.process = None


@contextmanager
def a_key_service(folder: Path, *, begun: bool = True) -> Iterator[KeyService]:
    """One that serves, with an authority of its own."""
    folder.mkdir(parents=True)
    drawn = ports.free(["keys", "health"])
    service = KeyService(folder, certificates(folder / "tls"), drawn["keys"], drawn["health"])
    try:
        yield service.start(begun=begun)
    finally:
        service.kill()
