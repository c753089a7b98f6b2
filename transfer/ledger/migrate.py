"""Numbered migrations, each in one transaction, run by the owner role."""

import re
from collections.abc import Callable, Collection
from functools import cache
from importlib import resources
from typing import Any

import psycopg

from transfer.errors import OtherVersion, Refused

_NAME = re.compile(r"(\d{4})_[a-z_]+\.sql")


def migrate(owner_url: str) -> list[str]:
    """Bring the database to the newest form and say which migrations ran. A second call does nothing.

    Two that migrate at once wait for each other.

    Raises:
        OtherVersion: it is of a newer version than this; nothing ran.
    """
    ran = []
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('transfer.migrate'))")
        connection.execute("CREATE TABLE IF NOT EXISTS public.migrations (number text PRIMARY KEY, at timestamptz)")
        ran_before = done(connection)
        _refuse_newer(ran_before)
        for name, text in _migrations():
            if name[:4] in ran_before:
                continue
            with connection.transaction():
                _run(connection, name, text)
            ran.append(name)
    return ran


def known() -> frozenset[str]:
    """The numbers of the migrations that this version has."""
    return frozenset(name[:4] for name, _ in _migrations())


def check_version(connection: psycopg.Connection[Any]) -> None:
    """Raises `OtherVersion` where the ledger lacks a migration of this version or has one that it does not know."""
    found = done(connection)
    _refuse_newer(found)
    if missing := known() - found:
        raise OtherVersion(f"the ledger lacks migration {max(missing)} of this version: migrate it")


def behind(owner_url: str) -> list[str]:
    """The migrations that `migrate` would run, by name; nothing is changed. All of them where there is no ledger yet.

    Raises:
        OtherVersion: the ledger is of a newer version, and there is no way back.
    """
    with psycopg.connect(owner_url) as connection:
        found = done(connection)
    _refuse_newer(found)
    return lacking(found)


def lacking(ran: Collection[str]) -> list[str]:
    """The migrations of this version that are not among these numbers, by name."""
    return [name for name, _ in _migrations() if name[:4] not in ran]


def done(connection: psycopg.Connection[Any]) -> set[str]:
    """The numbers of the migrations that ran in this database; none where there is no ledger."""
    try:
        return {row[0] for row in connection.execute("SELECT number FROM public.migrations").fetchall()}
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable):
        return set()  # no ledger yet, or one before the migration that lets everybody ask


def _refuse_newer(ran: set[str]) -> None:
    if more := ran - known():
        raise OtherVersion(f"the ledger has migration {max(more)}, which this version does not know: run the newer one")


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


@cache
def _migrations() -> list[tuple[str, str]]:
    """Name and text, as they were when this process, or the one that it is a fork of, asked first."""
    folder = resources.files("transfer.ledger").joinpath("migrations")
    return sorted((f.name, f.read_text(encoding="utf-8")) for f in folder.iterdir() if _NAME.fullmatch(f.name))
