"""Bytes on their way out, and the watcher that cuts them (docs/decisions/0008-watching-egress.md).

Looking before each read is not enough: towards a slow receiver the sender sits in its socket and never looks. So one
watcher looks at all streams, twice a second, and aborts the transport of what may not go on. The socket's buffer is
small, so that little is beyond recall.

A look is three statements, however many streams there are. It finds the packets that must be ruled on anew; rulings
have threads and connections of their own, one for all streams of a packet. So a slow ruling costs nobody else's stream.
Neither waits for the threads and connections that doors and vault share, nor for what is only to be written.
"""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from transfer import spans
from transfer.disclosures import EgressOutcome
from transfer.errors import TransferError, Unavailable
from transfer.flow.basis import Rulings
from transfer.flow.deliver import goes_on, links_work, open_egress
from transfer.flow.owed_notes import note_owed_ends
from transfer.flow.services import Services
from transfer.flow.stopping import note_completed_stops
from transfer.flow.watch import MAX_LOOK_SECONDS
from transfer.gateway.streams import Stream
from transfer.identifiers import CaseId, InstitutionId, PacketId
from transfer.ledger import Ledger, cases, disclosures, packets
from transfer.ledger.disclosures import Egress, EgressEnd, Sender
from transfer.metrics import EGRESS_BYTES, EGRESS_STREAMS
from transfer.packet import Plan

log = logging.getLogger("transfer.gateway.egress")

T = TypeVar("T")

#: seconds between two looks at the open streams
LOOK_EVERY_SECONDS = 0.5
#: seconds after which each packet is ruled on anew, epoch or not: what a ruling rests on may end by itself
RULE_AGAIN_SECONDS = 10.0
#: seconds a ruling may take once a look has seen that the former one no longer counts; then its streams are cut
MAX_RULING_SECONDS = 1.5
#: seconds a ruling may be overdue where nothing is known to have changed; then its streams are cut
MAX_OVERDUE_SECONDS = 10.0
#: rulings made at once
RULINGS_AT_ONCE = 4
#: how long a statement waits for who is changing the patient's permissions, or writes to the case
CHANGING = "500ms"
#: seconds after which a receiver may ask again that has as many downloads under way as it may
RETRY_SECONDS = 5


class TooManyDownloads(Unavailable):
    """The receiver has as many downloads under way as it may (`receives.downloads_at_once`)."""


@dataclass(slots=True)
class _Standing:
    """The ruling that all streams of one packet rest on."""

    recipient: InstitutionId
    #: when the last ruling that permitted them was begun, by the process's own clock
    ruled_at: float
    #: when a form of the patient's expires, if one does (UTC): then the ruling no longer counts
    until: datetime | None
    #: when a look saw first that it no longer counts
    doubted_at: float | None = None
    is_being_ruled: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look found."""

    closed: frozenset[str]
    moved: frozenset[str]
    now: datetime


class Outgoing:
    """All streams of this process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        own = services.ledger
        self._looking = Ledger(own.url, own.keys, own.origin, connections=1)
        self._ruling = Ledger(own.url, own.keys, own.origin, connections=RULINGS_AT_ONCE)
        self._sender = Sender(own)
        #: rows written and perhaps not committed
        self._opening: set[str] = set()
        self._streams: dict[str, Stream] = {}
        self._standing: dict[PacketId, _Standing] = {}
        #: openings under way, by receiver
        self._asking: Counter[InstitutionId] = Counter()
        self._counting = threading.Lock()
        #: ended, and not written yet
        self._unwritten: dict[str, tuple[Stream, EgressOutcome]] = {}
        self._writing = threading.Lock()
        #: something is to be written, sooner than by itself
        self._has_ended = asyncio.Event()
        #: the last look failed, or has not come back
        self._is_blind = False
        with own.transaction() as tx:
            disclosures.close_dead(tx)

    def open(
        self, packet: PacketId, recipient: InstitutionId, transport: asyncio.Transport | None, channel: str
    ) -> tuple[Stream, Plan] | None:
        """Open a stream of a packet's bytes, if that is permitted now and its links work. Blocks; call it in a thread.

        Raises:
            Unavailable: the ledger does not answer, or nobody could watch the stream.
            TooManyDownloads: the receiver has as many under way as it may.
            Refused: the packet is purged.
        """
        if self._is_blind:
            raise Unavailable("open streams cannot be watched")
        with self._place_of(recipient):
            return self._open(packet, recipient, transport, channel)

    @contextmanager
    def _place_of(self, recipient: InstitutionId) -> Iterator[None]:
        receives = self._services.institutions[recipient].receives
        at_once = receives.downloads_at_once if receives else 0
        with self._counting:
            under_way = self._asking[recipient] + sum(s.recipient == recipient for s in self._streams.copy().values())
            if under_way >= at_once:
                raise TooManyDownloads("as many downloads are under way as may be", retry_after=RETRY_SECONDS)
            self._asking[recipient] += 1
        try:
            yield
        finally:
            with self._counting:
                self._asking[recipient] -= 1

    def _open(
        self, packet: PacketId, recipient: InstitutionId, transport: asyncio.Transport | None, channel: str
    ) -> tuple[Stream, Plan] | None:
        egress = None
        began = time.monotonic()
        try:
            with self._services.ledger.transaction() as tx:
                case = cases.by_its_packets(tx, packet.case)
                opened = case.as_opened
                if opened is None or not links_work(tx, self._services, case, packet):
                    return None
                patient = opened.patient
                egress = open_egress(tx, self._services, packet, patient, recipient, self._sender.number, channel)
                if egress is None:
                    return None
                self._opening.add(egress.id)
                plan = packets.plan_of(tx, packet, patient)
            stream = Stream(egress=egress, recipient=recipient, transport=transport)
            standing = self._standing.setdefault(packet, _Standing(recipient, began, egress.until))
            standing.ruled_at, standing.until = max(standing.ruled_at, began), egress.until
            self._streams[egress.id] = stream
        finally:
            if egress:
                self._opening.discard(egress.id)
        return stream, plan

    # --- ends ---------------------------------------------------------------------------------------------------------

    def close(self, stream: Stream, outcome: EgressOutcome) -> None:
        """The stream ended. Blocks; call it in a thread. If the ledger does not answer it is written later."""
        self._note_end(stream, EgressOutcome.CUT if stream.is_cut else outcome)
        with suppress(Unavailable):
            self._write_ends()

    def _note_end(self, stream: Stream, outcome: EgressOutcome) -> None:
        self._unwritten[stream.egress.id] = (stream, outcome)
        if self._streams.pop(stream.egress.id, None) is not None:
            EGRESS_STREAMS.labels(stream.recipient, outcome).inc()
            EGRESS_BYTES.labels(stream.recipient).inc(stream.sent)
            spans.record(
                "egress",
                stream.egress.packet,
                stream.began,
                packet=stream.egress.packet,
                egress=stream.egress.id,
                receiver=stream.recipient,
                outcome=outcome,
                bytes=stream.sent,
            )

    def _write_ends(self) -> None:
        """Write what has ended, all of a case at once. Whoever comes while another writes leaves his to him.

        Raises:
            Unavailable: not all could be written.
        """
        while self._unwritten and self._writing.acquire(blocking=False):
            try:
                self._write_all_ends()
            finally:
                self._writing.release()

    def _write_all_ends(self) -> None:
        by_case: dict[CaseId, list[EgressEnd]] = {}
        for name, (stream, outcome) in self._unwritten.copy().items():
            end = EgressEnd(egress=name, size=stream.sent, outcome=outcome)
            by_case.setdefault(stream.egress.packet.case, []).append(end)
        failed: Unavailable | None = None
        for case in sorted(by_case):
            try:
                with self._services.ledger.transaction() as tx:
                    tx.run(f"SET LOCAL lock_timeout = '{CHANGING}'")
                    disclosures.close_egress(tx, by_case[case])
            except Unavailable as error:  # that case is tried again; the next may be written
                failed = error
                continue
            for end in by_case[case]:
                self._unwritten.pop(end.egress, None)
        if failed:
            raise failed

    def _close_lost(self) -> None:
        """Close our rows that no stream belongs to: the answer to their opening was lost, and nothing was ever sent.

        The rows are read first and our own names after that, in the order in which a stream goes through them: so a
        row that is still to become a stream is found in one of them.
        """
        with self._services.ledger.transaction() as tx:
            rows = disclosures.open_of(tx, self._sender.number)
        known = {*self._opening.copy(), *self._streams.copy(), *self._unwritten.copy()}
        lost = [EgressEnd(egress=name, size=0, outcome=EgressOutcome.BROKEN) for name in rows if name not in known]
        if lost:
            with self._services.ledger.transaction() as tx:
                disclosures.close_egress(tx, lost)

    # --- watching -----------------------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Look until cancelled. Whatever goes wrong while looking, nothing flows unwatched: then all is cut."""
        slots = asyncio.Semaphore(RULINGS_AT_ONCE)
        self._has_ended, is_written = asyncio.Event(), asyncio.Event()
        rulings: set[asyncio.Task[None]] = set()
        writers = [
            asyncio.create_task(_again_and_again("ends", self._write_what_ended, self._has_ended, then=is_written)),
            asyncio.create_task(_again_and_again("write", self._note_stops, is_written)),
        ]
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY_SECONDS)
                await self._cut_after(_beside("look", self._try_to_look))
                for packet, standing in self._due():
                    rulings.add(asyncio.create_task(self._rule(packet, standing, slots)))
                for task in [task for task in (*writers, *rulings) if task.done()]:
                    task.result()  # a mistake of ours: whoever serves sees that nobody watches
                    rulings.discard(task)
        finally:
            for task in (*writers, *rulings):
                task.cancel()

    async def _cut_after(self, look: "asyncio.Future[_Seen | None]") -> None:
        """Wait for a look and act on it. While it does not come back all is cut, and no other is begun."""
        wait_seconds = MAX_LOOK_SECONDS
        while not (await asyncio.wait({look}, timeout=wait_seconds))[0]:
            self._cut_all()
            wait_seconds = LOOK_EVERY_SECONDS
        seen = look.result()
        if seen is None:
            self._cut_all()
            return
        self._is_blind = False
        self._doubt(seen)
        for stream in self._streams.copy().values():
            if stream.egress.id in seen.closed:
                self._cut(stream)

    def _doubt(self, seen: _Seen) -> None:
        """Note which rulings no longer count, and have their streams cut unless a new one comes in time."""
        moved = {s.egress.packet for s in self._streams.copy().values() if s.egress.id in seen.moved}
        for packet, standing in self._standing.copy().items():
            is_over = packet in moved or (standing.until is not None and standing.until <= seen.now)
            if is_over and standing.doubted_at is None:
                standing.doubted_at = time.monotonic()
                asyncio.get_running_loop().call_later(
                    MAX_RULING_SECONDS, self._cut_if_still_doubted, packet, standing.doubted_at
                )

    def _cut_if_still_doubted(self, packet: PacketId, since: float) -> None:
        standing = self._standing.get(packet)
        if standing and standing.doubted_at == since:
            standing.doubted_at = None  # what is opened from now on has a ruling of its own
            self._cut_packet(packet)

    def _due(self) -> list[tuple[PacketId, _Standing]]:
        """The packets to be ruled on now, noted as such. Those that nobody fetches any more are let go."""
        now = time.monotonic()
        is_idle = not self._asking.total()
        fetched = {s.egress.packet: s.recipient for s in self._streams.copy().values()}
        for packet in self._standing.keys() - fetched.keys() if is_idle else ():
            self._standing.pop(packet, None)
        due = []
        for packet, recipient in sorted(fetched.items()):
            standing = self._standing.setdefault(packet, _Standing(recipient, now - RULE_AGAIN_SECONDS, None))
            age = now - standing.ruled_at
            if age > RULE_AGAIN_SECONDS + MAX_OVERDUE_SECONDS:
                self._cut_packet(packet)
            elif not standing.is_being_ruled and (standing.doubted_at is not None or age >= RULE_AGAIN_SECONDS):
                standing.is_being_ruled = True
                due.append((packet, standing))
        return due

    async def _rule(self, packet: PacketId, standing: _Standing, slots: asyncio.Semaphore) -> None:
        """Rule on a packet anew, when one of the slots is free, and cut its streams where that is the ruling."""
        async with slots:
            began = time.monotonic()
            streams = [s for s in self._streams.copy().values() if s.egress.packet == packet]
            rulings = await _beside("rule", partial(self._try_to_rule, packet, standing.recipient, streams))
        standing.is_being_ruled = False
        if standing.doubted_at is not None and standing.doubted_at <= began:
            standing.doubted_at = None
        if rulings is not None:
            standing.ruled_at, standing.until = max(standing.ruled_at, began), rulings.stand_until
            return
        for stream in streams:
            self._cut(stream)

    def _cut_all(self) -> None:
        self._is_blind = True
        for stream in self._streams.copy().values():
            self._cut(stream)

    def _cut_packet(self, packet: PacketId) -> None:
        for stream in self._streams.copy().values():
            if stream.egress.packet == packet:
                self._cut(stream)

    def _cut(self, stream: Stream) -> None:
        """Cut it, and have its end written, so that no stop waits until its response has a thread to say so itself."""
        stream.cut()
        if stream.is_cut and stream.transport:
            self._note_end(stream, EgressOutcome.CUT)
            self._has_ended.set()

    # --- in threads of their own --------------------------------------------------------------------------------------

    def _try_to_look(self) -> _Seen | None:
        """None: the ledger is gone or we are broken, and nobody can say that bytes may flow."""
        try:
            return self._look()
        except Exception as error:  # noqa: BLE001  whatever it is, all is cut
            _say_unless_expected(error)
            return None

    def _look(self) -> _Seen:
        """Which streams are closed in the ledger, and whose epoch has moved. Without our session's lock others take us
        for dead: then all are closed.
        """
        sizes = {name: stream.sent for name, stream in self._streams.copy().items()}
        if not self._sender.is_alive():
            self._sender = Sender(self._services.ledger)
            return _Seen(frozenset(sizes), frozenset(), datetime.now(UTC))
        if not sizes:
            return _Seen(frozenset(), frozenset(), datetime.min.replace(tzinfo=UTC))
        with self._looking.transaction() as tx:
            counted = disclosures.count(tx, sizes)
            moved = disclosures.moved(tx, self._sender.number)
            return _Seen(frozenset(sizes.keys() - counted), frozenset(moved), tx.now())

    def _try_to_rule(self, packet: PacketId, recipient: InstitutionId, streams: Sequence[Stream]) -> Rulings | None:
        try:
            return self._rule_on(packet, recipient, [stream.egress for stream in streams])
        except Exception as error:  # noqa: BLE001  whatever it is, these are cut
            _say_unless_expected(error)
            return None

    def _rule_on(self, packet: PacketId, recipient: InstitutionId, streams: Sequence[Egress]) -> Rulings | None:
        if not streams:  # they ended meanwhile
            return None
        with self._ruling.transaction() as tx:
            tx.run(f"SET LOCAL lock_timeout = '{CHANGING}'")
            return goes_on(tx, self._services, packet, recipient, streams)

    def _write_what_ended(self) -> None:
        self._write_ends()
        self._close_lost()

    def _note_stops(self) -> None:
        """It may wait for others' locks, and nothing waits for it."""
        note_completed_stops(self._services.ledger)
        note_owed_ends(self._services.ledger)

    def shut(self) -> None:
        """Cut what is open and release the sender's lock. So nobody who waits for a stop waits for us."""
        for stream in self._streams.copy().values():
            stream.cut()
            self._note_end(stream, EgressOutcome.CUT)
        with suppress(Unavailable):
            self._write_ends()
        self._sender.__exit__(None, None, None)
        self._looking.close()
        self._ruling.close()


async def _again_and_again(
    name: str, do: Callable[[], None], sooner: asyncio.Event, then: asyncio.Event | None = None
) -> None:
    """Do it twice a second, and sooner when told; one at a time, in a thread of its own. Then tell who follows."""

    def attempt() -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001  it is tried again
            _say_unless_expected(error)

    while True:
        await _beside(name, attempt)
        if then:
            then.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(sooner.wait(), LOOK_EVERY_SECONDS)
        sooner.clear()


def _beside(name: str, do: Callable[[], T]) -> "asyncio.Future[T]":
    """Do it in a thread of its own. One that hangs holds up no other, and nobody waits for it when the process ends."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        result = do()
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(_set, done, result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return done


def _set(done: "asyncio.Future[T]", result: T) -> None:
    if not done.cancelled():
        done.set_result(result)


def _say_unless_expected(error: Exception) -> None:
    if not isinstance(error, TransferError):
        log.error("egress: looking at the open streams failed: %s", type(error).__name__)
