"""A Consent (https://hl7.org/fhir/R4/consent.html) as a release form (45 CFR 164.508(c)).

What the form lacks is absent here; the rules find fault with it. What no rule could keep is a person's.
"""

import re
from collections.abc import Iterable
from typing import Final

from transfer.adapters.fhir.consent_codes import (
    ACT_CODE,
    Doubts,
    concept_codings,
    contradicts,
    has_code,
    is_of_another,
    names_said,
    narrative_narrows,
    narrows,
)
from transfer.adapters.fhir.consent_provisions import ProvisionReader
from transfer.adapters.fhir.consent_signatures import AUTHORITY, Signature, signature
from transfer.adapters.fhir.consent_sources import note_bytes, note_source
from transfer.adapters.fhir.identities import Resources, first_issued, person
from transfer.adapters.fhir.labels import is_inline_label
from transfer.adapters.fhir.trees import (
    Tree,
    check,
    child,
    children,
    codings,
    extensions,
    objects_in,
    text,
    texts,
    truth,
    type_of,
)
from transfer.adapters.loinc import LOINC
from transfer.errors import NeedsReview
from transfer.institutions import Institution, Institutions
from transfer.patients import IssuedIdentifier
from transfer.permissions import (
    Action,
    Authorization,
    Finding,
    FormStatus,
    Provision,
    ProvisionType,
    Statement,
    UnclearForm,
)
from transfer.permissions.descriptions import adds_nothing, says_all, words

#: extensions for what Consent has no element for, each with the element of its value; `AUTHORITY` is one of them
STATEMENT: Final = "urn:records-transfer:statement"
EXPIRES_EVENT: Final = "urn:records-transfer:expiration-event"
EVENT_OCCURRED: Final = "urn:records-transfer:expiration-event-occurred"
REPLACES: Final = "urn:records-transfer:replaces"
_OURS: Final = {
    STATEMENT: "valueCode",
    EXPIRES_EVENT: "valueString",
    EVENT_OCCURRED: "valueBoolean",
    REPLACES: "valueIdentifier",
    AUTHORITY: "valueString",
}
#: extensions of R4 that say nothing of what is permitted (https://hl7.org/fhir/R4/consent-profiles.html)
_HARMLESS: Final = frozenset(
    f"http://hl7.org/fhir/StructureDefinition/consent-{name}"
    for name in ("NotificationEndpoint", "Transcriber", "Witness", "location")
)

#: https://hl7.org/fhir/R4/valueset-consent-state-codes.html; what is rejected never came into force
STATUSES: Final = {
    "active": FormStatus.ACTIVE,
    "inactive": FormStatus.REVOKED,
    "entered-in-error": FormStatus.ENTERED_IN_ERROR,
    "draft": FormStatus.DRAFT,
    "proposed": FormStatus.DRAFT,
    "rejected": FormStatus.DRAFT,
}

_SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
#: categories of a form that releases records or refuses to
_CATEGORIES: Final = {"64292-6": LOINC, "59284-0": LOINC, "IDSCL": ACT_CODE}
#: https://hl7.org/fhir/R4/valueset-consent-policy.html, v3-ActConsentDirective: what the form is by itself
_POLICY_SYSTEMS: Final = ("http://terminology.hl7.org/CodeSystem/consentpolicycodes", ACT_CODE, None)
_POLICIES: Final = {
    "hipaa-auth": ProvisionType.PERMIT,
    "OPTIN": ProvisionType.PERMIT,
    "OPTOUT": ProvisionType.DENY,
    "OPTOUTE": ProvisionType.DENY,
}
#: https://profiles.ihe.net/ITI/PCF, implicit policies that refuse; of whatever version, however it is spelled
REFUSING_POLICIES: Final = re.compile(r"/ITI/PCF/Policy-(deny|break-glass-only)\b", re.IGNORECASE)
#: in a policy, a profile, a tag or an activity of whomever: it may refuse, or end
MAY_END: Final = re.compile(
    r"opt(s|ed|ing)?[-_ ]?out|refus|\brevok|revoked|revocation|rescind|withdr[ae]w|non?-?disclos|suspend|nullif"
    r"|deleted?\b|cancel|inactiv|obsolete|retract|\bvoid|declin|\bdeny\b|denied|denial|object(s|ion)\b|dissent|supersed|\breplaced\b"
    r"|(?<![a-z])do[-_ ]?not[-_ ]?(shar|disclos|releas|send|exchang)|(?<![a-z])no[-_ ]?(shar|releas|consent)"
    r"|prohibit|forbid|\bblock|terminated|expired|\bended\b|on[-_ ]hold|\bpaused|disputed|\binvalid|archived|\babort"
    # codes and names of restrictions (45 CFR 164.522(a)) and of a revocation, by consentpolicycodes and v3-ActCode
    r"|hipaa-(restrictions|self-pay)|va-10-0484|emrgonly|emergency[-_ ]only|\bNODSCLCD|\bNOCONSENT"
    r"|request\w* (to |for |of )?(a )?restrict",
    re.IGNORECASE,
)
#: in a tag: it is none to go by yet
_NOT_YET: Final = re.compile(
    r"\b(draft|unsigned|unverified|pending|specimen|test(ing)?|training|sample|example|demo|synthetic)\b", re.IGNORECASE
)
#: of what else a patient may opt out
_OF_ELSE: Final = re.compile(
    r"(market\w*|sms|texts?|text[-_ ]?messag\w*|e-?mails?|fundrais\w*|newsletters?|surveys?|reminders?|research)"
    r"[-_ ]?(contact[-_ ]?)?(opt[-_ ]?(out|in)|declin|consent)",
    re.IGNORECASE,
)
_ONLY: Final = re.compile(r"(?<![a-z])only\b", re.IGNORECASE)
#: what a form may contain: people, their institutions, and the signed form; anything else says more than the form
_CONTAINED: Final = frozenset(
    {"Patient", "RelatedPerson", "Practitioner", "PractitionerRole", "Organization", "Location", "Group", "CareTeam"}
    | {"Device", "DocumentReference", "Binary", "Provenance", "List", "Consent"}
)
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
#: v3-ObservationValue: not all of it is here, or not as its sender holds it
_NOT_WHOLE: Final = ("SUBSETTED", "REDACTED", "MASKED", "ABSTRED", "AGGRED", "ANONYED", "PSEUDED")


def read(
    consent: Tree,
    entries: Iterable[Tree],
    institution: Institution,
    institutions: Institutions,
    *,
    envelope: Tree | None = None,
) -> Authorization:
    """The release form, in our words. Its days are days in the sender's time zone.

    It counts as signed only where each `verification` says that the signature was checked. A revocation must take
    effect, so it is read however wrong the rest of it is; so is a draft, under which nothing happens. `envelope` is the
    bundle it came in, for what that says of all in it.

    Raises:
        Unreadable: not a Consent as R4 has it.
        UnclearForm: it says what no rule of ours can keep.
        NeedsReview: of a state that R4 does not know.
    """
    status = STATUSES.get(text(consent, "status") or "")
    if status is None:
        raise NeedsReview("a consent in a state that R4 does not know")
    is_binding = status is FormStatus.ACTIVE
    resources, doubts = Resources.around(consent, entries), Doubts()
    if is_binding:
        _note_modifiers(consent, resources.follow(child(consent, "patient")), envelope or {}, doubts)
        _note_extensions(consent, doubts)
        if not doubts.findings:
            check(consent)
        _note_what_it_is(consent, doubts)
        _note_around(consent, envelope or {}, resources.follow(child(consent, "patient")), doubts)
        _note_patient(consent, resources, doubts)
        _note_beside(consent, envelope or {}, doubts)
        note_source(consent, resources, doubts)
        if extensions(consent, REPLACES) and not _replaced(consent, institution):
            doubts.note(Finding.FORM_UNREADABLE)
        _note_whether_real(consent, [envelope or {}, resources.follow(child(consent, "patient"))], doubts)
    reader = ProvisionReader(resources, institution, institutions, doubts)
    root = reader.root(consent, _base(consent, doubts))
    signed = signature(consent, resources, institution.zone, doubts)
    if is_binding and doubts.findings:
        raise UnclearForm(doubts.findings, doubts.codes)
    return _form(consent, status, root, signed, resources, institution)


def _form(
    consent: Tree,
    status: FormStatus,
    root: Provision,
    signed: Signature,
    resources: Resources,
    institution: Institution,
) -> Authorization:
    return Authorization(
        patient=person(child(consent, "patient"), resources, institution),
        reference=first_issued(children(consent, "identifier"), institution),
        status=status,
        provision=root,
        described=_is_described(consent, root),
        expires_event=next((text(each, "valueString") for each in extensions(consent, EXPIRES_EVENT)), None),
        event_occurred=any(truth(each, "valueBoolean") is not False for each in extensions(consent, EVENT_OCCURRED)),
        signed_by=signed.by,
        signed_on=signed.on,
        verified_on=signed.verified_on,
        representative_authority=signed.authority,
        statements=_statements(consent),
        replaces=_replaced(consent, institution),
        names=frozenset(filter(None, (text(policy, "uri") for policy in children(consent, "policy")))),
    )


def _replaced(consent: Tree, institution: Institution) -> IssuedIdentifier | None:
    return first_issued([child(each, "valueIdentifier") for each in extensions(consent, REPLACES)], institution)


def _is_described(consent: Tree, root: Provision) -> bool:
    """By kinds of information, or "disclose" with a title of the signed form that says all records."""
    permits = tuple(root.permits())
    by_kind = bool(permits) and all(node.kinds is not None for node in permits)
    named = any(Action.DISCLOSE in node.actions for node in permits)
    return by_kind or (named and says_all(text(consent, "sourceAttachment", "title")))


def _statements(consent: Tree) -> frozenset[Statement]:
    said = {text(each, "valueCode") for each in extensions(consent, STATEMENT)}
    return frozenset(statement for statement in Statement if statement in said)


def _base(consent: Tree, doubts: Doubts) -> ProvisionType | None:
    """What the policy says where no provision does: permitted or refused. None: it says neither."""
    rule = child(consent, "policyRule")
    found = list(concept_codings([rule] if rule else [], doubts))
    said = [_POLICIES.get(text(coding, "code") or "") for coding in found]
    if None in said or any(text(coding, "system") not in _POLICY_SYSTEMS for coding in found):
        doubts.note(Finding.CODE_UNKNOWN)
    policies = children(consent, "policy")
    uris = [text(policy, "uri") or "" for policy in policies]
    named = [*uris, *(text(policy, "authority") or "" for policy in policies)]
    if any((MAY_END.search(one) or _ONLY.search(one)) and not REFUSING_POLICIES.search(one) for one in named):
        doubts.note(Finding.CODE_UNKNOWN)
    if any(map(REFUSING_POLICIES.search, uris)) or ProvisionType.DENY in said:
        return ProvisionType.DENY
    return ProvisionType.PERMIT if ProvisionType.PERMIT in said else None


# --- what only a person can read --------------------------------------------------------------------------------------


def _note_modifiers(consent: Tree, patient: Tree, envelope: Tree, doubts: Doubts) -> None:
    """An extension that may turn the meaning around, at any depth, also of what came with the form
    (https://hl7.org/fhir/R4/extensibility.html#modifierExtension).
    """
    sent = objects_in([consent, patient, envelope])
    if any(node.get("modifierExtension") or node.get("implicitRules") for node in sent):
        doubts.note(Finding.MEANING_MODIFIED)


def _note_around(consent: Tree, envelope: Tree, patient: Tree, doubts: Doubts) -> None:
    """What its tags and its bundle's and its patient's, its profiles, its narrative and remarks in it say beside it."""
    tags = [one for each in (consent, envelope, patient) for one in children(each, "meta", "tag")]
    tags += children(consent, "meta", "security")
    said = [text(one, name) for one in tags for name in ("code", "display")]
    said += [*texts(consent, "meta", "profile"), *_set_on(patient)]
    said += [text(one, "type", "text") for one in children(consent, "identifier")]
    if any(MAY_END.search(each) or _NOT_YET.search(each) for each in said if each):
        doubts.note(Finding.MEANING_MODIFIED)
    if any("fhir_comments" in node for node in objects_in(consent)):
        doubts.note(Finding.WORDS_SAY_MORE)
    narrative = text(consent, "text", "div") or ""
    is_foreign = not (text(consent, "language") or "en").lower().startswith("en")
    if narrative_narrows(narrative) or (narrative and is_foreign):
        doubts.note(Finding.WORDS_SAY_MORE)


def _set_on(patient: Tree) -> list[str]:
    """What its extensions are called, that are not said to be untrue: "opt-out" is one of some registries. One of
    messages, of money or of studies says nothing of a release.
    """
    said = [each for each in children(patient, "extension") if truth(each, "valueBoolean") is not False]
    return [url for each in said if (url := text(each, "url")) and not _OF_ELSE.search(url)]


def _note_patient(consent: Tree, resources: Resources, doubts: Doubts) -> None:
    """Whether the reference to its patient, and what stands beside that, mean one patient."""
    patient = child(consent, "patient")
    behind = children(resources.follow(patient), "identifier")
    if text(patient, "type") not in ("Patient", None) or contradicts(child(patient, "identifier"), behind):
        doubts.note(Finding.FORM_UNREADABLE)
    if is_of_another(patient, names_said(resources.follow(patient))):
        doubts.note(Finding.FORM_UNREADABLE)


def _note_beside(consent: Tree, envelope: Tree, doubts: Doubts) -> None:
    """What comes with the form or in it and says that it stands no more: its Provenance, a List of what was deleted, an
    entry that is an answer of a server or none of what was sought (https://hl7.org/fhir/R4/bundle.html). Noted, too: a
    file in words.
    """
    entries = children(envelope, "entry")
    around = [entry for entry in entries if child(entry, "resource") is consent]
    around += [envelope] if envelope is not consent else []
    links = [text(link, "relation") for each in around for link in children(each, "link")]
    if any(map(_is_unknown_aside, around)) or any(MAY_END.search(one) for one in links if one):
        doubts.note(Finding.MEANING_MODIFIED)
    for resource in (*(child(entry, "resource") for entry in entries), *children(consent, "contained")):
        if type_of(resource) in ("Provenance", "List") and _has_ended(resource):
            doubts.note(Finding.MEANING_MODIFIED)
        if type_of(resource) == "Binary":
            note_bytes(resource, doubts)
    for entry in entries:
        if child(entry, "response") or text(entry, "search", "mode") not in ("match", None):
            doubts.note(Finding.FORM_UNREADABLE)


def _is_unknown_aside(around: Tree) -> bool:
    """Whether a bundle or an entry has an extension that is no label."""
    return any(not is_inline_label(text(each, "url")) for each in children(around, "extension"))


def _has_ended(beside: Tree) -> bool:
    """Whether a Provenance or a List says anywhere that something ends, or does not stand itself."""
    said = [text(each, name) for each in objects_in(beside) for name in ("code", "display", "text", "title")]
    said += texts(beside, "policy")
    roles = {text(each, "role") for each in children(beside, "entity")}
    is_deleted = any(truth(each, "deleted") for each in children(beside, "entry"))
    is_past = type_of(beside) == "List" and text(beside, "status") not in ("current", None)
    return is_deleted or is_past or "removal" in roles or any(MAY_END.search(one) for one in said if one)


def _note_extensions(consent: Tree, doubts: Doubts) -> None:
    """Elements whose value is said to be absent, and any extension that we do not know.

    R4 lets a reader pass over one. But Consents of other releases narrow what is permitted by such extensions
    (https://hl7.org/fhir/R4/versions.html#extensions), and a narrowing that nobody reads lets records go.
    """
    own = {name: value for name, value in consent.items() if name not in ("contained", "text")}
    said = [each for node in objects_in(own) for each in children(node, "extension")]
    urls = {text(each, "url") for each in said}
    if _ABSENT in urls or any(_OURS[url] not in each for each in said if (url := text(each, "url")) in _OURS):
        doubts.note(Finding.FORM_UNREADABLE)
    if not urls <= {_ABSENT, *_OURS, *_HARMLESS}:
        doubts.note(Finding.MEANING_MODIFIED)


def _note_what_it_is(consent: Tree, doubts: Doubts) -> None:
    """Whether it is a release form, and says nothing beside its codes."""
    scopes = codings(child(consent, "scope"))
    is_privacy = [text(each, "code") for each in scopes] == ["patient-privacy"]
    if not is_privacy or text(scopes[0], "system") not in (_SCOPE, None):
        doubts.note(Finding.NOT_A_RELEASE_FORM)
    categories = codings(*children(consent, "category"))
    if not categories or not all(map(_is_category_of_a_form, categories)):
        doubts.note(Finding.NOT_A_RELEASE_FORM)
    named = [child(consent, "scope"), *children(consent, "category")]
    if any(map(_says_more, named)) or text(consent, "text", "status") == "additional":
        doubts.note(Finding.WORDS_SAY_MORE)
    contained = [text(each, "id") for each in children(consent, "contained")]
    kinds = {type_of(each) for each in children(consent, "contained")}
    if "Consent" in kinds:
        doubts.note(Finding.FORM_UNREADABLE)
    if not kinds <= _CONTAINED:
        doubts.note(Finding.WORDS_SAY_MORE)
    # ppc-1 and ppc-2 of https://hl7.org/fhir/R4/consent.html#invs, and two resources under one name
    has_policy = child(consent, "policyRule") or children(consent, "policy")
    if not has_policy or not child(consent, "patient") or len(contained) != len(set(contained)):
        doubts.note(Finding.FORM_UNREADABLE)
    if {text(each, "valueCode") for each in extensions(consent, STATEMENT)} - {*Statement, None}:
        doubts.note(Finding.CODE_UNKNOWN)
    if any(len(extensions(consent, url)) > 1 for url in _OURS if url != STATEMENT):
        doubts.note(Finding.FORM_UNREADABLE)


def _is_category_of_a_form(coding: Tree) -> bool:
    system = _CATEGORIES.get(text(coding, "code") or "")
    return system is not None and text(coding, "system") in (system, None)


def _says_more(concept: Tree) -> bool:
    """Whether a scope or a category says in words what none of its codings does."""
    said = words(text(concept, "text"))
    known = [words(text(coding, name)) for coding in children(concept, "coding") for name in ("display", "code")]
    return any(map(narrows, children(concept, "coding"))) or (
        said not in known and not adds_nothing(text(concept, "text"))
    )


def _note_whether_real(consent: Tree, around: Iterable[Tree], doubts: Doubts) -> None:
    """Whether it is the whole form, of a real patient."""
    for one in (consent, *around, *children(consent, "contained")):
        if has_code(one, "tag", *_NOT_WHOLE) or has_code(one, "security", *_NOT_WHOLE):
            doubts.note(Finding.FORM_INCOMPLETE_COPY)
        if has_code(one, "security", "HTEST") or has_code(one, "tag", "HTEST"):
            doubts.note(Finding.FORM_IS_TEST_DATA)
