"""How fast a series comes from an archive into the store, against what people write: a download piped into boto3.

    PYTHONPATH=.:tests/adapters python tests/campaigns/bench/staging.py [MEBIBYTES] [ROUNDS]

A stand-in archive on loopback sends images of half a mebibyte from a file; the store is the embedded one. The two ways
take turns, and only their ratio means something: the machine is not quiet. The other way keeps no hash, no index and
no proof that the series is whole.
"""

# ruff: noqa: T201 - it prints what it measured

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3

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


def _timed(way: Callable[[], tuple[str, int]], vault: S3Vault) -> tuple[float, float]:
    """MB/s, and CPU seconds of this process (curl not counted) per GB."""
    wall, cpu = time.perf_counter(), time.process_time()
    key, length = way()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    vault.remove(key)
    return length / wall / 1e6, cpu / length * 1e9


def main(mebibytes: int, rounds: int) -> None:
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
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_timed(lambda: _ours(vault, url, expected), vault))
        theirs.append(_timed(lambda: _piped(client, url), vault))
    for name, measured in (("fetch_series", ours), ("curl | upload_fileobj", theirs)):
        speed, cpu = (statistics.median(column) for column in zip(*measured, strict=True))
        print(f"{name:22} {speed:6.0f} MB/s   {cpu:.2f} CPU s/GB")
    ratio = statistics.median(a[0] / b[0] for a, b in zip(ours, theirs, strict=True))
    print(f"ratio                  {ratio:6.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        _serve(sys.argv[2])
    else:
        main(*(int(text) for text in (*sys.argv[1:], *("256", "5")[len(sys.argv) - 1 :])))
