"""What was found in records when they were opened, and what people made of it."""

from dataclasses import replace

from transfer import facts
from transfer.facts import Chain
from transfer.flaws import Flaw
from transfer.identifiers import CaseId, InstitutionId, PatientId, RecordId
from transfer.ledger import Tx, records
from transfer.ledger.records import StoredRecord


def write_flaws(tx: Tx, kept: StoredRecord) -> None:
    """Every part of it was opened; what is wrong with it. Each case that it serves writes it in its chain."""
    tx.run("UPDATE records SET opened_at = transfer.now(), flaws = %s WHERE record = %s", sorted(kept.flaws), kept.id)


def write_seen(tx: Tx, kept: StoredRecord, flaw: Flaw) -> StoredRecord:
    """This is wrong with it, whatever opening it finds. `write_flaws` makes it count."""
    kept = replace(kept, seen=kept.seen | {flaw})
    tx.run("UPDATE records SET flaws_seen = %s WHERE record = %s", sorted(kept.seen), kept.id)
    return kept


def write_opened(tx: Tx, case: CaseId, kept: StoredRecord) -> None:
    """The same in the chain of a case."""
    tx.append(Chain.case(case), facts.RecordOpened(record=kept.id, flaws=tuple(sorted(kept.flaws))))


def take(tx: Tx, case: CaseId, kept: StoredRecord, flaws: frozenset[Flaw], *, lacking: int = 0) -> None:
    """A person takes a record as it is, for all these flaws, and without so many images."""
    tx.append(Chain.case(case), facts.RecordTaken(record=kept.id, flaws=tuple(sorted(flaws)), lacking=lacking))


def cases_of(tx: Tx, record: RecordId) -> list[CaseId]:
    """The cases that a record serves."""
    rows = tx.rows("SELECT case_id FROM collected WHERE record = %s ORDER BY case_id", record)
    return [CaseId(row.case_id) for row in rows]


def compare_again(tx: Tx, patient: PatientId, institution: InstitutionId | None) -> None:
    """What an institution, or any, gave that names another patient is to be opened again: it may do so no more. Until
    then it has that flaw, as its cases say.
    """
    tx.run(
        """UPDATE records SET opened_at = NULL
           WHERE patient = %s AND (%s::text IS NULL OR institution = %s) AND %s = ANY(flaws) AND purged_at IS NULL""",
        *(patient, institution, institution, Flaw.ANOTHER_PATIENT),
    )


def open_all_again(tx: Tx, kept: StoredRecord) -> None:
    """All of it is to be opened: parts came that nobody could open yet, or a person wants it."""
    tx.run("UPDATE records SET opened_at = NULL WHERE record = %s", kept.id)


def let_come_again(tx: Tx, kept: StoredRecord) -> None:
    """Its source may give the same once more, which is then a record of its own."""
    tx.run("UPDATE records SET origin = convert_to(record, 'UTF8') WHERE record = %s", kept.id)


def unopened(tx: Tx, case: CaseId) -> list[StoredRecord]:
    """Those of a case that nobody has opened yet, oldest first."""
    rows = tx.rows(
        """SELECT r.record FROM collected AS c JOIN records AS r USING (record)
           WHERE c.case_id = %s AND r.opened_at IS NULL AND r.purged_at IS NULL AND NOT c.superseded
           ORDER BY r.kept_at, r.record""",
        case,
    )
    return [kept for row in rows if (kept := records.get(tx, row.record))]
