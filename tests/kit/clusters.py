"""PostgreSQL clusters for tests that are not about making one: `initdb` runs once a process, the others are copies.

A copy does not wait for the disk: a process that is killed loses nothing by that, only a machine that loses its power
does, and no test takes that away. Its passwords are hashed once instead of 4096 times, which each connection would
repeat. What the product sets is what `tests/embedded/test_postgres.py` asks of a cluster that the product made.
"""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from transfer.embedded.postgres import Postgres
from transfer.ledger import Ledger

_IN_HASTE = "fsync = off\nscram_iterations = 1\n"


def copied(folder: Path) -> Postgres:
    """A cluster with roles and databases in `folder`, not running. One that is there already is kept as it is."""
    if not folder.exists():
        shutil.copytree(_pattern(), folder, ignore=shutil.ignore_patterns("postgres.log"))
        (folder / "data" / "postgresql.auto.conf").write_text(_IN_HASTE, encoding="utf-8")
    return Postgres(folder)


def emptied(owner: psycopg.Connection[Any]) -> None:
    """Nothing is in the ledger any more, and its clock goes right. `owner` commits by itself."""
    without_rows(owner)
    owner.execute("UPDATE transfer.clock SET ahead = '0'")


def without_rows(owner: psycopg.Connection[Any]) -> None:
    """Nothing is in the ledger any more; its clock is left as it is.

    One statement, so that what refers to a row goes with it in any order. TRUNCATE would make new files for every
    table and index, which takes longer than most tests.
    """
    found = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'transfer' AND tablename <> 'clock'")
    deletions = ", ".join(f"d{number} AS (DELETE FROM transfer.{row[0]})" for number, row in enumerate(found))
    owner.execute(f"WITH {deletions} SELECT".encode())


class Emptier:
    """Empties a ledger before every test: over one connection, as a new one first learns what the tables are."""

    def __init__(self, owner_url: str) -> None:
        self._url = owner_url
        self._owner: psycopg.Connection[Any] | None = None

    def empty(self) -> None:
        """See `emptied`. A database that was started anew meanwhile is connected to again."""
        try:
            emptied(self._connected())
        except psycopg.OperationalError:
            self.close()
            emptied(self._connected())

    def schema(self) -> int:
        """Another number as soon as a test restored a backup, which makes all tables anew: plans of before fail."""
        row = self._connected().execute("SELECT 'transfer'::regnamespace::oid::bigint").fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        if self._owner:
            self._owner.close()
            self._owner = None

    def _connected(self) -> psycopg.Connection[Any]:
        if self._owner is None:
            self._owner = psycopg.connect(self._url, autocommit=True)
        return self._owner


class Connections:
    """The connections of one test are the next one's, where all came back, and server and tables are the same.

    A new one first learns what the tables are, and its statements are planned anew: that takes the server longer than
    many a test. Where plans are the point there are new ones (tests/ledger/conftest.py).
    """

    def __init__(self, server: Postgres, emptier: Emptier) -> None:
        self._server = server
        self._emptier = emptier
        self._pool: Any = None
        self._of: object = None

    def lend(self, ledger: Ledger) -> None:
        """The ledger uses what the one before it used. It has its own where there is none."""
        if self._pool is None or self._of != self._now():
            self.close()
            self._pool, self._of = ledger._pool, self._now()
        ledger._pool = self._pool

    def give_back(self, ledger: Ledger) -> None:
        """A test is over. What a thread of it still holds is nobody's any more, nor what the test itself closed."""
        said = self._pool.get_stats()
        is_whole = said["pool_size"] == said["pool_available"] and not said["requests_waiting"]
        if ledger._pool is not self._pool or self._pool.closed or not is_whole:
            ledger.close()
            self.close()

    def close(self) -> None:
        if self._pool:
            self._pool.close()
            self._pool = None

    def _now(self) -> object:
        return self._server.pid, self._emptier.schema()


@cache
def _pattern() -> Path:
    """A cluster that ran once and was stopped. It is gone when this process ends."""
    room = Path(tempfile.mkdtemp(prefix="rt-"))
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    pattern = Postgres(room / "postgres")
    pattern.start()
    pattern.stop()
    return pattern.folder
