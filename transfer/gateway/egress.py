"""Bytes on their way out, and the watcher that cuts them.

Looking before each read is not enough: towards a slow receiver the sender sits in its socket and never looks. So one
watcher looks at all streams, twice a second, and aborts the transport of what may not go on. The socket's buffer is
small, so that little is beyond recall.

Looking has a thread and a connection of its own and waits for nobody: not for the threads and connections that doors
and vault share, and not for what is only to be written.
"""

import asyncio
import itertools
import logging
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from transfer.disclosures import EgressOutcome
from transfer.errors import TransferError, Unavailable
from transfer.flow.basis import may_release, stands_until
from transfer.flow.deliver import open_egress
from transfer.flow.owed_notes import note_owed_ends
from transfer.flow.services import Services
from transfer.flow.stopping import note_completed_stops
from transfer.flow.watch import MAX_LOOK_SECONDS
from transfer.identifiers import InstitutionId, PacketId
from transfer.ledger import Ledger, disclosures, packets, patients
from transfer.ledger.disclosures import Egress, Sender
from transfer.packet import Plan
from transfer.sealing import KeyGone

log = logging.getLogger("transfer.gateway.egress")

T = TypeVar("T")

#: seconds between two looks at the open streams
LOOK_EVERY_SECONDS = 0.5
#: each stream is ruled on anew at one of so many looks, epoch or not: what a ruling rests on may end by itself
RULE_AGAIN_EVERY_LOOKS = 20
#: how long a ruling waits for who is changing the patient's permissions; then this stream is cut, and no other
CHANGING = "500ms"
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
    #: which of the looks rules on it anew, so that not all fall on one
    turn: int
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

    def __init__(self, services: Services) -> None:
        self._services = services
        own = services.ledger
        self._looking = Ledger(own.url, own.keys, own.origin, connections=1)
        self._sender = Sender(own)
        self._turns = itertools.count()
        #: rows written and perhaps not committed
        self._opening: set[str] = set()
        self._streams: dict[str, Stream] = {}
        #: ended, and the ledger did not answer when that was to be written
        self._unwritten: dict[str, tuple[Stream, EgressOutcome]] = {}
        #: the last look failed, or has not come back
        self._is_blind = False
        with own.transaction() as tx:
            disclosures.close_dead(tx)

    def open(
        self, packet: PacketId, recipient: InstitutionId, transport: asyncio.Transport | None, channel: str
    ) -> tuple[Stream, Plan] | None:
        """Open a stream of a packet's bytes, if that is permitted now. Blocks; call it in a thread.

        Raises:
            Unavailable: the ledger does not answer, or nobody could watch the stream.
        """
        if self._is_blind:
            raise Unavailable("open streams cannot be watched")
        egress = None
        try:
            with self._services.ledger.transaction() as tx:
                opened = tx.case(packet.case).as_opened
                if opened is None:
                    return None
                patient = opened.patient
                egress = open_egress(tx, self._services, packet, patient, recipient, self._sender.number, channel)
                if egress is None:
                    return None
                self._opening.add(egress.id)
                plan = packets.plan_of(tx, packet, patient)
                until = stands_until(tx, self._services.institutions, patient)
            stream = Stream(
                egress=egress, recipient=recipient, transport=transport, until=until, turn=next(self._turns)
            )
            self._streams[egress.id] = stream
        finally:
            if egress:
                self._opening.discard(egress.id)
        return stream, plan

    def close(self, stream: Stream, outcome: EgressOutcome) -> None:
        """The stream ended. Blocks; call it in a thread. If the ledger does not answer it is written later."""
        self._unwritten[stream.egress.id] = (stream, EgressOutcome.CUT if stream.is_cut else outcome)
        self._streams.pop(stream.egress.id, None)
        with suppress(Unavailable):
            self._write_ends()

    def _write_ends(self) -> None:
        for name, (stream, outcome) in list(self._unwritten.items()):
            with self._services.ledger.transaction() as tx:
                disclosures.close_egress(tx, name, stream.sent, outcome)
            self._unwritten.pop(name, None)

    def _close_lost(self) -> None:
        """Close our rows that no stream belongs to: the answer to their opening was lost, and nothing was ever sent.

        The rows are read first and our own names after that, in the order in which a stream goes through them: so a
        row that is still to become a stream is found in one of them.
        """
        with self._services.ledger.transaction() as tx:
            rows = disclosures.open_of(tx, self._sender.number)
        known = {*self._opening, *self._streams, *self._unwritten}
        for name in rows:
            if name not in known:
                with self._services.ledger.transaction() as tx:
                    disclosures.close_egress(tx, name, 0, EgressOutcome.BROKEN)

    async def watch(self) -> None:
        """Look until cancelled. Whatever goes wrong while looking, nothing flows unwatched: then all is cut."""
        writing: asyncio.Future[None] | None = None
        for number in itertools.count():
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            if writing is None or writing.done():
                writing = _beside("write", self._write)
            await self._cut_after(_beside("look", partial(self._try_to_look, number)))

    async def _cut_after(self, look: "asyncio.Future[list[Stream] | None]") -> None:
        """Wait for a look and cut what it names. While it does not come back all is cut, and no other is begun."""
        wait_seconds = MAX_LOOK_SECONDS
        while not (await asyncio.wait({look}, timeout=wait_seconds))[0]:
            self._cut_all()
            wait_seconds = LOOK_EVERY_SECONDS
        doomed = look.result()
        if doomed is None:
            self._cut_all()
            return
        self._is_blind = False
        for stream in doomed:
            self._cut(stream)

    def _cut_all(self) -> None:
        self._is_blind = True
        for stream in list(self._streams.values()):
            self._cut(stream)

    def _cut(self, stream: Stream) -> None:
        """Cut it, and have its end written, so that no stop waits until its response has a thread to say so itself."""
        stream.cut()
        if stream.is_cut and stream.transport:
            self._unwritten[stream.egress.id] = (stream, EgressOutcome.CUT)
            self._streams.pop(stream.egress.id, None)

    def _try_to_look(self, number: int) -> list[Stream] | None:
        """None: the ledger is gone or we are broken, and nobody can say that bytes may flow."""
        try:
            return self._look(number)
        except Exception as error:  # noqa: BLE001  whatever it is, all is cut
            _say_unless_expected(error)
            return None

    def _write(self) -> None:
        """What follows from streams that ended. It may wait for others' locks, and nothing waits for it."""
        ledger = self._services.ledger
        owed = (partial(note_completed_stops, ledger), partial(note_owed_ends, ledger))
        for write in (self._write_ends, self._close_lost, *owed):
            try:
                write()
            except Exception as error:  # noqa: BLE001  who asks next writes it, and the looking goes on
                _say_unless_expected(error)

    def _look(self, number: int) -> list[Stream]:
        """The streams that may not go on. Without our session's lock others take us for dead: then all of them."""
        streams = dict(self._streams)
        if not self._sender.is_alive():
            self._sender = Sender(self._services.ledger)
            return list(streams.values())
        if not streams:
            return []
        with self._looking.transaction() as tx:
            written_off = {name for name, s in streams.items() if not disclosures.count(tx, name, s.sent)}
            moved = {one.id for one in disclosures.stale(tx, self._sender.number)}
            now = tx.now()
        due = {
            name
            for name, s in streams.items()
            if name in moved or (number + s.turn) % RULE_AGAIN_EVERY_LOOKS == 0 or (s.until and s.until <= now)
        }
        return [s for name, s in streams.items() if name in written_off or (name in due and not self._may_go_on(s))]

    def _may_go_on(self, stream: Stream) -> bool:
        egress = stream.egress
        try:
            with self._looking.transaction() as tx:
                tx.run(f"SET LOCAL lock_timeout = '{CHANGING}'")
                epoch = patients.hold_epoch_shared(tx, egress.patient)
                moving = packets.contents(tx, egress.packet)
                rulings = may_release(tx, self._services.institutions, egress.patient, stream.recipient, moving)
                if not all(ruling.is_permitted for ruling in rulings):
                    return False
                disclosures.renew_egress(tx, egress, epoch)
                stream.until = stands_until(tx, self._services.institutions, egress.patient)
        except (TransferError, KeyGone):
            return False
        return True

    def shut(self) -> None:
        """Cut what is open and release the sender's lock. So nobody who waits for a stop waits for us."""
        for name, stream in list(self._streams.items()):
            stream.cut()
            self._unwritten[name] = (stream, EgressOutcome.CUT)
        with suppress(Unavailable):
            self._write_ends()
        self._sender.__exit__(None, None, None)
        self._looking.close()


def _beside(name: str, do: Callable[[], T]) -> "asyncio.Future[T]":
    """Do it in a thread of its own. One that hangs holds up no other, and nobody waits for it when the process ends."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        result = do()
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(done.set_result, result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return done


def _say_unless_expected(error: Exception) -> None:
    if not isinstance(error, TransferError):
        log.error("egress: looking at the open streams failed: %s", type(error).__name__)


def pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces small enough to be watched."""
    for chunk in chunks:
        for at in range(0, len(chunk), PIECE):
            yield chunk[at : at + PIECE]
