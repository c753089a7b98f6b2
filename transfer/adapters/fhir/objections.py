"""What a Consent says against a release, read leniently: a "no" stops however wrong the rest of it is.

https://hl7.org/fhir/R4/consent.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from typing import Final, Self
from urllib.parse import parse_qsl

from transfer.adapters.fhir.consent_codes import narrated
from transfer.adapters.fhir.consent_sources import file_name, words_in
from transfer.adapters.fhir.consents import MAY_END, REFUSING_POLICIES, REPLACES
from transfer.adapters.fhir.documents import DOCUMENT_TYPES, says_void
from transfer.adapters.fhir.ended_forms import consents_ended, is_ended_contract
from transfer.adapters.fhir.identities import Resources, demographics, issued, person
from transfer.adapters.fhir.questionnaires import refuses
from transfer.adapters.fhir.trees import Tree, child, children, extensions, objects_in, text, texts, type_of
from transfer.institutions import Institution
from transfer.objections import (
    Objection,
    ObjectionKind,
    ends_release,
    is_no,
    is_refused,
    refuses_in_words,
    says_ending,
    says_refusing,
)
from transfer.patients import Demographics, IssuedIdentifier

#: https://hl7.org/fhir/R4/valueset-consent-state-codes.html; any other state cannot be read
_KINDS: Final = {
    "inactive": ObjectionKind.REVOKED,
    "entered-in-error": ObjectionKind.ENTERED_IN_ERROR,
    "rejected": ObjectionKind.REFUSED,
    "active": ObjectionKind.REPLACES,
    "draft": ObjectionKind.REPLACES,
    "proposed": ObjectionKind.REPLACES,
}
#: OPTOUT, OPTOUTE of v3-ActCode, `opt-out` of STU3's policies, and what national guides make of them
_OPT_OUT: Final = re.compile(r"opt[-_ ]?out", re.IGNORECASE)
#: R5's word in a Consent of R4 (https://hl7.org/fhir/R5/versions.html#extensions)
_DECISION: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Consent.decision"

#: messages of people to people
_MESSAGES: Final = ("Communication", "CommunicationRequest")
#: elements by which a resource is called
_CALLED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "Flag": ("code",),
    "Composition": ("type",),
    **dict.fromkeys(_MESSAGES, ("topic",)),
    **dict.fromkeys(("Basic", "List", "ServiceRequest"), ("code",)),
    "DocumentManifest": ("type",),
}
#: and the text by which one is
_TITLED: Final = {"Composition": "title", "List": "title", "CarePlan": "title", "DocumentManifest": "description"}
#: states in which a person's word is none; of any other resource where it was entered in error
_VOID: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        ("Observation", "QuestionnaireResponse", "Communication", "Task"), ("entered-in-error", "cancelled", "not-done")
    ),
    "CommunicationRequest": ("entered-in-error", "revoked"),
    "Flag": ("entered-in-error", "inactive"),
}
#: people, and numbers of forms, that one Consent may name: a real one names one or two of each
_MOST: Final = 32
#: characters of an address that are looked at for the numbers of forms
_MOST_OF_URL: Final = 4096
#: that one message may say besides what it is for; whoever has more sends them apart
MOST_BESIDE: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentsAround:
    """What stands around the Consents of one message, made out once for all of them: n Consents beside m people cost
    n + m.
    """

    resources: Resources
    #: whom the message brings along, at most `_MOST`
    brought: tuple[Demographics, ...]
    institution: Institution

    @classmethod
    def of(cls, entries: Iterable[Tree], institution: Institution) -> Self:
        entries = list(entries)
        people = _people((child(entry, "resource") for entry in entries), institution)
        return cls(resources=Resources.around({}, entries), brought=people, institution=institution)

    def within(self, resource: Tree) -> Self:
        """The same seen from one resource: whom it contains comes first."""
        inside = children(resource, "contained")
        if not inside:
            return self
        brought = dict.fromkeys((*_people(inside, self.institution), *self.brought))
        return replace(self, resources=self.resources.within(resource), brought=tuple(islice(brought, _MOST)))

    def read(self, consent: Tree) -> Objection:
        """What a Consent objects to. Never raises: what cannot be read is absent.

        Of an active one with no refusal in it the kind is `REPLACES`: it objects only to a form whose number it
        carries.
        """
        return Objection(
            kind=_kind(consent),
            patients=self._patients(consent),
            references=tuple(islice(dict.fromkeys(_references(consent, self.institution)), _MOST)),
        )

    def _patients(self, consent: Tree) -> tuple[Demographics, ...]:
        """Whom it names; R5 calls that `subject`. Where it names nobody, everybody its message brings along."""
        named = (child(consent, name) for name in ("patient", "subject"))
        said = [person(reference, self.resources, self.institution) for reference in named]
        return tuple(who for who in dict.fromkeys(said) if who != Demographics()) or self.brought


def _kind(consent: Tree) -> ObjectionKind:
    status = (text(consent, "status") or "").lower()
    if status == "active" and _refuses(consent):
        return ObjectionKind.REFUSED
    if status == "active" and is_called_or_told_a_no(consent):
        return ObjectionKind.UNREADABLE
    return _KINDS.get(status, ObjectionKind.UNREADABLE)


def _people(resources: Iterable[Tree], institution: Institution) -> tuple[Demographics, ...]:
    found: dict[Demographics, None] = {}
    for each in resources:
        if type_of(each) == "Patient" and len(found) < _MOST:
            found[demographics(each, institution)] = None
    return tuple(found)


def read(consent: Tree, entries: Iterable[Tree], institution: Institution) -> Objection:
    """What the Consent of a message objects to. See `ConsentsAround.read`."""
    return ConsentsAround.of(entries, institution).within(consent).read(consent)


def read_beside(tree: Tree, institution: Institution) -> Iterator[Objection]:
    """What a message objects to besides what it is for: Consents contained in what it brings, and documents that are
    called a "no" to a release, whatever kind of document they are sent as. Whether it is one a person says: its kind is
    `UNREADABLE`. A contained form that permits says nothing.
    """
    entries = children(tree, "entry")
    around = Resources.around({}, entries)
    people = cache(lambda: ConsentsAround.of(entries, institution))
    brings_form = any(type_of(child(entry, "resource")) == "Consent" for entry in entries)
    for resource in (tree, *(child(entry, "resource") for entry in entries)):
        consents = [each for each in children(resource, "contained") if type_of(each) == "Consent"]
        for said in map(people().within(resource).read, consents) if consents else ():
            if said.kind is not ObjectionKind.REPLACES:
                yield replace(said, kind=ObjectionKind.UNREADABLE)
        if _says_no(resource) or any(map(_says_no, children(resource, "contained"))):
            who = person(_subject(resource), around.within(resource), institution)
            patients = () if who == Demographics() else (who,)
            yield Objection(kind=ObjectionKind.UNREADABLE, patients=patients, references=())
        elif not brings_form and (ended := list(_ended_by(resource))):  # what is done to a form tells of it there
            yield _of_ended(ended, people().within(resource).brought, institution)


def names_consent(entry: Tree) -> bool:
    """Whether it carries a Consent or names one (https://hl7.org/fhir/R4/http.html#trules)."""
    steps = (text(entry, "request", "url") or "").partition("?")[0].split("/")
    return type_of(child(entry, "resource")) == "Consent" or "Consent" in steps


def object_anywhere(tree: Tree) -> bool:
    """Whether a resource says no at whatever depth, in a body of any form, or an entry asks that a Consent is deleted
    or changed.
    """
    return any(map(_objects, objects_in(tree))) or any(map(_asks_for_end, children(tree, "entry")))


def read_anywhere(tree: Tree, institution: Institution) -> Iterator[Objection]:
    """What each of those objects to. Nothing takes their body, so a person reads it: the kind is `UNREADABLE`."""
    entries = [each for each in objects_in(tree) if type_of(child(each, "resource"))]
    around = ConsentsAround.of(entries, institution)
    for entry in filter(_asks_for_end, children(tree, "entry")):
        said = around.within(child(entry, "resource")).read(child(entry, "resource"))
        references = dict.fromkeys((*said.references, *_named_in_url(entry, institution)))
        yield replace(said, kind=ObjectionKind.UNREADABLE, references=tuple(islice(references, _MOST)))
    for resource in filter(_objects, objects_in(tree)):
        within = around.within(resource)
        if type_of(resource) == "Consent":
            yield replace(within.read(resource), kind=ObjectionKind.UNREADABLE)
        elif ended := list(_ended_by(resource)):
            who = person(_subject(resource), within.resources, institution)
            yield _of_ended(ended, within.brought if who == Demographics() else (who,), institution)
        else:
            who = person(_subject(resource), within.resources, institution)
            patients = within.brought if who == Demographics() else (who,)
            yield Objection(kind=ObjectionKind.UNREADABLE, patients=patients, references=())


def _ended_by(resource: Tree) -> Iterator[Tree]:
    return consents_ended(resource, type_of(resource) or "")


def _of_ended(consents: Iterable[Tree], patients: tuple[Demographics, ...], institution: Institution) -> Objection:
    """What is told of Consents that are not here: by their numbers, where the references have them."""
    references = islice(issued((child(one, "identifier") for one in consents), institution), _MOST)
    return Objection(kind=ObjectionKind.UNREADABLE, patients=patients, references=tuple(references))


def _subject(resource: Tree) -> Tree:
    """Of a Contract the first of its subjects."""
    if type_of(resource) == "Contract":
        return next(iter(children(resource, "subject")), {})
    return child(resource, "for" if type_of(resource) == "Task" else "subject")


def _asks_for_end(entry: Tree) -> bool:
    return text(entry, "request", "method") in ("DELETE", "PATCH") and names_consent(entry)


def _named_in_url(entry: Tree, institution: Institution) -> Iterator[IssuedIdentifier]:
    """The numbers by which a conditional request finds its Consent (https://hl7.org/fhir/R4/http.html#cdelete)."""
    asked = parse_qsl((text(entry, "request", "url") or "").partition("?")[2][:_MOST_OF_URL])
    numbers = [value.rpartition("|") for name, value in asked if name == "identifier"]
    return issued(({"system": system, "value": value} for system, _, value in numbers), institution)


def _objects(resource: Tree) -> bool:
    if type_of(resource) == "Consent":
        return _kind(resource) is not ObjectionKind.REPLACES
    return _says_no(resource) or any(_ended_by(resource))


def _says_no(resource: Tree) -> bool:
    """Whether it is a document that is called a "no", a message or the answers to a form that are one, or a result that
    is: of a consent, or in a sentence. A flag on a chart is one by what it is called; anything by a note on it.
    """
    kind = type_of(resource)
    if kind is None:  # an element of one
        return False
    if kind in DOCUMENT_TYPES and _is_called_a_no(resource):
        return True
    if kind == "Contract" and is_ended_contract(resource):
        return True
    if text(resource, "status") in _VOID.get(kind, ("entered-in-error",)):
        return False
    if kind == "QuestionnaireResponse":
        return refuses(resource)
    if kind == "Observation" and any(map(_is_refused, (resource, *children(resource, "component")))):
        return True
    return any(map(is_no, _called(resource, kind))) or any(map(refuses_in_words, filter(None, _told(resource, kind))))


def _is_refused(result: Tree) -> bool:
    called, said = [list(_named(child(result, name))) for name in ("code", "valueCodeableConcept")]
    said += filter(None, [text(result, "valueString")])
    said += [str(value)] if isinstance(value := result.get("valueBoolean"), bool) else []
    return any(map(is_no, called)) or is_refused(called, said) or any(map(refuses_in_words, said))


def _called(resource: Tree, kind: str) -> Iterator[str]:
    """What it is called, where that may be a "no"."""
    concepts = [child(resource, name) for name in _CALLED_BY.get(kind, ())]
    concepts += children(resource, "category") + children(resource, "reasonCode") if kind in _MESSAGES else []
    yield from (said for concept in concepts for said in _named(concept))
    titles = [text(each, "contentAttachment", "title") for each in children(resource, "payload")]
    titles += [text(resource, _TITLED[kind])] if kind in _TITLED else []
    yield from filter(None, titles)


def _told(resource: Tree, kind: str) -> Iterator[str | None]:
    """What stands in it in words."""
    yield from (text(each, "text") for each in children(resource, "note"))
    match kind:
        case "Communication" | "CommunicationRequest":
            for each in children(resource, "payload"):
                yield text(each, "contentString")
                yield words_in(child(each, "contentAttachment"))
        case "Flag":
            yield from _named(child(resource, "code"))
        case "Task":
            yield from (text(resource, "description"), text(resource, "statusReason", "text"))
            yield text(resource, "code", "text")
        case "Composition":
            sections = children(resource, "section")
            for each in (*sections, *(inner for section in sections for inner in children(section, "section"))):
                yield _perhaps_a_no(text(each, "text", "div") or "")


def _perhaps_a_no(div: str) -> str:
    """Its words, where one of a "no" is among them: a document is long, and few say no."""
    capitals = div.upper().encode(errors="replace")
    return narrated(div) if says_ending(capitals) or says_refusing(capitals) else ""


def _named(concept: Tree) -> Iterator[str]:
    codes = [text(each, name) for each in children(concept, "coding") for name in ("code", "display")]
    yield from filter(None, [text(concept, "text"), *codes])


def _is_called_a_no(document: Tree) -> bool:
    """By one text of it: its type, category, description, conclusion, or the title of a file. One that its source has
    taken back is none.
    """
    concepts = [child(document, "type"), child(document, "code"), *children(document, "category")]
    said = [text(concept, "text") for concept in concepts]
    said += [text(each, "display") for concept in concepts for each in children(concept, "coding")]
    files = [child(content, "attachment") for content in children(document, "content")]
    said += [text(each, "title") for each in (*files, *children(document, "presentedForm"))]
    said += [text(document, "description")]
    found = text(document, "conclusion") or ""
    return not says_void(document) and (
        any(is_no(each) or refuses_in_words(each) for each in said if each)
        or ends_release(found)
        or refuses_in_words(found)
    )


def _refuses(consent: Tree) -> bool:
    """A refusal stands anywhere in its provisions, at whatever depth, or in its policy, or an opt-out in any code of
    it. `decision` is R5's word, `except` is STU3's.
    """
    own = {name: value for name, value in consent.items() if name != "contained"}
    codes = [text(each, name) for each in objects_in(own) for name in ("code", "valueCode")]
    uris = [text(consent, "policyRule"), *(text(each, "uri") for each in children(consent, "policy"))]
    types = {text(each, "type") for each in (*_provisions(consent), *children(consent, "except"))}
    types |= {text(consent, "decision"), *(text(each, "valueCode") for each in extensions(consent, _DECISION))}
    by_policy = any(REFUSING_POLICIES.search(uri) for uri in uris if uri)
    opts_out = any(_OPT_OUT.search(said) for said in (*codes, *uris) if said)
    return by_policy or opts_out or "deny" in {said.lower() for said in types if said}


def is_called_or_told_a_no(consent: Tree) -> bool:
    """A "no" by what it is called, or in a sentence of its narrative or of a form that is text."""
    told = (narrated(text(consent, "text", "div") or ""), words_in(child(consent, "sourceAttachment")))
    return any(map(MAY_END.search, _words(consent))) or any(map(refuses_in_words, told))


def _words(consent: Tree) -> Iterator[str]:
    """What it is called: its scope, categories, policies, tags and profiles, and the title of the signed form. A "no"
    that its sender files as an active form may say so nowhere else.
    """
    concepts = [child(consent, "scope"), child(consent, "policyRule"), *children(consent, "category")]
    codes = [each for concept in concepts for each in (concept, *children(concept, "coding"))]
    codes += [*children(consent, "meta", "tag"), *children(consent, "meta", "security")]
    said = [text(each, name) for each in codes for name in ("code", "display", "text")]
    said += [text(each, name) for each in children(consent, "policy") for name in ("authority", "uri")]
    said += [text(consent, "sourceAttachment", "title"), text(consent, "sourceReference", "display")]
    said += [file_name(child(consent, "sourceAttachment"))]
    yield from filter(None, [*said, *texts(consent, "meta", "profile")])


def _provisions(consent: Tree) -> Iterator[Tree]:
    """Every node under `provision`, which R5 makes an array."""
    waiting: list[object] = [consent]
    while waiting:
        node = waiting.pop()
        inner = node.get("provision") if isinstance(node, Mapping) else None
        found = [each for each in (inner if isinstance(inner, list) else [inner]) if isinstance(each, Mapping)]
        yield from found
        waiting += found


def _references(consent: Tree, institution: Institution) -> Iterator[IssuedIdentifier]:
    """Its own numbers, those of the forms it replaces, and that of the form it comes from."""
    numbers = [
        *children(consent, "identifier"),
        child(consent, "identifier"),
        child(consent, "sourceReference", "identifier"),
    ]
    numbers += [child(each, "valueIdentifier") for each in extensions(consent, REPLACES)]
    return issued(numbers, institution)
