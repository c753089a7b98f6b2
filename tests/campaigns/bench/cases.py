"""Whole cases, several at once, on a whole installation: cases a minute, how long after its last arrival a center has a
receipt, and processor time by process. Beside it the same runs with tasks that do nothing: what Airflow alone allows.

The floor is made in the same run. Each case becomes a chain of runs of the same shape, as many and as wide as it had,
posted one after the other as ours are: when the last task of the one before has done its work. Both are done with so
many cases at once, and each begins when nothing of the other runs any more. Neither is asked how it goes through
Airflow's API: that costs its server more than a task does.

    python -m tests.campaigns.bench.cases [CASES] [ROUNDS]
"""

import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from tests.campaigns.bench.measure import Contest, Line, interleaved, tell
from tests.kit.auditor import Auditor
from tests.kit.house import Chart, House, a_house
from transfer.case import Stage
from transfer.embedded.postgres import Postgres
from transfer.identifiers import CaseId

CASES = 6
#: seconds between two looks at how it goes
LOOK_EVERY = 0.1
_ROOT = Path(__file__).parents[3]
#: DAGs of the shapes that ours have, and no more in them: a task, two in a row, one that expands into so many
_EMPTY = """
from airflow.sdk import dag, task
from transfer_airflow.defaults import A_ROUND, FETCHING_ROUNDS, A_FETCH, takes_nothing

ROUND = {**A_ROUND, "params": {}, "max_active_runs": 1000}
FETCHING = {**FETCHING_ROUNDS, "params": {"wide": 0}}


@dag(dag_id="empty_one", **ROUND)
def one():
    @task
    def only(): ...

    takes_nothing(only())


@dag(dag_id="empty_two", **ROUND)
def two():
    @task
    def first(): return True

    @task
    def second(said): ...

    second(takes_nothing(first()))


@dag(dag_id="empty_wide", **FETCHING)
def wide():
    @task
    def first():
        from airflow.sdk import get_current_context

        return [str(n) for n in range(get_current_context()["params"]["wide"])]

    @task(**A_FETCH)
    def each(name): ...

    each.expand(name=takes_nothing(first()))


one(), two(), wide()
"""


@dataclass(frozen=True)
class Shape:
    """A run of ours as its DAG without work: which, how wide, and whether the case had all its arrivals by then."""

    dag: str
    wide: int
    is_after_last: bool

    @property
    def tasks(self) -> int:
        """That do something: of a wide run that expands into none, the first alone."""
        return {"empty_one": 1, "empty_two": 2}.get(self.dag, 1 + self.wide)


@dataclass(frozen=True)
class Ran:
    """What came of so many cases at once."""

    seconds: float
    #: from a case's last arrival to its center's receipt
    waits: Sequence[float]

    @property
    def a_minute(self) -> float:
        return len(self.waits) / self.seconds * 60

    @property
    def late(self) -> float:
        """The 95th percentile; of a few, the longest."""
        return sorted(self.waits)[int(0.95 * (len(self.waits) - 1) + 0.5)]


class Bench:
    def __init__(self, house: House, cases: int) -> None:
        self._house = house
        self._auditor = Auditor(house)
        self._cases = cases
        self._shapes: list[list[Shape]] = []
        self.work: list[Ran] = []
        self.floor: list[Ran] = []
        #: of all cases so far
        self.charts: list[Chart] = []

    def ours(self) -> float:
        self._rest()
        charts = [self._house.a_patient() for _ in range(self._cases)]
        self.charts += charts
        began, first = time.monotonic(), datetime.now(UTC)
        with _threads([lambda chart=chart: self._send(chart) for chart in charts]) as sent:
            cases = sent()
        self._until("all are received", lambda: self._are_over(cases), 300)
        took = time.monotonic() - began
        self._shapes = self._of_runs(cases, first)
        self.work.append(Ran(took, [self._wait_of(case) for case in cases]))
        return self.work[-1].a_minute

    def _send(self, chart: Chart) -> CaseId:
        self._house.release_form(chart)
        self._house.pathology_report(chart)
        return self._house.referral(chart)

    def _are_over(self, cases: Sequence[CaseId]) -> bool:
        with self._house.services.ledger.statement() as tx:
            return not tx.rows(
                "SELECT 1 FROM cases AS c RIGHT JOIN unnest(%s::text[]) AS o (case_id) USING (case_id) "
                "WHERE (c.stage = ANY(%s)) IS NOT TRUE",
                *(list(cases), [Stage.DELIVERED, Stage.CLOSED]),
            )

    def _rest(self) -> None:
        """Wait until no case's run is on its way."""
        with self._airflow() as airflow:
            busy = "SELECT 1 FROM dag_run WHERE state IN ('queued', 'running') AND dag_id <> 'receive_arrivals'"
            self._until("nothing runs", lambda: airflow.execute(busy).fetchone() is None, 120)

    def _airflow(self) -> psycopg.Connection[Any]:
        """Airflow's own database: to look there costs the least."""
        return psycopg.connect(Postgres(self._house.var / "postgres").url("airflow"), autocommit=True)

    @staticmethod
    def _until(what: str, holds: Callable[[], bool], seconds: float) -> None:
        over = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < over, what
            time.sleep(LOOK_EVERY)

    def _wait_of(self, case: CaseId) -> float:
        with self._house.services.ledger.transaction() as tx:
            return float(
                tx.value(
                    """SELECT extract(epoch FROM max(f.at) FILTER (WHERE f.kind = 'receipt-recorded')
                         - max(f.at) FILTER (WHERE f.kind IN ('record-collected', 'record-completed', 'case-opened')))
                       FROM facts AS f WHERE f.chain = %s""",
                    f"case:{case}",
                )
            )

    def _of_runs(self, cases: Sequence[CaseId], since: datetime) -> list[list[Shape]]:
        """Each case's runs in their order; those of the inbox, which are everybody's, divided among them."""
        with self._airflow() as airflow:
            rows = airflow.execute(
                """SELECT r.run_id, count(*), r.start_date
                   FROM dag_run AS r JOIN task_instance AS t USING (dag_id, run_id)
                   WHERE r.queued_at >= %s AND r.dag_id NOT LIKE 'empty_%%' AND r.dag_id <> 'housekeeping'
                   GROUP BY r.run_id, r.start_date ORDER BY r.start_date""",
                [since],
            ).fetchall()
        shapes: dict[CaseId, list[Shape]] = {case: [] for case in cases}
        inbox = [row for row in rows if not str(row[0]).startswith(tuple(cases))]
        for n, _ in enumerate(inbox):
            shapes[cases[n % len(cases)]].append(Shape("empty_one", 0, is_after_last=False))
        for run, tasks, _ in rows:
            for case in cases:
                if str(run).startswith(case):
                    shapes[case].append(_shape(str(run), int(tasks)))
        return list(shapes.values())

    def without_work(self) -> float:
        """The same runs, their tasks empty."""
        self._rest()
        began = time.monotonic()
        with _threads([lambda chain=chain: self._chain(chain) for chain in self._shapes]) as done:
            waits = done()
        self.floor.append(Ran(time.monotonic() - began, waits))
        return self.floor[-1].a_minute

    def _chain(self, shapes: Sequence[Shape]) -> float:
        last = time.monotonic()
        with self._airflow() as airflow:
            for shape in shapes:
                if not shape.is_after_last:
                    last = time.monotonic()
                self._run(shape, airflow)
        return time.monotonic() - last

    def _run(self, shape: Shape, airflow: psycopg.Connection[Any]) -> None:
        """Until its last task has done its work: then ours owe the next run, and do not wait for the end of this."""
        name, conf = uuid.uuid4().hex, {"wide": shape.wide} if shape.dag == "empty_wide" else {}
        body = {"dag_run_id": name, "logical_date": datetime.now(UTC).isoformat(), "conf": conf}
        assert self._auditor.ask("POST", f"/dags/{shape.dag}/dagRuns", body)[0] == 200
        ended = "SELECT count(*) = %s FROM task_instance WHERE run_id = %s AND state = 'success'"
        self._until(
            "an empty run ends",
            lambda: airflow.execute(ended, [shape.tasks, name]).fetchone() == (True,),
            120,
        )


def _shape(run: str, tasks: int) -> Shape:
    """Its packet's runs come after the last arrival: they carry the packet's number."""
    if "-p" in run:
        return Shape("empty_two" if tasks == 2 else "empty_one", 0, is_after_last=True)
    return Shape("empty_wide", max(0, tasks - 1), is_after_last=False)


@contextmanager
def _threads(calls: Sequence) -> Iterator:  # type: ignore[type-arg]
    """All at once; what is yielded waits for them and gives what each returned."""
    results: list[object] = [None] * len(calls)

    def call(n: int) -> None:
        results[n] = calls[n]()

    threads = [threading.Thread(target=call, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()

    def wait() -> list[object]:
        for thread in threads:
            thread.join()
        return results

    yield wait


def processor_seconds(house: House) -> dict[str, float]:
    """By part of the installation, with the processes that each started and that have ended."""
    used: dict[str, float] = defaultdict(float)
    for part in house.system.status():
        if part.pid is not None:
            used[part.name] += sum(map(_used_by, _family(part.pid)))
    return used


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                yield from _family(int(child))


def _used_by(pid: int) -> float:
    """Seconds, with those of its children that have ended (proc(5), stat, fields 14 to 17)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def main(cases: int = CASES, rounds: int = 2) -> None:
    with tempfile.TemporaryDirectory(prefix="rt-") as name:
        folder = Path(name)
        shutil.copytree(_ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "dags" / "empty.py").write_text(_EMPTY)
        with a_house(folder / "var", airflow=True, cold=True, TRANSFER_DAGS=str(folder / "dags")) as house:
            _compare(house, cases, rounds)


def _compare(house: House, cases: int, rounds: int) -> None:
    bench = Bench(house, cases)
    alone = Bench(house, 1)
    alone.ours()
    tell(Line(name="a case alone, last arrival to receipt", figure=alone.work[0].late, unit="s"))
    before = processor_seconds(house)
    bench.ours()
    used = {name: seconds - before.get(name, 0) for name, seconds in processor_seconds(house).items()}
    contest = Contest(
        name=f"{cases} cases at once",
        unit="cases/min",
        ours=bench.ours,
        other=bench.without_work,
        against="their runs, empty",
        wanted=">= 0.6",
    )
    interleaved([contest], rounds)
    ours, theirs = (statistics.median(ran.late for ran in some) for some in (bench.work, bench.floor))
    tell(
        Line(
            name="last arrival to receipt, p95",
            figure=ours,
            unit="s",
            against="their runs, empty",
            other=theirs,
            ratio=ours / theirs,
            wanted="<= 1.5",
        )
    )
    for name, seconds in sorted(used.items(), key=lambda one: -one[1]):
        if seconds >= 0.1:
            tell(Line(name=f"of a case: {name}", figure=seconds / cases, unit="CPU s"))
    tell(Line(name="of a case: all", figure=sum(used.values()) / cases, unit="CPU s"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
