"""What a document says of itself inside, whatever its envelope says: its number, its state, and what it replaces.

C-CDA: `ClinicalDocument.id`, `relatedDocument` (CDA R2, 4.2.3.1) and `sdtc:statusCode`. FHIR: the Composition of a
document Bundle, its `status` and `relatesTo` (https://hl7.org/fhir/R4/composition.html), and the status of a
DiagnosticReport and of its results. It counts as what its envelope says; where both say something of the same, the
envelope's relation and the status that promises less.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from transfer.adapters.cda import ClinicalDocumentReader
from transfer.adapters.document_statuses import RELATED_DOCUMENT, RELATES_TO, Vocabulary, meaning
from transfer.adapters.fhir.documents import by_id, referred
from transfer.adapters.fhir.identities import issued
from transfer.adapters.fhir.trees import Tree, child, children, text, type_of
from transfer.institutions import Institution
from transfer.patients import IssuedIdentifier
from transfer.records import Document, DocumentStatus, Relation, least
from transfer.titles import as_called, less_said

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_URI: Final = "urn:ietf:rfc:3986"
#: characters of a number
_MOST: Final = 200
#: Observation.status (R4, R5) of what is not there yet, or not for good: one such result keeps the report from final
_NOT_YET: Final = frozenset({"registered", "specimen-in-process", "preliminary"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWord:
    numbers: tuple[IssuedIdentifier, ...] = ()
    status: DocumentStatus | None = None
    relation: Relation | None = None
    parents: tuple[IssuedIdentifier, ...] = ()
    #: by what else another document may name it
    aliases: tuple[IssuedIdentifier, ...] = ()
    #: what it is called inside, where that says less than a status
    title: str | None = None

    def added_to(self, document: Document) -> Document:
        """The document as its envelope and it itself say."""
        if document.relation is None and self.relation is not None:
            parent, *others = self.parents
            document = replace(document, relation=self.relation, parent=parent, further_parents=tuple(others))
        aliases = tuple(dict.fromkeys((*document.aliases, *self.aliases)))
        numbers = tuple(dict.fromkeys((*document.identifiers, *self.numbers)))
        status = least([document.status, self.status]) if self.status else document.status
        return as_called(replace(document, identifiers=numbers, aliases=aliases, status=status), self.title)


def of_clinical_document(read: ClinicalDocumentReader, institution: Institution) -> OwnWord:
    """Its number, its state, and what it does to others. What has no number of its own is known by its OID alone, or
    as a version of a set, to a document that names it so; that makes no copies (many send one OID for all of theirs).
    """
    own, version = _number(*read.own_id, institution), _version(*read.own_version, institution)
    oid = _alone(*read.own_id)
    said = [
        (RELATED_DOCUMENT.get(code), _number(*other, institution) or _alone(*other)) for code, other in read.related
    ]
    said += [(RELATED_DOCUMENT.get(code), _version(*other, institution)) for code, other in read.related_versions]
    relation, parents = _related([(how, other) for how, other in said if other not in (oid, version)])
    state = meaning(Vocabulary.ACT_STATUS, read.status.lower()) if read.status else None
    if state and state.is_void and own:
        relation, parents = Relation.WITHDRAWS, (own,)
    return OwnWord(
        numbers=(own,) if own else (),
        status=state,
        relation=relation,
        parents=parents,
        aliases=tuple(one for one in (oid, version) if one),
        title=less_said(read.title),
    )


def of_resource(tree: Tree, institution: Institution) -> OwnWord:
    """Of a FHIR document, or of a Composition alone; of a report its status, with the results that it comes with.
    Anything else says nothing here.
    """
    entries = children(tree, "entry")
    is_document = type_of(tree) == "Bundle" and text(tree, "type") == "document" and entries
    composition = child(entries[0], "resource") if is_document else tree
    status = text(composition, "status")
    if type_of(tree) == "DiagnosticReport" and status:
        return OwnWord(status=meaning(Vocabulary.DIAGNOSTIC_REPORT, status.lower()))
    if type_of(composition) != "Composition":
        return _of_results(child(entries[0], "resource"), entries) if entries else OwnWord()
    said = [
        (RELATES_TO.get(text(one, "code") or ""), other)
        for one in children(composition, "relatesTo")
        for other in _targets(one, institution)
    ]
    relation, parents = _related(said)
    own_id = text(composition, "id")
    numbers = issued([child(tree, "identifier"), *children(composition, "identifier")], institution)
    return OwnWord(
        numbers=tuple(dict.fromkeys([*numbers, *issued([child(composition, "identifier")], institution)])),
        status=meaning(Vocabulary.COMPOSITION, (status or "").lower()) if "status" in composition else None,
        relation=relation,
        parents=parents,
        aliases=(by_id(institution, "Composition", own_id),) if own_id else (),
        title=less_said(text(composition, "title")),
    )


def _targets(related: Tree, institution: Institution) -> Iterator[IssuedIdentifier]:
    """Composition.relatesTo.target[x]: a number, or a reference with one, or by its id."""
    reference = child(related, "targetReference")
    yield from issued([child(related, "targetIdentifier"), child(reference, "identifier")], institution)
    yield from referred(text(reference, "reference") or "", institution)


def _of_results(report: Tree, entries: Iterable[Tree]) -> OwnWord:
    """One preliminary result keeps the whole preliminary, as in HL7 v2 (`hl7v2.statuses`)."""
    if type_of(report) != "DiagnosticReport":
        return OwnWord()
    results = [*(child(entry, "resource") for entry in entries), *children(report, "contained")]
    is_early = any(type_of(one) == "Observation" and text(one, "status") in _NOT_YET for one in results)
    return OwnWord(status=DocumentStatus.PRELIMINARY) if is_early else OwnWord()


def _related(
    said: Iterable[tuple[Relation | None, IssuedIdentifier | None]],
) -> tuple[Relation | None, tuple[IssuedIdentifier, ...]]:
    """`replaces` counts before `appends`; what names no other document changes none."""
    known = [(how, other) for how, other in said if how and other]
    for relation in (Relation.REPLACES, Relation.APPENDS):
        if others := tuple(dict.fromkeys(other for how, other in known if how is relation)):
            return relation, others
    return None, ()


def _alone(root: str, extension: str) -> IssuedIdentifier | None:
    """An OID without an extension."""
    is_one = root and not extension and len(root) <= _MOST and not _UUID.fullmatch(root)
    return IssuedIdentifier(_URI, f"urn:oid:{root}") if is_one else None


def _version(root: str, extension: str, number: str, institution: Institution) -> IssuedIdentifier | None:
    """ClinicalDocument.setId and versionNumber (CDA R2, 4.2.1.7 and 4.2.1.8)."""
    if not root or not number.isdecimal() or len(root) + len(extension) + len(number) > _MOST:
        return None
    return IssuedIdentifier(f"{institution.id}/set/{root.lower()}", f"{extension}#{number}")


def _number(root: str, extension: str, institution: Institution) -> IssuedIdentifier | None:
    """An instance identifier (CDA R2 datatypes, II). An OID alone is what many send for all of theirs: it is none."""
    if len(root) + len(extension) > _MOST or not root:
        return None
    if extension:
        issuer = institution.issuers.get(root) or institution.issuer(f"urn:oid:{root}")
        return IssuedIdentifier(issuer, extension) if issuer else None
    return IssuedIdentifier(_URI, f"urn:uuid:{root.lower()}") if _UUID.fullmatch(root) else None
