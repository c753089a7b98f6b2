"""A second gateway beside the first, as a process of its own: how it says that it is well, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
import urllib3

from tests.kit import warm_start
from tests.kit.acts import Journey, a_packet, download, downloading, eventually, is_announced, link, token
from tests.kit.house import House
from transfer import probe
from transfer.embedded import ports
from transfer.sealing import SITE

pytestmark = pytest.mark.servers

REPORT = (
    "MSH|^~\\&|PRAIRIELIS|PRAIRIE|RT|RT|20260901080000||ORU^R01|{control}|P|2.5.1\r"
    "PID|1||H77^^^PRAIRIE||Slow^Sal||19500101|M\r"
    "OBR|1||S26-1^PRAIRIELIS|11529-5^Pathology^LN|||20260830\rOBX|1|TX|22637-3^Dx^LN||Benign.||||||F\r"
)


@dataclass(frozen=True)
class Gateway:
    """One more gateway of the house, on ports of its own."""

    process: subprocess.Popen[bytes]
    http: int
    mllp: int
    health: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    def says(self, path: str) -> tuple[int, str]:
        return probe.ask(f"http://127.0.0.1:{self.health}/{path}")

    def is_told_to_end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        eventually(lambda: self.says("ready") == (503, '{"status": "unavailable", "away": ["stopping"]}\n'))


@contextmanager
def a_gateway(house: House, tmp_path: Path, **settings: str) -> Iterator[Gateway]:
    drawn = ports.free(["http", "mllp", "health"])
    own = {
        "TRANSFER_GATEWAY_HTTP": f"127.0.0.1:{drawn['http']}",
        "SANDBOX_PATHOLOGY_MLLP_PORT": str(drawn["mllp"]),
        "TRANSFER_HEALTH": f"127.0.0.1:{drawn['health']}",
        "TRANSFER_VAR": str(house.var),
    }
    with (tmp_path / "log").open("wb") as log:
        environment = {**os.environ, **own, **settings}
        process = warm_start.started([sys.executable, "-m", "transfer.gateway"], environment=environment, log=log)
    gateway = Gateway(process, drawn["http"], drawn["mllp"], drawn["health"])
    try:
        eventually(lambda: ports.answers(gateway.health) and gateway.says("ready")[0] == 200, 60)
        yield gateway
    finally:
        process.kill()
        process.wait()


def a_large_packet(house: House) -> Journey:
    """A packet of several MB whose links the center has and does not fetch."""
    house.behave("archive", rows=512)
    house.behave("center", fetch=False)
    journey = a_packet(house, slices=24)
    house.process_until(lambda: is_announced(journey))
    return journey


def takes_nobody(port: int) -> bool:
    return not ports.answers(port)


def test_a_download_under_way_comes_to_its_end_after_sigterm(house, tmp_path):
    journey = a_large_packet(house)
    url = link(house, journey.packet)
    whole = download(url, token(house, "center"))[1]
    with a_gateway(house, tmp_path, TRANSFER_GRACE_SECONDS="60") as gateway:
        own = url.replace(house.settings.public_url, gateway.url)
        with downloading(own, token(house, "center")) as begun:
            received = begun.read()
            gateway.is_told_to_end()
            eventually(lambda: takes_nobody(gateway.http) and takes_nobody(gateway.mllp))
            assert gateway.process.poll() is None
            while piece := begun.read(1 << 20):
                received += piece
        assert gateway.process.wait(60) == 0

    assert sha256(received).digest() == sha256(whole).digest()
    assert journey.egress("packet.tar")[-1].outcome == "sent"


def test_a_download_that_nobody_reads_is_cut_when_the_time_is_over(house, tmp_path):
    journey = a_large_packet(house)
    with a_gateway(house, tmp_path, TRANSFER_GRACE_SECONDS="1") as gateway:
        own = link(house, journey.packet).replace(house.settings.public_url, gateway.url)
        with downloading(own, token(house, "center")) as begun:
            begun.read()
            gateway.process.send_signal(signal.SIGTERM)
            assert gateway.process.wait(60) == 0
            received = 0
            with suppress(ConnectionResetError):
                while piece := begun.read(1 << 20):
                    received += len(piece)
            assert received < int(begun.headers["content-length"])

    row = journey.egress("packet.tar")[-1]
    assert row.closed_at is not None
    assert row.outcome in ("cut", "broken")


def test_a_message_that_has_begun_to_arrive_is_stored_and_acknowledged_after_sigterm(house, tmp_path):
    control = f"GRACE{os.getpid()}"
    frame = b"\x0b" + REPORT.format(control=control).encode() + b"\x1c\r"
    with a_gateway(house, tmp_path, TRANSFER_GRACE_SECONDS="60") as gateway:
        idle = socket.create_connection(("127.0.0.1", gateway.mllp), timeout=20)
        with closing(idle), socket.create_connection(("127.0.0.1", gateway.mllp), timeout=20) as line:
            line.sendall(frame[:60])
            gateway.is_told_to_end()
            assert idle.recv(1) == b"", "who says nothing is not waited for"
            eventually(lambda: takes_nobody(gateway.mllp) and takes_nobody(gateway.http))
            line.sendall(frame[60:] + frame[:60])
            answer = b""
            while piece := line.recv(65536):  # it closes by itself: the next message goes to another gateway
                answer += piece
        assert gateway.process.wait(60) == 0

    assert f"MSA|AA|{control}".encode() in answer or f"MSA|CA|{control}".encode() in answer
    with house.services.ledger.transaction() as tx:
        known = tx.keys.hmac(SITE, f"control|prairie-pathology|{control}".encode())
        assert tx.value("SELECT count(*) FROM arrivals WHERE control = %s", known) == 1


def test_what_is_handed_out_leads_to_the_public_address_whatever_host_a_caller_names(house, tmp_path):
    hostile = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "host=evil.example;proto=gopher",
        "Authorization": f"Bearer {token(house, 'oncology')}",
        "Content-Type": "application/fhir+json",
    }
    document = {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {"data": ""}}]}
    with a_gateway(house, tmp_path, TRANSFER_PUBLIC_URL="https://records.example.org/rt") as gateway:
        with urllib3.PoolManager(retries=False, timeout=20) as http:
            answers = [
                http.request("POST", f"{gateway.url}{path}", headers=hostile, body=json.dumps(document), redirect=False)
                for path in ("/fhir/DocumentReference", "/fhir/", "/fhir/DocumentReference/", "/packets/x/packet.tar/")
            ]
            answers.append(http.request("GET", f"{gateway.url}/packets/x/packet.tar/", headers=hostile, redirect=False))
        assert gateway.process.poll() is None

    stored, *others = answers
    assert stored.status == 201
    assert stored.headers["Location"].startswith("https://records.example.org/rt/fhir/DocumentReference/")
    assert {answer.status for answer in others} == {404}
    assert not [answer for answer in answers if "evil" in f"{answer.headers}{answer.data!r}"]
