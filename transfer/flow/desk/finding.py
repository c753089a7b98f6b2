"""Finding a case by who it is about. What is looked for is compared as HMACs and leaves no trace."""

from datetime import date

from transfer.flow.desk.verbs import at_desk
from transfer.flow.services import Services
from transfer.ledger import patients
from transfer.patients import Demographics, PersonName
from transfer.rights import Actor, Right


def find_cases(services: Services, family: str, birth_date: date, *, actor: Actor) -> list[str]:
    """The cases of everybody of that family name born on that day, known by it now or formerly; newest first."""
    said = Demographics(names=(PersonName(family),), birth_date=birth_date)
    with at_desk(services, actor, Right.SEE_IDENTITY) as tx:
        rows = tx.rows(
            """SELECT DISTINCT c.case_id, c.opened_at FROM patient_terms JOIN cases AS c USING (patient)
               WHERE term = ANY(%s) ORDER BY c.opened_at DESC""",
            patients.terms(tx, said),
        )
        return [row.case_id for row in rows]
