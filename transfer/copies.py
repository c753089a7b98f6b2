"""Copies and versions: what is the same document, what replaces or withdraws what, who may say so, which copy is best.

The same report by ORU, FHIR and fax is one document with three copies. A correction is a version of its own: it
replaces what it corrects. Collecting, completeness and the packet ask here, and nobody else decides any of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar

from transfer.identifiers import InstitutionId, RecordId
from transfer.partial_dates import PartialDate
from transfer.patients import IssuedIdentifier
from transfer.records import Coding, DocumentStatus, RecordKind, Relation

#: what a document can do to an earlier one so that the earlier one no longer counts; an addendum does not
ENDINGS: Final = (Relation.REPLACES, Relation.WITHDRAWS)

#: structured originals first, then pages, then plain text; pictures of pages last
_FORMATS: Final = (
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One collected record as a version of a document. `at` is the document's own date, and `stated_at` when its source
    said this of it, both UTC.
    """

    record: RecordId
    source: InstitutionId
    kind: RecordKind
    status: DocumentStatus
    at: datetime | None = None
    stated_at: datetime | None = None
    #: the source's numbers for it
    numbers: frozenset[IssuedIdentifier] = frozenset()
    #: SHA-256 of its bytes, in hexadecimal
    contents: frozenset[str] = frozenset()
    #: what else its source says of the bytes: their types with the character set, the document's code and day
    types: frozenset[str] = frozenset()
    code: Coding | None = None  # in its bare form: other words for a code are no other code
    day: PartialDate | None = None
    #: by what else its source may name it; two that share one are no copies for it
    aliases: frozenset[IssuedIdentifier] = frozenset()
    #: the number of the document it relates to, those of others, and how
    parent: IssuedIdentifier | None = None
    further_parents: frozenset[IssuedIdentifier] = frozenset()
    relation: Relation | None = None
    #: its source's own entries for it: another version of the same entry takes its place
    entries: frozenset[IssuedIdentifier] = frozenset()
    #: the systems whose numbers its source gives out
    issuers: frozenset[str] = frozenset()
    #: the first record of the document, where it is a copy
    copy_of: RecordId | None = None

    @property
    def parents(self) -> frozenset[IssuedIdentifier]:
        return self.further_parents | ({self.parent} if self.parent else frozenset())

    @property
    def called(self) -> frozenset[IssuedIdentifier]:
        return self.numbers | self.aliases


def terms(
    numbers: Iterable[IssuedIdentifier], contents: Iterable[str], parents: Iterable[IssuedIdentifier | None] = ()
) -> tuple[str, ...]:
    """What a record is found by. Two records of which a rule below says anything share one; sharing decides nothing.

    They are patient data: the ledger keeps only their HMAC.
    """
    named = {*numbers, *filter(None, parents)}
    found = {f"number|{one.issuer}|{one.value}" for one in named} | {f"content|{sha256}" for sha256 in contents}
    return tuple(sorted(found))


# --- the same document -----------------------------------------------------------------------------------------------


def same_document(a: Version, b: Version) -> bool:
    """They share one of the source's numbers (with its issuer), or bytes. Without either they are two.

    Only of one kind: a study and the report on it share an accession number and are two things.
    """
    return a.kind is b.kind and bool(a.numbers & b.numbers or a.contents & b.contents)


def original(new: Version, earlier: Sequence[Version]) -> RecordId | None:
    """The first record of the document that `new` is a copy of; `earlier` is in the order in which it was collected.

    None where it is the first, and where it says itself that it changes or adds to an earlier one.
    """
    first = next((one for one in earlier if _is_copy(new, one)), None)
    return (first.copy_of or first.record) if first else None


def _is_copy(new: Version, one: Version) -> bool:
    if not same_document(new, one) or new.status.is_void or one.status.is_void:
        return False
    if ends(new, one) or ends_late(one, new):
        return False
    return not _relates(new, one) and not _relates(one, new)


def _relates(newer: Version, older: Version) -> bool:
    return newer.relation is not None and not newer.parents.isdisjoint(older.called)


# --- what replaces or withdraws what ---------------------------------------------------------------------------------


def ends(newer: Version, older: Version) -> Relation | None:
    """What `newer` does to `older`, which was collected before it. None: both stand.

    By the issuer's own word (DocumentReference.relatesTo, TXA-13), for copies by others too; else by the same source's
    later status under one of its numbers. A study grows; no document replaces it. What its source said earlier ends
    nothing that it said later, in whatever order the two came.
    """
    relation = _word(newer, older)
    is_of_one = newer.source == older.source and not _names_another(newer, older)
    return None if is_of_one and _is_stated_later(older, newer) else relation


def ends_late(known: Version, late: Version) -> Relation | None:
    """What `known` does to a version or copy of what it ended that is collected only after it. None: it stands.

    From others it holds for every copy, whatever its date, and so does a document that names the other as replaced or
    withdrawn under another number; else, from the same source, for what it did not say later.
    """
    relation = _word(known, late)
    if known.source != late.source or _names_another(known, late):
        return relation
    # What is not to be used yet is released later; what is withdrawn, and sent again by a queue, stays withdrawn.
    may_follow = known.status is DocumentStatus.UNAVAILABLE and not _is_stated_later(known, late)
    return None if may_follow or _is_later(late, known) else relation


def ended(new: Version, earlier: Sequence[Version]) -> list[tuple[RecordId, Relation]]:
    """The records that `new` replaces or withdraws."""
    return [(one.record, relation) for one in earlier if (relation := ends(new, one))]


def ended_by(new: Version, earlier: Sequence[Version]) -> tuple[RecordId, Relation] | None:
    """The record that had replaced or withdrawn `new` before it came. None: it stands."""
    words = ((one.record, ends_late(one, new)) for one in earlier if not ends(new, one))
    return next(((record, relation) for record, relation in words if relation), None)


def ended_through(record: RecordId, links: Mapping[RecordId, tuple[RecordId, Relation]]) -> dict[RecordId, Relation]:
    """All that a record replaces or withdraws: of a corrected correction, also what that one had corrected.

    `links` says of each record that no longer counts what ended it, and how.
    """
    found: dict[RecordId, Relation] = {}
    waiting = [(older, how) for older, (by, how) in links.items() if by == record]
    while waiting:
        older, how = waiting.pop()
        if older not in found and older != record:
            found[older] = how
            waiting += [(oldest, how) for oldest, (by, _) in links.items() if by == older]
    return found


def _word(newer: Version, older: Version) -> Relation | None:
    """What one says of the other, whichever came first."""
    if newer.record == older.record or RecordKind.IMAGES in (newer.kind, older.kind):
        return None
    if _names(newer, older):
        return newer.relation if _may_change(newer, older) else None
    if _is_another_state(newer, older):
        if older.status.is_void and not (newer.status.is_changed or _is_later(newer, older)):
            return None  # what is withdrawn, and sent again by a queue, stays withdrawn
        return Relation.WITHDRAWS if newer.status.is_void else Relation.REPLACES
    if newer.relation in ENDINGS and not newer.parents.isdisjoint(newer.called):
        return None  # it says which of its numbers it speaks of: not of another report on the same accession
    return _by_status(newer, older)


def _names(newer: Version, older: Version) -> bool:
    """It says by a number of the other's that it replaces or withdraws it."""
    return newer.relation in ENDINGS and not newer.parents.isdisjoint(older.called)


def _names_another(newer: Version, older: Version) -> bool:
    """It names the other by a number that is not its own, too."""
    return _names(newer, older) and not newer.parents & older.called <= newer.called


def _may_change(newer: Version, older: Version) -> bool:
    """Who sent a document can change it, and whose number it carries; another's word about it changes nothing."""
    return newer.source == older.source or any(one.issuer in newer.issuers for one in newer.parents & older.numbers)


def _by_status(newer: Version, older: Version) -> Relation | None:
    if newer.source != older.source or not newer.numbers & older.numbers or _are_two(newer, older):
        return None
    if newer.status.is_void and newer.kind in (older.kind, RecordKind.OTHER):  # it may be blanked: a number, no code
        return None if older.status.is_void else Relation.WITHDRAWS
    if newer.kind is not older.kind:
        return None
    is_corrected = newer.status in (DocumentStatus.CORRECTED, DocumentStatus.AMENDED)
    is_settled = newer.status.is_settled and older.status is DocumentStatus.PRELIMINARY
    return Relation.REPLACES if is_corrected or is_settled else None


def _is_another_state(newer: Version, older: Version) -> bool:
    """Its source keeps it under one entry, and changed there what it says of it or what it is."""
    is_of_one = newer.source == older.source and not newer.entries.isdisjoint(older.entries)
    return is_of_one and any(getattr(newer, name) != getattr(older, name) for name in _OF_A_STATE)


#: a date, a code or a character set that was wrong is corrected without another word or byte
_OF_A_STATE: Final = ("status", "contents", "types", "code", "at", "day")


def _are_two(one: Version, other: Version) -> bool:
    """Two documents on one accession or order: somebody who numbers each of them gave them different numbers."""
    issuers = {number.issuer for number in one.numbers} & {number.issuer for number in other.numbers}
    shared = {number.issuer for number in one.numbers & other.numbers}
    return bool(issuers - shared)


def _is_stated_later(one: Version, other: Version) -> bool:
    return one.stated_at is not None and other.stated_at is not None and one.stated_at > other.stated_at


def _is_later(one: Version, other: Version) -> bool:
    """By when their source said them, else by their own dates. Where nothing tells, nothing is the later."""
    if one.stated_at and other.stated_at and one.stated_at != other.stated_at:
        return one.stated_at > other.stated_at
    return one.at is not None and other.at is not None and one.at > other.at


# --- which is best ---------------------------------------------------------------------------------------------------


class Ranked(Protocol):
    """A record that stands, as far as a choice must know it."""

    @property
    def id(self) -> RecordId: ...
    @property
    def status(self) -> DocumentStatus: ...
    @property
    def at(self) -> datetime | None: ...
    @property
    def content_type(self) -> str: ...
    @property
    def copy_of(self) -> RecordId | None: ...


R = TypeVar("R", bound=Ranked)


def best(records: Iterable[R]) -> R | None:
    """The record to answer with: of each document the best copy, and of these the latest. None where there is none.

    A settled one comes before an unsettled one, and a correction before all that are none. The order of `records`
    changes nothing. What is superseded or withdrawn must not be among them.
    """
    documents: dict[RecordId, list[R]] = {}
    for one in records:
        documents.setdefault(one.copy_of or one.id, []).append(one)
    return min((min(copies, key=_copy_rank) for copies in documents.values()), key=_document_rank, default=None)


def _standing(record: Ranked) -> tuple[bool, bool]:
    return not record.status.is_settled, not record.status.is_changed


def _copy_rank(record: Ranked) -> tuple[bool, bool, float, int, bool, str]:
    """Of two corrections the later counts; of two originals the date says nothing about which is better."""
    later = _latest_first(record) if record.status.is_changed else 0.0
    return *_standing(record), later, format_rank(record.content_type), record.copy_of is not None, record.id


def _document_rank(record: Ranked) -> tuple[bool, bool, float, str]:
    return *_standing(record), _latest_first(record), record.id


def _latest_first(record: Ranked) -> float:
    return -record.at.timestamp() if record.at else 0.0


def format_rank(content_type: str) -> int:
    """How well a format serves whoever reads; the least serves best."""
    bare = content_type.partition(";")[0].strip().lower()
    return next((rank for rank, formats in enumerate(_FORMATS) if bare in formats), len(_FORMATS))
