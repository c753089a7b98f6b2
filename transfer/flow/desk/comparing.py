"""Whose it is: people compare a message's patient with the patients it could be, side by side.

Where only name and birth date agree, or several patients could be meant, two people must give the same answer. Until
then nobody's record is touched. What each said stands in the trail of the patients compared.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Self

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.arrivals import ArrivalOutcome, ArrivalState, Referral
from transfer.errors import NeedsReview
from transfer.facts import Chain
from transfer.flow import reading
from transfer.flow.desk.verbs import at_desk, known_case, not_allowed, refused, unknown
from transfer.flow.identity import match_patient
from transfer.flow.reading import Reading, ReceivedDocuments
from transfer.flow.services import Services
from transfer.holds import COMPARED, HoldAnswer, HoldCode
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, arrivals, cases, holds, patients, rounds, unmatched
from transfer.ledger.arrivals import Arrival
from transfer.ledger.holds import Hold
from transfer.ledger.patients import Identity
from transfer.matching import Match, MatchRule, MatchVerdict
from transfer.patients import Demographics, IssuedIdentifier
from transfer.permissions import Authorization
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right
from transfer.rounds import Dag
from transfer.sealing import KeyGone

#: where people say "ours", what the message calls its patient is remembered: nothing contradicted it
_LEARNED = (MatchRule.NAME_AND_BIRTH_DATE, MatchRule.UNCONFIRMED)
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
    """What the message says of its patient, and whom it could be. `deciders`: how many people must say the same."""

    arrival: str
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
    name = hold.about if hold.code is HoldCode.WHOSE_REFERRAL else hold.subject
    with services.ledger.transaction() as tx:
        arrival = arrivals.get(tx, name or "")
        if arrival is None:
            raise unknown(_PURGED)
        try:
            body = reading.payload(tx, services, arrival)
        except KeyGone:
            raise unknown(_PURGED) from None
    said = list(_said(reading.read(services, arrival, body)))
    with services.ledger.transaction() as tx:
        matches = [match_patient(tx, who, numbers) for who, numbers in said]
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


def _said(read: Reading) -> Iterable[tuple[Demographics, tuple[IssuedIdentifier, ...]]]:
    match read:
        case Referral() | Authorization():
            yield read.patient, ()
        case ReceivedDocuments():
            yield from ((one.document.patient, one.document.identifiers) for one in read.documents)
        case _:
            raise refused(NeedsReview, Reason(RefusalCode.NAMES_NO_PATIENT))


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
    seen = compare(services, hold)
    with at_desk(services, actor, Right.DECIDE_WHOSE) as tx:
        chosen = _chosen(tx, hold, seen, case) if answer is HoldAnswer.OURS else None
        compared = [chosen] if chosen else [candidate.patient for candidate in seen.candidates]
        for patient in sorted(compared):
            patients.hold_epoch_shared(tx, patient)
        said_before = (actor.person, answer) in holds.answers(tx, hold.id)
        agreeing = holds.record_answer(tx, hold, actor.person, answer, chosen or "")
        for patient in compared if not said_before else ():
            decided = facts.MatchDecided(hold=hold.id, arrival=seen.arrival, answer=answer, match_rule=seen.match_rule)
            tx.append(Chain.patient(patient), decided)
        if agreeing < seen.deciders:
            kept = ActionCode.OPINION_KEPT_BEFORE if said_before else ActionCode.OPINION_KEPT
            return ActionResult(kept, answer=answer, more=seen.deciders - agreeing)
        if holds.resolve(tx, hold.id, answer) is None:
            return ActionResult(ActionCode.DECIDED_MEANWHILE)
        arrival = arrivals.claim(tx, seen.arrival)
        if arrival is None:
            raise unknown(_PURGED)
        return _apply(tx, hold, seen, arrival, chosen, case)


def _chosen(tx: Tx, hold: Hold, seen: Comparison, case: CaseId | None) -> PatientId:
    """The patient of the named case, if the message could be about them and about nobody else."""
    if case is None:
        names = tuple(one for candidate in seen.candidates for one in candidate.cases)
        raise not_allowed(Reason(RefusalCode.NOT_SAID_WHOSE), Remedy(RemedyCode.NAME_CASE, hold=hold.id, cases=names))
    found = known_case(tx, case)
    if found.opened is None or (found.closed and hold.code is not HoldCode.WHOSE_REFERRAL):
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
        if seen.match_rule in _LEARNED and all(match.verdict is MatchVerdict.DOUBTFUL for match in seen.matches):
            for said in seen.said:
                patients.learn(tx, chosen, said)
        arrivals.join_patient(tx, arrival, chosen)
        arrivals.settle(tx, arrival, ArrivalState.SEALED, ArrivalOutcome.DECIDED)
        rounds.owe(tx, Dag.OPEN_CASE, case)
        return ActionResult(ActionCode.OF_PATIENT, case=case)
    arrivals.index_terms(tx, arrival.id, patients.terms(tx, *seen.said))
    arrivals.is_not_of(tx, arrival, [candidate.patient for candidate in seen.candidates])
    unmatched.count_received(tx, arrival)
    arrivals.settle(tx, arrival, ArrivalState.SEALED, ArrivalOutcome.NOT_OURS, purge_after=arrivals.UNMATCHED_RETENTION)
    return ActionResult(ActionCode.OF_NOBODY)
