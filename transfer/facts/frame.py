"""The frame of every line: its chain, its number, who wrote it, and the hash that covers it and the line before."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Self

import rfc8785

from transfer.former import FACTS, Former
from transfer.identifiers import CaseId, PatientId

GENESIS = bytes(32)


class Chain(str):
    """`case:<id>`, `patient:<id>`, `desk:<day>` or `system`."""

    __slots__ = ()

    @classmethod
    def case(cls, case: CaseId) -> Self:
        return cls(f"case:{case}")

    @classmethod
    def patient(cls, patient: PatientId) -> Self:
        return cls(f"patient:{patient}")

    @classmethod
    def desk(cls, day: date) -> Self:
        return cls(f"desk:{day.isoformat()}")


SYSTEM = Chain("system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who wrote a fact: a task of a run, a process, a person at the desk or the command line.

    `claimed`: nobody made sure that it was this person; None where the line is older than this mark. `account`: of the
    operating system, under which they claimed it.
    """

    process: str
    dag: str | None = None
    run: str | None = None
    task: str | None = None
    attempt: int | None = None
    person: str | None = None
    claimed: bool | None = None
    account: str | None = None
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


def first_broken(
    stored: Iterable[tuple[Chain, int, bytes, bytes, bytes]], filed: Sequence[tuple[str, datetime]] | None = None
) -> str | None:
    """Walk one chain's rows (chain, sequence, text, previous, hash) in order; say what is wrong first, if anything.

    `filed` are the kind and the time under which each is searched for: they say the same as its text, which is what the
    hash covers.
    """
    expected, previous = 1, GENESIS
    for n, (chain, sequence, text, stands_on, digest) in enumerate(stored):
        if sequence != expected:
            return f"{chain}: line {expected} is missing"
        if stands_on != previous or hashlib.sha256(stands_on + text).digest() != digest:
            return f"{chain}: line {sequence} is not what was written"
        content = json.loads(str(text, "utf-8"))  # given bytes, it looks for their encoding first
        if (content["chain"], content["sequence"]) != (chain, sequence):
            return f"{chain}: line {sequence} was moved"
        if filed and (content["kind"], datetime.fromisoformat(content["at"])) != filed[n]:
            return f"{chain}: line {sequence} is filed under another kind or time than it was written with"
        expected, previous = expected + 1, digest
    return None
