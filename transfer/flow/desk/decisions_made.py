"""What people were asked and what they answered, in a period: who, how soon, and where two had to say the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from transfer import facts
from transfer.facts import LedgerLine
from transfer.flow.desk.story import plain
from transfer.flow.desk.verbs import at_desk
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.ledger import Tx, decided, sessions, written
from transfer.ledger.decided import GivenAnswer
from transfer.ledger.holds import Hold
from transfer.periods import Period
from transfer.rights import Actor, Right
from transfer.sentences import SENTENCES

#: facts that name who answered a question
_ANSWERED: Final = (facts.HoldResolved, facts.MatchDecided)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpinionView:
    """What one of two people said. Times are UTC."""

    person: str
    name: str | None
    answer: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionView:
    """A question and its answer. Times are UTC; `subject` is a case, or a message that is in none."""

    hold: str
    subject: str
    code: HoldCode
    says: str
    about: str | None
    opened_at: datetime
    due_at: datetime | None
    #: None: nobody has answered
    resolved_at: datetime | None
    answer: str | None
    #: by their account; None: the machinery found that it needs no answer, or the question is open
    by: str | None
    name: str | None
    is_claimed: bool
    #: where two people must answer alike: each answer, in their order
    opinions: tuple[OpinionView, ...]

    @property
    def took(self) -> timedelta | None:
        """From the question to its answer."""
        return self.resolved_at - self.opened_at if self.resolved_at else None

    @property
    def is_late(self) -> bool:
        """It was answered after its time was over."""
        return self.due_at is not None and self.resolved_at is not None and self.resolved_at > self.due_at


def list_decisions(services: Services, period: Period, *, actor: Actor) -> tuple[DecisionView, ...]:
    """What was asked or answered in a period of days here, newest first."""
    with at_desk(services, actor, Right.AUDIT) as tx:
        return decisions(tx, services, period)


def decisions(tx: Tx, services: Services, period: Period) -> tuple[DecisionView, ...]:
    """The same within a transaction."""
    begin, end = period.bounds(services.zone)
    found = decided.between(tx, begin, end)
    opinions = decided.opinions(tx, [one.id for one in found])
    lines = {_hold(line): line for line in written.between(tx, _ANSWERED, begin, tx.now())}
    people = {one.person for some in opinions.values() for one in some}
    people |= {line.by.person for line in lines.values() if line.by.person}
    names = sessions.names(tx, people)
    return tuple(_view(one, lines.get(one.id), opinions.get(one.id, []), names) for one in reversed(found))


def _hold(line: LedgerLine) -> str:
    fact = line.fact
    assert isinstance(fact, _ANSWERED)  # by its kind
    return fact.hold


def _view(hold: Hold, line: LedgerLine | None, said: list[GivenAnswer], names: Mapping[str, str]) -> DecisionView:
    by = line.by.person if line else None
    return DecisionView(
        hold=hold.id,
        subject=hold.subject,
        code=hold.code,
        says=SENTENCES[hold.code].staff if hold.code in SENTENCES else plain(hold.code),
        about=hold.about,
        opened_at=hold.opened_at,
        due_at=hold.due_at,
        resolved_at=hold.resolved_at,
        answer=hold.answer,
        by=by,
        name=names.get(by or ""),
        is_claimed=line.by.is_claimed if line else False,
        opinions=tuple(
            OpinionView(person=one.person, name=names.get(one.person), answer=one.answer, at=one.at) for one in said
        ),
    )
