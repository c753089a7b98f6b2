"""The signed form behind a Consent (Consent.source[x]), and what it says in words."""

from typing import Final

from transfer.adapters.fhir.consent_codes import Doubts
from transfer.adapters.fhir.identities import Resources
from transfer.adapters.fhir.trees import Tree, child, children, text, type_of
from transfer.permissions import Finding
from transfer.permissions.descriptions import adds_nothing

#: DocumentReference.docStatus of a form that is whole
_DONE: Final = ("final", "amended", None)


def has_source(consent: Tree) -> bool:
    """Whether a form stands behind it: its bytes, an address, or a reference. A name alone is none
    (https://hl7.org/fhir/R4/datatypes.html#Attachment).
    """
    attached, reference = child(consent, "sourceAttachment"), child(consent, "sourceReference")
    said = [text(attached, "data"), text(attached, "url"), text(reference, "reference")]
    return any(said) or text(reference, "identifier", "value") is not None


def note_source(consent: Tree, resources: Resources, doubts: Doubts) -> None:
    """Noted: words of the form that no code says, and a form that does not stand. Nothing is fetched."""
    reference = child(consent, "sourceReference")
    source = resources.follow(reference)
    is_document = type_of(source) == "DocumentReference"
    said = [text(consent, "sourceAttachment", "title"), text(reference, "display")]
    if is_document:
        titles = [text(each, "attachment", "title") for each in children(source, "content")]
        said += [text(source, "description"), *titles]
        if text(source, "status") != "current" or text(source, "docStatus") not in _DONE:
            doubts.note(Finding.SIGNATURE_DOUBTED)
    # a Contract and the answers of a questionnaire are words
    if not all(map(adds_nothing, said)) or (source and not is_document):
        doubts.note(Finding.WORDS_SAY_MORE)
    if not source and (text(reference, "reference") or "").startswith("#"):
        doubts.note(Finding.FORM_UNREADABLE)
