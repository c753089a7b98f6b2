"""Acknowledging what comes, and reading the acknowledgements of what we send (v2.9 ch. 2.9, 2.14).

An acknowledgement releases the sender from keeping its copy, so whoever calls this has stored the message first.
It is written by hand: hl7apy takes 2.3 ms to build these two segments, by hand it is some 5 µs, and it stands in the
path of every message. The tests parse every form of it with hl7apy, strictly validated.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from transfer.adapters.hl7v2.header import Header
from transfer.adapters.hl7v2.message import Message


class Verdict(StrEnum):
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
NOBODY = Header("", "", "", "", "", "", "", "2.5.1", "P", "", "")

#: MSH-15/16 (table 0155) → the verdicts that are answered; anything else there is taken as AL
_ANSWERED = {
    "NE": frozenset[Verdict](),
    "ER": frozenset({Verdict.ERROR, Verdict.REJECTED}),
    "SU": frozenset({Verdict.ACCEPTED}),
}
_OLD_ERR = ("2.1", "2.2", "2.3", "2.3.1", "2.4")


def code(header: Header, verdict: Verdict) -> str | None:
    """MSA-1 for a verdict: AA/AE/AR in original mode, CA/CE/CR in enhanced mode, None where no answer is wanted.

    Enhanced mode is on when MSH-15 says something. A sender that wants no accept acknowledgement (MSH-15 NE) but an
    application one (MSH-16) gets that on the same connection: the receipt is all we have to say about it, and hardly
    any sender listens for a second exchange.
    """
    if not header.accept_ack:
        return f"A{verdict}"
    if verdict in _ANSWERED.get(header.accept_ack, frozenset(Verdict)):
        return f"C{verdict}"
    if header.accept_ack == "NE" and verdict in _ANSWERED.get(header.application_ack or "NE", frozenset(Verdict)):
        return f"A{verdict}"
    return None


def acknowledge(
    header: Header, verdict: Verdict, error: ErrorCode | None = None, *, control_id: str, now: datetime
) -> bytes | None:
    """The acknowledgement of the message with this header, None where its sender wants none.

    `control_id` is our own, at most 20 characters. `now` is UTC. Written with the sender's delimiters, so that its
    control id, application and facility are echoed byte for byte.
    """
    answer = code(header, verdict)
    if answer is None:
        return None
    f, c = header.separators[0], header.component
    trigger = f"{c}{header.trigger}{c}ACK" if header.trigger else ""
    msh = (
        f"MSH{header.separators}{f}{header.receiving_application}{f}{header.receiving_facility}{f}"
        f"{header.sending_application}{f}{header.sending_facility}{f}{now:%Y%m%d%H%M%S}+0000{f}{f}"
        f"ACK{trigger}{f}{control_id}{f}{header.processing_id or 'P'}{f}{header.version or '2.5.1'}\r"
    )
    return f"{msh}{_msa(header, answer, error)}".encode("latin-1")


def _msa(header: Header, answer: str, error: ErrorCode | None) -> str:
    """MSA, and ERR where there is an error. Before 2.5 ERR had another form, and MSA-3 said it."""
    f, c = header.separators[0], header.component
    msa = f"MSA{f}{answer}{f}{header.control_id}"
    if error is None:
        return f"{msa}\r"
    if header.version in _OLD_ERR:
        return f"{msa}{f}{error.wording}\r"
    return f"{msa}\rERR{f}{f}{f}{error.value}{c}{error.wording}{c}HL70357{f}E\r"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What a receiver said. `code` is MSA-1 (AA, CE …), `errors` the codes of ERR-3. Texts may quote the message: left
    out.
    """

    code: str
    #: the control id of the message it is about
    control_id: str
    errors: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """None for a code that the standard does not know."""
        known = len(self.code) == 2 and self.code[0] in "AC" and self.code[1] in list(Verdict)
        return Verdict(self.code[1]) if known else None


def acknowledgement(payload: bytes) -> Acknowledgement | None:
    """Read an acknowledgement, however its MSH is formed (some receivers leave MSH-10 out and shift what follows).
    None where it has no MSA: it is another message.

    Raises:
        Unreadable: not a message.
    """
    message = Message(payload)
    msa = message.first("MSA")
    if msa is None:
        return None
    said = [segment.text(3) or segment.text(1, 4) for segment in message.segments("ERR")]  # ERR-1.4: before 2.5
    return Acknowledgement(
        code=(msa.text(1) or "").upper(),
        control_id=msa.raw(2).decode("latin-1"),
        errors=tuple(error for error in said if error),
    )
