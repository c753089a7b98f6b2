"""What went to the wrong place: written down by whoever notices it, listed for the privacy officer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.facts import Chain, LedgerLine
from transfer.flow.desk.verbs import at_desk, not_allowed, opened_case
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import Tx, notes, sessions, written
from transfer.misdirections import Misdirected, Misdirection, Mitigation
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right


@dataclass(frozen=True, slots=True, kw_only=True)
class MisdirectionView:
    """One entry. `at` is UTC; `noticed_on` is a day here; `words` are shown with what people wrote."""

    at: datetime
    case: CaseId
    by: str | None
    #: as they were called when they signed in last; None: on the command line
    name: str | None
    what: Misdirected
    noticed_on: date
    to: str | None
    done: tuple[Mitigation, ...]
    words: str | None = None


def record_misdirection(services: Services, case: CaseId, said: Misdirection, *, actor: Actor) -> ActionResult:
    """Write down that something of the patient went to the wrong place. The same of the same person is written once;
    what was done later is another entry. It may be written in any state of the case.

    Raises:
        Unknown: there is no such case.
        NotAllowed: its referral has not been understood yet, or the day lies ahead.
    """
    with at_desk(services, actor, Right.STOP) as tx:
        _, _, patient = opened_case(tx, case)
        if said.noticed_on > tx.now().astimezone(services.zone).date():
            raise not_allowed(Reason(RefusalCode.NOTICED_LATER), Remedy(RemedyCode.SHOW_CASE, case=case))
        fact = facts.MisdirectionRecorded(
            what=said.what,
            noticed_on=said.noticed_on.isoformat(),
            done=tuple(sorted(said.done)),
            to=said.to,
            note=None,
            hmac=notes.digest(tx, patient, said.words) if said.words else None,
        )
        if any(_is_same(line, fact, actor) for line in tx.lines(Chain.case(case))):
            return ActionResult(ActionCode.MISDIRECTION_RECORDED_BEFORE, case=case)
        note = notes.write(tx, patient, said.words) if said.words else None
        tx.append(Chain.case(case), replace(fact, note=note))
    return ActionResult(ActionCode.MISDIRECTION_RECORDED, case=case)


def _is_same(line: LedgerLine, fact: facts.MisdirectionRecorded, actor: Actor) -> bool:
    if not isinstance(line.fact, facts.MisdirectionRecorded) or line.by.person != actor.person:
        return False
    return replace(line.fact, note=None) == fact


def list_misdirections(services: Services, *, actor: Actor, days: int) -> tuple[MisdirectionView, ...]:
    """What was written down so in the last days, over all cases, newest first, without what people wrote of it."""
    with at_desk(services, actor, Right.AUDIT) as tx:
        now = tx.now()
        lines = written.between(tx, (facts.MisdirectionRecorded,), now - timedelta(days=days), now)
        return tuple(told(tx, reversed(lines)))


def told(tx: Tx, lines: Iterable[LedgerLine], *, with_words: bool = False) -> Iterator[MisdirectionView]:
    """The entries among these lines."""
    found = [(line, line.fact) for line in lines if isinstance(line.fact, facts.MisdirectionRecorded)]
    names = sessions.names(tx, {line.by.person for line, _ in found if line.by.person})
    for line, fact in found:
        yield MisdirectionView(
            at=line.at,
            case=written.case_of(line),
            by=line.by.person,
            name=names.get(line.by.person or ""),
            what=Misdirected(fact.what),
            noticed_on=date.fromisoformat(fact.noticed_on),
            to=fact.to,
            done=tuple(map(Mitigation, fact.done)),
            words=notes.read(tx, fact.note) if fact.note and with_words else None,
        )
