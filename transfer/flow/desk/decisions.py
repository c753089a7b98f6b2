"""Answering a hold: each question takes some answers, and each answer does one thing."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from transfer.flow.assess import settle_needs
from transfer.flow.desk.answering import Answer, answer_in
from transfer.flow.desk.cases import approve_in
from transfer.flow.desk.comparing import decide
from transfer.flow.desk.verbs import Did, at_desk, not_allowed, unknown
from transfer.flow.edges import Edges
from transfer.flow.imaging import take_misplaced
from transfer.holds import APPROVALS, COMPARED, WORDS, HoldCode, Word
from transfer.identifiers import INBOX, CaseId, PatientId
from transfer.ledger import Tx, arrivals, patients, people, requests, rounds
from transfer.ledger.arrivals import Arrival
from transfer.ledger.people import Hold
from transfer.rounds import Dag


def resolve(
    edges: Edges, name: str, word: Word, *, person: str, case: CaseId | None = None, note: str | None = None
) -> Did:
    """Answer a question. `case` goes with *ours* only. The same answer again does nothing.

    Raises:
        Unknown: there is no such question.
        NotAllowed: it does not take this answer, or was answered otherwise.
    """
    with edges.ledger.transaction() as tx:
        hold = people.get_hold(tx, name)
    if hold is None:
        raise unknown(f"no decision {name} is asked for", "See what is: transfer hold list.")
    code = HoldCode(hold.code)
    if word not in WORDS[code]:
        raise not_allowed(f"{code} does not take the word {word}", f"It takes: {', '.join(WORDS[code])}.")
    if case is not None and word is not Word.OURS:
        raise not_allowed(f"{word} names no case", "A case goes with ours only.")
    if hold.resolved_at is not None:
        return _answered(hold, word)
    if code in COMPARED:
        if note:
            raise not_allowed("a note cannot go with this", "Write it on the case: transfer case note.")
        return decide(edges, hold, word, person=person, case=case)
    with at_desk(edges, person) as tx:
        return _resolve(tx, edges, hold, word, note)


def _answered(hold: Hold, word: Word) -> Did:
    if hold.word == word:
        return Did(sentence=f"answered before: {word}", changed=False)
    raise not_allowed(f"{hold.id} was answered: {hold.word}", f"See what came of it: transfer hold show {hold.id}.")


def _resolve(tx: Tx, edges: Edges, hold: Hold, word: Word, note: str | None) -> Did:
    patient = _lock(tx, hold)
    if note and patient is None:
        raise not_allowed("there is no patient to keep a note with", "Answer without a note.")
    written = people.note(tx, patient, note) if note and patient else None
    if people.resolve(tx, hold.id, word, written) is None:
        now = people.get_hold(tx, hold.id)
        assert now is not None  # it was there before
        return _answered(now, word)
    if word in (Word.WAIT, Word.SEEN) and HoldCode(hold.code) not in _SEEN_TOO:
        return Did(sentence=f"{word}")
    return _ACTIONS[HoldCode(hold.code)](tx, edges, hold)


def _lock(tx: Tx, hold: Hold) -> PatientId | None:
    """The patient, then the case, where the question is about one."""
    if not CaseId.pattern.fullmatch(hold.subject):
        return None
    opened = tx.case(CaseId(hold.subject)).opened
    if opened:
        patients.share(tx, PatientId(opened.patient))
    tx.lock_case(CaseId(hold.subject))
    return PatientId(opened.patient) if opened else None


def _approve(tx: Tx, edges: Edges, hold: Hold) -> Did:
    return approve_in(tx, edges, CaseId(hold.subject), (), None)


def _take_misplaced(tx: Tx, edges: Edges, hold: Hold) -> Did:
    request, case = requests.get(tx, hold.about or ""), CaseId(hold.subject)
    if request is None or not tx.case(case).is_open:
        return Did(sentence="there is nothing to count any more")
    count = take_misplaced(tx, case, request.institution)
    return Did(sentence=f"studies that are whole with it: {count}; {settle_needs(tx, edges, case).sentence}")


def _enforce(tx: Tx, _: Edges, hold: Hold) -> Did:
    rounds.ring(tx, Dag.ENFORCE_PERMISSIONS, hold.subject)
    return Did(sentence="it is being done")


def _ask_again(tx: Tx, edges: Edges, hold: Hold) -> Did:
    request = requests.get(tx, hold.about or "")
    if request is None or not tx.case(request.case).is_open:
        return Did(sentence="there is nothing to ask any more")
    return answer_in(tx, edges, request, Answer.AGAIN)


def _look_again(tx: Tx, _: Edges, hold: Hold) -> Did:
    rounds.ring(tx, Dag.OPEN_CASE, hold.subject)
    return Did(sentence=f"case {hold.subject} is looked at again")


def _release_again(tx: Tx, _: Edges, hold: Hold) -> Did:
    rounds.ring(tx, Dag.RELEASE_PACKET, hold.about or "")
    return Did(sentence=f"packet {hold.about} is tried again")


def _read_again(tx: Tx, _: Edges, hold: Hold) -> Did:
    arrival = arrivals.claim(tx, hold.subject)
    if arrival is None or arrival.state == "purged":
        return Did(sentence="what this is about is purged")
    answered = people.get_hold(tx, hold.id)
    if answered and answered.word == Word.SEEN:
        return _set_aside(tx, arrival)
    dag, subject = arrivals.reopen(tx, arrival)
    rounds.ring(tx, dag, subject)
    return Did(sentence=f"message {arrival.id} is read again")


def _set_aside(tx: Tx, arrival: Arrival) -> Did:
    """Set the message aside. An unmatched one lapses; a known patient's stays under the patient's key."""
    if arrival.patient:
        arrivals.settle(tx, arrival, "held", "seen")
        return Did(sentence="set aside")
    arrivals.settle(tx, arrival, "sealed", "seen", purge_after=arrivals.STRANGER)
    return Did(sentence="set aside, and purged after 72 hours")


def _run_again(tx: Tx, _: Edges, hold: Hold) -> Did:
    dag, subject = Dag(hold.about or ""), hold.subject
    if dag in (Dag.RELEASE_PACKET, Dag.SETTLE_DELIVERY) and subject != INBOX:
        newest = tx.case(CaseId(subject)).newest_packet
        if newest is None:
            return Did(sentence="there is no packet any more")
        subject = newest.planned.packet
    rounds.ring(tx, dag, subject)
    return Did(sentence=f"the DAG {dag} starts again for {subject}")


#: *seen* does something as well
_SEEN_TOO = frozenset(
    {
        HoldCode.ARRIVAL_UNREADABLE,
        HoldCode.ARRIVAL_POISONOUS,
        HoldCode.BATCH_MISCOUNTED,
        HoldCode.IDENTITY_CHANGED,
    }
)

#: what an answer does beyond answering the question
_ACTIONS: Mapping[HoldCode, Callable[[Tx, Edges, Hold], Did]] = MappingProxyType(
    {
        **dict.fromkeys(APPROVALS, _approve),
        HoldCode.IMAGES_MISPLACED: _take_misplaced,
        HoldCode.CONFIRM_PURGE: _enforce,
        HoldCode.WHOSE_STUDY: _ask_again,
        HoldCode.SOURCE_REFUSES: _ask_again,
        HoldCode.SOURCE_DOES_NOT_ANSWER: _ask_again,
        HoldCode.SOURCE_PUZZLES: _ask_again,
        HoldCode.REFERRAL_UNREADABLE: _look_again,
        HoldCode.PACKET_DECLINED: _look_again,
        HoldCode.RELEASE_NOT_PERMITTED: _release_again,
        HoldCode.RECEIVER_HAS_NO_DOOR: _release_again,
        HoldCode.RECEIVER_REFUSED: _release_again,
        HoldCode.ARRIVAL_UNREADABLE: _read_again,
        HoldCode.ARRIVAL_POISONOUS: _read_again,
        HoldCode.BATCH_MISCOUNTED: _read_again,
        HoldCode.IDENTITY_CHANGED: _read_again,
        HoldCode.MACHINERY_BROKEN: _run_again,
    }
)
