"""Numbered migrations, each in one transaction, run by the owner role."""

import re
from collections.abc import Callable
from importlib import resources
from typing import Any

import psycopg

from transfer.errors import Refused

_NAME = re.compile(r"(\d{4})_[a-z_]+\.sql")


def migrate(owner_url: str) -> list[str]:
    """Bring the database to the newest form and say which migrations ran. A second call does nothing.

    Two that migrate at once wait for each other.
    """
    ran = []
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('transfer.migrate'))")
        connection.execute("CREATE TABLE IF NOT EXISTS public.migrations (number text PRIMARY KEY, at timestamptz)")
        done = {row[0] for row in connection.execute("SELECT number FROM public.migrations").fetchall()}
        for name, text in _migrations():
            if name[:4] in done:
                continue
            with connection.transaction():
                _run(connection, name, text)
            ran.append(name)
    return ran


def newest(connection: psycopg.Connection[Any]) -> str:
    """The number of the newest migration this database has."""
    (number,) = connection.execute("SELECT coalesce(max(number), '0000') FROM public.migrations").fetchone() or ("",)
    return str(number)


def lock(connection: psycopg.Connection[Any]) -> None:
    """Lock migrations: another that migrates waits until this transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('transfer.migrate'))")


def rebuild(connection: psycopg.Connection[Any], number: str, fill: Callable[[], None]) -> None:
    """Make an empty ledger as it was at a migration, fill it, and bring it to today's form.

    All in the connection's transaction. What was there is gone once it commits.

    Raises:
        Refused: this version does not know that migration.
    """
    files = _migrations()
    if number not in {name[:4] for name, _ in files}:
        raise Refused(f"this version knows no migration {number}: it is older than the backup")
    lock(connection)
    ahead = connection.execute("SELECT ahead FROM transfer.clock").fetchone()
    connection.execute("DROP SCHEMA transfer CASCADE")
    connection.execute("DELETE FROM public.migrations")
    for name, text in files:
        if name[:4] <= number:
            _run(connection, name, text)
    fill()
    for name, text in files:
        if name[:4] > number:
            _run(connection, name, text)
    # Last, for it was read under the names of today.
    connection.execute("UPDATE transfer.clock SET ahead = %s", ahead)


def _run(connection: psycopg.Connection[Any], name: str, text: str) -> None:
    connection.execute(text.encode())
    connection.execute("INSERT INTO public.migrations VALUES (%s, clock_timestamp())", [name[:4]])


def _migrations() -> list[tuple[str, str]]:
    folder = resources.files("transfer.ledger").joinpath("migrations")
    return sorted((f.name, f.read_text(encoding="utf-8")) for f in folder.iterdir() if _NAME.fullmatch(f.name))
