"""Records sought by the numbers they bear: the patients they may belong to, and what a later message is about."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transfer import copies
from transfer.identifiers import InstitutionId, PatientId
from transfer.ledger import Tx
from transfer.ledger.arrivals import Arrival
from transfer.ledger.records import StoredRecord, from_row, named, parts
from transfer.patients import IssuedIdentifier
from transfer.staging import Location


def latest(
    tx: Tx, patient: PatientId, institution: InstitutionId, entries: Sequence[IssuedIdentifier]
) -> StoredRecord | None:
    """What we keep of a document in the state in which its source gave it last. `entries` are the source's own."""
    absorbed = tx.held_rows(patient, "SELECT absorbed FROM merged_patients WHERE kept = %s", patient)
    names = [
        named(tx, PatientId(one), term)
        for one in (patient, *(row.absorbed for row in absorbed))
        for term in copies.terms(entries, ())
    ]
    rows = tx.rows(
        """SELECT DISTINCT r.* FROM record_terms AS t JOIN records AS r USING (record)
           WHERE t.term = ANY(%s) AND r.patient = %s AND r.institution = %s AND r.purged_at IS NULL
             AND r.origin <> convert_to(r.record, 'UTF8')
           ORDER BY r.kept_at DESC, r.record""",
        *(names, patient, institution),
    )
    found = (from_row(tx, row) for row in rows)
    return next((one for one in found if {*entries} & {*one.about.identifiers, *one.about.entries}), None)


def patients_by_number(tx: Tx, numbers: Iterable[IssuedIdentifier]) -> list[PatientId]:
    """The patients with open cases of whose records one bears one of these numbers.

    Terms of records are under the patients' own keys: it costs an HMAC for each number and patient with an open case.
    """
    wanted = copies.terms(numbers, ())
    people = tx.rows(
        """SELECT DISTINCT r.patient AS name FROM cases AS c JOIN records AS r USING (patient) WHERE c.is_open
           UNION SELECT DISTINCT m.absorbed FROM cases AS c JOIN merged_patients AS m ON m.kept = c.patient
           WHERE c.is_open"""
    )
    terms = [named(tx, PatientId(one.name), term) for one in people for term in wanted]
    rows = tx.rows(
        """SELECT DISTINCT r.patient FROM record_terms AS t JOIN records AS r USING (record)
           JOIN cases AS c ON c.patient = r.patient
           WHERE t.term = ANY(%s) AND r.purged_at IS NULL AND c.is_open ORDER BY 1""",
        terms,
    )
    return [PatientId(row.patient) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedMessage:
    """A message of results that a later one corrects, and the record that it is."""

    arrival: str
    location: Location
    kept: StoredRecord


def corrected_by(
    tx: Tx, patient: PatientId, arrival: Arrival, numbers: Sequence[IssuedIdentifier]
) -> CorrectedMessage | None:
    """The last message about a report of these numbers that the same institution sent before this one: its whole
    report, where it was put together of several, else as it came. None: there is none.
    """
    terms = [named(tx, patient, term) for term in copies.terms(numbers, ())]
    rows = tx.rows(
        """SELECT DISTINCT r.* FROM record_terms AS t JOIN records AS r USING (record)
           JOIN arrivals AS a ON a.arrival = r.arrival
           WHERE t.term = ANY(%s) AND r.patient = %s AND r.institution = %s AND r.purged_at IS NULL
             AND r.arrival <> %s AND a.received_at < %s ORDER BY r.kept_at DESC, r.record""",
        *(terms, patient, arrival.institution, arrival.id, arrival.received_at),
    )
    for row in rows:
        kept = from_row(tx, row)
        messages = [part for part in parts(tx, kept) if part.content_type == arrival.content_type]
        if messages:
            return CorrectedMessage(arrival=row.arrival, location=messages[-1].location, kept=kept)
    return None
