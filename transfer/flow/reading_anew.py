"""Release forms that an earlier version read are read again from their arrivals, before a door opens.

What the reader of today carries takes the place of the form as it was. What it does not carry is paused, and a person
is asked whether it goes on as it was read. What is in doubt under it is asked about as when a form comes.
"""

from contextlib import suppress

from transfer.errors import NeedsReview, Refused
from transfer.flow import reading, stopping
from transfer.flow.forms import ask_about_doubts
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import PatientId, PermissionId
from transfer.ledger import Tx, arrivals, cases, holds, patients, permissions, rounds
from transfer.ledger.arrivals import Arrival
from transfer.ledger.permissions import FiledPermission
from transfer.permissions import Authorization, End, expires_at
from transfer.rounds import Dag
from transfer.sealing import KeyGone


def read_forms_anew(services: Services) -> int:
    """Read each live form again that an earlier reader made, once. Returns how many. A second call finds none.

    Each form has a transaction of its own. Several gateways that start at once wait for each other, form by form.

    Raises:
        Unavailable: the ledger or the store does not answer; what was read before stays so.
    """
    with services.ledger.transaction() as tx:
        found = permissions.to_read_anew(tx)
    return sum(_read_anew(services, patient, permission) for patient, permission in found)


def _read_anew(services: Services, patient: PatientId, permission: PermissionId) -> bool:
    """False: it was read, ended or purged by somebody else meanwhile."""
    with suppress(KeyGone):
        return _read_live(services, patient, permission)
    return False


def _read_live(services: Services, patient: PatientId, permission: PermissionId) -> bool:
    with services.ledger.transaction() as tx:
        before = _live(tx, patient, permission)
        arrival = arrivals.get(tx, before.arrival) if before else None
    form = _form(services, arrival) if arrival else None
    with services.ledger.transaction() as tx:
        patients.hold_epoch_exclusive(tx, patient)
        filed = _live(tx, patient, permission)
        if filed is None:
            return False
        permissions.mark_read(tx, permission)
        if form is None or arrival is None:
            _pause(tx, filed)
            return True
        if form != filed.permission.form:
            _replace(tx, services, filed, form)
        ask_about_doubts(tx, services.institutions, arrival, form)
    return True


def _live(tx: Tx, patient: PatientId, permission: PermissionId) -> FiledPermission | None:
    """The form, while it is in force and nobody has read it again."""
    waiting = permissions.waits_to_be_read(tx, permission)
    return next((one for one in permissions.filed(tx, patient) if waiting and one.permission.id == permission), None)


def _form(services: Services, arrival: Arrival) -> Authorization | None:
    """The form as today's reader has it. None: it is a person's, or what it came in is purged."""
    try:
        with services.ledger.transaction() as tx:
            body = reading.payload(tx, services, arrival)
        said = reading.read(services, arrival, body)
    except (NeedsReview, Refused, KeyGone):
        return None
    return said if isinstance(said, Authorization) else None


def _replace(tx: Tx, services: Services, old: FiledPermission, form: Authorization) -> None:
    patients.begin_epoch(tx, old.patient)
    zones = [services.institutions[one].zone for one in sorted(form.disclosers)]
    expiry = expires_at(form, zones[0]) if zones else None
    permissions.file(tx, old.patient, form, old.arrival, expiry)
    permissions.end(tx, old.patient, old.permission.id, End.REPLACED, old.arrival)
    for case in cases.open_of(tx, [old.patient]):
        rounds.owe(tx, Dag.OPEN_CASE, case)


def _pause(tx: Tx, old: FiledPermission) -> None:
    """Stop under it, and ask in each case of the patient; where there is none, about the message it came in."""
    stopping.end(tx, old, End.PAUSED)
    asked: list[str] = [*(cases.open_of(tx, [old.patient]) or cases.of_patient(tx, old.patient)[:1])]
    for subject in asked or [old.arrival]:
        holds.place(tx, subject, HoldCode.FORM_READ_ANEW, old.permission.id)
