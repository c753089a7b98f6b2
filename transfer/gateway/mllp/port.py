"""What all connections of one port share, and whom they refuse."""

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
    """What all connections of one port share."""

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

    def refusal(self, said: MessageHeader) -> "Refusal | None":
        """Why a message with this header has no business at this port, if it has none."""
        if not self.accepts(said):
            return _NOT_ITS_SENDER
        if said.processing_id and said.processing_id not in self.limits.processing_ids:
            return _NOT_FOR_REAL
        return None


class ConnectionRegister(Protocol):
    """Who counts all connections."""

    def register(self, connection: Hashable, institution: InstitutionId) -> bool: ...

    def unregister(self, connection: Hashable, institution: InstitutionId) -> None: ...


@dataclass(frozen=True, slots=True)
class Refusal:
    verdict: AcknowledgmentCode
    error: ErrorCode


UNREADABLE = Refusal(AcknowledgmentCode.REJECTED, ErrorCode.SEQUENCE)
_NOT_ITS_SENDER = Refusal(AcknowledgmentCode.REJECTED, ErrorCode.UNKNOWN_VALUE)
_NOT_FOR_REAL = Refusal(AcknowledgmentCode.REJECTED, ErrorCode.UNSUPPORTED_PROCESSING_ID)
TOO_LONG = Refusal(AcknowledgmentCode.REJECTED, ErrorCode.TOO_LONG)
