"""The permissions of a case, to be ended: read without a key, as the keys may be away."""

from transfer.errors import OutOfOrder
from transfer.flow.desk.shown import PermissionSummary
from transfer.flow.desk.verbs import at_desk, known_case
from transfer.flow.services import Services
from transfer.flow.stopping import permits_nothing
from transfer.identifiers import CaseId, PatientId, PermissionId
from transfer.ledger import Tx, disputes, permissions
from transfer.rights import Actor, Right


def list_permissions(services: Services, case: CaseId, *, actor: Actor) -> list[PermissionSummary]:
    """A case's permissions, oldest first, as they stand; none where its referral is not understood yet.

    What they permit is sealed, and is not told here: `dossier` tells it.

    Raises:
        Unknown: there is no such case.
    """
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        opened = known_case(tx, case).opened
        found = permissions.states(tx, opened.patient) if opened else []
        stops = _stops(tx, PatientId(opened.patient)) if opened else None
        return [
            PermissionSummary(
                permission=one.id,
                is_stop=None if stops is None else one.id in stops,
                filed_at=one.filed_at,
                ended=one.ended,
                ended_at=one.ended_at,
                disputes=tuple(sorted(disputes.standing(tx, one.id))),
            )
            for one in found
        ]


def _stops(tx: Tx, patient: PatientId) -> set[PermissionId] | None:
    """Those of a patient's permissions that only stand for a stop; None while the keys are away."""
    try:
        return {one.id for one in permissions.filed(tx, patient) if permits_nothing(one.permission.form)}
    except (OutOfOrder, OSError):
        return None
