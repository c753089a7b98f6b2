"""What happened, in lines that are only ever added.

A **fact** is one line of the ledger. Facts stand in chains: one per case, one per patient, one for the system. Each is
numbered and carries the SHA-256 over its own canonical text (RFC 8785) and the hash before it. So an altered, removed,
inserted or moved line is found.

A fact holds our identifiers, codes, numbers and dates. What came from outside stands in it only as an HMAC under the
patient's key. Free text stands in it only as the HMAC of a note that can be purged.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

import rfc8785

from transfer.former import FACTS, Former
from transfer.identifiers import CaseId, PatientId

GENESIS = bytes(32)


class Chain(str):
    """`case:<id>`, `patient:<id>` or `system`."""

    __slots__ = ()

    @classmethod
    def case(cls, case: CaseId) -> Self:
        return cls(f"case:{case}")

    @classmethod
    def patient(cls, patient: PatientId) -> Self:
        return cls(f"patient:{patient}")


SYSTEM = Chain("system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who wrote a fact: a task of a run, a process, a person at the desk or the command line.

    `claimed`: nobody made sure that it was this person; None where the line is older than this mark.
    """

    process: str
    dag: str | None = None
    run: str | None = None
    task: str | None = None
    attempt: int | None = None
    person: str | None = None
    claimed: bool | None = None
    code: str = "unknown"

    @property
    def is_claimed(self) -> bool:
        """A person is named and nobody made sure. Before there was a mark, nobody could sign in."""
        return self.person is not None and self.claimed is not False


class Fact:
    """Base of all facts. A subclass is a frozen dataclass of text, whole numbers, truth values and tuples of text.

    `kind` is what is stored, so that a class may be renamed. Renaming a kind, a field or a value: `transfer.former`.
    """

    kinds: ClassVar[dict[str, type["Fact"]]] = {}
    kind: ClassVar[str]

    def __init_subclass__(cls, kind: str | None = None) -> None:
        # A dataclass with slots is made twice; the second time the kind stands in the first one's dictionary.
        if kind is not None:
            cls.kind = kind
        if "kind" not in cls.__dict__:
            raise TypeError(f"{cls.__name__} does not say under which kind it is stored")
        if (known := Fact.kinds.get(cls.kind)) and known.__qualname__ != cls.__qualname__:
            raise TypeError(f"{cls.__name__} and {known.__name__} would be stored as the same kind")
        Fact.kinds[cls.kind] = cls

    def body(self) -> dict[str, object]:
        return {k: v for k, v in asdict(self).items() if v is not None}  # type: ignore[call-overload]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """A fact where it stands: its chain, its number from 1, when (UTC) and by whom it was written, and its hash."""

    chain: Chain
    sequence: int
    at: datetime
    by: Origin
    fact: Fact
    text: bytes
    previous: bytes
    hash: bytes


def write(chain: Chain, sequence: int, at: datetime, by: Origin, fact: Fact, previous: bytes) -> LedgerLine:
    """The next line of a chain. Pure: the ledger keeps what this returns."""
    content = {
        "chain": str(chain),
        "sequence": sequence,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "by": {k: v for k, v in asdict(by).items() if v is not None},
        "kind": fact.kind,
        "body": fact.body(),
    }
    text = rfc8785.dumps(json.loads(json.dumps(content)))
    return LedgerLine(
        chain=chain,
        sequence=sequence,
        at=at,
        by=by,
        fact=fact,
        text=text,
        previous=previous,
        hash=hashlib.sha256(previous + text).digest(),
    )


def read(text: bytes, previous: bytes, digest: bytes) -> LedgerLine:
    """A line from its canonical text, in today's names. The text stays the bytes that are stored, whatever the names
    in it; the hash is taken as given: `first_broken` is what checks it.

    Raises:
        ValueError: not a line this code can read (a kind it does not know, a field too many).
    """
    content = json.loads(text)
    return LedgerLine(
        chain=Chain(content["chain"]),
        sequence=content["sequence"],
        at=datetime.fromisoformat(content["at"]),
        by=Origin(**content["by"]),
        fact=_fact(content["kind"], content["body"]),
        text=text,
        previous=previous,
        hash=digest,
    )


def _fact(kind: str, body: Mapping[str, object]) -> Fact:
    was = FACTS.get(kind, Former())
    try:
        of = Fact.kinds[was.kind or kind]
        known = {f.name for f in fields(of)}  # type: ignore[arg-type]
        said = {was.fields.get(name, name): value for name, value in body.items()}
        if unknown := said.keys() - known:
            raise ValueError(f"{kind} has no {', '.join(sorted(unknown))}")
        return of(**{name: _value(was.values.get(name, {}), value) for name, value in said.items()})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a fact this version knows: {kind}") from error


def _value(renamed: Mapping[str, str], value: Any) -> object:
    if isinstance(value, list):
        return tuple(renamed.get(one, one) for one in value)
    return renamed.get(value, value)


def stored_kinds(*of: type[Fact]) -> list[str]:
    """Every kind under which these facts stand in the ledger: today's, and those they had before."""
    today = {one.kind for one in of}
    return sorted(today | {kind for kind, was in FACTS.items() if was.kind in today})


def first_broken(stored: Iterable[tuple[Chain, int, bytes, bytes, bytes]]) -> str | None:
    """Walk one chain's rows (chain, sequence, text, previous, hash) in order; say what is wrong first, if anything."""
    expected, previous = 1, GENESIS
    for chain, sequence, text, stands_on, digest in stored:
        if sequence != expected:
            return f"{chain}: line {expected} is missing"
        if stands_on != previous or hashlib.sha256(stands_on + text).digest() != digest:
            return f"{chain}: line {sequence} is not what was written"
        content = json.loads(text)
        if (content["chain"], content["sequence"]) != (chain, sequence):
            return f"{chain}: line {sequence} was moved"
        expected, previous = expected + 1, digest
    return None


# --- a case ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpened(Fact, kind="case-opened"):
    patient: str
    referral: str
    receiver: str
    referring: str
    checklist: str
    checklist_version: str
    priority: str
    sources: tuple[str, ...]
    needed_by: str | None = None
    appointment_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralEntered(Fact, kind="referral-entered"):
    """A person brought the referral as a file, from this institution. The case is opened from it as from any other."""

    arrival: str
    institution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMade(Fact, kind="request-made"):
    """A department is to be asked for some lines of the checklist."""

    request: str
    institution: str
    department: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMoved(Fact, kind="request-moved"):
    """A request changed its state. `findings` are the codes why it is not permitted, or the reason of a refusal."""

    request: str
    state: str
    attempt: int
    basis: str | None = None
    permission: str | None = None
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCollected(Fact, kind="record-collected"):
    """A record joined this case under a basis in force at that moment. `content` is an HMAC of its SHA-256."""

    record: str
    institution: str
    document: str
    status: str
    size: int
    content: str
    basis: str
    is_whole: bool
    match_rule: str
    line: str | None = None
    permission: str | None = None
    request: str | None = None
    arrival: str | None = None
    copy_of: str | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCompleted(Fact, kind="record-completed"):
    """The missing instances of an imaging record came: its set of UIDs is whole now."""

    record: str
    size: int
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSuperseded(Fact, kind="record-superseded"):
    record: str
    by_record: str | None
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedWaived(Fact, kind="need-waived"):
    """A person said that a line is not needed, does not exist, applies, or is answered by another record."""

    line: str
    waiver: str
    record: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialAwaited(Fact, kind="material-awaited"):
    material: str
    institution: str
    line: str
    pieces: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialReceived(Fact, kind="material-received"):
    material: str
    institution: str
    line: str
    received: int
    expected: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseApproved(Fact, kind="case-approved"):
    """A person lets the packet go as it is. `lacking` are the lines that were missing then."""

    lacking: tuple[str, ...]
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOpened(Fact, kind="hold-opened"):
    hold: str
    code: str
    about: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldResolved(Fact, kind="hold-resolved"):
    hold: str
    answer: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketPlanned(Fact, kind="packet-planned"):
    """A packet is owed: what it holds is decided when it is assembled."""

    packet: str
    is_partial: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketAssembled(Fact, kind="packet-assembled"):
    packet: str
    records: tuple[str, ...]
    lacking: tuple[str, ...]
    tag_manifest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureBegun(Fact, kind="disclosure-begun"):
    """Authorised and counted, before the first byte. `bases` and `permissions` are those it rests on.

    A disclosure that was not made is begun again under the same name.
    """

    disclosure: str
    packet: str
    recipient: str
    purpose: str
    bases: tuple[str, ...]
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureSettled(Fact, kind="disclosure-settled"):
    """`outcome`: made, not-made or unknown."""

    disclosure: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressClosed(Fact, kind="egress-closed"):
    """A stream of bytes to a receiver ended. `size` counts the bytes handed to the socket: they count as disclosed."""

    egress: str
    disclosure: str
    channel: str
    size: int
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRecorded(Fact, kind="receipt-recorded"):
    packet: str
    status: str
    arrival: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketPurged(Fact, kind="packet-purged"):
    """What it held, or was to hold, is destroyed: it is handed to nobody any more."""

    packet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClosed(Fact, kind="case-closed"):
    """`ending`: opinion-given, not-coming, center-declined, died, duplicate."""

    ending: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded(Fact, kind="note-added"):
    """Free text was kept. `about`: question, where it is what the referral asks; None = a person's own note."""

    note: str
    hmac: str
    about: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored(Fact, kind="anchored"):
    """The signed head of a chain as it stands in a packet."""

    chain: str
    sequence: int
    head: str
    packet: str


# --- a patient ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientKnown(Fact, kind="patient-known"):
    """First met, in this arrival. The identity itself stands in the purgeable table."""

    arrival: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchDecided(Fact, kind="match-decided"):
    """A person compared an arrival with this patient. `answer`: ours or not-ours. Each of two has one."""

    hold: str
    arrival: str
    answer: str
    match_rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionFiled(Fact, kind="permission-filed"):
    """`form` is an HMAC of the form's JSON as it was sealed then: to compare, unseal those bytes. A new dump of the
    form has the names of today.
    """

    permission: str
    arrival: str
    form: str
    expires_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionEnded(Fact, kind="permission-ended"):
    """`end`: revoked, paused, replaced, entered-in-error or expired. From this line on no egress may open under it."""

    permission: str
    end: str
    arrival: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyDeclared(Fact, kind="emergency-declared"):
    """A named clinician said that a release cannot wait. `clinician` is the note that says who and why."""

    discloser: str
    recipient: str
    clinician: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionResumed(Fact, kind="permission-resumed"):
    permission: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopCompleted(Fact, kind="stop-completed"):
    """Open egress is zero; from here on nothing is read for release under the permission."""

    permission: str
    milliseconds: int
    in_reliance: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsPurged(Fact, kind="records-purged"):
    """What a person confirmed (or a delay) removed. `spared` are records another live permission covers."""

    permission: str
    records: tuple[str, ...]
    spared: tuple[str, ...]
    key_destroyed: bool
    #: backups that hold what was purged, sealed under the patient's key, each with the day it lapses
    backups: tuple[str, ...] = ()


# --- the system -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmatchedPurged(Fact, kind="unmatched-purged"):
    """How many sealed messages of one institution's day lapsed unread. They leave no other trace."""

    institution: str
    day: str
    count: int
    key_destroyed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupBegun(Fact, kind="backup-begun"):
    """From now on a backup may hold what is purged, be it ever finished or not. Begun again, it lapses later."""

    backup: str
    lapses: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp(Fact, kind="backed-up"):
    """A backup was made; by the day it lapses it is to be destroyed."""

    backup: str
    lapses: str
    objects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored(Fact, kind="restored"):
    """The ledger is that of a backup again: what was written after the backup was taken is not in it. `stopped` are
    permissions that had ended since, `forgotten` patients whose key was destroyed since, `unread` messages that were in
    it and went with the key of their day: institution, day and how many.
    """

    backup: str
    taken: str
    stopped: tuple[str, ...]
    forgotten: tuple[str, ...]
    unread: tuple[str, ...] = ()
