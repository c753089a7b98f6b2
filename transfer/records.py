"""Records: what institutions hold and we collect, in our words, whichever language they came in."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from transfer.flaws import Flaw
from transfer.partial_dates import PartialDate
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


#: the kinds of documents: images come as studies, and glass in parcels
DOCUMENTS: Final = frozenset(RecordKind) - {RecordKind.IMAGES, RecordKind.MATERIAL}


class DocumentStatus(StrEnum):
    """What the source says of the document. Only a settled one may answer a checklist line (`is_settled`).

    What is void (`is_void`) leaves nowhere. The rest goes marked as what it is, and answers nothing. Which word of
    which language means which of these stands in `transfer.adapters.document_statuses`.
    """

    FINAL = "final"
    CORRECTED = "corrected"
    AMENDED = "amended"
    APPENDED = "appended"
    PRELIMINARY = "preliminary"
    UNKNOWN = "unknown"
    #: another document has taken its place
    SUPERSEDED = "superseded"
    #: its source uses it no more, and does not say whether another took its place
    OBSOLETE = "obsolete"
    #: not to be used for care
    UNAVAILABLE = "unavailable"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    ENTERED_IN_ERROR = "entered-in-error"

    @property
    def is_settled(self) -> bool:
        return self in _SETTLED

    @property
    def is_changed(self) -> bool:
        """The whole document anew, with something other or something more in it than before."""
        return self in _CHANGED

    @property
    def is_void(self) -> bool:
        """It no longer counts, and neither does what its source said under the same number before."""
        return self in _VOID


_CHANGED: Final = frozenset({DocumentStatus.CORRECTED, DocumentStatus.AMENDED, DocumentStatus.APPENDED})
_SETTLED: Final = _CHANGED | {DocumentStatus.FINAL}
_VOID: Final = frozenset(
    {
        DocumentStatus.SUPERSEDED,
        DocumentStatus.OBSOLETE,
        DocumentStatus.UNAVAILABLE,
        DocumentStatus.CANCELLED,
        DocumentStatus.WITHDRAWN,
        DocumentStatus.ENTERED_IN_ERROR,
    }
)

#: from the word that promises least to the one that promises most
_CAUTION: Final = (
    DocumentStatus.ENTERED_IN_ERROR,
    DocumentStatus.WITHDRAWN,
    DocumentStatus.CANCELLED,
    DocumentStatus.UNAVAILABLE,
    DocumentStatus.OBSOLETE,
    DocumentStatus.SUPERSEDED,
    DocumentStatus.PRELIMINARY,
    DocumentStatus.UNKNOWN,
    DocumentStatus.CORRECTED,
    DocumentStatus.AMENDED,
    DocumentStatus.APPENDED,
    DocumentStatus.FINAL,
)


def least(said: Iterable[DocumentStatus]) -> DocumentStatus:
    """Of several words about one document, which are not none, the one that promises least."""
    return min(said, key=_CAUTION.index)


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

    @property
    def loinc(self) -> str | None:
        """As a checklist spells it, `loinc|2857-1`; None: of another system."""
        return f"loinc|{self.code}" if self.system == "http://loinc.org" else None

    @property
    def bare(self) -> "Coding":
        """Without the words beside it."""
        return Coding(self.system, self.code)


#: a clock that is wrong, or a zone that was not said
_CLOCKS_DIFFER: Final = timedelta(days=1)


def had_come(said: datetime | None, seen: datetime) -> datetime | None:
    """A time that a source says (UTC). None where it had not come when it was seen: a year was mistyped."""
    return said if said is None or said <= seen + _CLOCKS_DIFFER else None


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
    #: the same as its source says it, for people
    day: PartialDate | None = None
    #: when its source said this of it, UTC: which of two words is the later. None: it does not say
    stated_at: datetime | None = None
    identifiers: tuple[IssuedIdentifier, ...] = ()
    parent: IssuedIdentifier | None = None
    #: others to which it relates in the same way: one report may replace several
    further_parents: tuple[IssuedIdentifier, ...] = ()
    relation: Relation | None = None
    #: by what another document of its source may name it. No number of its own: it makes no copies
    aliases: tuple[IssuedIdentifier, ...] = ()
    #: the source's own entries for it, which it changes in place; none where it writes each version anew
    entries: tuple[IssuedIdentifier, ...] = ()
    #: Study Instance UIDs of the images that it is the report of
    studies: tuple[str, ...] = ()
    #: stands in clear in the ledger: a media type known to us, never a word of the source's own
    content_type: str = "application/octet-stream"
    #: confidentiality and sensitivity codes (v3-Confidentiality, v3-ActCode) as the source set them
    labels: frozenset[str] = field(default_factory=frozenset)
    #: what was seen to be wrong with it while it was read at the door or fetched
    flaws: frozenset[Flaw] = frozenset()
    #: keys of the lines of a checklist that a person who looked at it said it answers
    answers: frozenset[str] = frozenset()

    def as_of(self, seen: datetime) -> Self:
        """Without times that had not come when it was seen (UTC): by a mistyped year it would stay the latest, and
        nothing that its source says of it later would count. Its day stays as its source says it, for people.
        """
        at, stated_at = had_come(self.at, seen), had_come(self.stated_at, seen)
        return self if (at, stated_at) == (self.at, self.stated_at) else replace(self, at=at, stated_at=stated_at)
