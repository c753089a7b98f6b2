"""Letters by which a facility without an interface is asked: which is next, when and where it may go, and what it says.

A letter names a patient. So it goes only to a contact that somebody confirmed by telephone, only while its request
still awaits something, and by fax only in hours in which somebody stands at the machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from transfer.business_days import business_day_after
from transfer.contacts import Contact
from transfer.errors import Unavailable
from transfer.identifiers import CaseId, LetterId, RequestId
from transfer.partial_dates import PartialDate
from transfer.procedures import ProcedureKind
from transfer.records import RecordKind
from transfer.requests import AWAITED, RequestState

#: when faxes go, on the clocks of the facility, from Monday to Friday
FAX_FROM, FAX_UNTIL = time(8), time(17)
_SATURDAY: Final = 5
#: pauses after a fax that did not go through; after the last one a person decides
PAUSES: Final = (timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=2))


#: where a second letter goes by itself: nothing was said yet, or more is owed
CHASED: Final = frozenset({RequestState.EXPECTED, RequestState.PARTLY})
#: where a letter makes sense: something is awaited, or a source has not answered
WRITTEN_ABOUT: Final = AWAITED | {RequestState.SILENT}


class LetterKind(StrEnum):
    """Which letter of one request: what came since the first is not asked for again."""

    FIRST = "first"
    SECOND = "second"
    FINAL = "final"


class SendingWay(StrEnum):
    FAX = "fax"
    #: into the folder of what is to be printed and posted
    PRINT = "print"
    #: somebody here sent it, and says so
    BY_HAND = "by-hand"


class LetterState(StrEnum):
    QUEUED = "queued"
    #: a task is sending it
    SENDING = "sending"
    SENT = "sent"
    #: a person decides whether it goes again
    FAILED = "failed"
    CANCELLED = "cancelled"
    #: what it asks for came, or may not be asked for any more
    NOT_NEEDED = "not-needed"


class SendingFailure(StrEnum):
    """Why it did not go through."""

    BUSY = "busy"
    NO_ANSWER = "no-answer"
    #: no fax answers at that number
    NO_FAX = "no-fax"
    #: the service that sends faxes does not answer
    AWAY = "away"
    #: it does not take this letter, however often
    TURNED_AWAY = "turned-away"
    #: letters of the patient's name cannot be drawn here: nobody would know whom it is about
    NAME_UNDRAWN = "name-undrawn"
    #: the service said later that not all pages went through
    PAGES_LOST = "pages-lost"
    #: the task died while it was sent: nobody knows whether it went
    UNKNOWN = "unknown"

    @property
    def may_pass(self) -> bool:
        """Whether trying again by itself may help."""
        return self in _MAY_PASS


_MAY_PASS: Final = frozenset(
    {SendingFailure.BUSY, SendingFailure.NO_ANSWER, SendingFailure.AWAY, SendingFailure.PAGES_LOST}
)


class NotSent(Unavailable):
    """It did not go through, or nobody knows."""

    def __init__(self, failure: SendingFailure) -> None:
        super().__init__(f"the letter did not go through: {failure}")
        self.failure = failure


class LetterSender(Protocol):
    """One way by which letters leave: a folder to print from, a service that faxes."""

    def send(self, letter: LetterId, to: str, pdf: bytes) -> str:
        """Hand a letter over. The same letter again is the same sending, where the way can tell.

        Args:
            to: a fax number (E.164), or a postal address of several lines.

        Returns:
            what this way calls the sending, in letters, digits and `._@-`.

        Raises:
            NotSent: it did not go through.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One letter on its way. Times are UTC; `not_before` is when it may go."""

    id: LetterId
    case: CaseId
    request: RequestId
    kind: LetterKind
    way: SendingWay
    state: LetterState
    queued_at: datetime
    not_before: datetime
    #: times that it was tried
    attempts: int
    #: the number or the address it went to, or was last tried at
    sent_to: str | None
    pages: int | None
    #: what whoever sent it calls this sending
    confirmation: str | None
    failure: SendingFailure | None
    #: when it was sent, or given up
    settled_at: datetime | None
    #: the note that has its text, sealed; None until it begins to leave
    note: str | None
    #: it goes by itself, because the one before was not answered
    is_automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterOffice:
    """Who signs letters from here: a name, and how a facility reaches it."""

    name: str
    contact: Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterText:
    """All that one letter says. Days are those of the facility."""

    kind: LetterKind
    #: our number of the request
    reference: str
    dated: date
    #: days on which earlier letters went
    before: tuple[date, ...]
    facility: str
    department: str
    #: by name, as `Family, Given`
    patient: str
    born: date | None
    #: the patient's numbers that are the facility's own
    numbers: tuple[str, ...]
    #: for whom the records are
    receiver: str
    referring: str
    #: what is asked for, by kind; of an earlier letter what is still outstanding
    wanted: tuple[RecordKind, ...]
    #: what was received since the first letter
    received: tuple[RecordKind, ...]
    needed_by: date | None
    #: the basis of the release: authorization, treatment and so on, and when a form was signed
    basis: str
    signed_on: date | None
    #: the code of the page on which they answer, and its address
    code: str
    answer_at: str
    #: of what was done there, and when, where only its records are asked for
    procedure: ProcedureKind | None = None
    done_on: PartialDate | None = None

    def __post_init__(self) -> None:
        if not self.wanted:
            raise ValueError("a letter asks for something")
        if (self.kind is LetterKind.FIRST) is bool(self.before):
            raise ValueError("the first letter follows none, and every other one follows some")


def kind_after(sent: int) -> LetterKind:
    """Which letter is next, where so many went: every one after the second is the final one, sent again."""
    return (LetterKind.FIRST, LetterKind.SECOND)[sent] if sent < 2 else LetterKind.FINAL


def way_to(contact: Contact, *, can_fax: bool) -> SendingWay:
    """By fax where there is a number and faxes go from here; else it is printed, and somebody faxes or posts it."""
    return SendingWay.FAX if contact.fax and can_fax else SendingWay.PRINT


def address_of(contact: Contact, way: SendingWay) -> str:
    """Where it goes by this way: a fax number, or an address of several lines."""
    first, other = (contact.fax, contact.address) if way is SendingWay.FAX else (contact.address, contact.fax)
    return first or other or ""


def is_needed(
    state: RequestState,
    *,
    is_active: bool,
    is_permitted: bool,
    wanted: Sequence[RecordKind],
    is_automatic: bool = False,
) -> bool:
    """Whether a letter may still go: something is awaited of the request and outstanding, the case goes on, and the
    facility may be asked. It is asked in the transaction that begins the sending.

    One that would go by itself does not, once the facility has said anything (`CHASED`).
    """
    states = CHASED if is_automatic else WRITTEN_ABOUT
    return state in states and is_active and is_permitted and bool(wanted)


def chased_from(sent_at: datetime, usual_days: int, zone: ZoneInfo) -> datetime:
    """When a letter that was not answered is followed by the second one, UTC: in the morning of the first business day
    once the department's usual days are over, on its clocks. Silence counts from twice these days (`silent_from`).
    """
    day = sent_at.astimezone(zone).date() + timedelta(days=usual_days)
    return datetime.combine(business_day_after(day - timedelta(days=1)), FAX_FROM, zone).astimezone(UTC)


def sends_from(way: SendingWay, now: datetime, zone: ZoneInfo) -> datetime:
    """The first moment from now on at which it may go, UTC. Faxes go in office hours of the facility."""
    if way is not SendingWay.FAX:
        return now
    there = now.astimezone(zone)
    if there.weekday() < _SATURDAY and FAX_FROM <= there.time() < FAX_UNTIL:
        return now
    day = there.date()
    if there.weekday() >= _SATURDAY or there.time() >= FAX_UNTIL:
        day = business_day_after(day)
    return datetime.combine(day, FAX_FROM, zone).astimezone(now.tzinfo)


def next_try(failure: SendingFailure, attempts: int, way: SendingWay, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When it is tried again after this many tries; None: a person decides."""
    if not failure.may_pass or attempts > len(PAUSES):
        return None
    return sends_from(way, now + PAUSES[attempts - 1], zone)


def look_after(sent_on: date) -> date:
    """When somebody asks whether it arrived: a fax that went through may still have reached nobody."""
    return business_day_after(sent_on)
