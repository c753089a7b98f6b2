"""Release forms filed, and permissions ended: at the door, at the desk, never by a DAG.

Ending a permission has two commits. *Release stopped*: the patient's epoch has moved. No egress may open under the
permission, and open ones are being cut. *Stop complete*: none is open any more. From then on nothing is read for
release.
"""

import time
from collections.abc import Callable

from transfer.errors import NeedsReview
from transfer.identifiers import ArrivalId, CaseId, InstitutionId, PatientId, PermissionId
from transfer.institutions import Institutions
from transfer.ledger import Ledger, Tx, cases, disclosures, patients, permissions, rounds
from transfer.ledger.permissions import FiledPermission, StandingPermission
from transfer.permissions import Authorization, End, FormStatus, expires_at
from transfer.rounds import Dag

_ENDS = {FormStatus.REVOKED: End.REVOKED, FormStatus.ENTERED_IN_ERROR: End.ENTERED_IN_ERROR}


def file_authorization(
    tx: Tx,
    institutions: Institutions,
    patient: PatientId,
    form: Authorization,
    arrival: str,
    sender: InstitutionId,
    *,
    but: CaseId | None = None,
) -> None:
    """Let a release form take effect: it begins, replaces, or ends a permission. The same form again does nothing.

    The patient's open cases are owed a round, except `but`, whose round this is: it looks at its permissions later.

    Raises:
        NeedsReview: it names a form that another institution filed. A person decides whether that form ends.
    """
    # First the lock: of the same form by two doors at once, the first files it, and the second sees it here.
    patients.begin_epoch(tx, patient)
    known = permissions.filed(tx, patient)
    reference = permissions.reference(tx, form.reference)
    same = [one for one in known if reference and one.reference == reference]
    replaced = [one for one in known if _takes_the_place(tx, form, one)]
    if any(one.filed_by != sender for one in replaced):
        raise NeedsReview("it names a form that another institution filed")
    if form.status in _ENDS:
        for one in same:
            end(tx, one, _ENDS[form.status], arrival)
        if same:
            return
    if any(one.permission.form == form for one in same):
        return
    zone = institutions[min(form.disclosers)].zone if form.disclosers else None
    expiry = expires_at(form, zone) if zone else None
    permission = permissions.file(tx, patient, form, ArrivalId(arrival), expiry)
    for one in replaced:
        if one.permission.ended is None:
            permissions.end(tx, patient, one.permission.id, End.REPLACED, arrival)
    if form.status in _ENDS:
        permissions.end(tx, patient, permission, _ENDS[form.status], arrival)
    _owe_cases(tx, patient, Dag.OPEN_CASE, but=but)


def _takes_the_place(tx: Tx, form: Authorization, older: FiledPermission) -> bool:
    """Whether it is the older form corrected under its own number, or names it."""
    named = {permissions.reference(tx, number) for number in (form.reference, form.replaces)}
    return older.reference is not None and older.reference in named


def end(tx: Tx, filed: FiledPermission | StandingPermission, how: End, arrival: str | None = None) -> int | None:
    """The first commit of ending a permission. Returns the new epoch; None if it had ended so before."""
    if filed.ended is how or filed.ended is End.REVOKED:
        return None
    epoch = patients.begin_epoch(tx, filed.patient)
    permissions.end(tx, filed.patient, filed.id, how, arrival)
    # Where all cases are closed, one of them gets the round: what they collected is still here.
    for case in cases.open_of(tx, [filed.patient]) or cases.of_patient(tx, filed.patient)[:1]:
        rounds.owe(tx, Dag.ENFORCE_PERMISSIONS, case)
    return epoch


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
    _owe_cases(tx, filed.patient, Dag.OPEN_CASE)
    return [filed, *instead][-1].permission.id


def end_by_reference(tx: Tx, form_reference: bytes, sender: InstitutionId, status: FormStatus, arrival: str) -> bool:
    """End the permissions with this form's number, in the transaction in which a door stores a written revocation.

    False: its sender filed no such form. The arrival is processed like any other.
    """
    carrying = permissions.with_reference(tx, form_reference, sender)
    if not carrying or status not in _ENDS:
        return False
    for patient in sorted(set(carrying.values())):
        patients.hold_epoch_exclusive(tx, patient)  # or what is read here has changed when it is ended
        for one in permissions.filed(tx, patient):
            if one.permission.id in carrying:
                end(tx, one, _ENDS[status], arrival)
    return True


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
    if still := len(disclosures.open_before(tx, patient, epoch)):
        return still
    permissions.complete_stop(tx, patient, permission)
    return 0


def _owe_cases(tx: Tx, patient: PatientId, dag: Dag, *, but: CaseId | None = None) -> None:
    for case in cases.open_of(tx, [patient]):
        if case != but:
            rounds.owe(tx, dag, case)
