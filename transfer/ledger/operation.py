"""What an operator asks of the ledger: its version, its clock, what waits, and when it was last backed up."""

from datetime import UTC, datetime
from typing import Final

import psycopg

from transfer import facts
from transfer.ledger import Tx, migrate
from transfer.operation import Backlog, BackupTimes, LedgerStanding, Waiting

#: seconds until a database that does not connect is away
_SECONDS: Final = 3


def standing(url: str) -> LedgerStanding:
    """The ledger as its database tells it, whatever version of it that is. `backlog` and `backed_up` are the
    caller's to ask: they need the tables of this version.

    Raises:
        psycopg.OperationalError: it does not answer.
    """
    with psycopg.connect(url, connect_timeout=_SECONDS, options="-c statement_timeout=5000") as connection:
        before = datetime.now(UTC)
        clock, server = _row(connection, "SELECT clock_timestamp(), current_setting('server_version')")
        done = migrate.done(connection)
        after = datetime.now(UTC)
    # A clock that says a time between the question and its answer does not differ.
    ahead = clock - min(max(clock, before), after)
    return LedgerStanding(
        server=server.split()[0],
        migration=max(done, default="0000"),
        pending=tuple(migrate.lacking(done)),
        is_newer=not done <= migrate.known(),
        ahead=ahead,
    )


def _row(connection: psycopg.Connection[tuple[object, ...]], query: str) -> tuple[datetime, str]:
    clock, server = connection.execute(query.encode()).fetchone() or (datetime.now(UTC), "")
    assert isinstance(clock, datetime)
    return clock, str(server)


def backlog(tx: Tx) -> Backlog:
    """What waits for our machinery."""
    return Backlog(
        at=tx.now(),
        arrivals=_waiting(tx, "SELECT count(*), min(received_at) FROM arrivals WHERE state = 'stored'"),
        rounds=_waiting(
            tx,
            # One that waits for the round before it is nobody's fault.
            """SELECT count(*), min(not_before) FROM due_runs AS d
               WHERE state = 'owed' AND not_before <= (SELECT transfer.now()) AND NOT EXISTS (
                 SELECT 1 FROM due_runs AS b WHERE b.dag_id = d.dag_id AND b.subject = d.subject AND b.round < d.round
                 AND b.state IN ('posted', 'taken'))""",
        ),
        runs=_waiting(tx, "SELECT count(*), min(posted_at) FROM due_runs WHERE state = 'posted'"),
        letters=_waiting(
            tx,
            """SELECT count(*), min(not_before) FROM letters
               WHERE state IN ('queued', 'sending') AND not_before <= (SELECT transfer.now())""",
        ),
    )


def _waiting(tx: Tx, query: str) -> Waiting:
    count, oldest = tx.row(query) or (0, None)
    return Waiting(count=count, oldest=oldest)


def backup_times(tx: Tx) -> BackupTimes:
    """When the last backup was made and begun, and when one was last restored as a test."""

    def last(kind: type[facts.Fact]) -> datetime | None:
        return tx.value(  # type: ignore[no-any-return]
            "SELECT max(at) FROM facts WHERE kind = ANY(%s)", facts.stored_kinds(kind)
        )

    return BackupTimes(made=last(facts.BackedUp), begun=last(facts.BackupBegun), tested=last(facts.RestoreTested))
