"""What reading and answering messages costs, by hand and by hl7apy; and a door that keeps in memory.

Run: python tests/campaigns/bench/mllp_parse.py
"""

import asyncio
import base64
import io
import os
import resource
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from hl7apy.core import Message as Built
from hl7apy.parser import parse_message

from tests.campaigns.bench.measure import Line, tell
from transfer.adapters.hl7v2 import AcknowledgmentCode, Message, acknowledge, documents, header
from transfer.doors import FrameEnding, MllpDoor
from transfer.gateway.mllp import Frame, MllpServer, StoreOutcome, StoreResult
from transfer.gateway.mllp.messages import Answered
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution

MSH = b"MSH|^~\\&|LISAPP|COMMHOSP|RECAPP|RECVCC|20260105101500||ORU^R01^ORU_R01|%d|P|2.5.1\rPID|1||7^^^X\rOBR|1||F1|x"
LAB = InstitutionId("commhosp-lab")
LABORATORY = Institution(id=LAB, name="A laboratory", time_zone="UTC")
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def microseconds(what: Callable[[], object], times: int) -> float:
    rounds = []
    for _ in range(3):
        begun = time.perf_counter()
        for _ in range(times):
            what()
        rounds.append((time.perf_counter() - begun) / times)
    return min(rounds) * 1e6


def built_by_hl7apy() -> str:
    built = Built("ACK", version="2.5.1")
    built.msh.msh_9, built.msh.msh_10, built.msh.msh_11 = "ACK^R01^ACK", "1", "P"
    built.msa.msa_1, built.msa.msa_2 = "AA", "1"
    text: str = built.to_er7()
    return text


class Drops:
    """Keeps nothing: only the door is measured."""

    def sink(self, institution: InstitutionId) -> "Drops":
        return self

    def note_ending(self, institution: InstitutionId, ending: FrameEnding) -> None:
        """Every frame ends as it should."""

    def write(self, chunk: bytes) -> None:
        """Into nothing."""

    def discard(self) -> None:
        """Nothing to forget."""

    def chunks(self) -> Iterator[bytes]:
        """Nothing was written."""
        return iter(())

    def file(self) -> BinaryIO:
        """As empty."""
        return io.BytesIO()

    async def store(self, frame: Frame, answered: Answered) -> StoreResult:
        return StoreResult(StoreOutcome.STORED)


async def through_the_door(payload: bytes, times: int) -> float:
    """Seconds for so many messages, each sent after the answer to the one before."""
    server = MllpServer({LAB: MllpDoor(port=0, sending_application="LISAPP", sending_facility="COMMHOSP")}, Drops())
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port(LAB))
    begun = time.perf_counter()
    for _ in range(times):
        writer.write(b"\x0b" + payload + b"\x1c\r")
        await writer.drain()
        await reader.readuntil(b"\x1c\r")
    seconds = time.perf_counter() - begun
    writer.close()
    await server.close()
    return seconds


def main() -> None:
    small = MSH % 1 + b"\rOBX|1|FT|22637-3^Dx^LN|1|Some words of a diagnosis||||||F" * 57 + b"\r"
    pdf = b"%PDF-1.4\n" + os.urandom(3_750_000) + b"\n%%EOF\n"
    large = MSH % 2 + b"\rOBX|1|ED|11526-1^P^LN|1|^application^pdf^Base64^" + base64.b64encode(pdf) + b"||||||F\r"
    said = header(small)
    tell(Line(name="header", figure=microseconds(lambda: header(small), 20_000), unit="µs"))
    ours = microseconds(lambda: acknowledge(said, AcknowledgmentCode.ACCEPTED, control_id="1", now=NOW), 20_000)
    theirs = microseconds(built_by_hl7apy, 30)
    _beside_hl7apy("acknowledge", ours, theirs)
    ours = microseconds(lambda: Message(small), 500)
    theirs = microseconds(lambda: parse_message(small.decode()), 3)
    _beside_hl7apy("split 60 segments", ours, theirs)
    for name, message, times in (("60 segments", small, 100), ("PDF of 5 MB", large, 5)):
        took = microseconds(lambda said=message: documents(said, LABORATORY), times)  # type: ignore[misc]
        tell(Line(name=f"documents, {name}", figure=took, unit="µs"))
    for name, message, times in (("one at a time", small, 2000), ("5 MB", large, 20)):
        rate = times / asyncio.run(through_the_door(message, times))
        tell(Line(name=f"the door alone, {name}", figure=rate, unit="msg/s"))
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tell(Line(name="largest memory", figure=largest, unit="MB"))


def _beside_hl7apy(name: str, ours: float, theirs: float) -> None:
    tell(Line(name=name, figure=ours, unit="µs", against="hl7apy", other=theirs, ratio=ours / theirs))


if __name__ == "__main__":
    main()
