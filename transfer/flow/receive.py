"""Processing what came in: whose it is, whether it may be collected, which line it answers.

One arrival is one transaction that writes. Its bytes go into the vault before, under names the ledger knows. The
outcome is a fact: filed, sealed away, or held for a person. A poisonous arrival becomes a hold and stops no other.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from transfer.arrivals import ABSENCE_REASONS, ArrivalOutcome, ArrivalState, NoRecords, Receipt, Referral, worded
from transfer.errors import ChangedMeanwhile, NeedsReview, OutOfOrder, Refused, TransferError
from transfer.flow import reading
from transfer.flow.assess import settle_needs
from transfer.flow.collecting import answered, join, may_collect, taken_back
from transfer.flow.dividing import Miscounted, divide
from transfer.flow.reading import Notice, Reading, ReceivedDocument, ReceivedDocuments, SeveralMessages
from transfer.flow.services import Services
from transfer.flow.stopping import file_authorization
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, arrivals, holds, patients, records, requests, rounds, unmatched, vault_objects
from transfer.ledger.arrivals import UNMATCHED_RETENTION, Arrival
from transfer.ledger.records import About, NewRecord, RecordPart
from transfer.matching import Match, MatchRule, MatchVerdict, identify
from transfer.patients import Demographics
from transfer.permissions import Authorization
from transfer.requests import RequestState
from transfer.rounds import LEASE, Dag
from transfer.sealing import KeyGone

#: a lane ends after so many arrivals or seconds, so that one busy institution cannot hold all intake
ARRIVALS_A_ROUND = 1000
SECONDS_A_ROUND = 20.0
#: of one institution's arrivals, before it is the others' turn
IN_A_ROW = 25


class _Moved(ChangedMeanwhile):
    """The basis of our decision changed: a patient became known or was forgotten, a permission came. Decide again."""

    def __init__(self) -> None:
        super().__init__("what was decided by is no longer so")


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
        rounds.owe(tx, Dag.RECEIVE_ARRIVALS, "inbox")
    return LaneResult(count=count, is_more=True)


def _look_again(services: Services, leased: list[str]) -> bool:
    """Owe a later round for what is still leased: its task may be dead, and then the lease lapses."""
    if leased:
        with services.ledger.transaction() as tx:
            rounds.owe(tx, Dag.RECEIVE_ARRIVALS, "inbox", after=LEASE)
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
    process(services, arrival)
    return True


def process(services: Services, arrival: Arrival, *, case: CaseId | None = None) -> None:
    """Understand one arrival and let it take effect, once. `case` is the case whose own round processes it."""
    try:
        if arrival.lost >= arrivals.LEASES_LOST:
            raise NeedsReview("poisonous")
        with services.ledger.transaction() as tx:
            body = reading.payload(tx, services, arrival)
        said = reading.read(services, arrival, body)
        while True:
            try:
                return _take_effect(services, arrival, said, case)
            except _Moved:
                continue
    except KeyGone:
        return None  # purged meanwhile: there is nothing left to process
    except ChangedMeanwhile:
        return None  # another task processes it
    except OutOfOrder:
        _let_go(services, arrival)
        raise
    except (NeedsReview, Refused) as error:
        _hold(services, arrival, error)


def _let_go(services: Services, arrival: Arrival) -> None:
    """Our own outage is not an attempt; release the claim. Where the ledger is away too, the lease lapses."""
    with suppress(OutOfOrder, ChangedMeanwhile), services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        arrivals.release_claim(tx, arrival)


def _hold(services: Services, arrival: Arrival, error: TransferError) -> None:
    code = HoldCode.BATCH_MISCOUNTED if isinstance(error, Miscounted) else HoldCode.ARRIVAL_UNREADABLE
    if arrival.lost >= arrivals.LEASES_LOST:
        code = HoldCode.ARRIVAL_POISONOUS
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        holds.place(tx, arrival.id, code)
        arrivals.settle(tx, arrival, ArrivalState.HELD, error)


def _take_effect(services: Services, arrival: Arrival, said: Reading, case: CaseId | None) -> None:
    match said:
        case SeveralMessages():
            divide(services, arrival, said)
        case Authorization():
            _authorization(services, arrival, said, case)
        case ReceivedDocuments():
            _answer(services, arrival, said)
        case NoRecords():
            _no_records(services, arrival, said)
        case Notice():
            _notice(services, arrival, said)
        case Referral() | Receipt():
            # A referral with its case and a receipt with its packet have rounds of their own.
            raise NeedsReview("it names nothing of ours")


def match_patient(tx: Tx, said: Demographics, document: Iterable[object] = ()) -> Match:
    """Whose this is, of all patients we know."""
    numbers = frozenset(document)
    return identify(said, study_identifiers=numbers, candidates=patients.candidates(tx, said))  # type: ignore[arg-type]


# --- release forms --------------------------------------------------------------------------------------------------


def _authorization(services: Services, arrival: Arrival, form: Authorization, case: CaseId | None) -> None:
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        match = match_patient(tx, form.patient)
        # People may have said before whose it is. They are not asked twice.
        patient = arrival.patient or match.patient
        if patient is not None:
            patients.hold_epoch_exclusive(tx, patient)
            _unless_forgotten(tx, patient)
            file_authorization(tx, services.institutions, patient, form, arrival.id, arrival.institution, but=case)
            arrivals.join_patient(tx, arrival, patient)
            arrivals.settle(tx, arrival, ArrivalState.FILED, ArrivalOutcome.AUTHORIZATION)
        elif match.verdict is MatchVerdict.NOT_OURS:
            _seal_unmatched(tx, arrival, [form.patient], ArrivalOutcome.UNMATCHED)
        else:
            holds.place(tx, arrival.id, HoldCode.WHOSE_FORM)
            arrivals.settle(tx, arrival, ArrivalState.HELD, match.match_rule)


# --- records ---------------------------------------------------------------------------------------------------------


def _answer(services: Services, arrival: Arrival, answer: ReceivedDocuments) -> None:
    if not answer.letters:
        raise NeedsReview("not one entry can be used")
    said = list(dict.fromkeys(letter.document.patient for letter in answer.letters))
    matches = _match_or_seal(services, arrival, answer, said)
    found = {match.patient for match in matches}
    if not matches:
        return
    before, now = arrival.patient, matches[0].patient if len(found) == 1 else None
    if now is not None and before in (None, now):
        _collect_answer(services, arrival, answer, now, matches[0].match_rule)
    elif before is not None and _is_decided(services, arrival):
        _collect_answer(services, arrival, answer, before, MatchRule.DECIDED)
    else:  # also where a rule matched one patient before, and matches another or several today
        with services.ledger.transaction() as tx:
            arrivals.still_ours(tx, arrival)
            holds.place(tx, arrival.id, HoldCode.WHOSE_RECORD)
            arrivals.index_terms(tx, arrival.id, _terms(tx, said))
            arrivals.settle(tx, arrival, ArrivalState.HELD, {match.match_rule for match in matches})


def _is_decided(services: Services, arrival: Arrival) -> bool:
    """Whether people said whose it is. They are not asked twice."""
    with services.ledger.transaction() as tx:
        return holds.last_answer(tx, arrival.id, HoldCode.WHOSE_RECORD) == HoldAnswer.OURS


def _match_or_seal(
    services: Services, arrival: Arrival, answer: ReceivedDocuments, said: list[Demographics]
) -> list[Match]:
    """Whose each letter is; none where all are unmatched. Those are sealed in the same transaction.

    The result need not outlast a crash: the arrival does, and is processed again.
    """
    with services.ledger.transaction() as tx:
        tx.run("SET LOCAL synchronous_commit = off")
        arrivals.still_ours(tx, arrival)
        patients.hold_terms(tx, _terms(tx, said))
        matches = [match_patient(tx, one.document.patient, one.document.identifiers) for one in answer.letters]
        if arrival.patient is None and all(match.verdict is MatchVerdict.NOT_OURS for match in matches):
            _seal_away(tx, arrival, said, ArrivalOutcome.UNMATCHED)
            return []
        return matches


def _collect_answer(
    services: Services, arrival: Arrival, answer: ReceivedDocuments, patient: PatientId, match_rule: MatchRule
) -> None:
    with services.ledger.transaction() as tx:
        cases = patients.open_cases(tx, [patient])
        permitted = [case for case in cases if _is_permitted(tx, services, case, arrival, answer.letters)]
    if not permitted:
        with services.ledger.transaction() as tx:
            arrivals.still_ours(tx, arrival)
            patients.hold_epoch_shared(tx, patient)
            _unless_forgotten(tx, patient)
            cases = patients.open_cases(tx, [patient])
            if any(_is_permitted(tx, services, case, arrival, answer.letters) for case in cases):
                raise _Moved
            arrivals.join_patient(tx, arrival, patient)
            why = ArrivalOutcome.WAITS_FOR_PERMISSION if cases else ArrivalOutcome.NO_OPEN_CASE
            arrivals.settle(tx, arrival, ArrivalState.SEALED, why)
        return
    # The bytes go into the vault without a lock; whether they may be collected is asked again under it.
    with vault_objects.writing_for(patient):
        new = [_new_record(services, arrival, letter, patient) for letter in answer.letters]
    with _all_taken_back(services, arrival, new), services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        patients.hold_epoch_shared(tx, patient)
        for case in permitted:
            _join_all(tx, services, case, arrival, new, match_rule)
        if arrival.conflicts:
            holds.place(tx, permitted[0], HoldCode.CONTROL_ID_CONFLICT, arrival.id)
        if answer.unusable:
            holds.place(tx, permitted[0], HoldCode.ENTRIES_UNUSABLE, arrival.id)
        if arrival.patient is None and arrival.state is ArrivalState.SEALED:
            unmatched.count_matched(tx, arrival)
        arrivals.join_patient(tx, arrival, patient)
        arrivals.settle(tx, arrival, ArrivalState.FILED, match_rule)


def _unless_forgotten(tx: Tx, patient: PatientId) -> None:
    """Whose it is, is asked before a lock is held. A task that waited behind a purge asks again."""
    if patients.is_forgotten(tx, patient):
        raise _Moved


@contextmanager
def _all_taken_back(services: Services, arrival: Arrival, new: list[NewRecord]) -> Iterator[None]:
    """As `taken_back`, for what was written of an arrival."""
    keys = {part.location.key for one in new for part in one.parts if part.location != arrival.location}
    with ExitStack() as written:
        for key in keys:
            written.enter_context(taken_back(services, key))
        yield


def _is_permitted(
    tx: Tx, services: Services, case: CaseId, arrival: Arrival, letters: Iterable[ReceivedDocument]
) -> bool:
    return all(
        may_collect(tx, services, case, arrival.institution, one.document.kind, one.document.labels).is_permitted
        for one in letters
    )


def _join_all(
    tx: Tx, services: Services, case: CaseId, arrival: Arrival, new: list[NewRecord], match_rule: MatchRule
) -> None:
    tx.lock_case(case)
    for one in new:
        ruling = may_collect(tx, services, case, one.institution, one.kind, one.about.labels)
        if not ruling.is_permitted:
            raise _Moved
        kept = records.keep(tx, one)
        join(tx, services, case, kept, ruling, match_rule)
        answered(tx, services, case, arrival.institution, one.kind)
    settle_needs(tx, services, case)


def _new_record(services: Services, arrival: Arrival, letter: ReceivedDocument, patient: PatientId) -> NewRecord:
    parts = []
    if letter.is_message:
        with services.ledger.transaction() as tx:
            body = reading.payload(tx, services, arrival)
        place = arrival.location or services.vault.keep([body])
        parts.append(RecordPart(role="received", content_type=arrival.content_type, location=place))
    for piece in letter.pieces:
        role = "extracted" if letter.is_message else "received"
        if not piece.is_derived:
            place = services.vault.keep(piece.open())
            parts.append(RecordPart(role=role, content_type=piece.content_type, location=place))
    document = letter.document
    return NewRecord(
        patient=patient,
        institution=arrival.institution,
        kind=document.kind,
        status=document.status,
        origin=f"arrival/{letter.origin}" if letter.is_message else f"arrival/{arrival.id}/{letter.origin}",
        about=About.of(document),
        parts=tuple(parts),
        arrival=arrival.id,
    )


# --- the rest --------------------------------------------------------------------------------------------------------


def _no_records(services: Services, arrival: Arrival, said: NoRecords) -> None:
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        request = requests.get(tx, said.request)
        if request is None or request.institution != arrival.institution:
            raise NeedsReview("no request of ours to them")
        tx.lock_case(request.case)
        opened = tx.case(request.case).opened
        request = requests.get(tx, request.id) or request
        requests.move(tx, request, RequestState.NO_RECORDS, findings=[worded(said.reason, ABSENCE_REASONS)])
        settle_needs(tx, services, request.case)
        if opened and patients.identity(tx, opened.patient):
            arrivals.join_patient(tx, arrival, PatientId(opened.patient))
        arrivals.settle(tx, arrival, ArrivalState.FILED, ArrivalOutcome.NO_RECORDS)


def _notice(services: Services, arrival: Arrival, notice: Notice) -> None:
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        matches = [match_patient(tx, said) for said in notice.patients]
        if concerned := [match for match in matches if match.patients]:
            holds.place(tx, arrival.id, HoldCode.IDENTITY_CHANGED)
            arrivals.settle(tx, arrival, ArrivalState.HELD, {match.match_rule for match in concerned})
        else:
            _seal_unmatched(tx, arrival, list(notice.patients), ArrivalOutcome.NOTICE)


def _seal_unmatched(tx: Tx, arrival: Arrival, said: list[Demographics], outcome: ArrivalOutcome) -> None:
    """Seal an unmatched message, unless a patient became known meanwhile to whom it may belong."""
    patients.hold_terms(tx, _terms(tx, said))
    if any(match_patient(tx, one).verdict is not MatchVerdict.NOT_OURS for one in said):
        raise _Moved
    _seal_away(tx, arrival, said, outcome)


def _seal_away(tx: Tx, arrival: Arrival, said: list[Demographics], outcome: ArrivalOutcome) -> None:
    """Keep it sealed and shown to nobody. It is found again if a case opens in time, else purged and counted."""
    arrivals.index_terms(tx, arrival.id, _terms(tx, said))
    if arrival.state is ArrivalState.STORED:
        unmatched.count_received(tx, arrival)
        arrivals.settle(tx, arrival, ArrivalState.SEALED, outcome, purge_after=UNMATCHED_RETENTION)
    else:
        arrivals.release_claim(tx, arrival)


def _terms(tx: Tx, said: Iterable[Demographics]) -> list[bytes]:
    """The terms by which each of these people is found."""
    return sorted({term for one in said for term in patients.terms(tx, one)})
