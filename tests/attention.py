"""A stand-in for Airflow: attends to owed rounds in this process, one after another.

The rounds, the ledger and the verbs are the real ones; only who calls the verbs is not. What Airflow itself does is
tested with Airflow (tests/journeys).
"""

import time
from collections.abc import Callable

from transfer.flow.admit import admit
from transfer.flow.assemble import assemble
from transfer.flow.deliver import deliver
from transfer.flow.edges import Edges
from transfer.flow.enforce import enforce, purge_strangers, remove_forsaken
from transfer.flow.receive import receive
from transfer.flow.request import request
from transfer.flow.settle import settle
from transfer.identifiers import CaseId, PacketId
from transfer.ledger import rounds
from transfer.ledger.packets import Sender
from transfer.ledger.rounds import Taken
from transfer.rounds import Dag, Round


def attend_until(edges: Edges, holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Attend to whatever is owed until the condition holds.

    Raises:
        AssertionError: it does not in time.
    """
    until = time.monotonic() + seconds
    while not holds():
        if not attend_once(edges):
            assert time.monotonic() < until, "it never came to that"
            time.sleep(0.05)


def attend_all(edges: Edges) -> int:
    """Attend until nothing is owed at this moment. Says how many rounds there were."""
    count = 0
    while attend_once(edges):
        count += 1
    return count


def attend_once(edges: Edges) -> bool:
    with edges.ledger.transaction() as tx:
        owed = rounds.postable(tx, limit=1)
        for one in owed:
            rounds.posted(tx, one)
    for one in owed:
        run(edges, one)
    return bool(owed)


def run(edges: Edges, one: Round) -> None:
    """What the DAG of this round does."""
    with edges.ledger.transaction() as tx:
        taken = rounds.take(tx, one.dag, one.subject, one.number)
    if taken is None:
        return
    match one.dag:
        case Dag.OPEN_CASE:
            for name in admit(edges, taken):
                request(edges, taken, name)
        case Dag.RECEIVE_ARRIVALS:
            receive(edges)
            done(edges, taken)
        case Dag.RELEASE_PACKET:
            with Sender(edges.ledger) as sender:
                if assemble(edges, PacketId(one.subject)):
                    deliver(edges, PacketId(one.subject), sender)
            done(edges, taken)
        case Dag.SETTLE_DELIVERY:
            settle(edges, PacketId(one.subject))
            done(edges, taken)
        case Dag.ENFORCE_PERMISSIONS if one.subject == "inbox":
            purge_strangers(edges)
            remove_forsaken(edges)
            done(edges, taken)
        case Dag.ENFORCE_PERMISSIONS:
            enforce(edges, CaseId(one.subject))
            done(edges, taken)


def done(edges: Edges, taken: Taken) -> None:
    with edges.ledger.transaction() as tx:
        rounds.done(tx, taken, "attended to")
