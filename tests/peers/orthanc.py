"""Orthanc as `transfer.parts.orthanc` runs it, and nginx in front of it for TLS with certificates on both sides.

Debian's Orthanc 1.10 crashes on its own HTTPS, so nginx speaks it.
"""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers import installed
from tests.peers.certificates import Certificates
from tests.peers.running import running
from transfer.errors import Unavailable
from transfer.parts import ports
from transfer.parts.orthanc import NotInstalled, Orthanc
from transfer.parts.process import stop_session

USER, PASSWORD = "film-room", "shown"


def demand() -> None:
    """Skip, or fail where peers are demanded, unless it can run here: a skip says what is missing."""
    try:
        Orthanc.check()
    except NotInstalled as why:
        installed.absent("orthanc", str(why))


@contextmanager
def an_orthanc(folder: Path) -> Iterator[Orthanc]:
    demand()
    port = ports.free(["orthanc"])["orthanc"]
    peer = Orthanc(folder, port=port, user=USER, password=PASSWORD, log=folder / "log")
    front = peer.begin()
    try:
        _await(peer)
        yield peer
    finally:
        _end(front, folder)


def put_in(peer: Orthanc, images: Sequence[bytes]) -> None:
    """Have it keep them. A kept-open connection may be closed by it at the moment it is used again: then once more."""
    try:
        peer.take_in(images)
    except Unavailable:
        peer.take_in(images)


def base(peer: Orthanc) -> str:
    return f"http://127.0.0.1:{peer.port}/dicom-web"


@dataclass(frozen=True, slots=True)
class Front:
    base: str


@contextmanager
def an_nginx(folder: Path, peer: Orthanc, certificates: Certificates) -> Iterator[Front]:
    """TLS in front of it; only who shows a certificate of our authority comes through."""
    program = installed.program("nginx")
    port = ports.free(["nginx"])["nginx"]
    (folder / "nginx.conf").write_text(_CONF.format(port=port, folder=folder, behind=peer.port, **certificates.files))
    command: list[str | Path] = [program, "-p", folder, "-e", "stderr", "-c", folder / "nginx.conf"]
    with running(command, folder=folder, answers=lambda: ports.answers(port)):
        yield Front(f"https://localhost:{port}/dicom-web")


_CONF = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_client_certificate {authority};
        ssl_verify_client on;
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_buffering off;
            proxy_request_buffering off;
            client_max_body_size 0;
            proxy_set_header Forwarded "by=localhost;for=$remote_addr;host=$http_host;proto=https";
        }}
    }}
}}
"""


def _await(peer: Orthanc) -> None:
    until = time.monotonic() + 20
    while not peer.answers():
        assert time.monotonic() < until, peer.log.read_text(errors="replace")[-3000:]
        time.sleep(0.05)


def _end(front: subprocess.Popen[bytes], folder: Path) -> None:
    front.terminate()
    try:
        assert front.wait(15) == 0
    finally:
        if front.poll() is None:
            front.kill()
            front.wait()
        stop_session(front.pid, folder)
