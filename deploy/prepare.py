"""Brings PostgreSQL and the object store to what the system needs: roles, databases, migrations, the bucket.

    python deploy/prepare.py SUPERUSER_PASSWORD_FILE AIRFLOW_DATABASE_URL_FILE

Names and passwords of the roles stand in the URLs they are used with (`settings.env`, `owner.env`). Running it again
changes nothing, except that a role gets the password that stands there now. Only verifiers reach the server.
"""

import os
import sys
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import psycopg
from psycopg import sql

from transfer import wiring
from transfer.ledger.migrate import migrate
from transfer.settings import Settings

Connection = psycopg.Connection[tuple[object, ...]]


def prepare_database(superuser: Connection, owner: SplitResult, app: SplitResult, airflow: SplitResult) -> None:
    """The three roles, none of which may make another, and their two databases, closed to everybody else."""
    for url in (owner, app, airflow):
        _ensure_role(superuser, unquote(url.username or ""), unquote(url.password or ""))
    for url, guests in ((owner, [app]), (airflow, [])):
        _ensure_database(superuser, url.path[1:], url.username or "", [guest.username or "" for guest in guests])


def _ensure_role(superuser: Connection, name: str, password: str) -> None:
    verifier = superuser.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    exists = superuser.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).rowcount
    statement = "{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}"
    verb = sql.SQL("ALTER" if exists else "CREATE")
    superuser.execute(sql.SQL(statement).format(verb, sql.Identifier(name), sql.Literal(verifier)))


def _ensure_database(superuser: Connection, name: str, owner: str, guests: list[str]) -> None:
    database = sql.Identifier(name)
    if not superuser.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
        superuser.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, sql.Identifier(owner)))
    superuser.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    for guest in guests:
        superuser.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(guest)))


def main(password_file: str, airflow_url_file: str) -> None:
    settings = Settings.load(os.environ)
    owner, app = urlsplit(settings.owner_database_url), urlsplit(settings.database_url)
    airflow = urlsplit(Path(airflow_url_file).read_text(encoding="utf-8").strip())
    with psycopg.connect(
        host=owner.hostname,
        port=owner.port or 5432,
        user="postgres",
        dbname="postgres",
        password=Path(password_file).read_text(encoding="utf-8").strip(),
        autocommit=True,
    ) as superuser:
        prepare_database(superuser, owner, app, airflow)
    migrate(settings.owner_database_url)
    wiring.vault(settings).ensure_bucket()


if __name__ == "__main__":
    main(*sys.argv[1:])
