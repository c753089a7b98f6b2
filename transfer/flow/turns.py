"""Giving turns: who may ask a department now, and whose turn is next when one is free.

A turn is given and its case owed a round in one transaction. So is the next one when a turn is given back. What dies in
between is found by the dispatcher's sweep.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from transfer.flow.services import Services
from transfer.identifiers import CaseId, DepartmentId, InstitutionId
from transfer.ledger import Tx, requests, rounds, turns
from transfer.ledger.requests import Claimed
from transfer.requests import Request
from transfer.rounds import LEASE, Dag
from transfer.turns import Queue, Terms, TurnState, may_begin, opens_at, whose_turn

#: a queue where somebody waits is looked at after so long, whatever its rest or quiet hours: its file may have changed
MAX_UNLOOKED = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Whether the source answered at all, whatever it said; `retry_after`: the seconds it asked us to wait."""

    answered: bool
    retry_after: float | None = None


def terms_of(services: Services, institution: InstitutionId, department: DepartmentId) -> Terms:
    """What the institution's file says of a department's turns."""
    there = services.institutions[institution]
    return Terms(asking=there.asking_of(department), zone=there.zone)


def call_for(services: Services, case: CaseId, made: Iterable[Request]) -> None:
    """Give the turns that are free where this case wants to ask. Its own round hands out what it gets."""
    for institution, department in sorted({(one.institution, one.department) for one in made}):
        with services.ledger.transaction() as tx:
            queue = turns.lock(tx, institution, department)
            _call(tx, services, institution, department, queue, but=case)


def take_turn(tx: Tx, services: Services, claimed: Claimed) -> bool:
    """Begin to ask. False: it is not its turn any more, and it waits for the next.

    The caller holds the case's lock, and no round's.
    """
    made = claimed.request
    queue = turns.lock(tx, made.institution, made.department)
    held = turns.held(tx, made.institution, made.department)
    others = [turn.priority for turn in held if turn.state is TurnState.ASKING and turn.request != made.id]
    priority = turns.priority_of(tx, made.case)
    terms = terms_of(services, made.institution, made.department)
    if not may_begin(priority, others, queue, terms, tx.now()):
        return False
    turns.begin(tx, claimed, priority)
    return True


def pass_on(services: Services, name: str, claimed: Claimed | None, heard: Heard | None = None) -> None:
    """Give back the turn of a request, note whether its source answered, and call whoever is next."""
    with services.ledger.transaction() as tx:
        made = requests.get(tx, name)
        if made is None:
            return
        queue = turns.lock(tx, made.institution, made.department)
        if heard:
            queue = Queue(given=queue.given) if heard.answered else queue.unanswered(tx.now(), heard.retry_after)
            turns.remember(tx, made.institution, made.department, queue)
        turns.give_back(tx, made, claimed.claim if claimed else None)
        _call(tx, services, made.institution, made.department, queue)


def _call(
    tx: Tx,
    services: Services,
    institution: InstitutionId,
    department: DepartmentId,
    queue: Queue,
    *,
    but: CaseId | None = None,
) -> None:
    terms, now = terms_of(services, institution, department), tx.now()
    held = turns.held(tx, institution, department)
    most = max(0, terms.asking.at_once - len(held)) + 1  # one more than may be called: whether others wait
    waiting = turns.next_waiting(tx, institution, department, most)
    called = whose_turn(waiting, held, queue, terms, now)
    soon = min(opens_at(queue, terms, now) or now + LEASE, now + MAX_UNLOOKED)
    turns.call(tx, institution, department, called, look_at=soon if len(called) < len(waiting) else None)
    for case in sorted({one.case for one in called} - {but}):
        rounds.owe(tx, Dag.OPEN_CASE, case)
