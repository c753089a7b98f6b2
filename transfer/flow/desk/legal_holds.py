"""A legal hold: nothing of a patient is destroyed while a court or a claim may ask for it."""

from transfer.actions import ActionCode, ActionResult
from transfer.flow.desk.verbs import at_desk, unknown
from transfer.flow.services import Services
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, cases, notes, patients, rounds
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right
from transfer.rounds import Dag


def place_legal_hold(services: Services, case: CaseId, *, actor: Actor, note: str | None = None) -> ActionResult:
    """Destroy nothing of this case's patient from now on, whatever permission ends. It stops no release.

    Raises:
        Unknown: no such case, or its referral has not been understood yet.
    """
    with at_desk(services, actor, Right.REVOKE) as tx:
        patient = _locked(tx, case)
        if not patients.place_legal_hold(tx, patient):
            return ActionResult(ActionCode.LEGAL_HOLD_PLACED_BEFORE)
        if note:
            notes.add_to_case(tx, case, patient, note)
    return ActionResult(ActionCode.LEGAL_HOLD_PLACED)


def lift_legal_hold(services: Services, case: CaseId, *, actor: Actor, note: str | None = None) -> ActionResult:
    """Let what waited be purged again; a person is asked about it once more. Raises as `place_legal_hold`."""
    with at_desk(services, actor, Right.REVOKE) as tx:
        patient = _locked(tx, case)
        if not patients.lift_legal_hold(tx, patient):
            return ActionResult(ActionCode.LEGAL_HOLD_LIFTED_BEFORE)
        if note:
            notes.add_to_case(tx, case, patient, note)
        for one in cases.of_patient(tx, patient):
            rounds.owe(tx, Dag.ENFORCE_PERMISSIONS, one)
    return ActionResult(ActionCode.LEGAL_HOLD_LIFTED)


def _locked(tx: Tx, case: CaseId) -> PatientId:
    """The case's patient: a purge waits for us, or we see it."""
    opened = tx.case(case).opened
    if opened is None:
        raise unknown(Reason(RefusalCode.NO_OPENED_CASE, case=case), Remedy(RemedyCode.LIST_CASES))
    patient = PatientId(opened.patient)
    patients.hold_epoch_exclusive(tx, patient)
    return patient
