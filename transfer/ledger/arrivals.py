"""The inbox: stored and sealed at the door, claimed by lease, filed, sealed away or held."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain

from transfer.arrivals import ArrivalKind, ArrivalOutcome, ArrivalState, Door
from transfer.errors import ChangedMeanwhile, TransferError
from transfer.identifiers import INBOX, ArrivalId, InstitutionId, PatientId
from transfer.ledger import Row, Tx, day_keys
from transfer.matching import MatchRule
from transfer.rounds import LEASE, Dag
from transfer.sealing import KeyName
from transfer.staging import Location

#: leases lost to dead processes until an arrival counts as poisonous and a person is asked
LEASES_LOST = 3
#: bytes; a longer payload lies in the vault, a shorter one in the arrival's row
IN_ROW = 64 << 10
#: how long an unmatched message is kept sealed
UNMATCHED_RETENTION = timedelta(hours=72)
#: why an arrival is where it is: a code, the rules by which it was matched, or the error that a person is asked about
AnyOutcome = ArrivalOutcome | MatchRule | Set[MatchRule] | TransferError


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArrival:
    """A message at a door, before its acknowledgement.

    `business` identifies the message, so that the same one sent again is a duplicate. `control` is the sender's message
    number: the same number with other bytes is a conflict. Exactly one of `payload` and `location` is given.
    """

    institution: InstitutionId
    door: Door
    kind: ArrivalKind
    business: str
    control: str | None
    content_type: str
    payload: bytes | None
    location: Location | None
    content_sha256: bytes
    #: the packet a receipt is about, if it is ours
    subject: str | None = None

    @property
    def size(self) -> int:
        return len(self.payload) if self.payload is not None else self.location.length if self.location else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    arrival: ArrivalId
    is_duplicate: bool
    #: of a referral: the case that was opened for it
    subject: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An arrival that we have claimed. A newer `claim` wins over an older one."""

    id: ArrivalId
    institution: InstitutionId
    door: Door
    kind: ArrivalKind
    content_type: str
    size: int
    key: KeyName
    state: ArrivalState
    subject: str | None
    patient: PatientId | None
    conflicts: bool
    received_at: datetime
    claim: int
    lost: int
    location: Location | None
    sealed: bytes | None


# --- processing ---------------------------------------------------------------------------------------------------


def waiting_institutions(tx: Tx) -> list[str]:
    """Whose arrivals wait, leased ones too, the longest first. Receipts and referrals have rounds of their own."""
    rows = tx.rows(
        """SELECT institution FROM arrivals WHERE state = 'stored'
             AND NOT (kind IN ('referral', 'receipt') AND subject IS NOT NULL)
           GROUP BY 1 ORDER BY min(received_at)"""
    )
    return [row.institution for row in rows]


def claim_next(tx: Tx, institution: str) -> Arrival | None:
    """The oldest arrival of an institution that waits, leased to us. None: nothing waits, or the oldest is leased.

    Receipts and referrals belong to rounds of their own and are not given out here.
    """
    row = tx.row(
        """UPDATE arrivals SET claim = claim + 1, lease_until = transfer.now() + %s,
             lost = lost + (lease_until IS NOT NULL)::int
           WHERE arrival = (SELECT arrival FROM arrivals WHERE institution = %s AND state = 'stored'
                              AND NOT (kind IN ('referral', 'receipt') AND subject IS NOT NULL)
                            ORDER BY received_at, arrival LIMIT 1)
             AND (lease_until IS NULL OR lease_until <= transfer.now()) RETURNING *""",
        *(LEASE, institution),
    )
    return of_row(row) if row else None


def claim(tx: Tx, arrival: str) -> Arrival | None:
    """Lease one arrival, whatever its state. None: there is none, or another holds it."""
    row = tx.row(
        """UPDATE arrivals SET claim = claim + 1, lease_until = transfer.now() + %s
           WHERE arrival = %s AND (lease_until IS NULL OR lease_until <= transfer.now() OR state <> 'stored')
           RETURNING *""",
        *(LEASE, arrival),
    )
    return of_row(row) if row else None


def lapses_in(tx: Tx, arrival: str) -> timedelta | None:
    """How long the lease of another still lasts, who may be dead. None: nobody has it."""
    return tx.value(  # type: ignore[no-any-return]
        "SELECT lease_until - transfer.now() FROM arrivals WHERE arrival = %s AND lease_until > transfer.now()",
        arrival,
    )


def get(tx: Tx, arrival: str) -> Arrival | None:
    """The arrival, to read only: nothing is claimed. None: there is none, or it is purged."""
    row = tx.row("SELECT * FROM arrivals WHERE arrival = %s AND state <> 'purged'", arrival)
    return of_row(row) if row else None


def of_subject(tx: Tx, subject: str, kind: ArrivalKind) -> list[str]:
    """The arrivals that opened a case, or speak of a packet, oldest first."""
    rows = tx.rows(
        "SELECT arrival FROM arrivals WHERE subject = %s AND kind = %s AND state <> 'purged' ORDER BY received_at",
        *(subject, kind),
    )
    return [row.arrival for row in rows]


def is_subject(tx: Tx, subject: str) -> bool:
    """Whether something came that opened this case, or is about this packet."""
    return tx.row("SELECT 1 FROM arrivals WHERE subject = %s LIMIT 1", subject) is not None


def newest_subject(tx: Tx, kind: ArrivalKind) -> str | None:
    """The case or packet of the newest arrival of this kind."""
    return tx.value(  # type: ignore[no-any-return]
        "SELECT subject FROM arrivals WHERE kind = %s ORDER BY received_at DESC LIMIT 1", kind
    )


def is_waiting(tx: Tx, kind: ArrivalKind) -> bool:
    """Whether an arrival of this kind is stored and not processed yet."""
    return tx.row("SELECT 1 FROM arrivals WHERE state = 'stored' AND kind = %s LIMIT 1", kind) is not None


def sealed_under(tx: Tx) -> set[KeyName]:
    """The keys under which arrivals are sealed."""
    return {KeyName(row.key) for row in tx.rows("SELECT DISTINCT key FROM arrivals WHERE state <> 'purged'")}


def still_ours(tx: Tx, arrival: Arrival) -> None:
    """Raise `ChangedMeanwhile` if another claimed the arrival since, or a purge took it. Then nothing of it may be
    kept.
    """
    ours = "SELECT 1 FROM arrivals WHERE arrival = %s AND claim = %s AND state <> 'purged' FOR UPDATE"
    if not tx.row(ours, arrival.id, arrival.claim):
        raise ChangedMeanwhile(f"{arrival.id} was taken over")


def as_it_is_now(tx: Tx, arrival: Arrival) -> Arrival:
    """What we have claimed, with whose it is now and the key that it is sealed under now.

    Raises:
        ChangedMeanwhile: as `still_ours`.
    """
    still_ours(tx, arrival)
    return of_row(tx.row("SELECT * FROM arrivals WHERE arrival = %s", arrival.id))


def settle(
    tx: Tx, arrival: Arrival, state: ArrivalState, outcome: AnyOutcome, *, purge_after: timedelta | None = None
) -> None:
    """Write what became of it, and why."""
    tx.run(
        """UPDATE arrivals SET state = %s, outcome = %s, lease_until = NULL, purge_after = transfer.now() + %s
           WHERE arrival = %s""",
        *(state, _written(outcome), purge_after, arrival.id),
    )


def _written(outcome: AnyOutcome) -> str:
    match outcome:
        case TransferError():
            return f"{type(outcome).__name__.lower()}: {outcome}"
        case ArrivalOutcome() | MatchRule():
            return outcome
        case _:
            return ",".join(sorted(outcome))


def forget_control(tx: Tx, arrival: Arrival) -> None:
    """Forget the number it came under. A message in it has that number and does not conflict with it."""
    tx.run("UPDATE arrivals SET control = NULL WHERE arrival = %s", arrival.id)


def release_claim(tx: Tx, arrival: Arrival) -> None:
    """Give it back: it stays as it was, for the next task."""
    tx.run("UPDATE arrivals SET lease_until = NULL WHERE arrival = %s", arrival.id)


def revoke_claims(tx: Tx) -> None:
    """After a restore: nobody holds a claim, whoever thinks so."""
    tx.run("UPDATE arrivals SET lease_until = NULL, claim = claim + 1 WHERE lease_until IS NOT NULL")


def reopen(tx: Tx, arrival: Arrival) -> tuple[Dag, str]:
    """Let it be processed once more, as if it had just come. Returns the round to owe: its DAG and its subject."""
    tx.run(
        """UPDATE arrivals SET state = 'stored', outcome = NULL, lease_until = NULL, lost = 0, purge_after = NULL
           WHERE arrival = %s""",
        arrival.id,
    )
    if arrival.kind is ArrivalKind.RECEIPT and arrival.subject:
        return Dag.SETTLE_DELIVERY, arrival.subject
    if arrival.kind is ArrivalKind.REFERRAL and arrival.subject:
        return Dag.OPEN_CASE, arrival.subject
    return Dag.RECEIVE_ARRIVALS, INBOX


def index_terms(tx: Tx, arrival: str, terms: Sequence[bytes]) -> None:
    """Keep the terms by which a sealed arrival is found when its patient's case opens."""
    tx.run(
        "INSERT INTO arrival_terms (term, arrival) SELECT unnest(%s::bytea[]), %s ON CONFLICT DO NOTHING",
        *(list(terms), arrival),
    )


def mark_objection(tx: Tx, arrival: str, terms: Sequence[bytes]) -> None:
    """It says no to a release of whoever has these terms. Twice is once."""
    tx.run("UPDATE arrivals SET is_objection = true WHERE arrival = %s AND NOT is_objection", arrival)
    index_terms(tx, arrival, terms)


def forget_objection(tx: Tx, arrival: str) -> None:
    """A person has settled it: no form that is filed later is held against it."""
    tx.run("UPDATE arrivals SET is_objection = false WHERE arrival = %s", arrival)


def objects_later(tx: Tx, institution: InstitutionId, terms: Sequence[bytes], *, than: str) -> ArrivalId | None:
    """An objection of the institution with one of these terms that came after this arrival and is not filed yet."""
    found = tx.value(
        """SELECT a.arrival FROM arrivals AS a JOIN arrival_terms AS t USING (arrival)
           WHERE a.is_objection AND a.institution = %s AND a.state IN ('stored', 'held', 'sealed') AND t.term = ANY(%s)
             AND (a.received_at, a.arrival) > (SELECT received_at, arrival FROM arrivals WHERE arrival = %s)
           ORDER BY a.received_at LIMIT 1""",
        *(institution, list(terms), than),
    )
    return ArrivalId(found) if found else None


def sealed_for(tx: Tx, terms: Sequence[bytes]) -> list[str]:
    """Sealed arrivals that share a term, oldest first."""
    rows = tx.rows(
        """SELECT DISTINCT a.arrival, a.received_at FROM arrival_terms JOIN arrivals AS a USING (arrival)
           WHERE term = ANY(%s) AND a.state = 'sealed' ORDER BY a.received_at""",
        list(terms),
    )
    return [row.arrival for row in rows]


def waiting_of_patient(tx: Tx, patient: str) -> list[str]:
    """What came for a known patient and waits sealed for a release form, oldest first."""
    rows = tx.rows("SELECT arrival FROM arrivals WHERE patient = %s AND state = 'sealed' ORDER BY received_at", patient)
    return [row.arrival for row in rows]


def claim_sealed(tx: Tx, arrival: str, *, forms: bool) -> Arrival | None:
    """Lease a sealed arrival: a release form, or anything else. None: it is not sealed, or another has it.

    Receipts and referrals belong to rounds of their own and are not given out here.
    """
    row = tx.row(
        """UPDATE arrivals SET claim = claim + 1, lease_until = transfer.now() + %s
           WHERE arrival = %s AND state = 'sealed' AND (kind = 'authorization') = %s
             AND NOT (kind IN ('referral', 'receipt') AND subject IS NOT NULL)
             AND (lease_until IS NULL OR lease_until <= transfer.now()) RETURNING *""",
        *(LEASE, arrival, forms),
    )
    return of_row(row) if row else None


def payload(tx: Tx, arrival: Arrival) -> bytes:
    """The bytes of an arrival kept in its row.

    Raises:
        KeyGone: its day's key, or its patient's, was destroyed.
    """
    assert arrival.sealed is not None  # the caller has looked at `location` first
    return tx.keys.unseal(arrival.key, arrival.sealed, about=arrival.id)


def join_patient(tx: Tx, arrival: Arrival, patient: PatientId) -> None:
    """The arrival is about this patient. From now on it is sealed under the patient's key."""
    _seal_under(tx, arrival, KeyName.patient(patient))
    tx.run("UPDATE arrivals SET patient = %s, purge_after = NULL WHERE arrival = %s", patient, arrival.id)
    tx.run("DELETE FROM arrival_terms WHERE arrival = %s", arrival.id)


def is_not_of(tx: Tx, arrival: Arrival, compared: Sequence[PatientId]) -> None:
    """The arrival is not about these patients.

    The terms it shares with them no longer find it; its other numbers still do. Where a rule had matched it, it is
    unmatched again.
    """
    if arrival.patient is not None:
        keep_today(tx, arrival)
        tx.run("UPDATE arrivals SET patient = NULL WHERE arrival = %s", arrival.id)
    tx.run(
        """DELETE FROM arrival_terms WHERE arrival = %s
           AND term IN (SELECT term FROM patient_terms WHERE patient = ANY(%s))""",
        *(arrival.id, list(compared)),
    )


def reseal(tx: Tx, days: Sequence[tuple[InstitutionId, date]]) -> int:
    """Seal anew, under today's key, what is still here of these days: undecided or unprocessed for so long.

    Returns how many, of a part at a time. What a task has claimed is left for the next time.
    """
    rows = tx.rows(
        """SELECT * FROM arrivals WHERE key = ANY(%s) AND state <> 'purged'
             AND (lease_until IS NULL OR lease_until <= transfer.now()) LIMIT 200 FOR UPDATE SKIP LOCKED""",
        [KeyName.day(*one) for one in days],
    )
    for arrival in map(of_row, rows):
        keep_today(tx, arrival)
    return len(rows)


def keep_today(tx: Tx, arrival: Arrival) -> None:
    """From now on it is kept under today's key."""
    _seal_under(tx, arrival, day_keys.begin(tx, arrival.institution, tx.now().date()))


def of_gone_days(tx: Tx) -> list[tuple[Arrival, bool]]:
    """Arrivals sealed under a day's key that is destroyed, in order of receipt.

    With each: whether it is an unmatched message whose time is over.
    """
    days = tx.rows("SELECT DISTINCT key FROM arrivals WHERE state <> 'purged' AND starts_with(key, 'day/')")
    gone = [row.key for row in days if not tx.keys.has(KeyName(row.key))]
    rows = tx.rows(
        """SELECT *, state = 'sealed' AND patient IS NULL AND coalesce(purge_after <= transfer.now(), false) AS lapsed
           FROM arrivals WHERE key = ANY(%s) AND state <> 'purged' ORDER BY received_at, arrival""",
        gone,
    )
    return [(of_row(row), row.lapsed) for row in rows]


def _seal_under(tx: Tx, arrival: Arrival, key: KeyName) -> None:
    sealed = None
    if arrival.sealed is not None and arrival.key != key:
        sealed = tx.keys.seal(key, payload(tx, arrival), about=arrival.id)
    tx.run("UPDATE arrivals SET key = %s, payload = coalesce(%s, payload) WHERE arrival = %s", key, sealed, arrival.id)


def vault_keys(arrivals: Sequence[Arrival]) -> list[str]:
    return list(chain.from_iterable([a.location.key] if a.location else [] for a in arrivals))


def of_row(row: Row) -> Arrival:
    """An arrival from all columns of its row."""
    location = None
    if row.vault_key:
        location = Location(key=row.vault_key, offset=0, length=row.size, sha256=row.vault_sha256)
    return Arrival(
        id=ArrivalId(row.arrival),
        institution=InstitutionId(row.institution),
        door=Door(row.door),
        kind=ArrivalKind(row.kind),
        content_type=row.content_type,
        size=row.size,
        key=KeyName(row.key),
        state=ArrivalState(row.state),
        subject=row.subject,
        patient=PatientId(row.patient) if row.patient else None,
        conflicts=row.conflicts,
        received_at=row.received_at,
        claim=row.claim,
        lost=row.lost,
        location=location,
        sealed=row.payload,
    )
