"""Twelve tasks that write facts on one patient as fast as they can: how many facts, and how long locks are waited for.

python -m tests.campaigns.bench.one_patient [SECONDS]
"""

# ruff: noqa: T201 - it prints what it measured

import sys
import tempfile
from pathlib import Path

from tests.kit.builders import new_services
from tests.kit.many_writers import WRITERS, write_on_one_patient
from transfer.adapters.keys import FolderKeys
from transfer.embedded.postgres import Postgres
from transfer.facts import Origin
from transfer.ledger import Ledger
from transfer.ledger.migrate import migrate


def main(seconds: int = 60) -> None:
    with tempfile.TemporaryDirectory(prefix="rt-") as name:
        folder = Path(name)
        postgres = Postgres(folder / "postgres")
        postgres.start()
        try:
            migrate(postgres.url("owner"))
            keys = FolderKeys(folder / "keys")
            ledger = Ledger(postgres.url("app"), keys, Origin(process="bench"), connections=WRITERS + 4)
            print(write_on_one_patient(new_services(ledger), seconds), flush=True)
            ledger.close()
        finally:
            postgres.stop()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
