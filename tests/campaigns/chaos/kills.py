"""Whom to kill, when, and how: exactly one process of one installation, found below its supervisor and never by name.

A *moment* is something that can be seen from outside while a case runs; `random` is any time at all.
"""

import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import product
from pathlib import Path

import psycopg

from tests.kit.house import House
from transfer.embedded.process import Handle, stop
from transfer.errors import Unknown

_OUTRIGHT = ((signal.SIGKILL, 5.0),)
#: how a process of Airflow's calls itself that runs a task, and the one that watches over it
_TASK = re.compile(rb"airflow worker -- [0-9a-f]{8}-")
_WATCHER = re.compile(rb"airflow worker -- LocalExecutor: [0-9a-f]{8}-")
#: a connection of the ledger's own role, or of Airflow's
_BACKEND = re.compile(rb"postgres: (transfer_app|airflow) ")


class Target(StrEnum):
    GATEWAY = "gateway"
    DISPATCHER = "dispatcher"
    API_SERVER = "airflow-api-server"
    SCHEDULER = "airflow-scheduler"
    DAG_PROCESSOR = "airflow-dag-processor"
    TRIGGERER = "airflow-triggerer"
    #: the process in which a task of a case runs
    TASK = "task"
    #: the one that watches over it, with what it watches over
    TASK_WATCHER = "task-watcher"
    POSTGRES = "postgres"
    #: one connection's process: PostgreSQL then ends all others and recovers
    BACKEND = "postgres-backend"
    STORE = "store"
    ONCOLOGY = "sandbox-oncology"
    PATHOLOGY = "sandbox-pathology"
    ARCHIVE = "sandbox-archive"
    CENTER = "sandbox-center"


class Moment(StrEnum):
    RANDOM = "random"
    STORING = "a message is being stored"
    POSTED = "a round was just posted"
    TAKEN = "a task has its round"
    FETCHING = "a fetch runs"
    WRITING = "an object is being written"
    ASSEMBLING = "a packet is put together"
    ANNOUNCING = "a packet is announced"
    DOWNLOADING = "a packet is downloaded"
    RECEIPT = "a receipt was stored"


_NOW = "(SELECT transfer.now())"
#: what the ledger shows at a moment. Storing is known to who sends.
_SEEN = {
    Moment.POSTED: f"due_runs WHERE state = 'posted' AND posted_at > {_NOW} - interval '1 second'",
    Moment.TAKEN: f"due_runs WHERE state = 'taken' AND lease_until > {_NOW}",
    Moment.FETCHING: f"requests WHERE state = 'asking' AND lease_until > {_NOW}",
    Moment.WRITING: f"vault_uploads WHERE at > {_NOW} - interval '3 seconds'",
    Moment.ASSEMBLING: """due_runs JOIN packets ON packet = subject
                          WHERE state = 'taken' AND dag_id = 'release_packet' AND tag_manifest IS NULL""",
    Moment.ANNOUNCING: "egress WHERE closed_at IS NULL AND channel = 'iti-65'",
    Moment.DOWNLOADING: "egress WHERE closed_at IS NULL AND channel <> 'iti-65'",
    Moment.RECEIPT: "arrivals WHERE kind = 'receipt' AND state = 'stored'",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    target: Target
    moment: Moment


@dataclass(slots=True, kw_only=True)
class Kill:
    """One that was made. `moment` is the one it met, `random` where the wanted one did not come in time."""

    target: Target
    moment: Moment
    at: datetime
    #: seconds until the supervisor had it up again; None while it has not
    up_after: float | None = None
    #: seconds until the next fact of any case, and until every case then in flight had one
    first_moved: float | None = None
    last_moved: float | None = None
    slowest: str = ""
    made: float = field(default_factory=time.monotonic)


def plan(targets: Sequence[Target], count: int, dice: random.Random) -> list[Planned]:
    """Every target at every moment before any pair comes again, in an order of the dice's."""
    pairs: list[Planned] = []
    while len(pairs) < count:
        once = [Planned(target=target, moment=moment) for target, moment in product(targets, Moment)]
        dice.shuffle(once)
        pairs += once
    return pairs[:count]


class Moments:
    """Sees which moments are now. `is_sending` says whether a message is on its way to a door."""

    def __init__(self, house: House, is_sending: Callable[[], bool]) -> None:
        self._url = house.settings.database_url
        self._is_sending = is_sending
        self._connection: psycopg.Connection[tuple[bool, ...]] | None = None
        self._query = "SELECT " + ", ".join(f"EXISTS (SELECT 1 FROM {seen})" for seen in _SEEN.values())

    def now(self) -> set[Moment]:
        """Without a ledger only what needs none is seen."""
        found = {Moment.STORING} if self._is_sending() else set()
        seen = self._asked(self._query)
        return found | {moment for moment, is_now in zip(_SEEN, seen, strict=False) if is_now}

    def has_moved(self, since: datetime) -> bool:
        """Some case has."""
        return any(self._asked("SELECT max(changed_at) > %s FROM cases", since))

    def _asked(self, query: str, *values: object) -> tuple[bool, ...]:
        try:
            if self._connection is None:
                self._connection = psycopg.connect(
                    self._url, autocommit=True, connect_timeout=2, options="-csearch_path=transfer"
                )
            return self._connection.execute(query, values).fetchone() or ()
        except psycopg.OperationalError:
            self.close()
            return ()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None


class Killer:
    """Kills within one installation, and sees what comes up again. `worker` finds the tasks where Airflow is not."""

    def __init__(
        self,
        house: House,
        dice: random.Random,
        *,
        rest: float = 0.0,
        worker: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._house = house
        self._rest = rest
        self._rested: dict[str, float] = {}
        self._dice = dice
        self._worker = worker
        self._waiting: dict[Target, tuple[Kill, int]] = {}
        self.made: list[Kill] = []

    def is_up(self, target: Target) -> bool:
        """What was killed there before has come up again."""
        return not any(_part(waiting) == _part(target) for waiting in self._waiting)

    def is_well(self, target: Target) -> bool:
        """It can be killed (again): it is up, and has had `rest` seconds to do something."""
        return self.is_up(target) and time.monotonic() >= self._rested.get(_part(target), 0.0)

    def kill(self, target: Target, moment: Moment) -> Kill | None:
        """None: there is no such process at this moment."""
        handle = self._find(target)
        if handle is None:
            return None
        killed = Kill(target=target, moment=moment, at=datetime.now(UTC))
        if not stop(handle, _OUTRIGHT):
            return None
        self.made.append(killed)
        if target not in (Target.TASK, Target.TASK_WATCHER):
            self._waiting[target] = (killed, handle.pid)
        return killed

    def look(self) -> list[Target]:
        """Note what came up again since the last look, and tell which."""
        standing = {one.name: one for one in self._house.system.status()}
        back = []
        for target, (killed, pid) in list(self._waiting.items()):
            one = standing.get(_part(target))
            if one and one.state == "up" and (one.pid != pid or target is Target.BACKEND) and self._answers(target):
                killed.up_after = time.monotonic() - killed.made
                self._rested[_part(target)] = time.monotonic() + self._rest
                del self._waiting[target]
                back.append(target)
        return back

    def _answers(self, target: Target) -> bool:
        if target is not Target.BACKEND:
            return True
        with suppress(psycopg.OperationalError), psycopg.connect(self._house.settings.database_url, connect_timeout=2):
            return True
        return False

    def _find(self, target: Target) -> Handle | None:
        if target in (Target.TASK, Target.TASK_WATCHER):
            return self._task(target)
        try:
            pid = self._house.system.pid(_part(target))
        except Unknown:
            return None
        if target is not Target.BACKEND:
            return Handle.of(pid)
        return self._one([child for child in children(pid) if _BACKEND.match(title(child))])

    def _task(self, target: Target) -> Handle | None:
        if pid := self._worker():
            return Handle.of(pid)
        try:
            scheduler = self._house.system.pid(Target.SCHEDULER)
        except Unknown:
            return None
        watchers = [child for child in children(scheduler) if _WATCHER.match(title(child))]
        if target is Target.TASK_WATCHER:
            return self._one(watchers)
        return self._one([task for each in watchers for task in children(each) if _TASK.match(title(task))])

    def _one(self, found: Sequence[int]) -> Handle | None:
        return Handle.of(self._dice.choice(sorted(found))) if found else None


def _part(target: Target) -> str:
    """What the supervisor calls it."""
    return Target.POSTGRES if target is Target.BACKEND else target


def children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                yield from (int(child) for child in (thread / "children").read_text().split())


def title(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def table(kills: Sequence[Kill]) -> list[str]:
    """Kills by process and moment, and for each process the longest times."""
    counted = Counter((kill.target, kill.moment) for kill in kills)
    lines = [f"{n:>3}  {moment}" for n, moment in enumerate(Moment, 1)]
    heads = "".join(f"{n:>4}" for n, _ in enumerate(Moment, 1))
    lines += [
        "",
        f"{'killed':<23}{heads}{'all':>6}{'up again':>10}{'a case':>8}{'each case':>11}   seconds, the longest",
    ]
    for target in Target:
        mine = [kill for kill in kills if kill.target is target]
        if mine:
            cells = "".join(f"{counted[target, moment] or '·':>4}" for moment in Moment)
            lines.append(f"{target:<23}{cells}{len(mine):>6}{_times(mine)}")
    sums = "".join(f"{sum(kill.moment is moment for kill in kills) or '·':>4}" for moment in Moment)
    lines.append(f"{'all':<23}{sums}{len(kills):>6}{_times(kills)}")
    return lines


def _times(kills: Sequence[Kill]) -> str:
    def longest(of: Callable[[Kill], float | None]) -> str:
        known = [seconds for kill in kills if (seconds := of(kill)) is not None]
        return f"{max(known):.1f}" if known else "–"

    return (
        f"{longest(lambda kill: kill.up_after):>10}{longest(lambda kill: kill.first_moved):>8}"
        f"{longest(lambda kill: kill.last_moved):>11}"
    )
