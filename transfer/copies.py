"""Which records are copies of one document, and which record replaces which.

The same report by ORU, FHIR and fax is one document with three copies; the best one is chosen. A correction is not a
copy of what it corrects. Only the issuer of a document can replace or withdraw it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from transfer.identifiers import InstitutionId, RecordId
from transfer.patients import IssuedIdentifier
from transfer.records import DocumentStatus, Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentKey:
    """By what a document is recognised: the source's numbers for it, and the SHA-256s of its bytes."""

    identifiers: frozenset[IssuedIdentifier] = frozenset()
    sha256s: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One copy of a document, or one version of it. `at` is the document's own date, `stored_at` ours, both UTC."""

    record: RecordId
    source: InstitutionId
    status: DocumentStatus
    content_type: str
    stored_at: datetime
    at: datetime | None = None
    key: DocumentKey = DocumentKey()
    #: the number of the document it relates to, and how
    parent: IssuedIdentifier | None = None
    relation: Relation | None = None


_CORRECTIONS = frozenset({DocumentStatus.CORRECTED, DocumentStatus.AMENDED, DocumentStatus.APPENDED})

#: structured originals first, then pages, then plain text; pictures of pages last
_FORMATS = (
    frozenset(
        {
            "application/dicom",
            "application/fhir+json",
            "application/fhir+xml",
            "application/hl7-v2",
            "x-application/hl7-v2+er7",
        }
    ),
    frozenset({"application/cda+xml", "application/hl7-sda+xml", "application/xml", "text/xml"}),
    frozenset({"application/pdf"}),
    frozenset({"text/html", "application/xhtml+xml", "text/rtf", "application/rtf"}),
    frozenset({"text/plain"}),
)


def same_document(a: DocumentKey, b: DocumentKey) -> bool:
    """Whether they share a number (with its issuer) or bytes. Two documents without either differ."""
    return bool(a.identifiers & b.identifiers or a.sha256s & b.sha256s)


def superseded(copies: Iterable[Copy]) -> frozenset[RecordId]:
    """The records that another replaces or withdraws (DocumentReference.relatesTo, TXA-13 of T06 and T10).

    An addendum supersedes nothing. Nor does what another institution says of a document.
    """
    known = tuple(copies)
    return frozenset(
        older.record
        for newer in known
        if newer.relation in (Relation.REPLACES, Relation.WITHDRAWS)
        for older in known
        if older.record != newer.record and older.source == newer.source and newer.parent in older.key.identifiers
    )


def best_copy(copies: Iterable[Copy]) -> Copy | None:
    """The copy to hand on: settled before unsettled, a correction before what it corrects, then the structured
    original, then the one that came first.

    None where nothing is left: all superseded, or the document withdrawn. A withdrawal holds for every copy that is
    not dated later, whichever way it came; where dates are missing it holds.
    """
    known = tuple(copies)
    gone = superseded(known)
    withdrawals = [copy for copy in known if _withdraws(copy)]
    left = [
        copy
        for copy in known
        if copy.record not in gone and not _withdraws(copy) and not any(_covers(w, copy) for w in withdrawals)
    ]
    return min(left, key=_rank, default=None)


def _withdraws(copy: Copy) -> bool:
    return copy.status is DocumentStatus.WITHDRAWN or copy.relation is Relation.WITHDRAWS


def _covers(withdrawal: Copy, copy: Copy) -> bool:
    if withdrawal.source != copy.source:
        return False
    return withdrawal.at is None or copy.at is None or copy.at <= withdrawal.at


def _rank(copy: Copy) -> tuple[bool, bool, float, int, datetime, str]:
    is_correction = copy.status in _CORRECTIONS
    # Of two corrections the later one counts. The dates of two originals do not say which is better.
    latest = -copy.at.timestamp() if is_correction and copy.at else 0.0
    return not copy.status.is_settled, not is_correction, latest, _format_rank(copy), copy.stored_at, copy.record


def _format_rank(copy: Copy) -> int:
    content_type = copy.content_type.partition(";")[0].strip().lower()
    return next((rank for rank, formats in enumerate(_FORMATS) if content_type in formats), len(_FORMATS))
