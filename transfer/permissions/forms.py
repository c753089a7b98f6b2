"""Release forms, and what ends them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from transfer.errors import NeedsReview
from transfer.identifiers import InstitutionId, PermissionId
from transfer.patients import Demographics, IssuedIdentifier
from transfer.permissions.findings import Finding
from transfer.permissions.provisions import Provision, ProvisionType
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


class UnclearForm(NeedsReview):
    """A form says what no rule can carry. `findings` say what, each a person's. `codes`, as `system|code`, are those of
    records that its sender's file does not map.
    """

    def __init__(self, findings: Iterable[Finding], codes: Iterable[str] = ()) -> None:
        self.findings = tuple(sorted(set(findings)))
        self.codes = frozenset(codes)
        super().__init__(f"a release form for a person: {', '.join(self.findings)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A release form as filed, by FHIR, by HL7 v2 or on paper. Days are days in the discloser's time zone."""

    patient: Demographics
    #: the form's own business identifier
    reference: IssuedIdentifier | None
    status: FormStatus
    #: between whom, for what, which records, from when to when: the period of the root is the form's
    provision: Provision
    #: the information is described specifically and meaningfully
    described: bool
    expires_event: str | None
    #: the event is known to have occurred
    event_occurred: bool
    signed_by: SignerRole | None
    signed_on: date | None
    #: the days on which somebody made sure of the signature, where they are said
    verified_on: frozenset[date]
    representative_authority: str | None
    statements: frozenset[Statement]
    replaces: IssuedIdentifier | None
    #: what the form is called: URIs of its policies, the number printed on it
    names: frozenset[str] = frozenset()

    @property
    def disclosers(self) -> frozenset[InstitutionId]:
        """All that the form names, in whatever provision; empty = not named."""
        return frozenset().union(*(node.disclosers for node in self.provision.nodes()))

    @property
    def recipients(self) -> frozenset[InstitutionId]:
        """All that the form names, in whatever provision; empty = not named."""
        return frozenset().union(*(node.recipients for node in self.provision.nodes()))

    @property
    def purposes(self) -> frozenset[str]:
        """v3-ActReason: all that it permits something for."""
        return frozenset().union(*(node.purposes for node in self.provision.permits()))

    @property
    def information(self) -> frozenset[RecordKind] | None:
        """All kinds of record that it speaks of; None = all records."""
        kinds: frozenset[RecordKind] = frozenset()
        for node in self.provision.nodes():
            if node.kinds is None and (node is self.provision or node.type is ProvisionType.DENY):
                return None
            kinds |= node.kinds or frozenset()
        return kinds

    @property
    def effective_from(self) -> date | None:
        return self.provision.starts_on

    @property
    def expires_on(self) -> date | None:
        return self.provision.ends_on

    @property
    def denies(self) -> bool:
        """A refusal rather than a release: no provision of it permits anything."""
        return not any(self.provision.permits())


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
