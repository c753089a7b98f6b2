"""A ledger of its own to measure on, in a PostgreSQL that is gone afterwards."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from transfer.adapters.keys import FolderKeys
from transfer.embedded.postgres import Postgres
from transfer.facts import Origin
from transfer.ledger import Ledger
from transfer.ledger.migrate import migrate


@dataclass(frozen=True, slots=True)
class BenchLedger:
    """`folder` is for whatever else is measured with it."""

    ledger: Ledger
    owner_url: str
    folder: Path


@contextmanager
def bench_ledger(*, connections: int = 4, kept: Callable[[Path], FolderKeys] = FolderKeys) -> Iterator[BenchLedger]:
    """An empty ledger, made by the product as an installation's is. `kept`: its keys, in a folder."""
    with tempfile.TemporaryDirectory(prefix="rt-") as name:
        folder = Path(name)
        postgres = Postgres(folder / "postgres")
        postgres.start()
        try:
            migrate(postgres.url("owner"))
            keys = kept(folder / "keys")
            ledger = Ledger(postgres.url("app"), keys, Origin(process="bench"), connections=connections)
            yield BenchLedger(ledger, postgres.url("owner"), folder)
            ledger.close()
        finally:
            postgres.stop()
