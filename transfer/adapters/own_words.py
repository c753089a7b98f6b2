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

from transfer.adapters.document_statuses import RELATED_DOCUMENT, RELATES_TO, Vocabulary, meaning
from transfer.adapters.fhir.identities import issued
from transfer.adapters.fhir.trees import Tree, child, children, text, type_of
from transfer.institutions import Institution
from transfer.patients import IssuedIdentifier
from transfer.records import Document, DocumentStatus, Relation, least

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
#: characters of a number
_MOST: Final = 200
#: Observation.status (R4, R5) of what is not there yet, or not for good: one such result keeps the report from final
_NOT_YET: Final = frozenset({"registered", "specimen-in-process", "preliminary"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWord:
    numbers: tuple[IssuedIdentifier, ...] = ()
    status: DocumentStatus | None = None
    relation: Relation | None = None
    parent: IssuedIdentifier | None = None

    def added_to(self, document: Document) -> Document:
        """The document as its envelope and it itself say."""
        if document.relation is None and self.relation is not None:
            document = replace(document, relation=self.relation, parent=self.parent)
        numbers = tuple(dict.fromkeys((*document.identifiers, *self.numbers)))
        status = least([document.status, self.status]) if self.status else document.status
        return replace(document, identifiers=numbers, status=status)


def of_clinical_document(
    own: tuple[str, str],
    related: Iterable[tuple[str, tuple[str, str]]],
    institution: Institution,
    status: str | None = None,
) -> OwnWord:
    """`own`: root and extension of its id. `related`: the type of each related document, with the id of the other.
    `status`: its own code of an ActStatus; None: it has none.
    """
    said = [(RELATED_DOCUMENT.get(code), _number(*other, institution)) for code, other in related]
    relation, parent = _first(said)
    number = _number(*own, institution)
    state = meaning(Vocabulary.ACT_STATUS, status.lower()) if status else None
    if state and state.is_void and number:
        relation, parent = Relation.WITHDRAWS, number
    return OwnWord(numbers=(number,) if number else (), status=state, relation=relation, parent=parent)


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
        (RELATES_TO.get(text(one, "code") or ""), next(issued([child(one, "targetIdentifier")], institution), None))
        for one in children(composition, "relatesTo")
    ]
    relation, parent = _first(said)
    numbers = issued([child(tree, "identifier"), *children(composition, "identifier")], institution)
    return OwnWord(
        numbers=tuple(dict.fromkeys([*numbers, *issued([child(composition, "identifier")], institution)])),
        status=meaning(Vocabulary.COMPOSITION, (status or "").lower()) if "status" in composition else None,
        relation=relation,
        parent=parent,
    )


def _of_results(report: Tree, entries: Iterable[Tree]) -> OwnWord:
    """One preliminary result keeps the whole preliminary, as in HL7 v2 (`hl7v2.statuses`)."""
    if type_of(report) != "DiagnosticReport":
        return OwnWord()
    results = [*(child(entry, "resource") for entry in entries), *children(report, "contained")]
    is_early = any(type_of(one) == "Observation" and text(one, "status") in _NOT_YET for one in results)
    return OwnWord(status=DocumentStatus.PRELIMINARY) if is_early else OwnWord()


def _first(
    said: Iterable[tuple[Relation | None, IssuedIdentifier | None]],
) -> tuple[Relation | None, IssuedIdentifier | None]:
    """`replaces` counts before `appends`; what names no other document changes none."""
    known: Iterator[tuple[Relation, IssuedIdentifier]] = ((how, other) for how, other in said if how and other)
    return min(known, key=lambda pair: pair[0] is not Relation.REPLACES, default=(None, None))


def _number(root: str, extension: str, institution: Institution) -> IssuedIdentifier | None:
    """An instance identifier (CDA R2 datatypes, II). An OID alone is what many send for all of theirs: it is none."""
    if len(root) + len(extension) > _MOST or not root:
        return None
    if extension:
        issuer = institution.issuers.get(root) or institution.issuer(f"urn:oid:{root}")
        return IssuedIdentifier(issuer, extension) if issuer else None
    return IssuedIdentifier("urn:ietf:rfc:3986", f"urn:uuid:{root.lower()}") if _UUID.fullmatch(root) else None
