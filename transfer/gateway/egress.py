"""Bytes on their way out, and the watcher that cuts them.

Looking before each read is not enough: towards a slow receiver the sender sits in its socket and never looks. So one
watcher looks at all streams, twice a second, and aborts the transport of what may not go on. The socket's buffer is
small, so that little is beyond recall.
"""

import asyncio
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from transfer.errors import TransferError
from transfer.flow.basis import rule_packet
from transfer.flow.deliver import open_egress
from transfer.flow.edges import Edges
from transfer.identifiers import InstitutionId, PacketId, PatientId
from transfer.ledger import packets, patients
from transfer.ledger.packets import Egress, Sender
from transfer.packet import Plan

#: seconds between two looks at the open streams
LOOK = 0.5
#: every so many looks each stream is ruled on anew, epoch or not: a form may expire while it flows
ANEW = 20
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

    def cut(self) -> None:
        """Stop at once: what the socket still holds is thrown away, the receiver sees a reset."""
        self.is_cut = True
        if self.transport is None:
            return
        if raw := self.transport.get_extra_info("socket"):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Outgoing:
    """All streams of this process."""

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self._sender = Sender(edges.ledger)
        self._streams: dict[str, Stream] = {}

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
        stream = Stream(egress=egress, recipient=recipient, transport=transport)
        self._streams[egress.id] = stream
        return stream, plan

    def close(self, stream: Stream, outcome: str) -> None:
        """The stream ended. Blocks; call it in a thread."""
        self._streams.pop(stream.egress.id, None)
        with self._edges.ledger.transaction() as tx:
            packets.close_egress(tx, stream.egress.id, stream.sent, "cut" if stream.is_cut else outcome)

    async def watch(self) -> None:
        """Look until cancelled. Whatever goes wrong while looking, nothing flows unwatched: then all is cut."""
        looks = 0
        while True:
            await asyncio.sleep(LOOK)
            looks += 1
            try:
                doomed = await asyncio.to_thread(self._look, anew=looks % ANEW == 0)
            except Exception:  # noqa: BLE001  the ledger is gone or we are broken: nobody can say that bytes may flow
                doomed = list(self._streams.values())
            for stream in doomed:
                stream.cut()

    def _look(self, *, anew: bool) -> list[Stream]:
        streams = dict(self._streams)
        if not streams:
            return []
        with self._edges.ledger.transaction() as tx:
            for stream in streams.values():
                packets.count(tx, stream.egress.id, stream.sent)
            moved = {one.id for one in packets.stale(tx, self._sender.number)}
        return [s for name, s in streams.items() if (name in moved or anew) and not self._may_go_on(s)]

    def _may_go_on(self, stream: Stream) -> bool:
        egress = stream.egress
        try:
            with self._edges.ledger.transaction() as tx:
                epoch = patients.share(tx, egress.patient)
                rulings = rule_packet(tx, self._edges.institutions, egress.patient, egress.packet, stream.recipient)
                if not all(ruling.is_permitted for ruling in rulings):
                    return False
                packets.renew_egress(tx, egress, epoch)
        except TransferError:
            return False
        return True

    def shut(self) -> None:
        """Cut what is open and let go of the sender's lock: whoever waits for a fence need not wait for us."""
        for stream in list(self._streams.values()):
            stream.cut()
            self.close(stream, "cut")
        self._sender.__exit__(None, None, None)


def pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces small enough to be watched."""
    for chunk in chunks:
        for at in range(0, len(chunk), PIECE):
            yield chunk[at : at + PIECE]


def transport_of(scope: Any) -> asyncio.Transport | None:
    """The transport beneath a request, put there by `transfer.gateway.serving`."""
    extensions = scope.get("extensions") or {}
    found: asyncio.Transport | None = extensions.get("transfer.transport", {}).get("transport")
    return found
