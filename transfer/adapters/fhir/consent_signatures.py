"""Who signed a Consent, when, and who made sure of it (45 CFR 164.508(c)(1)(vi))."""

from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from transfer.adapters.fhir.consent_codes import (
    Doubts,
    contradicts,
    day,
    is_of_another,
    names_said,
    narrative_narrows,
)
from transfer.adapters.fhir.consent_sources import has_source
from transfer.adapters.fhir.identities import Resources, has_died
from transfer.adapters.fhir.times import first_day, full_date, instant, last_day, local_day
from transfer.adapters.fhir.trees import Tree, child, children, codings, extensions, text, truth, type_of
from transfer.permissions import Finding, SignerRole
from transfer.permissions.signatures import (
    MAJORITY,
    AuthorityKind,
    age,
    authority,
    is_limited,
    names_relation,
    strongest,
)

AUTHORITY: Final = "urn:records-transfer:representative-authority"
#: https://hl7.org/fhir/R4/valueset-relatedperson-relationshiptype.html
_RELATIONSHIPS: Final = (
    "http://terminology.hl7.org/CodeSystem/v3-RoleCode",
    "http://terminology.hl7.org/CodeSystem/v2-0131",
    None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Nobody signed where the signature was not checked, or no form stands behind it."""

    by: SignerRole | None = None
    on: date | None = None
    verified_on: frozenset[date] = frozenset()
    authority: str | None = None


def signature(consent: Tree, resources: Resources, zone: ZoneInfo, doubts: Doubts) -> Signature:
    """The signature, with the days in `zone`. Noted: what leaves open whether it is one."""
    patient = resources.follow(child(consent, "patient"))
    _note_patient(patient, doubts)
    checks = children(consent, "verification")
    checked = [check for check in checks if check.get("verified") is True]
    on = _signed_on(consent, zone, doubts)
    verified_on = {found for check in checked if (found := _verified_on(check, on, zone, doubts))}
    if not checked or not has_source(consent):
        return Signature(verified_on=frozenset(verified_on))
    if len(checked) < len(checks) or not all(_is_with_signer(consent, check, resources) for check in checked):
        doubts.note(Finding.SIGNATURE_DOUBTED)
    if any(_is_earlier(check, consent, zone) for check in checked):
        doubts.note(Finding.SIGNATURE_VERIFIED_EARLY)
    by, authority = _signer(consent, resources, zone, doubts)
    if by is SignerRole.PATIENT and on and _may_be_minor(patient, on):
        doubts.note(Finding.SIGNER_MINOR)
    return Signature(by=by, on=on, verified_on=frozenset(verified_on), authority=authority)


def _note_patient(patient: Tree, doubts: Doubts) -> None:
    if truth(patient, "active") is False or any(
        text(one, "type") == "replaced-by" for one in children(patient, "link")
    ):
        doubts.note(Finding.PATIENT_INACTIVE)
    if has_died(patient):
        doubts.note(Finding.PATIENT_DECEASED)


def _may_be_minor(patient: Tree, on: date) -> bool:
    """Whether a birth date that is a year or a month alone leaves it open. The rules know whole days."""
    said = text(patient, "birthDate")
    latest = last_day(said) if full_date(said) is None else None
    return latest is not None and latest <= on and age(latest, on) < MAJORITY


def _signed_on(consent: Tree, zone: ZoneInfo, doubts: Doubts) -> date | None:
    """A whole day; a month or a year is no date of a signature."""
    said = text(consent, "dateTime")
    found = local_day(said, zone) if instant(said, zone) or full_date(said) else None
    if found is None and "_dateTime" in consent:
        doubts.note(Finding.DATE_UNREADABLE)
    return found


def _verified_on(check: Tree, signed_on: date | None, zone: ZoneInfo, doubts: Doubts) -> date | None:
    """The day of a check. One of which the month or the year alone is said was no earlier than the signature, where
    that is in it.
    """
    first, last = (day(check, "verificationDate", zone, doubts, end=end) for end in (False, True))
    return signed_on if first and last and signed_on and first < signed_on <= last else first


def _is_earlier(check: Tree, consent: Tree, zone: ZoneInfo) -> bool:
    """Whether it was checked before it was signed, by the clock. The rules compare the days."""
    at, signed = instant(text(check, "verificationDate"), zone), instant(text(consent, "dateTime"), zone)
    return at is not None and signed is not None and at < signed


def _is_with_signer(consent: Tree, check: Tree, resources: Resources) -> bool:
    """`verifiedWith` is who confirmed it: the patient, or one of those who signed."""
    who = child(check, "verifiedWith")
    return not who or any(
        _is_same(who, each, resources) for each in (child(consent, "patient"), *children(consent, "performer"))
    )


def _signer(
    consent: Tree, resources: Resources, zone: ZoneInfo, doubts: Doubts
) -> tuple[SignerRole | None, str | None]:
    """The patient where the patient is among the signers, else a representative. A witness beside them is none."""
    performers = children(consent, "performer")
    own = [each for each in performers if _is_same(each, child(consent, "patient"), resources)]
    if own:
        if any(_is_by_another(each, resources) for each in own):
            doubts.note(Finding.REPRESENTATIVE_UNCLEAR)
        return SignerRole.PATIENT, _stated(consent)
    representatives = [each for each in performers if _is_representative(each, resources)]
    if not representatives:
        return None, None
    authority = _authority(consent, representatives, resources, doubts)
    on = _signed_on(consent, zone, doubts)
    if authority and not all(_acts_for_this_patient(consent, one, resources, on) for one in representatives):
        doubts.note(Finding.REPRESENTATIVE_UNCLEAR)
    return SignerRole.REPRESENTATIVE, authority


def _is_by_another(performer: Tree, resources: Resources) -> bool:
    """Whether a reference to the patient says beside it that somebody else signed."""
    patient, display = resources.follow(performer), text(performer, "display") or ""
    is_other = contradicts(child(performer, "identifier"), children(patient, "identifier"))
    is_named = is_of_another(performer, names_said(patient)) or names_relation(display)
    return is_other or is_named or text(performer, "type") not in ("Patient", None)


def _is_representative(performer: Tree, resources: Resources) -> bool:
    said = text(performer, "reference") or ""
    kinds = (text(performer, "type"), type_of(resources.follow(performer)))
    return "RelatedPerson" in kinds or said.startswith("RelatedPerson/")


def _acts_for_this_patient(consent: Tree, performer: Tree, resources: Resources, on: date | None) -> bool:
    """Whether the RelatedPerson is one today, was one when it was signed, and of this patient: not another's. Whom this
    form alone names is.
    """
    related = resources.follow(performer)
    if not related and text(performer, "reference") is None:
        return True
    is_theirs = _is_same(child(related, "patient"), child(consent, "patient"), resources)
    since = first_day((text(related, "period", "start") or "")[:10])
    was_one = since is None or on is None or since <= on
    born = first_day(text(related, "birthDate") or "")
    is_of_age = born is None or on is None or age(born, on) >= MAJORITY
    says_more = narrative_narrows(text(related, "text", "div") or "") or bool(children(related, "extension"))
    is_one = was_one and is_of_age and truth(related, "active") is not False and not text(related, "period", "end")
    return is_theirs and is_one and not says_more


def _is_same(one: Tree, other: Tree, resources: Resources) -> bool:
    """Whether two references mean one person: by the reference itself, or a number that both carry."""
    same = text(one, "reference") is not None and text(one, "reference") == text(other, "reference")
    return same or bool(_numbers(one, resources) & _numbers(other, resources))


def _numbers(reference: Tree, resources: Resources) -> set[tuple[str | None, str]]:
    said = [child(reference, "identifier"), *children(resources.follow(reference), "identifier")]
    return {(text(each, "system"), value) for each in said if (value := text(each, "value"))}


def _authority(consent: Tree, representatives: list[Tree], resources: Resources, doubts: Doubts) -> str | None:
    """By what right a representative signed: in words, else by the codes of the relationship. Noted: names of one
    relationship that contradict each other, and a code of another system than R4's.
    """
    stated = _stated(consent)
    said = [stated] if stated else []
    if not said:
        relationships = [each for one in representatives for each in children(resources.follow(one), "relationship")]
        named = [_names(each) for each in relationships]
        words = [text(each, "text") for each in relationships]
        words += [text(each, "display") for each in codings(*relationships)]
        is_unclear = any(is_limited(one) for one in words if one)
        if is_unclear or any(len({authority(name) for name in names}) > 1 for names in named):
            doubts.note(Finding.REPRESENTATIVE_UNCLEAR)
        if any(text(each, "system") not in _RELATIONSHIPS for each in codings(*relationships)):
            doubts.note(Finding.REPRESENTATIVE_UNCLEAR)
        said = [name for names in named for name in names]
    return strongest(word for word in said if word)


def _stated(consent: Tree) -> str | None:
    """The authority that the form states in words."""
    return strongest(said for each in extensions(consent, AUTHORITY) if (said := text(each, "valueString")))


def _names(relationship: Tree) -> list[str]:
    """What one relationship is called, of that what a rule knows; all of it where none knows any."""
    said = [text(relationship, "text")]
    said += [text(each, name) for each in codings(relationship) for name in ("code", "display")]
    known = [word for word in said if word and authority(word) is not AuthorityKind.UNCLEAR]
    return known or [word for word in said if word]
