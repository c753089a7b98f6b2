"""Bytes on their way out, and the watcher that cuts them.

Looking before each read is not enough: towards a slow receiver the sender sits in its socket and never looks. So one
watcher looks at all streams, twice a second, and aborts the transport of what may not go on. The socket's buffer is
small, so that little is beyond recall.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from transfer.errors import TransferError, Unavailable
from transfer.flow.basis import rule_packet, stands_until
from transfer.flow.deliver import open_egress
from transfer.flow.edges import Edges
from transfer.flow.fence import note_fences
from transfer.identifiers import InstitutionId, PacketId, PatientId
from transfer.ledger import packets, patients
from transfer.ledger.packets import Egress, Sender
from transfer.packet import Plan
from transfer.sealing import KeyGone

log = logging.getLogger("transfer.gateway.egress")

#: seconds between two looks at the open streams
LOOK = 0.5
#: every so many looks each stream is ruled on anew, epoch or not: what a ruling rests on may end by itself
ANEW = 20
#: bytes handed to the socket at once
PIECE = 1 << 18


@dataclass(slots=True)
class Stream:
    """One response in flight. `sent` counts the bytes handed to the socket."""

    egress: Egress
    recipient: InstitutionId
    transport: asyncio.Transport | None
    #: when a form of the patient's expires, if one does: then it is ruled on anew
    until: datetime | None
    sent: int = 0
    is_cut: bool = field(default=False)
    #: the response has ended by itself: its connection may serve another request by now
    is_over: bool = field(default=False)

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


class Outgoing:
    """All streams of this process."""

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self._sender = Sender(edges.ledger)
        self._streams: dict[str, Stream] = {}
        #: ended, and the ledger did not answer when that was to be written
        self._unwritten: dict[str, tuple[Stream, str]] = {}
        with edges.ledger.transaction() as tx:
            packets.close_dead(tx)

    def open(
        self, packet: PacketId, recipient: InstitutionId, transport: asyncio.Transport | None, channel: str
    ) -> tuple[Stream, Plan] | None:
        """Open a stream of a packet's bytes, if that is permitted now. Blocks; call it in a thread."""
        with self._edges.ledger.transaction() as tx:
            opened = tx.case(packet.case).opened
            if opened is None:
                return None
            patient = PatientId(opened.patient)
            egress = open_egress(tx, self._edges, packet, patient, recipient, self._sender.number, channel)
            if egress is None:
                return None
            plan = packets.plan_of(tx, packet, patient)
            until = stands_until(tx, self._edges.institutions, patient)
        stream = Stream(egress=egress, recipient=recipient, transport=transport, until=until)
        self._streams[egress.id] = stream
        return stream, plan

    def close(self, stream: Stream, outcome: str) -> None:
        """The stream ended. Blocks; call it in a thread. If the ledger does not answer it is written later."""
        self._streams.pop(stream.egress.id, None)
        self._unwritten[stream.egress.id] = (stream, "cut" if stream.is_cut else outcome)
        with suppress(Unavailable):
            self._write_ends()

    def _write_ends(self) -> None:
        for name, (stream, outcome) in list(self._unwritten.items()):
            with self._edges.ledger.transaction() as tx:
                packets.close_egress(tx, name, stream.sent, outcome)
            self._unwritten.pop(name, None)

    async def watch(self) -> None:
        """Look until cancelled. Whatever goes wrong while looking, nothing flows unwatched: then all is cut."""
        looks = 0
        while True:
            await asyncio.sleep(LOOK)
            looks += 1
            try:
                doomed = await asyncio.to_thread(self._look, anew=looks % ANEW == 0)
            except Exception as error:  # noqa: BLE001  the ledger is gone or we are broken: nobody can say that bytes may flow
                _say_unless_expected(error)
                doomed = list(self._streams.values())
            for stream in doomed:
                stream.cut()
            try:
                await asyncio.to_thread(note_fences, self._edges.ledger)
            except Exception as error:  # noqa: BLE001  who asks next writes it, and the looking goes on
                _say_unless_expected(error)

    def _look(self, *, anew: bool) -> list[Stream]:
        """The streams that may not go on. Without our session's lock others take us for dead: then all of them."""
        streams = dict(self._streams)
        if not self._sender.is_alive():
            self._sender = Sender(self._edges.ledger)
            return list(streams.values())
        self._write_ends()
        if not streams:
            return []
        with self._edges.ledger.transaction() as tx:
            written_off = {name for name, s in streams.items() if not packets.count(tx, name, s.sent)}
            moved = {one.id for one in packets.stale(tx, self._sender.number)}
            now = tx.now()
        due = {name for name, s in streams.items() if anew or name in moved or (s.until and s.until <= now)}
        return [s for name, s in streams.items() if name in written_off or (name in due and not self._may_go_on(s))]

    def _may_go_on(self, stream: Stream) -> bool:
        egress = stream.egress
        try:
            with self._edges.ledger.transaction() as tx:
                epoch = patients.share(tx, egress.patient)
                rulings = rule_packet(tx, self._edges.institutions, egress.patient, egress.packet, stream.recipient)
                if not all(ruling.is_permitted for ruling in rulings):
                    return False
                packets.renew_egress(tx, egress, epoch)
                stream.until = stands_until(tx, self._edges.institutions, egress.patient)
        except (TransferError, KeyGone):
            return False
        return True

    def shut(self) -> None:
        """Cut what is open and let go of the sender's lock: whoever waits for a fence need not wait for us."""
        for stream in list(self._streams.values()):
            stream.cut()
            self.close(stream, "cut")
        self._sender.__exit__(None, None, None)


def _say_unless_expected(error: Exception) -> None:
    if not isinstance(error, TransferError):
        log.error("egress: looking at the open streams failed: %s", type(error).__name__)


def pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces small enough to be watched."""
    for chunk in chunks:
        for at in range(0, len(chunk), PIECE):
            yield chunk[at : at + PIECE]
