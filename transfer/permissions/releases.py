"""What is about to be released, and how it was ruled."""

from dataclasses import dataclass
from datetime import datetime

from transfer.identifiers import InstitutionId, PermissionId
from transfer.institutions import Basis
from transfer.partial_dates import PartialDate
from transfer.permissions.findings import Finding
from transfer.records import RecordKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What is about to be released. Without `kinds` it is anything, and only a form for all records covers it."""

    discloser: InstitutionId
    recipient: InstitutionId
    kinds: frozenset[RecordKind]
    #: v3-ActReason
    purpose: str = "TREAT"
    #: v3-Confidentiality and v3-ActCode codes on what moves
    labels: frozenset[str] = frozenset()
    #: the day the data is from, as the discloser says it; None: it cannot be told
    dated: PartialDate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """A named clinician's declaration that this cannot wait (45 CFR 164.510, 42 CFR 2.51), reviewed the next day.

    `declared_by` is our opaque reference to the clinician. `declared_at` is UTC.
    """

    discloser: InstitutionId
    recipient: InstitutionId
    declared_by: str
    declared_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The answer, and what it rests on. A permitted release has no findings, any other at least one."""

    #: None = not permitted
    basis: Basis | None
    #: the form relied on, where the basis is one
    permission: PermissionId | None
    findings: tuple[Finding, ...]

    def __post_init__(self) -> None:
        if self.is_permitted == bool(self.findings):
            raise ValueError("a ruling either has a basis or says what is wrong")

    @property
    def is_permitted(self) -> bool:
        return self.basis is not None

    @property
    def needs_person(self) -> bool:
        """Not permitted, and it would be but for what only a person can tell."""
        return bool(self.findings) and all(finding.needs_person for finding in self.findings)
