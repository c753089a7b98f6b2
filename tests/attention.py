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
from transfer.identifiers import INBOX, CaseId, PacketId
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
            done(edges, taken, receive(edges).sentence)
        case Dag.RELEASE_PACKET:
            done(edges, taken, release(edges, PacketId(one.subject)))
        case Dag.SETTLE_DELIVERY:
            done(edges, taken, settle(edges, PacketId(one.subject)))
        case Dag.ENFORCE_PERMISSIONS if one.subject == INBOX:
            purged, removed = purge_strangers(edges), remove_forsaken(edges)
            done(edges, taken, f"purged {purged} unmatched messages, removed {removed} orphaned objects")
        case Dag.ENFORCE_PERMISSIONS:
            done(edges, taken, enforce(edges, CaseId(one.subject)))


def release(edges: Edges, packet: PacketId) -> str:
    if not assemble(edges, packet):
        return "not permitted: see its decision"
    with Sender(edges.ledger) as sender:
        return deliver(edges, packet, sender)


def done(edges: Edges, taken: Taken, sentence: str) -> None:
    """As the product does: what a verb says of its work is what people read on the run."""
    with edges.ledger.transaction() as tx:
        rounds.done(tx, taken, sentence)
