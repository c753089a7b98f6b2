"""A stand-in for Airflow: processes owed rounds in this process, one after another.

The rounds, the ledger and the steps are the real ones; only who calls the steps is not. What Airflow itself does is
tested with Airflow (tests/journeys).
"""

import time
from collections.abc import Callable

from transfer.flow.rounds import STEPS
from transfer.flow.services import Services
from transfer.ledger import rounds
from transfer.rounds import Round


def process_until(services: Services, holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Process whatever is owed until the condition holds.

    Raises:
        AssertionError: it does not in time.
    """
    until = time.monotonic() + seconds
    while not holds():
        if not process_once(services):
            assert time.monotonic() < until, "it never came to that"
            time.sleep(0.05)


#: rounds in a row that no test needs: beyond them, rounds owe each other without end
_ENDLESS = 2_000


def process_all(services: Services) -> int:
    """Process until nothing is owed at this moment. Says how many rounds there were.

    Raises:
        AssertionError: rounds owe each other without end.
    """
    count = 0
    while True:
        assert count < _ENDLESS, "rounds owe each other without end"
        if process_once(services):
            count += 1
        elif not _is_owed_at_once(services):
            return count


def _is_owed_at_once(services: Services) -> bool:
    """Whether a round was owed at once and is not due yet: the machine's clock was set back a little meanwhile.

    It waits for it. What is owed for later is a second away at least.
    """
    with services.ledger.transaction() as tx:
        due = tx.row("""SELECT extract(epoch FROM min(not_before) - transfer.now())::float AS seconds FROM due_runs
                        WHERE state = 'owed' AND not_before > transfer.now()""")
    if due is None or due.seconds is None or due.seconds > 0.5:
        return False
    time.sleep(max(0.0, due.seconds))
    return True


def process_once(services: Services) -> bool:
    with services.ledger.transaction() as tx:
        owed = rounds.postable(tx, limit=1)
        for one in owed:
            rounds.posted(tx, one)
    for one in owed:
        run(services, one)
    return bool(owed)


def run(services: Services, one: Round) -> None:
    """What the DAG of this round does: its steps in their order."""
    with services.ledger.transaction() as tx:
        taken = rounds.take(tx, one.dag, one.subject, one.number)
    if taken is None:
        return
    first, *following = STEPS[one.dag]
    gave = first(services, taken)
    for step in following:
        for arguments in _calls(gave):
            step(services, taken, *arguments)


def _calls(gave: object) -> list[tuple[object, ...]]:
    """How often the next step is called, and with what: with each of a list, as `expand` does; once after a yes."""
    if isinstance(gave, list):
        return [(each,) for each in gave]
    return [()] if gave else []
