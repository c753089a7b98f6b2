"""Whose work a case is at the desk, and on which day somebody looks after a request next."""

from datetime import date

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.facts import Chain
from transfer.flow.desk.verbs import at_desk, known_case, locked_request, not_allowed, still_open
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import Tx, case_lists, requests, sessions
from transfer.ledger.case_lists import Chosen
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.requests import MAX_PROMISE
from transfer.rights import Actor, Right, is_account

#: cases that one transaction locks
_AT_ONCE = 100
#: people that are listed to choose from
_LISTED = 500


def list_staff(services: Services, *, actor: Actor) -> tuple[tuple[str, str], ...]:
    """Accounts and names of those who have signed in at the desk, by name; the first of very many."""
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        return tuple(sessions.staff(tx, _LISTED).items())


def assign(services: Services, case: CaseId, to: str | None, *, actor: Actor, seen: str | None = None) -> ActionResult:
    """Say whose work an open case is, by their account; None: nobody's. Saying it again changes nothing.

    `seen`: whose it was on the page that is answered, empty for nobody's; None: it does not matter.

    Raises:
        Unknown: there is no such case.
        NotAllowed: it is closed, that is no account, or somebody else has it since it was seen.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        _is_account(to)
        tx.lock_case(case)
        found = known_case(tx, case)
        still_open(found)
        if seen is not None and found.assigned_to not in (to, seen or None):
            raise not_allowed(Reason(RefusalCode.ASSIGNED_SINCE, case=case), Remedy(RemedyCode.ASSIGN_IT, case=case))
        if not _assign(tx, case, found.assigned_to, to):
            return ActionResult(ActionCode.ASSIGNED_BEFORE, case=case, to=to or "nobody")
    return ActionResult(ActionCode.ASSIGNED, case=case, to=to or "nobody")


def reassign(services: Services, whose: str, to: str | None, *, actor: Actor) -> ActionResult:
    """Give all open cases of one account to another, or to nobody, who does not have them yet.

    Raises:
        NotAllowed: one of the two is no account.
    """
    count = 0
    while True:
        with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
            _is_account(whose)
            _is_account(to)
            listed = case_lists.listed(tx, Chosen(assigned_to=whose), limit=_AT_ONCE) if whose != to else []
            for case in sorted(one.id for one in listed):
                tx.lock_case(case)
                count += _assign(tx, case, tx.case(case).assigned_to, to)
        if len(listed) < _AT_ONCE:
            return ActionResult(ActionCode.REASSIGNED, count=count, whose=whose, to=to or "nobody")


def _assign(tx: Tx, case: CaseId, before: str | None, to: str | None) -> bool:
    if before == to:
        return False
    tx.append(Chain.case(case), facts.CaseAssigned(to=to))
    return True


def _is_account(name: str | None) -> None:
    if name is not None and not is_account(name):
        raise not_allowed(Reason(RefusalCode.NO_ACCOUNT), Remedy(RemedyCode.NAME_ACCOUNT))


def plan_action(services: Services, name: str, on: date, *, actor: Actor) -> ActionResult:
    """Say on which day somebody looks after a request next, a day of the source's. It stands until the request moves
    on; then it is one business day after the source's time again.

    Raises:
        Unknown: there is no such request.
        NotAllowed: nothing is awaited of it any more, or the day is over or more than 180 days ahead.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        request = locked_request(tx, name)
        today = tx.now().date()
        if not request.state.is_open or not today <= on <= today + MAX_PROMISE:
            raise not_allowed(
                Reason(RefusalCode.CANNOT_PLAN, request=name, state=request.state),
                Remedy(RemedyCode.SHOW_CASE, case=request.case),
            )
        code = ActionCode.PLANNED_BEFORE
        if request.next_action_on != on:
            requests.plan_action(tx, request, on)
            tx.append(Chain.case(request.case), facts.NextActionSet(request=request.id, on=on.isoformat()))
            code = ActionCode.PLANNED
    return ActionResult(code, request=name, on=on.isoformat())
