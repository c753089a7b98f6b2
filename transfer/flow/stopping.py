"""Release forms filed, and permissions ended: at the door, at the desk, never by a DAG.

Ending a permission has two commits. *Release stopped*: the patient's epoch has moved. No egress may open under the
permission, and open ones are being cut. *Stop complete*: none is open any more. From then on nothing is read for
release.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from transfer.errors import NeedsReview, OutOfOrder
from transfer.flow.basis import can_still_permit
from transfer.holds import STOPPED, HoldCode, SystemAnswer
from transfer.identifiers import ArrivalId, CaseId, InstitutionId, PatientId, PermissionId
from transfer.institutions import Institutions
from transfer.ledger import Ledger, Tx, arrivals, cases, disclosures, disputes, holds, patients, permissions, rounds
from transfer.ledger.permissions import FiledPermission, PermissionState
from transfer.patients import Demographics
from transfer.permissions import Authorization, Dispute, End, FormStatus, Provision, ProvisionType, expires_at
from transfer.rounds import Dag

#: what a person is asked about an objection is to be answered within
DECIDE_WITHIN: Final = timedelta(hours=24)
#: what one person stopped at once ended so close together
_STOPPED_WITHIN: Final = timedelta(seconds=10)
ENDS: Final = {FormStatus.REVOKED: End.REVOKED, FormStatus.ENTERED_IN_ERROR: End.ENTERED_IN_ERROR}


def file_authorization(
    tx: Tx,
    institutions: Institutions,
    patient: PatientId,
    form: Authorization,
    arrival: ArrivalId,
    sender: InstitutionId,
    *,
    but: CaseId | None = None,
) -> None:
    """Let a release form take effect: it begins, replaces, or ends a permission. The same form again does nothing.

    A revocation whose number is none of the sender's forms stops all of them that are live, and a person is asked. The
    patient's open cases are owed a round, except `but`, whose round this is: it looks at its permissions later.

    Raises:
        NeedsReview: it names a form that another institution filed. A person decides whether that form ends.
    """
    # First the lock: of the same form by two doors at once, the first files it, and the second sees it here.
    patients.hold_epoch_exclusive(tx, patient)
    known = permissions.filed(tx, patient)
    if any(one.arrival == arrival for one in known):
        return  # its door has filed it
    replaced = [one for one in known if _takes_the_place(tx, form, one)]
    if any(one.filed_by != sender for one in replaced):
        raise NeedsReview("it names a form that another institution filed")
    patients.begin_epoch(tx, patient)
    if form.status in ENDS and replaced:
        for one in replaced:
            end(tx, one, ENDS[form.status], arrival)
        return
    if any(one.permission.form == form and one.reference for one in replaced):
        return
    zone = institutions[min(form.disclosers)].zone if form.disclosers else None
    permission = permissions.file(tx, patient, form, arrival, expires_at(form, zone) if zone else None)
    for one in replaced:
        if one.permission.ended is None:
            permissions.end(tx, patient, one.permission.id, End.REPLACED, arrival)
            holds.withdraw_about(tx, one.permission.id, STOPPED, SystemAnswer.ANSWERED)
    (filed,) = [one for one in permissions.filed(tx, patient) if one.permission.id == permission]
    _stop_beside(tx, institutions, filed, known)
    _ask_whether_it_goes_on(tx, filed, known)
    for case in cases.open_of(tx, [patient]):
        for discloser in sorted(form.disclosers):
            holds.withdraw(tx, case, HoldCode.CONSENT_WITHOUT_FORM, SystemAnswer.ANSWERED, about=discloser)
    _owe_cases(tx, patient, Dag.OPEN_CASE, but=but)
    _owe_purge(tx, patient, known)


def _owe_purge(tx: Tx, patient: PatientId, known: Iterable[FiledPermission]) -> None:
    """Where a purge waits, look again: what a permission covers that begins or goes on is not purged any more."""
    if any(one.ended in ENDS.values() and one.purged_at is None for one in known):
        _owe_cases(tx, patient, Dag.ENFORCE_PERMISSIONS)


def _takes_the_place(tx: Tx, form: Authorization, older: FiledPermission) -> bool:
    """Whether it is the older form corrected under its own number, or names it. A draft takes nobody's place."""
    if form.status is FormStatus.DRAFT:
        return False
    named = {permissions.reference(tx, number) for number in (form.reference, form.replaces)}
    return older.reference is not None and older.reference in named


def _stop_beside(tx: Tx, institutions: Institutions, filed: FiledPermission, known: Iterable[FiledPermission]) -> None:
    """A revocation stops what its sender filed before. An objection that came later stops a form that had to wait."""
    theirs = [one for one in known if one.filed_by == filed.filed_by]
    if how := ENDS.get(filed.permission.form.status):
        permissions.end(tx, filed.patient, filed.permission.id, how, filed.arrival)
        for one in live(tx, institutions, theirs):
            stop_with_question(tx, one, filed.arrival)
    elif filed.received_at is not None and not filed.permission.form.denies:
        _stop_if_objected_to(tx, filed, theirs, filed.received_at)


def _ask_whether_it_goes_on(tx: Tx, filed: FiledPermission, known: Iterable[FiledPermission]) -> None:
    """A form that is filed while a stop of everything stands permits nothing. Whoever signed it may not know that, so a
    person is asked whether the stop is over.
    """
    form = filed.permission.form
    if form.status is not FormStatus.ACTIVE or form.denies:
        return
    for one in known:
        if one.permission.form == _stop_of(frozenset()) and one.ended is End.PAUSED:
            _ask_about(tx, one)


def _ask_about(tx: Tx, stopped: FiledPermission) -> None:
    if not holds.is_asked_about(tx, HoldCode.FORM_STOPPED, stopped.id):
        for case in case_to_ask(tx, stopped.patient):
            holds.place(tx, case, HoldCode.FORM_STOPPED, stopped.id, due=DECIDE_WITHIN)


def _stop_if_objected_to(tx: Tx, filed: FiledPermission, theirs: list[FiledPermission], came: datetime) -> None:
    """`theirs` are the other forms of its sender, and `came` is when it came itself."""
    same = [one for one in theirs if one.reference is not None and one.reference == filed.reference]
    for one in same:
        how = one.permission.ended
        if how in (End.REVOKED, End.ENTERED_IN_ERROR) and one.ended_at is not None and one.ended_at > came:
            end(tx, filed, how, one.arrival)
            return
    revoking = [one for one in theirs if one.permission.form.status in ENDS]
    later = next((one.arrival for one in revoking if one.received_at is not None and one.received_at > came), None)
    terms = [*patients.terms(tx, filed.permission.form.patient), *([filed.reference] if filed.reference else [])]
    if filed.filed_by and (arrival := later or arrivals.objects_later(tx, filed.filed_by, terms, than=filed.arrival)):
        stop_with_question(tx, filed, arrival)


# --- ending -----------------------------------------------------------------------------------------------------------


def end(tx: Tx, filed: FiledPermission | PermissionState, how: End, arrival: ArrivalId | None = None) -> int | None:
    """The first commit of ending a permission. Returns the new epoch; None if it had ended so before.

    It reads no form, so it needs no key. What is asked about a permission that objections stopped is settled by an end
    for good.
    """
    if filed.ended is how or filed.ended is End.REVOKED:
        return None
    epoch = patients.begin_epoch(tx, filed.patient)
    permissions.end(tx, filed.patient, filed.id, how, arrival)
    if how is not End.PAUSED:
        holds.withdraw_about(tx, filed.id, STOPPED, SystemAnswer.ANSWERED)
    # Where all cases are closed, one of them gets the round: what they collected is still here.
    for case in cases.open_of(tx, [filed.patient]) or cases.of_patient(tx, filed.patient)[:1]:
        rounds.owe(tx, Dag.ENFORCE_PERMISSIONS, case)
    return epoch


def live(tx: Tx, institutions: Institutions, known: Iterable[FiledPermission]) -> list[FiledPermission]:
    """Those of a patient's forms that permit something, or would if a pause ended. Refusals and drafts do not."""
    now = tx.now()
    return [
        one
        for one in known
        if one.permission.form.status is FormStatus.ACTIVE
        and not one.permission.form.denies
        and can_still_permit(institutions, one.permission, now)
    ]


def stop_with_question(tx: Tx, filed: FiledPermission, arrival: ArrivalId) -> None:
    """Pause a form that an objection may mean, and ask a person. Twice is once, whatever was answered."""
    if holds.was_asked_since(tx, HoldCode.FORM_STOPPED, filed.id, arrival):
        return
    if filed.permission.ended is None:
        end(tx, filed, End.PAUSED, arrival)
    _ask_about(tx, filed)


def stop_own_records(tx: Tx, patient: PatientId, source: InstitutionId, arrival: ArrivalId) -> bool:
    """Stop what an institution itself would disclose of a patient, under whatever form or basis. Twice is once. False:
    a person was asked about this arrival before, and has let them go on.

    It is kept as a paused permission that names this discloser alone and permits nothing. A person lets it go on.
    """
    form = _stop_of(frozenset({source}))
    standing = [one for one in permissions.filed(tx, patient) if one.permission.form == form]
    paused = next((one.id for one in standing if one.ended is End.PAUSED), None)
    if any(holds.was_asked_since(tx, HoldCode.SOURCE_OBJECTS, one.id, arrival) for one in standing):
        return paused is not None
    if paused is None:
        patients.begin_epoch(tx, patient)
        paused = permissions.file(tx, patient, form, arrival, None)
        end(tx, _just_filed(tx, paused), End.PAUSED, arrival)
    if not holds.is_asked_about(tx, HoldCode.SOURCE_OBJECTS, paused):
        for case in case_to_ask(tx, patient):
            holds.place(tx, case, HoldCode.SOURCE_OBJECTS, paused, due=DECIDE_WITHIN)
    return True


def _just_filed(tx: Tx, permission: PermissionId) -> PermissionState:
    state = permissions.state(tx, permission)
    assert state is not None  # it was filed in this transaction
    return state


def _stop_of(disclosers: frozenset[InstitutionId]) -> Authorization:
    """A form that permits nothing and reaches all that these disclose, or anybody where none is named."""
    return Authorization(
        patient=Demographics(),
        reference=None,
        status=FormStatus.DRAFT,
        provision=Provision(type=ProvisionType.PERMIT, disclosers=disclosers),
        described=False,
        expires_event=None,
        event_occurred=False,
        signed_by=None,
        signed_on=None,
        verified_on=frozenset(),
        representative_authority=None,
        statements=frozenset(),
        replaces=None,
    )


def permits_nothing(form: Authorization) -> bool:
    """Whether it only stands for a stop."""
    return form == _stop_of(form.disclosers)


@dataclass(frozen=True, slots=True, kw_only=True)
class EverythingStopped:
    """What stands ended now, and whether anything has changed. Not `is_all`: what rests on no form is not stopped."""

    permissions: tuple[PermissionId, ...]
    is_new: bool
    is_all: bool


def stop_everything(tx: Tx, patient: PatientId, how: End, arrival: ArrivalId) -> EverythingStopped:
    """End every permission of a patient that may go on, as somebody says at the desk. Twice is once.

    A release may rest on another basis than these, so a stop of everything stands beside them: paused, or ended so
    where it is all there is. To file or to know it takes the patient's key. Without one all that is filed ends.

    Raises:
        OutOfOrder: nothing is filed, and the keys are away.
    """
    standing = [one for one in permissions.states(tx, patient) if one.ended in (None, End.PAUSED, how)]
    try:
        everything, is_filed = _stop_of_everything(tx, patient, arrival)
    except (OutOfOrder, OSError):
        if not standing:
            raise
        everything, is_filed = None, False
    ending = [(one, how) for one in standing if everything is None or one.id != everything.id]
    if everything is not None:
        ending.append((everything, End.PAUSED if ending else how))
    epochs = [end(tx, one, as_said) for one, as_said in ending if one.ended is None or as_said is not End.PAUSED]
    return EverythingStopped(
        permissions=tuple(one.id for one, _ in ending),
        is_new=is_filed or any(epoch is not None for epoch in epochs),
        is_all=everything is not None,
    )


def _stop_of_everything(tx: Tx, patient: PatientId, arrival: ArrivalId) -> tuple[PermissionState, bool]:
    """The stop of everything that stands or stood, else a new one, and whether it is new."""
    form = _stop_of(frozenset())
    for one in permissions.filed(tx, patient):
        if one.permission.form == form:
            return _just_filed(tx, one.id), False
    patients.begin_epoch(tx, patient)
    return _just_filed(tx, permissions.file(tx, patient, form, arrival, None)), True


def case_to_ask(tx: Tx, patient: PatientId) -> list[CaseId]:
    """One case of the patient on which a question is asked: an open one, if there is one."""
    return (cases.open_of(tx, [patient]) or cases.of_patient(tx, patient))[:1]


def resume(tx: Tx, filed: FiledPermission) -> PermissionId | None:
    """End the pause of a permission, in a new epoch; its cases look again. Returns the permission that goes on.

    Where a form that takes its place was filed meanwhile, that form goes on, and the paused one is replaced. None: it
    is not paused.
    """
    if filed.permission.ended is not End.PAUSED:
        return None
    known = permissions.filed(tx, filed.patient)
    later = known[[one.permission.id for one in known].index(filed.permission.id) + 1 :]
    instead = [one for one in later if _takes_the_place(tx, one.permission.form, filed)]
    patients.begin_epoch(tx, filed.patient)
    if instead:
        permissions.end(tx, filed.patient, filed.permission.id, End.REPLACED)
    else:
        permissions.resume(tx, filed.patient, filed.permission.id)
    holds.withdraw_about(tx, filed.permission.id, STOPPED, SystemAnswer.ANSWERED)
    _owe_cases(tx, filed.patient, Dag.OPEN_CASE)
    _owe_purge(tx, filed.patient, known)
    return [filed, *instead][-1].permission.id


def resume_everything(tx: Tx, patient: PatientId) -> list[PermissionId]:
    """End what `stop_everything` paused: the stop that stands beside the forms, and what was paused with it. What a
    question is open about, and what was paused by itself before, stays. Returns what goes on; nothing, where no stop
    of everything stands.
    """
    known = permissions.filed(tx, patient)
    form = _stop_of(frozenset())
    beside = next((one for one in known if one.permission.form == form and one.ended is End.PAUSED), None)
    if beside is None or beside.ended_at is None:
        return []
    since = beside.ended_at - _STOPPED_WITHIN
    together = [
        one
        for one in known
        if one.ended is End.PAUSED and one.ended_at is not None and since <= one.ended_at <= beside.ended_at
    ]
    going = [one for one in together if not any(holds.is_asked_about(tx, code, one.id) for code in STOPPED)]
    return [one.permission.id for one in going if resume(tx, one)]


def dispute(tx: Tx, filed: FiledPermission | PermissionState, found: Dispute, note: str | None) -> None:
    """Stop what rests on a form because a person found something wrong with it. That does not stand yet."""
    patients.begin_epoch(tx, filed.patient)
    disputes.enter(tx, filed.patient, filed.id, found, note)
    _owe_cases(tx, filed.patient, Dag.ENFORCE_PERMISSIONS)


def dispute_as_entered(tx: Tx, patient: PatientId, form: Authorization, found: frozenset[Dispute]) -> None:
    """Dispute a form that was just filed by what came with it, where that does not stand yet."""
    for filed in [one for one in permissions.filed(tx, patient) if found and one.permission.form == form][-1:]:
        for one in sorted(found - disputes.standing(tx, filed.id)):
            dispute(tx, filed, one, None)


def withdraw_dispute(tx: Tx, filed: FiledPermission | PermissionState, found: Dispute, note: str | None) -> None:
    """Let a form count again that was disputed so, in a new epoch; its cases look again."""
    patients.begin_epoch(tx, filed.patient)
    disputes.withdraw(tx, filed.patient, filed.id, found, note)
    _owe_cases(tx, filed.patient, Dag.OPEN_CASE)


# --- the second commit ------------------------------------------------------------------------------------------------


def await_stop_complete(
    ledger: Ledger,
    patient: PatientId,
    permission: str,
    *,
    seconds: float,
    waiting: Callable[[int], None] = lambda _: None,
) -> bool:
    """The second commit: write that the stop is complete, once no stream of an older epoch is open.

    `waiting` is told how many are open. True once the stop is complete, also when it was before. False if a sender does
    not answer within `seconds`; the supervisor then kills it.
    """
    until = time.monotonic() + seconds
    while True:
        with ledger.transaction() as tx:
            still = _note_stop_complete(tx, patient, permission)
        waiting(still)
        if not still or time.monotonic() > until:
            return not still
        time.sleep(0.1)


def note_completed_stops(ledger: Ledger) -> None:
    """Write that a stop is complete, for each of which nobody has written it yet. It looks once and waits for none.

    Gateways do this all the time, so that it depends on no round.
    """
    with ledger.transaction() as tx:
        stopping = permissions.stopping(tx, limit=50)
    for patient, permission in stopping:
        with ledger.transaction() as tx:
            _note_stop_complete(tx, patient, permission)


def _note_stop_complete(tx: Tx, patient: PatientId, permission: str) -> int:
    """How many streams are still open. With none the fact is written, once."""
    epoch = patients.hold_epoch_shared(tx, patient)
    disclosures.close_dead(tx)
    if still := disclosures.count_open_before(tx, patient, epoch):
        return still
    permissions.complete_stop(tx, patient, permission)
    return 0


def _owe_cases(tx: Tx, patient: PatientId, dag: Dag, *, but: CaseId | None = None) -> None:
    for case in cases.open_of(tx, [patient]):
        if case != but:
            rounds.owe(tx, dag, case)
