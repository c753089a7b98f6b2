"""A `MessageStore` in memory, as true as the real one: what it holds is what was acknowledged."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from transfer.doors import FrameEnding
from transfer.errors import Unavailable
from transfer.gateway.mllp import Frame, StoreOutcome, StoreResult
from transfer.gateway.mllp.messages import Answered
from transfer.identifiers import InstitutionId


@dataclass
class MemorySink:
    """A payload of any length, and whether it was thrown away."""

    held: bytearray = field(default_factory=bytearray)
    is_discarded: bool = False
    most: int | None = None

    def write(self, chunk: bytes) -> None:
        assert not self.is_discarded
        if self.most is not None and len(self.held) + len(chunk) > self.most:
            raise OSError(28, "No space left on device")
        self.held += chunk

    def discard(self) -> None:
        assert not self.is_discarded
        self.is_discarded = True

    def chunks(self) -> Iterator[bytes]:
        yield bytes(self.held)


@dataclass
class MemoryMessageStore:
    """`answers` replace what it would say, one message each; `seconds` is how long storing takes."""

    seconds: float = 0.0
    answers: list[StoreResult | Exception] = field(default_factory=list)
    sink_holds: int | None = None
    has_sinks: bool = True
    payloads: list[bytes] = field(default_factory=list)
    sinks: list[MemorySink] = field(default_factory=list)
    endings: list[tuple[InstitutionId, FrameEnding]] = field(default_factory=list)
    calls: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    _known: dict[tuple[InstitutionId, str], set[str]] = field(default_factory=dict)

    def sink(self, institution: InstitutionId) -> MemorySink:
        if not self.has_sinks:
            raise Unavailable("no room")
        self.sinks.append(MemorySink(most=self.sink_holds))
        return self.sinks[-1]

    def note_ending(self, institution: InstitutionId, ending: FrameEnding) -> None:
        self.endings.append((institution, ending))

    async def store(self, frame: Frame, answered: Answered) -> StoreResult:
        self.calls += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.seconds:
                await asyncio.sleep(self.seconds)
            return self._answer(frame)
        finally:
            self.in_flight -= 1

    def _answer(self, frame: Frame) -> StoreResult:
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            if answer.outcome in (StoreOutcome.REFUSED, StoreOutcome.UNAVAILABLE):
                return answer
        payload = b"".join(frame.chunks())
        assert hashlib.sha256(payload).hexdigest() == frame.sha256
        assert len(payload) == frame.length
        known = self._known.setdefault((frame.institution, frame.header.control_id), set())
        if frame.sha256 in known:
            return StoreResult(StoreOutcome.DUPLICATE)
        known.add(frame.sha256)
        self.payloads.append(payload)
        return StoreResult(StoreOutcome.STORED)
