"""DocumentReference and DiagnosticReport as documents in our words, one for each attachment."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from transfer.adapters.fhir.codes import (
    RELATIONS,
    REPORT_STATUS,
    best_coding,
    classify,
    reference_status,
)
from transfer.adapters.fhir.identities import Resources, issued
from transfer.adapters.fhir.labels import labels_in
from transfer.adapters.fhir.times import moment
from transfer.adapters.fhir.trees import Tree, child, children, codings, text, type_of
from transfer.errors import Unreadable
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier
from transfer.records import Document, DocumentStatus, Relation

DOCUMENT_TYPES: Final = frozenset({"DocumentReference", "DiagnosticReport"})
#: of one document; each is read with all that is said of it
MOST_FORMATS: Final = 50
UNKNOWN_CONTENT: Final = "application/octet-stream"
FHIR_JSON: Final = "application/fhir+json"

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")
#: what a record may be called where it stands in clear; any other name of a type is a word of its sender's own
_KNOWN_TYPES: Final = frozenset(
    {
        *("application/pdf", "application/rtf", "application/xml", "application/json", "application/fhir+json"),
        *("application/fhir+xml", "application/cda+xml", "application/hl7-cda+xml", "application/hl7-sda+xml"),
        *("application/msword", "application/dicom", "application/dicom+json", "application/zip", "application/gzip"),
        *("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/vnd.ms-excel"),
        *("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/x-hl7", "application/vcf"),
        *("application/vnd.oasis.opendocument.text", "application/edi-hl7v2", "x-application/hl7-v2+er7"),
        *("text/plain", "text/html", "text/xml", "text/rtf", "text/csv", "text/markdown", "text/cda+xml"),
        *(
            "image/jpeg",
            "image/png",
            "image/tiff",
            "image/gif",
            "image/bmp",
            "image/webp",
            "image/jp2",
            "image/svg+xml",
        ),
        *("audio/mpeg", "audio/wav", "video/mp4", "video/mpeg"),
    }
)
_RESTFUL = re.compile(r"(?P<issuer>https?://[^?#]+/[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.-]{1,64})(/_history/.*)?")
_LITERAL = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}(/_history/.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One document and where its bytes are: in `attachment`, or nowhere but in the resource itself (None)."""

    document: Document
    attachment: Tree | None


def describe(
    resource: Tree,
    patient: Demographics,
    institution: Institution,
    resources: Resources,
    *,
    address: str | None,
    around: frozenset[str] = frozenset(),
) -> Iterator[Description]:
    """What a DocumentReference or DiagnosticReport says, an entry for each attachment.

    Several attachments of one resource are the same document in several formats (R4 says so of both) and share its
    identifiers. `address` is the resource's absolute URL at its source; the source's own id for it is one of the
    document's numbers, so that a later "replaces DocumentReference/12" finds it. `around` are the labels of what it
    came in: they hold for each document beside its own.

    Raises:
        Unreadable: more formats than a document has.
    """
    attachments = _attachments(resource)
    if len(attachments) > MOST_FORMATS:
        raise Unreadable(f"a document in more than {MOST_FORMATS} formats")
    labels = around | labels_in(resource, institution.labels)
    for attachment in attachments or [None]:
        document = _document(resource, attachment, patient, institution, resources, address)
        yield Description(document=replace(document, labels=labels), attachment=attachment)


def _attachments(resource: Tree) -> list[Tree | None]:
    found: list[Tree | None]
    if type_of(resource) == "DocumentReference":
        found = [child(content, "attachment") for content in children(resource, "content")]
    else:
        found = list(children(resource, "presentedForm"))
    return [attachment for attachment in found if attachment]


def _document(
    resource: Tree,
    attachment: Tree | None,
    patient: Demographics,
    institution: Institution,
    resources: Resources,
    address: str | None,
) -> Document:
    is_reference = type_of(resource) == "DocumentReference"
    concept = child(resource, "type" if is_reference else "code")
    relation, parent = _relation(resource, institution, resources, address)
    return Document(
        patient=patient,
        kind=classify([concept], children(resource, "category"), institution),
        code=best_coding(concept, institution),
        title=_title(resource, concept, attachment),
        status=_status(resource),
        at=moment(_dated(resource, attachment), institution.zone),
        identifiers=tuple(_identifiers(resource, institution, address)),
        parent=parent,
        relation=relation,
        content_type=known_media_type(text(attachment, "contentType")) if attachment else FHIR_JSON,
    )


def _title(resource: Tree, concept: Tree, attachment: Tree | None) -> str | None:
    displays = [text(coding, "display") for coding in codings(concept)]
    said = (text(attachment, "title"), text(resource, "description"), text(concept, "text"), *displays)
    return next((title for title in said if title), None)


def _status(resource: Tree) -> DocumentStatus:
    status = text(resource, "status")
    if type_of(resource) == "DocumentReference":
        return reference_status(status, text(resource, "docStatus"))
    return REPORT_STATUS.get(status or "", DocumentStatus.UNKNOWN)


def _dated(resource: Tree, attachment: Tree | None) -> str | None:
    """The clinical time before the writing, the writing before the filing."""
    said = (
        text(resource, "context", "period", "start"),
        text(resource, "effectiveDateTime"),
        text(resource, "effectivePeriod", "start"),
        text(attachment, "creation"),
        text(resource, "date"),
        text(resource, "issued"),
    )
    return next((time for time in said if time), None)


def _identifiers(resource: Tree, institution: Institution, address: str | None) -> Iterator[IssuedIdentifier]:
    master = child(resource, "masterIdentifier")
    said = (*((master,) if master else ()), *children(resource, "identifier"))
    yield from issued(said, institution)
    if address and (own := _by_address(address)):
        yield own


def _by_address(address: str) -> IssuedIdentifier | None:
    match = _RESTFUL.fullmatch(address)
    return IssuedIdentifier(match["issuer"], match["id"]) if match else None


def _relation(
    resource: Tree, institution: Institution, resources: Resources, address: str | None
) -> tuple[Relation | None, IssuedIdentifier | None]:
    """What it does to an earlier document. `replaces` counts before `appends`; `signs` and `transforms` change none."""
    said = [(RELATIONS[code], each) for each in children(resource, "relatesTo") if (code := _relates(each))]
    said.sort(key=lambda pair: pair[0] is not Relation.REPLACES)
    for relation, each in said:
        if target := _target(child(each, "target"), institution, resources, address):
            return relation, target
    return None, None


def _relates(related: Tree) -> str | None:
    code = text(related, "code")
    return code if code in RELATIONS else None


def _target(
    reference: Tree, institution: Institution, resources: Resources, address: str | None
) -> IssuedIdentifier | None:
    """By its number, by that of the resource at hand, or by the source's own id for it."""
    beside, behind = child(reference, "identifier"), resources.follow(reference)
    master = child(behind, "masterIdentifier")
    said = [each for each in (beside, master, *children(behind, "identifier")) if each]
    if found := next(issued(said, institution), None):
        return found
    literal = text(reference, "reference") or ""
    own = _RESTFUL.fullmatch(address or "")
    if own and _LITERAL.fullmatch(literal):
        literal = f"{own['issuer'].rpartition('/')[0]}/{literal}"
    return _by_address(literal)


def media_type(said: str | None) -> str:
    """`type/subtype` in lower case without parameters; what is not one is just bytes."""
    plain = (said or "").partition(";")[0].strip().lower()
    return plain if _MEDIA_TYPE.fullmatch(plain) else UNKNOWN_CONTENT


def known_media_type(said: str | None) -> str:
    """As `media_type`, of types that others use, too; a word of the sender's own is just bytes."""
    plain = media_type(said)
    return plain if plain in _KNOWN_TYPES else UNKNOWN_CONTENT
