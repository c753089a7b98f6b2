"""Disputes: what a person found wrong with a release form, while it stands."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from transfer import facts
from transfer.facts import Chain
from transfer.identifiers import PatientId, PermissionId
from transfer.ledger import Row, Tx
from transfer.permissions import Dispute, Finding
from transfer.permissions.trail import PermissionTrail

#: each of a patient's forms with each dispute that stands against it, or with none
OF_FORMS: Final = """SELECT permission, arrival, dispute FROM permissions LEFT JOIN disputes USING (arrival)
    WHERE patient = %s"""


def enter(tx: Tx, patient: PatientId, permission: PermissionId, dispute: Dispute, note: str | None) -> None:
    """Keep a dispute that does not stand. The patient's epoch must have been moved in this transaction."""
    arrival: str = tx.value(
        "INSERT INTO disputes (arrival, dispute) SELECT arrival, %s FROM permissions WHERE permission = %s "
        "RETURNING arrival",
        *(dispute, permission),
    )
    entered = facts.DisputeEntered(permission=permission, arrival=arrival, dispute=dispute, note=note)
    tx.append(Chain.patient(patient), entered)


def withdraw(tx: Tx, patient: PatientId, permission: PermissionId, dispute: Dispute, note: str | None) -> None:
    """A dispute that stands does no more. The patient's epoch must have been moved in this transaction."""
    arrival: str = tx.value(
        """DELETE FROM disputes USING permissions AS p WHERE p.arrival = disputes.arrival AND p.permission = %s
           AND dispute = %s RETURNING p.arrival""",
        *(permission, dispute),
    )
    withdrawn = facts.DisputeWithdrawn(permission=permission, arrival=arrival, dispute=dispute, note=note)
    tx.append(Chain.patient(patient), withdrawn)


def standing(tx: Tx, permission: PermissionId) -> frozenset[Dispute]:
    """What stands against the form of a permission."""
    rows = tx.rows("SELECT dispute FROM disputes JOIN permissions USING (arrival) WHERE permission = %s", permission)
    return frozenset(Dispute(row.dispute) for row in rows)


def of_patient(tx: Tx, patient: PatientId) -> Mapping[PermissionId, frozenset[Finding]]:
    """What stands against each of a patient's permissions, as `evaluate` takes it; those with nothing are left out."""
    found: dict[PermissionId, set[Finding]] = defaultdict(set)
    for row in _of_forms(tx, patient):
        if row.dispute is not None:
            found[PermissionId(row.permission)].add(Dispute(row.dispute).finding)
    return {permission: frozenset(findings) for permission, findings in found.items()}


def is_altered(tx: Tx, patient: PatientId, trail: PermissionTrail) -> bool:
    """Whether the table lacks a dispute that stands by the patient's facts. One more only withholds: of patients who
    were merged, it stands in the other one's chain.
    """
    rows = _of_forms(tx, patient)
    found = {(row.arrival, row.dispute) for row in rows}
    return any(
        (row.arrival, dispute) not in found for row in rows for dispute in trail.disputes.get(row.arrival, frozenset())
    )


def _of_forms(tx: Tx, patient: PatientId) -> Sequence[Row]:
    """Each of the patient's forms with each dispute that stands against it, or with none."""
    return tx.held_rows(patient, OF_FORMS, patient)


def set_right(tx: Tx, trail: PermissionTrail) -> None:
    """Write again what stands by the facts. The patient's epoch must have been moved in this transaction."""
    for arrival, standing_ones in trail.disputes.items():
        for dispute in sorted(standing_ones):
            tx.run("INSERT INTO disputes (arrival, dispute) VALUES (%s, %s) ON CONFLICT DO NOTHING", arrival, dispute)
