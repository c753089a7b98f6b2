"""Disclosures: a packet handed over, begun, made or not made, and each stream of bytes (egress)."""

import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

import psycopg

from transfer import facts
from transfer.disclosures import DisclosureOutcome, EgressOutcome
from transfer.facts import Chain
from transfer.identifiers import CaseId, DisclosureId, EgressId, InstitutionId, PacketId, PatientId
from transfer.ledger import Ledger, Row, Tx
from transfer.permissions import Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    id: DisclosureId
    packet: PacketId
    recipient: InstitutionId
    outcome: DisclosureOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a disclosure or a stream of its bytes rests on: legal bases, and the forms relied on."""

    bases: tuple[str, ...]
    permissions: tuple[str, ...]

    @classmethod
    def of(cls, rulings: Iterable[Ruling]) -> Self:
        """What rulings that permit rest on, each once and in order."""
        found = list(rulings)
        return cls(
            bases=tuple(sorted({ruling.basis for ruling in found if ruling.basis})),
            permissions=tuple(sorted({ruling.permission for ruling in found if ruling.permission})),
        )


def begin(tx: Tx, packet: PacketId, recipient: InstitutionId, grounds: Grounds) -> Disclosure:
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
        bases=grounds.bases,
        permissions=grounds.permissions,
    )
    tx.append(Chain.case(packet.case), fact)
    begun = of_packet(tx, packet)
    assert begun is not None  # the lines above began it
    return begun


def of_packet(tx: Tx, packet: PacketId) -> Disclosure | None:
    row = tx.row("SELECT * FROM disclosures WHERE packet = %s", packet)
    return _disclosure(row) if row else None


def to_recipient(tx: Tx, recipient: InstitutionId, days: int, case: CaseId | None) -> list[Disclosure]:
    """What was handed to a receiver in its last days, of one case or of all, oldest first; at most 1,000."""
    rows = tx.rows(
        """SELECT * FROM (
             SELECT d.* FROM disclosures AS d JOIN packets AS p USING (packet)
             WHERE recipient = %s AND begun_at > (SELECT transfer.now()) - %s AND purged_at IS NULL
               AND outcome <> 'not-made' AND (%s::text IS NULL OR case_id = %s)
             ORDER BY begun_at DESC, packet LIMIT 1000) AS newest
           ORDER BY begun_at, packet DESC""",
        *(recipient, timedelta(days=days), case, case),
    )
    return [_disclosure(row) for row in rows]


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
    packet: PacketId
    patient: PatientId
    epoch: int
    #: when a form of the patient's expires (UTC): then what it rests on no longer counts; None: none does
    until: datetime | None = None


def open_egress(
    tx: Tx,
    disclosure: Disclosure,
    patient: PatientId,
    epoch: int,
    sender: int,
    channel: str,
    grounds: Grounds,
    until: datetime | None = None,
) -> Egress:
    """Note that bytes may flow, and on what that rests. The caller shares the patient's epoch and found the release
    permitted in it.
    """
    egress = EgressId.draw()
    tx.run(
        """INSERT INTO egress (egress, disclosure, patient, epoch, sender, channel, bases, permissions)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s)""",
        *(egress, disclosure.id, patient, epoch, sender, channel, list(grounds.bases), list(grounds.permissions)),
    )
    _tell_grounds(tx, disclosure.packet, egress, disclosure.id, channel, grounds)
    return Egress(id=egress, packet=disclosure.packet, patient=patient, epoch=epoch, until=until)


def _tell_grounds(
    tx: Tx, packet: PacketId, egress: str, disclosure: DisclosureId, channel: str, grounds: Grounds
) -> None:
    fact = facts.EgressPermitted(
        egress=egress,
        disclosure=disclosure,
        channel=channel,
        bases=grounds.bases,
        permissions=grounds.permissions,
    )
    tx.append(Chain.case(packet.case), fact)


def count(tx: Tx, sizes: Mapping[str, int]) -> set[str]:
    """Write how many bytes of each stream were handed to the socket. Those not returned are closed: somebody took their
    sender for dead. It waits for nobody: a row that another has in hand is counted at the next look.
    """
    rows = tx.rows(
        """WITH free AS (
             SELECT egress FROM egress WHERE egress = ANY(%s) AND closed_at IS NULL ORDER BY egress
             FOR UPDATE SKIP LOCKED),
           counted AS (
             UPDATE egress SET size = said.size
             FROM free JOIN unnest(%s::text[], %s::bigint[]) AS said (egress, size) USING (egress)
             WHERE egress.egress = free.egress)
           SELECT egress FROM egress WHERE egress = ANY(%s) AND closed_at IS NULL""",
        *(list(sizes), list(sizes), list(sizes.values()), list(sizes)),
    )
    return {row.egress for row in rows}


def _lock(tx: Tx, egresses: Iterable[str]) -> None:
    """Lock these rows in one order, so that two who change several of them do not wait for each other."""
    tx.rows("SELECT 1 FROM egress WHERE egress = ANY(%s) ORDER BY egress FOR UPDATE", list(egresses))


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressEnd:
    """How a stream ended. Without a size the last one counted stays."""

    egress: str
    size: int | None
    outcome: EgressOutcome


def close_egress(tx: Tx, ends: Iterable[EgressEnd]) -> None:
    """Write the ends of streams of one case, all at once. Closing twice closes once."""
    told = {end.egress: end for end in ends}
    _lock(tx, told)
    rows = tx.rows(
        """UPDATE egress
           SET closed_at = transfer.now(), size = coalesce(ended.size, egress.size), outcome = ended.outcome
           FROM unnest(%s::text[], %s::bigint[], %s::text[]) AS ended (egress, size, outcome)
           WHERE egress.egress = ended.egress AND closed_at IS NULL
           RETURNING egress.egress, disclosure, channel, egress.size, egress.outcome,
             (SELECT packet FROM disclosures AS d WHERE d.disclosure = egress.disclosure) AS packet""",
        *([*told], [end.size for end in told.values()], [str(end.outcome) for end in told.values()]),
    )
    by_case: dict[CaseId, list[facts.Fact]] = {}
    for row in sorted(rows, key=lambda row: list(told).index(row.egress)):
        fact = facts.EgressClosed(
            egress=row.egress, disclosure=row.disclosure, channel=row.channel, size=row.size, outcome=row.outcome
        )
        by_case.setdefault(PacketId(row.packet).case, []).append(fact)
    for case in sorted(by_case):
        tx.append_all(Chain.case(case), by_case[case])


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


def moved(tx: Tx, sender: int) -> set[str]:
    """The sender's open streams whose patient's epoch is not the one they were allowed in."""
    rows = tx.rows(
        """SELECT egress FROM egress AS e JOIN patient_epochs AS p USING (patient)
           WHERE sender = %s AND closed_at IS NULL AND p.epoch <> e.epoch""",
        sender,
    )
    return {row.egress for row in rows}


def doubt(tx: Tx, packet: PacketId) -> None:
    """Have the open streams of a packet ruled on anew, as if their patient's epoch had moved."""
    tx.run(
        """UPDATE egress SET epoch = -1 FROM disclosures
           WHERE egress.disclosure = disclosures.disclosure AND packet = %s AND closed_at IS NULL""",
        packet,
    )


def renew_egress(tx: Tx, streams: Sequence[Egress], epoch: int, grounds: Grounds) -> None:
    """Streams of one packet are still permitted in the new epoch. Where they rest on something else now, that is
    written.
    """
    _lock(tx, [one.id for one in streams])
    rows = tx.rows(
        """UPDATE egress SET epoch = %s, bases = %s, permissions = %s FROM egress AS before
           WHERE egress.egress = ANY(%s) AND before.egress = egress.egress AND egress.closed_at IS NULL
           RETURNING egress.egress, egress.disclosure, egress.channel, before.bases, before.permissions""",
        *(epoch, list(grounds.bases), list(grounds.permissions), [one.id for one in streams]),
    )
    packets = {one.id: one.packet for one in streams}
    for row in sorted(rows, key=lambda row: row.egress):
        if (row.bases, row.permissions) != (list(grounds.bases), list(grounds.permissions)):
            _tell_grounds(tx, packets[row.egress], row.egress, row.disclosure, row.channel, grounds)


def count_open_before(tx: Tx, patient: PatientId, epoch: int) -> int:
    """How many of a patient's open streams were not allowed in this epoch, which the caller shares, but in an earlier
    one. The stop is complete when there are none.
    """
    return int(
        tx.value("SELECT count(*) FROM egress WHERE patient = %s AND epoch <> %s AND closed_at IS NULL", patient, epoch)
    )


def with_bytes_sent(tx: Tx, patient: PatientId, permission: str) -> list[str]:
    """A patient's disclosures of which bytes left in reliance on this permission (45 CFR 164.508(b)(5)(i)). Of streams
    that are older than the note of what they rest on, each counts.
    """
    rows = tx.rows(
        """SELECT DISTINCT disclosure FROM egress WHERE patient = %s AND size > 0
             AND (permissions IS NULL OR %s = ANY(permissions)) ORDER BY 1""",
        *(patient, permission),
    )
    return [row.disclosure for row in rows]


def bytes_sent(tx: Tx, disclosure: str) -> int:
    """How many bytes left for the receiver in all streams of a disclosure, until now."""
    return int(tx.value("SELECT coalesce(sum(size), 0) FROM egress WHERE disclosure = %s", disclosure))


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
    close_egress(tx, [EgressEnd(egress=egress, size=None, outcome=EgressOutcome.DIED) for egress in dead])
    return len(dead)
