"""Is there a legal basis, now? Asked before asking, before collecting and at every egress.

The order is fixed: share the patient's epoch, then read the clock, then decide. A revocation waits for us or we see it.
"""

from collections.abc import Sequence
from datetime import datetime

from transfer.identifiers import InstitutionId, PacketId, PatientId
from transfer.institutions import Institutions
from transfer.ledger import Tx, packets, patients
from transfer.permissions import Release, Ruling, evaluate, expires_at
from transfer.records import RecordKind


def rule(tx: Tx, institutions: Institutions, patient: PatientId, release: Release) -> Ruling:
    """Rule on one release, in the patient's epoch, which this transaction holds still until it ends."""
    patients.share(tx, patient)
    discloser = institutions[release.discloser]
    return evaluate(
        release,
        policy=discloser.requires,
        zone=discloser.zone,
        permissions=patients.permissions(tx, patient),
        now=tx.now(),
        emergency=patients.emergency(tx, patient, release.discloser, release.recipient),
    )


def stands_until(tx: Tx, institutions: Institutions, patient: PatientId) -> datetime | None:
    """When the next of the patient's forms expires (UTC): until then no ruling changes but with the epoch."""
    now = tx.now()
    ends = [
        end
        for permission in patients.permissions(tx, patient)
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
