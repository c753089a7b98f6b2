"""The ruling: may this release happen, on which basis, and if not, why not."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from transfer.identifiers import PermissionId
from transfer.institutions import Basis
from transfer.own_forms import OwnForm, lacks_own
from transfer.permissions.findings import Finding
from transfer.permissions.forms import Authorization, End, FormStatus, Permission, SignerRole, Statement
from transfer.permissions.labels import PSYCHOTHERAPY, combines_psychotherapy, is_beyond, is_hit
from transfer.permissions.provisions import Outcome, Provision, ProvisionType, nearest_misfit, outcomes
from transfer.permissions.purposes import is_perhaps_compound, with_wider
from transfer.permissions.releases import Emergency, Release, Ruling
from transfer.permissions.signatures import EARLIEST, MAJORITY, AuthorityKind, age, authority, is_event, says_when

#: a renewal is asked for this long before a form expires
RENEWAL = timedelta(days=14)

_ENDED: Mapping[End, Finding] = {
    End.EXPIRED: Finding.EXPIRED_DATE,
    End.REPLACED: Finding.REPLACED,
    End.ENTERED_IN_ERROR: Finding.ENTERED_IN_ERROR,
    End.PAUSED: Finding.PAUSED,
    End.REVOKED: Finding.REVOKED,
}
_STATUS: Mapping[FormStatus, Finding] = {
    FormStatus.REVOKED: Finding.REVOKED,
    FormStatus.ENTERED_IN_ERROR: Finding.ENTERED_IN_ERROR,
    FormStatus.DRAFT: Finding.NOT_FILED,
}
_STATEMENTS: Mapping[Statement, Finding] = {
    Statement.REVOKE: Finding.STATEMENT_MISSING_REVOKE,
    Statement.CONDITION: Finding.STATEMENT_MISSING_CONDITION,
    Statement.REDISCLOSE: Finding.STATEMENT_MISSING_REDISCLOSE,
}
#: what a tree says of a release, where it refuses it for certain
_DENIED: Final[frozenset[Outcome]] = frozenset({ProvisionType.DENY})
_PERMITTED: Final[frozenset[Outcome]] = frozenset({ProvisionType.PERMIT})
#: years after which nobody expects a form to end: as good as no end
_NO_END_AFTER: Final = 100
# Findings on a form between other parties: shown only where no form of these parties says more.
_OTHER_PARTIES = frozenset({Finding.NOT_THIS_DISCLOSER, Finding.NOT_THIS_RECIPIENT})


def evaluate(
    release: Release,
    *,
    policy: Basis,
    zone: ZoneInfo,
    permissions: Iterable[Permission],
    now: datetime,
    disputes: Mapping[PermissionId, frozenset[Finding]],
    beyond_treatment: frozenset[str],
    own_forms: Iterable[OwnForm],
    emergency: Emergency | None = None,
) -> Ruling:
    """Rule on one release.

    `policy` is the basis the discloser requires and `zone` its time zone; `permissions` are all of this patient's,
    ended ones too, and of nobody else. `disputes` are what a person found by looking at a form (`Dispute`).
    `beyond_treatment` are the labels that need a form even for treatment, by the discloser's state law, and `own_forms`
    the forms without which it releases what they are for: that needs one of them, on whatever basis.
    One form that covers everything is enough; two that each cover half are not, since a form is judged whole. Where
    none covers, the findings are those of the form that comes nearest. A refusal or a pause that reaches this release
    stops it whatever other form there is; only a declared emergency passes it (164.522(a)(1)(iii)). Where it cannot be
    told whether a form refuses or covers this release, the ruling needs a person.
    """
    known = tuple(permissions)
    wanted = tuple(one for one in own_forms if is_hit(one.labels, release.labels))
    if stopped := _stops(release, known, zone, now):
        ruling = _refusal(stopped)
    elif policy is Basis.EMERGENCY:
        ruling = _refusal((Finding.EMERGENCY_NOT_DECLARED,))
    else:
        ruling = _by_form(release, policy, known, zone, now, disputes, wanted)
        if policy is Basis.TREATMENT and not wanted and _treatment_suffices(release, known, beyond_treatment):
            ruling = Ruling(basis=Basis.TREATMENT, permission=None, findings=())

    if not ruling.is_permitted and emergency is not None and _is_emergency(release, emergency, zone, now):
        return Ruling(basis=Basis.EMERGENCY, permission=None, findings=())
    return ruling


def expires_at(form: Authorization, zone: ZoneInfo) -> datetime | None:
    """The first moment, in UTC, at which the form no longer holds; None where it names no date.

    45 CFR 164.508(b)(2)(i) gives no clock time. The day counts to its end in the discloser's time zone.
    """
    return None if form.expires_on is None else _midnight_after(form.expires_on, zone)


def changes(form: Authorization, zone: ZoneInfo) -> frozenset[datetime]:
    """The moments, in UTC, at which a provision of the form begins or ends: what it says may change there."""
    nodes = tuple(form.provision.nodes())
    begun = {_midnight_before(node.starts_on, zone) for node in nodes if node.starts_on}
    return frozenset(begun | {_midnight_after(node.ends_on, zone) for node in nodes if node.ends_on})


def _midnight_before(day: date, zone: ZoneInfo) -> datetime:
    try:
        return datetime.combine(day, time.min, zone).astimezone(UTC)
    except OverflowError:  # 0001-01-01
        return datetime.min.replace(tzinfo=UTC)


def _midnight_after(day: date, zone: ZoneInfo) -> datetime:
    try:
        return datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
    except OverflowError:  # 9999-12-31, which forms use for "no end"
        return datetime.max.replace(tzinfo=UTC)


def renewal_due(permission: Permission, zone: ZoneInfo, now: datetime) -> bool:
    """Whether a renewal is due: from 14 days before a form expires until it is replaced or ended."""
    end = expires_at(permission.form, zone)
    if end is None or permission.form.denies or permission.form.status is not FormStatus.ACTIVE:
        return False
    return permission.ended in (None, End.EXPIRED) and now >= end - RENEWAL


def findings_on(form: Authorization, *, zone: ZoneInfo, now: datetime) -> tuple[Finding, ...]:
    """What is wrong with a form by itself, whatever the release: elements, statements, times, status."""
    return tuple(_defects(form, Basis.AUTHORIZATION, zone, now))


def doubts_on(form: Authorization, *, zone: ZoneInfo, now: datetime) -> tuple[Finding, ...]:
    """What only a person can tell of a form that would release something, and that nothing else is wrong with.

    Also what cannot be told of some release under it: such a form may leave every record in doubt.
    """
    found = findings_on(form, zone=zone, now=now)
    if form.denies or not all(one.needs_person for one in found):
        return ()
    return tuple(dict.fromkeys([*found, *_open_questions(form)]))


def _open_questions(form: Authorization) -> Iterator[Finding]:
    """Provisions of which rules cannot tell whether they are about a release: of a day, of somebody we do not know."""
    for node in form.provision.nodes():
        is_dated = node.data_from is not None or node.data_until is not None
        is_refusal = node.type is ProvisionType.DENY
        if is_refusal and (is_dated or node.is_by_code or node.other_disclosers or node.other_recipients):
            yield Finding.PERHAPS_DENIED
        elif is_dated and not is_refusal:
            yield Finding.PERHAPS_NOT_COVERED


def _by_form(
    release: Release,
    policy: Basis,
    known: tuple[Permission, ...],
    zone: ZoneInfo,
    now: datetime,
    disputes: Mapping[PermissionId, frozenset[Finding]],
    wanted: tuple[OwnForm, ...],
) -> Ruling:
    basis = Basis.ACCESS_DIRECTIVE if policy is Basis.ACCESS_DIRECTIVE else Basis.AUTHORIZATION
    judged = [
        (one, _findings(one, basis, release, known, zone, now, disputes.get(one.id, frozenset()), wanted))
        for one in known
        if not one.form.denies
    ]
    if not judged:
        return _refusal((Finding.NO_FORM,))
    best, findings = min(judged, key=_nearness)
    if findings:
        return _refusal(findings)
    return Ruling(basis=basis, permission=best.id, findings=())


def _nearness(judged: tuple[Permission, tuple[Finding, ...]]) -> tuple[int, int, int, str]:
    """Fewest findings first, forms between other parties last, then the latest signed."""
    permission, findings = judged
    signed = permission.form.signed_on
    return (
        len(_OTHER_PARTIES.intersection(findings)),
        len(findings),
        -(signed.toordinal() if signed else 0),
        permission.id,
    )


def _refusal(findings: Iterable[Finding]) -> Ruling:
    return Ruling(basis=None, permission=None, findings=tuple(dict.fromkeys(findings)))


def _findings(
    permission: Permission,
    basis: Basis,
    release: Release,
    known: tuple[Permission, ...],
    zone: ZoneInfo,
    now: datetime,
    disputed: frozenset[Finding],
    wanted: tuple[OwnForm, ...],
) -> tuple[Finding, ...]:
    form = permission.form
    found = [
        *_ends(permission, known),
        *_defects(form, basis, zone, now),
        *_misfits(form, basis, release, now.astimezone(zone).date()),
        *((Finding.NOT_ON_THEIR_FORM,) if lacks_own(form.names, wanted) else ()),
    ]
    return tuple(dict.fromkeys([*found, *sorted(disputed)]))


def _ends(permission: Permission, known: tuple[Permission, ...]) -> Iterator[Finding]:
    if permission.ended is not None:
        yield _ENDED[permission.ended]
    if any(_replaces(other, permission) for other in known):
        yield Finding.REPLACED


def _replaces(newer: Permission, older: Permission) -> bool:
    """Whether a filed form names the older one. A defective form replaces it too: the patient meant to change it."""
    was_filed = newer.form.status in (FormStatus.ACTIVE, FormStatus.REVOKED) and newer.ended is not End.ENTERED_IN_ERROR
    meant = newer.form.replaces is not None and newer.form.replaces == older.form.reference
    return newer.id != older.id and was_filed and meant


def _defects(form: Authorization, basis: Basis, zone: ZoneInfo, now: datetime) -> Iterator[Finding]:
    if form.status in _STATUS:
        yield _STATUS[form.status]
    yield from _signature_defects(form, zone, now)
    yield from _time_defects(form, zone, now)
    if not _each_permit(form, lambda node: bool(node.recipients) or node.other_recipients):
        # 164.508(c)(1)(iii); 164.524(c)(3)(ii) "the designated person"
        yield Finding.INCOMPLETE_RECIPIENT
    if basis is not Basis.ACCESS_DIRECTIVE:  # 164.524(c)(3)(ii) asks for no more
        yield from _elements_missing(form)


def _each_permit(form: Authorization, names: Callable[[Provision], bool]) -> bool:
    """Whether each permit of the form names an element, itself or by its parent: one that does not is for everybody."""
    permits = tuple(form.provision.permits())
    return bool(permits) and all(names(node) for node in permits)


def _elements_missing(form: Authorization) -> Iterator[Finding]:
    if not form.described:  # 164.508(c)(1)(i)
        yield Finding.INCOMPLETE_DESCRIPTION
    if not _each_permit(form, lambda node: bool(node.disclosers) or node.other_disclosers):  # (c)(1)(ii)
        yield Finding.INCOMPLETE_DISCLOSER
    if not _each_permit(form, lambda node: bool(node.purposes)):  # (c)(1)(iv)
        yield Finding.INCOMPLETE_PURPOSE
    if not _names_an_end(form):  # (c)(1)(v)
        yield Finding.INCOMPLETE_EXPIRATION
    if is_perhaps_compound(form.purposes):  # (b)(3)
        yield Finding.PERHAPS_COMPOUND
    if combines_psychotherapy(node.labels for node in form.provision.permits()):  # (b)(3)(ii)
        yield Finding.COMPOUND
    for statement, finding in _STATEMENTS.items():  # (c)(2)(i)-(iii)
        if statement not in form.statements:
            yield finding


def _names_an_end(form: Authorization) -> bool:
    """A day within a lifetime, or an event. 9999-12-31 is how systems write that there is none."""
    if form.expires_on is None:
        return is_event(form.expires_event)
    begun = form.signed_on or form.effective_from or EARLIEST
    return form.expires_on.year - begun.year <= _NO_END_AFTER


def _signature_defects(form: Authorization, zone: ZoneInfo, now: datetime) -> Iterator[Finding]:
    """164.508(c)(1)(vi)."""
    if form.signed_by is None:
        yield Finding.SIGNATURE_MISSING
    elif form.signed_by is SignerRole.REPRESENTATIVE:
        yield from _authority_defects(form)
    elif form.signed_on is not None and _is_minor(form, form.signed_on):
        yield Finding.SIGNER_MINOR
    if form.signed_by is SignerRole.PATIENT and form.representative_authority:
        yield Finding.REPRESENTATIVE_UNCLEAR  # who signs for oneself needs no authority
    if form.signed_by is not None and form.signed_on is None:
        yield Finding.SIGNATURE_UNDATED
    # One day of grace: the form may have been signed east of the discloser.
    latest = now.astimezone(zone).date() + timedelta(days=1)
    if form.signed_on is not None and form.signed_on > latest:
        yield Finding.SIGNATURE_POSTDATED
    if any(day > latest for day in form.verified_on):
        yield Finding.SIGNATURE_DOUBTED
    if form.signed_on is not None:
        yield from _date_defects(form, form.signed_on)


def _authority_defects(form: Authorization) -> Iterator[Finding]:
    """164.502(g): a parent acts for a minor; others by a right that the law or the patient gave them."""
    if not form.representative_authority:
        yield Finding.REPRESENTATIVE_AUTHORITY_MISSING
        return
    kind = authority(form.representative_authority)
    is_parent = kind is AuthorityKind.PARENT
    if kind is AuthorityKind.UNCLEAR or (is_parent and form.patient.birth_date is None):
        yield Finding.REPRESENTATIVE_UNCLEAR
    elif kind is AuthorityKind.NONE or (is_parent and not _is_minor(form, form.signed_on)):
        yield Finding.REPRESENTATIVE_NOT_AUTHORIZED


def _is_minor(form: Authorization, on: date | None) -> bool:
    born = form.patient.birth_date
    return born is not None and on is not None and 0 <= age(born, on) < MAJORITY


def _date_defects(form: Authorization, signed_on: date) -> Iterator[Finding]:
    if signed_on < max(EARLIEST, form.patient.birth_date or EARLIEST):
        yield Finding.SIGNATURE_IMPLAUSIBLE
    if any(day < signed_on for day in form.verified_on):
        yield Finding.SIGNATURE_VERIFIED_EARLY


def _time_defects(form: Authorization, zone: ZoneInfo, now: datetime) -> Iterator[Finding]:
    """164.508(b)(2)(i): the date has passed, or the event is known to have occurred."""
    end = expires_at(form, zone)
    if end is not None and now >= end:
        yield Finding.EXPIRED_DATE
    if form.event_occurred:
        yield Finding.EXPIRED_EVENT
    if says_when(form.expires_event):
        yield Finding.DATE_UNREADABLE
    if form.effective_from is not None and now.astimezone(zone).date() < form.effective_from:
        yield Finding.NOT_YET_IN_FORCE


def _misfits(form: Authorization, basis: Basis, release: Release, today: date) -> Iterator[Finding]:
    """164.508(a)(1): a release must be consistent with the form. `findings_on` reports an element not filled in."""
    any_purpose = basis is Basis.ACCESS_DIRECTIVE
    said = outcomes(form.provision, release, today, any_purpose=any_purpose)
    if said == _PERMITTED:
        return
    found = nearest_misfit(form.provision.permits(), release, today, any_purpose=any_purpose)
    if ProvisionType.PERMIT in said or not found:
        yield Finding.PERHAPS_NOT_COVERED
    else:
        yield from found


def _reaches(form: Authorization, release: Release) -> bool:
    """Whether the form is about this release. An absent element reaches everything
    (https://hl7.org/fhir/R4/consent.html).
    """
    nodes = tuple(form.provision.nodes())
    others_disclose = any(node.other_disclosers for node in nodes)
    others_receive = any(node.other_recipients for node in nodes)
    return (
        (others_disclose or not form.disclosers or release.discloser in form.disclosers)
        and (others_receive or not form.recipients or release.recipient in form.recipients)
        and (form.information is None or not release.kinds or bool(release.kinds & form.information))
    )


def _stops(release: Release, known: tuple[Permission, ...], zone: ZoneInfo, now: datetime) -> tuple[Finding, ...]:
    """A refusal in force or a pause, as a finding. Neither needs the six elements: a "no" is never defective."""
    paused = any(one.ended is End.PAUSED and _reaches(one.form, release) for one in known)
    today = now.astimezone(zone).date()
    said = [outcomes(one.form.provision, release, today) for one in known if _is_in_force(one, known, zone, now)]
    denied = _DENIED in said
    perhaps = not denied and any(ProvisionType.DENY in one for one in said)
    return (Finding.PAUSED,) * paused + (Finding.DENIED,) * denied + (Finding.PERHAPS_DENIED,) * perhaps


def _is_in_force(permission: Permission, known: tuple[Permission, ...], zone: ZoneInfo, now: datetime) -> bool:
    over = any(_ends(permission, known)) or permission.form.status is not FormStatus.ACTIVE
    return not over and not any(_time_defects(permission.form, zone, now))


def _treatment_suffices(release: Release, known: tuple[Permission, ...], beyond_treatment: frozenset[str]) -> bool:
    """164.506(c)(2): provider to provider for treatment, no form needed.

    Not for what lies beyond treatment, and not against a form the patient revoked. By law the form was not needed. But
    a patient who takes it back means "stop" (docs/safety.md, promise 1), until another form in force covers the same.
    """
    if "TREAT" not in with_wider(release.purpose) or is_beyond(release.labels, beyond_treatment):
        return False
    return not any(_is_revoked(permission) and _reaches(permission.form, release) for permission in known)


def _is_revoked(permission: Permission) -> bool:
    revoked = permission.ended is End.REVOKED or permission.form.status is FormStatus.REVOKED
    return revoked and not permission.form.denies


def _is_emergency(release: Release, emergency: Emergency, zone: ZoneInfo, now: datetime) -> bool:
    """Whether it is in force: to the end of the next day, by when it must be reviewed.

    No emergency releases psychotherapy notes (164.508(a)(2)).
    """
    parties = (emergency.discloser, emergency.recipient) == (release.discloser, release.recipient)
    age = now.astimezone(zone).date() - emergency.declared_at.astimezone(zone).date()
    in_force = emergency.declared_at <= now and age <= timedelta(days=1)
    return parties and in_force and "TREAT" in with_wider(release.purpose) and not release.labels & PSYCHOTHERAPY
