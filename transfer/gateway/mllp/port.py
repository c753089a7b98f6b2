"""A port: who may speak at it and for whom, what is refused, and where its messages go."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from transfer.adapters.hl7v2.acknowledge import AcknowledgmentCode, ErrorCode
from transfer.adapters.hl7v2.header import MessageHeader
from transfer.designators import Designator
from transfer.doors import MllpDoor
from transfer.gateway.mllp.limits import MllpLimits
from transfer.gateway.mllp.messages import MessageStore
from transfer.identifiers import InstitutionId


def designators(header: MessageHeader) -> tuple[Designator, Designator]:
    """MSH-3 and MSH-4."""
    return (
        Designator.read(header.sending_application, header.component),
        Designator.read(header.sending_facility, header.component),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility:
    """An institution whose messages come in at a port."""

    institution: InstitutionId
    door: MllpDoor
    #: SHA-256 of the client certificates of who may send for it; empty: whoever shows none
    certificates: frozenset[str]

    def may_be_sent_by(self, certificate: str | None, host: str | None) -> bool:
        """Whether who shows this certificate (SHA-256), or none, from this address, may send for it."""
        is_known = certificate in self.certificates if certificate else not self.certificates
        return is_known and self.door.admits(host)


@dataclass(frozen=True, slots=True)
class MllpSender:
    """Who is at the other end of a connection, as far as we know: those it may send for, the same for all it sends."""

    #: the port, as logs name it
    port: str
    facilities: tuple[Facility, ...]

    def __hash__(self) -> int:
        """Asked for with each message: all that it may send for would take longer to hash than to find."""
        return hash(self.port)

    @property
    def is_shown(self) -> bool:
        """A certificate or an address says who it is. Else whoever reaches the port is taken for it."""
        return all(each.certificates or each.door.addresses for each in self.facilities)

    def of(self, header: MessageHeader) -> InstitutionId | None:
        """Whose message this is, by MSH-3 and MSH-4; None: of nobody that this sender may send for."""
        sent = designators(header)
        return next((each.institution for each in self.facilities if each.door.is_of(sent)), None)


@dataclass(frozen=True, kw_only=True)
class MllpPort:
    """What all connections of one port share. `now` gives UTC, for the time of acknowledgements (MSH-7)."""

    facilities: tuple[Facility, ...]
    message_store: MessageStore
    limits: MllpLimits
    now: Callable[[], datetime]

    @cached_property
    def name(self) -> str:
        """For logs: whose port it is, or its number where it is several's."""
        one, *more = self.facilities
        return f"port {one.door.port}" if more else str(one.institution)

    def sender(self, certificate: bytes | None, host: str | None) -> MllpSender | None:
        """Who shows this certificate (DER), or none, from this address; None: nobody who may speak here."""
        shown = hashlib.sha256(certificate).hexdigest() if certificate else None
        known = tuple(each for each in self.facilities if each.may_be_sent_by(shown, host))
        return MllpSender(self.name, known) if known else None

    def refusal(self, institution: InstitutionId | None, header: MessageHeader) -> "Refusal | None":
        """Why a message of this institution with this header is refused; None where it may be stored."""
        return refusal(institution, header, self.limits)


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a message that is not stored is answered (HL7 v2.9 table 0008 and table 0357)."""

    code: AcknowledgmentCode
    error: ErrorCode


def refusal(institution: InstitutionId | None, header: MessageHeader, limits: MllpLimits) -> Refusal | None:
    """By its header alone. `institution`: whose it is, by MSH-3 and MSH-4."""
    if institution is None:
        return _OTHER_SENDER
    if header.processing_id and header.processing_id not in limits.processing_ids:
        return _NOT_PRODUCTION
    return None


UNREADABLE = Refusal(AcknowledgmentCode.REJECTED, ErrorCode.SEQUENCE)
_OTHER_SENDER = Refusal(AcknowledgmentCode.REJECTED, ErrorCode.UNKNOWN_VALUE)
_NOT_PRODUCTION = Refusal(AcknowledgmentCode.REJECTED, ErrorCode.UNSUPPORTED_PROCESSING_ID)
TOO_LONG = Refusal(AcknowledgmentCode.REJECTED, ErrorCode.TOO_LONG)
