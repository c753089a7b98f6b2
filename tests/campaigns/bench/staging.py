"""How fast a series comes from an archive into the store, against what people write, a download piped into boto3,
and against the floor, one curl piped into another.

    PYTHONPATH=.:tests/adapters python tests/campaigns/bench/staging.py [MEBIBYTES] [ROUNDS]

A stand-in archive on loopback sends images of half a mebibyte from a file; the store is the embedded one. The ways
take turns, and only their ratio means something: the machine is not quiet. The other ways keep no hash, no index and
no proof that the series is whole.
"""

# ruff: noqa: T201 - it prints what it measured

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3

from tests.campaigns.bench.measure import Contest, Line, interleaved, tell
from tests.kit.scripted_archive import BOUNDARY, SERIES, STUDY, image, uid
from transfer.adapters.dicomweb import DicomwebClient
from transfer.adapters.vault import S3Vault
from transfer.embedded.store import Store
from transfer.institutions import Institution

_BUCKET = "bench"


class _Archive(BaseHTTPRequestHandler):
    body: Path

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"')
        self.end_headers()
        with self.body.open("rb") as file:
            self.connection.sendfile(file)

    def log_message(self, *_: object) -> None:
        pass


def _serve(body: str) -> None:
    _Archive.body = Path(body)
    server = HTTPServer(("127.0.0.1", 0), _Archive)
    print(server.server_port, flush=True)
    server.serve_forever()


def _written(body: Path, mebibytes: int) -> frozenset[str]:
    """A series' multipart body of that size, and the UIDs in it."""
    numbers = range(100_000, 100_000 + 2 * mebibytes)
    sample, its_uid = image(100_000, pixels=512 * 1024), uid(100_000).encode()
    with body.open("wb") as file:
        for number in numbers:
            file.write(f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode())
            file.write(sample.replace(its_uid, uid(number).encode()) + b"\r\n")
        file.write(f"--{BOUNDARY}--".encode())
    return frozenset(uid(number) for number in numbers)


def _ours(vault: S3Vault, url: str, expected: frozenset[str]) -> tuple[str, int]:
    here = Institution(id="bench", name="bench", time_zone="UTC")
    found = DicomwebClient(url).fetch_series(
        STUDY, SERIES, expected=expected, institution=here, vault=vault, keep_going=lambda: None
    )
    assert found is not None
    assert found.complete
    return found.location.key, found.location.length


def _piped(client: Any, url: str) -> tuple[str, int]:
    with subprocess.Popen(["curl", "-sf", f"{url}/series"], stdout=subprocess.PIPE) as curl:
        client.upload_fileobj(curl.stdout, _BUCKET, "piped")
    return "piped", client.head_object(Bucket=_BUCKET, Key="piped")["ContentLength"]


def _curled(client: Any, url: str) -> tuple[str, int]:
    """The floor: nothing is hashed, nothing is signed but the address, nothing is in one's own hands."""
    to = client.generate_presigned_url("put_object", Params={"Bucket": _BUCKET, "Key": "curled"}, ExpiresIn=600)
    with subprocess.Popen(["curl", "-sf", f"{url}/series"], stdout=subprocess.PIPE) as curl:
        subprocess.run(["curl", "-sf", "-T", "-", to], stdin=curl.stdout, check=True)
    return "curled", client.head_object(Bucket=_BUCKET, Key="curled")["ContentLength"]


def _speed(way: Callable[[], tuple[str, int]], vault: S3Vault) -> float:
    """MB/s."""
    began = time.perf_counter()
    key, length = way()
    took = time.perf_counter() - began
    vault.remove(key)
    return length / took / 1e6


def main(mebibytes: int, rounds: int) -> None:
    if not shutil.which("curl"):
        print("left out: there is no curl here")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = _written(folder / "body", mebibytes)
        store = Store(folder / "store")
        store.start()
        archive = subprocess.Popen(
            [sys.executable, __file__, "serve", str(folder / "body")], stdout=subprocess.PIPE, text=True
        )
        try:
            assert archive.stdout
            _compare(store, f"http://127.0.0.1:{archive.stdout.readline().strip()}", expected, rounds)
        finally:
            archive.kill()
            archive.wait()
            store.stop()


def _compare(store: Store, url: str, expected: frozenset[str], rounds: int) -> None:
    vault = S3Vault(
        endpoint=store.endpoint,
        bucket=_BUCKET,
        region="us-east-1",
        access_key=store.access_key,
        secret_key=store.secret_key,
    )
    vault.ensure_bucket()
    client = boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        region_name="us-east-1",
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
    )
    size = f"a series of {(len(expected) * 0.5):.0f} MiB"

    def ours() -> float:
        return _speed(lambda: _ours(vault, url, expected), vault)

    contests = [
        Contest(size, "MB/s", ours, lambda: _speed(lambda: _piped(client, url), vault), "curl | boto3", ">= 1.5"),
        Contest(size, "MB/s", ours, lambda: _speed(lambda: _curled(client, url), vault), "curl | curl", ">= 0.8"),
    ]
    interleaved(contests, rounds)
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tell(Line(name="largest memory, archive and store apart", figure=largest, unit="MB", wanted="<= 110"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        _serve(sys.argv[2])
    else:
        main(*(int(text) for text in (*sys.argv[1:], *("256", "5")[len(sys.argv) - 1 :])))
