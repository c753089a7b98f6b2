"""Whose it is: people compare a message's patient with the patients it could be, side by side.

Where only name and birth date agree, or several patients could be meant, two people must give the same answer. Until
then nobody's record is touched. What each said stands in the trail of the patients compared.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from transfer import facts
from transfer.arrivals import Referral
from transfer.errors import NeedsReview
from transfer.facts import Chain
from transfer.flow import reading
from transfer.flow.desk.verbs import Did, at_desk, known_case, not_allowed, unknown
from transfer.flow.edges import Edges
from transfer.flow.reading import Answer, Reading
from transfer.flow.receive import match_patient
from transfer.holds import COMPARED, HoldCode, Word
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, arrivals, patients, people, rounds
from transfer.ledger.arrivals import Arrival
from transfer.ledger.patients import Identity
from transfer.ledger.people import Hold
from transfer.matching import Match, Tier, Verdict
from transfer.patients import Demographics, IssuedIdentifier
from transfer.permissions import Authorization
from transfer.rounds import Dag
from transfer.sealing import KeyGone

#: where people say "ours", what the message calls its patient is remembered: nothing contradicted it
_LEARNED = (Tier.NAME_AND_BIRTH_DATE, Tier.UNCONFIRMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody it could be, with the cases by which a person names them."""

    patient: PatientId
    cases: tuple[str, ...]
    identity: Identity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the message says of its patient, and whom it could be. `deciders`: how many people must say the same."""

    arrival: str
    institution: str
    said: tuple[Demographics, ...]
    matches: tuple[Match, ...]
    candidates: tuple[Candidate, ...]
    deciders: int
    opinions: tuple[tuple[str, str], ...]

    @property
    def tier(self) -> Tier:
        return self.matches[0].tier


def compare(edges: Edges, hold: Hold) -> Comparison:
    """Read the message again and put it beside whom it could be.

    Raises:
        Unknown: the message is purged.
        NeedsReview: it cannot be read any more.
    """
    name = hold.about if hold.code == HoldCode.WHOSE_REFERRAL else hold.subject
    with edges.ledger.transaction() as tx:
        arrival = arrivals.get(tx, name or "")
        if arrival is None:
            raise unknown("what this is about is purged", "There is nothing left to decide.")
        try:
            body = reading.payload(tx, edges, arrival)
        except KeyGone:
            raise unknown("what this is about is purged", "There is nothing left to decide.") from None
    said = list(_said(reading.read(edges, arrival, body)))
    with edges.ledger.transaction() as tx:
        matches = [match_patient(tx, who, numbers) for who, numbers in said]
        meant = sorted({patient for match in matches for patient in match.patients})
        return Comparison(
            arrival=arrival.id,
            institution=arrival.institution,
            said=tuple(dict.fromkeys(who for who, _ in said)),
            matches=tuple(matches),
            candidates=tuple(_candidate(tx, patient) for patient in meant),
            deciders=max(1, *(match.deciders for match in matches)),
            opinions=tuple(people.said(tx, hold.id)),
        )


def _said(read: Reading) -> Iterable[tuple[Demographics, tuple[IssuedIdentifier, ...]]]:
    match read:
        case Referral() | Authorization():
            yield read.patient, ()
        case Answer():
            yield from ((letter.document.patient, letter.document.identifiers) for letter in read.letters)
        case _:
            raise NeedsReview("nothing in it names a patient")


def _candidate(tx: Tx, patient: PatientId) -> Candidate:
    rows = tx.rows("SELECT case_id FROM cases WHERE patient = %s ORDER BY opened_at DESC", patient)
    return Candidate(patient=patient, cases=tuple(row.case_id for row in rows), identity=patients.identity(tx, patient))


def decide(edges: Edges, hold: Hold, word: Word, *, person: str, case: CaseId | None) -> Did:
    """Keep one person's answer to whose it is. It takes effect when enough people have given the same answer.

    Raises:
        NotAllowed: no case is named, it is none of those compared, or the message is about several people.
    """
    assert hold.code in COMPARED  # the caller sorted
    seen = compare(edges, hold)
    with at_desk(edges, person) as tx:
        chosen = _chosen(tx, hold, seen, case) if word is Word.OURS else None
        compared = [chosen] if chosen else [candidate.patient for candidate in seen.candidates]
        for patient in sorted(compared):
            patients.share(tx, patient)
        said_before = (person, word) in people.said(tx, hold.id)
        agreeing = people.say(tx, hold, person, word, chosen or "")
        for patient in compared if not said_before else ():
            decided = facts.MatchDecided(hold=hold.id, arrival=seen.arrival, word=word, tier=seen.tier)
            tx.append(Chain.patient(patient), decided)
        if agreeing < seen.deciders:
            return Did(
                sentence=f"{word}: kept; {seen.deciders - agreeing} more must say the same, it takes two people",
                changed=not said_before,
                needs_another=True,
            )
        if people.resolve(tx, hold.id, word) is None:
            return Did(sentence="decided meanwhile", changed=False)
        arrival = arrivals.claim(tx, seen.arrival)
        if arrival is None:
            raise unknown("what this is about is purged", "There is nothing left to decide.")
        return _apply(tx, hold, seen, arrival, chosen, case)


def _chosen(tx: Tx, hold: Hold, seen: Comparison, case: CaseId | None) -> PatientId:
    """The patient of the named case, if the message could be about them and about nobody else."""
    if case is None:
        names = ", ".join(one for candidate in seen.candidates for one in candidate.cases)
        raise not_allowed("it is not said whose it is", f"Name a case of the patient: ours CASE, of {names}.")
    found = known_case(tx, case)
    if found.opened is None or (found.closed and hold.code != HoldCode.WHOSE_REFERRAL):
        raise not_allowed(f"case {case} takes in nothing", "Name an open case of the patient.")
    patient = PatientId(found.opened.patient)
    if any(patient not in match.patients for match in seen.matches):
        raise not_allowed(
            f"it is not, or not only, about the patient of {case}",
            f"Compare again: transfer hold show {hold.id} --identity; or say not-ours, and ask the sender.",
        )
    return patient


def _apply(
    tx: Tx, hold: Hold, seen: Comparison, arrival: Arrival, chosen: PatientId | None, case: CaseId | None
) -> Did:
    if hold.code == HoldCode.WHOSE_REFERRAL:
        patient = chosen or patients.meet(tx, seen.said[0], arrival.id)
        arrivals.join_patient(tx, arrival, patient)
        arrivals.settle(tx, arrival, "held", "decided")
        rounds.ring(tx, Dag.OPEN_CASE, hold.subject)
        who = f"the patient of {case}" if chosen else "somebody new"
        return Did(sentence=f"the referral is about {who}: {hold.subject} is being opened")
    if chosen and case:
        if seen.tier in _LEARNED and all(match.verdict is Verdict.DOUBTFUL for match in seen.matches):
            for said in seen.said:
                patients.learn(tx, chosen, said)
        arrivals.join_patient(tx, arrival, chosen)
        arrivals.settle(tx, arrival, "sealed", "decided")
        rounds.ring(tx, Dag.OPEN_CASE, case)
        return Did(sentence=f"it is of the patient of {case}, and is taken in where a permission covers it")
    arrivals.know_again(tx, arrival.id, patients.terms(tx, *seen.said))
    arrivals.is_not_of(tx, arrival, [candidate.patient for candidate in seen.candidates])
    arrivals.count_stranger(tx, arrival, "received")
    arrivals.settle(tx, arrival, "sealed", "not-ours", purge_after=arrivals.STRANGER)
    return Did(sentence="it is of none of them: sealed, and purged after 72 hours unless another case claims it")
