"""Documents that an institution posts to us: DocumentReference or DiagnosticReport, with Binary, in one bundle."""

from collections.abc import Iterator
from dataclasses import dataclass

from transfer.adapters.fhir.attachments import decode
from transfer.adapters.fhir.documents import DOCUMENT_TYPES, Description, describe
from transfer.adapters.fhir.identities import Resources, person
from transfer.adapters.fhir.trees import Tree, check, child, children, text, type_of
from transfer.errors import NeedsReview
from transfer.institutions import Institution
from transfer.records import Document
from transfer.sources import Bad, go_on


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedDocument:
    """One document with its bytes as they were sent."""

    document: Document
    content: bytes


def read(bundle: Tree, institution: Institution) -> Iterator[PushedDocument | Bad]:
    """Each document, or why it is held. Nothing is fetched: an attachment that lies elsewhere is held."""
    entries = children(bundle, "entry")
    resources = Resources.around({}, entries)
    for entry in entries:
        resource = child(entry, "resource")
        if type_of(resource) in DOCUMENT_TYPES:
            yield from _documents(entry, resource, resources, institution)


def _documents(
    entry: Tree, resource: Tree, resources: Resources, institution: Institution
) -> Iterator[PushedDocument | Bad]:
    said = text(entry, "fullUrl") or ""
    address = said if said.startswith(("http://", "https://")) else None
    try:
        check(resource)
        around = resources.within(resource)
        patient = person(_subject(resource), around, institution)
        for described in describe(resource, patient, institution, around, address=address):
            yield _sent(described, around)
    except NeedsReview as error:
        yield Bad(reason=str(error), source=address)


def _subject(resource: Tree) -> Tree:
    """IHE MHD also puts the patient as the source knows it into the context."""
    return child(resource, "subject") or child(resource, "context", "sourcePatientInfo")


def _sent(described: Description, around: Resources) -> PushedDocument | Bad:
    attachment = described.attachment
    if attachment is None:
        return Bad(reason="a document without content")
    data = text(attachment, "data")
    binary = around.follow({"reference": text(attachment, "url")})
    if data is None and type_of(binary) == "Binary":
        data = text(binary, "data")
    if data is None:
        return Bad(reason="a document whose content was not sent along")
    return PushedDocument(document=described.document, content=b"".join(decode(data, go_on)))
