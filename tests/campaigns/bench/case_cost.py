"""What one case costs as their number grows: it must not matter how many others there are.

Ledgers with 100 cases, 10,000 and 100,000, each in a PostgreSQL of its own; the work on one case takes turns between
them. Some cases are real and worked on; their neighbours are as `many_cases` makes them.
A ratio near 1 means that a case costs the same; one that grows with the number means a search through all of them.

    python -m tests.campaigns.bench.case_cost [ROUNDS] [CASES ...]
"""

import random
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from tests.campaigns.bench.many_cases import Filled, many_cases
from tests.campaigns.bench.measure import Contest, Line, interleaved, tell
from tests.kit import builders
from tests.kit.staff import ANN
from transfer import facts
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.assess import settle_needs
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import purging, requests, rounds, turns
from transfer.records import RecordKind
from transfer.rounds import Dag

FEW: Final = 100
MANY: Final = (10_000, 100_000)
#: cases that are worked on in one turn
WORKED_ON: Final = 8
#: turns before the first that is measured: each statement is prepared by then, and its pages are read
WARM: Final = 2
#: of *find*, by the 95th percentile, on two cores that do nothing else
MOST_MILLISECONDS: Final = 100


class Timed:
    """A ledger with so many cases, and how long each piece of work on one of them took."""

    def __init__(self, filled: Filled) -> None:
        self.count = filled.count
        self.found: list[float] = []
        self._services = filled.services
        # every third has no form, and nothing may come in for it
        with_form = [one for n, one in enumerate(zip(filled.cases, filled.names, strict=True)) if n % 3 != 2]
        self._cases, self._names = zip(*with_form[:WORKED_ON], strict=True)

    def timed(self, work: Callable[[Services, CaseId], object]) -> Callable[[], float]:
        """Milliseconds a case."""

        def turn() -> float:
            began = time.perf_counter()
            for case in self._cases:
                work(self._services, case)
            return (time.perf_counter() - began) / len(self._cases) * 1000

        return turn

    def find(self) -> float:
        """Milliseconds for looking for a patient by name, each kept by itself."""
        took = []
        for name in self._names:
            began = time.perf_counter()
            assert desk.find_cases(self._services, actor=ANN, name=name, identity=True).cases
            took.append((time.perf_counter() - began) * 1000)
        self.found += took
        return sum(took) / len(took)

    @property
    def slowest_of_twenty(self) -> float:
        return sorted(self.found)[min(len(self.found) - 1, int(len(self.found) * 0.95))]


def list_open(services: Services, _: CaseId) -> None:
    desk.list_cases(services, actor=ANN)


def show(services: Services, case: CaseId) -> None:
    desk.dossier(services, case, actor=ANN)


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


def sweep_sources(services: Services, _: CaseId) -> None:
    """What the dispatcher asks every two seconds: whose turn lapsed, who is late. Before it is asked, nobody is."""
    with services.ledger.transaction() as tx:
        turns.sweep(tx)
        requests.sweep(tx)


def ring_and_take(services: Services, case: CaseId) -> None:
    """Ring, and process it. Nothing is left owed."""
    with services.ledger.transaction() as tx:
        rounds.owe(tx, Dag.OPEN_CASE, case)
        for owed in rounds.postable(tx):
            rounds.posted(tx, owed)
            if taken := rounds.take(tx, owed.dag, owed.subject, owed.number):
                rounds.done(tx, taken, "measured")


WORK: dict[str, Callable[[Services, CaseId], object]] = {
    "list": list_open,
    "show": show,
    "settle_needs": settle,
    "a fact, and project": project,
    "a record comes in": come_in,
    "ring, post, take, done": ring_and_take,
    "a sweep of the dispatcher": sweep,
    "a sweep of the sources": sweep_sources,
}


def main(rounds_: int = 7, *many: int) -> None:
    with ExitStack() as stack:
        few, *larger = [Timed(stack.enter_context(many_cases(count))) for count in (FEW, *(many or MANY))]
        contests = [
            Contest(
                name=f"{name}, among {one.count:,}",
                unit="ms",
                ours=one.timed(WORK[name]) if name in WORK else one.find,
                other=few.timed(WORK[name]) if name in WORK else few.find,
                against=f"among {few.count}",
                wanted="<= 1.1",
            )
            for one in larger
            for name in (*WORK, "find")
        ]
        for _ in range(WARM):
            for contest in contests:
                contest.ours()
                contest.other()
        for one in larger:
            one.found.clear()
        interleaved(contests, rounds_)
        for one in larger:
            wanted = f"<= {MOST_MILLISECONDS}"
            tell(Line(name=f"find, p95 among {one.count:,}", figure=one.slowest_of_twenty, unit="ms", wanted=wanted))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
