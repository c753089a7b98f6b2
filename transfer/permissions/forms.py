"""Release forms, what ends them, what is to be released, and what can be found wrong with it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from transfer.identifiers import InstitutionId, PermissionId
from transfer.institutions import Basis
from transfer.patients import Demographics, IssuedIdentifier
from transfer.records import RecordKind


class FormStatus(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"
    ENTERED_IN_ERROR = "entered-in-error"
    DRAFT = "draft"


class Statement(StrEnum):
    """The required statements, 45 CFR 164.508(c)(2)(i)-(iii)."""

    REVOKE = "revoke"
    CONDITION = "condition"
    REDISCLOSE = "redisclose"


class SignerRole(StrEnum):
    PATIENT = "patient"
    REPRESENTATIVE = "representative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A release form as filed. Dates have no clock time: they are days in the discloser's time zone."""

    patient: Demographics
    #: the form's own business identifier
    reference: IssuedIdentifier | None
    status: FormStatus
    #: named; empty = not named
    disclosers: frozenset[InstitutionId]
    recipients: frozenset[InstitutionId]
    #: the information is described specifically and meaningfully
    described: bool
    #: None = all records
    information: frozenset[RecordKind] | None
    #: v3-ActCode categories expressly released
    special: frozenset[str]
    #: v3-ActReason
    purposes: frozenset[str]
    effective_from: date | None
    expires_on: date | None
    expires_event: str | None
    #: the event is known to have occurred
    event_occurred: bool
    signed_by: SignerRole | None
    signed_on: date | None
    representative_authority: str | None
    statements: frozenset[Statement]
    #: a refusal rather than a release (root provision type deny)
    denies: bool
    replaces: IssuedIdentifier | None


class End(StrEnum):
    """What ends a permission (docs/safety.md, promise 1). All five stop the bytes at once."""

    EXPIRED = "expired"
    REPLACED = "replaced"
    ENTERED_IN_ERROR = "entered-in-error"
    PAUSED = "paused"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    id: PermissionId
    form: Authorization
    #: what was written about it; the rules compute the expiry
    ended: End | None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """A named clinician's declaration that this cannot wait (45 CFR 164.510, 42 CFR 2.51), reviewed the next day.

    `declared_by` is our opaque reference to the clinician. `declared_at` is UTC.
    """

    discloser: InstitutionId
    recipient: InstitutionId
    declared_by: str
    declared_at: datetime


class Finding(StrEnum):
    """Why a release is not permitted. Anyone but staff reads it as `outside`."""

    NO_FORM = "no-form"
    # 164.508(c)(1): an element is not filled in
    INCOMPLETE_DESCRIPTION = "incomplete-description"
    INCOMPLETE_DISCLOSER = "incomplete-discloser"
    INCOMPLETE_RECIPIENT = "incomplete-recipient"
    INCOMPLETE_PURPOSE = "incomplete-purpose"
    INCOMPLETE_EXPIRATION = "incomplete-expiration"
    SIGNATURE_MISSING = "signature-missing"
    SIGNATURE_UNDATED = "signature-undated"
    SIGNATURE_POSTDATED = "signature-postdated"
    REPRESENTATIVE_AUTHORITY_MISSING = "representative-authority-missing"
    # 164.508(c)(2)
    STATEMENT_MISSING_REVOKE = "statement-missing-revoke"
    STATEMENT_MISSING_CONDITION = "statement-missing-condition"
    STATEMENT_MISSING_REDISCLOSE = "statement-missing-redisclose"
    # 164.508(b)(2): defects
    EXPIRED_DATE = "expired-date"
    EXPIRED_EVENT = "expired-event"
    REVOKED = "revoked"
    COMPOUND = "compound"
    CONDITIONED = "conditioned"
    FALSE_MATERIAL = "false-material"
    PATIENT_MISMATCH = "patient-mismatch"
    # the other ends, and forms not in force
    REPLACED = "replaced"
    ENTERED_IN_ERROR = "entered-in-error"
    PAUSED = "paused"
    NOT_FILED = "not-filed"
    NOT_YET_IN_FORCE = "not-yet-in-force"
    DENIED = "denied"
    # 164.508(a)(1): a release must be consistent with its form
    NOT_THIS_DISCLOSER = "not-this-discloser"
    NOT_THIS_RECIPIENT = "not-this-recipient"
    NOT_THIS_INFORMATION = "not-this-information"
    PURPOSE_MISMATCH = "purpose-mismatch"
    SPECIAL_CATEGORY_NOT_AUTHORIZED = "special-category-not-authorized"
    # the other bases
    EMERGENCY_NOT_DECLARED = "emergency-not-declared"

    @property
    def outside(self) -> "Finding":
        """The code shown to anybody but staff: letters, notes of runs, metrics.

        Nobody outside may read there that a record needs an express release (docs/safety.md, promise 7).
        """
        about_content = (Finding.SPECIAL_CATEGORY_NOT_AUTHORIZED, Finding.COMPOUND, Finding.PURPOSE_MISMATCH)
        return Finding.NOT_THIS_INFORMATION if self in about_content else self


#: findings that only a person can make, from the paper: `evaluate` takes them as `disputes`
DISPUTABLE = frozenset(
    {Finding.COMPOUND, Finding.CONDITIONED, Finding.FALSE_MATERIAL, Finding.PATIENT_MISMATCH, Finding.EXPIRED_EVENT}
)


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
