"""Cases whose rows do not say yet why they wait: judged and told, before a list is shown and by housekeeping."""

from collections.abc import Sequence
from typing import Final

from transfer.errors import OutOfOrder
from transfer.flow.assess import look
from transfer.flow.services import Services
from transfer.flow.waiting import tell
from transfer.identifiers import CaseId
from transfer.ledger import Tx, case_lists
from transfer.ledger.case_lists import MAY_LAG, TOLD_FOR
from transfer.sealing import KeyGone
from transfer.waits import CaseWait, Why, WhyCode

#: a list waits for no more than these; the rest is shown as it was told last, and housekeeping catches up
_AT_ONCE: Final = 50


def tell_what_changed(services: Services) -> int:
    """Tell anew what changed since it was told, of at most 50 cases; how many. Twice is once.

    Where the keys are away, lists show what was told last. What time alone changes is left to housekeeping, unless that
    is late: thousands of open cases would make whoever looks wait for some of them each time.
    """
    with services.ledger.transaction() as tx:
        behind = case_lists.to_tell(tx, limit=_AT_ONCE, told_for=TOLD_FOR + MAY_LAG)
    try:
        return _tell(services, behind)
    except (OutOfOrder, OSError):
        return 0


def tell_all(services: Services) -> int:
    """The same of all cases; how many. One that somebody works on is left for the next time."""
    told = 0
    while True:
        with services.ledger.transaction() as tx:
            behind = case_lists.to_tell(tx, limit=_AT_ONCE)
        new = _tell(services, behind)
        told += new
        if new < _AT_ONCE:
            return told


def _tell(services: Services, behind: Sequence[CaseId]) -> int:
    if not behind:
        return 0
    with services.ledger.transaction() as tx:
        free = tx.lock_free_cases(behind)
        for case in free:
            _tell_one(tx, services, case)
    return len(free)


def _tell_one(tx: Tx, services: Services, case: CaseId) -> None:
    try:
        found = tx.case(case)
        tell(tx, services.institutions, found, look(tx, services, case) if found.opened else None)
    except KeyGone:
        tx.tell(case, CaseWait(owner=None, why=(Why(WhyCode.PURGED),)))
