"""What all connections of one port share, and whom they refuse."""

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from transfer.adapters.hl7v2.acknowledge import ErrorCode, Verdict
from transfer.adapters.hl7v2.header import Header
from transfer.gateway.mllp.keeping import Keeper
from transfer.gateway.mllp.limits import Limits
from transfer.identifiers import InstitutionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What all connections of one port share."""

    institution: InstitutionId
    #: MSH-3 and MSH-4 are this institution's
    admits: Callable[[Header], bool]
    #: SHA-256 of the client certificates it is known by
    certificates: frozenset[str]
    keeper: Keeper
    limits: Limits
    now: Callable[[], datetime]
    house: "House"

    def knows(self, certificate: bytes | None) -> bool:
        """Whether who shows this certificate (DER), or none, is this institution as far as certificates tell."""
        if certificate is None:
            return not self.certificates
        return hashlib.sha256(certificate).hexdigest() in self.certificates

    def refusal(self, said: Header) -> "Refusal | None":
        """Why a message with this header has no business at this port, if it has none."""
        if not self.admits(said):
            return _STRANGER
        if said.processing_id and said.processing_id not in self.limits.processing_ids:
            return _NOT_FOR_REAL
        return None


class House(Protocol):
    """Who counts all connections."""

    def admit(self, connection: Hashable, institution: InstitutionId) -> bool: ...

    def forget(self, connection: Hashable, institution: InstitutionId) -> None: ...


@dataclass(frozen=True, slots=True)
class Refusal:
    verdict: Verdict
    error: ErrorCode


UNREADABLE = Refusal(Verdict.REJECTED, ErrorCode.SEQUENCE)
_STRANGER = Refusal(Verdict.REJECTED, ErrorCode.UNKNOWN_VALUE)
_NOT_FOR_REAL = Refusal(Verdict.REJECTED, ErrorCode.UNSUPPORTED_PROCESSING_ID)
TOO_LONG = Refusal(Verdict.REJECTED, ErrorCode.TOO_LONG)
