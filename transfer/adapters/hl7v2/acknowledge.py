"""Acknowledging what comes (v2.9 ch. 2.9, 2.14). It is all that we send in HL7 v2.

An acknowledgement releases the sender from keeping its copy, so whoever calls this has stored the message first.
It is written by hand: hl7apy takes 2.3 ms to build these two segments, by hand it is some 5 µs, and it stands in the
path of every message. A test has hl7apy validate every form of it, strictly.
"""

from datetime import datetime
from enum import IntEnum, StrEnum

from transfer.adapters.hl7v2.header import MessageHeader


class AcknowledgmentCode(StrEnum):
    """Of one message. `REJECTED` is for what could be taken at another time or was never for us, `ERROR` for content
    (table 0008); a sender resends after the first and calls somebody after the second.
    """

    ACCEPTED = "A"
    ERROR = "E"
    REJECTED = "R"


class ErrorCode(IntEnum):
    """Table 0357, as far as we say it."""

    SEQUENCE = 100
    MISSING_FIELD = 101
    UNKNOWN_VALUE = 103
    TOO_LONG = 104
    UNSUPPORTED_TYPE = 200
    UNSUPPORTED_EVENT = 201
    UNSUPPORTED_PROCESSING_ID = 202
    UNSUPPORTED_VERSION = 203
    INTERNAL = 207

    @property
    def wording(self) -> str:
        return _WORDING[self]


_WORDING = {
    ErrorCode.SEQUENCE: "Segment sequence error",
    ErrorCode.MISSING_FIELD: "Required field missing",
    ErrorCode.UNKNOWN_VALUE: "Table value not found",
    ErrorCode.TOO_LONG: "Value too long",
    ErrorCode.UNSUPPORTED_TYPE: "Unsupported message type",
    ErrorCode.UNSUPPORTED_EVENT: "Unsupported event code",
    ErrorCode.UNSUPPORTED_PROCESSING_ID: "Unsupported processing id",
    ErrorCode.UNSUPPORTED_VERSION: "Unsupported version id",
    ErrorCode.INTERNAL: "Application internal error",
}

#: answers to what cannot be read far enough to know who asks
NOBODY = MessageHeader("", "", "", "", "", "", "", "2.5.1", "P", "", "")

#: MSH-15/16 (table 0155) → the verdicts that are answered; anything else there is taken as AL
_ANSWERED = {
    "NE": frozenset[AcknowledgmentCode](),
    "ER": frozenset({AcknowledgmentCode.ERROR, AcknowledgmentCode.REJECTED}),
    "SU": frozenset({AcknowledgmentCode.ACCEPTED}),
}
_NO_MARKS = str.maketrans("", "", "-:T")
_OLD_ERR = ("2.1", "2.2", "2.3", "2.3.1", "2.4")


def code(header: MessageHeader, verdict: AcknowledgmentCode) -> str | None:
    """MSA-1 for a verdict: AA/AE/AR in original mode, CA/CE/CR in enhanced mode, None where no answer is wanted.

    Enhanced mode is on when MSH-15 says something. A sender that wants no accept acknowledgement (MSH-15 NE) but an
    application one (MSH-16) gets that on the same connection: the receipt is all we have to say about it, and hardly
    any sender listens for a second exchange.
    """
    if not header.accept_ack:
        return f"A{verdict}"
    if verdict in _ANSWERED.get(header.accept_ack, frozenset(AcknowledgmentCode)):
        return f"C{verdict}"
    if header.accept_ack == "NE" and verdict in _ANSWERED.get(
        header.application_ack or "NE", frozenset(AcknowledgmentCode)
    ):
        return f"A{verdict}"
    return None


def acknowledge(
    header: MessageHeader,
    verdict: AcknowledgmentCode,
    error: ErrorCode | None = None,
    *,
    control_id: str,
    now: datetime,
) -> bytes | None:
    """The acknowledgement of the message with this header, None where its sender wants none.

    `control_id` is our own, at most 20 characters. `now` is UTC. Written with the sender's delimiters, so that its
    control id, application and facility are echoed byte for byte.
    """
    answer = code(header, verdict)
    if answer is None:
        return None
    f = header.separators[0]
    msh = (
        f"MSH{header.separators}{f}{header.receiving_application}{f}{header.receiving_facility}{f}"
        f"{header.sending_application}{f}{header.sending_facility}{f}{_time(now)}+0000{f}{f}"
        f"{_type(header)}{f}{control_id}{f}{header.processing_id or 'P'}{f}{header.version or '2.5.1'}\r"
    )
    return f"{msh}{_msa(header, answer, error)}".encode("latin-1")


def _time(now: datetime) -> str:
    """To the second (TS). `strftime` takes six times as long."""
    return now.isoformat(timespec="seconds")[:19].translate(_NO_MARKS)


def _type(header: MessageHeader) -> str:
    """MSH-9. It grew: the event (MSH-9.2) came with v2.2, the structure (MSH-9.3) with v2.3.1."""
    if not header.trigger or header.version == "2.1":
        return "ACK"
    structure = f"{header.component}ACK" if header.version not in ("2.2", "2.3") else ""
    return f"ACK{header.component}{header.trigger}{structure}"


def _msa(header: MessageHeader, answer: str, error: ErrorCode | None) -> str:
    """MSA, and ERR where there is an error. Before 2.5 ERR had another form, and MSA-3 said it."""
    f, c = header.separators[0], header.component
    msa = f"MSA{f}{answer}{f}{header.control_id}"
    if error is None:
        return f"{msa}\r"
    if header.version in _OLD_ERR:
        return f"{msa}{f}{error.wording}\r"
    return f"{msa}\rERR{f}{f}{f}{error.value}{c}{error.wording}{c}HL70357{f}E\r"
