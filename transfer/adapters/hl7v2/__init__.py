"""HL7 v2: read by bytes and offsets, turned into our nouns. No rule elsewhere knows a segment's name."""

from transfer.adapters.hl7v2.acknowledge import AcknowledgmentCode, ErrorCode, acknowledge
from transfer.adapters.hl7v2.appointments import appointment
from transfer.adapters.hl7v2.attached import attached
from transfer.adapters.hl7v2.batch import Batch, Miscount, batch, is_several
from transfer.adapters.hl7v2.consents import consents, permitting
from transfer.adapters.hl7v2.content import EmbeddedContent
from transfer.adapters.hl7v2.corrections import is_sent_later, lacks_results, with_corrections
from transfer.adapters.hl7v2.documents import HL7_V2, MessageDocument, documents
from transfer.adapters.hl7v2.header import MessageHeader, header
from transfer.adapters.hl7v2.identity import Change, IdentityChange, died, identity_changes
from transfer.adapters.hl7v2.labels import PART_2
from transfer.adapters.hl7v2.mentioned import Mentioned, mentioned
from transfer.adapters.hl7v2.message import Message
from transfer.adapters.hl7v2.objections import may_object, objections, says_consent
from transfer.adapters.hl7v2.referral import referral
from transfer.adapters.hl7v2.substance import substance
from transfer.arrivals import ArrivalKind

__all__ = [
    "HL7_V2",
    "PART_2",
    "AcknowledgmentCode",
    "Batch",
    "Change",
    "EmbeddedContent",
    "ErrorCode",
    "IdentityChange",
    "Mentioned",
    "Message",
    "MessageDocument",
    "MessageHeader",
    "Miscount",
    "acknowledge",
    "appointment",
    "attached",
    "batch",
    "consents",
    "died",
    "documents",
    "header",
    "identity_changes",
    "is_sent_later",
    "is_several",
    "kind",
    "lacks_results",
    "may_object",
    "mentioned",
    "objections",
    "permitting",
    "referral",
    "says_consent",
    "substance",
    "with_corrections",
]

_KINDS = {"REF": ArrivalKind.REFERRAL, "ORU": ArrivalKind.ANSWER, "OUL": ArrivalKind.ANSWER, "MDM": ArrivalKind.ANSWER}


def kind(header: MessageHeader) -> ArrivalKind:
    """What an arrival is, by its message type. What a batch brings is told when it is divided: until then, a notice."""
    if header.is_batch:
        return ArrivalKind.NOTICE
    return _KINDS.get(header.message_type, ArrivalKind.NOTICE)
