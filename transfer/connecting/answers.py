"""Which answer the sender of a message would get at our door. Nothing is stored for it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from transfer.adapters import enclosed, hl7v2
from transfer.adapters.fhir import inbound, responses
from transfer.adapters.fhir.outline import outline
from transfer.adapters.fhir.trees import weigh
from transfer.adapters.hl7v2.acknowledge import NOBODY, AcknowledgmentCode, ErrorCode, acknowledge, code
from transfer.adapters.hl7v2.header import MessageHeader
from transfer.arrivals import ArrivalKind
from transfer.errors import TooLarge, TransferError, Unreadable
from transfer.flow.services import Services
from transfer.gateway.callers import Caller
from transfer.gateway.fhir_door import (
    MAX_BODY_BYTES,
    HearWords,
    check_may,
    check_request,
    in_documents,
    packet_of,
    said_against,
)
from transfer.gateway.mllp.limits import MllpLimits
from transfer.gateway.mllp.message_store import may_send
from transfer.gateway.mllp.port import TOO_LONG, UNREADABLE, Refusal, designators, refusal
from transfer.gateway.payload import IN_MEMORY
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution

#: MSH-10 of an acknowledgement that is only shown
_SHOWN: Final = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorAnswer:
    """What the sender would be answered. `why` is there where nothing would be stored."""

    #: AA, AE, AR, CA …, or the status of HTTP; None: its sender wants no answer
    code: str | None
    is_stored: bool
    #: as it would be sent; segments end with CR
    text: str
    why: str | None = None
    kind: ArrivalKind | None = None
    #: the packet a receipt is about
    subject: str | None = None


def at_mllp(services: Services, institution: Institution, body: bytes, now: datetime) -> DoorAnswer:
    """Of an HL7 v2 message without its frame, at the institution's port. `now` is UTC, for MSH-7."""
    limits = MllpLimits()
    if institution.mllp_door is None:
        return DoorAnswer(code=None, is_stored=False, text="", why="its file has no mllp_door: it cannot send HL7 v2")
    try:
        header = hl7v2.header(body)
    except Unreadable:
        return _acknowledged(NOBODY, UNREADABLE, "no MSH is read", now)
    if len(body) > limits.frame_bytes:
        return _acknowledged(header, TOO_LONG, f"it is over {limits.frame_bytes} bytes", now)
    whose = _whose(services, institution, header)
    if refused := refusal(whose, header, limits):
        why = "MSH-11 is not P" if whose else "MSH-3 and MSH-4 are not what its file says"
        return _acknowledged(header, refused, why, now)
    if whose != institution.id:
        return DoorAnswer(code=None, is_stored=False, text="", why=f"by MSH-3 and MSH-4 it is a message of {whose}")
    if not may_send(header, institution.grants):
        refused = Refusal(AcknowledgmentCode.REJECTED, ErrorCode.UNSUPPORTED_TYPE)
        return _acknowledged(header, refused, f"its grants do not cover {header.message_type}", now)
    try:
        enclosed.against(body, institution)
    except TooLarge:
        refused = Refusal(AcknowledgmentCode.ERROR, ErrorCode.UNKNOWN_VALUE)
        return _acknowledged(header, refused, "it objects to more than is settled at once", now)
    told = acknowledge(header, AcknowledgmentCode.ACCEPTED, control_id=_SHOWN, now=now)
    return DoorAnswer(
        code=code(header, AcknowledgmentCode.ACCEPTED),
        is_stored=True,
        text=(told or b"").decode("latin-1"),
        kind=hl7v2.kind(header),
    )


def _whose(services: Services, institution: Institution, header: MessageHeader) -> InstitutionId | None:
    """Of those that share its port, the one whose message it is."""
    door, sent = institution.mllp_door, designators(header)
    assert door  # asked before
    there = [one for one in services.institutions.values() if one.mllp_door and one.mllp_door.port == door.port]
    others = [one for one in there if one.id != institution.id and door.port]
    for one in (institution, *others):
        if one.mllp_door and one.mllp_door.is_of(sent):
            return InstitutionId(one.id)
    return None


def _acknowledged(header: MessageHeader, refused: Refusal, why: str, now: datetime) -> DoorAnswer:
    told = acknowledge(header, refused.code, refused.error, control_id=_SHOWN, now=now)
    text = (told or b"").decode("latin-1")
    return DoorAnswer(code=code(header, refused.code), is_stored=False, text=text, why=why)


def at_fhir(services: Services, institution: Institution, body: bytes) -> DoorAnswer:
    """Of a FHIR body, if it came with a token that has every scope of the institution's tokens."""
    scopes = frozenset(scope for token in institution.tokens for scope in token.scopes)
    if institution.http_door is None:
        return DoorAnswer(code=None, is_stored=False, text="", why="its file has no http_door: it cannot post")
    caller = Caller(institution, scopes if institution.tokens else institution.grants)
    try:
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"a message over {MAX_BODY_BYTES} bytes")
        outlined: bytes = body
        heard: HearWords = enclosed.in_resources
        if len(body) > IN_MEMORY:
            weigh([body])
            outlined, heard = outline([body]), partial(in_documents, lambda: [body], len(body))
        incoming = inbound.sort(outlined, hashlib.sha256(body).hexdigest())
        check_may(caller, incoming, said_against(caller, incoming, outlined, heard))
        packet = packet_of(services.ledger, caller, incoming)
        check_request(services.ledger, caller, incoming)
    except TransferError as error:
        answer = responses.refused(error)
        return DoorAnswer(code=str(answer.status), is_stored=False, text=answer.body.decode(), why=str(error))
    status = 201 if len(incoming.types) == 1 else 200
    return DoorAnswer(code=str(status), is_stored=True, text="", kind=incoming.kind, subject=packet)
