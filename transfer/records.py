"""Records: what institutions hold and we collect, in our words, whichever language they came in."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from transfer.flaws import Flaw
from transfer.patients import Demographics, IssuedIdentifier


class RecordKind(StrEnum):
    """The kinds a checklist asks for. A source's own code is mapped to one of them.

    What cannot be mapped is `OTHER`: it is kept and listed, never dropped.
    """

    NOTE = "note"
    PATHOLOGY_REPORT = "pathology-report"
    OPERATIVE_NOTE = "operative-note"
    PROCEDURE_REPORT = "procedure-report"
    IMAGING_REPORT = "imaging-report"
    IMAGES = "images"
    LABORATORY = "laboratory"
    MOLECULAR = "molecular"
    TREATMENT_SUMMARY = "treatment-summary"
    MATERIAL = "material"
    OTHER = "other"


class DocumentStatus(StrEnum):
    """What the source says of the document. Only the first four may answer a checklist line."""

    FINAL = "final"
    CORRECTED = "corrected"
    AMENDED = "amended"
    APPENDED = "appended"
    PRELIMINARY = "preliminary"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"

    @property
    def is_settled(self) -> bool:
        return self in (self.FINAL, self.CORRECTED, self.AMENDED, self.APPENDED)

    @property
    def is_void(self) -> bool:
        """It no longer counts, and neither does what its source said under the same number before."""
        return self is self.WITHDRAWN


class Relation(StrEnum):
    """What a document does to an earlier one (FHIR DocumentReference.relatesTo, TXA-13 with T06/T10)."""

    REPLACES = "replaces"
    APPENDS = "appends"
    WITHDRAWS = "withdraws"


@dataclass(frozen=True, slots=True)
class Coding:
    """A code as the source sent it. `system` is a URI; a local code carries the institution's own system."""

    system: str
    code: str
    display: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document as a source describes it, before and without its bytes.

    `identifiers` are all numbers under which the source knows it: report, accession, filler, unique document number.
    Two documents that share one of them, or a content hash, are copies of one another (`transfer.copies`).
    """

    patient: Demographics
    kind: RecordKind
    code: Coding | None
    title: str | None
    status: DocumentStatus
    #: when the document or the thing it describes is dated, UTC
    at: datetime | None
    identifiers: tuple[IssuedIdentifier, ...] = ()
    parent: IssuedIdentifier | None = None
    relation: Relation | None = None
    #: the source's own entries for it, which it changes in place; none where it writes each version anew
    entries: tuple[IssuedIdentifier, ...] = ()
    #: stands in clear in the ledger: a media type known to us, never a word of the source's own
    content_type: str = "application/octet-stream"
    #: confidentiality and sensitivity codes (v3-Confidentiality, v3-ActCode) as the source set them
    labels: frozenset[str] = field(default_factory=frozenset)
    #: what was seen to be wrong with it while it was read at the door or fetched
    flaws: frozenset[Flaw] = frozenset()
