"""What a message says, apart from how it was sent: by this a message that is sent again is known."""

import hashlib
from typing import Final

from transfer.adapters.hl7v2.characters import Delimiters
from transfer.adapters.hl7v2.message import Message

#: when it was sent, under which number, and what made somebody send it
_OF_SENDING: Final = frozenset({"MSH", "EVN"})
_STANDARD: Final = Delimiters(b"|")


def substance(payload: bytes) -> str:
    """A SHA-256 in hexadecimal that is the same of a message that was sent again with another time (MSH-7) and number
    (MSH-10), and another of any message that says something else: also by the same bytes in another character set
    (MSH-18) or with other delimiters (MSH-1, MSH-2).

    Raises:
        Unreadable: not an HL7 v2 message, or a batch of them.
        TooLarge: beyond the bounds of `message`.
    """
    message = Message(payload)
    said = hashlib.sha256(f"{message.header.message_type}^{message.header.trigger}".encode("latin-1"))
    if message.delimiters != _STANDARD:
        said.update(repr(message.delimiters).encode())
    if not message.data.isascii():
        said.update(f"\r{message.codec}".encode())
    for segment in message.segments_in_order:
        if segment.name not in _OF_SENDING:
            said.update(b"\r" + message.data[segment.start : segment.end])
    return said.hexdigest()
