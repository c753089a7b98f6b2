"""Documents that an institution posts to us: DocumentReference or DiagnosticReport, with Binary, in one bundle."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from transfer.adapters.fhir.attachments import announced, inline
from transfer.adapters.fhir.documents import DOCUMENT_TYPES, Description, describe, is_deleted, says_void
from transfer.adapters.fhir.ended_forms import told_deleted
from transfer.adapters.fhir.identities import Resources, person
from transfer.adapters.fhir.labels import labels_in, outer_labels
from transfer.adapters.fhir.results import report_beside, says_anything, says_beside, whole_report
from transfer.adapters.fhir.trees import MAX_BODY, Tree, check, check_meaning, child, children, text, type_of
from transfer.bytes_seen import BytesSeen
from transfer.errors import NeedsReview, TooLarge, Unexpected
from transfer.flaws import Flaw
from transfer.institutions import Institution
from transfer.media_types import FHIR_JSON, UNKNOWN, named
from transfer.patients import IssuedIdentifier
from transfer.records import Document
from transfer.sources import Bad, go_on

#: of what a document is wrapped in: no more than a message may weigh
_MOST: Final = MAX_BODY


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedFile:
    """Bytes of a document as they were sent, and the type that they are."""

    content_type: str
    content: bytes
    title: str | None = None
    #: no file of the document, but what its resource says besides: results, a conclusion
    is_beside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedDocument:
    """One document with its files; a void one may have none."""

    document: Document
    files: tuple[PushedFile, ...]


def read(bundle: Tree, institution: Institution) -> Iterator[PushedDocument | Bad]:
    """Each document, or why it is held. Nothing is fetched: an attachment that lies elsewhere is held."""
    entries = children(bundle, "entry")
    resources = Resources.around({}, entries)
    around = _labels_around(bundle, institution)
    inside = [child(entry, "resource") for entry in entries]
    ended = {id(resources.follow(each)) for one in inside for each in told_deleted(one, type_of(one) or "")}
    found = [
        Bad(reason="a document of which what comes with it tells that it was deleted")
        if id(resource) in ended and not says_void(resource)
        else _document(entry, resource, resources, institution, around)
        for entry, resource in zip(entries, inside, strict=True)
        if type_of(resource) in DOCUMENT_TYPES
    ]
    if alone := _unnamed(entries, resources):
        found.append(Bad(reason=f"{alone} results that no report of the message names"))
    if left := _left_over(entries, resources):
        found.append(Bad(reason=f"{left} files that no document of the message names"))
    said = Counter(entry for one in found if isinstance(one, PushedDocument) for entry in one.document.entries)
    for one in found:
        yield one if isinstance(one, Bad) else _set_apart(one, said)


def _unnamed(entries: list[Tree], resources: Resources) -> int:
    """How many results come along that would be in no document: no report and no panel names them."""
    inside = [child(entry, "resource") for entry in entries]
    references = [each for one in inside for name in ("result", "hasMember") for each in children(one, name)]
    named = {id(resources.follow(each)) for each in references}
    return sum(type_of(each) == "Observation" and id(each) not in named for each in inside)


def _left_over(entries: list[Tree], resources: Resources) -> int:
    """How many files come along that would be in no document: a Binary that none names, a Media, which none can."""
    inside = [child(entry, "resource") for entry in entries if text(entry, "request", "method") != "PATCH"]
    documents = [one for one in inside if type_of(one) in DOCUMENT_TYPES]
    named = {
        id(resources.within(one).follow({"reference": text(each, "url")}))
        for one in documents
        for each in (
            *(child(content, "attachment") for content in children(one, "content")),
            *children(one, "presentedForm"),
        )
    }
    pictures = [child(one, "content") for one in inside if type_of(one) == "Media"]
    binaries = [one for one in inside if type_of(one) == "Binary" and id(one) not in named]
    return len(binaries) + sum(bool(text(each, "data") or text(each, "url")) for each in pictures)


def _set_apart(one: PushedDocument, said: Counter[IssuedIdentifier]) -> PushedDocument:
    """Two of one message under the same numbers are two documents, and no states of one."""
    if all(said[entry] == 1 for entry in one.document.entries):
        return one
    return replace(one, document=replace(one.document, entries=()))


def _labels_around(bundle: Tree, institution: Institution) -> frozenset[str]:
    """What the bundle and its entries say of all it holds, and what stands beside its documents: a List, a Patient.

    A Binary's label is that of the document it belongs to.
    """
    beside = [child(entry, "resource") for entry in children(bundle, "entry")]
    labels = [
        labels_in(each, institution.labels) for each in beside if type_of(each) not in {*DOCUMENT_TYPES, "Binary"}
    ]
    return outer_labels(bundle, institution.labels).union(*labels)


def _document(
    entry: Tree, resource: Tree, resources: Resources, institution: Institution, labels: frozenset[str]
) -> PushedDocument | Bad:
    said = text(entry, "fullUrl") or ""
    address = said if said.startswith(("http://", "https://")) else None
    try:
        (check_meaning if says_void(resource) or is_deleted(entry) else check)(resource)
        around = resources.within(resource)
        patient = person(_subject(resource), around, institution)
        described = describe(resource, patient, institution, around, address=address, around=labels, entry=entry)
        return _sent(resource, described, around, institution)
    except (NeedsReview, TooLarge) as error:
        return Bad(reason=str(error), source=address)


def _subject(resource: Tree) -> Tree:
    """IHE MHD also puts the patient as the source knows it into the context."""
    return child(resource, "subject") or child(resource, "context", "sourcePatientInfo")


def _sent(resource: Tree, described: Description, around: Resources, institution: Institution) -> PushedDocument:
    """Raises: NeedsReview, TooLarge: it has nothing to read, or what cannot be unpacked."""
    document, labels, flaws = described.document, set[str](), set[Flaw]()
    if document.status.is_void:
        if not (document.identifiers or document.relation):
            raise Unexpected("a withdrawal that does not say of what")
        return PushedDocument(document=document, files=())
    if not described.attachments:
        return PushedDocument(document=document, files=(_results(resource, around),))
    files = []
    for attachment in described.attachments:
        file, found, wrong = _file(attachment, around, institution)
        files.append(file)
        labels |= found
        flaws |= wrong
    document = replace(
        document, content_type=files[0].content_type, labels=document.labels | labels, flaws=frozenset(flaws)
    )
    if says_beside(resource):
        body = report_beside(resource, lambda reference: around.follow({"reference": reference}))
        files.append(PushedFile(content_type=FHIR_JSON, content=body, is_beside=True))
    return PushedDocument(document=document, files=tuple(files))


def _file(
    attachment: Tree, around: Resources, institution: Institution
) -> tuple[PushedFile, frozenset[str], frozenset[Flaw]]:
    """The file, with the labels of what it stood in and what is wrong with it."""
    data, binary = _data(attachment, around)
    guard = around.follow(child(binary, "securityContext"))
    labels, said = (
        {*labels_in(binary, institution.labels), *labels_in(guard, institution.labels)},
        announced(attachment),
    )
    if named(said.media_type) == UNKNOWN:
        said = replace(said, media_type=text(binary, "contentType"))

    def check(inside: Tree) -> None:
        labels.update(labels_in(inside, institution.labels))

    seen = BytesSeen(said)
    content = b"".join(seen.passing(inline(data, go_on, most_of_resource=_MOST, check=check)))
    judged = seen.judged()
    file = PushedFile(content_type=judged.content_type, content=content, title=text(attachment, "title"))
    return file, frozenset(labels), judged.flaws


def _data(attachment: Tree, around: Resources) -> tuple[str, Tree]:
    """The base64 that was sent, and the Binary that it stands in.

    Raises:
        Unexpected: it was not sent along.
    """
    url, data = text(attachment, "url"), text(attachment, "data")
    binary = around.follow({"reference": url})
    if data is None and type_of(binary) == "Binary":
        return text(binary, "data") or "", binary
    if data is None and url and url.startswith("data:"):
        return url, {}
    if data is None:
        raise Unexpected("a document whose content was not sent along")
    return data, {}


def _results(resource: Tree, around: Resources) -> PushedFile:
    if type_of(resource) != "DiagnosticReport" or not says_anything(resource):
        raise Unexpected("a document without content")
    body = whole_report(resource, lambda reference: around.follow({"reference": reference}))
    return PushedFile(content_type=FHIR_JSON, content=body)
