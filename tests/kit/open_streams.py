"""A gateway's open streams without its doors: packets that may be given, and a watcher that may be hindered."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field

import psycopg

from tests.kit.builders import a_case_without_slides, patient_of, the_hold
from tests.kit.processing import process_all
from tests.kit.staff import NURSE
from transfer.flow import stopping
from transfer.flow.desk import resolve
from transfer.flow.services import Services
from transfer.gateway.egress import Outgoing
from transfer.gateway.streams import Stream
from transfer.holds import HoldAnswer
from transfer.identifiers import InstitutionId, PacketId, PatientId
from transfer.ledger import lock_number, permissions
from transfer.permissions import End
from transfer.sandbox.charts import Chart


class Line(asyncio.Transport):
    """A connection whose receiver never hangs up."""

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        """Nothing to tell: the stream says that it was cut."""


@dataclass
class Giving:
    """An installation with packets that may be given, and a gateway's open streams."""

    services: Services
    owner: str
    outgoing: Outgoing = field(init=False)

    def __post_init__(self) -> None:
        self.outgoing = Outgoing(self.services)

    def a_packet(self, chart: Chart | None = None) -> PacketId:
        case = a_case_without_slides(self.services, chart)
        resolve(self.services, the_hold(self.services, "approve-partial").id, HoldAnswer.APPROVE, actor=NURSE)
        process_all(self.services)
        with self.services.ledger.transaction() as tx:
            (packet,) = tx.case(case).packets
        return PacketId(packet)

    def patient(self, packet: PacketId) -> PatientId:
        return patient_of(self.services, packet.case)

    def give(self, packet: PacketId) -> Stream:
        opened = self.outgoing.open(packet, self.receiver(packet), Line(), "packet.tar")
        assert opened
        return opened[0]

    def receiver(self, packet: PacketId) -> InstitutionId:
        with self.services.ledger.transaction() as tx:
            opened = tx.case(packet.case).opened
        assert opened
        return InstitutionId(opened.receiver)

    def revoke(self, packet: PacketId) -> str:
        """The first commit alone. The permission that ended."""
        with self.services.ledger.transaction() as tx:
            (filed,) = permissions.filed(tx, self.patient(packet))
            stopping.end(tx, filed, End.REVOKED)
        return filed.permission.id

    @contextmanager
    def watched(self, *, busy: bool = False) -> Iterator[None]:
        """The watcher at work. `busy`: every thread that the process shares waits for something else."""
        over, waiting = threading.Event(), threading.Event()

        async def watch() -> None:
            loop = asyncio.get_running_loop()
            if busy:
                loop.set_default_executor(ThreadPoolExecutor(1))
                _ = loop.run_in_executor(None, waiting.wait)
            task = asyncio.create_task(self.outgoing.watch())
            while not over.is_set():
                await asyncio.sleep(0.02)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        thread = threading.Thread(target=lambda: asyncio.run(watch()), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            waiting.set()
            thread.join(10)
            assert not thread.is_alive(), "the watcher does not stop"

    @contextmanager
    def holding(self, statement: str, *values: object) -> Iterator[None]:
        """Somebody else's transaction that goes on and on."""
        with psycopg.connect(self.owner, options="-csearch_path=transfer") as other:
            other.execute(statement.encode(), values)
            yield
            other.rollback()

    def hanging(self) -> AbstractContextManager[object]:
        """Nobody can see which streams are open."""
        return self.holding("LOCK TABLE egress IN ACCESS EXCLUSIVE MODE")

    def holding_patient(self, packet: PacketId) -> AbstractContextManager[object]:
        return self.holding("SELECT pg_advisory_xact_lock(%s)", lock_number(f"patient/{self.patient(packet)}"))
