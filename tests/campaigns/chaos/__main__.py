"""`make chaos N=200 [SEED=7]`: kill processes of a whole installation while cases run; nothing may be lost."""

# ruff: noqa: T201 - it prints what it found

import argparse
import logging
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.campaigns.chaos.campaign import Campaign, Wanted
from tests.campaigns.chaos.kills import Target, plan
from tests.kit.house import a_house


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.chaos", description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--cases", type=int, default=8, help="how many at once")
    parser.add_argument("--pace", type=float, default=5.0, help="seconds between two kills")
    parser.add_argument("--only", nargs="*", type=Target, default=list(Target), help="which processes")
    parser.add_argument("--keep", action="store_true", help="keep the folder also when all is well")
    asked = parser.parse_args()
    seed = random.randrange(1_000_000) if asked.seed is None else asked.seed
    # the tests start programs of their own, which import from here too
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[3])
    # the database is among what is killed, and the harness's own pool would say so in the middle of the bar
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    planned = plan(asked.only, asked.kills, random.Random(seed))
    wanted = Wanted(planned=planned, seed=seed, at_once=asked.cases, pace=asked.pace)
    print(f"SEED={seed}: {asked.kills} kills, {asked.cases} cases at once", flush=True)
    began = time.monotonic()
    with a_house(folder / "var", airflow=True, cold=True) as house:
        outcome = Campaign(house, wanted, _Bar()).run()
    print("\n" + "\n".join(outcome.lines()), flush=True)
    print(f"{(time.monotonic() - began) / 60:.1f} minutes in all; SEED={seed}")
    if outcome.faults or asked.keep:
        print(f"its logs are in {folder / 'var' / 'log'}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if outcome.faults else 0


class _Bar:
    """One line that changes on a terminal; elsewhere a line now and then."""

    def __init__(self) -> None:
        self._on_terminal = sys.stdout.isatty()
        self._next = 0.0

    def __call__(self, line: str) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + (0.3 if self._on_terminal else 20.0)
        print(f"\r\033[K{line}" if self._on_terminal else line, end="" if self._on_terminal else "\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
