"""What came in reliance on an ended permission is destroyed once two people have said so.

Whoever ended the permission at the desk is one of them: they say by it that the patient wants it. The other has to look
for themselves (docs/decisions/0047-acts-of-a-case.md).
"""

from collections.abc import Iterable
from typing import Final

from transfer import facts
from transfer.case import OpenedCase
from transfer.facts import Chain, LedgerLine
from transfer.flow.desk.comparing import Opinion
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.ledger import Tx, holds, sessions
from transfer.ledger.holds import Hold
from transfer.permissions import End
from transfer.rights import Actor

#: so many people must want it
DECIDERS: Final = 2
_FOR_GOOD: Final = frozenset({End.REVOKED, End.ENTERED_IN_ERROR})


def who_wants_it(tx: Tx, hold: Hold) -> tuple[Opinion, ...]:
    """Who ended the permission that the question is about, if a person here did, and who has answered since."""
    opened = tx.case(CaseId(hold.subject)).as_opened
    ended = _who_ended(_lines(tx, opened), hold.about or "") if opened else set()
    said = dict.fromkeys(ended, HoldAnswer.PURGE) | dict(holds.answers(tx, hold.id))
    signed_in = sessions.names(tx, said)
    return tuple(
        Opinion(person=person, is_claimed=person not in signed_in, answer=answer) for person, answer in said.items()
    )


def people_lacking(tx: Tx, hold: Hold, actor: Actor) -> int:
    """Keep what this person says, and how many more must say the same."""
    holds.record_answer(tx, hold, actor.counts_as, HoldAnswer.PURGE)
    agreeing = {one.person for one in who_wants_it(tx, hold) if one.answer is HoldAnswer.PURGE}
    return max(0, DECIDERS - len(agreeing | {actor.counts_as}))


def _lines(tx: Tx, opened: OpenedCase) -> list[LedgerLine]:
    return tx.lines(Chain.patient(opened.patient))


def _who_ended(lines: Iterable[LedgerLine], permission: str) -> set[str]:
    """The person here who ended it for good last, as two people are told apart; empty: a message did."""
    by: set[str] = set()
    for line in lines:
        match line.fact:
            case facts.PermissionEnded() as ended if ended.permission == permission:
                who = line.by.account or line.by.person
                by = {who} if who and ended.end in _FOR_GOOD else set()
            case facts.PermissionResumed() as resumed if resumed.permission == permission:
                by = set()
    return by
