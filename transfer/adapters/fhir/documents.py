"""DocumentReference and DiagnosticReport as documents in our words, each with the attachments that hold its bytes."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from transfer.adapters.document_statuses import RELATES_TO
from transfer.adapters.fhir.codes import (
    best_coding,
    classify,
    reference_status,
    report_status,
)
from transfer.adapters.fhir.identities import Resources, demographics, issued
from transfer.adapters.fhir.labels import labels_in
from transfer.adapters.fhir.times import moment
from transfer.adapters.fhir.trees import Tree, child, children, codings, dump, text, type_of
from transfer.errors import Unreadable
from transfer.institutions import FhirSource, Institution
from transfer.media_types import FHIR_JSON, named
from transfer.partial_dates import day_said
from transfer.patients import Demographics, IssuedIdentifier, fold
from transfer.records import Document, DocumentStatus, Relation

DOCUMENT_TYPES: Final = frozenset({"DocumentReference", "DiagnosticReport"})
#: of one document: pages, addenda, other formats
MOST_ATTACHMENTS: Final = 50
_URI: Final = "urn:ietf:rfc:3986"
_RESTFUL = re.compile(r"(?P<issuer>https?://[^?#]+/[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.-]{1,64})(/_history/.*)?")
_LITERAL = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}(/_history/.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One document and where its bytes are: in `attachments`, or nowhere but in the resource itself (none).

    `version` differs as soon as its source changes anything of it.
    """

    document: Document
    attachments: tuple[Tree, ...]
    version: str


def describe(
    resource: Tree,
    patient: Demographics,
    institution: Institution,
    resources: Resources,
    *,
    address: str | None,
    around: frozenset[str] = frozenset(),
    entry: Tree | None = None,
) -> Description:
    """What a DocumentReference or DiagnosticReport says.

    Its attachments are one document: its pages, its addenda, its formats. `address` is the resource's absolute URL at
    its source; the source's own id for it is one of the document's numbers, so that a later "replaces
    DocumentReference/12" finds it. `entry` is what it was posted in. `around` are the labels of what it came in: they
    hold beside its own.

    Raises:
        Unreadable: more attachments than a document has, or it names two patients and does not take itself back.
    """
    if not _status(resource).is_void and _names_another(resource, patient, institution, resources):
        raise Unreadable("a document that names two patients")
    attachments = tuple(_attachments(resource))
    if len(attachments) > MOST_ATTACHMENTS:
        raise Unreadable(f"a document in more than {MOST_ATTACHMENTS} attachments")
    labels = around | labels_in(resource, institution.labels)
    document = _document(resource, attachments, patient, institution, resources, address)
    if is_deleted(entry or {}):
        document = replace(document, status=DocumentStatus.WITHDRAWN)
    document = _named_by_entry(document, resource, institution, address, entry or {})
    version = hashlib.sha256(dump(resource)).hexdigest()
    return Description(document=replace(document, labels=labels), attachments=attachments, version=version)


def _named_by_entry(
    document: Document, resource: Tree, institution: Institution, address: str | None, entry: Tree
) -> Document:
    """With what another document may name it by: its id, and the URN that the entry gave it (R4 2.36.4.2).

    Senders give one id to several documents that they post: it makes no copies. What is put under it (PUT) is changed
    there in place: a withdrawal that says no number speaks of that.
    """
    said, kind = (text(entry, "fullUrl") or "").lower(), type_of(resource) or ""
    own = _by_address(address or "")
    aliases = [by_id(institution, kind, own.value)] if own else []
    if number := text(resource, "id"):
        aliases.append(by_id(institution, kind, number))
    put = _put(entry, institution)
    aliases += put
    urn = [IssuedIdentifier(_URI, said)] if said.startswith("urn:uuid:") else []
    if document.status.is_void and not document.identifiers and put:
        document = replace(document, relation=Relation.WITHDRAWS, parent=put[0])
    return replace(
        document,
        aliases=tuple(dict.fromkeys([*aliases, *urn])),
        entries=tuple(dict.fromkeys([*document.entries, *put])),
    )


def is_deleted(entry: Tree) -> bool:
    """Whether an entry asks that what it brings is deleted (https://hl7.org/fhir/R4/http.html#delete)."""
    return text(entry, "request", "method") == "DELETE"


def _put(entry: Tree, institution: Institution) -> list[IssuedIdentifier]:
    url = _LITERAL.fullmatch(text(entry, "request", "url") or "")
    if text(entry, "request", "method") not in ("PUT", "DELETE") or not url:
        return []
    kind, _, number = url[0].partition("/")
    return [by_id(institution, kind, number.partition("/")[0])]


def by_id(institution: Institution, kind: str, number: str) -> IssuedIdentifier:
    """Of a server of this institution, whichever that is."""
    return IssuedIdentifier(f"{institution.id}/{kind}", number)


def _names_another(resource: Tree, patient: Demographics, institution: Institution, resources: Resources) -> bool:
    """The patient as the source knew them (DocumentReference.context.sourcePatientInfo) is somebody else."""
    behind = resources.follow(child(resource, "context", "sourcePatientInfo"))
    said = demographics(behind, institution) if type_of(behind) == "Patient" else Demographics()
    if said.birth_date and patient.birth_date:
        return said.birth_date != patient.birth_date
    families = [{fold(name.family) for name in one.names} for one in (said, patient)]
    return all(families) and not families[0] & families[1]


def _attachments(resource: Tree) -> Iterator[Tree]:
    """Those that have bytes or say where they are: a title alone is none."""
    if type_of(resource) == "DocumentReference":
        found = [child(content, "attachment") for content in children(resource, "content")]
    else:
        found = children(resource, "presentedForm")
    return (each for each in found if text(each, "data") or text(each, "url"))


def _document(
    resource: Tree,
    attachments: tuple[Tree, ...],
    patient: Demographics,
    institution: Institution,
    resources: Resources,
    address: str | None,
) -> Document:
    only = attachments[0] if len(attachments) == 1 else None
    is_reference = type_of(resource) == "DocumentReference"
    concept = child(resource, "type" if is_reference else "code")
    relation, parents = _relation(resource, institution, resources, address)
    return Document(
        patient=patient,
        kind=classify([concept], children(resource, "category"), institution),
        code=best_coding(concept, institution),
        title=_title(resource, concept, only),
        status=_status(resource),
        at=moment(_dated(resource, only), institution.zone),
        day=day_said(_dated(resource, only)),
        stated_at=moment(text(resource, "meta", "lastUpdated") or text(resource, "issued"), institution.zone),
        identifiers=tuple(_identifiers(resource, institution, address)),
        parent=next(iter(parents), None),
        further_parents=parents[1:],
        relation=relation,
        entries=tuple(_entry(resource, institution, address)),
        content_type=named(text(attachments[0], "contentType")) if attachments else FHIR_JSON,
        studies=tuple(dict.fromkeys(_studies(resource, resources))),
    )


def _studies(resource: Tree, resources: Resources) -> Iterator[str]:
    """Study Instance UIDs of the images that it is the report of (R4 ImagingStudy.identifier; R5 names it `study`)."""
    named_by = [*children(resource, "imagingStudy"), *children(resource, "study")]
    for reference in (*named_by, *children(resource, "context", "related")):
        behind = resources.follow(reference)
        numbers = [child(reference, "identifier"), *children(behind, "identifier")]
        for number in numbers:
            if text(number, "system") == "urn:dicom:uid" and (uid := text(number, "value")):
                yield uid.removeprefix("urn:oid:")


def _entry(resource: Tree, institution: Institution, address: str | None) -> Iterator[IssuedIdentifier]:
    """Under which it is changed in place: the source's own id for it; where that is not told, its type and its numbers.

    Not an accession number: several reports may share one.
    """
    if address and (own := _by_address(address)):
        yield own
        return
    master = child(resource, "masterIdentifier")
    said = [each for each in (master, *children(resource, "identifier")) if "ACSN" not in _types(each)]
    numbers = sorted(f"{one.issuer}|{one.value}" for one in issued(said, institution))
    if numbers:
        yield IssuedIdentifier(f"{type_of(resource)}?identifier", ",".join(numbers))


def _types(identifier: Tree) -> list[str | None]:
    return [text(coding, "code") for coding in children(identifier, "type", "coding")]


def _title(resource: Tree, concept: Tree, attachment: Tree | None) -> str | None:
    displays = [text(coding, "display") for coding in codings(concept)]
    said = (text(attachment, "title"), text(resource, "description"), text(concept, "text"), *displays)
    return next((title for title in said if title), None)


def _status(resource: Tree) -> DocumentStatus:
    status = text(resource, "status")
    if type_of(resource) == "DocumentReference":
        return reference_status(status, text(resource, "docStatus"))
    return report_status(status)


def says_void(resource: Tree) -> bool:
    """Whether it says that a document no longer counts: then it may be blanked of all but whose and which it is."""
    return type_of(resource) in DOCUMENT_TYPES and _status(resource).is_void


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
) -> tuple[Relation | None, tuple[IssuedIdentifier, ...]]:
    """What it does to earlier documents, and to which. `replaces` counts before `appends`; `signs` and `transforms`
    change none.
    """
    said: dict[Relation, dict[IssuedIdentifier, None]] = {Relation.REPLACES: {}, Relation.APPENDS: {}}
    for each in children(resource, "relatesTo"):
        relation = RELATES_TO.get(text(each, "code") or "")
        if relation:
            said[relation] |= dict.fromkeys(_targets(child(each, "target"), institution, resources, address))
    return next(((relation, tuple(others)) for relation, others in said.items() if others), (None, ()))


def _targets(
    reference: Tree, institution: Institution, resources: Resources, address: str | None
) -> Iterator[IssuedIdentifier]:
    """By its number, by that of the resource at hand, by a URN that is a number (IHE MHD: entryUUID), and by the
    source's own id for it; one without an address of its own is read as at the server that we ask there.
    """
    beside, behind = child(reference, "identifier"), resources.follow(reference)
    master = child(behind, "masterIdentifier")
    said = [each for each in (beside, master, *children(behind, "identifier")) if each]
    if found := next(issued(said, institution), None):
        yield found
    literal = text(reference, "reference") or ""
    own = _RESTFUL.fullmatch(address or "")
    base = own["issuer"].rpartition("/")[0] if own else _asked_at(institution)
    if base and _LITERAL.fullmatch(literal):
        literal = f"{base.rstrip('/')}/{literal}"
    if at_server := _by_address(literal):
        yield at_server
    yield from referred(literal, institution)


def referred(literal: str, institution: Institution) -> Iterator[IssuedIdentifier]:
    """What a reference names without a number: a URN, or an id of a server of this institution."""
    if literal.lower().startswith(("urn:uuid:", "urn:oid:")):
        yield IssuedIdentifier(_URI, literal.lower())
    elif _LITERAL.fullmatch(literal) or _RESTFUL.fullmatch(literal):
        kind, number = literal.partition("/_history")[0].split("/")[-2:]
        yield by_id(institution, kind, number)


def _asked_at(institution: Institution) -> str | None:
    """The one FHIR server at which it is asked."""
    servers = {one.asked.base_url for one in institution.departments if isinstance(one.asked, FhirSource)}
    return servers.pop() if len(servers) == 1 else None
