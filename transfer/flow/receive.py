"""Processing what came in: whose it is, whether it may be collected, which line it answers.

One arrival is one transaction that writes. Its bytes go into the vault before, under names the ledger knows. The
outcome is a fact: filed, sealed away, or held for a person. A poisonous arrival becomes a hold and stops no other.
"""

import time
from contextlib import suppress
from dataclasses import dataclass

from transfer import spans
from transfer.arrivals import Appointment, ArrivalState, Receipt, Referral, ReferralUpdate
from transfer.errors import ChangedMeanwhile, NeedsReview, OutOfOrder, Refused, TransferError
from transfer.flow import reading
from transfer.flow.answers import file_documents, file_request_answer
from transfer.flow.appointments import file_appointment
from transfer.flow.dividing import Miscounted, divide
from transfer.flow.forms import ask_for_form, file_form
from transfer.flow.identity import DecideAgain, unless_of_another
from transfer.flow.noting_codes import note_read
from transfer.flow.objections import ReceivedObjections, object_to_release
from transfer.flow.reading import (
    Aside,
    Notice,
    OtherMessage,
    Reading,
    ReceivedDocuments,
    SeveralMessages,
    Upload,
)
from transfer.flow.services import Services
from transfer.flow.unmatched import ask_about_deaths, file_notice, file_other_message
from transfer.flow.uploads import file_upload
from transfer.holds import HoldCode
from transfer.identifiers import INBOX, CaseId
from transfer.ledger import Tx, arrivals, holds, rounds
from transfer.ledger.arrivals import Arrival
from transfer.objections import Objection
from transfer.permissions import Authorization, Dispute, UnclearForm
from transfer.rounds import LEASE, Dag
from transfer.sealing import KeyGone
from transfer.source_answers import AnswerToRequest

#: a lane ends after so many arrivals or seconds, so that one busy institution cannot hold all intake
ARRIVALS_A_ROUND = 1000
SECONDS_A_ROUND = 20.0
#: of one institution's arrivals, before it is the others' turn
IN_A_ROW = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneResult:
    """How many arrivals a lane processed, and whether more wait."""

    count: int
    is_more: bool

    @property
    def sentence(self) -> str:
        return f"processed {self.count}" + (", more wait" if self.is_more else "")


def receive(services: Services) -> LaneResult:
    """Process what waits, institution by institution, in order of receipt. Two lanes at once share the work."""
    until, count = time.monotonic() + SECONDS_A_ROUND, 0
    while count < ARRIVALS_A_ROUND and time.monotonic() < until:
        with services.ledger.transaction() as tx:
            waiting = arrivals.waiting_institutions(tx)
        done = sum(_process_some(services, institution, until) for institution in waiting)
        if not done:
            return LaneResult(count=count, is_more=_look_again(services, waiting))
        count += done
    with services.ledger.transaction() as tx:
        rounds.owe(tx, Dag.RECEIVE_ARRIVALS, INBOX)
    return LaneResult(count=count, is_more=True)


def _look_again(services: Services, leased: list[str]) -> bool:
    """Owe a later round for what is still leased: its task may be dead, and then the lease lapses."""
    if leased:
        with services.ledger.transaction() as tx:
            rounds.owe(tx, Dag.RECEIVE_ARRIVALS, INBOX, after=LEASE)
    return bool(leased)


def _process_some(services: Services, institution: str, until: float) -> int:
    """Process a few of one institution's arrivals, at least one if it can be claimed. Then it is the others' turn."""
    for count in range(IN_A_ROW):
        if (count and time.monotonic() > until) or not _process_next(services, institution):
            return count
    return IN_A_ROW


def _process_next(services: Services, institution: str) -> bool:
    with services.ledger.transaction() as tx:
        arrival = arrivals.claim_next(tx, institution)
    if arrival is None:
        return False
    about = arrival.subject or arrival.id
    said = {"arrival": arrival.id, "institution": arrival.institution, "kind": arrival.kind}
    with spans.span("process", about, follows=(about, arrival.id), **said):
        process(services, arrival)
    return True


def process(services: Services, arrival: Arrival, *, case: CaseId | None = None) -> None:
    """Understand one arrival and let it take effect, once. `case` is the case whose own round processes it."""
    objections: tuple[Objection, ...] = ()
    try:
        if arrival.lost >= arrivals.LEASES_LOST:
            raise NeedsReview("poisonous")
        with services.ledger.transaction() as tx:
            body = reading.payload(tx, services, arrival)
        inside = reading.Inside(services.institutions[arrival.institution], body)
        objections = reading.objections(services, arrival, body, inside)
        _ask_about(services, arrival, reading.aside(services, arrival, body, inside))
        said = _said(services, arrival, body)
        disputes = reading.disputes(services, arrival, body)
        while True:
            try:
                return _take_effect(services, arrival, said, objections, disputes, case)
            except DecideAgain:  # whose it is may be otherwise now
                with services.ledger.transaction() as tx:
                    arrival = arrivals.as_it_is_now(tx, arrival)
    except KeyGone:
        return None  # purged meanwhile: there is nothing left to process
    except ChangedMeanwhile:
        return None  # another task processes it
    except OutOfOrder:
        _let_go(services, arrival)
        raise
    except (NeedsReview, Refused) as error:
        _hold(services, arrival, error, objections)


def _said(services: Services, arrival: Arrival, body: bytes) -> Reading:
    """What it says. Codes that mean nothing here are noted once for each arrival, however often it is read."""
    try:
        said = reading.read(services, arrival, body)
    except UnclearForm as error:
        _note_codes(services, arrival, error)
        raise
    _note_codes(services, arrival, said)
    return said


def _note_codes(services: Services, arrival: Arrival, said: Reading | UnclearForm) -> None:
    if arrival.state is ArrivalState.STORED:
        note_read(services, arrival.institution, said)


def _ask_about(services: Services, arrival: Arrival, aside: Aside) -> None:
    """What people are asked whatever becomes of the arrival."""
    while aside.died or aside.permitting:
        with suppress(DecideAgain), services.ledger.transaction() as tx:
            arrivals.still_ours(tx, arrival)
            ask_about_deaths(tx, aside.died)
            ask_for_form(tx, services.institutions, arrival.institution, aside.permitting)
            return


def _let_go(services: Services, arrival: Arrival) -> None:
    """Our own outage is not an attempt; release the claim. Where the ledger is away too, the lease lapses."""
    with suppress(OutOfOrder, ChangedMeanwhile), services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        arrivals.release_claim(tx, arrival)


def _hold(services: Services, arrival: Arrival, error: TransferError, objections: tuple[Objection, ...]) -> None:
    about = " ".join(error.findings) if isinstance(error, UnclearForm) else None
    code = HoldCode.FORM_UNCLEAR if about else HoldCode.ARRIVAL_UNREADABLE
    if arrival.lost >= arrivals.LEASES_LOST:
        code = HoldCode.ARRIVAL_POISONOUS
    elif isinstance(error, Miscounted):
        code = HoldCode.BATCH_MISCOUNTED
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        _object(tx, services, arrival, objections)
        # A no that was read now and that nobody could match is asked about, and with a clock.
        if not (objections and holds.is_asked(tx, arrival.id, HoldCode.OBJECTION_UNMATCHED)):
            holds.place(tx, arrival.id, code, about)
        arrivals.settle(tx, arrival, ArrivalState.HELD, error)


def _object(tx: Tx, services: Services, arrival: Arrival, objections: tuple[Objection, ...]) -> None:
    received = ReceivedObjections(objections=objections, arrival=arrival.id, sender=arrival.institution)
    object_to_release(tx, services.institutions, received, patient=arrival.patient)


def _take_effect(
    services: Services,
    arrival: Arrival,
    said: Reading,
    objections: tuple[Objection, ...],
    disputes: frozenset[Dispute],
    case: CaseId | None,
) -> None:
    if isinstance(said, Authorization):
        return file_form(services, arrival, said, objections, disputes=disputes, but=case)
    if objections:
        with services.ledger.transaction() as tx:
            arrivals.still_ours(tx, arrival)
            _object(tx, services, arrival, objections)
            unless_of_another(tx, arrival)
    _file(services, arrival, said)
    return None


def _file(services: Services, arrival: Arrival, said: Reading) -> None:
    """What it brings takes effect. A form's took effect before.

    Raises:
        NeedsReview: it names nothing of ours.
    """
    match said:
        case SeveralMessages():
            divide(services, arrival, said)
        case ReceivedDocuments():
            file_documents(services, arrival, said)
        case AnswerToRequest():
            file_request_answer(services, arrival, said)
        case Upload():
            file_upload(services, arrival, said.case)
        case Appointment():
            file_appointment(services, arrival, said)
        case Notice():
            file_notice(services, arrival, said)
        case OtherMessage():
            file_other_message(services, arrival, said)
        case Referral() | ReferralUpdate() | Receipt():
            # A referral with its case and a receipt with its packet have rounds of their own.
            raise NeedsReview("it names nothing of ours")
