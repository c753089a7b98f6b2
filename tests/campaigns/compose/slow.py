"""`make compose-slow`: what the production shape stands, a row each: what was done, when a case went on, what was lost.

    python -m tests.campaigns.compose.slow [--only redis worker ...]

It ends with 1 where a row failed, and goes on with the next.
"""

# ruff: noqa: T201 - it prints what it found

import argparse
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.campaigns.compose import cases, costs, edge, faults, machine, marked, registry, shapes
from tests.campaigns.compose.engine import EngineFailed, an_engine
from tests.campaigns.compose.progress import Progress
from tests.campaigns.compose.running import ENGINE, PEERS, alone, built, say_what_is_wrong, up
from tests.campaigns.compose.stack import NotYet, Stack, until

#: each is killed once while a case is under way
KILLED = (
    *("redis", "postgres", "store", "airflow-api-server", "airflow-scheduler", "airflow-dag-processor"),
    *("airflow-triggerer", "dispatcher", "gateway"),
)
TWICE = ("gateway", "dispatcher", "airflow-scheduler", "airflow-worker")
SETTLE_SECONDS, REST_SECONDS = 30, 60
#: rows by a word
WORDS = (
    *(*KILLED, "worker", "stop", "restart", "two", "marked", "rest", "backup", "upgrade", "tls", "outside"),
    *("keys", "pins"),
)
#: before this shape was tried for the first time
EARLIER = "fe8b5e7"


#: what was done, when a case went on, what was lost
Row = tuple[str, str, str]


@dataclass(slots=True, kw_only=True)
class Tried:
    """One run of the table. `whole` is what a case has that nothing happened to."""

    stack: Stack
    tell: Progress
    whole: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows: list[Row] = field(default_factory=list)

    def row(self, what: str, act: Callable[[], str]) -> None:
        """Do it and note a row; what fails is a row too."""
        try:
            went_on, lost = act(), "nothing"
        except (EngineFailed, NotYet, AssertionError, ValueError, subprocess.SubprocessError) as error:
            went_on, lost = "", f"FAILED: {' '.join(str(error).split())[:200]}"
            self.tell(f"FAILED: {error}")
            say_what_is_wrong(self.stack, self.tell)
        self.rows.append((what, went_on, lost))
        self.tell(f"{what}: {went_on or lost}")


def table(rows: Sequence[Row]) -> list[str]:
    """Lines of Markdown."""
    head = ["| what was done | a case went on after | lost |", "|---|---|---|"]
    return head + [f"| {what} | {went_on} | {lost} |" for what, went_on, lost in rows]


def undisturbed(tried: Tried, count: int = 3) -> str:
    """Cases at once, to which nothing happens."""
    began = time.monotonic()
    running = [cases.begin(tried.stack, cases.a_chart()) for _ in range(count)]
    cases.finish(tried.stack, running, faults.FAULT_SECONDS)
    tried.whole = cases.records(tried.stack, running[0])
    faults.nothing_lost(tried.stack, running, tried.whole)
    return f"all over in {time.monotonic() - began:.0f} s"


def the_edge(tried: Tried) -> str:
    """What the world sees."""
    edge.check(tried.stack)
    return "–"


def _under(tried: Tried, act: Callable[[], None]) -> str:
    seconds = faults.under(tried.stack, act, tried.whole)
    tried.stack.up("--no-recreate")
    return f"{seconds:.0f} s"


def two_of_each(tried: Tried) -> str:
    """Two gateways, dispatchers, schedulers and workers, and no dispatcher complains of the other."""
    stack = tried.stack
    stack.up(*(word for name in TWICE for word in ("--scale", f"{name}=2")))
    said = undisturbed(tried)
    for container in stack.containers("dispatcher"):
        logged = stack.engine.docker("logs", container).stderr.decode()
        if " ERROR " in logged:
            raise AssertionError(f"a dispatcher logs an error: {logged[-500:]}")
    return said


def restarted(tried: Tried) -> None:
    """Everything is stopped and started, which takes no order into account."""
    tried.stack.compose("restart", timeout=900)


def stopped_worker(tried: Tried) -> None:
    """A worker that is asked to stop finishes what it does; the case goes on once it is back."""
    tried.stack.compose("stop", "airflow-worker", timeout=700)
    tried.stack.compose("start", "airflow-worker")


def stopped_gateway(tried: Tried) -> str:
    """The doors stop while the center downloads; it fetches the rest afterwards."""
    stack = tried.stack
    stack.order("center", "behaviour", {"bytes_per_second": 200_000})
    case = cases.begin(stack, cases.a_chart())
    cases.open_cases(stack, [case], faults.FAULT_SECONDS)

    def downloads() -> bool:
        cases.step(stack, [case])
        held = stack.order("center", "packets")
        return any(one["packet"].startswith(case.name) and one["state"] == "downloading" for one in held)

    until("the center downloads", downloads, faults.FAULT_SECONDS)
    began = time.monotonic()
    stack.compose("stop", "gateway")
    stopped = time.monotonic() - began
    stack.order("center", "behaviour", {"bytes_per_second": None})
    stack.up()
    cases.finish(stack, [case], faults.FAULT_SECONDS)
    faults.nothing_lost(stack, [case], tried.whole)
    return f"stopped in {stopped:.0f} s, over {time.monotonic() - began:.0f} s after the order"


def nothing_written(tried: Tried) -> str:
    """A marked patient's case; nothing of theirs in logs and files."""
    marked.a_case(tried.stack)
    if found := marked.hits(tried.stack):
        raise AssertionError(f"{len(found)} hits: {found[:5]}")
    return "0 hits"


def faults_of_one_shape(tried: Tried, wanted: Callable[[str], bool]) -> None:
    """The rows that need no other shape than the one that is up."""
    stack = tried.stack
    if wanted("marked"):
        tried.row("a marked patient, then all logs and files searched", lambda: nothing_written(tried))
    for name in filter(wanted, KILLED):
        tried.row(
            f"`{name}` killed -9",
            lambda name=name: _under(tried, lambda: stack.crash(stack.containers(name)[0])),  # type: ignore[misc]
        )
    if wanted("worker"):
        stack.up("--scale", "airflow-worker=2")
        tried.row(
            "of two workers the fetching one killed -9",
            lambda: _under(tried, lambda: stack.crash(faults.busy_worker(stack))),
        )
    if wanted("stop"):
        tried.row("the worker stopped in a fetch, then started", lambda: _under(tried, lambda: stopped_worker(tried)))
        tried.row("the gateway stopped in a download, then started", lambda: stopped_gateway(tried))
    if wanted("restart"):
        tried.row(
            "all services restarted at once",
            lambda: _under(tried, lambda: restarted(tried)),
        )
    if wanted("two"):
        tried.row(f"two of each: {', '.join(TWICE)}; three cases", lambda: two_of_each(tried))


def one_shape(tried: Tried, wanted: Callable[[str], bool], *, is_short: bool) -> None:
    """The shape as it is, up once for all of its rows."""
    stack = tried.stack
    with up(stack, tried.tell):
        if wanted("rest"):
            show_costs(stack, "now")
        count = 1 if is_short else 3
        tried.row(f"{count} at once, nothing else", lambda: undisturbed(tried, count))
        tried.row("the edge asked from outside", lambda: the_edge(tried))
        faults_of_one_shape(tried, wanted)
        if wanted("backup"):
            what = "a backup, then database, store, keys and Airflow destroyed, then restored"
            tried.row(what, lambda: shapes.restored(stack, tried.whole))


def other_shapes(tried: Tried, wanted: Callable[[str], bool], commit: str) -> None:
    """The rows that need another shape; each takes away what it started."""
    stack, tell = tried.stack, tried.tell
    if wanted("keys"):
        what = "keys behind a service, which is killed -9, then stopped"
        tried.row(what, lambda: shapes.with_key_service(stack, tell, tried.whole))
    if wanted("upgrade"):
        what = f"upgraded from {commit[:7]} by deploy/upgrade.py with cases under way"

        def measured(earlier: Stack) -> None:
            if wanted("rest"):
                show_costs(earlier, f"at {commit[:7]}")

        tried.row(what, lambda: shapes.upgraded(stack, commit, tell, tried.whole, measured))
        stack.compose("down", "--volumes", "--remove-orphans")
    if wanted("tls"):
        tried.row("the doors' own TLS, HTTP and MLLP", lambda: shapes.own_tls(stack, tell))
    if wanted("outside"):
        tried.row("PostgreSQL and S3 outside", lambda: shapes.outside_stores(stack, tell))


def show_costs(stack: Stack, which: str) -> None:
    """What every service takes at rest."""
    time.sleep(SETTLE_SECONDS)
    print(f"{which}:", *costs.table(costs.at_rest(stack, REST_SECONDS)), sep="\n", flush=True)


def pins(tell: Progress) -> list[Row]:
    """Images pinned by what a real registry gives. It needs an engine that takes that registry for its mirror."""
    what = "images pinned to what a registry gave"
    if not shutil.which(registry.PROGRAM):
        is_demanded = machine.left_out(f"{registry.PROGRAM} is not installed (make peers-slow)")
        return [(what, "left out", "FAILED: it is demanded" if is_demanded else "nothing")]
    with an_engine(ENGINE, registry.AS_MIRROR) as engine, registry.a_registry(engine):
        tried = Tried(stack=built(engine, tell), tell=tell)
        tried.row(what, lambda: registry.pinned(tried.stack, tell))
    return tried.rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.compose.slow", description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], choices=WORDS, help="these rows")
    parser.add_argument("--earlier", default=EARLIER, help="the commit that is upgraded from")
    asked = parser.parse_args()
    tell = Progress()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if refused := machine.refusal(PEERS / "bin"):
        return machine.left_out(refused)

    def wanted(word: str) -> bool:
        return not asked.only or word in asked.only

    with alone():
        rows: list[Row] = []
        if set(asked.only) != {"pins"}:
            with an_engine(ENGINE) as engine:
                tried = Tried(stack=shapes.keeping_backups(built(engine, tell)), tell=tell, rows=rows)
                one_shape(tried, wanted, is_short=bool(asked.only))
                other_shapes(tried, wanted, asked.earlier)
        if wanted("pins"):
            rows += pins(tell)
    print("\n".join(table(rows)))
    print(f"{tell.seconds:.0f} s")
    return 1 if any(lost != "nothing" for _, _, lost in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
