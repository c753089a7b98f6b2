"""Twelve tasks that write facts on one patient as fast as they can: how many facts, and how long locks are waited for.

python -m tests.campaigns.bench.one_patient [SECONDS]
"""

# ruff: noqa: T201 - it prints what it measured

import sys

from tests.campaigns.bench.ledgers import bench_ledger
from tests.kit.builders import new_services
from tests.kit.many_writers import WRITERS, write_on_one_patient


def main(seconds: int = 60) -> None:
    with bench_ledger(connections=WRITERS + 4) as made:
        print(write_on_one_patient(new_services(made.ledger), seconds), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
