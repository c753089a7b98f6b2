"""What follows when a permission ended: requests withdrawn, streams cut, records purged.

The door or the desk has stopped the release already. A purge waits for a person's answer, or for the delay in the
institutions' files. A legal hold keeps everything.
It removes by the ledger's names, never by a listing.
"""

from datetime import datetime, timedelta

from transfer import facts
from transfer.case import OpenedCase
from transfer.facts import Chain
from transfer.flow.assess import settle_needs
from transfer.flow.basis import can_still_permit, is_altered, may_ask, still_covered
from transfer.flow.housekeeping import destroy_papers, remove_orphaned
from transfer.flow.services import Services
from transfer.flow.stopping import await_stop_complete, permits_nothing
from transfer.holds import HoldAnswer, HoldCode, SystemAnswer
from transfer.identifiers import CaseId, PatientId, PermissionId
from transfer.ledger import (
    Tx,
    backups,
    cases,
    disputes,
    holds,
    merging,
    patients,
    permissions,
    purging,
    records,
    requests,
    rounds,
)
from transfer.ledger.permissions import FiledPermission
from transfer.permissions import End
from transfer.requests import RequestState
from transfer.rounds import Dag
from transfer.sealing import KeyName

#: the ends after which what came in reliance is purged, once a person has confirmed it
_PURGED_AFTER = (End.REVOKED, End.ENTERED_IN_ERROR)
_ALTERED = "the tables say other things than the facts: nothing is purged until they are set right"
#: when tables that were altered are looked at again
_SET_RIGHT = timedelta(hours=1)


def enforce(services: Services, case: CaseId) -> str:
    """Follow up on the ended permissions of a case's patient. Safe to repeat: each step looks before it acts."""
    with services.ledger.transaction() as tx:
        opened = tx.case(case).as_opened
        unfinished = permissions.being_purged(tx, opened.patient) if opened else []
        ended = [one for one in permissions.filed(tx, opened.patient) if one.permission.ended] if opened else []
        disputed = bool(opened and disputes.of_patient(tx, opened.patient))
    if opened and unfinished:
        _finish_purge(services, opened.patient, unfinished[0])
        return "purged"
    if opened is None or not (ended or disputed):
        return "no permission ended"
    _withdraw(services, opened)
    complete = [await_stop_complete(services.ledger, opened.patient, one.permission.id, seconds=10) for one in ended]
    if not all(complete):
        with services.ledger.transaction() as tx:
            rounds.owe(tx, Dag.ENFORCE_PERMISSIONS, case, after=timedelta(seconds=10))
        return "waiting for open streams to be cut"
    over = [one for one in ended if one.permission.ended in _PURGED_AFTER and one.purged_at is None]
    return _purge_when_due(services, opened, over) if over else "stopped"


def _withdraw(services: Services, opened: OpenedCase) -> None:
    """Stop asking where no basis is left. A request under way sees the epoch move and stops itself."""
    with services.ledger.transaction() as tx:
        patients.hold_epoch_shared(tx, opened.patient)
        tx.lock_case(opened.id)
        for request in requests.of_case(tx, opened.id):
            if not request.state.is_open or request.state is RequestState.ASKING:
                continue
            ruling = may_ask(tx, services.institutions, opened, request)
            if not ruling.is_permitted:
                requests.move(tx, request, RequestState.NOT_PERMITTED, ruling=ruling)


def _purge_when_due(services: Services, opened: OpenedCase, over: list[FiledPermission]) -> str:
    """Ask about the form that ended last, for all of them: what is purged is what no permission covers now."""
    *earlier, last = sorted(over, key=lambda one: (one.ended_at is not None, one.ended_at, one.permission.id))
    with services.ledger.transaction() as tx:
        patients.hold_epoch_shared(tx, opened.patient)
        for one in earlier:
            holds.withdraw_about(tx, one.permission.id, [HoldCode.CONFIRM_PURGE], SystemAnswer.ANSWERED)
        if patients.legal_hold_since(tx, opened.patient):
            holds.withdraw_about(tx, last.permission.id, [HoldCode.CONFIRM_PURGE], SystemAnswer.ANSWERED)
            return "a legal hold keeps what came in"
        if _waits_until_set_right(tx, opened.patient):
            return _ALTERED
        if any(holds.is_asked_about(tx, HoldCode.FORM_STOPPED, one) for one in _forms(tx, opened.patient)):
            return "waiting for a decision: form stopped"
        answer = holds.last_answer_about(tx, HoldCode.CONFIRM_PURGE, last.permission.id)
        if answer is HoldAnswer.KEEP:
            return "a person decided to keep what came in reliance"
        spared, gone = spared_and_gone(tx, services, opened.patient)
        if spared and not gone:
            holds.withdraw_about(tx, last.permission.id, [HoldCode.CONFIRM_PURGE], SystemAnswer.PERMITTED)
            return "nothing to purge: another basis covers what came in"
        due_at = _due_at(tx, services, last)
        if answer is not HoldAnswer.PURGE and (due_at is None or tx.now() < due_at):
            if not holds.is_asked_about(tx, HoldCode.CONFIRM_PURGE, last.permission.id):
                holds.place(tx, opened.id, HoldCode.CONFIRM_PURGE, last.permission.id)
            if due_at is not None:
                rounds.owe(tx, Dag.ENFORCE_PERMISSIONS, opened.id, after=due_at - tx.now())
            return "waiting for a decision: confirm purge"
    return purge(services, last)


def _waits_until_set_right(tx: Tx, patient: PatientId) -> bool:
    """Whether tables and facts differ. Then nobody can say what a basis covers; it is looked at again."""
    if not is_altered(tx, patient):
        return False
    for case in cases.of_patient(tx, patient):
        rounds.owe(tx, Dag.ENFORCE_PERMISSIONS, case, after=_SET_RIGHT)
    return True


def _forms(tx: Tx, patient: PatientId) -> list[PermissionId]:
    return [one.id for one in permissions.states(tx, patient)]


def _due_at(tx: Tx, services: Services, filed: FiledPermission) -> datetime | None:
    """When the purge runs without a person: only after a revocation, and where every discloser's file has a delay."""
    delays = [services.institutions[one].purge_delay_hours for one in filed.permission.form.disclosers]
    hours = [delay for delay in delays if delay is not None]
    if filed.permission.ended is not End.REVOKED or not delays or len(hours) < len(delays):
        return None
    return (filed.ended_at or tx.now()) + timedelta(hours=max(hours))


def purge(services: Services, filed: FiledPermission) -> str:
    """Remove what no live permission covers: objects, rows, packets made of them, and at last the patient's key.

    Nothing is removed while a legal hold stands, or while tables and facts differ. First the ledger forgets, naming the
    objects to remove; then they are removed; the key goes when nothing is left.
    """
    patient = filed.patient
    with services.ledger.transaction() as tx:
        patients.begin_epoch(tx, patient)
        if patients.legal_hold_since(tx, patient):
            return "a legal hold keeps what came in"
        if _waits_until_set_right(tx, patient):
            return _ALTERED
        spared, gone = spared_and_gone(tx, services, patient)
        purging.forget_records(tx, patient, gone)
        is_last = not spared and not may_still_come(tx, services, patient)
        if is_last:
            purging.forget_patient(tx, patient)
        holds.withdraw_about(tx, filed.permission.id, [HoldCode.CONFIRM_PURGE], SystemAnswer.PURGED)
        if gone or is_last or not _is_begun(tx, filed):
            fact = facts.RecordsPurged(
                permission=filed.permission.id,
                records=tuple(sorted(gone)),
                spared=tuple(sorted(spared)),
                key_destroyed=is_last,
                backups=backups.living(tx),
            )
            tx.append(Chain.patient(patient), fact)
    _finish_purge(services, patient, filed.permission.id)
    return f"purged {len(gone)}, spared {len(spared)}"


def _is_begun(tx: Tx, filed: FiledPermission) -> bool:
    """Whether the chain says that this purge was begun, by a process that died before its end."""
    lines = tx.lines(Chain.patient(filed.patient))
    return any(isinstance(x.fact, facts.RecordsPurged) and x.fact.permission == filed.permission.id for x in lines)


def _finish_purge(services: Services, patient: PatientId, permission: str) -> None:
    """What follows once the ledger has forgotten; safe to repeat, also by another process after the first one died.

    The ledger first says that the patient is forgotten, and last that the purge is over. Whoever finds the first
    without the second goes on here.
    """
    with services.ledger.transaction() as tx:
        is_last = patients.is_forgotten(tx, patient)
        if is_last:
            for one in cases.open_of(tx, [patient]):
                _close(tx, one)
        else:
            patients.hold_epoch_shared(tx, patient)
            for one in cases.open_of(tx, [patient]):
                _reopen(tx, services, one)
                settle_needs(tx, services, one)
    destroy_papers(services)
    remove_orphaned(services, older_than=timedelta(0))
    if is_last:
        with services.ledger.transaction() as tx:
            once = merging.absorbed_into(tx, patient)
        for who in (patient, *once):
            services.ledger.keys.destroy(KeyName.patient(who))
    with services.ledger.transaction() as tx:
        for form in {permission, *permissions.being_purged(tx, patient)}:
            permissions.mark_purged(tx, form)


def _reopen(tx: Tx, services: Services, case: CaseId) -> None:
    """Reopen requests answered under the ended permission: their records are gone, and are asked for if a form permits
    it.
    """
    tx.lock_case(case)
    opened = OpenedCase.of(tx.case(case))
    for request in requests.of_case(tx, case):
        if request.state is not RequestState.ANSWERED:
            continue
        ruling = may_ask(tx, services.institutions, opened, request)
        if not ruling.is_permitted:
            due = requests.move(tx, request, RequestState.DUE)
            requests.move(tx, due, RequestState.NOT_PERMITTED, ruling=ruling)


def _close(tx: Tx, case: CaseId) -> None:
    """Close the cases of a forgotten patient: nothing is asked any more, and nobody has anything left to decide."""
    tx.lock_case(case)
    for request in requests.of_case(tx, case):
        if request.state.is_open or request.state is RequestState.NOT_PERMITTED:
            requests.move(tx, request, RequestState.WITHDRAWN)
    for hold in holds.open_holds(tx, case):
        holds.resolve(tx, hold.id, SystemAnswer.PURGED)
        if hold.code is HoldCode.RECEIVER_CHANGED and hold.about:
            rounds.owe(tx, Dag.OPEN_CASE, hold.about)  # the referral that named another center is looked at by itself
    tx.append(Chain.case(case), facts.CaseClosed(ending="not-coming"))


def forget_again(tx: Tx, patient: PatientId) -> None:
    """The patient was purged after the backup that this ledger was restored from: the key is gone, the rest follows."""
    patients.begin_epoch(tx, patient)
    gone = purging.forget_unreadable(tx, patient)
    forms = permissions.being_purged(tx, patient)
    for form in forms:
        permissions.mark_purged(tx, form)
    fact = facts.RecordsPurged(
        permission=forms[0] if forms else "",
        records=tuple(gone),
        spared=(),
        key_destroyed=True,
        backups=backups.living(tx),
    )
    tx.append(Chain.patient(patient), fact)
    for one in cases.open_of(tx, [patient]):
        _close(tx, one)


def spared_and_gone(tx: Tx, services: Services, patient: PatientId) -> tuple[set[str], set[str]]:
    """The patient's records that a basis in force still covers, in any case they serve; and those none does."""
    spared: set[str] = set()
    every: set[str] = set()
    for case in cases.of_patient(tx, patient):
        opened = OpenedCase.of(tx.case(case))
        here = [kept for kept, _ in records.joined(tx, opened.id)]
        every.update(kept.id for kept in here)
        spared |= still_covered(tx, services.institutions, opened, here)
    return spared, every - spared


def may_still_come(tx: Tx, services: Services, patient: PatientId) -> bool:
    """A form has not ended for good, or something is asked for, or awaited, on another basis than a form."""
    now = tx.now()
    forms = [one for one in permissions.of_patient(tx, patient) if not permits_nothing(one.form)]
    if any(can_still_permit(services.institutions, one, now) for one in forms):
        return True
    return any(_is_awaited(tx, services, case) for case in cases.open_of(tx, [patient]))


def _is_awaited(tx: Tx, services: Services, case: CaseId) -> bool:
    opened = OpenedCase.of(tx.case(case))
    return any(
        may_ask(tx, services.institutions, opened, request).is_permitted
        for request in requests.of_case(tx, case)
        if request.state.is_open or request.state is RequestState.NOT_PERMITTED
    )
