"""What the door asks of whoever keeps messages."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from transfer.adapters.hl7v2.acknowledge import ErrorCode
from transfer.adapters.hl7v2.header import MessageHeader
from transfer.identifiers import InstitutionId


class Sink(Protocol):
    """Where a long payload goes while it arrives. The `MessageStore` makes it, and alone knows what it is."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes, at most 256 KiB of them. Called on the event loop: nothing slower than a local disk.

        Raises:
            Unavailable, OSError: it cannot be kept now; the sender is told so and may come again.
        """

    def discard(self) -> None:
        """Forget everything: the payload never came to its end, or is not wanted. Called at most once, and never after
        the frame was given to `MessageStore.store`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message as it came through an institution's port: in `payload` up to 64 KiB, else in `sink`, which from
    then on belongs to the message store.
    """

    institution: InstitutionId
    header: MessageHeader
    payload: bytes | None
    sink: Sink | None
    length: int
    #: of the payload, lower-case hex
    sha256: str


class StoreOutcome(StrEnum):
    STORED = "stored"
    #: the same bytes under the same control id are here already: answered as before, nothing done
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class StoreResult:
    """What became of a frame. `error` says why, where it was refused: below 200 (content) it is answered AE or CE."""

    outcome: StoreOutcome
    error: ErrorCode | None = None


class MessageStore(Protocol):
    """Keeps messages durably (the ledger, the vault)."""

    def sink(self, institution: InstitutionId) -> Sink:
        """A place for a payload over 64 KiB that has begun to arrive.

        Raises:
            Unavailable, OSError: there is none now.
        """

    async def store(self, frame: Frame) -> StoreResult:
        """Return when the frame will survive the loss of every process and the machine's power, and not before: the
        acknowledgement follows at once and releases the sender. Keeping the same frame again is a duplicate.

        Several connections call this at the same time, each for one frame. `Unavailable` may be raised instead of
        returned. The frame's sink is the message_store's from here on, whatever it returns or raises.
        """
