"""Resources other than a Consent that say of a release form that it has ended: a Contract, and what tells what was done
to a Consent (Provenance, AuditEvent, List). The same tells it of a document.

https://hl7.org/fhir/R4/contract.html, provenance.html, auditevent.html, list.html. Read leniently, as objections are.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from transfer.adapters.fhir.trees import Tree, child, children, objects_in, text, truth
from transfer.objections import ends, is_no, names_release, refuses_in_words

#: https://hl7.org/fhir/R4/valueset-contract-status.html
_CONTRACT_ENDED: Final = frozenset({"revoked", "terminated", "cancelled", "rejected", "entered-in-error"})
#: Contract.type: https://hl7.org/fhir/R4/valueset-contract-type.html
_CONTRACT_OF_RELEASE: Final = frozenset({"consent", "privacy", "disclosure"})
#: what is done to a record: v3-DataOperation, iso-21089-lifecycle; AuditEvent.action D
_DONE: Final = frozenset(
    {"delete", "nullify", "cancel", "abort", "obsolete", "suspend", "destroy", "deprecate", "revoke", "d"}
)
_DELETED: Final = re.compile(r"\b(?:deleted|nullified|entered[ -]in[ -]error)\b", re.IGNORECASE)
_OPT_OUT: Final = re.compile(r"opt[-_ ]?out", re.IGNORECASE)


def is_ended_contract(contract: Tree) -> bool:
    """Whether a Contract about a release has ended or was refused, or is called a "no" or an opt-out."""
    concepts = [child(contract, "type"), *children(contract, "subType"), child(contract, "topicCodeableConcept")]
    said = [each for concept in concepts for each in _words(concept)]
    said += filter(None, [text(contract, name) for name in ("title", "subtitle", "name")])
    if text(contract, "status") in _CONTRACT_ENDED:
        return any(each.lower() in _CONTRACT_OF_RELEASE or names_release(each) for each in said)
    codes = (text(each, "code") for each in objects_in(contract))
    return any(map(is_no, said)) or any(_OPT_OUT.search(code) for code in codes if code)


def consents_ended(resource: Tree, kind: str) -> Iterator[Tree]:
    """The Consents, as it refers to them, of which it tells that they were ended, deleted or taken off a list."""
    return filter(_is_of_consent, _told(resource, kind, _is_ending))


def told_deleted(resource: Tree, kind: str) -> Iterator[Tree]:
    """Whatever it refers to and tells that it was deleted. What ends a release ends no document: a list may say of one
    that a test in it was refused.
    """
    return _told(resource, kind, _is_deleting)


def _told(resource: Tree, kind: str, is_so: Callable[[list[str]], bool]) -> Iterator[Tree]:
    match kind:
        case "Provenance":
            reasons = [each for concept in children(resource, "reason") for each in _words(concept)]
            if is_so([*_words(child(resource, "activity")), *reasons]):
                yield from children(resource, "target")
        case "AuditEvent":
            did = [each for coding in children(resource, "subtype") for each in _words({"coding": [coding]})]
            if is_so([*did, *filter(None, [text(resource, "action"), text(resource, "outcomeDesc")])]):
                yield from (child(each, "what") for each in children(resource, "entity"))
        case "List":
            for entry in children(resource, "entry"):
                if truth(entry, "deleted") or is_so(_words(child(entry, "flag"))):
                    yield child(entry, "item")


def _is_ending(said: list[str]) -> bool:
    return any(each.lower() in _DONE or ends(each) or refuses_in_words(each) for each in said)


def _is_deleting(said: list[str]) -> bool:
    return any(each.lower() in _DONE or _DELETED.search(each) for each in said)


def _is_of_consent(reference: Tree) -> bool:
    steps = (text(reference, "reference") or "").partition("?")[0].split("/")
    return "Consent" in (text(reference, "type"), *steps)


def _words(concept: Tree) -> list[str]:
    codes = [text(each, name) for each in children(concept, "coding") for name in ("code", "display")]
    return [each for each in (text(concept, "text"), *codes) if each]
