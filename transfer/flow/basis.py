"""Is there a legal basis, now? All who ask, ask here: before asking, before collecting, at every egress, at a purge.

The order is fixed: share the patient's epoch, then read the clock, then decide. The epoch stays shared until the
caller's transaction ends. So a revocation waits for us, or we see it. What is decided holds for this transaction alone.
"""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from transfer.case import OpenedCase
from transfer.identifiers import InstitutionId, PatientId
from transfer.institutions import Institutions
from transfer.ledger import Tx, patients, permissions
from transfer.ledger.records import StoredRecord
from transfer.permissions import End, Finding, Permission, Release, Ruling, evaluate, expires_at
from transfer.records import RecordKind
from transfer.requests import Request


def may_ask(tx: Tx, institutions: Institutions, opened: OpenedCase, request: Request) -> Ruling:
    """May this department be asked for any of what it gives? Nobody is asked before (docs/safety.md, promise 1).

    It is asked in the transaction that writes the request's state, and again while the conversation goes on. A request
    names no labels: each record is ruled on again when it comes. Returns the first ruling that permits one of the
    kinds, else the last that does not.
    """
    kinds = institutions[request.institution].department(request.department).gives
    ruling = None
    for kind in kinds:
        ruling = may_collect(tx, institutions, opened, request.institution, kind, frozenset())
        if ruling.is_permitted:
            return ruling
    assert ruling is not None  # a department gives something
    return ruling


def may_collect(
    tx: Tx,
    institutions: Institutions,
    opened: OpenedCase,
    source: InstitutionId,
    kind: RecordKind,
    labels: frozenset[str],
) -> Ruling:
    """May a record from this source join the case? What has no basis is not collected (docs/safety.md, promise 1).

    It is asked before the bytes are kept. It is asked again under the case's lock, in the transaction that collects the
    record.
    """
    return _rule(tx, institutions, opened.patient, opened.receiver, source, kind, labels)


def may_release(
    tx: Tx, institutions: Institutions, patient: PatientId, recipient: InstitutionId, moving: Iterable[StoredRecord]
) -> list[Ruling]:
    """May these records leave together? They may only if all rulings permit it (docs/safety.md, promise 1).

    It is asked before a plan is made, when the plan is kept in a later epoch, when an egress is opened, and by the
    watcher of an open one. There is one ruling for all records of one source, kind and set of labels; none for no
    record.
    """
    asked = dict.fromkeys((record.institution, record.kind, record.about.labels) for record in moving)
    return [_rule(tx, institutions, patient, recipient, *one) for one in asked]


def still_covers(tx: Tx, institutions: Institutions, opened: OpenedCase, record: StoredRecord) -> bool:
    """Does a basis in force still cover a collected record? A purge spares what one covers (docs/safety.md, promise 1).

    It is asked in the epoch that the purge has begun, so no form can come or end before the purge is written.
    """
    labels = record.about.labels
    ruling = _rule(tx, institutions, opened.patient, opened.receiver, record.institution, record.kind, labels)
    return ruling.is_permitted


def _rule(
    tx: Tx,
    institutions: Institutions,
    patient: PatientId,
    recipient: InstitutionId,
    source: InstitutionId,
    kind: RecordKind,
    labels: frozenset[str],
) -> Ruling:
    """Rule on one release, in the patient's epoch, which this transaction holds still until it ends.

    For a forgotten patient nothing is permitted. No form can be read any more, not even a revoked one.
    """
    patients.hold_epoch_shared(tx, patient)
    if patients.is_forgotten(tx, patient):
        return Ruling(basis=None, permission=None, findings=(Finding.NO_FORM,))
    discloser = institutions[source]
    return evaluate(
        Release(discloser=source, recipient=recipient, kinds=frozenset({kind}), labels=labels),
        policy=discloser.requires,
        zone=discloser.zone,
        permissions=permissions.of_patient(tx, patient),
        now=tx.now(),
        emergency=permissions.emergency(tx, patient, source, recipient),
    )


# --- how long an answer may hold --------------------------------------------------------------------------------------


def stands_until(tx: Tx, institutions: Institutions, patient: PatientId) -> datetime | None:
    """When the next of the patient's forms expires (UTC). Until then only a new epoch changes a ruling."""
    now = tx.now()
    ends = [
        end
        for permission in permissions.of_patient(tx, patient)
        for discloser in permission.form.disclosers
        if discloser in institutions and (end := expires_at(permission.form, institutions[discloser].zone))
    ]
    return min((end for end in ends if end > now), default=None)


def can_still_permit(institutions: Institutions, permission: Permission, now: datetime) -> bool:
    """Whether the form has not ended for good. A pause may end, and nobody writes an expiry down."""
    form = permission.form
    zones = [institutions[one].zone for one in form.disclosers if one in institutions] or [ZoneInfo("UTC")]
    ends = [expires_at(form, zone) for zone in zones]
    has_expired = form.event_occurred or all(end is not None and end <= now for end in ends)
    return permission.ended in (None, End.PAUSED) and not has_expired
