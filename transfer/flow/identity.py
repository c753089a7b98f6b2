"""Whose is this? What a message says of people, held against the patients we know."""

from collections.abc import Callable, Collection, Iterable, Sequence

from transfer.case import OpenedCase
from transfer.errors import ChangedMeanwhile, NeedsReview
from transfer.flow.permitted_request import PermittedRequest
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode, SystemAnswer
from transfer.identifiers import CaseId, InstitutionId, PatientId, RequestId
from transfer.ledger import Tx, arrivals, compared, holds, numbered_records, patients, requests
from transfer.ledger.arrivals import Arrival
from transfer.ledger.compared import ComparedIdentity
from transfer.matching import Candidate, Match, MatchRule, MatchVerdict, identify, is_numbered
from transfer.patients import Demographics, IssuedIdentifier


class DecideAgain(ChangedMeanwhile):
    """The basis of a decision changed: a patient became known or was forgotten, a permission came. Decide again."""

    def __init__(self) -> None:
        super().__init__("what was decided by is no longer so")


class Undecided(NeedsReview):
    """People are asked whether what a source gives is the patient's. Until they answer nothing of it is taken."""

    def __init__(self) -> None:
        super().__init__("people are asked whose it is")


def match_patient(tx: Tx, said: Demographics) -> Match:
    """Whose this is, of all patients we know."""
    return identify(said, study_identifiers=frozenset(), candidates=patients.candidates(tx, said))


def match_held(
    tx: Tx, arrival: Arrival, find: Callable[[], Sequence[Match]], said: Iterable[Demographics] = ()
) -> list[Match]:
    """Hold whoever an arrival could be of, then match: until this transaction ends nobody of them is merged, taken
    apart or purged, and nobody who is found by what is `said` becomes known. Lock no patient after this.

    Raises:
        DecideAgain: it could be of others meanwhile, or people said whose it is.
    """
    held = _meant(arrival, find())
    for patient in sorted(held):
        patients.hold_epoch_shared(tx, patient)
    patients.hold_terms(tx, lookup_terms(tx, said))
    found = list(find())
    if not _meant(arrival, found) <= held:
        raise DecideAgain
    unless_of_another(tx, arrival)
    return found


def hold_patient_of(
    tx: Tx, case: CaseId, hold: Callable[[Tx, PatientId], object] = patients.hold_epoch_shared
) -> PatientId | None:
    """Hold the patient of a case, before the case is locked. None: its referral is not understood yet.

    `hold` is one of the ways of `patients`. Who waits for a merge or a split holds whoever the case's patient is then.
    """
    while (opened := tx.case(case).as_opened) is not None:
        hold(tx, opened.patient)
        if OpenedCase.of(tx.case(case)).patient == opened.patient:
            return opened.patient
    return None


def _meant(arrival: Arrival, matches: Iterable[Match]) -> set[PatientId]:
    return {patient for match in matches for patient in match.patients} | {one for one in (arrival.patient,) if one}


def unless_of_another(tx: Tx, arrival: Arrival) -> None:
    """Whose a claimed arrival was, it is still. Ask it while that patient is held.

    Raises:
        DecideAgain: two patients became one meanwhile, or two again, or the patient was forgotten.
    """
    if arrivals.as_it_is_now(tx, arrival).patient != arrival.patient:
        raise DecideAgain
    if arrival.patient is not None:
        unless_forgotten(tx, arrival.patient)


def is_request_number(number: IssuedIdentifier) -> bool:
    """Whether it could be the number of a request of ours, which an answer repeats."""
    return RequestId.pattern.fullmatch(number.value) is not None


def match_message(
    tx: Tx, institution: InstitutionId, said: Demographics, numbers: Iterable[IssuedIdentifier] = ()
) -> Match:
    """Whose a record is that an institution sent. What people said of exactly this, under the same number, stands.

    Where it names a request of ours to them among its numbers, it answers what we asked about that patient.
    """
    known = frozenset(numbers)
    found = patients.candidates(tx, said)
    named = [number.value for number in known if is_request_number(number)]
    requested = next((one for name in named if (one := requests.patient_of(tx, name, institution))), None)
    match = identify(said, study_identifiers=known, candidates=found, requested=requested)
    if match.verdict is MatchVerdict.NOT_OURS and not found:
        return _by_numbers(tx, said, known, requested) or match
    if match.verdict is not MatchVerdict.DOUBTFUL:
        return match
    answers = {patient: compared.answer(tx, patient, institution, said, "") for patient in match.patients}
    ours = [patient for patient, answer in answers.items() if answer is HoldAnswer.OURS]
    if len(ours) == 1 and is_numbered(said):
        return Match(verdict=MatchVerdict.OURS, match_rule=MatchRule.DECIDED, patients=tuple(ours))
    denied = {patient for patient, answer in answers.items() if answer is HoldAnswer.NOT_OURS}
    if not denied:
        return match
    left = [candidate for candidate in found if candidate.patient not in denied]
    return identify(said, study_identifiers=known, candidates=left, requested=requested)


def _by_numbers(
    tx: Tx, said: Demographics, numbers: Collection[IssuedIdentifier], requested: PatientId | None
) -> Match | None:
    """Where nobody can read whose it is: a number of its order or document that a record of an open case bears, too,
    shows whom it may be about, and so does the number of our own request. A person decides.
    """
    if not numbers or patients.terms(tx, said):
        return None
    meant = sorted({*numbered_records.patients_by_number(tx, numbers), *([requested] if requested else [])})
    if not meant:
        return None
    match_rule = MatchRule.UNCONFIRMED if len(meant) == 1 else MatchRule.SEVERAL_PATIENTS
    return Match(verdict=MatchVerdict.DOUBTFUL, match_rule=match_rule, patients=tuple(meant))


def match_answer(
    tx: Tx,
    services: Services,
    asking: PermittedRequest,
    said: Demographics,
    source: str,
    numbers: Iterable[IssuedIdentifier] = (),
) -> Match:
    """Whether what a source gives is of the patient it was asked about. No other patient is thought of.

    `source` is its own name for what it gives. What people said of it before stands. `numbers` are those of the study.
    """
    ours = Candidate(patient=asking.patient, current=asking.who.current, former=asking.who.former)
    match = identify(
        said,
        study_identifiers=frozenset(numbers),
        candidates=[ours],
        requested=asking.patient,
        further_suffices=services.takes_corroborated,
    )
    if match.verdict is MatchVerdict.OURS:
        return match
    match compared.answer(tx, asking.patient, asking.claimed.request.institution, said, source):
        case HoldAnswer.OURS:
            return Match(verdict=MatchVerdict.OURS, match_rule=MatchRule.DECIDED, patients=(asking.patient,))
        case HoldAnswer.NOT_OURS:
            return Match(verdict=MatchVerdict.NOT_OURS, match_rule=MatchRule.DECIDED)
    return match


def ask_whose(services: Services, asking: PermittedRequest, doubtful: Sequence[ComparedIdentity]) -> None:
    """Ask people once, for this patient and institution, about all that is doubtful in what it gives.

    What shows more than an open question of this case replaces it. Where nothing is doubtful any more, what this
    request asked about is withdrawn.

    Raises:
        ChangedMeanwhile: another task makes the request.
    """
    made = asking.claimed.request
    with services.ledger.transaction() as tx:
        patients.hold_epoch_shared(tx, asking.patient)
        tx.lock_case(made.case)
        requests.still_ours(tx, asking.claimed)
        if not doubtful:
            holds.withdraw(tx, made.case, HoldCode.WHOSE_ANSWER, SystemAnswer.ANSWERED, about=made.id)
            return
        compared.lock(tx, asking.patient, made.institution)
        is_new = compared.add(tx, asking.patient, made.institution, doubtful)
        question = compared.open_question(tx, asking.patient, made.institution)
        if question and not is_new:
            return
        if question and question[1] == made.case:
            holds.resolve(tx, question[0], SystemAnswer.ASKED_ANEW)
        if hold := holds.place(tx, made.case, HoldCode.WHOSE_ANSWER, made.id):
            compared.show_in(tx, asking.patient, made.institution, hold)


def lookup_terms(tx: Tx, said: Iterable[Demographics]) -> list[bytes]:
    """The terms by which each of these people is found. One's birth date does not go with another's name."""
    return sorted({term for one in said for term in patients.terms(tx, one)})


def unless_known(tx: Tx, said: Iterable[Demographics]) -> None:
    """Nobody of them is a patient of ours, and none becomes one before this transaction ends.

    Lock no patient after this.

    Raises:
        DecideAgain: one became known meanwhile to whom the message may belong.
    """
    people = list(said)
    patients.hold_terms(tx, lookup_terms(tx, people))
    if any(match_patient(tx, one).verdict is not MatchVerdict.NOT_OURS for one in people):
        raise DecideAgain


def unless_forgotten(tx: Tx, patient: PatientId) -> None:
    """Whose it is, is asked before a lock is held. A task that waited behind a purge asks again.

    Raises:
        DecideAgain: the patient was forgotten meanwhile.
    """
    if patients.is_forgotten(tx, patient):
        raise DecideAgain
