"""One response in flight: its bytes counted, and how it is cut."""

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from transfer.identifiers import InstitutionId
from transfer.ledger.disclosures import Egress

#: bytes handed to the socket at once
PIECE = 1 << 18


@dataclass(slots=True)
class Stream:
    """One response in flight. `sent` counts the bytes handed to the socket."""

    egress: Egress
    recipient: InstitutionId
    transport: asyncio.Transport | None
    sent: int = 0
    is_cut: bool = field(default=False)
    #: the response has ended by itself: its connection may serve another request by now
    is_over: bool = field(default=False)
    #: when it was opened, by `time.time_ns`
    began: int = field(default_factory=time.time_ns)

    def cut(self) -> None:
        """Stop at once: what the socket still holds is thrown away, the receiver sees a reset."""
        if self.is_cut or self.is_over:
            return
        self.is_cut = True
        if self.transport is None:
            return
        # What waits in our own buffer was counted and has not been handed to the socket.
        self.sent = max(0, self.sent - self.transport.get_write_buffer_size())
        if raw := self.transport.get_extra_info("socket"):
            with suppress(OSError):  # the receiver has hung up, and the socket is closed
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


def pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces small enough to be watched."""
    for chunk in chunks:
        for at in range(0, len(chunk), PIECE):
            yield chunk[at : at + PIECE]
