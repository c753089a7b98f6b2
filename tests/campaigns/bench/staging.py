"""How fast a series comes from an archive into the store, against what people write, a download piped into boto3,
and against the floor, one curl piped into another.

    python -m tests.campaigns.bench.staging [MEBIBYTES] [ROUNDS] [embedded | versitygw | ceph]

A stand-in archive on loopback sends images of half a mebibyte from a file; the store is the embedded one, unless
another is named (`make peers`, `make peers-slow`). Others take no upload of unknown length, so the floor is left out.
The ways take turns, and only their ratio means something: the machine is not quiet. The other ways keep no hash, no
index and no proof that the series is whole. Ours runs in a process of its own. Its memory and processor time are told.
"""

# ruff: noqa: T201 - it prints what it measured

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3

from tests.campaigns.bench import stage_one
from tests.campaigns.bench.measure import Contest, Line, interleaved, tell
from tests.campaigns.bench.stage_one import Staged
from tests.kit.peers.buckets import checksums_of
from tests.kit.peers.rgw import Rgw, a_rgw
from tests.kit.peers.versitygw import Versitygw, a_versitygw
from tests.kit.scripted_archive import BOUNDARY, SERIES, STUDY, image, uid
from transfer.adapters.vault import S3Vault
from transfer.embedded.store import Store

_BUCKET = "bench"
#: the first image's number
_FIRST = 100_000


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


def _write(body: Path, images: int) -> None:
    """A series' multipart body of so many images."""
    sample, its_uid = image(_FIRST, pixels=512 * 1024), uid(_FIRST).encode()
    with body.open("wb") as file:
        for number in range(_FIRST, _FIRST + images):
            file.write(f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode())
            file.write(sample.replace(its_uid, uid(number).encode()) + b"\r\n")
        file.write(f"--{BOUNDARY}--".encode())


def _ours(store: Mapping[str, Any], url: str, images: int) -> Staged:
    uids = [uid(number) for number in range(_FIRST, _FIRST + images)]
    told = json.dumps({"store": store, "url": url, "study": STUDY, "series": SERIES, "images": uids})
    command = [sys.executable, "-m", stage_one.__name__]
    return Staged(**json.loads(subprocess.run(command, input=told, check=True, capture_output=True, text=True).stdout))


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


@contextmanager
def _a_store(name: str, folder: Path) -> Iterator[Store | Versitygw | Rgw]:
    folder.mkdir()
    if name == "embedded":
        store = Store(folder)
        store.start()
        try:
            yield store
        finally:
            store.stop()
    else:
        with a_versitygw(folder) if name == "versitygw" else a_rgw(folder) as other:
            yield other


def main(mebibytes: int, rounds: int, store: str = "embedded") -> None:
    if not shutil.which("curl"):
        print("left out: there is no curl here")
        return
    with tempfile.TemporaryDirectory() as name, _a_store(store, Path(name) / "store") as at:
        folder = Path(name)
        _write(folder / "body", 2 * mebibytes)
        archive = subprocess.Popen(
            [sys.executable, "-m", "tests.campaigns.bench.staging", "serve", str(folder / "body")],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert archive.stdout
            _compare(at, f"http://127.0.0.1:{archive.stdout.readline().strip()}", 2 * mebibytes, rounds)
        finally:
            archive.kill()
            archive.wait()


def _compare(store: Store | Versitygw | Rgw, url: str, images: int, rounds: int) -> None:
    told: dict[str, Any] = {
        "endpoint": store.endpoint,
        "bucket": _BUCKET,
        "region": "us-east-1",
        "access_key": store.access_key,
        "secret_key": store.secret_key,
        "checksums": "when_supported" if isinstance(store, Store) else checksums_of(store),
    }
    vault = S3Vault(**told)
    vault.ensure_bucket()
    client = boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        region_name="us-east-1",
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
    )
    size = f"a series of {images // 2} MiB"
    staged: list[Staged] = []

    def ours() -> float:
        staged.append(_ours(told, url, images))
        vault.remove(staged[-1].key)
        return staged[-1].length / staged[-1].seconds / 1e6

    contests = [
        Contest(size, "MB/s", ours, lambda: _speed(lambda: _piped(client, url), vault), "curl | boto3", ">= 1.5"),
        Contest(size, "MB/s", ours, lambda: _speed(lambda: _curled(client, url), vault), "curl | curl", ">= 0.8"),
    ]
    interleaved(contests if isinstance(store, Store) else contests[:1], rounds)
    used = statistics.median(one.processor_seconds / one.length * 1e9 for one in staged)
    tell(Line(name=f"{size}: its process", figure=used, unit="CPU s/GB"))
    largest = max(one.memory for one in staged)
    tell(Line(name=f"{size}: its process, at the most", figure=largest, unit="MB", wanted="<= 110"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        _serve(sys.argv[2])
    else:
        size, rounds, store = (*sys.argv[1:], *("256", "5", "embedded")[len(sys.argv) - 1 :])
        main(int(size), int(rounds), store)
