"""A records packet: what it holds in our words, and the plan by which its bytes are found.

A packet is not a file. It is a **plan**: a path for each file, and where in the vault its bytes already lie. The tar a
receiver downloads, and any range of it, is computed from the plan (docs/decisions/0006-packet-as-plan.md).
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import accumulate
from typing import Any, Final, Protocol, Self

from transfer import bag
from transfer.copies import ENDINGS
from transfer.flaws import AttachedFile
from transfer.identifiers import InstitutionId, PacketId, RecordId
from transfer.institutions import Basis
from transfer.materials import MaterialKind, MaterialState
from transfer.near_places import read_each
from transfer.partial_dates import PartialDate
from transfer.patients import Demographics, IssuedIdentifier
from transfer.records import Coding, DocumentStatus, RecordKind, Relation
from transfer.staging import Location, Vault

#: the same words in every packet, whether or not anything was withheld (docs/safety.md, promise 7)
NOTICE: Final = (
    "This packet holds the records that could be collected and may be released to its receiver; other records may "
    "exist, and nothing may be concluded from the absence of any kind of record."
)

#: 42 CFR 2.32(a), statement 2: goes with records that carry the label, and says nothing of what is not here
PART_2_LABEL: Final = "42CFRPart2"
PART_2_NOTICE: Final = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentClass:
    """One class of what a packet says: whose it is, of which kind, under which labels. Rulings are made by these.

    A document, images, glass and the referral's question all say something of the patient
    (docs/decisions/0025-what-a-packet-says.md).
    """

    discloser: InstitutionId
    kind: RecordKind
    #: v3-Confidentiality and v3-ActCode codes
    labels: frozenset[str] = frozenset()
    #: the day its source gives it; None: it cannot be told
    dated: PartialDate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """A document that went in an earlier packet of the case and no longer counts: one of this packet replaces it, or it
    is withdrawn.

    `record` and `packet` are what the receiver knows it by. Nothing that was never handed over is named.
    """

    record: RecordId
    packet: PacketId
    #: its number there; None = the earlier packet's list is gone
    number: int | None
    relation: Relation

    def __post_init__(self) -> None:
        if self.relation not in ENDINGS:
            raise ValueError("an addendum supersedes nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketItem:
    """One document: the bytes that were received, or those of a declared derivative (`derived_from`)."""

    record: RecordId
    location: Location
    kind: RecordKind
    code: Coding | None
    title: str | None
    status: DocumentStatus
    #: UTC; None = undated
    at: datetime | None
    #: the same as its source says it
    day: PartialDate | None = None
    #: all numbers under which its source knows it
    identifiers: tuple[IssuedIdentifier, ...] = ()
    source: InstitutionId
    source_name: str
    content_type: str
    #: confidentiality and sensitivity codes as the source set them
    labels: frozenset[str] = frozenset()
    #: the legal basis under which it is released
    basis: Basis
    #: key of the checklist line it answers; None = it answers none
    line: str | None
    copy_of: RecordId | None = None
    derived_from: RecordId | None = None
    #: how it was derived, who did it and why, in one sentence
    derivation: str | None = None
    supersedes: tuple[Superseded, ...] = ()
    #: what keeps it from being read, and who took it all the same
    taken: str | None = None
    #: files within its PDF
    attached: tuple[AttachedFile, ...] = ()

    def __post_init__(self) -> None:
        if (self.derived_from is None) != (self.derivation is None):
            raise ValueError("a derivative says from what and how")
        if self.status.is_void:
            raise ValueError("what is void is in no packet")


@dataclass(frozen=True, slots=True)
class DicomInstance:
    """One DICOM file (PS3.10) as it was received; usually a part of a series object in the vault."""

    sop_instance_uid: str
    location: Location


@dataclass(frozen=True, slots=True)
class SeriesItem:
    series_instance_uid: str
    instances: tuple[DicomInstance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagingItem:
    """One study, whole: the set of its SOP instance UIDs was checked before it came here; or as a person took it."""

    record: RecordId
    study_instance_uid: str
    series: tuple[SeriesItem, ...]
    title: str | None
    modalities: tuple[str, ...] = ()
    #: UTC; None = undated
    at: datetime | None
    #: the day that the archive says (0008,0020)
    day: PartialDate | None = None
    #: the study's UID under FHIR's system for such, and its accession number
    identifiers: tuple[IssuedIdentifier, ...] = ()
    source: InstitutionId
    source_name: str
    labels: frozenset[str] = frozenset()
    basis: Basis
    line: str | None
    #: SOP instance UIDs of which several came that differ: the first is here
    conflicting: tuple[str, ...] = ()
    #: what keeps it from being read or how much of it did not come, and who took it all the same
    taken: str | None = None

    @property
    def instance_count(self) -> int:
        return sum(len(series.instances) for series in self.series)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A checklist line that is not answered. `sentence` never says that something was withheld."""

    line: str
    label: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialItem:
    """Glass or blocks that travel beside the packet. `accession` is the pathology accession number, for people."""

    accession: str
    kind: MaterialKind
    description: str
    count_expected: int
    count_received: int
    state: MaterialState
    #: UTC
    received_at: datetime | None = None
    due_back: date | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of the case's chain of facts when the packet was made (docs/safety.md, promise 8)."""

    chain: str
    sequence: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Everything in one packet."""

    packet: PacketId
    #: UTC
    created_at: datetime
    patient: Demographics
    #: who issued the patient's numbers: issuer → the institution's name
    issuer_names: Mapping[str, str] = field(default_factory=dict)
    receiver: InstitutionId
    receiver_name: str
    #: None = the referral may not be released to the receiver
    referring_name: str | None
    #: the person who refers, with a telephone number
    referrer: str | None = None
    #: in words, with its code and its stage where they are known
    diagnosis: str | None = None
    #: the day of the appointment at the receiver, and the day the packet is needed by
    appointment: date | None = None
    needed_by: date | None = None
    question: str | None
    items: tuple[PacketItem, ...]
    imaging: tuple[ImagingItem, ...] = ()
    missing: tuple[Missing, ...] = ()
    material: tuple[MaterialItem, ...] = ()
    #: checklist id and version, and the labels of its lines by key
    checklist: str
    checklist_version: str
    line_labels: Mapping[str, str] = field(default_factory=dict)
    anchor: Anchor
    replaces: PacketId | None = None
    #: what was handed over before, no longer counts, and is replaced by nothing of this packet
    withdrawn: tuple[Superseded, ...] = ()

    def __post_init__(self) -> None:
        records = [item.record for item in self.everything]
        if len(set(records)) != len(records):
            raise ValueError("a record stands in a packet once")
        if {one.record for item in self.items for one in item.supersedes} & set(records):
            raise ValueError("a packet does not hold what it replaces")
        if {one.record for one in self.withdrawn} & set(records):
            raise ValueError("a packet does not hold what is withdrawn")
        if self.created_at.tzinfo is None:
            raise ValueError("a time without a zone")

    @property
    def labels(self) -> frozenset[str]:
        """Every label that something in the packet carries."""
        return frozenset().union(*(item.labels for item in self.everything))

    @property
    def everything(self) -> tuple[PacketItem | ImagingItem, ...]:
        return self.items + self.imaging


class PacketSigner(Protocol):
    """Holds the key packets are signed with."""

    def sign(self, payload: bytes) -> str:
        """A detached compact JWS (RFC 7515, appendix F). The same payload always gives the same text."""

    def public_jwk(self) -> dict[str, str]:
        """The public key, its `kid` being the RFC 7638 thumbprint."""


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One file of the packet and where its bytes lie. A `generated` file is ours, and is purged with the packet."""

    path: str
    location: Location
    generated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDocument:
    """The n-th document of the packet (1 and up), as links and FHIR resources speak of it.

    `sha1` is the base64 that FHIR R4 asks for in `Attachment.hash`; integrity rests on SHA-256.
    """

    number: int
    record: RecordId
    path: str
    content_type: str
    size: int
    sha1: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A finished packet. Building one with entries out of order, twice, or beyond what a bag allows is an error.

    `made`: the one object that all generated files lie in. None: each is an object of its own, as it was once.
    """

    packet: PacketId
    entries: tuple[PlanEntry, ...]
    documents: tuple[PlannedDocument, ...] = ()
    made: Location | None = None
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        paths = [entry.path for entry in self.entries]
        if paths != sorted(set(paths), key=bag.order):
            raise ValueError("entries are not a bag's, each once and in order")
        if not all(bag.is_path(e.path) and e.location.length <= bag.LARGEST_FILE for e in self.entries):
            raise ValueError("an entry does not fit a packet")
        sizes = (bag.BLOCK + e.location.length + bag.padding(e.location.length) for e in self.entries)
        object.__setattr__(self, "_starts", tuple(accumulate(sizes, initial=0)))

    @property
    def tar_length(self) -> int:
        """Bytes of the tar, known without reading one of them."""
        return self._starts[-1] + len(bag.END)

    @property
    def etag(self) -> str:
        """Names the tar's bytes (RFC 9110, strong): two plans with the same files have the same one."""
        listed = "".join(f"{e.path} {e.location.length} {e.location.sha256}\n" for e in self.entries)
        return hashlib.sha256(listed.encode()).hexdigest()

    @property
    def generated_keys(self) -> frozenset[str]:
        """Vault objects that exist only for this packet; all other bytes belong to the records."""
        return frozenset(location.key for location in self.generated_objects)

    @property
    def generated_objects(self) -> tuple[Location, ...]:
        """The same, each in its length and with its hash."""
        if self.made:
            return (self.made,)
        return tuple(entry.location for entry in self.entries if entry.generated)

    def entry(self, path: str) -> PlanEntry:
        """Raises `KeyError` where the packet holds no such file."""
        for entry in self.entries:
            if entry.path == path:
                return entry
        raise KeyError(path)

    def document(self, number: int) -> tuple[PlannedDocument, PlanEntry]:
        """The n-th document and its file. Raises `KeyError` where there is none."""
        if not 1 <= number <= len(self.documents):
            raise KeyError(number)
        document = self.documents[number - 1]
        return document, self.entry(document.path)

    def to_json(self) -> dict[str, Any]:
        """A plan as plain JSON; `from_json` gives the same plan back."""
        return {
            "packet": self.packet,
            "entries": [
                [e.path, e.location.key, e.location.offset, e.location.length, e.location.sha256, e.generated]
                for e in self.entries
            ],
            "documents": [[d.number, d.record, d.path, d.content_type, d.size, d.sha1] for d in self.documents],
            "made": self.made and [self.made.key, self.made.offset, self.made.length, self.made.sha256],
        }

    @classmethod
    def from_json(cls, plan: Mapping[str, Any]) -> Self:
        names = ("number", "record", "path", "content_type", "size", "sha1")
        documents = (dict(zip(names, row, strict=True)) for row in plan["documents"])
        made = plan.get("made")  # one that was kept before does not say it
        return cls(
            packet=PacketId(plan["packet"]),
            entries=tuple(PlanEntry(row[0], Location(*row[1:5]), row[5]) for row in plan["entries"]),
            documents=tuple(PlannedDocument(**(d | {"record": RecordId(d["record"])})) for d in documents),
            made=Location(*made) if made else None,
        )

    def dumps(self) -> str:
        return json.dumps(self.to_json(), separators=(",", ":"))


def tar_stream(plan: Plan, vault: Vault, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Bytes `start` to `stop` (exclusive; None = the end) of the packet's tar, in chunks of at most `CHUNK`.

    The same plan always gives the same bytes. The vault checks a file that is read whole; it cannot check a part of
    one.

    Raises:
        ValueError: the range is not within the tar.
        Unreadable: the store gave other bytes than were kept. What was yielded before is not whole.
    """
    stop = plan.tar_length if stop is None else stop
    if not 0 <= start <= stop <= plan.tar_length:
        raise ValueError("a range outside the packet")
    return _pieces(plan, vault, start, stop)


def _pieces(plan: Plan, vault: Vault, start: int, stop: int) -> Iterator[bytes]:
    first = max(bisect_right(plan._starts, start) - 1, 0)
    some = zip(plan.entries[first:], plan._starts[first:], strict=False)
    asked = [(entry, max(start - begins, 0), stop - begins) for entry, begins in some if begins < stop]
    whole = read_each(vault, (entry.location for entry, from_, to in asked if _is_all_of(entry, from_, to)))
    for entry, from_, to in asked:
        yield from _entry_range(entry, vault, whole, from_, to)
    yield from _some(_part(bag.END, start - plan._starts[-1], stop - plan._starts[-1]))


def _is_all_of(entry: PlanEntry, start: int, stop: int) -> bool:
    """Whether this range of an entry holds all of its file, which has bytes."""
    return start <= bag.BLOCK and stop >= bag.BLOCK + entry.location.length > bag.BLOCK


def _entry_range(
    entry: PlanEntry, vault: Vault, whole: Iterator[Iterator[bytes]], start: int, stop: int
) -> Iterator[bytes]:
    size = entry.location.length
    yield from _some(_part(bag.header(entry.path, size), start, stop))
    from_, to = max(start - bag.BLOCK, 0), min(stop - bag.BLOCK, size)
    if _is_all_of(entry, start, stop):
        yield from next(whole)
    elif from_ < to:
        yield from vault.read_range(entry.location, from_, to)
    yield from _some(_part(bytes(bag.padding(size)), start - bag.BLOCK - size, stop - bag.BLOCK - size))


def _part(block: bytes, start: int, stop: int) -> bytes:
    return block[max(start, 0) : max(stop, 0)]


def _some(piece: bytes) -> Iterator[bytes]:
    if piece:
        yield piece
