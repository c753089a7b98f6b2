"""Codes of an institution that its file does not map yet."""

from transfer.flow.desk.verbs import at_desk
from transfer.flow.noting_codes import left
from transfer.flow.services import Services
from transfer.identifiers import InstitutionId
from transfer.ledger import unmapped_codes
from transfer.rights import Actor, Right
from transfer.unmapped_codes import UnmappedCode


def list_unmapped_codes(services: Services, institution: InstitutionId, *, actor: Actor) -> list[UnmappedCode]:
    """What was seen most comes first. Nothing of a patient.

    Raises:
        Unknown: no such institution.
    """
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        known = services.institutions[institution]
        found = unmapped_codes.of_institution(tx, InstitutionId(known.id))
    return left(services, found)
