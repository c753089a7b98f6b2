"""What one case costs as their number grows: it must not matter how many others there are.

Two ledgers, with 10 cases and with 1,000, each in a PostgreSQL of its own; the work on one case takes turns between
them. Ten are real; their neighbours are copies of their rows under other names.
A ratio near 1 means that a case costs the same; one that grows with the number means a search through all of them.

    python -m tests.campaigns.bench.case_cost [CASES] [ROUNDS]
"""

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg

from tests.campaigns.bench.ledgers import bench_ledger
from tests.campaigns.bench.measure import Contest, interleaved
from tests.kit import builders
from tests.kit.neighbours import multiply
from transfer import facts
from transfer.facts import Chain
from transfer.flow.assess import settle_needs
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import purging, rounds
from transfer.records import RecordKind
from transfer.rounds import Dag

FEW, MANY = 10, 1000


class Filled:
    """A ledger with so many cases, and those that are worked on."""

    def __init__(self, services: Services, cases: list[CaseId], count: int) -> None:
        self.services = services
        self.count = count
        self._cases = cases

    def timed(self, work: Callable[[Services, CaseId], object]) -> Callable[[], float]:
        """Milliseconds a case."""

        def turn() -> float:
            began = time.perf_counter()
            for case in self._cases:
                work(self.services, case)
            return (time.perf_counter() - began) / len(self._cases) * 1000

        return turn


def settle(services: Services, case: CaseId) -> None:
    with services.ledger.transaction() as tx:
        settle_needs(tx, services, case)


def project(services: Services, case: CaseId) -> None:
    with services.ledger.transaction() as tx:
        tx.append(Chain.case(case), facts.NoteAdded(note="n", hmac="0" * 64))


def come_in(services: Services, case: CaseId) -> None:
    builders.came_in(services, case, RecordKind.NOTE, content=random.Random().randbytes(64))


def sweep(services: Services, _: CaseId) -> None:
    """What the dispatcher asks every second, and whether the house is untidy."""
    with services.ledger.transaction() as tx:
        rounds.postable(tx)
        rounds.unfinished(tx)
        rounds.unnoted(tx)
        purging.is_housekeeping_due(tx)


def ring_and_take(services: Services, case: CaseId) -> None:
    """Ring, and process it. Nothing is left owed."""
    with services.ledger.transaction() as tx:
        rounds.owe(tx, Dag.OPEN_CASE, case)
        for owed in rounds.postable(tx):
            rounds.posted(tx, owed)
            if taken := rounds.take(tx, owed.dag, owed.subject, owed.number):
                rounds.done(tx, taken, "measured")


WORK: dict[str, Callable[[Services, CaseId], object]] = {
    "settle_needs": settle,
    "a fact, and project": project,
    "a record comes in": come_in,
    "ring, post, take, done": ring_and_take,
    "a sweep of the dispatcher": sweep,
}


@contextmanager
def _filled(count: int) -> Iterator[Filled]:
    with bench_ledger() as made:
        services = builders.new_services(made.ledger)
        cases = [builders.a_case_without_slides(services) for _ in range(FEW)]
        with psycopg.connect(made.owner_url, options="-csearch_path=transfer") as owner:
            multiply(owner, count // FEW)
        with made.ledger.transaction() as tx:
            here = tx.value("SELECT count(*) FROM cases")
        yield Filled(services, cases, here)


def main(count: int = MANY, rounds_: int = 7) -> None:
    with ExitStack() as stack:
        many = stack.enter_context(_filled(count))
        few = stack.enter_context(_filled(FEW))
        contests = [
            Contest(
                name=f"{name}, among {many.count}",
                unit="ms",
                ours=many.timed(work),
                other=few.timed(work),
                against=f"among {few.count}",
            )
            for name, work in WORK.items()
        ]
        interleaved(contests, rounds_)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
