"""Finding a case by who it is about. What is looked for is compared as HMACs and leaves no trace."""

from datetime import date

from transfer.ledger import Tx, patients
from transfer.patients import Demographics, PersonName


def find_cases(tx: Tx, family: str, birth_date: date) -> list[str]:
    """The cases of everybody of that family name born on that day, known by it now or formerly; newest first."""
    said = Demographics(names=(PersonName(family),), birth_date=birth_date)
    rows = tx.rows(
        """SELECT DISTINCT c.case_id, c.opened_at FROM patient_terms JOIN cases AS c USING (patient)
           WHERE term = ANY(%s) ORDER BY c.opened_at DESC""",
        patients.terms(tx, said),
    )
    return [row.case_id for row in rows]
