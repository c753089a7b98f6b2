"""Numbered migrations, each in one transaction, run by the owner role."""

import re
from importlib import resources

import psycopg

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
                connection.execute(text.encode())
                connection.execute("INSERT INTO public.migrations VALUES (%s, clock_timestamp())", [name[:4]])
            ran.append(name)
    return ran


def _migrations() -> list[tuple[str, str]]:
    folder = resources.files("transfer.ledger").joinpath("migrations")
    return sorted((f.name, f.read_text(encoding="utf-8")) for f in folder.iterdir() if _NAME.fullmatch(f.name))
