"""Orthanc as `transfer.embedded.orthanc` runs it, with its DICOM over TLS, and nginx in front of its HTTP for the same:
certificates on both sides.

Debian's Orthanc 1.10 crashes on its own HTTPS, so nginx speaks it.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from tests.kit.peers import installed
from tests.kit.peers.certificates import Certificates
from tests.kit.peers.running import running
from transfer.embedded import ports
from transfer.embedded.orthanc import NotInstalled, Orthanc
from transfer.embedded.process import stop_session
from transfer.errors import Unavailable

USER, PASSWORD = "film-room", "shown"
#: where it speaks DICOM, in its namespace
_DICOM_INSIDE = 4242


def demand() -> None:
    """Skip, or fail where peers are demanded, unless it can run here: a skip says what is missing."""
    try:
        Orthanc.check()
    except NotInstalled as why:
        installed.absent("orthanc", str(why))


class DicomOrthanc(Orthanc):
    """It knows us by our AE title, and wants a certificate of our authority."""

    #: ours and its own
    calling, called = "TRANSFER", "FILMROOM"

    def __init__(self, folder: Path, known: Certificates) -> None:
        free = ports.free(["orthanc", "dicom"])
        super().__init__(folder, port=free["orthanc"], user=USER, password=PASSWORD, log=folder / "log")
        self.dicom_port = free["dicom"]
        self._known = known

    def _ports(self) -> dict[int, int]:
        return {**super()._ports(), self.dicom_port: _DICOM_INSIDE}

    def _configuration(self) -> dict[str, object]:
        us = {"AET": self.calling, "Host": "127.0.0.1", "Port": 9, "AllowFind": True, "AllowGet": True}
        files = {word: str(path) for word, path in self._known.files.items()}
        return {
            **super()._configuration(),
            "DicomServerEnabled": True,
            "DicomAet": self.called,
            "DicomPort": _DICOM_INSIDE,
            "DicomCheckCalledAet": True,
            "DicomAlwaysAllowEcho": False,
            "DicomAlwaysAllowStore": False,
            "DicomModalities": {"us": us},
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": files["certificate"],
            "DicomTlsPrivateKey": files["key"],
            "DicomTlsTrustedCertificates": files["authority"],
            "DicomTlsRemoteCertificateRequired": True,
        }


@contextmanager
def an_orthanc(folder: Path, known: Certificates) -> Iterator[DicomOrthanc]:
    demand()
    peer = DicomOrthanc(folder, known)
    with patch.dict(os.environ, TCP_NODELAY="1"):  # dcmtk's: or each image takes 40 ms
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
