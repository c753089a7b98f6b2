"""What comes in through a door: stored and sealed first, understood afterwards.

An arrival is acknowledged when it is durably *stored*. Before that, only the few bytes are read that say where it
belongs.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from transfer.diagnoses import Diagnosis
from transfer.identifiers import InstitutionId
from transfer.patients import Demographics, IssuedIdentifier
from transfer.procedures import NONE_LISTED, Procedures
from transfer.referrals import ReferralStatus


class Door(StrEnum):
    """How it came."""

    MLLP = "mllp"
    FHIR = "fhir"
    DESK = "desk"
    #: a page for people outside
    PAGE = "page"


class ArrivalKind(StrEnum):
    REFERRAL = "referral"
    AUTHORIZATION = "authorization"
    ANSWER = "answer"
    RECEIPT = "receipt"
    NOTICE = "notice"


class ArrivalState(StrEnum):
    """How far an arrival is. `HELD`: a person decides. `PURGED`: only that it came is known."""

    STORED = "stored"
    SEALED = "sealed"
    FILED = "filed"
    HELD = "held"
    PURGED = "purged"


class ArrivalOutcome(StrEnum):
    """Why an arrival is filed, sealed or held, where neither a rule of matching nor an error says so."""

    # it took effect
    AUTHORIZATION = "authorization"
    REQUEST_ANSWER = "request-answer"
    RECEIPT = "receipt"
    RECEIPT_AGAIN = "receipt again"
    #: of a referral that opened a case before
    REFERRAL_AGAIN = "referral again"
    APPOINTMENT = "appointment"
    #: a file that a person looks at
    UPLOADED = "uploaded"
    # it waits, or lapses
    UNMATCHED = "unmatched"
    NOTICE = "notice"
    DIVIDED = "divided"
    WAITS_FOR_PERMISSION = "waits-for-permission"
    NO_OPEN_CASE = "no-open-case"
    # a person is asked
    REFERRAL_UNREADABLE = "referral-unreadable"
    REFERRAL_NOT_ACTIVE = "referral-not-active"
    NO_RECEIPT = "no receipt of this packet"
    NO_MESSAGE = "what its sender may not send, or is no message"
    # a person decided
    DECIDED = "decided"
    NOT_OURS = "not-ours"
    SEEN = "seen"
    CLOSED = "closed"


class Grant(StrEnum):
    """What an institution may do at our doors (docs/connecting-an-institution.md): say these, and fetch its packets."""

    RECORDS = "records"
    REFERRALS = "referrals"
    AUTHORIZATIONS = "authorizations"
    REVOCATIONS = "revocations"
    RECEIPTS = "receipts"
    ANSWERS = "answers"
    PACKETS = "packets"


#: what an institution must be granted, one of these, for what it sends by HL7 v2. Whoever refers or receives may tell
#: of appointments
GRANTS_FOR = {
    ArrivalKind.REFERRAL: frozenset({Grant.REFERRALS}),
    ArrivalKind.ANSWER: frozenset({Grant.RECORDS}),
    ArrivalKind.NOTICE: frozenset({Grant.RECORDS, Grant.REFERRALS, Grant.RECEIPTS}),
}


class Priority(StrEnum):
    """How soon, as https://hl7.org/fhir/R4/valueset-request-priority.html says it."""

    ROUTINE = "routine"
    URGENT = "urgent"
    ASAP = "asap"
    STAT = "stat"

    @property
    def rank(self) -> int:
        """0 is the most urgent."""
        return _MOST_URGENT_FIRST.index(self)


_MOST_URGENT_FIRST = tuple(reversed(Priority))


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """A request for a second opinion, in our words.

    `references` are the sender's numbers for it: what comes later under one of them is about the same referral.
    `diagnoses` are all that it lists, in its order: their codes pick the checklist. `sources` are the institutions the
    referral names as holding records.
    """

    patient: Demographics
    references: tuple[IssuedIdentifier, ...]
    diagnoses: tuple[Diagnosis, ...]
    question: str | None
    #: in words, with its code and its stage where they are said
    diagnosis: str | None = None
    receiver: InstitutionId
    referring: InstitutionId
    #: the person who refers, with a telephone number
    referrer: str | None = None
    sources: tuple[InstitutionId, ...]
    needed_by: date | None = None
    #: UTC
    appointment_at: datetime | None = None
    priority: Priority = Priority.ROUTINE
    #: what was done to the patient
    procedures: Procedures = NONE_LISTED

    @property
    def words(self) -> dict[str, str]:
        """What it says in words. Each is kept sealed as a note of its case that is about this."""
        said = {"question": self.question, "diagnosis": self.diagnosis, "referrer": self.referrer}
        return {about: words for about, words in said.items() if words}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralUpdate:
    """What is said of a referral that asks for nothing now: it is withdrawn, on hold, completed, or only planned.

    `status` None: its sender asks how it stands.
    """

    patient: Demographics
    references: tuple[IssuedIdentifier, ...]
    status: ReferralStatus | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """An appointment of a patient, made, moved or cancelled. `at` is UTC."""

    patient: Demographics
    #: where it is; None: the message names no institution that we know
    place: InstitutionId | None
    at: datetime | None
    #: the day there
    day: date | None
    #: its sender's own number for it
    number: str | None = None
    #: it does not take place, or the patient did not come
    is_cancelled: bool = False


class ReceiptStatus(StrEnum):
    ACCEPTED = "accepted"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the receiver says of a packet. `packet` is the peer's text until it is checked against our own ids."""

    packet: str
    status: ReceiptStatus
    #: coded reasons of a decline, in the peer's own words until `worded`
    reasons: tuple[str, ...] = ()
    #: the account of who said so at our pages; None: their system did
    said_by: str | None = None


#: the receiver declines the case with the packet: it gives no second opinion
CASE_DECLINED = "case-declined"
#: why a packet is declined, besides the keys of checklist lines
DECLINE_REASONS = frozenset(
    {"incomplete", "integrity", "wrong-patient", "unreadable", "duplicate", "not-expected", CASE_DECLINED}
)
OTHER_REASON = "other"


def worded(said: str, known: Collection[str]) -> str:
    """A reason that we know, else *other*. Facts stay for ever and in clear, and a peer's own word could be a name."""
    return said if said in known else OTHER_REASON
