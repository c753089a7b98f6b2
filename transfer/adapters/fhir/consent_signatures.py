"""Who signed a Consent, when, and who made sure of it (45 CFR 164.508(c)(1)(vi))."""

from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from transfer.adapters.fhir.consent_codes import Doubts, day
from transfer.adapters.fhir.identities import Resources, has_died
from transfer.adapters.fhir.times import full_date, instant, last_day, local_day
from transfer.adapters.fhir.trees import Tree, child, children, codings, extensions, text, type_of
from transfer.permissions import Finding, SignerRole
from transfer.permissions.signatures import MAJORITY, age, strongest

AUTHORITY: Final = "urn:records-transfer:representative-authority"


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
    verified_on = {found for check in checked if (found := day(check, "verificationDate", zone, doubts))}
    has_form = bool(child(consent, "sourceAttachment") or child(consent, "sourceReference"))
    if not checked or not has_form:
        return Signature(verified_on=frozenset(verified_on))
    if len(checked) < len(checks) or not all(_is_with_signer(consent, check, resources) for check in checked):
        doubts.note(Finding.SIGNATURE_DOUBTED)
    if any(_is_earlier(check, consent, zone) for check in checked):
        doubts.note(Finding.SIGNATURE_VERIFIED_EARLY)
    by, authority = _signer(consent, resources, doubts)
    on = _signed_on(consent, zone, doubts)
    if by is SignerRole.PATIENT and on and _may_be_minor(patient, on):
        doubts.note(Finding.SIGNER_MINOR)
    return Signature(by=by, on=on, verified_on=frozenset(verified_on), authority=authority)


def _note_patient(patient: Tree, doubts: Doubts) -> None:
    if patient.get("active") is False:
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


def _signer(consent: Tree, resources: Resources, doubts: Doubts) -> tuple[SignerRole | None, str | None]:
    """The patient where the patient is among the signers, else a representative. A witness beside them is none."""
    performers = children(consent, "performer")
    if any(_is_same(each, child(consent, "patient"), resources) for each in performers):
        return SignerRole.PATIENT, None
    representatives = [each for each in performers if _is_representative(each, resources)]
    if not representatives:
        return None, None
    authority = _authority(consent, representatives, resources)
    if authority and not all(_acts_for_this_patient(consent, one, resources) for one in representatives):
        doubts.note(Finding.REPRESENTATIVE_UNCLEAR)
    return SignerRole.REPRESENTATIVE, authority


def _is_representative(performer: Tree, resources: Resources) -> bool:
    said = text(performer, "reference") or ""
    kinds = (text(performer, "type"), type_of(resources.follow(performer)))
    return "RelatedPerson" in kinds or said.startswith("RelatedPerson/")


def _acts_for_this_patient(consent: Tree, performer: Tree, resources: Resources) -> bool:
    """Whether the RelatedPerson is one today, and of this patient: not another's. Whom this form alone names is."""
    related = resources.follow(performer)
    if not related and text(performer, "reference") is None:
        return True
    is_theirs = _is_same(child(related, "patient"), child(consent, "patient"), resources)
    return is_theirs and related.get("active") is not False and not text(related, "period", "end")


def _is_same(one: Tree, other: Tree, resources: Resources) -> bool:
    """Whether two references mean one person: by the reference itself, or a number that both carry."""
    same = text(one, "reference") is not None and text(one, "reference") == text(other, "reference")
    return same or bool(_numbers(one, resources) & _numbers(other, resources))


def _numbers(reference: Tree, resources: Resources) -> set[tuple[str | None, str]]:
    said = [child(reference, "identifier"), *children(resources.follow(reference), "identifier")]
    return {(text(each, "system"), value) for each in said if (value := text(each, "value"))}


def _authority(consent: Tree, representatives: list[Tree], resources: Resources) -> str | None:
    """By what right a representative signed: in words, else by the codes of the relationship."""
    said = [text(each, "valueString") for each in extensions(consent, AUTHORITY)]
    if not any(said):
        relationships = [each for one in representatives for each in children(resources.follow(one), "relationship")]
        said = [text(each, "text") for each in relationships]
        said += [text(each, name) for each in codings(*relationships) for name in ("code", "display")]
    return strongest(word for word in said if word)
