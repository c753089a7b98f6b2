"""Senders that are not ours at our MLLP door: what they send is kept, and they understand what we answer."""

import asyncio
import base64
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.kit import acknowledgements
from tests.kit.memory_message_store import MemoryMessageStore
from tests.kit.peers import hl7v2
from tests.kit.peers.hl7v2 import Answer
from transfer.doors import MllpDoor
from transfer.gateway.mllp import MllpServer, StoreOutcome, StoreResult
from transfer.identifiers import InstitutionId

pytestmark = pytest.mark.servers

SAMPLES = Path(__file__).parents[1] / "samples" / "hl7v2"
REPORT = (SAMPLES / "oru_path_final_ed_pdf.hl7").read_bytes()
LAB = InstitutionId("commhosp-lab")
DOOR = MllpDoor(port=0, sending_application="LISAPP", sending_facility="COMMHOSP")

senders = pytest.mark.parametrize("sender", [hl7v2.python_hl7, hl7v2.node_hl7], ids=["python-hl7", "node-hl7-client"])
Sender = Callable[[], Sequence[Path]]


def a_message(number: int, *segments: bytes) -> bytes:
    msh = b"MSH|^~\\&|LISAPP|COMMHOSP|RECAPP|RECVCC|20260105101500||ORU^R01^ORU_R01|%d|P|2.5.1" % number
    return b"\r".join((msh, b"PID|1||1^^^COMMHOSP^MR||\xc5\xbb\xc3\xb3\xc5\x82\xc4\x87^Maria", *segments)) + b"\r"


def a_scan(number: int) -> bytes:
    """A report of five megabytes, as base64 in OBX-5."""
    data = base64.b64encode(random.Random(number).randbytes(5 * 750_000))
    return a_message(number, b"OBR|1||S26-1|11526-1^Pathology^LN", b"OBX|1|ED|PDF||^AP^PDF^Base64^" + data + b"||||||F")


def at_the_door(act: Callable[[int], Awaitable[Any]], message_store: MemoryMessageStore) -> Any:
    async def opened() -> Any:
        server = MllpServer({LAB: DOOR}, message_store)
        await server.start()
        try:
            return await act(server.port(LAB))
        finally:
            await server.close(grace=1)

    return asyncio.run(opened())


def sent(sender: Sender, messages: list[bytes], message_store: MemoryMessageStore) -> list[Answer]:
    program = sender()
    answers: list[Answer] = at_the_door(lambda port: hl7v2.send(program, port, messages), message_store)
    return answers


@senders
def test_messages_are_kept_to_the_byte_and_each_is_acknowledged_in_turn(sender: Sender) -> None:
    message_store, messages = (
        MemoryMessageStore(),
        [a_message(number, b"NTE|1||note %d" % number) for number in range(20)],
    )

    answers = sent(sender, messages, message_store)

    assert answers == [Answer("AA", str(number), "ACK") for number in range(20)]
    assert [payload.rstrip(b"\r") for payload in message_store.payloads] == [
        message.rstrip(b"\r") for message in messages
    ]


@senders
def test_a_report_of_five_megabytes_is_kept_to_the_byte(sender: Sender) -> None:
    message_store, scan = MemoryMessageStore(), a_scan(7)

    assert sent(sender, [scan, a_message(8)], message_store) == [Answer("AA", "7", "ACK"), Answer("AA", "8", "ACK")]

    assert message_store.payloads[0].rstrip(b"\r") == scan.rstrip(b"\r")


@senders
def test_a_message_that_is_not_kept_is_not_taken_for_acknowledged(sender: Sender) -> None:
    message_store = MemoryMessageStore(answers=[StoreResult(StoreOutcome.UNAVAILABLE)])

    assert sent(sender, [a_message(1), a_message(1)], message_store) == [
        Answer("AR", "1", "ACK"),
        Answer("AA", "1", "ACK"),
    ]


@senders
def test_a_message_sent_again_is_acknowledged_again_and_kept_once(sender: Sender) -> None:
    message_store = MemoryMessageStore()

    assert sent(sender, [a_message(1), a_message(1)], message_store) == [Answer("AA", "1", "ACK")] * 2

    assert len(message_store.payloads) == 1


@senders
def test_a_message_of_somebody_else_is_refused_at_this_door(sender: Sender) -> None:
    message_store = MemoryMessageStore()

    (answer,) = sent(sender, [a_message(1).replace(b"LISAPP", b"OTHERS")], message_store)

    assert (answer.code, answer.of) == ("AR", "1")
    assert message_store.payloads == []


@pytest.mark.parametrize("message", [REPORT, a_scan(9)], ids=["sample", "5-mb"])
def test_the_command_mllp_send_has_its_message_kept(message: bytes, tmp_path: Path) -> None:
    message_store, file = MemoryMessageStore(), tmp_path / "message.hl7"
    file.write_bytes(message)

    answer = at_the_door(lambda port: hl7v2.mllp_send(port, file), message_store)

    assert acknowledgements.read(answer.strip(b"\x0b\x1c\r\n")).code in ("AA", "CA")
    assert [payload.rstrip(b"\r") for payload in message_store.payloads] == [message.rstrip(b"\r")]
