"""A patient takes a permission back, in writing or by telephone, or lets it go on.

The first commit stops the release: no stream may open. The second says that the stop is complete: no stream is open.
"""

from collections.abc import Callable

from transfer.actions import ActionCode, ActionResult
from transfer.errors import Unavailable
from transfer.flow import stopping
from transfer.flow.desk.verbs import at_desk, not_allowed, opened_case, refused, still_open, unknown
from transfer.flow.identity import hold_patient_of
from transfer.flow.services import Services, WithLedger
from transfer.holds import HoldCode
from transfer.identifiers import ArrivalId, CaseId, InstitutionId, PatientId
from transfer.ledger import Tx, holds, notes, patients, permissions, rounds
from transfer.ledger.permissions import FiledPermission, PermissionState
from transfer.permissions import End
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right
from transfer.rounds import Dag

#: seconds within which every stream is cut, while the senders answer
STOP_COMPLETE_WITHIN_SECONDS = 10.0


def silently(_: int) -> None:
    """Nobody looks."""


def revoke(
    services: WithLedger, permission: str, *, actor: Actor, waiting: Callable[[int], None] = silently
) -> ActionResult:
    """End a permission because the patient said so in writing. `waiting` is told how many streams are still open.

    Raises:
        Unknown: no such permission.
        Unavailable: the release is stopped, but a sender does not answer; the same again goes on waiting.
    """
    return _end(services, permission, End.REVOKED, actor, waiting)


def pause(
    services: WithLedger, permission: str, *, actor: Actor, waiting: Callable[[int], None] = silently
) -> ActionResult:
    """Stop under a permission because the patient said so by telephone. Nothing is purged; `resume` lets it go on.

    Raises:
        Unknown: no such permission.
        NotAllowed: it has ended for good.
        Unavailable: as for `revoke`.
    """
    return _end(services, permission, End.PAUSED, actor, waiting)


def stop_everything(
    services: WithLedger, case: CaseId, how: End, *, actor: Actor, waiting: Callable[[int], None] = silently
) -> ActionResult:
    """Pause or revoke everything of a case's patient, because the patient says so and names no form.

    While the keys are away the forms end, and the result says that what rests on no form is not stopped yet.

    Raises:
        Unknown: no such case, or its referral has not been understood yet.
        Unavailable: as for `revoke`; or there is no form, so a stop is to be filed, and the keys are away.
    """
    with at_desk(services, actor, Right.STOP if how is End.PAUSED else Right.REVOKE) as tx:
        patient = hold_patient_of(tx, case, patients.hold_epoch_exclusive)
        opened = tx.case(case).opened
        if patient is None or opened is None:
            raise unknown(Reason(RefusalCode.NO_OPENED_CASE, case=case), Remedy(RemedyCode.LIST_CASES))
        stopped = stopping.stop_everything(tx, patient, how, ArrivalId(opened.referral))
    for one in stopped.permissions:
        await_stop_complete(services, patient, one, how, waiting)
    code = ActionCode.EVERYTHING_STOPPED if stopped.is_new else ActionCode.EVERYTHING_STOPPED_BEFORE
    return ActionResult(
        code if stopped.is_all else ActionCode.FORMS_STOPPED, case=case, end=how, permissions=stopped.permissions
    )


def declare_emergency(
    services: Services, case: CaseId, institution: str, *, clinician: str, reason: str, actor: Actor
) -> ActionResult:
    """Let one institution's records go to the case's center because a named clinician says that it cannot wait.

    In force to the end of the next day there (45 CFR 164.510, 42 CFR 2.51). A person is asked to review it by then. The
    same declaration on the same day is one; on the next day it is another, which lasts longer.

    Raises:
        Unknown: no such case or institution.
        NotAllowed: nobody is named, or the case is closed.
    """
    with at_desk(services, actor, Right.RELEASE) as tx:
        if not clinician.strip() or not reason.strip():
            raise not_allowed(Reason(RefusalCode.EMERGENCY_NEEDS_WORDS), Remedy(RemedyCode.TYPE_BOTH))
        discloser = InstitutionId(services.institutions[institution].id)
        if hold_patient_of(tx, case, patients.begin_epoch) is None:
            raise unknown(Reason(RefusalCode.NO_OPENED_CASE, case=case), Remedy(RemedyCode.LIST_CASES))
        found, opened, patient = opened_case(tx, case)
        still_open(found)
        words = f"{clinician.strip()}: {reason.strip()}"
        if _was_declared_today(tx, services, patient, discloser, InstitutionId(opened.receiver), words):
            return ActionResult(ActionCode.EMERGENCY_DECLARED_BEFORE, institution=discloser, receiver=opened.receiver)
        note = notes.add_to_case(tx, case, patient, words)
        permissions.declare_emergency(tx, patient, discloser, InstitutionId(opened.receiver), note)
        holds.place(tx, case, HoldCode.REVIEW_EMERGENCY, discloser)
        rounds.owe(tx, Dag.OPEN_CASE, case)
    return ActionResult(ActionCode.EMERGENCY_DECLARED, institution=discloser, receiver=opened.receiver)


def _was_declared_today(
    tx: Tx, services: Services, patient: PatientId, discloser: InstitutionId, recipient: InstitutionId, words: str
) -> bool:
    """The same clinician said the same on the same day there: it would be in force no longer than it is."""
    standing = permissions.emergency(tx, patient, discloser, recipient)
    if standing is None or notes.read(tx, standing.declared_by) != words:
        return False
    zone = services.institutions[discloser].zone
    return standing.declared_at.astimezone(zone).date() == tx.now().astimezone(zone).date()


def resume(services: Services, permission: str, *, actor: Actor) -> ActionResult:
    """A paused permission goes on, or the one that was filed in its place meanwhile.

    Raises:
        Unknown: no such permission.
        NotAllowed: it has ended for good; only a new form begins another.
    """
    with at_desk(services, actor, Right.RELEASE) as tx:
        filed = _filed(tx, permission)
        ended = filed.permission.ended
        if ended is None:
            return ActionResult(ActionCode.NOT_PAUSED, permission=permission)
        goes_on = stopping.resume(tx, filed)
        if goes_on is None:
            raise _ended(permission, ended)
    if goes_on != permission:
        return ActionResult(ActionCode.PERMISSION_REPLACED, permission=permission, replacement=goes_on)
    return ActionResult(ActionCode.PERMISSION_RESUMED, permission=permission)


def resume_everything(services: Services, case: CaseId, *, actor: Actor) -> ActionResult:
    """What `stop_everything` paused goes on, all of it at once: the patient says so and names no form. What was paused
    by itself before, or is asked about, stays paused. Doing it again changes nothing.

    Raises:
        Unknown: no such case, or its referral has not been understood yet.
    """
    with at_desk(services, actor, Right.RELEASE) as tx:
        patient = hold_patient_of(tx, case, patients.hold_epoch_exclusive)
        if patient is None:
            raise unknown(Reason(RefusalCode.NO_OPENED_CASE, case=case), Remedy(RemedyCode.LIST_CASES))
        resumed = tuple(stopping.resume_everything(tx, patient))
    code = ActionCode.EVERYTHING_RESUMED if resumed else ActionCode.NOTHING_TO_RESUME
    return ActionResult(code, case=case, permissions=resumed) if resumed else ActionResult(code, case=case)


def _end(services: WithLedger, permission: str, how: End, actor: Actor, waiting: Callable[[int], None]) -> ActionResult:
    """No form is read: a stop needs no key and no run, only the ledger."""
    with at_desk(services, actor, Right.STOP if how is End.PAUSED else Right.REVOKE) as tx:
        state = permission_state(tx, permission)
        if how is End.PAUSED and state.ended not in (None, End.PAUSED):
            raise _ended(permission, state.ended)
        epoch = stopping.end(tx, state, how)
    await_stop_complete(services, state.patient, permission, how, waiting)
    code = ActionCode.PERMISSION_ENDED_BEFORE if epoch is None else ActionCode.PERMISSION_ENDED
    return ActionResult(code, permission=permission, end=how)


def await_stop_complete(
    services: WithLedger, patient: PatientId, permission: str, how: str, waiting: Callable[[int], None]
) -> None:
    """Wait until no stream is open. `how` says why it was stopped.

    Raises:
        Unavailable: a sender does not answer.
    """
    if not stopping.await_stop_complete(
        services.ledger, patient, permission, seconds=STOP_COMPLETE_WITHIN_SECONDS, waiting=waiting
    ):
        why = Reason(RefusalCode.SENDER_IS_SILENT, permission=permission, end=how)
        raise refused(Unavailable, why, Remedy(RemedyCode.DO_AGAIN))


def permission_state(tx: Tx, permission: str) -> PermissionState:
    """How the permission stands, and nobody else ends or files any of this patient's meanwhile. It needs no key.

    Raises:
        Unknown: there is none.
    """
    patient = permissions.patient_of(tx, permission)
    if patient is not None:
        patients.hold_epoch_exclusive(tx, patient)
    if patient is None or (state := permissions.state(tx, permission)) is None:
        raise unknown(Reason(RefusalCode.NO_PERMISSION, permission=permission), Remedy(RemedyCode.FIND_IN_CASE))
    return state


def _filed(tx: Tx, permission: str) -> FiledPermission:
    """The permission with its form. Who ends or files any of this patient's waits."""
    state = permission_state(tx, permission)
    (filed,) = [one for one in permissions.filed(tx, state.patient) if one.permission.id == permission]
    return filed


def _ended(permission: str, ended: End | None) -> Exception:
    return not_allowed(
        Reason(RefusalCode.ENDED_FOR_GOOD, permission=permission, end=str(ended)), Remedy(RemedyCode.NEW_FORM)
    )
