"""A stand-in for Airflow: processes owed rounds in this process, one after another.

The rounds, the ledger and the verbs are the real ones; only who calls the verbs is not. What Airflow itself does is
tested with Airflow (tests/journeys).
"""

import time
from collections.abc import Callable

from transfer.flow.assemble import assemble
from transfer.flow.deliver import deliver
from transfer.flow.enforce import enforce
from transfer.flow.housekeeping import clean_up
from transfer.flow.opening import open_case
from transfer.flow.receive import receive
from transfer.flow.request import request
from transfer.flow.services import Services
from transfer.flow.settle import settle
from transfer.identifiers import CaseId, PacketId
from transfer.ledger import rounds
from transfer.ledger.disclosures import Sender
from transfer.ledger.rounds import Taken
from transfer.rounds import Dag, Round


def process_until(services: Services, holds: Callable[[], object], seconds: float = 60.0) -> None:
    """process whatever is owed until the condition holds.

    Raises:
        AssertionError: it does not in time.
    """
    until = time.monotonic() + seconds
    while not holds():
        if not process_once(services):
            assert time.monotonic() < until, "it never came to that"
            time.sleep(0.05)


def process_all(services: Services) -> int:
    """Attend until nothing is owed at this moment. Says how many rounds there were."""
    count = 0
    while process_once(services):
        count += 1
    return count


def process_once(services: Services) -> bool:
    with services.ledger.transaction() as tx:
        owed = rounds.postable(tx, limit=1)
        for one in owed:
            rounds.posted(tx, one)
    for one in owed:
        run(services, one)
    return bool(owed)


def run(services: Services, one: Round) -> None:
    """What the DAG of this round does."""
    with services.ledger.transaction() as tx:
        taken = rounds.take(tx, one.dag, one.subject, one.number)
    if taken is None:
        return
    match one.dag:
        case Dag.OPEN_CASE:
            for name in open_case(services, taken):
                request(services, taken, name)
        case Dag.RECEIVE_ARRIVALS:
            done(services, taken, receive(services).sentence)
        case Dag.RELEASE_PACKET:
            done(services, taken, release(services, PacketId(one.subject)))
        case Dag.SETTLE_DELIVERY:
            done(services, taken, settle(services, PacketId(one.subject)))
        case Dag.ENFORCE_PERMISSIONS:
            done(services, taken, enforce(services, CaseId(one.subject)))
        case Dag.HOUSEKEEPING:
            done(services, taken, clean_up(services))


def release(services: Services, packet: PacketId) -> str:
    if not assemble(services, packet):
        return "not permitted: see its decision"
    with Sender(services.ledger) as sender:
        return deliver(services, packet, sender)


def done(services: Services, taken: Taken, sentence: str) -> None:
    """As the product does: what a verb says of its work is what people read on the run."""
    with services.ledger.transaction() as tx:
        rounds.done(tx, taken, sentence)
