"""Twelve tasks that write facts on one patient as fast as they can: how many facts, and how long locks are waited for.

python -m tests.campaigns.bench.one_patient [SECONDS]
"""

import sys

from tests.campaigns.bench.ledgers import bench_ledger
from tests.campaigns.bench.measure import Line, tell
from tests.kit.builders import new_services
from tests.kit.many_writers import WRITERS, write_on_one_patient


def main(seconds: int = 60) -> None:
    with bench_ledger(connections=WRITERS + 4) as made:
        written = write_on_one_patient(new_services(made.ledger), seconds)
    tell(Line(name="facts on one patient, twelve writers", figure=written.facts / seconds, unit="facts/s"))
    tell(Line(name="deadlocks", figure=written.deadlocks, unit="", wanted="0"))
    tell(Line(name="lock wait p99", figure=written.locks.wait_seconds(0.99) * 1000, unit="ms", wanted="<= 1,000"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
