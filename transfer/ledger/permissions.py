"""Permissions: release forms as filed, how each ended, and emergencies."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from transfer import codec, facts
from transfer.errors import OutOfOrder
from transfer.facts import Chain
from transfer.identifiers import ArrivalId, InstitutionId, PatientId, PermissionId
from transfer.ledger import Row, Tx, disclosures, disputes, patients, trail
from transfer.patients import IssuedIdentifier
from transfer.permissions import Authorization, Emergency, End, Permission
from transfer.permissions.former import FormerAuthorization
from transfer.permissions.trail import PermissionTrail
from transfer.sealing import SITE, KeyName

#: the reader of forms that this version has; the ledger keeps which one made a form (decision 0023).
#: 3 holds extensions, foreign systems and ends in words, which 2 passed over; 4 a "no" in the same body, in a label, a
#: file's name, an envelope, or an extension of the patient's
_READER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionState:
    """How a permission stands, without its form: no key is needed to read it. Times are UTC."""

    id: PermissionId
    patient: PatientId
    filed_at: datetime
    ended: End | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledPermission:
    """A permission as the ledger has it."""

    permission: Permission
    patient: PatientId
    #: the form as it was sealed then, unsealed: its fact carries the HMAC of these bytes
    sealed: bytes = field(repr=False)
    reference: bytes | None
    #: the message it came in
    arrival: ArrivalId
    #: whose door the form came through, and when, UTC
    filed_by: InstitutionId | None
    received_at: datetime | None
    ended_at: datetime | None
    stop_completed_at: datetime | None
    purged_at: datetime | None

    @property
    def id(self) -> PermissionId:
        return self.permission.id

    @property
    def ended(self) -> End | None:
        return self.permission.ended


def file(
    tx: Tx, patient: PatientId, form: Authorization, arrival: ArrivalId, expires_at: datetime | None
) -> PermissionId:
    """Keep a release form. The patient's epoch must have been moved in this transaction."""
    permission = PermissionId.draw()
    key = KeyName.patient(patient)
    text = codec.dump(Authorization, form)
    tx.run(
        "INSERT INTO permissions (permission, patient, arrival, reference, form, filed_at, reader) "
        "VALUES (%s, %s, %s, %s, %s, transfer.now(), %s)",
        *(permission, patient, arrival, reference(tx, form.reference), tx.keys.seal(key, text, about=permission)),
        _READER,
    )
    tx.append(
        Chain.patient(patient),
        facts.PermissionFiled(
            permission=permission,
            arrival=arrival,
            form=tx.keys.hmac(key, text).hex(),
            expires_at=expires_at.isoformat() if expires_at else None,
        ),
    )
    return permission


def end(tx: Tx, patient: PatientId, permission: str, end: End, arrival: str | None = None) -> None:
    """Write that a permission ended, and why. The patient's epoch must have been moved in this transaction.

    It is noted beside the keys as well. Where they are away nobody is kept from ending a permission: see `unnoted`.
    """
    tx.run(
        "UPDATE permissions SET ended = %s, ended_at = transfer.now() WHERE permission = %s",
        *(end, permission),
    )
    with suppress(OutOfOrder, OSError):
        tx.keys.note_end(permission, end)
        noted(tx, PermissionId(permission), end)
    tx.append(Chain.patient(patient), facts.PermissionEnded(permission=permission, end=end, arrival=arrival))


def resume(tx: Tx, patient: PatientId, permission: str) -> None:
    """A paused permission goes on. The patient's epoch must have been moved in this transaction."""
    tx.run("UPDATE permissions SET ended = NULL, ended_at = NULL WHERE permission = %s", permission)
    tx.append(Chain.patient(patient), facts.PermissionResumed(permission=permission))


def complete_stop(tx: Tx, patient: PatientId, permission: str) -> None:
    """Write that nothing is open under a permission that ended. Twice is once.

    The caller shares the patient's epoch and found no stream of an older one.
    """
    took: timedelta | None = tx.value(
        """UPDATE permissions SET stop_completed_at = transfer.now() WHERE permission = %s AND ended IS NOT NULL
           AND (stop_completed_at IS NULL OR stop_completed_at < ended_at) RETURNING stop_completed_at - ended_at""",
        permission,
    )
    if took is not None:
        fact = facts.StopCompleted(
            permission=permission,
            milliseconds=int(took.total_seconds() * 1000),
            in_reliance=tuple(disclosures.with_bytes_sent(tx, patient, permission)),
        )
        tx.append(Chain.patient(patient), fact)


def mark_purged(tx: Tx, permission: str) -> None:
    """Write that what came under a permission is purged."""
    tx.run("UPDATE permissions SET purged_at = transfer.now() WHERE permission = %s", permission)


def unnoted(tx: Tx, limit: int) -> list[tuple[PermissionId, End]]:
    """Permissions that ended while the keys were away: how each ended is still to be noted beside them."""
    rows = tx.rows(
        "SELECT permission, ended FROM permissions WHERE is_behind ORDER BY 1 LIMIT %s",
        limit,
    )
    return [(PermissionId(row.permission), End(row.ended)) for row in rows]


def noted(tx: Tx, permission: PermissionId, end: End) -> None:
    """This end is noted beside the keys. Where it ended otherwise meanwhile, that is still owed."""
    tx.run("UPDATE permissions SET noted_end = %s WHERE permission = %s", end, permission)


# --- looking them up --------------------------------------------------------------------------------------------------


_FILED: Final = """SELECT p.*, a.institution AS filed_by, a.received_at FROM permissions AS p
    LEFT JOIN arrivals AS a USING (arrival) WHERE p.patient = %s AND form IS NOT NULL ORDER BY filed_at"""
_EMERGENCIES: Final = "SELECT discloser, recipient, clinician FROM emergencies WHERE patient = %s"


def read_ahead(tx: Tx, patient: PatientId) -> datetime:
    """Ask at once for all that rulings on a patient rest on, and then for the clock, which is returned. The patient's
    epoch is held.
    """
    return tx.read_ahead(
        [
            (patients.FORGOTTEN, patient),
            (trail.STORED, Chain.patient(patient)),
            (_FILED, patient),
            (_EMERGENCIES, patient),
            (disputes.OF_FORMS, patient),
        ]
    )


def filed(tx: Tx, patient: str) -> list[FiledPermission]:
    """All release forms of a patient that can still be read, oldest first."""
    rows = tx.held_rows(PatientId(patient), _FILED, patient)
    key = KeyName.patient(PatientId(patient))
    texts = [tx.keys.unseal(key, row.form, about=row.permission) for row in rows]
    return [
        FiledPermission(
            permission=Permission(
                id=PermissionId(row.permission),
                form=_form(text),
                ended=End(row.ended) if row.ended else None,
            ),
            patient=PatientId(row.patient),
            sealed=text,
            reference=row.reference,
            arrival=ArrivalId(row.arrival),
            filed_by=InstitutionId(row.filed_by) if row.filed_by else None,
            received_at=row.received_at,
            ended_at=row.ended_at,
            stop_completed_at=row.stop_completed_at,
            purged_at=row.purged_at,
        )
        for row, text in zip(rows, texts, strict=True)
    ]


def _form(sealed: bytes) -> Authorization:
    """A form as it was sealed, today or by an earlier version."""
    try:
        return codec.load(Authorization, sealed)
    except ValueError:
        return codec.load(FormerAuthorization, sealed).as_tree()


def of_patient(tx: Tx, patient: str) -> list[Permission]:
    return [one.permission for one in filed(tx, patient)]


def is_altered(tx: Tx, patient: PatientId, trail: PermissionTrail, rows: Sequence[FiledPermission]) -> bool:
    """Whether the tables of permissions say other than the patient's facts: a row more, a row less, another form,
    another end. A patient who is forgotten has no rows to compare.
    """
    sealed = {one.permission.id: one.sealed for one in rows}
    if sealed.keys() != trail.forms.keys():
        return True
    forms = {
        name: tx.keys.hmac(KeyName.patient(trail.forms[name].patient), text).hex() for name, text in sealed.items()
    }
    ends = {one.permission.id: one.permission.ended for one in rows if one.permission.ended}
    told = sorted((one.discloser, one.recipient, one.declared_by) for one in trail.emergencies)
    found = tx.held_rows(patient, _EMERGENCIES, patient)
    declared = sorted((row.discloser, row.recipient, row.clinician) for row in found)
    return (forms, ends, declared) != ({n: form.hmac for n, form in trail.forms.items()}, dict(trail.ends), told)


def stopping(tx: Tx, limit: int) -> list[tuple[PatientId, PermissionId]]:
    """Permissions that ended and whose stop nobody has written to be complete."""
    rows = tx.rows(
        """SELECT patient, permission FROM permissions WHERE ended IS NOT NULL
           AND (stop_completed_at IS NULL OR stop_completed_at < ended_at) ORDER BY 1, 2 LIMIT %s""",
        limit,
    )
    return [(PatientId(row.patient), PermissionId(row.permission)) for row in rows]


def to_read_anew(tx: Tx) -> list[tuple[PatientId, PermissionId]]:
    """Live forms that an earlier reader made."""
    rows = tx.rows(
        """SELECT patient, permission FROM permissions WHERE reader < %s AND ended IS NULL AND form IS NOT NULL
           ORDER BY 1, 2""",
        _READER,
    )
    return [(PatientId(row.patient), PermissionId(row.permission)) for row in rows]


def waits_to_be_read(tx: Tx, permission: str) -> bool:
    """Whether it is such a form still."""
    return bool(
        tx.value(
            "SELECT reader < %s AND ended IS NULL AND form IS NOT NULL FROM permissions WHERE permission = %s",
            *(_READER, permission),
        )
    )


def mark_read(tx: Tx, permission: str) -> None:
    """Write that a form was read again, whatever came of it. The patient's epoch is held."""
    tx.run("UPDATE permissions SET reader = %s WHERE permission = %s", _READER, permission)


def being_purged(tx: Tx, patient: str) -> list[str]:
    """Permissions whose purge has begun (the form is forgotten) and is not finished."""
    rows = tx.rows(
        "SELECT permission FROM permissions WHERE patient = %s AND form IS NULL AND purged_at IS NULL ORDER BY 1",
        patient,
    )
    return [row.permission for row in rows]


def state(tx: Tx, permission: str) -> PermissionState | None:
    """How it stands; None where there is none, or its form is forgotten."""
    row = tx.row("SELECT * FROM permissions WHERE permission = %s AND form IS NOT NULL", permission)
    return _state(row) if row else None


def states(tx: Tx, patient: str) -> list[PermissionState]:
    """How all permissions of a patient stand whose forms are not forgotten, oldest first."""
    rows = tx.rows(
        "SELECT * FROM permissions WHERE patient = %s AND form IS NOT NULL ORDER BY filed_at, permission", patient
    )
    return [_state(row) for row in rows]


def _state(row: Row) -> PermissionState:
    return PermissionState(
        id=PermissionId(row.permission),
        patient=PatientId(row.patient),
        filed_at=row.filed_at,
        ended=End(row.ended) if row.ended else None,
        ended_at=row.ended_at,
    )


def patient_of(tx: Tx, permission: str) -> PatientId | None:
    patient = tx.value("SELECT patient FROM permissions WHERE permission = %s", permission)
    return PatientId(patient) if patient else None


def patients_with(tx: Tx, among: Collection[str]) -> list[PatientId]:
    """The patients of those permissions among these that can still be read."""
    rows = tx.rows(
        "SELECT DISTINCT patient FROM permissions WHERE permission = ANY(%s) AND form IS NOT NULL ORDER BY 1",
        list(among),
    )
    return [PatientId(row.patient) for row in rows]


def patients_with_reference(tx: Tx, references: Collection[bytes]) -> list[PatientId]:
    """The patients of whom a form with one of these numbers is filed, whoever sent it."""
    rows = tx.rows(
        "SELECT DISTINCT patient FROM permissions WHERE reference = ANY(%s) AND form IS NOT NULL ORDER BY 1",
        list(references),
    )
    return [PatientId(row.patient) for row in rows]


def reference(tx: Tx, identifier: IssuedIdentifier | None) -> bytes | None:
    """How a form's own number is kept: an HMAC under the site key."""
    return tx.keys.hmac(SITE, f"form|{identifier.issuer}|{identifier.value}".encode()) if identifier else None


def set_right(tx: Tx, patient: PatientId, trail: PermissionTrail) -> None:
    """Write how each permission ended as the facts say it. The patient's epoch must have been moved in this
    transaction. Rows that agree stay as they are.
    """
    for permission in trail.forms:
        end = trail.ends.get(permission)
        tx.run(
            """UPDATE permissions SET ended = %s, ended_at = CASE WHEN %s THEN coalesce(ended_at, transfer.now()) END
               WHERE permission = %s AND patient = %s AND ended IS DISTINCT FROM %s""",
            *(end, end is not None, permission, patient, end),
        )


# --- emergencies ------------------------------------------------------------------------------------------------------


def declare_emergency(
    tx: Tx, patient: PatientId, discloser: InstitutionId, recipient: InstitutionId, clinician: str
) -> None:
    """Keep a clinician's declaration. The patient's epoch must have been moved in this transaction."""
    tx.run(
        "INSERT INTO emergencies (patient, discloser, recipient, clinician, declared_at) "
        "VALUES (%s, %s, %s, %s, transfer.now())",
        *(patient, discloser, recipient, clinician),
    )
    fact = facts.EmergencyDeclared(discloser=discloser, recipient=recipient, clinician=clinician)
    tx.append(Chain.patient(patient), fact)


def emergency(tx: Tx, patient: str, discloser: str, recipient: str) -> Emergency | None:
    """The last declaration about a release between these two, in force or not."""
    row = tx.row(
        """SELECT * FROM emergencies WHERE patient = %s AND discloser = %s AND recipient = %s
           ORDER BY declared_at DESC LIMIT 1""",
        *(patient, discloser, recipient),
    )
    if row is None:
        return None
    return Emergency(
        discloser=InstitutionId(row.discloser),
        recipient=InstitutionId(row.recipient),
        declared_by=row.clinician,
        declared_at=row.declared_at,
    )
