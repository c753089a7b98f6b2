"""`python -m tests.campaigns.chaos.points`: every crash point of every writing verb is listed, and a process is killed
there.

A line stands for all of its stretch, which nothing outside can tell apart (`tests.campaigns.chaos.points_tracing`):
killed at are the first and the last point of each stretch, and a share of the other lines to show that they are the
same. With `--every-line` each line is.
"""

import argparse
import json
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from queue import Empty
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.campaigns.chaos.points_running import Outcome, Verb, run_verb
from tests.campaigns.chaos.points_situations import SITUATIONS
from tests.campaigns.chaos.points_station import Situation, Station, emptied, in_haste, kept
from tests.campaigns.chaos.points_verbs import VERBS
from tests.kit.house import House, a_house

REPORT = Path(__file__).parents[3] / "var" / "crash-points.json"
#: of the lines that are no end of a stretch
SHARE = 0.03
#: points of a verb at a door that may be missed, where two of its threads came to a line in another order each time
REORDERED = 2

_forking = multiprocessing.get_context("fork")


def main(said: Sequence[str] | None = None) -> int:
    """0 where every point was run, somebody was killed for every verb, and nothing was violated."""
    asked = _asked(said)
    verbs = [verb for verb in VERBS if any(word in verb.name for word in asked.verbs)]
    began = time.monotonic()
    outcomes = _run(verbs, share=1.0 if asked.every_line else asked.share, most=asked.most, stations=asked.stations)
    console = Console()
    console.print(_table(outcomes))
    found = {f"{one.verb}: {at}": what for one in outcomes for at, what in one.violations.items()}
    for at, what in found.items():
        console.print(f"[red]{at}[/red]\n  " + "\n  ".join(what), highlight=False)
    unfinished = sorted({verb.name for verb in verbs} - {one.verb for one in outcomes})
    if unfinished:
        console.print(f"[red]not finished: {', '.join(unfinished)}[/red]")
    unproved = [line for one in outcomes for line in not_proved(one)]
    for line in unproved:
        console.print(f"[red]{line}[/red]", highlight=False)
    console.print(f"{time.monotonic() - began:.0f} s; every line is listed in var/{REPORT.name}")
    return int(bool(found) or bool(unfinished) or bool(unproved) or not outcomes)


def not_proved(outcome: Outcome) -> Iterator[str]:
    """Why nothing, or not enough, was killed for this to say anything."""
    if not outcome.run:
        yield f"{outcome.verb}: nobody was killed"
    elif len(outcome.missed) > (REORDERED if outcome.verb.startswith("door: ") else 0):
        yield f"{outcome.verb}: not passed, so that nobody was killed there: {', '.join(outcome.missed)}"


def _asked(said: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.chaos.points", description=__doc__)
    parser.add_argument("verbs", nargs="*", default=[""], help="only verbs with one of these words in their name")
    parser.add_argument("--share", type=float, default=SHARE, help="of the lines that are no end of a stretch")
    parser.add_argument("--every-line", action="store_true", help="kill at each line, at its first visit")
    parser.add_argument("--most", type=int, default=None, help="points of a verb at the most, spread evenly")
    parser.add_argument("--stations", type=int, default=2, help="how many are run at once")
    return parser.parse_args(said)


def _run(verbs: list[Verb], *, share: float, most: int | None, stations: int) -> list[Outcome]:
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    try:
        with a_house(folder / "var") as house, _progress() as progress:
            bar = progress.add_task("preparing each verb's situation", total=len(verbs))
            situations = prepared(house, folder, {verb.situation for verb in verbs})
            outcomes: dict[str, Outcome] = {}
            over: set[str] = set()
            for outcome, is_over in _shared_out(house, folder, situations, verbs, share, most, stations):
                outcomes[outcome.verb] = outcome
                run, found = sum(o.run for o in outcomes.values()), sum(len(o.violations) for o in outcomes.values())
                text = f"{outcome.verb:<28} {run} killed, {found} violations"
                progress.update(bar, advance=int(is_over), description=text)
                if is_over:
                    over.add(outcome.verb)
                    _report([outcomes[name] for name in over])
            return [outcomes[verb.name] for verb in verbs if verb.name in over]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _report(outcomes: Sequence[Outcome]) -> None:
    """What is known so far, whole or not at all."""
    REPORT.parent.mkdir(exist_ok=True)
    fresh = REPORT.with_suffix(".new")
    fresh.write_text(json.dumps([asdict(one) for one in outcomes], indent=1))
    fresh.replace(REPORT)


def prepared(house: House, folder: Path, names: set[str]) -> dict[str, Situation]:
    """Each situation, in a house that was emptied before."""
    in_haste(house)
    made = {}
    for name in sorted(names):
        emptied(house)
        made[name] = kept(house, folder, name, SITUATIONS[name](house))
    emptied(house)  # the institutions are themselves again
    return made


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _shared_out(
    house: House,
    folder: Path,
    situations: dict[str, Situation],
    verbs: list[Verb],
    share: float,
    most: int | None,
    stations: int,
) -> Iterator[tuple[Outcome, bool]]:
    """Each verb at whichever station is free. Yields how it goes, and whether it is over."""
    waiting: Any = _forking.Queue()
    going: Any = _forking.Queue()
    for number in [*range(len(verbs)), *[None] * stations]:
        waiting.put(number)

    def work(number: int) -> None:
        with Station(house, folder, number) as station:
            while (next_ := waiting.get()) is not None:
                verb = verbs[next_]
                outcome = Outcome(verb=verb.name)
                for outcome in run_verb(station, situations[verb.situation], verb, share=share, most=most):
                    going.put((outcome, False))
                going.put((outcome, True))

    workers = [_forking.Process(target=work, args=(number,)) for number in range(1, stations + 1)]
    for worker in workers:
        worker.start()
    try:
        while any(worker.is_alive() for worker in workers) or not going.empty():
            try:
                yield going.get(timeout=0.5)
            except Empty:
                continue
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(title="Crash points", show_footer=True)
    columns = {
        "lines listed": sum(one.listed for one in outcomes),
        "stretches": sum(one.stretches for one in outcomes),
        "points run": sum(one.run for one in outcomes),
        "not passed": sum(len(one.missed) for one in outcomes),
        "violations": sum(len(one.violations) for one in outcomes),
    }
    table.add_column("verb", footer=f"{len(outcomes)} verbs")
    for name, total in columns.items():
        table.add_column(name, footer=str(total), justify="right")
    for one in outcomes:
        figures = (one.listed, one.stretches, one.run, len(one.missed), len(one.violations))
        table.add_row(one.verb, *map(str, figures))
    return table


if __name__ == "__main__":
    sys.exit(main())
