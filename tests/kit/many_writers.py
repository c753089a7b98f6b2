"""Tasks that write facts on one patient as fast as they can, each doing what another part of the system does."""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

from tests.kit import builders as b
from tests.kit.lock_watch import LockWatch, watched_locks
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.disclosures import EgressOutcome
from transfer.errors import TransferError
from transfer.flow import desk, stopping
from transfer.flow.assess import settle_needs
from transfer.flow.deliver import open_egress
from transfer.flow.services import Services
from transfer.flow.stopping import note_completed_stops
from transfer.identifiers import CaseId, PacketId, PatientId
from transfer.ledger import disclosures, patients, permissions, rounds
from transfer.ledger.disclosures import EgressEnd, Sender
from transfer.permissions import End
from transfer.records import RecordKind
from transfer.rounds import Dag

WRITERS = 12


@dataclass
class Written:
    """What came of it."""

    seconds: float
    locks: LockWatch
    facts: int = 0
    #: what failed, by what was said
    failed: dict[str, int] = field(default_factory=dict)

    @property
    def deadlocks(self) -> int:
        return sum(count for said, count in self.failed.items() if "Deadlock" in said)

    def __str__(self) -> str:
        return (
            f"{self.facts / self.seconds:.0f} facts a second, {self.deadlocks} deadlocks, {len(self.locks.waits)} "
            f"locks waited for: median {self.locks.wait_seconds(0.5) * 1000:.1f} ms, "
            f"p99 {self.locks.wait_seconds(0.99) * 1000:.0f} ms, longest {max(self.locks.waits) * 1000:.0f} ms"
        )


def write_on_one_patient(services: Services, seconds: float) -> Written:
    """Twelve at once on one patient with two cases, for so long. What two of them disagree on is no failure."""
    case, packet = _a_case_with_a_packet(services)
    with Sender(services.ledger) as sender, watched_locks() as locks:
        acts = _Acts(services, case, packet, sender).all
        written = Written(seconds=seconds, locks=locks, facts=-_count(services))
        guard, until = threading.Lock(), time.monotonic() + seconds

        def work(act: Callable[[], None]) -> None:
            while time.monotonic() < until:
                said = None
                try:
                    act()
                except TransferError as error:
                    said = str(error)
                with guard:
                    if said:
                        written.failed[said] = written.failed.get(said, 0) + 1

        threads = [threading.Thread(target=work, args=[acts[n % len(acts)]]) for n in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    written.facts += _count(services)
    return written


def _count(services: Services) -> int:
    with services.ledger.transaction() as tx:
        return int(tx.value("SELECT count(*) FROM facts"))


def _a_case_with_a_packet(services: Services) -> tuple[CaseId, PacketId]:
    chart = b.a_chart()
    case = b.a_case_without_slides(services, chart)
    did = desk.approve(services, case, actor=ANN)
    packet = PacketId(str(did.fields["packet"]))
    process_all(services)
    return case, packet


@dataclass
class _Acts:
    """What the writers do."""

    services: Services
    case: CaseId
    packet: PacketId
    sender: Sender
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def all(self) -> list[Callable[[], None]]:
        return [self.pause, self.download, self.note, self.settle, self.come_in, self.recall]

    @cached_property
    def patient(self) -> PatientId:
        return b.patient_of(self.services, self.case)

    def pause(self) -> None:
        """And let it go on again."""
        for how in (stopping.resume, partial(stopping.end, how=End.PAUSED), stopping.resume):
            with self.services.ledger.transaction() as tx:
                patients.hold_epoch_exclusive(tx, self.patient)
                how(tx, permissions.filed(tx, self.patient)[-1])

    def download(self) -> None:
        with self.services.ledger.transaction() as tx:
            number = self.sender.number
            opened = open_egress(tx, self.services, self.packet, self.patient, b.SUMMIT, number, "packet.tar")
        if opened:
            with self.services.ledger.transaction() as tx:
                disclosures.close_egress(tx, [EgressEnd(egress=opened.id, size=1, outcome=EgressOutcome.SENT)])

    def note(self) -> None:
        desk.add_note(self.services, self.case, f"note {next(self.numbers)}", actor=ANN)

    def settle(self) -> None:
        with self.services.ledger.transaction() as tx:
            patients.hold_epoch_shared(tx, self.patient)
            settle_needs(tx, self.services, self.case)
            rounds.owe(tx, Dag.OPEN_CASE, self.case)

    def come_in(self) -> None:
        try:
            b.came_in(self.services, self.case, RecordKind.NOTE, content=f"note {next(self.numbers)}".encode())
        except AssertionError:  # paused at the moment: nobody collects what is not permitted
            time.sleep(0.01)

    def recall(self) -> None:
        """The first time; then it says that it was, which takes the same locks."""
        desk.recall(self.services, self.case, actor=ANN)
        note_completed_stops(self.services.ledger)
