"""A Consent (https://hl7.org/fhir/R4/consent.html) as a release form (45 CFR 164.508(c)).

What the form lacks is absent here; the rules find fault with it.
"""

from collections.abc import Iterable
from typing import Final

from transfer.adapters.fhir.codes import CONFIDENTIALITY, KIND, PARTICIPATION, kind_of
from transfer.adapters.fhir.identities import Resources, first_issued, known_organizations, person
from transfer.adapters.fhir.times import local_day
from transfer.adapters.fhir.trees import Tree, check, child, children, codings, extensions, text, type_of
from transfer.errors import NeedsReview
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.permissions import Authorization, FormStatus, SignerRole, Statement
from transfer.records import RecordKind

#: extensions for what Consent has no element for
STATEMENT: Final = "urn:records-transfer:statement"
EXPIRES_EVENT: Final = "urn:records-transfer:expiration-event"
EVENT_OCCURRED: Final = "urn:records-transfer:expiration-event-occurred"
AUTHORITY: Final = "urn:records-transfer:representative-authority"
REPLACES: Final = "urn:records-transfer:replaces"

#: https://hl7.org/fhir/R4/valueset-consent-state-codes.html; what is rejected never came into force
STATUSES: Final = {
    "active": FormStatus.ACTIVE,
    "inactive": FormStatus.REVOKED,
    "entered-in-error": FormStatus.ENTERED_IN_ERROR,
    "draft": FormStatus.DRAFT,
    "proposed": FormStatus.DRAFT,
    "rejected": FormStatus.DRAFT,
}

_REPORTS: Final = frozenset(
    {RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGING_REPORT, RecordKind.LABORATORY, RecordKind.MOLECULAR}
)
_NOTES: Final = frozenset(
    {RecordKind.NOTE, RecordKind.OPERATIVE_NOTE, RecordKind.PROCEDURE_REPORT, RecordKind.TREATMENT_SUMMARY}
)
#: what a resource type in `provision.class` lets through
_CLASSES: Final = {
    "DocumentReference": _NOTES | _REPORTS | {RecordKind.OTHER},
    "DiagnosticReport": _REPORTS | {RecordKind.PROCEDURE_REPORT},
    "ImagingStudy": frozenset({RecordKind.IMAGES}),
    "Specimen": frozenset({RecordKind.MATERIAL}),
    "Observation": frozenset({RecordKind.LABORATORY}),
    "Procedure": frozenset({RecordKind.OPERATIVE_NOTE, RecordKind.PROCEDURE_REPORT}),
}


def read(consent: Tree, entries: Iterable[Tree], institution: Institution, institutions: Institutions) -> Authorization:
    """The release form, in our words. Its dates are days in the sender's time zone.

    It counts as signed only where `verification` says that the signature was checked. A revocation must take effect, so
    it is read however wrong the rest of it is. Partners it names and we do not know are left out.

    Raises:
        Unreadable: not a Consent as R4 has it.
        NeedsReview: not about releasing records, of a state R4 does not know, naming an institution we do not know,
            or limited in ways a rule of ours cannot keep (exceptions, single documents, a period of the data).
    """
    status = STATUSES.get(text(consent, "status") or "")
    if status is None:
        raise NeedsReview("a consent in a state that R4 does not know")
    binding = status in (FormStatus.ACTIVE, FormStatus.DRAFT)
    if binding:
        _require_plain(consent)
    resources = Resources.around(consent, entries)
    provision = child(consent, "provision")
    signer, signed = _signature(consent, resources)
    period, zone = child(provision, "period"), institution.zone
    return Authorization(
        patient=person(child(consent, "patient"), resources, institution),
        reference=first_issued(children(consent, "identifier"), institution),
        status=status,
        disclosers=_actors(provision, "CST", resources, institutions, lenient=not binding),
        recipients=_actors(provision, "IRCP", resources, institutions, lenient=not binding),
        described=_is_described(consent),
        information=_information(provision, institution, binding=binding),
        special=_special(provision),
        purposes=frozenset(code for each in children(provision, "purpose") if (code := text(each, "code"))),
        effective_from=local_day(text(period, "start"), zone),
        expires_on=local_day(text(period, "end"), zone, end=True),
        expires_event=_extension_text(consent, EXPIRES_EVENT, "valueString"),
        event_occurred=any(each.get("valueBoolean") is True for each in extensions(consent, EVENT_OCCURRED)),
        signed_by=signer,
        signed_on=local_day(text(consent, "dateTime"), zone) if signed else None,
        representative_authority=_authority(consent, resources),
        statements=_statements(consent),
        denies=_denies(consent),
        replaces=first_issued([child(each, "valueIdentifier") for each in extensions(consent, REPLACES)], institution),
    )


def _require_plain(consent: Tree) -> None:
    """What narrows a form and has no place among our words is for a person to read.

    A nested *permit* only adds to the form, and nobody relies on it. Each provision goes by its own type
    (https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision.type).
    """
    check(consent)
    if "patient-privacy" not in [text(each, "code") for each in codings(child(consent, "scope"))]:
        raise NeedsReview("a consent of another kind than a release form")
    provision = child(consent, "provision")
    if any(text(inner, "type") != "permit" for inner in children(provision, "provision")):
        raise NeedsReview("a release form with exceptions")
    if provision.get("data") or provision.get("dataPeriod"):
        raise NeedsReview("a release form limited to single documents or to a period")


def _actors(
    provision: Tree, role: str, resources: Resources, institutions: Institutions, *, lenient: bool
) -> frozenset[InstitutionId]:
    references = [
        child(actor, "reference")
        for actor in children(provision, "actor")
        if (PARTICIPATION, role)
        in [(text(each, "system"), text(each, "code")) for each in codings(child(actor, "role"))]
    ]
    return frozenset(known_organizations(references, resources, institutions, lenient=lenient))


def _is_described(consent: Tree) -> bool:
    """By kinds of information, or "disclose" with a description of it in words on the signed form (all records)."""
    provision = child(consent, "provision")
    if children(provision, "class") or codings(*children(provision, "code")):
        return True
    actions = [text(each, "code") for each in codings(*children(provision, "action"))]
    return "disclose" in actions and text(consent, "sourceAttachment", "title") is not None


def _information(provision: Tree, institution: Institution, *, binding: bool) -> frozenset[RecordKind] | None:
    """`class` and `code` both have to fit, any one of each (PCF appendix P). None: all records."""
    classes, codes = children(provision, "class"), codings(*children(provision, "code"))
    by_class = _kinds(classes, institution)
    by_code = _kinds(codes, institution)
    if not classes and not codes:
        return None
    kinds = by_class & by_code if classes and codes else by_class | by_code
    if not kinds and binding:
        raise NeedsReview("a release form for information we have no word for")
    return kinds


def _kinds(said: Iterable[Tree], institution: Institution) -> frozenset[RecordKind]:
    return frozenset(kind for coding in said for kind in _kinds_of(coding, institution))


def _kinds_of(coding: Tree, institution: Institution) -> frozenset[RecordKind]:
    code = text(coding, "code") or ""
    if code in _CLASSES:
        return _CLASSES[code]
    if text(coding, "system") == KIND:
        return frozenset(kind for kind in RecordKind if kind == code)
    kind = kind_of(coding, institution)
    return frozenset({kind}) if kind else frozenset()


def _special(provision: Tree) -> frozenset[str]:
    """What is expressly released: categories, and a degree of confidentiality above the ordinary."""
    labels = children(provision, "securityLabel")
    return frozenset(code for each in labels if (code := text(each, "code")) and not _is_ordinary(each))


def _is_ordinary(label: Tree) -> bool:
    return text(label, "system") == CONFIDENTIALITY and text(label, "code") in ("U", "L", "M", "N")


def _signature(consent: Tree, resources: Resources) -> tuple[SignerRole | None, bool]:
    """Who signed, if the signature was checked."""
    checked = any(each.get("verified") is True for each in children(consent, "verification"))
    performers = children(consent, "performer")
    if not checked or not performers:
        return None, checked
    if any(_is_representative(each, resources) for each in performers):
        return SignerRole.REPRESENTATIVE, True
    return (SignerRole.PATIENT, True) if _is_patient(consent, performers[0], resources) else (None, True)


def _is_representative(performer: Tree, resources: Resources) -> bool:
    said = text(performer, "reference") or ""
    kinds = (text(performer, "type"), type_of(resources.follow(performer)))
    return "RelatedPerson" in kinds or said.startswith("RelatedPerson/")


def _is_patient(consent: Tree, performer: Tree, resources: Resources) -> bool:
    """The performer is the form's own patient: another patient (a mother) is no signer by that."""
    patient = child(consent, "patient")
    same = text(performer, "reference") is not None and text(performer, "reference") == text(patient, "reference")
    numbers = {(text(each, "system"), text(each, "value")) for each in _numbers(patient, resources)}
    theirs = {(text(each, "system"), text(each, "value")) for each in _numbers(performer, resources)}
    return same or bool(numbers & theirs)


def _numbers(reference: Tree, resources: Resources) -> list[Tree]:
    said = [child(reference, "identifier"), *children(resources.follow(reference), "identifier")]
    return [each for each in said if text(each, "value")]


def _authority(consent: Tree, resources: Resources) -> str | None:
    """By what right a representative signed: in words, else the relationship."""
    if said := _extension_text(consent, AUTHORITY, "valueString"):
        return said
    for performer in children(consent, "performer"):
        relationships = children(resources.follow(performer), "relationship")
        words = [text(each, "text") for each in relationships]
        words += [text(each, "display") or text(each, "code") for each in codings(*relationships)]
        if found := next((word for word in words if word), None):
            return found
    return None


def _statements(consent: Tree) -> frozenset[Statement]:
    said = {text(each, "valueCode") for each in extensions(consent, STATEMENT)}
    return frozenset(statement for statement in Statement if statement in said)


def _denies(consent: Tree) -> bool:
    policies = [text(each, "code") for each in codings(child(consent, "policyRule"))]
    return text(consent, "provision", "type") == "deny" or bool({"OPTOUT", "OPTOUTE"} & set(policies))


def _extension_text(consent: Tree, url: str, value: str) -> str | None:
    return next((said for each in extensions(consent, url) if (said := text(each, value))), None)
