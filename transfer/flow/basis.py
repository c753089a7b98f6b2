"""Is there a legal basis, now? All who ask, ask here: before asking, before collecting, at every egress, at a purge.

The order is fixed: share the patient's epoch, then read the clock, then decide. The epoch stays shared until the
caller's transaction ends. So a revocation waits for us, or we see it. What is decided holds for this transaction alone.

Each time, the tables of permissions are compared with the patient's facts. Where they say other things, nothing is
permitted: a table can be changed beside the ledger, a fact cannot.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from transfer.case import OpenedCase
from transfer.errors import Unreadable
from transfer.facts import LedgerLine
from transfer.holds import HoldCode
from transfer.identifiers import InstitutionId, PatientId, PermissionId, RecordId
from transfer.institutions import Institutions
from transfer.ledger import Tx, disputes, patients, permissions, trail
from transfer.ledger.records import StoredRecord
from transfer.packet import ContentClass
from transfer.partial_dates import PartialDate
from transfer.permissions import End, Finding, Permission, Release, Ruling, changes, evaluate, expires_at
from transfer.permissions.data_periods import boundaries, one_of_each, standing_for
from transfer.permissions.trail import PermissionTrail, fold, partners
from transfer.records import RecordKind
from transfer.requests import Request
from transfer.security_labels import KNOWN_LABELS, ORDINARY


def may_ask(tx: Tx, institutions: Institutions, opened: OpenedCase, request: Request) -> Ruling:
    """May this department be asked for any of what it gives? Nobody is asked before (docs/safety.md, promise 1).

    It is asked in the transaction that writes the request's state, and again while the conversation goes on. A request
    is for what is ordinary, of whatever day: each record is ruled on again, by its labels and its day, when it comes.
    Returns the first ruling that permits some of one of the kinds, else the last that does not.
    """
    grounds = _grounds(tx, opened.patient)
    days = () if isinstance(grounds, Finding) else one_of_each(grounds.boundaries)
    kinds = institutions[request.institution].department(request.department).gives
    said = [
        ContentClass(discloser=request.institution, kind=kind, labels=frozenset({ORDINARY}), dated=dated)
        for dated in (*days, None)
        for kind in kinds
    ]
    rulings = _rule(tx, institutions, opened.patient, opened.receiver, said)
    return next((ruling for ruling in rulings if ruling.is_permitted), rulings[-1])  # a department gives something


def may_collect(
    tx: Tx,
    institutions: Institutions,
    opened: OpenedCase,
    source: InstitutionId,
    kind: RecordKind,
    labels: frozenset[str],
    *,
    dated: PartialDate | None,
) -> Ruling:
    """May a record from this source join the case? What has no basis is not collected (docs/safety.md, promise 1).

    `dated` is the day that its source gives it. Where a form asks for it and there is none, nothing is collected: a
    person is told of that when the form is filed (`doubts_on`).

    It is asked before the bytes are kept. It is asked again under the case's lock, in the transaction that collects the
    record.
    """
    content = ContentClass(discloser=source, kind=kind, labels=labels, dated=dated)
    (ruling,) = _rule(tx, institutions, opened.patient, opened.receiver, [content])
    return ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulings:
    """The rulings on all that is to leave together."""

    by_class: Mapping[ContentClass, Ruling]
    #: when the next of the patient's forms expires (UTC): until then only a new epoch changes them
    stand_until: datetime | None

    @property
    def why_not(self) -> HoldCode | None:
        """What a person is asked where something of it may not leave; None: all of it may."""
        rulings = self.by_class.values()
        if all(ruling.is_permitted for ruling in rulings):
            return None
        altered = any(Finding.ALTERED in ruling.findings for ruling in rulings)
        return HoldCode.LEDGER_ALTERED if altered else HoldCode.RELEASE_NOT_PERMITTED

    def only(self, said: Iterable[ContentClass]) -> "Rulings":
        """Those on a part of it."""
        return replace(self, by_class={content: self.by_class[content] for content in said})

    @property
    def permitted(self) -> frozenset[ContentClass]:
        return frozenset(content for content, ruling in self.by_class.items() if ruling.is_permitted)


def may_release(
    tx: Tx, institutions: Institutions, patient: PatientId, recipient: InstitutionId, said: Iterable[ContentClass]
) -> Rulings:
    """May all that a packet says leave together? It may only if all rulings permit it (docs/safety.md, promise 1).

    It is asked before a plan is made, when the plan is kept in a later epoch, when an egress is opened, and by the
    watcher of an open one. There is one ruling for each class of content; none for nothing. Days that no form
    tells apart are ruled on once, so what it costs depends on the patient's forms, never on the number of records.
    """
    grounds, now = _grounds_now(tx, patient)
    between = () if isinstance(grounds, Finding) else grounds.boundaries
    alike = {content: replace(content, dated=standing_for(content.dated, between)) for content in said}
    rulings = {one: _rule_on(grounds, institutions, recipient, one, now) for one in set(alike.values())}
    return Rulings(
        by_class={content: rulings[one] for content, one in alike.items()},
        stand_until=None if isinstance(grounds, Finding) else _stands_until(grounds, institutions, now),
    )


def still_covered(
    tx: Tx, institutions: Institutions, opened: OpenedCase, kept: Sequence[StoredRecord]
) -> frozenset[RecordId]:
    """Which of a case's records a basis in force still covers. A purge spares them (docs/safety.md, promise 1).

    It is asked in the epoch that the purge has begun, so no form can come or end before the purge is written.
    """
    classes = {one.id: class_of(one) for one in kept}
    permitted = may_release(tx, institutions, opened.patient, opened.receiver, classes.values()).permitted
    return frozenset(record for record, content in classes.items() if content in permitted)


def is_altered(tx: Tx, patient: PatientId) -> bool:
    """Whether the tables of the patient's permissions say other things than the facts. Then nothing is permitted."""
    return _grounds(tx, patient) is Finding.ALTERED


def trail_of(tx: Tx, patient: PatientId) -> PermissionTrail | None:
    """What the facts say of the patient's permissions; None: some of them are not as they were written."""
    chains: dict[PatientId, list[LedgerLine]] = {}
    unread = {patient}
    while unread:
        one = unread.pop()
        lines = trail.whole_lines(tx, one)
        if lines is None:
            return None
        chains[one] = lines
        unread |= partners(lines) - chains.keys()
    return fold(patient, chains)


def class_of(record: StoredRecord) -> ContentClass:
    """What a record says, as a ruling sees it."""
    about = record.about
    return ContentClass(discloser=record.institution, kind=record.kind, labels=about.labels, dated=about.day)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grounds:
    """What the rulings on one patient rest on, read once for all of them."""

    permissions: tuple[Permission, ...]
    disputes: Mapping[PermissionId, frozenset[Finding]]
    trail: PermissionTrail

    @property
    def boundaries(self) -> tuple[date, ...]:
        """The days of records that the forms tell apart."""
        return boundaries(permission.form for permission in self.permissions)


def _rule(
    tx: Tx, institutions: Institutions, patient: PatientId, recipient: InstitutionId, said: Iterable[ContentClass]
) -> list[Ruling]:
    """Rule on each class of content, in the patient's epoch, which this transaction holds still until it ends."""
    grounds, now = _grounds_now(tx, patient)
    return [_rule_on(grounds, institutions, recipient, content, now) for content in said]


def _grounds(tx: Tx, patient: PatientId) -> _Grounds | Finding:
    """Or why nothing is permitted at all: the patient is forgotten, and no form can be read any more, not even a
    revoked one; or the tables are not what the facts say.

    They are read once in a transaction, unless it changes something of a patient itself: nobody else can meanwhile.
    """
    return _grounds_now(tx, patient)[0]


def _grounds_now(tx: Tx, patient: PatientId) -> tuple[_Grounds | Finding, datetime]:
    """The same with the clock, which is read for each ruling, after them."""
    patients.hold_epoch_shared(tx, patient)
    known = tx.grounds.get(patient)
    if isinstance(known, _Grounds | Finding):
        return known, tx.now()
    now = permissions.read_ahead(tx, patient)
    found = tx.grounds[patient] = _read_grounds(tx, patient)
    return found, now


def _read_grounds(tx: Tx, patient: PatientId) -> _Grounds | Finding:
    if patients.is_forgotten(tx, patient):
        return Finding.NO_FORM
    told = trail_of(tx, patient)
    if told is None:
        return Finding.ALTERED
    try:
        rows = permissions.filed(tx, patient)
    except (Unreadable, ValueError):  # bytes that we did not seal, or a value that we do not write
        return Finding.ALTERED
    if permissions.is_altered(tx, patient, told, rows) or disputes.is_altered(tx, patient, told):
        return Finding.ALTERED
    return _Grounds(
        permissions=tuple(row.permission for row in rows),
        disputes=disputes.of_patient(tx, patient),
        trail=told,
    )


def _rule_on(
    grounds: _Grounds | Finding,
    institutions: Institutions,
    recipient: InstitutionId,
    content: ContentClass,
    now: datetime,
) -> Ruling:
    if isinstance(grounds, Finding):
        return Ruling(basis=None, permission=None, findings=(grounds,))
    discloser = institutions[content.discloser]
    return evaluate(
        Release(
            discloser=content.discloser,
            recipient=recipient,
            kinds=frozenset({content.kind}),
            labels=content.labels,
            dated=content.dated,
        ),
        policy=discloser.basis_for(content.labels),
        zone=discloser.zone,
        permissions=grounds.permissions,
        now=now,
        disputes=grounds.disputes,
        emergency=grounds.trail.emergency(content.discloser, recipient),
        # What nobody can read goes on no basis but a form's, and no form names it.
        beyond_treatment=discloser.beyond_treatment | (content.labels - KNOWN_LABELS),
        own_forms=discloser.own_forms,
    )


# --- how long an answer may hold --------------------------------------------------------------------------------------


def _stands_until(grounds: _Grounds, institutions: Institutions, now: datetime) -> datetime | None:
    """When a ruling may change by itself, UTC: a provision begins or ends. Until then only a new epoch changes it."""
    moments = [
        moment
        for permission in grounds.permissions
        for discloser in permission.form.disclosers or institutions
        if discloser in institutions
        for moment in changes(permission.form, institutions[discloser].zone)
    ]
    return min((moment for moment in moments if moment > now), default=None)


def can_still_permit(institutions: Institutions, permission: Permission, now: datetime) -> bool:
    """Whether the form has not ended for good. A pause may end, and nobody writes an expiry down."""
    form = permission.form
    zones = [institutions[one].zone for one in form.disclosers if one in institutions] or [ZoneInfo("UTC")]
    ends = [expires_at(form, zone) for zone in zones]
    has_expired = form.event_occurred or all(end is not None and end <= now for end in ends)
    return permission.ended in (None, End.PAUSED) and not has_expired
