"""The bytes of the documents inside a message, each with whom the message names before it."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby

from transfer.adapters.hl7v2.attachments import attachments
from transfer.adapters.hl7v2.batch import batch
from transfer.adapters.hl7v2.content import EmbeddedContent
from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.values import demographics
from transfer.errors import TransferError
from transfer.institutions import Institution
from transfer.patients import Demographics

AttachedContent = tuple[tuple[Demographics, ...], bytes]


def attached(payload: bytes, institution: Institution) -> Iterator[AttachedContent]:
    """Of a message, or of each message of a batch; a pointer gives nothing. What cannot be read is left out."""
    with suppress(TransferError):
        for each in batch(payload).messages:
            with suppress(TransferError):
                yield from _of_message(Message(each), institution)


def _of_message(message: Message, institution: Institution) -> Iterator[AttachedContent]:
    person: list[Segment | None] = [message.first("PID")]

    def before(segment: Segment) -> Segment | None:
        if segment.name == "PID":
            person[0] = segment
        return person[0]

    for pid, segments in groupby(message.segments("PID", "OBX"), before):
        who = demographics(pid, institution)
        about = () if who == Demographics() else (who,)
        for one in attachments([each for each in segments if each.name == "OBX"]):
            if isinstance(one.content, EmbeddedContent):
                with suppress(TransferError):
                    yield about, b"".join(one.content.open())
