"""One institution's port: who may speak at it, what is refused, and where its messages go."""

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from transfer.adapters.hl7v2.acknowledge import AcknowledgmentCode, ErrorCode
from transfer.adapters.hl7v2.header import MessageHeader
from transfer.gateway.mllp.limits import MllpLimits
from transfer.gateway.mllp.messages import MessageStore
from transfer.identifiers import InstitutionId


@dataclass(frozen=True, slots=True, kw_only=True)
class MllpPort:
    """What all connections of one port share. `now` gives UTC, for the time of acknowledgements (MSH-7)."""

    institution: InstitutionId
    #: MSH-3 and MSH-4 are this institution's
    accepts: Callable[[MessageHeader], bool]
    #: SHA-256 of the client certificates it is known by
    certificates: frozenset[str]
    message_store: MessageStore
    limits: MllpLimits
    now: Callable[[], datetime]
    connections: "ConnectionRegister"

    def knows(self, certificate: bytes | None) -> bool:
        """Whether who shows this certificate (DER), or none, is this institution as far as certificates tell."""
        if certificate is None:
            return not self.certificates
        return hashlib.sha256(certificate).hexdigest() in self.certificates

    def refusal(self, header: MessageHeader) -> "Refusal | None":
        """Why a message with this header is refused; None where it may be stored."""
        if not self.accepts(header):
            return _OTHER_SENDER
        if header.processing_id and header.processing_id not in self.limits.processing_ids:
            return _NOT_PRODUCTION
        return None


class ConnectionRegister(Protocol):
    """Counts the connections of all ports."""

    def register(self, connection: Hashable, institution: InstitutionId) -> bool:
        """Count a new connection. False: there are too many, of this institution or of all."""

    def unregister(self, connection: Hashable, institution: InstitutionId) -> None:
        """It is closed. Unregistering one that is not counted does nothing."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a message that is not stored is answered (HL7 v2.9 table 0008 and table 0357)."""

    code: AcknowledgmentCode
    error: ErrorCode


UNREADABLE = Refusal(AcknowledgmentCode.REJECTED, ErrorCode.SEQUENCE)
_OTHER_SENDER = Refusal(AcknowledgmentCode.REJECTED, ErrorCode.UNKNOWN_VALUE)
_NOT_PRODUCTION = Refusal(AcknowledgmentCode.REJECTED, ErrorCode.UNSUPPORTED_PROCESSING_ID)
TOO_LONG = Refusal(AcknowledgmentCode.REJECTED, ErrorCode.TOO_LONG)
