"""Disclosures: a packet handed over, begun, made or not made, and each stream of bytes (egress)."""

import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

import psycopg

from transfer import facts
from transfer.disclosures import DisclosureOutcome, EgressOutcome
from transfer.facts import Chain
from transfer.identifiers import DisclosureId, EgressId, InstitutionId, PacketId, PatientId
from transfer.ledger import Ledger, Row, Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    id: DisclosureId
    packet: PacketId
    recipient: InstitutionId
    outcome: DisclosureOutcome
    begun_at: datetime


def begin(
    tx: Tx, packet: PacketId, recipient: InstitutionId, bases: Sequence[str], permissions: Sequence[str]
) -> Disclosure:
    """Begin the disclosure of a packet, before its first byte. Beginning twice is beginning once.

    A disclosure that was not made is begun again as the same one. From then on its outcome is unknown.
    """
    there = of_packet(tx, packet)
    if there and there.outcome is not DisclosureOutcome.NOT_MADE:
        return there
    disclosure = there.id if there else DisclosureId.draw()
    tx.run(
        """INSERT INTO disclosures (disclosure, packet, recipient, begun_at) VALUES (%s, %s, %s, transfer.now())
           ON CONFLICT (disclosure) DO UPDATE SET outcome = 'begun', settled_at = NULL""",
        *(disclosure, packet, recipient),
    )
    fact = facts.DisclosureBegun(
        disclosure=disclosure,
        packet=packet,
        recipient=recipient,
        purpose="TREAT",
        bases=tuple(sorted(set(bases))),
        permissions=tuple(sorted(set(permissions))),
    )
    tx.append(Chain.case(packet.case), fact)
    begun = of_packet(tx, packet)
    assert begun is not None  # the lines above began it
    return begun


def of_packet(tx: Tx, packet: PacketId) -> Disclosure | None:
    row = tx.row("SELECT * FROM disclosures WHERE packet = %s", packet)
    return _disclosure(row) if row else None


def settle(tx: Tx, disclosure: Disclosure, outcome: DisclosureOutcome) -> None:
    """Write the outcome. What is made stays made. Settling the same again writes nothing."""
    changed = tx.run(
        """UPDATE disclosures SET outcome = %s, settled_at = transfer.now()
           WHERE disclosure = %s AND outcome <> %s AND outcome <> 'made'""",
        *(outcome, disclosure.id, outcome),
    )
    if changed:
        fact = facts.DisclosureSettled(disclosure=disclosure.id, outcome=outcome)
        tx.append(Chain.case(disclosure.packet.case), fact)


def _disclosure(row: Row) -> Disclosure:
    return Disclosure(
        id=DisclosureId(row.disclosure),
        packet=PacketId(row.packet),
        recipient=InstitutionId(row.recipient),
        outcome=DisclosureOutcome(row.outcome),
        begun_at=row.begun_at,
    )


# --- streams of bytes -------------------------------------------------------------------------------------------------


#: how long a sender that ends waits for who looks whether it is alive; a look takes milliseconds
CLOSE_WAIT_SECONDS = 2.0


class Sender:
    """A process that sends. It holds a session lock while it lives, so that others can tell when it is dead."""

    def __init__(self, ledger: Ledger) -> None:
        self.number = secrets.randbits(62)
        #: libpq crashes where one thread closes a connection that another one waits on
        self._in_use = threading.Lock()
        self._connection = psycopg.connect(ledger.url, autocommit=True)
        self._connection.execute("SELECT pg_advisory_lock(%s)", [self.number])

    def is_alive(self) -> bool:
        """Whether others still see us alive. After the database ended our session they do not: its lock is free for
        good.
        """
        try:
            with self._in_use:
                self._connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Release the lock. Where a look hangs on the connection, the end of this process closes it."""
        if self._in_use.acquire(timeout=CLOSE_WAIT_SECONDS):
            self._connection.close()
            self._in_use.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """An open stream of bytes to a receiver."""

    id: EgressId
    disclosure: DisclosureId
    packet: PacketId
    patient: PatientId
    epoch: int


def open_egress(tx: Tx, disclosure: Disclosure, patient: PatientId, epoch: int, sender: int, channel: str) -> Egress:
    """Note that bytes may flow. The caller shares the patient's epoch and found the release permitted in it."""
    egress = EgressId.draw()
    tx.run(
        """INSERT INTO egress (egress, disclosure, patient, epoch, sender, channel, opened_at)
           VALUES (%s, %s, %s, %s, %s, %s, transfer.now())""",
        *(egress, disclosure.id, patient, epoch, sender, channel),
    )
    return Egress(id=egress, disclosure=disclosure.id, packet=disclosure.packet, patient=patient, epoch=epoch)


def count(tx: Tx, egress: str, size: int) -> bool:
    """Write how many bytes were handed to the socket. False: somebody closed the row of a sender that seemed dead."""
    return bool(tx.run("UPDATE egress SET size = %s WHERE egress = %s AND closed_at IS NULL", size, egress))


def close_egress(tx: Tx, egress: str, size: int | None, outcome: EgressOutcome) -> None:
    """The stream ended.

    Closing twice closes once. Without a size the last one counted stays.
    """
    row = tx.row(
        """UPDATE egress SET closed_at = transfer.now(), size = coalesce(%s, size), outcome = %s
           WHERE egress = %s AND closed_at IS NULL
           RETURNING egress, disclosure, channel, size, outcome,
             (SELECT packet FROM disclosures AS d WHERE d.disclosure = egress.disclosure) AS packet""",
        *(size, outcome, egress),
    )
    if row:
        fact = facts.EgressClosed(
            egress=row.egress, disclosure=row.disclosure, channel=row.channel, size=row.size, outcome=row.outcome
        )
        tx.append(Chain.case(PacketId(row.packet).case), fact)


def is_open(tx: Tx, disclosure: Disclosure, channel: str) -> bool:
    """Whether a live sender has a stream of this channel open."""
    row = tx.row(
        "SELECT 1 FROM egress WHERE disclosure = %s AND channel = %s AND closed_at IS NULL LIMIT 1",
        *(disclosure.id, channel),
    )
    return row is not None


def open_of(tx: Tx, sender: int) -> list[str]:
    """The sender's rows that are open."""
    return [row.egress for row in tx.rows("SELECT egress FROM egress WHERE sender = %s AND closed_at IS NULL", sender)]


def stale(tx: Tx, sender: int) -> list[Egress]:
    """Our open streams whose patient's epoch has moved since they were allowed."""
    rows = tx.rows(
        """SELECT e.*, d.packet FROM egress AS e JOIN disclosures AS d USING (disclosure)
           JOIN patient_epochs AS p ON p.patient = e.patient
           WHERE e.sender = %s AND e.closed_at IS NULL AND p.epoch <> e.epoch""",
        sender,
    )
    return [_egress(row) for row in rows]


def renew_egress(tx: Tx, egress: Egress, epoch: int) -> None:
    """Still permitted in the new epoch."""
    tx.run("UPDATE egress SET epoch = %s WHERE egress = %s", epoch, egress.id)


def open_before(tx: Tx, patient: str, epoch: int) -> list[Egress]:
    """A patient's open streams that an earlier epoch allowed. The stop is complete when there are none."""
    rows = tx.rows(
        """SELECT e.*, d.packet FROM egress AS e JOIN disclosures AS d USING (disclosure)
           WHERE e.patient = %s AND e.epoch < %s AND e.closed_at IS NULL""",
        *(patient, epoch),
    )
    return [_egress(row) for row in rows]


def with_bytes_sent(tx: Tx, patient: PatientId) -> list[str]:
    """A patient's disclosures of which bytes left, in reliance on a permission (45 CFR 164.508(b)(5)(i))."""
    rows = tx.rows("SELECT DISTINCT disclosure FROM egress WHERE patient = %s AND size > 0 ORDER BY 1", patient)
    return [row.disclosure for row in rows]


def close_dead(tx: Tx) -> int:
    """Close the streams of dead processes, whose session lock is free. Returns how many."""
    # By case, which is the order in which cases are locked: a packet's id begins with its case's.
    rows = tx.rows(
        """SELECT egress, sender FROM egress JOIN disclosures USING (disclosure)
           WHERE closed_at IS NULL ORDER BY packet, egress"""
    )
    senders = sorted({row.sender for row in rows})
    free = {sender for sender in senders if tx.value("SELECT pg_try_advisory_xact_lock(%s)", sender)}
    dead = [row.egress for row in rows if row.sender in free]
    for egress in dead:
        close_egress(tx, egress, None, EgressOutcome.DIED)
    return len(dead)


def _egress(row: Row) -> Egress:
    return Egress(
        id=EgressId(row.egress),
        disclosure=DisclosureId(row.disclosure),
        packet=PacketId(row.packet),
        patient=PatientId(row.patient),
        epoch=row.epoch,
    )
