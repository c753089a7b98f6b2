"""`python -m tests.campaigns.provisions [N] [--seed SEED]`: N trees, both evaluators; ends with 1 where they differ."""

import argparse
import json
import random
import sys

from tests.campaigns.provisions.compare import RELEASES, disagreements


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.provisions", description=__doc__)
    parser.add_argument("trees", nargs="?", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    given = parser.parse_args()
    _tell(f"seed {given.seed}")
    draw, found = random.Random(given.seed), 0
    for _ in range(given.trees):
        for consent, release, ours, theirs in disagreements(draw):
            found += 1
            _tell(f"{json.dumps(consent)} {release} product: {ours} naive: {theirs}")
    _tell(f"{given.trees} trees, {given.trees * RELEASES} releases: {found} disagreements")
    return 1 if found else 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
