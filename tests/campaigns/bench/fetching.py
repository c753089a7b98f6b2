"""Fetching: it grows with the workers, a dead archive holds up only itself, a stat case overtakes.

Real ledger, real steps; a worker is a process that takes owed rounds as Airflow's workers do. The records office stands
in memory and takes 100 ms for each thing it is asked: whom it knows, and each of five notes.

    python -m tests.campaigns.bench.fetching [CASES]
"""

import multiprocessing
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.campaigns.bench.measure import Line, tell
from tests.kit import builders, processing
from tests.kit.fakes import MemoryDocuments
from transfer.adapters.keys import FolderKeys
from transfer.asking import Asking
from transfer.embedded.postgres import Postgres
from transfer.errors import Unreachable
from transfer.facts import Origin
from transfer.flow.receive import receive
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.institutions import Institutions
from transfer.ledger import Ledger, rounds, turns
from transfer.ledger.migrate import migrate

CASES = 24
#: seconds a thing takes that the office is asked, and until one knows that the dead archive does not answer
SLOW, DEAD = 0.1, 5.0
#: tasks at once of a worker where more than one is asked of it
SLOTS = 8

_forking = multiprocessing.get_context("fork")


class SlowOffice(MemoryDocuments):
    def __init__(self) -> None:
        super().__init__([f"note {number}".encode() for number in range(5)])

    def _answer(self, keep_going: Callable[[], None]) -> None:
        time.sleep(SLOW / 2)  # asked for the patient, and for the list
        super()._answer(keep_going)

    def _read(self, number: int, keep_going: Callable[[], None]) -> Iterator[bytes]:
        time.sleep(SLOW)
        return super()._read(number, keep_going)


def _dead(_: object) -> Any:
    time.sleep(DEAD)
    raise Unreachable("no answer")


@dataclass(frozen=True)
class Place:
    """A ledger in a folder, and how whoever works in it connects to it."""

    folder: Path
    url: str

    def services(self, at_once: int = 32, *, is_quiet: bool = False) -> Services:
        """`is_quiet`: nothing is asked now, so that cases can be opened without being asked for."""
        hours = [{"from": "00:00", "to": "12:00"}, {"from": "12:00", "to": "23:59"}] if is_quiet else []
        asking = Asking.model_validate({"at_once": at_once, "quiet_hours": hours, "stat_in_quiet_hours": not is_quiet})
        ledger = Ledger(self.url, FolderKeys(self.folder / "keys"), Origin(process="bench"), connections=2 * SLOTS)
        plain = builders.new_services(ledger).institutions
        known = Institutions(
            one.model_copy(update={"asking": asking}) if one.id in (builders.LAKESIDE, builders.MERCY) else one
            for one in plain.values()
        )
        return builders.new_services(
            ledger, institutions=known, ask_documents=lambda _: SlowOffice(), ask_archive=_dead
        )


@contextmanager
def _place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="rt-") as name:
        postgres = Postgres(Path(name) / "postgres")
        postgres.start()
        try:
            migrate(postgres.url("owner"))
            yield Place(Path(name), postgres.url("app"))
        finally:
            postgres.stop()


def _referred(services: Services, institution: str, count: int, **said: object) -> list[CaseId]:
    """So many cases, each to be asked for at this institution alone."""
    cases = []
    for _ in range(count):
        chart = builders.a_chart()
        builders.sign_form(services, chart, disclosers=[institution])
        receive(services)
        cases.append(builders.refer(services, chart, **said))
    return cases


def _opened(services: Services) -> None:
    """All are opened in quiet hours that are over at once: now they wait for their turns."""
    processing.process_all(services)
    with services.ledger.transaction() as tx:
        tx.run("UPDATE queues SET look_at = transfer.now()")


def _worker(place: Place, at_once: int, slots: int, tasks_in_all: int, over: Any) -> None:
    """Takes what is owed until it is over; when there is nothing, it looks as the dispatcher's sweep does."""
    services = place.services(at_once)
    tasks = [threading.Thread(target=_slot, args=(services, tasks_in_all, over)) for _ in range(slots)]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()


def _slot(services: Services, tasks_in_all: int, over: Any) -> None:
    """The most urgent round; where several take them, one of the first, so that they do not all take the same."""
    dice = random.Random()
    while not over.is_set():
        with services.ledger.transaction() as tx:
            owed = rounds.postable(tx)
        if not owed:
            with services.ledger.transaction() as tx:
                turns.sweep(tx)
            time.sleep(0.02)
            continue
        one = owed[dice.randrange(min(tasks_in_all, len(owed)))]
        with services.ledger.transaction() as tx:
            rounds.posted(tx, one)
        processing.run(services, one)


@contextmanager
def _workers(place: Place, count: int, *, at_once: int = 32, slots: int = 1) -> Iterator[None]:
    over = _forking.Event()
    processes = [
        _forking.Process(target=_worker, args=(place, at_once, slots, count * slots, over)) for _ in range(count)
    ]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        over.set()
        for process in processes:
            process.join()


def _answered(services: Services, cases: Sequence[CaseId]) -> list[str]:
    """Those whose office has answered, in the order of its answers."""
    with services.ledger.transaction() as tx:
        rows = tx.rows(
            """SELECT case_id FROM requests AS r JOIN facts AS f ON f.chain = 'case:' || case_id
               WHERE case_id = ANY(%s) AND institution = %s AND state = 'answered' AND f.kind = 'request-moved'
               GROUP BY case_id ORDER BY max(f.at)""",
            *(list(cases), builders.LAKESIDE),
        )
        return [row.case_id for row in rows]


def _seconds(services: Services, cases: Sequence[CaseId]) -> float:
    began = time.perf_counter()
    while len(_answered(services, cases)) < len(cases):
        time.sleep(0.02)
    return time.perf_counter() - began


def grows(count: int) -> None:
    rates: list[float] = []
    for workers in (1, 2, 3):
        with _place() as place:
            quiet = place.services(is_quiet=True)
            cases = _referred(quiet, builders.LAKESIDE, count)
            _opened(quiet)
            with _workers(place, workers):
                rates.append(count / _seconds(quiet, cases))
            quiet.ledger.close()
        gain = rates[-1] / rates[0] / workers
        tell(
            Line(
                name=f"{workers} workers",
                figure=rates[-1],
                unit="fetches/s",
                against="one worker",
                other=rates[0],
                ratio=gain,
                wanted=">= 0.8 for each",
            )
        )


def only_itself() -> None:
    """Six cases behind a dead archive, beside six others: how much later the last of the others has its answer."""
    took: list[float] = []
    for dead in (0, 6):
        with _place() as place:
            quiet = place.services(is_quiet=True)
            _referred(quiet, builders.MERCY, dead)
            cases = _referred(quiet, builders.LAKESIDE, 6)
            _opened(quiet)
            with _workers(place, 1, at_once=2, slots=SLOTS):
                took.append(_seconds(quiet, cases))
            quiet.ledger.close()
    alone, beside = took
    tell(
        Line(
            name="six beside six of a dead archive",
            figure=beside,
            unit="s",
            against="alone",
            other=alone,
            wanted="no second more",
        )
    )


def overtakes() -> None:
    with _place() as place:
        quiet = place.services(is_quiet=True)
        routine = _referred(quiet, builders.LAKESIDE, 20)
        _opened(quiet)
        with _workers(place, 1, at_once=1):
            while not _answered(quiet, routine):
                time.sleep(0.01)
            (stat,) = _referred(quiet, builders.LAKESIDE, 1, priority="stat")
            before, took = len(_answered(quiet, routine)), _seconds(quiet, [stat])
            _seconds(quiet, routine)
            place_ = _answered(quiet, [*routine, stat]).index(stat) - before
        quiet.ledger.close()
    tell(Line(name="a stat case among twenty", figure=took, unit="s"))
    tell(Line(name="answered before it, of those that waited", figure=place_, unit="cases", wanted="<= 1"))


def main(count: int = CASES) -> None:
    grows(count)
    only_itself()
    overtakes()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
