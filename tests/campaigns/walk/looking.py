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
from transfer.holds import ANSWERS
from transfer.identifiers import CaseId
from transfer.ledger import Tx, holds
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
        found = [*_questions(tx), *_messages(tx)]
        for row in tx.rows("SELECT case_id FROM cases WHERE is_open ORDER BY case_id"):
            found += _case(tx, town, CaseId(row.case_id))
    if found:
        raise DeadEnd("\n".join(found))


def _questions(tx: Tx) -> Iterator[str]:
    """Each open question is on the list, has its sentence and its answers."""
    for hold in holds.open_holds(tx):
        if not ANSWERS[hold.code] or hold.code not in SENTENCES:
            yield f"{hold.code} has no answer"


def _messages(tx: Tx) -> Iterator[str]:
    """A message that waits for a person is asked about; one that waits for a run has one owed."""
    asked = {name for one in holds.open_holds(tx) for name in (one.subject, one.about)}
    waiting = {row.dag_id for row in tx.rows("SELECT dag_id FROM due_runs WHERE state <> 'done'")}
    owed = {row.subject for row in tx.rows("SELECT subject FROM due_runs WHERE state <> 'done'")}
    for row in tx.rows("SELECT arrival, kind, subject, state, outcome FROM arrivals WHERE state IN ('stored', 'held')"):
        if row.state == "held" and not {row.arrival, row.subject} & (asked | owed) and row.outcome not in _SETTLED:
            waits = tx.row("SELECT 1 FROM compared_identities WHERE arrival = %s", row.arrival)
            if not waits:
                yield f"a {row.kind} is held ({row.outcome}) and nobody is asked"
        if row.state == "stored" and row.subject not in owed and "receive_arrivals" not in waiting:
            yield f"a {row.kind} is stored and nothing is owed"


#: a person has seen it, and it stays sealed
_SETTLED = ("seen",)


def _case(tx: Tx, town: Town, case: CaseId) -> Iterator[str]:
    asked = tx.row("SELECT 1 FROM holds WHERE subject = %s AND resolved_at IS NULL LIMIT 1", case)
    owed = tx.row("SELECT 1 FROM due_runs WHERE state <> 'done' AND split_part(subject, '-', 1) = %s LIMIT 1", case)
    if asked or owed:
        return
    found = tx.case(case)
    if found.opened is None:
        about = tx.row("SELECT 1 FROM holds WHERE about = %s AND resolved_at IS NULL", case)
        if not about:
            yield f"{case} was never opened and nobody is asked"
        return
    if not _waits_for_others(tx, town, found):
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
