"""The forms of a case's patient as they are filed, and how each ended."""

from tests.kit import builders as b
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import permissions
from transfer.ledger.permissions import FiledPermission
from transfer.permissions import End


def filed(services: Services, case: CaseId) -> list[FiledPermission]:
    with services.ledger.transaction() as tx:
        return permissions.filed(tx, b.patient_of(services, case))


def ends(services: Services, case: CaseId) -> list[End | None]:
    return [one.ended for one in filed(services, case)]
