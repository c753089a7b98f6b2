"""Documents that an institution posts to us: DocumentReference or DiagnosticReport, with Binary, in one bundle."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from transfer.adapters.fhir.attachments import decode
from transfer.adapters.fhir.documents import DOCUMENT_TYPES, Description, describe
from transfer.adapters.fhir.identities import Resources, person
from transfer.adapters.fhir.labels import labels_in, meta_labels
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
    around = _labels_around(bundle, institution)
    for entry in entries:
        resource = child(entry, "resource")
        if type_of(resource) in DOCUMENT_TYPES:
            yield from _documents(entry, resource, resources, institution, around)


def _labels_around(bundle: Tree, institution: Institution) -> frozenset[str]:
    """What the bundle says of all it holds, and what stands beside its documents: a List, a Patient, a Provenance.

    A Binary's label is that of the document it belongs to.
    """
    beside = [child(entry, "resource") for entry in children(bundle, "entry")]
    labels = [
        labels_in(each, institution.labels) for each in beside if type_of(each) not in {*DOCUMENT_TYPES, "Binary"}
    ]
    return meta_labels(bundle, institution.labels).union(*labels)


def _documents(
    entry: Tree, resource: Tree, resources: Resources, institution: Institution, labels: frozenset[str]
) -> Iterator[PushedDocument | Bad]:
    said = text(entry, "fullUrl") or ""
    address = said if said.startswith(("http://", "https://")) else None
    try:
        check(resource)
        around = resources.within(resource)
        patient = person(_subject(resource), around, institution)
        for described in describe(resource, patient, institution, around, address=address, around=labels):
            yield _sent(described, around, institution)
    except NeedsReview as error:
        yield Bad(reason=str(error), source=address)


def _subject(resource: Tree) -> Tree:
    """IHE MHD also puts the patient as the source knows it into the context."""
    return child(resource, "subject") or child(resource, "context", "sourcePatientInfo")


def _sent(described: Description, around: Resources, institution: Institution) -> PushedDocument | Bad:
    attachment = described.attachment
    if attachment is None:
        return Bad(reason="a document without content")
    data = text(attachment, "data")
    binary = around.follow({"reference": text(attachment, "url")})
    if data is None and type_of(binary) == "Binary":
        data = text(binary, "data")
    if data is None:
        return Bad(reason="a document whose content was not sent along")
    document, labels = described.document, labels_in(binary, institution.labels)
    if labels:
        document = replace(document, labels=document.labels | labels)
    return PushedDocument(document=document, content=b"".join(decode(data, go_on)))
