"""An archive on a real socket that says what a test wrote down for it, dies where it should, and remembers what it was
asked. It serves DICOM files made from one sample.
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom

from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, PersonName

STUDY, SERIES = "1.2.3.4", "1.2.3.4.5"
BOUNDARY = "b" * 73
#: who keeps the archive, and the patient of its images
MERCY = Institution(
    id="mercy-imaging",
    name="Mercy Imaging",
    time_zone="America/Chicago",
    issuers={"MERCY": "urn:oid:1.2.840.1", "accession": "urn:mercy:accession"},
)
JANE = Demographics(
    names=(PersonName("Doe", ("Jane",)),),
    birth_date=date(1960, 1, 2),
    identifiers=(IssuedIdentifier("urn:oid:1.2.840.1", "M-17"),),
)
#: an entry of a QIDO-RS answer
Entry = dict[str, Any]
SAMPLE = Path(__file__).parents[1] / "samples" / "dicom" / "MR_small_implicit.dcm"


def uid(number: int) -> str:
    return f"{SERIES}.{number}"


@lru_cache(maxsize=512)
def image(number: int, *, pixels: int = 0, study: str = STUDY, series: str = SERIES, **patient: object) -> bytes:
    """A DICOM file: instance `number` of the series, of Jane Doe unless said otherwise."""
    dataset = pydicom.dcmread(SAMPLE)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid(number)
    dataset.PatientName, dataset.PatientID, dataset.IssuerOfPatientID = "DOE^JANE", "M-17", "MERCY"
    dataset.PatientBirthDate, dataset.PatientSex = "19600102", "F"
    for keyword, value in patient.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = bytes([number % 251]) * (pixels or 64)
    file = BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def parts(images: Iterable[bytes], *, closed: bool = True) -> bytes:
    """A multipart body as WADO-RS has it."""
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"".join(head + each + b"\r\n" for each in images)
    return body + f"--{BOUNDARY}--".encode() if closed else body[:-2]


def entry(**texts: Any) -> Entry:
    """A QIDO-RS entry from tag=value, tags written as t00100020."""
    return {tag[1:]: {"vr": "LO", "Value": list(v) if isinstance(v, list) else [v]} for tag, v in texts.items()}


def study_entry(
    uid: str = STUDY, name: str = "DOE^JANE", born: str = "19600102", number: str = "M-17", issuer: str = "MERCY"
) -> Entry:
    said = {"t0020000D": uid, "t00100020": number, "t00100021": issuer, "t00100030": born}
    return entry(**{tag: value for tag, value in said.items() if value}) | {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": name}]}
    }


@dataclass
class Said:
    """One answer. `dies`: the connection ends after the body as if it were all; "reset": by RST; "stall": never."""

    status: int = 200
    body: bytes = b""
    content_type: str = f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'
    headers: dict[str, str] = field(default_factory=dict)
    dies: str | None = None
    has_length: bool = False
    pause: float = 0.0  # seconds between pieces
    piece: int = 1 << 20


def listed(entries: Sequence[Entry], **changed: Any) -> Said:
    return Said(body=json.dumps(entries).encode(), content_type="application/dicom+json", has_length=True, **changed)


#: what is said at a path
Answer = Said | list[Said] | Callable[[str], Said]


class ScriptedArchive:
    """`answers` maps a path (without query) to what is said there: one `Said`, a list used up in turn, or a function of
    the query. What is not written down is 404.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/dicom-web"
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.connections = 0
        self.sent = 0
        self.broken_off = threading.Event()

    def serve_series(self, images: Sequence[bytes]) -> frozenset[str]:
        """The series as a whole, its list, and each instance by itself."""
        base = f"/studies/{STUDY}/series/{SERIES}"
        uids = list(
            dict.fromkeys(
                str(pydicom.dcmread(BytesIO(each), stop_before_pixels=True).SOPInstanceUID) for each in images
            )
        )
        self.answers[base] = Said(body=parts(images))
        self.answers[f"{base}/instances"] = paged([entry(t00080018=each) for each in uids])
        for name, content in zip(uids, images, strict=False):
            self.answers[f"{base}/instances/{name}"] = Said(body=parts([content]), has_length=True)
        return frozenset(uids)

    @property
    def paths(self) -> list[str]:
        return [asked.partition("?")[0] for asked in self.asked]

    def says(self, target: str) -> Said:
        path, _, query = target.removeprefix("/dicom-web").partition("?")
        self.asked.append(target.removeprefix("/dicom-web"))
        said = self.answers.get(path, Said(status=404, content_type="text/plain"))
        if callable(said):
            return said(query)
        if isinstance(said, list):
            return said.pop(0) if len(said) > 1 else said[0]
        return said


def paged(entries: Sequence[Entry], most: int = 1000) -> Callable[[str], Said]:
    def answer(query: str) -> Said:
        said = dict(each.split("=", 1) for each in query.split("&") if "=" in each)
        begin = int(said.get("offset", 0))
        return listed(entries[begin : begin + min(most, int(said.get("limit", most)))])

    return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 0
    disable_nagle_algorithm = True
    archive: ScriptedArchive
    stopping: threading.Event

    def setup(self) -> None:
        super().setup()
        self.archive.connections += 1

    def do_GET(self) -> None:
        self.archive.headers.append(dict(self.headers))
        said = self.archive.says(self.path)
        self.send_response(said.status)
        self.send_header("Content-Type", said.content_type)
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.send_header(*(("Content-Length", str(len(said.body))) if said.has_length else ("Connection", "close")))
        self.end_headers()
        self.close_connection = not said.has_length or said.dies is not None
        try:
            self.send_body(said)
        except OSError:
            self.archive.broken_off.set()

    def send_body(self, said: Said) -> None:
        for at in range(0, len(said.body), said.piece):
            self.wfile.write(said.body[at : at + said.piece])
            self.archive.sent += len(said.body[at : at + said.piece])
            time.sleep(said.pause)
        if said.dies == "reset":
            time.sleep(0.1)  # what was sent is read first
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif said.dies == "stall":
            self.stopping.wait(20)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def scripted_archive() -> Iterator[ScriptedArchive]:
    class Handler(_Handler):
        stopping = threading.Event()

    server = _Server(("127.0.0.1", 0), Handler)
    Handler.archive = ScriptedArchive(server.server_port)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.002}, daemon=True).start()
    yield Handler.archive
    Handler.stopping.set()
    server.shutdown()
    server.server_close()
