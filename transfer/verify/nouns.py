"""What verification reads, and what it says."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

#: what stands for the tar itself where no file is at fault
END_OF_TAR = "(end of the tar)"


class VerificationOutcome(StrEnum):
    VERIFIED = "verified"
    ALTERED = "altered"
    UNKNOWN_SIGNER = "unknown-signer"

    @property
    def exit_code(self) -> int:
        return {VerificationOutcome.VERIFIED: 0, VerificationOutcome.ALTERED: 1, VerificationOutcome.UNKNOWN_SIGNER: 3}[
            self
        ]


class FileFindingKind(StrEnum):
    """What is wrong with a file."""

    FLIPPED = "flipped"
    MISSING = "missing"
    ADDED = "added"
    SWAPPED = "swapped"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class FileFinding:
    """One thing that is wrong. `path` is as the packet says it and may come from outside: escape it before printing."""

    kind: FileFindingKind
    path: str
    sentence: str
    #: the other file of a swap
    other: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "path": self.path, "other": self.other, "sentence": self.sentence}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    outcome: VerificationOutcome
    findings: tuple[FileFinding, ...]
    #: as the packet names itself; to be believed only if it is not altered
    packet: str | None
    #: RFC 7638 thumbprint of the key whose signature holds; None where none does
    signer: str | None
    files: int
    size: int

    def to_json(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome,
            "packet": self.packet,
            "signer": self.signer,
            "files": self.files,
            "bytes": self.size,
            "findings": [finding.to_json() for finding in self.findings],
        }


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file as it is. `damaged`: the tar header before it is not the one its name and size would give."""

    path: str
    size: int
    sha256: str
    damaged: bool = False


@dataclass(slots=True)
class Inventory:
    """All that is there, and what is wrong with it whatever the manifests say."""

    files: dict[str, FoundFile] = field(default_factory=dict)
    #: bytes of the few files that judge the others, and of whatever could be one of them under another name
    texts: dict[str, bytes] = field(default_factory=dict)
    findings: list[FileFinding] = field(default_factory=list)

    def add(self, file: FoundFile) -> None:
        if file.path in self.files:
            self.findings.append(FileFinding(FileFindingKind.ADDED, file.path, "stands in the tar twice"))
        else:
            self.files[file.path] = file
