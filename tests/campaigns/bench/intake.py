"""Durable intake: HL7 v2 messages a second through the MLLP door, each acknowledged after its commit.

Ours is the door as it stands, with one writer that stores in one transaction what waits. The other is the same door,
store, keys and owed rounds with what one writes first: a transaction for each message, a statement at a time, as many
at once as there are senders. Messages of 960 bytes, about people nobody knows; each sender waits for its answer. For
each number of senders the time of the slowest hundredth is told as well, of the same runs.

By TLS: our door with a certificate, which also asks for the sender's, against our door in plain text. Each connection
is made once and kept, as senders do. Whoever sends encrypts too, on the same machine.

    python -m tests.campaigns.bench.intake [ROUNDS]
"""

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.campaigns.bench.ledgers import bench_ledger
from tests.campaigns.bench.measure import Contest, interleaved
from tests.kit.fakes import MemoryVault
from tests.kit.peers.certificates import Certificates, certificates
from transfer.adapters import hl7v2
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import Door, Grant
from transfer.doors import FrameEnding, MllpDoor
from transfer.gateway.intake import Intake
from transfer.gateway.mllp import Frame, MllpServer, StoreOutcome, StoreResult
from transfer.gateway.mllp.message_store import LedgerMessageStore
from transfer.gateway.mllp.messages import Answered
from transfer.gateway.payload import Sink
from transfer.gateway.tls import doors_context
from transfer.identifiers import ArrivalId, InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.ledger import Ledger, rounds
from transfer.rounds import Dag
from transfer.sealing import SITE, KeyName
from transfer.settings import Settings

LAB = InstitutionId("commhosp-lab")
DOOR = MllpDoor(port=0, sending_application="LISAPP", sending_facility="COMMHOSP")
SECONDS = 1.5
CONNECTIONS = (1, 4, 16)


class OneByOne:
    """`MessageStore` as one writes it first."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def sink(self, institution: InstitutionId) -> Sink:
        raise NotImplementedError("only short messages are measured")

    def note_ending(self, institution: InstitutionId, ending: FrameEnding) -> None:
        raise NotImplementedError("every frame ends as it should")

    async def store(self, frame: Frame, answered: Answered) -> StoreResult:
        return StoreResult(await asyncio.to_thread(self._store, frame))

    def _store(self, frame: Frame) -> StoreOutcome:
        assert frame.payload is not None
        arrival, institution = ArrivalId.draw(), frame.institution
        with self._ledger.transaction() as tx:
            now, control = tx.now(), frame.header.control_id
            dedupe = tx.keys.hmac(SITE, f"arrival|{institution}|mllp|{control}|{frame.sha256}".encode())
            known = tx.keys.hmac(SITE, f"control|{institution}|{control}".encode())
            key = KeyName.day(institution, now.date())
            tx.keys.make(key)
            new = tx.row(
                """INSERT INTO arrivals (arrival, institution, door, kind, dedupe, control, conflicts, content_type,
                     size, sha256, payload, key, received_at)
                   VALUES (%s, %s, %s, %s, %s, %s, EXISTS (SELECT 1 FROM arrivals WHERE control = %s), %s, %s,
                     %s, %s, %s, %s)
                   ON CONFLICT (dedupe) DO NOTHING RETURNING arrival""",
                *(arrival, institution, Door.MLLP, hl7v2.kind(frame.header), dedupe, known, known, HL7_V2),
                *(frame.length, tx.keys.hmac(SITE, bytes.fromhex(frame.sha256))),
                *(tx.keys.seal(key, frame.payload, about=arrival), key, now),
            )
            if new is None:
                return StoreOutcome.DUPLICATE
            rounds.owe(tx, Dag.RECEIVE_ARRIVALS, "inbox")
        return StoreOutcome.STORED


@contextmanager
def contests() -> Iterator[list[Contest]]:
    """A PostgreSQL with a ledger, and all doors before it."""
    with bench_ledger(connections=20) as made:
        shown = certificates(made.folder / "tls")
        with _doors(made.ledger, made.folder, shown) as (ours, other, secured):
            yield [contest for number in CONNECTIONS for contest in _contests(number, ours, other, secured, shown)]


def _contests(senders: int, ours: int, other: int, secured: int, shown: Certificates) -> list[Contest]:
    """Of so many senders, by the ports of the doors."""
    slowest: dict[int, float] = {}
    name = f"intake, {senders} sender{'s' if senders > 1 else ''}"

    def sent(port: int, folder: Path | None = None) -> float:
        rate, slowest[port] = sent_by_process(port, senders, folder)
        return rate

    return [
        Contest(name=name, unit="msg/s", ours=partial(sent, ours), other=partial(sent, other), against="one by one"),
        Contest(  # of the runs just before
            name=f"{name}, p99",
            unit="ms",
            ours=lambda: slowest[ours],
            other=lambda: slowest[other],
            against="one by one",
            wanted="<= 1",
        ),
        Contest(
            name=f"{name}, by TLS",
            unit="msg/s",
            ours=partial(sent, secured, shown.folder),
            other=partial(sent, ours),
            against="in plain text",
        ),
    ]


@contextmanager
def _doors(ledger: Ledger, folder: Path, shown: Certificates) -> Iterator[tuple[int, int, int]]:
    """Ports of the door as it stands, of the other, and of ours by TLS. Each has a loop and a thread of its own."""
    laboratory = Institution(id=LAB, name="A laboratory", time_zone="UTC", grants=frozenset({Grant.RECORDS}))
    known = Institutions([laboratory])
    names = {"CERTIFICATE": "certificate", "KEY": "key", "CLIENT_AUTHORITIES": "authority"}
    said = {f"TRANSFER_TLS_{name}": str(shown.files[file]) for name, file in names.items()}
    tls = doors_context(Settings.load({"TRANSFER_GATEWAY_HTTP": "127.0.0.1:8080", **said}, folder), known)
    plain, secured = (LedgerMessageStore(Intake(ledger), MemoryVault(), known, folder) for _ in range(2))
    by = {LAB: frozenset({shown.fingerprint()})}
    with a_door(plain) as ours, a_door(OneByOne(ledger)) as other, a_door(secured, tls, by) as third:
        yield ours, other, third


@contextmanager
def a_door(
    message_store: LedgerMessageStore | OneByOne,
    tls: ssl.SSLContext | None = None,
    by: Mapping[InstitutionId, frozenset[str]] | None = None,
) -> Iterator[int]:
    """Its port. `by`: the certificates that must be shown there."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = MllpServer({LAB: DOOR}, message_store, ssl_context=tls, certificates=by)
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    yield server.port(LAB)
    asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def sent_by_process(port: int, senders: int, folder: Path | None = None) -> tuple[float, float]:
    """Messages a second and the time (ms) of the slowest hundredth, by a process of its own. `folder`: it speaks TLS,
    by the certificates there.
    """
    command = [sys.executable, "-m", "tests.campaigns.bench.intake", "send", str(port), str(senders)]
    command += [str(folder)] if folder else []
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    rate, slowest = map(float, told.split())
    return rate, slowest


def _send(port: int, senders: int, folder: Path | None = None) -> None:
    took: list[list[float]] = []
    tls = Certificates(folder).client() if folder else None
    until = time.monotonic() + SECONDS
    threads = [threading.Thread(target=_sender, args=(port, n, until, took, tls)) for n in range(senders)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lasted, each = time.monotonic() - began, sorted(one for many in took for one in many)
    print(len(each) / lasted, 1000 * each[len(each) * 99 // 100])  # noqa: T201 - the answer


def _sender(port: int, number: int, until: float, took: list[list[float]], tls: ssl.SSLContext | None) -> None:
    mine, unique = list[float](), f"{time.time_ns():x}{number}"
    with connected(port, tls) as wire:
        while (began := time.monotonic()) < until:
            wire.sendall(_message(f"{unique}{len(mine)}"))
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                answer += wire.recv(4096)
            assert b"\rMSA|AA|" in answer, answer
            mine.append(time.monotonic() - began)
    took.append(mine)


def connected(port: int, tls: ssl.SSLContext | None = None) -> socket.socket:
    """To a door on this machine; nothing small waits for more."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=20)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.wrap_socket(plain, server_hostname="localhost") if tls else plain


def _message(control: str) -> bytes:
    text = (
        rf"MSH|^~\&|LISAPP|COMMHOSP|RECAPP|RECVCC|20260105101500||ORU^R01^ORU_R01|{control}|P|2.5.1"
        "\rPID|1||71^^^X||NOBODY^ANN||19600102|F\rOBR|1|O1|F1|11526-1^Pathology study^LN"
    )
    line = "\rOBX|1|FT|22637-3^Diagnosis^LN|1|Some words of a diagnosis of nobody at all||||||F"
    return b"\x0b" + (text + line * 20)[:959].encode() + b"\r\x1c\r"


def main(rounds_: int = 5) -> None:
    with contests() as found:
        interleaved(found, rounds_)


if __name__ == "__main__":
    if sys.argv[1:2] == ["send"]:
        _send(int(sys.argv[2]), int(sys.argv[3]), *map(Path, sys.argv[4:5]))
    else:
        main(*map(int, sys.argv[1:2]))
