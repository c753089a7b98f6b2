"""Messages of five megabytes through the MLLP door into the store, against boto3 putting the same bytes there.

A message is acknowledged once the store has it and the ledger names it. The other way keeps nothing but the object. The
door is a process of its own, with a ledger and the embedded store; what it holds in memory is told, too.

    python -m tests.campaigns.bench.long_messages [ROUNDS]
"""

# ruff: noqa: T201 - the door says where it is

import asyncio
import io
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from tests.campaigns.bench.intake import LAB, a_door
from tests.campaigns.bench.ledgers import bench_ledger
from tests.campaigns.bench.measure import Contest, Line, interleaved, tell
from transfer.adapters.vault import SMALL_PART, S3Vault
from transfer.arrivals import Grant
from transfer.embedded.store import Store
from transfer.gateway.intake import Intake
from transfer.gateway.mllp.message_store import LedgerMessageStore
from transfer.institutions import Institution, Institutions
from transfer.ledger import vault_objects

BYTES = 5_000_000
SECONDS = 4.0
_BUCKET = "bench"
_HEAD = (
    rb"MSH|^~\&|LISAPP|COMMHOSP|RECAPP|RECVCC|20260105101500||ORU^R01^ORU_R01|%b|P|2.5.1"
    b"\rPID|1||71^^^X||NOBODY^ANN||19600102|F\rOBR|1|O1|F1|11526-1^Pathology study^LN"
    b"\rOBX|1|ED|PDF^Report^L|1|^application^pdf^Base64^"
)
_TAIL = b"||||||F\r"


def _serve() -> None:
    """The door, until its standard input ends. Says where it is, and how to reach the store."""
    with bench_ledger(connections=8) as made:
        store = Store(made.folder / "store")
        store.start()
        vault = S3Vault(
            endpoint=store.endpoint,
            access_key=store.access_key,
            secret_key=store.secret_key,
            region="us-east-1",
            bucket=_BUCKET,
            announce=lambda key: vault_objects.register_upload(made.ledger, key),
            part=SMALL_PART,
        )
        vault.ensure_bucket()
        laboratory = Institution(id=LAB, name="A laboratory", time_zone="UTC", grants=frozenset({Grant.RECORDS}))
        intake = Intake(made.ledger)
        with a_door(LedgerMessageStore(intake, vault, Institutions([laboratory]), made.folder)) as port:
            said = {"endpoint": store.endpoint, "access_key": store.access_key, "secret_key": store.secret_key}
            print(json.dumps({"port": port, **said}), flush=True)
            sys.stdin.read()
        asyncio.run(intake.close())
        store.stop()


@contextmanager
def _door() -> Iterator[tuple[int, int, Any]]:
    """Its process, its port, and a client of its store."""
    command = [sys.executable, "-m", "tests.campaigns.bench.long_messages", "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as door:
        assert door.stdout
        said = json.loads(door.stdout.readline())
        client = boto3.client(
            "s3",
            endpoint_url=said["endpoint"],
            region_name="us-east-1",
            aws_access_key_id=said["access_key"],
            aws_secret_access_key=said["secret_key"],
        )
        yield door.pid, said["port"], client
        assert door.stdin
        door.stdin.close()


def _for_a_while(once: Callable[[int, int], None], senders: int) -> float:
    """How often a second so many that take turns with nobody do it."""
    counts: list[int] = []
    began = time.monotonic()

    def go_on(sender: int) -> None:
        count = 0
        while time.monotonic() < began + SECONDS:
            once(sender, count)
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=go_on, args=(number,)) for number in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - began)


def _sending(port: int, senders: int) -> float:
    unique, body = f"{time.time_ns():x}", b"QUJD" * (BYTES // 4)
    lines = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(senders)]

    def send(sender: int, count: int) -> None:
        wire = lines[sender]
        wire.sendall(b"\x0b" + _HEAD % f"{unique}{sender}{count}"[-20:].encode() + body + _TAIL + b"\x1c\r")
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            answer += wire.recv(4096)
        assert b"\rMSA|AA|" in answer, answer

    try:
        return _for_a_while(send, senders)
    finally:
        for wire in lines:
            wire.close()


def _putting(client: Any, senders: int) -> float:
    body = b"QUJD" * (BYTES // 4)

    def put(sender: int, count: int) -> None:
        client.upload_fileobj(io.BytesIO(body), _BUCKET, f"put/{sender}/{count}")

    return _for_a_while(put, senders)


def _memory(pid: int, what: str) -> float:
    """MB: `VmRSS` now, `VmHWM` at most so far."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def main(rounds: int) -> None:
    with _door() as (pid, port, client):
        _sending(port, 1)  # what is loaded with the first is no cost of each
        Path(f"/proc/{pid}/clear_refs").write_text("5")
        rest = _memory(pid, "VmRSS")
        contests = [
            Contest(
                name=f"5 MB, {senders} sender{'s' if senders > 1 else ''}",
                unit="msg/s",
                ours=lambda senders=senders: _sending(port, senders),  # type: ignore[misc]
                other=lambda senders=senders: _putting(client, senders),  # type: ignore[misc]
                against="boto3 alone",
            )
            for senders in (1, 4)
        ]
        interleaved(contests, rounds)
        most = _memory(pid, "VmHWM")
        tell(
            Line(
                name="memory of the door over its rest",
                figure=most - rest,
                unit="MB",
                against="at rest",
                other=rest,
                wanted="<= 40",
            )
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        _serve()
    else:
        main(*map(int, sys.argv[1:2] or ["2"]))
