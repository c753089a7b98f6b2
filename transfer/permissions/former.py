"""A release form as it was sealed before one tree said what it permits (decision 0023)."""

from dataclasses import dataclass
from datetime import date

from transfer.identifiers import InstitutionId
from transfer.patients import Demographics, IssuedIdentifier
from transfer.permissions.forms import Authorization, FormStatus, SignerRole, Statement
from transfer.permissions.provisions import Provision, ProvisionType
from transfer.records import RecordKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerAuthorization:
    """The elements as they were: no field may change, for rows hold them by these names."""

    patient: Demographics
    reference: IssuedIdentifier | None
    status: FormStatus
    disclosers: frozenset[InstitutionId]
    recipients: frozenset[InstitutionId]
    described: bool
    information: frozenset[RecordKind] | None
    special: frozenset[str]
    purposes: frozenset[str]
    effective_from: date | None
    expires_on: date | None
    expires_event: str | None
    event_occurred: bool
    signed_by: SignerRole | None
    signed_on: date | None
    representative_authority: str | None
    statements: frozenset[Statement]
    denies: bool
    replaces: IssuedIdentifier | None

    def as_tree(self) -> Authorization:
        """The same form as a tree of one node.

        The categories it released are a filter now, so it releases less than it did until it is read again. A refusal
        keeps none of them: it refuses all that it refused, and more.
        """
        root = Provision(
            type=ProvisionType.DENY if self.denies else ProvisionType.PERMIT,
            starts_on=self.effective_from,
            ends_on=self.expires_on,
            disclosers=self.disclosers,
            recipients=self.recipients,
            purposes=frozenset() if self.denies else self.purposes,
            kinds=self.information or None if self.denies else self.information,
            labels=frozenset() if self.denies else self.special,
        )
        return Authorization(
            patient=self.patient,
            reference=self.reference,
            status=self.status,
            provision=root,
            described=self.described,
            expires_event=self.expires_event,
            event_occurred=self.event_occurred,
            signed_by=self.signed_by,
            signed_on=self.signed_on,
            verified_on=frozenset(),
            representative_authority=self.representative_authority,
            statements=self.statements,
            replaces=self.replaces,
        )
