"""Processing what came in: whose it is, whether it may be collected, which line it answers.

One arrival is one transaction that writes. Its bytes go into the vault before, under names the ledger knows. The
outcome is a fact: filed, sealed away, or held for a person. A poisonous arrival becomes a hold and stops no other.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from transfer.arrivals import ABSENCE_REASONS, NoRecords, Receipt, Referral, worded
from transfer.errors import Fenced, NeedsReview, OutOfOrder, Refused, TransferError
from transfer.flow import reading
from transfer.flow.assess import settle_needs
from transfer.flow.collecting import answered, join, may_collect, taken_back
from transfer.flow.dividing import Miscounted, divide
from transfer.flow.edges import Edges
from transfer.flow.fence import file_authorization
from transfer.flow.reading import Answer, Letter, Notice, Reading, Several
from transfer.holds import Word
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, arrivals, patients, people, purging, records, requests, rounds
from transfer.ledger.arrivals import STRANGER, Arrival
from transfer.ledger.records import About, New, Part
from transfer.matching import Match, Tier, Verdict, identify
from transfer.patients import Demographics
from transfer.permissions import Authorization
from transfer.record_requests import RequestState
from transfer.rounds import LEASE, Dag
from transfer.sealing import KeyGone

#: a lane ends after so many arrivals or seconds, so that one busy institution cannot hold all intake
ARRIVALS_A_ROUND = 1000
SECONDS_A_ROUND = 20.0
#: of one institution's arrivals, before it is the others' turn
IN_A_ROW = 25


class _Moved(Fenced):
    """The basis of our decision changed: a patient became known or was forgotten, a permission came. Decide again."""

    def __init__(self) -> None:
        super().__init__("what was decided by is no longer so")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attended:
    """How many arrivals a lane processed, and whether more wait."""

    count: int
    is_more: bool

    @property
    def sentence(self) -> str:
        return f"processed {self.count}" + (", more wait" if self.is_more else "")


def receive(edges: Edges) -> Attended:
    """Process what waits, institution by institution, in order of receipt. Two lanes at once share the work."""
    until, count = time.monotonic() + SECONDS_A_ROUND, 0
    while count < ARRIVALS_A_ROUND and time.monotonic() < until:
        with edges.ledger.transaction() as tx:
            waiting = arrivals.waiting_institutions(tx)
        done = sum(_attend_some(edges, institution, until) for institution in waiting)
        if not done:
            return Attended(count=count, is_more=_look_again(edges, waiting))
        count += done
    with edges.ledger.transaction() as tx:
        rounds.ring(tx, Dag.RECEIVE_ARRIVALS, "inbox")
    return Attended(count=count, is_more=True)


def _look_again(edges: Edges, leased: list[str]) -> bool:
    """Owe a later round for what is still leased: its task may be dead, and then the lease lapses."""
    if leased:
        with edges.ledger.transaction() as tx:
            rounds.ring(tx, Dag.RECEIVE_ARRIVALS, "inbox", after=LEASE)
    return bool(leased)


def _attend_some(edges: Edges, institution: str, until: float) -> int:
    """Process a few of one institution's arrivals, at least one if it can be claimed. Then it is the others' turn."""
    for count in range(IN_A_ROW):
        if (count and time.monotonic() > until) or not _attend_next(edges, institution):
            return count
    return IN_A_ROW


def _attend_next(edges: Edges, institution: str) -> bool:
    with edges.ledger.transaction() as tx:
        arrival = arrivals.claim_next(tx, institution)
    if arrival is None:
        return False
    attend(edges, arrival)
    return True


def attend(edges: Edges, arrival: Arrival, *, case: CaseId | None = None) -> None:
    """Understand one arrival and let it take effect, once. `case` is the case whose own round processes it."""
    try:
        if arrival.lost >= arrivals.LEASES_LOST:
            raise NeedsReview("poisonous")
        with edges.ledger.transaction() as tx:
            body = reading.payload(tx, edges, arrival)
        said = reading.read(edges, arrival, body)
        while True:
            try:
                return _take_effect(edges, arrival, said, case)
            except _Moved:
                continue
    except KeyGone:
        return None  # purged meanwhile: there is nothing left to process
    except Fenced:
        return None  # another task processes it
    except OutOfOrder:
        _let_go(edges, arrival)
        raise
    except (NeedsReview, Refused) as error:
        _hold(edges, arrival, error)


def _let_go(edges: Edges, arrival: Arrival) -> None:
    """Our own outage is not an attempt; release the claim. Where the ledger is away too, the lease lapses."""
    with suppress(OutOfOrder, Fenced), edges.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        arrivals.let_go(tx, arrival)


def _hold(edges: Edges, arrival: Arrival, error: TransferError) -> None:
    is_poisonous = arrival.lost >= arrivals.LEASES_LOST
    is_miscounted = isinstance(error, Miscounted)
    code = "arrival-poisonous" if is_poisonous else "batch-miscounted" if is_miscounted else "arrival-unreadable"
    with edges.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        people.hold(tx, arrival.id, code)
        arrivals.settle(tx, arrival, "held", f"{type(error).__name__.lower()}: {error}")


def _take_effect(edges: Edges, arrival: Arrival, said: Reading, case: CaseId | None) -> None:
    match said:
        case Several():
            divide(edges, arrival, said)
        case Authorization():
            _authorization(edges, arrival, said, case)
        case Answer():
            _answer(edges, arrival, said)
        case NoRecords():
            _no_records(edges, arrival, said)
        case Notice():
            _notice(edges, arrival, said)
        case Referral() | Receipt():
            # A referral with its case and a receipt with its packet have rounds of their own.
            raise NeedsReview("it names nothing of ours")


def match_patient(tx: Tx, said: Demographics, document: Iterable[object] = ()) -> Match:
    """Whose this is, of all patients we know."""
    numbers = frozenset(document)
    return identify(said, study_identifiers=numbers, candidates=patients.candidates(tx, said))  # type: ignore[arg-type]


# --- release forms --------------------------------------------------------------------------------------------------


def _authorization(edges: Edges, arrival: Arrival, form: Authorization, case: CaseId | None) -> None:
    with edges.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        match = match_patient(tx, form.patient)
        # People may have said before whose it is. They are not asked twice.
        patient = arrival.patient or match.patient
        if patient is not None:
            patients.lock(tx, patient)
            _unless_forgotten(tx, patient)
            file_authorization(tx, edges.institutions, patient, form, arrival.id, arrival.institution, but=case)
            arrivals.join_patient(tx, arrival, patient)
            arrivals.settle(tx, arrival, "filed", "authorization")
        elif match.verdict is Verdict.NOT_OURS:
            _seal_stranger(tx, arrival, [form.patient], "stranger")
        else:
            people.hold(tx, arrival.id, "whose-form")
            arrivals.settle(tx, arrival, "held", match.tier)


# --- records ---------------------------------------------------------------------------------------------------------


def _answer(edges: Edges, arrival: Arrival, answer: Answer) -> None:
    if not answer.letters:
        raise NeedsReview("not one entry can be used")
    said = list(dict.fromkeys(letter.document.patient for letter in answer.letters))
    matches = _match_or_seal(edges, arrival, answer, said)
    found = {match.patient for match in matches}
    if not matches:
        return
    before, now = arrival.patient, matches[0].patient if len(found) == 1 else None
    if now is not None and before in (None, now):
        _collect_answer(edges, arrival, answer, now, matches[0].tier)
    elif before is not None and _is_decided(edges, arrival):
        _collect_answer(edges, arrival, answer, before, Tier.DECIDED)
    else:  # also where a rule matched one patient before, and matches another or several today
        with edges.ledger.transaction() as tx:
            arrivals.still_ours(tx, arrival)
            people.hold(tx, arrival.id, "whose-record")
            arrivals.know_again(tx, arrival.id, _terms(tx, said))
            arrivals.settle(tx, arrival, "held", ",".join(sorted({match.tier for match in matches})))


def _is_decided(edges: Edges, arrival: Arrival) -> bool:
    """Whether people said whose it is. They are not asked twice."""
    with edges.ledger.transaction() as tx:
        return people.last_word(tx, arrival.id, "whose-record") == Word.OURS


def _match_or_seal(edges: Edges, arrival: Arrival, answer: Answer, said: list[Demographics]) -> list[Match]:
    """Whose each letter is; none where all are unmatched. Those are sealed in the same transaction.

    The result need not outlast a crash: the arrival does, and is processed again.
    """
    with edges.ledger.transaction() as tx:
        tx.run("SET LOCAL synchronous_commit = off")
        arrivals.still_ours(tx, arrival)
        patients.hold_terms(tx, _terms(tx, said))
        matches = [match_patient(tx, one.document.patient, one.document.identifiers) for one in answer.letters]
        if arrival.patient is None and all(match.verdict is Verdict.NOT_OURS for match in matches):
            _seal_away(tx, arrival, said, "stranger")
            return []
        return matches


def _collect_answer(edges: Edges, arrival: Arrival, answer: Answer, patient: PatientId, tier: Tier) -> None:
    with edges.ledger.transaction() as tx:
        cases = patients.open_cases(tx, [patient])
        permitted = [case for case in cases if _is_permitted(tx, edges, case, arrival, answer.letters)]
    if not permitted:
        with edges.ledger.transaction() as tx:
            arrivals.still_ours(tx, arrival)
            patients.share(tx, patient)
            _unless_forgotten(tx, patient)
            cases = patients.open_cases(tx, [patient])
            if any(_is_permitted(tx, edges, case, arrival, answer.letters) for case in cases):
                raise _Moved
            arrivals.join_patient(tx, arrival, patient)
            arrivals.settle(tx, arrival, "sealed", "waits-for-permission" if cases else "no-open-case")
        return
    # The bytes go into the vault without a lock; whether they may be collected is asked again under it.
    with purging.writing_for(patient):
        new = [_new_record(edges, arrival, letter, patient) for letter in answer.letters]
    with _all_taken_back(edges, arrival, new), edges.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        patients.share(tx, patient)
        for case in permitted:
            _join_all(tx, edges, case, arrival, new, tier)
        if arrival.conflicts:
            people.hold(tx, permitted[0], "control-id-conflict", arrival.id)
        if answer.unusable:
            people.hold(tx, permitted[0], "entries-unusable", arrival.id)
        if arrival.patient is None and arrival.state == "sealed":
            arrivals.count_stranger(tx, arrival, "matched")
        arrivals.join_patient(tx, arrival, patient)
        arrivals.settle(tx, arrival, "filed", tier)


def _unless_forgotten(tx: Tx, patient: PatientId) -> None:
    """Whose it is, is asked before a lock is held. A task that waited behind a purge asks again."""
    if purging.is_forgotten(tx, patient):
        raise _Moved


@contextmanager
def _all_taken_back(edges: Edges, arrival: Arrival, new: list[New]) -> Iterator[None]:
    """As `taken_back`, for what was written of an arrival."""
    keys = {part.location.key for one in new for part in one.parts if part.location != arrival.location}
    with ExitStack() as written:
        for key in keys:
            written.enter_context(taken_back(edges, key))
        yield


def _is_permitted(tx: Tx, edges: Edges, case: CaseId, arrival: Arrival, letters: Iterable[Letter]) -> bool:
    return all(
        may_collect(tx, edges, case, arrival.institution, one.document.kind, one.document.labels).is_permitted
        for one in letters
    )


def _join_all(tx: Tx, edges: Edges, case: CaseId, arrival: Arrival, new: list[New], tier: Tier) -> None:
    tx.lock_case(case)
    for one in new:
        ruling = may_collect(tx, edges, case, one.institution, one.kind, one.about.labels)
        if not ruling.is_permitted:
            raise _Moved
        kept = records.keep(tx, one)
        join(tx, edges, case, kept, ruling, tier)
        answered(tx, edges, case, arrival.institution, one.kind)
    settle_needs(tx, edges, case)


def _new_record(edges: Edges, arrival: Arrival, letter: Letter, patient: PatientId) -> New:
    parts = []
    if letter.is_message:
        with edges.ledger.transaction() as tx:
            body = reading.payload(tx, edges, arrival)
        place = arrival.location or edges.vault.keep([body])
        parts.append(Part(role="received", content_type=arrival.content_type, location=place))
    for piece in letter.pieces:
        role = "extracted" if letter.is_message else "received"
        if not piece.is_derived:
            place = edges.vault.keep(piece.open())
            parts.append(Part(role=role, content_type=piece.content_type, location=place))
    document = letter.document
    return New(
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


def _no_records(edges: Edges, arrival: Arrival, said: NoRecords) -> None:
    with edges.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        request = requests.get(tx, said.request)
        if request is None or request.institution != arrival.institution:
            raise NeedsReview("no request of ours to them")
        tx.lock_case(request.case)
        opened = tx.case(request.case).opened
        request = requests.get(tx, request.id) or request
        requests.move(tx, request, RequestState.NO_RECORDS, findings=[worded(said.reason, ABSENCE_REASONS)])
        settle_needs(tx, edges, request.case)
        if opened and patients.identity(tx, opened.patient):
            arrivals.join_patient(tx, arrival, PatientId(opened.patient))
        arrivals.settle(tx, arrival, "filed", "no-records")


def _notice(edges: Edges, arrival: Arrival, notice: Notice) -> None:
    with edges.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        matches = [match_patient(tx, said) for said in notice.patients]
        if concerned := [match for match in matches if match.patients]:
            people.hold(tx, arrival.id, "identity-changed")
            arrivals.settle(tx, arrival, "held", ",".join(sorted({match.tier for match in concerned})))
        else:
            _seal_stranger(tx, arrival, list(notice.patients), "notice")


def _seal_stranger(tx: Tx, arrival: Arrival, said: list[Demographics], outcome: str) -> None:
    """Seal an unmatched message, unless a patient became known meanwhile to whom it may belong."""
    patients.hold_terms(tx, _terms(tx, said))
    if any(match_patient(tx, one).verdict is not Verdict.NOT_OURS for one in said):
        raise _Moved
    _seal_away(tx, arrival, said, outcome)


def _seal_away(tx: Tx, arrival: Arrival, said: list[Demographics], outcome: str) -> None:
    """Keep it sealed and shown to nobody. It is found again if a case opens in time, else purged and counted."""
    arrivals.know_again(tx, arrival.id, _terms(tx, said))
    if arrival.state == "stored":
        arrivals.count_stranger(tx, arrival, "received")
        arrivals.settle(tx, arrival, "sealed", outcome, purge_after=STRANGER)
    else:
        arrivals.let_go(tx, arrival)


def _terms(tx: Tx, said: Iterable[Demographics]) -> list[bytes]:
    """The terms by which each of these people is found."""
    return sorted({term for one in said for term in patients.terms(tx, one)})
