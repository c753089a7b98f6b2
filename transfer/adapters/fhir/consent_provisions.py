"""Consent.provision (https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision) as our tree."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from transfer import security_labels
from transfer.adapters.fhir.codes import ACT_REASON, CONFIDENTIALITY, KIND, PARTICIPATION, as_in_r4, coding_of, kind_of
from transfer.adapters.fhir.consent_codes import (
    ACT_CODE,
    Doubts,
    coded,
    concept_codings,
    contradicts,
    is_of_another,
    is_over,
    names_another,
    narrows,
    period,
)
from transfer.adapters.fhir.identities import Resources, organization
from transfer.adapters.fhir.trees import Tree, child, children, text, truth, type_of
from transfer.errors import NeedsReview
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.permissions import Action, Finding, Provision, ProvisionType
from transfer.permissions.descriptions import words
from transfer.permissions.purposes import KNOWN_PURPOSES, with_wider
from transfer.records import RecordKind
from transfer.unmapped_codes import key_of

_ACTION: Final = "http://terminology.hl7.org/CodeSystem/consentaction"
#: of the displays of actions and purposes, by which a display tells that another code is meant
_ACTION_STEMS: Final = {
    Action.COLLECT: "collect",
    Action.ACCESS: "access",
    Action.USE: "use",
    Action.DISCLOSE: "disclos",
    Action.CORRECT: "correct",
}
_PURPOSE_STEMS: Final = {
    "TREAT": "treat",
    "HRESCH": "research",
    "HPAYMT": "payment",
    "HOPERAT": "operations",
    "HMARKT": "market",
    "PUBHLTH": "public health",
    "PATRQT": "patient request",
}
#: purposes in an emergency alone; another that is called so is one of them
_EMERGENCIES: Final = ("ETREAT", "BTG", "ERTREAT")
_RESOURCE_TYPES: Final = "http://hl7.org/fhir/resource-types"

#: PCF knows the root and one level of exceptions (https://profiles.ihe.net/ITI/PCF, Consent profiles)
_LEVELS: Final = 2
#: exceptions that one form may have; a form is judged at every release
_MOST: Final = 100

#: v3-ParticipationType. A permit names its parties by the first of each alone: PCF fixes IRCP, and R4's examples name
#: by PRCP whom they refuse. A refusal is read by all of them.
_DISCLOSES: Final = ("CST", "INF")
_RECEIVES: Final = ("IRCP", "PRCP", "REFT", "TRC", "NOT")

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


@dataclass(frozen=True, slots=True)
class ProvisionReader:
    """Reads the provisions of one Consent, and notes in `doubts` what no rule could keep."""

    resources: Resources
    institution: Institution
    institutions: Institutions
    doubts: Doubts

    def root(self, consent: Tree, base: ProvisionType | None) -> Provision:
        """The whole tree. `base` is what the form's policy says; either "no" of the two is one.

        R4 gives the root no type of its own: its policy says what it is. Where neither says, it is a person's.
        """
        tree = child(consent, "provision")
        if sum(len(children(node, "provision")) for node in (tree, *children(tree, "provision"))) > _MOST:
            self.doubts.note(Finding.FORM_UNREADABLE)
        said = self._type(tree) or base
        if said is None:
            self.doubts.note(Finding.PROVISION_TYPE_UNCLEAR)
        if said is None or ProvisionType.DENY in (said, base):
            return self._node(tree, ProvisionType.DENY, 1)
        return self._node(tree, ProvisionType.PERMIT, 1, self._custodians(consent))

    def _type(self, tree: Tree) -> ProvisionType | None:
        said = text(tree, "type")
        if said is not None and said not in set(ProvisionType):
            self.doubts.note(Finding.PROVISION_TYPE_UNCLEAR)
        return next((kind for kind in ProvisionType if kind == said), None)

    def _node(
        self, tree: Tree, kind: ProvisionType, level: int, custodians: frozenset[InstitutionId] = frozenset()
    ) -> Provision:
        zone, doubts = self.institution.zone, self.doubts
        if tree.get("data"):
            doubts.note(Finding.SINGLE_RECORDS_NAMED)
        is_permit = kind is ProvisionType.PERMIT
        begin, end = period(child(tree, "period"), zone, doubts, whole=is_permit)
        data_from, data_until = period(child(tree, "dataPeriod"), zone, doubts, whole=is_permit)
        disclosers, other_disclosers = self._parties(tree, _DISCLOSES, kind, level)
        recipients, other_recipients = self._parties(tree, _RECEIVES, kind, level)
        is_unnamed = is_permit and not disclosers and not other_disclosers
        return Provision(
            type=kind,
            starts_on=begin,
            ends_on=end,
            disclosers=custodians if is_unnamed else disclosers,
            other_disclosers=other_disclosers,
            recipients=recipients,
            other_recipients=other_recipients,
            actions=self._actions(tree),
            purposes=self._purposes(tree),
            kinds=self._kinds(tree),
            is_by_code=bool(children(tree, "code")) or any(_is_document_code(each) for each in children(tree, "class")),
            labels=self._labels(tree),
            data_from=data_from,
            data_until=data_until,
            provisions=tuple(self._inner(inner, level + 1) for inner in children(tree, "provision")),
        )

    def _inner(self, tree: Tree, level: int) -> Provision:
        if level > _LEVELS:
            self.doubts.note(Finding.PROVISION_TOO_DEEP)
        kind = self._type(tree)
        if kind is None:
            self.doubts.note(Finding.PROVISION_TYPE_UNCLEAR)
        return self._node(tree, kind or ProvisionType.DENY, level)

    # --- between whom -------------------------------------------------------------------------------------------------

    def _custodians(self, consent: Tree) -> frozenset[InstitutionId]:
        """`organization` manages the form: it discloses where no actor does."""
        names = {role for actor in children(child(consent, "provision"), "actor") for role in _roles(actor)}
        if names.intersection(_DISCLOSES):
            return frozenset()
        found = [self._known(reference) for reference in children(consent, "organization")]
        if None in found:
            self.doubts.note(Finding.PARTY_UNKNOWN)
        return frozenset(known for known in found if known)

    def _parties(
        self, tree: Tree, roles: tuple[str, ...], kind: ProvisionType, level: int
    ) -> tuple[frozenset[InstitutionId], bool]:
        """The partners named in these roles, and whether somebody is named who is none of them.

        A form that permits something to somebody we do not know is a person's. In a refusal and in an exception it is
        kept that others are meant: a practitioner, a group, a class of persons, an organization that is none of ours.
        """
        found: set[InstitutionId] = set()
        others = False
        for actor in children(tree, "actor"):
            said = self._understood(actor, kind)
            if said.isdisjoint(roles):
                continue
            reference = child(actor, "reference")
            if narrows(reference):
                self.doubts.note(Finding.WORDS_SAY_MORE)
            known = self._known(reference)
            if known:
                found.add(known)
                behind = {"display": text(self.resources.follow(reference), "name")}
                name = self.institutions[known].name
                if any(is_of_another(one, [name]) or narrows(one, name) for one in (reference, behind)):
                    self.doubts.note(Finding.PARTY_UNKNOWN)
                continue
            others = True
            if level == 1 and kind is ProvisionType.PERMIT:
                self.doubts.note(Finding.PARTY_UNKNOWN)
        return frozenset(found), others

    def _understood(self, actor: Tree, kind: ProvisionType) -> set[str]:
        """The actor's roles. Noted: one that is none of ours, or that no permit names its parties by."""
        found = _roles(actor)
        codings = list(concept_codings([child(actor, "role")], self.doubts))
        is_foreign = any(as_in_r4(text(coding, "system")) != PARTICIPATION for coding in codings)
        known = {_DISCLOSES[0], _RECEIVES[0]} if kind is ProvisionType.PERMIT else {*_DISCLOSES, *_RECEIVES}
        if is_foreign or not found <= known:
            self.doubts.note(Finding.CODE_UNKNOWN)
        return found

    def _known(self, reference: Tree) -> InstitutionId | None:
        """The partner meant by an Organization. A doctor of a partner, a device or a group is not all of it."""
        resource = self.resources.follow(reference)
        said = (text(reference, "reference") or "").rpartition("/")[0].rpartition("/")[2]
        if not {text(reference, "type"), type_of(resource), said or None} <= {"Organization", None}:
            return None
        beside, behind = child(reference, "identifier"), children(resource, "identifier")
        known = {one for number in (beside, *behind) if (one := self._numbered(number))}
        is_old = any(is_over(number) for number in (beside, *behind) if self._numbered(number))
        if contradicts(beside, behind) or is_old or len(known) != 1 or truth(resource, "active") is False:
            return None
        return known.pop()

    def _numbered(self, number: Tree) -> InstitutionId | None:
        """Whose number it is."""
        try:
            return organization({"identifier": number}, self.resources, self.institutions)
        except NeedsReview:
            return None

    # --- what, and for what -------------------------------------------------------------------------------------------

    def _actions(self, tree: Tree) -> frozenset[Action]:
        found = set()
        for coding in concept_codings(children(tree, "action"), self.doubts):
            code = text(coding, "code") or ""
            if names_another(coding, [code], _ACTION_STEMS.items()):
                self.doubts.note(Finding.WORDS_SAY_MORE)
            if code in set(Action) and text(coding, "system") in (_ACTION, None):
                found.add(Action(code))
            else:
                self.doubts.note(Finding.CODE_UNKNOWN)
        return frozenset(found)

    def _purposes(self, tree: Tree) -> frozenset[str]:
        said = children(tree, "purpose")
        if any(names_another(one, with_wider(text(one, "code") or ""), _PURPOSE_STEMS.items()) for one in said):
            self.doubts.note(Finding.WORDS_SAY_MORE)
        others = [one for one in said if text(one, "code") not in _EMERGENCIES]
        if any("emergency" in (text(one, "display") or "").casefold() for one in others):
            self.doubts.note(Finding.WORDS_SAY_MORE)
        return self._codes(said, {ACT_REASON: KNOWN_PURPOSES})

    def _labels(self, tree: Tree) -> frozenset[str]:
        known = {CONFIDENTIALITY: security_labels.CONFIDENTIALITY, ACT_CODE: security_labels.SENSITIVITY}
        return self._codes(children(tree, "securityLabel"), known)

    def _codes(self, codings: Iterable[Tree], known: dict[str, frozenset[str]]) -> frozenset[str]:
        found = set()
        for coding in coded(codings, self.doubts):
            code = text(coding, "code") or ""
            if code in known.get(as_in_r4(text(coding, "system")) or "", ()):
                found.add(code)
            else:
                self.doubts.note(Finding.CODE_UNKNOWN)
        return frozenset(found)

    def _kinds(self, tree: Tree) -> frozenset[RecordKind] | None:
        """`class` and `code` both have to fit, any one of each (PCF appendix P). None: all records."""
        by_class = [self._kinds_of(coding) for coding in coded(children(tree, "class"), self.doubts)]
        by_code = [self._kinds_of(coding) for coding in concept_codings(children(tree, "code"), self.doubts)]
        if not by_class and not by_code:
            return None
        each = [frozenset[RecordKind]().union(*found) for found in (by_class, by_code) if found]
        kinds = frozenset.intersection(*each)
        if not kinds:
            self.doubts.note(Finding.CODE_UNKNOWN)
        return kinds

    def _kinds_of(self, coding: Tree) -> frozenset[RecordKind]:
        code, system = text(coding, "code") or "", text(coding, "system")
        if code in _CLASSES and system in (_RESOURCE_TYPES, None):
            if "".join(words(text(coding, "display"))) not in ("", code.casefold(), f"{code.casefold()}s"):
                self.doubts.note(Finding.WORDS_SAY_MORE)
            return _CLASSES[code]
        if system == KIND:
            found = frozenset(kind for kind in RecordKind if kind == code)
        else:
            kind = kind_of(coding, self.institution)
            found = frozenset({kind}) if kind else frozenset()
            if not kind and (key := key_of(coding_of(coding, self.institution))):
                self.doubts.codes.add(key)
        if not found:
            self.doubts.note(Finding.CODE_UNKNOWN)
        return found


def _is_document_code(coding: Tree) -> bool:
    return text(coding, "code") not in _CLASSES and text(coding, "system") != KIND


def _roles(actor: Tree) -> set[str]:
    return {code for coding in children(child(actor, "role"), "coding") if (code := text(coding, "code"))}
