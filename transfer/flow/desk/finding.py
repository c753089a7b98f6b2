"""Finding a case by who it is about. What is looked for is compared as HMACs and leaves no trace."""

from datetime import date

from transfer.flow.desk.verbs import at_desk
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import cases, patients
from transfer.patients import Demographics, PersonName
from transfer.rights import Actor, Right


def find_cases(services: Services, family: str, birth_date: date, *, actor: Actor) -> list[CaseId]:
    """The cases of everybody of that family name born on that day, known by it now or formerly; newest first."""
    said = Demographics(names=(PersonName(family),), birth_date=birth_date)
    with at_desk(services, actor, Right.SEE_IDENTITY) as tx:
        return cases.found_by(tx, patients.terms(tx, said))
