"""`python -m tests.campaigns.walk [STEPS] [--seed SEED]`: a walk of so many steps; ends with 1 at a dead end."""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.campaigns.walk.walking import EPISODE, an_installation, walk


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.walk", description=__doc__)
    parser.add_argument("steps", nargs="?", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    given = parser.parse_args()
    _tell(f"seed {given.seed}")
    began, found = time.monotonic(), 0
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    try:
        with an_installation(folder) as (ledger, owner):
            for number in range(0, given.steps, EPISODE):
                seed = given.seed + number // EPISODE
                steps = min(EPISODE, given.steps - number)
                if report := walk(ledger, owner, seed, steps):
                    found += 1
                    _tell(f"--- seed {seed}, {steps} steps\n{report}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _tell(f"{given.steps} steps in {time.monotonic() - began:.0f} s: {found} dead ends")
    return 1 if found else 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
