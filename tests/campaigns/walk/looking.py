"""Whether something leads on from where everything stands."""

from collections.abc import Iterator

from tests.campaigns.walk.moves import DeadEnd
from tests.campaigns.walk.town import Town
from tests.kit.staff import ANN
from transfer import facts
from transfer.case import Case, fold_on
from transfer.completeness import WaitCode
from transfer.errors import TransferError
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.assess import NextStep, look
from transfer.hold_answers import ANSWERS
from transfer.identifiers import CaseId
from transfer.ledger import Tx
from transfer.sentences import SENTENCES

#: what a case may wait for from outside, by itself
_FROM_OUTSIDE = frozenset({WaitCode.RELEASE_FORM, WaitCode.SOURCE_PUSH, WaitCode.MATERIAL})
#: what stands on the list of cases of one that is about to be looked at
_LOOKED_AT = "Waits for us: it is looked at next, by itself."


def look_around(town: Town) -> None:
    """Raise where nothing leads on. Called while nothing is owed at this moment.

    Raises:
        DeadEnd: with all that was found.
    """
    with town.services.ledger.transaction() as tx:
        found = [*_messages(tx)]
        for row in tx.rows(_ALONE):
            found += _case(tx, town, CaseId(row.case_id))
    if found:
        raise DeadEnd("\n".join(found))


#: open cases about which nobody is asked and for which no round is owed
_ALONE = """
    SELECT case_id FROM cases AS c WHERE is_open
      AND NOT EXISTS (SELECT 1 FROM holds WHERE subject = case_id AND resolved_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM due_runs WHERE state <> 'done' AND split_part(subject, '-', 1) = case_id)"""
#: messages that a person is to look at and nobody is asked about, and those that wait for a run that nobody owes.
#: What a person has seen stays sealed, and one that says the same as another waits for that one's answer
_LEFT_LYING = """
    SELECT kind, state, outcome FROM arrivals AS a
    WHERE (state = 'held' AND outcome IS DISTINCT FROM 'seen'
        AND NOT EXISTS (SELECT 1 FROM holds WHERE resolved_at IS NULL
          AND (subject IN (a.arrival, a.subject) OR about IN (a.arrival, a.subject)))
        AND NOT EXISTS (SELECT 1 FROM due_runs WHERE state <> 'done' AND subject = a.subject)
        AND NOT EXISTS (SELECT 1 FROM holds WHERE resolved_at IS NULL AND subject = a.waits_for))
      OR (state = 'stored' AND NOT EXISTS (SELECT 1 FROM due_runs WHERE state <> 'done'
        AND (subject = a.subject OR dag_id = 'receive_arrivals')))"""


def _messages(tx: Tx) -> Iterator[str]:
    for row in tx.rows(_LEFT_LYING):
        yield f"a {row.kind} is {row.state} ({row.outcome}), and nobody is asked and nothing is owed"


def _case(tx: Tx, town: Town, case: CaseId) -> Iterator[str]:
    found = tx.case(case)
    if found.opened is None:
        about = tx.row("SELECT 1 FROM holds WHERE about = %s AND resolved_at IS NULL", case)
        if not about:
            yield f"{case} was never opened and nobody is asked"
    elif not _waits_for_others(tx, town, found):
        yield f"nothing leads on from {case}: {_told(tx, town, case)}"


def _waits_for_others(tx: Tx, town: Town, found: Case) -> bool:
    newest = found.newest_packet
    if newest and newest.is_on_its_way and newest.was_handed_over:
        return True  # its receipt is awaited; it can be recalled
    if newest and newest.receipt and newest.receipt.status == "accepted" and found.is_active:
        return True  # delivered; the case waits for its end
    assessed = look(tx, town.services, found.id)
    return assessed.step is NextStep.WAIT and any(wait.code in _FROM_OUTSIDE for wait in assessed.completeness.waits)


def _told(tx: Tx, town: Town, case: CaseId) -> str:
    assessed = look(tx, town.services, case)
    return f"{assessed.step}, {assessed.sentence}, {assessed.case.referral_status}, lacking {assessed.lacking}"


def look_back(town: Town) -> None:
    """Nothing was handed over of a case that had ended, whose referral asked for nothing, or whose packet was given up.

    Raises:
        DeadEnd: something was.
    """
    with town.services.ledger.transaction() as tx:
        found = [one for case in town.cases() for one in _handed_over_wrongly(tx, case)]
    if found:
        raise DeadEnd("\n".join(found))


def _handed_over_wrongly(tx: Tx, case: CaseId) -> Iterator[str]:
    before = Case(id=case)
    for line in tx.lines(Chain.case(case)):
        if isinstance(line.fact, facts.DisclosureBegun):
            sent = before.packets[line.fact.packet]
            if not before.is_active or sent.given_up or sent.recalled:
                yield f"{line.fact.packet} was begun while {before.referral_status}, {before.closed}, {sent.given_up}"
            if sent.assembled and not sent.assembled.records:
                yield f"{line.fact.packet} has nothing in it"
        before = fold_on(before, [line])


def look_at_the_lists(town: Town) -> None:
    """What people see: each open case says whose turn it is, and each question can be shown.

    Raises:
        DeadEnd: one does not.
    """
    with town.services.ledger.transaction() as tx:
        owed = {row.subject.partition("-")[0] for row in tx.rows("SELECT subject FROM due_runs WHERE state <> 'done'")}
    for one in desk.list_cases(town.services, actor=ANN):
        if one.why == _LOOKED_AT and one.case not in owed:
            raise DeadEnd(f"{one.case} says that it is looked at next, and no round is owed")
    for asked in desk.holds(town.services, actor=ANN):
        if not ANSWERS[asked.code] or asked.code not in SENTENCES:
            raise DeadEnd(f"{asked.code} has no answer or no sentence")
        try:
            desk.hold(town.services, asked.hold, actor=ANN)
        except TransferError as error:
            raise DeadEnd(f"{asked.code} cannot be shown: {error!r}") from error


def end_all(town: Town) -> None:
    """Every case can be ended, wherever it stands.

    Raises:
        DeadEnd: one cannot.
    """
    for case in town.cases(closed=False):
        try:
            desk.close(town.services, case, "not-coming", actor=ANN)
        except TransferError as error:
            raise DeadEnd(f"{case} cannot be ended: {error!r}") from error
