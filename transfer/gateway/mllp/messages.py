"""What a port hands over, and what it asks of the message store."""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from transfer.adapters.hl7v2.acknowledge import ErrorCode
from transfer.adapters.hl7v2.header import MessageHeader
from transfer.doors import FrameEnding
from transfer.gateway.payload import Sink
from transfer.identifiers import InstitutionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message as it came through an institution's port: in `payload` up to `IN_MEMORY` bytes, else in `sink`."""

    institution: InstitutionId
    header: MessageHeader
    payload: bytes | None
    sink: Sink | None
    length: int
    #: of the payload, lower-case hex
    sha256: str

    def chunks(self) -> Iterator[bytes]:
        """The payload from its beginning."""
        if self.sink is not None:
            return self.sink.chunks()
        return iter([self.payload or b""])


class StoreOutcome(StrEnum):
    """What a message store says of a frame."""

    STORED = "stored"
    #: the same bytes under the same control id are here already: answered as before, nothing done
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class StoreResult:
    """What became of a frame. `error` says why it was refused; one below 200 (content) is answered AE or CE."""

    outcome: StoreOutcome
    error: ErrorCode | None = None


#: a connection is told what came of its frame, once
Answered = Callable[[StoreResult | BaseException], None]


class MessageStore(Protocol):
    """Stores messages durably."""

    def sink(self, institution: InstitutionId) -> Sink:
        """A place for a payload over `IN_MEMORY` bytes that has begun to arrive.

        Raises:
            Unavailable, OSError: there is none now.
        """

    def store(self, frame: Frame, answered: Answered) -> Coroutine[Any, Any, StoreResult] | None:
        """Done when the frame will survive the loss of every process and the machine's power, and not before: the
        acknowledgement follows at once and releases the sender. Storing the same frame again is a duplicate.

        It is a coroutine or, where nothing is to be done but to wait, None: then `answered` is called later, which
        costs less than a task. It is not called where this raises. Several connections call this at the same time,
        each for one frame. The frame's sink is the message store's from here on, whatever it returns or raises.

        Raises:
            Unavailable: not now; the same as returning it.
        """

    def note_ending(self, institution: InstitutionId, ending: FrameEnding) -> None:
        """Keep that a frame of theirs ended so and was not taken: people see it. It may take a moment, and is called in
        a thread of its own.

        Raises:
            Unavailable: not now.
        """
