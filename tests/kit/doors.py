"""Hands at the gateway's doors: what an institution could send, byte for byte."""

import asyncio
import hashlib
import json
import random
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from tests.kit.house import Chart, House
from transfer.adapters import hl7v2
from transfer.flow.services import Services
from transfer.gateway.callers import Caller, Callers
from transfer.gateway.fhir_door import FhirDoor
from transfer.gateway.intake import Intake
from transfer.gateway.mllp.message_store import LedgerMessageStore
from transfer.gateway.mllp.messages import Frame, StoreOutcome, StoreResult
from transfer.gateway.payload import IN_MEMORY, Payload, Spool
from transfer.identifiers import InstitutionId
from transfer.sandbox.pathology import messages


@dataclass(frozen=True)
class Said:
    """What the FHIR door answered."""

    status: int
    body: Any


def config(house: House, institution: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((house.var / "sandbox" / f"{institution}.json").read_text())
    return found


def post(house: House, institution: str, path: str, resource: object, *, token: str | None = None) -> Said:
    """POST to the FHIR door as this institution. `resource` is bytes as they are, or what JSON is made of."""
    known = config(house, institution)
    body = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
    headers = {
        "Authorization": f"Bearer {token or known['gateway_token']}",
        "Content-Type": "application/fhir+json",
    }
    with urllib3.PoolManager(retries=False, timeout=60) as http:
        answer = http.request("POST", known["gateway_url"].rstrip("/") + path, body=body, headers=headers)
    try:
        return Said(answer.status, json.loads(answer.data))
    except ValueError:
        return Said(answer.status, None)


def a_task(system: str, value: str, status: str, reason: str | None = None, **more: object) -> dict[str, Any]:
    """A receipt (of a packet) or an answer to a request of ours."""
    task: dict[str, Any] = {
        "resourceType": "Task",
        "intent": "order",
        "status": status,
        "focus": {"identifier": {"system": f"urn:records-transfer:{system}", "value": value}},
        **more,
    }
    if reason:
        task["statusReason"] = {"coding": [{"system": "urn:records-transfer:reason", "code": reason}]}
    return task


def a_control_id() -> str:
    return f"T{random.randrange(10**15)}"


def a_report(chart: Chart, *, control_id: str | None = None, status: str = "F") -> bytes:
    return messages.report(chart, control_id=control_id or a_control_id(), status=status, form="oru")


def withdrawn(chart: Chart) -> bytes:
    """OBX-11 W: posted to the wrong patient."""
    return re.sub(rb"(\rOBX\|.*)\|F(?=\r)", rb"\1|W", a_report(chart))


def deliver(house: House, *messages: bytes) -> list[str]:
    """Send HL7 v2 messages through pathology's MLLP port, one after another; MSA-1 of each answer."""
    with socket.create_connection(("127.0.0.1", config(house, "pathology")["gateway_mllp_port"]), timeout=20) as line:
        return [_exchange(line, message) for message in messages]


def _exchange(line: socket.socket, message: bytes) -> str:
    line.sendall(b"\x0b" + message + b"\x1c\r")
    received = b""
    while b"\x1c\r" not in received:
        more = line.recv(65536)
        assert more, "the door hung up"
        received += more
    found = re.search(rb"\rMSA\|(\w\w)", received)
    assert found, received
    return found[1].decode()


# --- doors without a socket -------------------------------------------------------------------------------------------


def posted(services: Services, institution: str, resource: object) -> str:
    """What the FHIR door does with a resource of this institution's, once it knows who calls. The arrival's id."""
    body = Payload()
    body.add(resource if isinstance(resource, bytes) else json.dumps(resource).encode())
    known = services.institutions[institution]
    with _intake(services) as intake, tempfile.TemporaryDirectory() as folder:
        if body.length > IN_MEMORY:
            body.spill(Spool(Path(folder)))
        door = FhirDoor(services, intake, Callers(services.institutions), Path(folder))
        answer = asyncio.run(door._store_in_turn(Caller(known, known.grants), body))
        body.discard()
    assert answer.status < 300, answer.body
    return _newest(services)


def received(services: Services, institution: str, message: bytes) -> str:
    """What the message store of an MLLP door does with a message of this institution's. The arrival's id."""
    frame = Frame(
        institution=InstitutionId(institution),
        header=hl7v2.header(message),
        payload=message,
        sink=None,
        length=len(message),
        sha256=hashlib.sha256(message).hexdigest(),
    )
    with _intake(services) as intake, tempfile.TemporaryDirectory() as folder:
        store = LedgerMessageStore(intake, services.vault, services.institutions, Path(folder))
        answer = answered(store, frame)
    assert answer.outcome in (StoreOutcome.STORED, StoreOutcome.DUPLICATE), answer
    return _newest(services)


def answered(store: LedgerMessageStore, frame: Frame) -> StoreResult:
    """What it makes of the frame, in an event loop of its own."""

    async def stored() -> StoreResult:
        told: asyncio.Future[StoreResult] = asyncio.get_running_loop().create_future()

        def tell(result: StoreResult | BaseException) -> None:
            if isinstance(result, BaseException):
                told.set_exception(result)
            else:
                told.set_result(result)

        storing = store.store(frame, tell)
        return await (storing or told)

    return asyncio.run(stored())


@contextmanager
def _intake(services: Services) -> Iterator[Intake]:
    intake = Intake(services.ledger)
    try:
        yield intake
    finally:
        asyncio.run(intake.close())


def _newest(services: Services) -> str:
    with services.ledger.transaction() as tx:
        return str(tx.value("SELECT arrival FROM arrivals ORDER BY received_at DESC LIMIT 1"))
