"""versitygw, an S3 gateway over a folder, with versions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.kit.peers import installed
from tests.kit.peers.certificates import Certificates
from tests.kit.peers.running import running, says_ok
from transfer.embedded import ports


@dataclass(frozen=True, slots=True)
class Versitygw:
    """Said in the words of `transfer.embedded.store.Store`, so that a test can take either."""

    endpoint: str
    access_key: str
    secret_key: str


@contextmanager
def a_versitygw(folder: Path, known: Certificates | None = None) -> Iterator[Versitygw]:
    """With `known` it speaks TLS, by a certificate of an authority that no machine trusts."""
    program = installed.installed("versitygw", "bin/versitygw")
    port = ports.free(["versitygw"])["versitygw"]
    for name in ("data", "versions", "users"):
        (folder / name).mkdir()
    address = f"https://localhost:{port}" if known else f"http://127.0.0.1:{port}"
    peer = Versitygw(address, "peer", "peer-secret")
    options: list[str | Path] = ["--port", f"127.0.0.1:{port}", "--iam-dir", folder / "users", "--health", "/health"]
    posix: list[str | Path] = [
        "--quiet",
        "--keep-alive",
        "posix",
        "--versioning-dir",
        folder / "versions",
        folder / "data",
    ]
    keys = {"ROOT_ACCESS_KEY": peer.access_key, "ROOT_SECRET_KEY": peer.secret_key}
    if known:
        options += ["--cert", known.files["certificate"], "--key", known.files["key"]]
    is_up = f"{peer.endpoint}/health"
    tls = known.client() if known else None
    with running([program, *options, *posix], folder=folder, answers=lambda: says_ok(is_up, tls), environment=keys):
        yield peer
