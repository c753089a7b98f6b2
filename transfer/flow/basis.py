"""Is there a legal basis, now? Asked before asking, before collecting and at every egress.

The order is fixed: share the patient's epoch, then read the clock, then decide. So a revocation waits for us, or we see
it.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from transfer.identifiers import InstitutionId, PacketId, PatientId
from transfer.institutions import Institutions
from transfer.ledger import Tx, packets, patients, permissions
from transfer.permissions import End, Finding, Permission, Release, Ruling, evaluate, expires_at
from transfer.records import RecordKind


def rule(tx: Tx, institutions: Institutions, patient: PatientId, release: Release) -> Ruling:
    """Rule on one release, in the patient's epoch, which this transaction holds still until it ends.

    For a forgotten patient nothing is permitted. No form can be read any more, not even a revoked one.
    """
    patients.hold_epoch_shared(tx, patient)
    if patients.is_forgotten(tx, patient):
        return Ruling(basis=None, permission=None, findings=(Finding.NO_FORM,))
    discloser = institutions[release.discloser]
    return evaluate(
        release,
        policy=discloser.requires,
        zone=discloser.zone,
        permissions=permissions.of_patient(tx, patient),
        now=tx.now(),
        emergency=permissions.emergency(tx, patient, release.discloser, release.recipient),
    )


def may_go_on(institutions: Institutions, permission: Permission, now: datetime) -> bool:
    """Whether the form has not ended for good. A pause may end, and nobody writes an expiry down."""
    form = permission.form
    zones = [institutions[one].zone for one in form.disclosers if one in institutions] or [ZoneInfo("UTC")]
    ends = [expires_at(form, zone) for zone in zones]
    has_expired = form.event_occurred or all(end is not None and end <= now for end in ends)
    return permission.ended in (None, End.PAUSED) and not has_expired


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


def rule_packet(
    tx: Tx, institutions: Institutions, patient: PatientId, packet: PacketId, recipient: InstitutionId
) -> Sequence[Ruling]:
    """A ruling for everything in a packet. It may leave only if all are permitted."""
    return [
        rule(
            tx,
            institutions,
            patient,
            Release(
                discloser=content.institution,
                recipient=recipient,
                kinds=frozenset({RecordKind(content.kind)}),
                labels=content.labels,
            ),
        )
        for content in packets.contents(tx, packet)
    ]
