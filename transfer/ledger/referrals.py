"""Which arrivals speak of one referral: by its numbers at its sender."""

from collections.abc import Sequence
from datetime import datetime

from transfer.arrivals import ArrivalState
from transfer.identifiers import CaseId, InstitutionId
from transfer.ledger import Tx
from transfer.ledger.arrivals import Arrival
from transfer.patients import IssuedIdentifier
from transfer.sealing import SITE


def numbers(tx: Tx, sender: InstitutionId, references: Sequence[IssuedIdentifier]) -> list[bytes]:
    """HMACs of a referral's numbers. Another sender's referral of the same number is another referral."""
    said = {f"referral|{sender}|{one.issuer}|{one.value}" for one in references}
    return sorted(tx.keys.hmac(SITE, one.encode()) for one in said)


def remember(tx: Tx, arrival: Arrival, known: Sequence[bytes]) -> None:
    """This arrival speaks of the referral of these numbers. Twice is once."""
    tx.run(
        "INSERT INTO referral_numbers (number, arrival) SELECT unnest(%s::bytea[]), %s ON CONFLICT DO NOTHING",
        *(list(known), arrival.id),
    )


def case_of(tx: Tx, known: Sequence[bytes]) -> CaseId | None:
    """The case that was opened from the referral of one of these numbers: an open one first, then the newest."""
    found = tx.value(
        """SELECT c.case_id FROM referral_numbers JOIN arrivals AS a USING (arrival)
             JOIN cases AS c ON c.case_id = a.subject
           WHERE number = ANY(%s) AND c.patient IS NOT NULL AND a.state = 'filed'
           ORDER BY c.is_open DESC, c.opened_at DESC, c.case_id LIMIT 1""",
        list(known),
    )
    return CaseId(found) if found else None


def waiting(tx: Tx, known: Sequence[bytes], but: Arrival) -> list[CaseId]:
    """Of the other arrivals of these numbers, those that a person is asked about: the cases drawn for them."""
    rows = tx.rows(
        """SELECT DISTINCT a.subject FROM referral_numbers JOIN arrivals AS a USING (arrival)
           WHERE number = ANY(%s) AND a.state = %s AND a.arrival <> %s AND subject IS NOT NULL ORDER BY 1""",
        *(list(known), ArrivalState.HELD, but.id),
    )
    return [CaseId(row.subject) for row in rows]


def newest_of(tx: Tx, case: CaseId) -> datetime | None:
    """When the newest message came that says how this case's referral stands (UTC)."""
    return tx.value(  # type: ignore[no-any-return]
        "SELECT max(received_at) FROM arrivals WHERE subject = %s AND kind = 'referral' AND state = 'filed'", case
    )


def belongs_to(tx: Tx, arrival: Arrival, case: CaseId) -> None:
    """The arrival speaks of this case, and opens none."""
    tx.run("UPDATE arrivals SET subject = %s WHERE arrival = %s", case, arrival.id)
