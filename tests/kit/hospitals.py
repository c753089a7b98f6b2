"""Two hospitals alike: each refers, files forms, holds records, receives packets and sends by MLLP, and is granted it.

Their doors are the gateway's own, by TLS: each is known by its certificate and its token together.
"""

import hashlib
import json
import os
import re
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
import yaml

from tests.kit import warm_start
from tests.kit.acts import Journey, eventually
from tests.kit.house import House
from tests.kit.peers.certificates import Certificates
from transfer.arrivals import Grant
from transfer.embedded import ports
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.sandbox.directory import LAKESIDE, SUMMIT
from transfer.sandbox.oncology import letters
from transfer.sandbox.pathology import messages

ROOT = Path(__file__).parents[2]
NPIS = {"harbor": "2990000111", "ridge": "2990000129"}


@dataclass(frozen=True)
class Said:
    """What a door answered, without what differs from one answer to the next."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def is_taken(self) -> bool:
        return self.status < 300


@dataclass(frozen=True)
class Front:
    """The doors, by TLS."""

    http: str
    mllp: dict[str, int]
    certificates: Certificates


@dataclass
class Hospital:
    name: str
    front: Front
    #: its own case, once it has one
    journey: Journey = None  # type: ignore[assignment]
    referral: bytes = b""
    form: bytes = b""
    report: bytes = b""

    @property
    def id(self) -> str:
        return f"{self.name}-hospital"

    @property
    def token(self) -> str:
        return token_of(self.name)

    @property
    def chart(self) -> dict[str, Any]:
        return self.journey.chart

    def asks(self, method: str, path: str, body: bytes | None = None, *, token: str | None = None,
             certificate: str | None = "its own", **headers: str) -> Said:  # fmt: skip
        """Ask at the HTTP doors with its own token and certificate, or with others."""
        shown = self.name if certificate == "its own" else certificate
        tls = self.front.certificates.client(shown or "", shows_certificate=shown is not None)
        said = {name.replace("_", "-"): text for name, text in headers.items()}
        if token != "":
            said["Authorization"] = f"Bearer {token or self.token}"
        if body is not None:
            said["Content-Type"] = "application/fhir+json"
        with urllib3.PoolManager(retries=False, timeout=30, ssl_context=tls) as http:
            answer = http.request(method, self.front.http + path, body=body, headers=said, redirect=False)
        return _told(answer)

    def posts(self, resource: object, path: str = "/fhir", **how: Any) -> Said:
        body = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
        return self.asks("POST", path, body, **how)

    def sends(self, message: bytes, *, port_of: str | None = None, certificate: str | None = "its own") -> str:
        """Send by MLLP; MSA-1, or that it was turned away."""
        shown = self.name if certificate == "its own" else certificate
        tls = self.front.certificates.client(shown or "", shows_certificate=shown is not None)
        return exchange(self.front.mllp[port_of or self.name], message, tls)

    def as_its_own(self, resource: object) -> bytes:
        """What the stand-in oncology office would write, as if this hospital were that office and that center."""
        text = json.dumps(resource)
        for stand_in in (LAKESIDE, SUMMIT):
            text = text.replace(stand_in.npi, NPIS[self.name]).replace(stand_in.name, self.name.capitalize())
        return text.encode()

    def message(self, chart: dict[str, Any], control_id: str, *, of: str | None = None) -> bytes:
        """A pathology report from its own system, or from the one of another hospital."""
        written = messages.report(chart, control_id=control_id, status="F", form="oru")
        header, rest = written.split(b"\r", 1)
        fields = header.split(b"|")
        fields[2], fields[3] = (of or self.name).upper().encode() + b"LIS", (of or self.name).upper().encode()
        return b"|".join(fields) + b"\r" + rest


def token_of(name: str) -> str:
    return f"the-token-of-{name}"


def _told(answer: urllib3.BaseHTTPResponse) -> Said:
    """Our random arrival ids are left out, and the time."""
    body = re.sub(rb"[A-Z][A-Za-z]+/a[0-9a-z]{11,}(-\d+)?", b"ARRIVAL", answer.data)
    headers = {name.lower(): text for name, text in answer.headers.items() if name.lower() not in ("date", "location")}
    return Said(answer.status, tuple(sorted(headers.items())), body)


def exchange(port: int, message: bytes, tls: ssl.SSLContext | None) -> str:
    try:
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        with tls.wrap_socket(plain, server_hostname="localhost") if tls else plain as line:
            line.sendall(b"\x0b" + message + b"\x1c\r")
            received = b""
            while b"\x1c\r" not in received and (more := line.recv(65536)):
                received += more
    except OSError:
        return "turned away"
    found = re.search(rb"\rMSA\|(\w\w)", received)
    return found[1].decode() if found else "turned away"


# --- files ------------------------------------------------------------------------------------------------------------


def partners(folder: Path, mllp: dict[str, int], certificates: Certificates | None = None) -> Path:
    """The files of `institutions/` and one for each hospital, which with `certificates` must show its own."""
    folder.mkdir(parents=True)
    for path in (ROOT / "institutions").glob("*.yaml"):
        (folder / path.name).write_text(path.read_text())
    office = yaml.safe_load((ROOT / "institutions" / "lakeside-oncology.yaml").read_text())
    everything = [str(grant) for grant in Grant]
    for name, npi in NPIS.items():
        digest = hashlib.sha256(token_of(name).encode()).hexdigest()
        said = {
            "id": f"{name}-hospital",
            "name": f"{name.title()} Hospital",
            "identifiers": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": npi}],
            "grants": everything,
            "http_door": {"tokens": [{"sha256": digest, "scopes": everything}]},
            "mllp_door": {
                "port": mllp[name],
                "sending_application": f"{name.upper()}LIS",
                "sending_facility": name.upper(),
            },
            "receives": {"fhir_url": "${SANDBOX_CENTER_URL}/fhir", "token": "${SANDBOX_CENTER_TOKEN}"},
        }
        if certificates:
            said["certificates"] = [certificates.fingerprint(name)]
        (folder / f"{name}-hospital.yaml").write_text(json.dumps(office | said))
    return folder


@contextmanager
def a_front(house: House, folder: Path, certificates: Certificates) -> Iterator[Front]:
    """A second gateway on the house's ledger, by TLS."""
    taken = ports.free(["http", "pathology", *NPIS])
    mllp = {name: taken[name] for name in NPIS}
    address = f"127.0.0.1:{taken['http']}"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "TRANSFER_VAR": str(house.var),
        "TRANSFER_GATEWAY_HTTP": address,
        "TRANSFER_PUBLIC_URL": f"https://{address}",
        "TRANSFER_INSTITUTIONS": str(partners(folder / "pinned", mllp, certificates)),
        "SANDBOX_PATHOLOGY_MLLP_PORT": str(taken["pathology"]),
        "TRANSFER_TLS_CERTIFICATE": str(certificates.files["certificate"]),
        "TRANSFER_TLS_KEY": str(certificates.files["key"]),
        "TRANSFER_TLS_CLIENT_AUTHORITIES": str(certificates.files["authority"]),
    }
    with (folder / "front.log").open("wb") as log:
        gateway = warm_start.started([sys.executable, "-m", "transfer.gateway"], environment=environment, log=log)
    try:
        eventually(lambda: ports.answers(taken["http"]) or gateway.poll() is not None, 30)
        assert gateway.poll() is None, (folder / "front.log").read_text()
        yield Front(f"https://{address}", mllp, certificates)
    finally:
        gateway.terminate()
        gateway.wait(20)


# --- a case of each ---------------------------------------------------------------------------------------------------


def begin_case(house: House, hospital: Hospital) -> None:
    """Its patient is referred to itself, its packet is approved, announced, and waits to be fetched."""
    chart = house.a_patient()
    hospital.form = hospital.as_its_own(letters.release_form(chart, {}))
    hospital.referral = hospital.as_its_own(letters.referral(chart, {}))
    assert hospital.posts(hospital.form).is_taken
    house.process_until(lambda: _waiting(house) == 0)
    assert hospital.posts(hospital.referral).is_taken
    with house.services.ledger.transaction() as tx:
        case = tx.value(
            "SELECT subject FROM arrivals WHERE institution = %s AND kind = 'referral'",
            hospital.id,
        )
    hospital.journey = Journey(house, chart, CaseId(case))
    house.pathology_report(chart)
    house.process_until(lambda: "approve-partial" in house.holds(hospital.journey.case))
    hospital.journey.say("approve-partial", HoldAnswer.APPROVE)
    house.process_until(lambda: _is_made(hospital))


def _is_made(hospital: Hospital) -> bool:
    newest = hospital.journey.folded.newest_packet
    if newest is None or newest.begun is None:
        return False
    row = hospital.journey.row("SELECT outcome FROM disclosures WHERE packet = %s", hospital.journey.packet)
    return bool(row.outcome == "made")


def _waiting(house: House) -> int:
    with house.services.ledger.transaction() as tx:
        return int(tx.value("SELECT count(*) FROM arrivals WHERE state = 'stored'"))
