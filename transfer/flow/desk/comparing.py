"""Whose it is: people compare what a message or a source says of its patient with the patients it could be.

Where only name and birth date agree, or several patients could be meant, two people must give the same answer. Until
then nobody's record is touched. What each said stands in the trail of the patients compared.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Self

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.arrivals import ArrivalKind, ArrivalOutcome, ArrivalState
from transfer.case import OpenedCase
from transfer.errors import NeedsReview
from transfer.facts import Chain
from transfer.flow import reading
from transfer.flow.desk.answering import ask_again_if_fetched
from transfer.flow.desk.merging import merge_in, patient_of
from transfer.flow.desk.verbs import at_desk, known_case, not_allowed, refused, unknown
from transfer.flow.identity import DecideAgain, match_message, match_patient
from transfer.flow.reading import whom_it_names
from transfer.flow.services import Services
from transfer.holds import COMPARED, HoldAnswer, HoldCode
from transfer.identifiers import CaseId, InstitutionId, PatientId
from transfer.ledger import (
    Tx,
    arrivals,
    cases,
    compared,
    holds,
    merging,
    opened_records,
    patients,
    requests,
    rounds,
    unmatched,
)
from transfer.ledger.arrivals import Arrival
from transfer.ledger.holds import Hold
from transfer.ledger.patients import Identity
from transfer.matching import Match, MatchRule, MatchVerdict, deciders
from transfer.patients import Demographics
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right
from transfer.rounds import Dag
from transfer.sealing import KeyGone

#: where people say "ours", what the message calls its patient is not remembered: it is another patient's as well
_NOT_LEARNED = MatchRule.SEVERAL_PATIENTS
#: questions that may be answered with a case that is closed: its patient is meant
_OF_CLOSED_CASES = (HoldCode.WHOSE_REFERRAL, HoldCode.SAME_PATIENT)
_PURGED: Final = Reason(RefusalCode.SUBJECT_IS_PURGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPatient:
    """Somebody it could be, with the cases by which a person names them."""

    patient: PatientId
    cases: tuple[str, ...]
    identity: Identity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one person said. `is_claimed`: nobody made sure that it was this person."""

    person: str
    is_claimed: bool
    answer: HoldAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the message says of its patient, and whom it could be. `deciders`: how many people must say the same.

    `arrival` is None where it is no message but what a source found when we asked it.
    """

    arrival: str | None
    institution: str
    said: tuple[Demographics, ...]
    matches: tuple[Match, ...]
    candidates: tuple[ComparedPatient, ...]
    deciders: int
    opinions: tuple[Opinion, ...]

    @property
    def match_rule(self) -> MatchRule:
        return self.matches[0].match_rule

    def without_identity(self) -> Self:
        """The same, and nobody is named."""
        nameless = tuple(replace(candidate, identity=None) for candidate in self.candidates)
        return replace(self, said=(), candidates=nameless)


def compare(services: Services, hold: Hold) -> Comparison:
    """Read the message again and put it beside whom it could be.

    Raises:
        Unknown: the message is purged.
        NeedsReview: it cannot be read any more.
    """
    if hold.code is HoldCode.WHOSE_ANSWER:
        return _compare_answer(services, hold)
    if hold.code is HoldCode.SAME_PATIENT:
        return _compare_patients(services, hold)
    name = hold.about if hold.code is HoldCode.WHOSE_REFERRAL else hold.subject
    with services.ledger.transaction() as tx:
        arrival = arrivals.get(tx, name or "")
        if arrival is None:
            raise unknown(_PURGED)
        try:
            body = reading.payload(tx, services, arrival)
        except KeyGone:
            raise unknown(_PURGED) from None
    said = whom_it_names(reading.read(services, arrival, body))
    if not said:
        raise refused(NeedsReview, Reason(RefusalCode.NAMES_NO_PATIENT))
    with services.ledger.transaction() as tx:
        matches = [
            match_message(tx, arrival.institution, who, numbers)
            if arrival.kind is ArrivalKind.ANSWER
            else match_patient(tx, who)
            for who, numbers in said
        ]
        meant = sorted({patient for match in matches for patient in match.patients})
        return Comparison(
            arrival=arrival.id,
            institution=arrival.institution,
            said=tuple(dict.fromkeys(who for who, _ in said)),
            matches=tuple(matches),
            candidates=tuple(_candidate(tx, patient) for patient in meant),
            deciders=max(1, *(match.deciders for match in matches)),
            opinions=tuple(_opinions(tx, hold, meant)),
        )


def _compare_answer(services: Services, hold: Hold) -> Comparison:
    """What a source said when it was asked about the patient of the case."""
    with services.ledger.transaction() as tx:
        try:
            shown = compared.shown_in(tx, hold.id)
        except KeyGone:
            raise unknown(_PURGED) from None
        if not shown:
            raise unknown(_PURGED)
        patient, institution, _, _ = shown[0]
        return Comparison(
            arrival=None,
            institution=institution,
            said=tuple(said for _, _, said, _ in shown),
            matches=tuple(
                Match(verdict=MatchVerdict.DOUBTFUL, match_rule=match_rule, patients=(patient,))
                for _, _, _, match_rule in shown
            ),
            candidates=(_candidate(tx, patient),),
            deciders=max(deciders(match_rule) for _, _, _, match_rule in shown),
            opinions=tuple(_opinions(tx, hold, [patient])),
        )


def _compare_patients(services: Services, hold: Hold) -> Comparison:
    """The patient of the other case, beside that of the question's own. Two people decide."""
    with services.ledger.transaction() as tx:
        case, other = (OpenedCase.of(tx.case(CaseId(one or ""))) for one in (hold.subject, hold.about))
        absorbed, candidate = patients.identity(tx, other.patient), _candidate(tx, case.patient)
        if absorbed is None or candidate.identity is None:
            raise unknown(_PURGED)
        match = Match(verdict=MatchVerdict.DOUBTFUL, match_rule=MatchRule.SEVERAL_PATIENTS, patients=(case.patient,))
        return Comparison(
            arrival=None,
            institution=other.referring,
            said=(absorbed.current, *absorbed.former),
            matches=(match,),
            candidates=(candidate,),
            deciders=match.deciders,
            opinions=tuple(_opinions(tx, hold, [case.patient])),
        )


def _candidate(tx: Tx, patient: PatientId) -> ComparedPatient:
    return ComparedPatient(
        patient=patient, cases=tuple(cases.newest_first(tx, patient)), identity=patients.identity(tx, patient)
    )


def _opinions(tx: Tx, hold: Hold, meant: Iterable[PatientId]) -> Iterable[Opinion]:
    """Who has said what so far. Whether they had signed in stands in the chains of the patients compared."""
    lines = (line for patient in meant for line in tx.lines(Chain.patient(patient)) if not line.by.is_claimed)
    signed_in = {
        line.by.person for line in lines if isinstance(line.fact, facts.MatchDecided) and line.fact.hold == hold.id
    }
    for person, answer in holds.answers(tx, hold.id):
        yield Opinion(person=person, is_claimed=person not in signed_in, answer=answer)


def decide(services: Services, hold: Hold, answer: HoldAnswer, *, actor: Actor, case: CaseId | None) -> ActionResult:
    """One person's answer about whose it is. It takes effect when as many have said the same as must.

    Raises:
        NotAllowed: no case is named, it is none of those compared, or the message is about several people.
    """
    assert hold.code in COMPARED  # the caller sorted
    while True:
        with suppress(DecideAgain):
            return _decide(services, hold, compare(services, hold), answer, actor, case)


def _decide(
    services: Services, hold: Hold, seen: Comparison, answer: HoldAnswer, actor: Actor, case: CaseId | None
) -> ActionResult:
    with at_desk(services, actor, Right.DECIDE_WHOSE) as tx:
        compared_with = [candidate.patient for candidate in seen.candidates]
        _lock(tx, hold, compared_with)
        if any(_candidate(tx, one.patient) != one for one in seen.candidates):
            raise DecideAgain  # two patients became one since they were compared, or two again
        chosen = _chosen(tx, hold, seen, case) if answer is HoldAnswer.OURS else None
        meant = [chosen] if chosen else compared_with
        said_before = (actor.counts_as, answer) in holds.answers(tx, hold.id)
        agreeing = holds.record_answer(tx, hold, actor.counts_as, answer, chosen or "")
        for patient in meant if not said_before else ():
            tx.append(Chain.patient(patient), _decided(hold, seen, answer))
        if agreeing < seen.deciders:
            kept = ActionCode.OPINION_KEPT_BEFORE if said_before else ActionCode.OPINION_KEPT
            return ActionResult(kept, answer=answer, more=seen.deciders - agreeing)
        if holds.resolve(tx, hold.id, answer) is None:
            return ActionResult(ActionCode.DECIDED_MEANWHILE)
        if hold.code is HoldCode.SAME_PATIENT:
            return _apply_to_patients(tx, services, hold, chosen)
        if seen.arrival is None:
            return _apply_to_answer(tx, services, hold, seen, answer)
        arrival = arrivals.claim(tx, seen.arrival)
        if arrival is None:
            raise unknown(_PURGED)
        for waiting in compared.claim_waiting_for(tx, arrival):
            _apply(tx, hold, seen, waiting, chosen, case)
        return _apply(tx, hold, seen, arrival, chosen, case)


def _lock(tx: Tx, hold: Hold, meant: Sequence[PatientId]) -> None:
    """The patients, then their cases where an answer asks for them again."""
    if hold.code is HoldCode.SAME_PATIENT:
        merging.lock(tx, [*meant, patient_of(tx, CaseId(hold.about or ""))])
        return
    for patient in sorted(meant):
        patients.hold_epoch_shared(tx, patient)
    if hold.code is HoldCode.WHOSE_ANSWER:
        for case in cases.open_of(tx, meant):
            tx.lock_case(case)


def _decided(hold: Hold, seen: Comparison, answer: HoldAnswer) -> facts.MatchDecided:
    return facts.MatchDecided(
        hold=hold.id,
        arrival=seen.arrival,
        request=hold.about if hold.code is HoldCode.WHOSE_ANSWER else None,
        answer=answer,
        match_rule=seen.match_rule,
    )


def _chosen(tx: Tx, hold: Hold, seen: Comparison, case: CaseId | None) -> PatientId:
    """The patient of the named case, if the message could be about them and about nobody else."""
    if hold.code in (HoldCode.WHOSE_ANSWER, HoldCode.SAME_PATIENT):
        case = case or CaseId(hold.subject)
    if case is None:
        names = tuple(one for candidate in seen.candidates for one in candidate.cases)
        raise not_allowed(Reason(RefusalCode.NOT_SAID_WHOSE), Remedy(RemedyCode.NAME_CASE, hold=hold.id, cases=names))
    found = known_case(tx, case)
    if found.opened is None or (found.closed and hold.code not in _OF_CLOSED_CASES):
        raise not_allowed(Reason(RefusalCode.TAKES_NOTHING_IN, case=case), Remedy(RemedyCode.NAME_OPEN_CASE))
    patient = PatientId(found.opened.patient)
    if any(patient not in match.patients for match in seen.matches):
        raise not_allowed(Reason(RefusalCode.NOT_OF_PATIENT, case=case), Remedy(RemedyCode.COMPARE_AGAIN, hold=hold.id))
    return patient


def _apply(
    tx: Tx, hold: Hold, seen: Comparison, arrival: Arrival, chosen: PatientId | None, case: CaseId | None
) -> ActionResult:
    if hold.code is HoldCode.WHOSE_REFERRAL:
        patient = chosen or patients.meet(tx, seen.said[0], arrival.id)
        arrivals.join_patient(tx, arrival, patient)
        arrivals.settle(tx, arrival, ArrivalState.HELD, ArrivalOutcome.DECIDED)
        rounds.owe(tx, Dag.OPEN_CASE, hold.subject)
        if chosen and case:
            return ActionResult(ActionCode.REFERRAL_OF_PATIENT, case=case, opening=hold.subject)
        return ActionResult(ActionCode.REFERRAL_OF_SOMEBODY_NEW, opening=hold.subject)
    if chosen and case:
        is_learned = all(match.match_rule is not _NOT_LEARNED for match in seen.matches)
        for said in seen.said:
            if is_learned:
                patients.learn(tx, chosen, said)
            elif arrival.kind is ArrivalKind.ANSWER:
                compared.remember(tx, chosen, arrival.institution, said, HoldAnswer.OURS)
        arrivals.join_patient(tx, arrival, chosen)
        arrivals.settle(tx, arrival, ArrivalState.SEALED, ArrivalOutcome.DECIDED)
        rounds.owe(tx, Dag.OPEN_CASE, case)
        return ActionResult(ActionCode.OF_PATIENT, case=case)
    for candidate in seen.candidates:
        for said in seen.said if arrival.kind is ArrivalKind.ANSWER else ():
            compared.remember(tx, candidate.patient, arrival.institution, said, HoldAnswer.NOT_OURS)
    arrivals.index_terms(tx, arrival.id, patients.terms(tx, *seen.said))
    arrivals.is_not_of(tx, arrival, [candidate.patient for candidate in seen.candidates])
    unmatched.count_received(tx, arrival)
    arrivals.settle(tx, arrival, ArrivalState.SEALED, ArrivalOutcome.NOT_OURS, purge_after=arrivals.UNMATCHED_RETENTION)
    return ActionResult(ActionCode.OF_NOBODY)


def _apply_to_patients(tx: Tx, services: Services, hold: Hold, chosen: PatientId | None) -> ActionResult:
    if chosen is None:
        return ActionResult(ActionCode.STAY_TWO, case=hold.subject, other=hold.about or "")
    return merge_in(tx, services, hold, chosen)


def _apply_to_answer(tx: Tx, services: Services, hold: Hold, seen: Comparison, answer: HoldAnswer) -> ActionResult:
    """What a source found is the patient's, or is not. Whoever was asked there about the patient is asked again."""
    patient = seen.candidates[0].patient
    compared.decide(tx, hold.id, answer)
    # What named whom people compared is opened again: by this answer it is the patient's, or it is not.
    opened_records.compare_again(tx, patient, InstitutionId(seen.institution))
    for case in cases.open_of(tx, [patient]):
        for request in requests.of_case(tx, case):
            if request.institution == seen.institution:
                ask_again_if_fetched(tx, services, request, answered=answer is HoldAnswer.OURS)
        rounds.owe(tx, Dag.OPEN_CASE, case)
    if answer is HoldAnswer.NOT_OURS:
        return ActionResult(ActionCode.ANSWER_OF_ANOTHER, institution=seen.institution)
    for said in seen.said:
        patients.learn(tx, patient, said)
    return ActionResult(ActionCode.ANSWER_OF_PATIENT, institution=seen.institution)
