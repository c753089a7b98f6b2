"""Brings PostgreSQL and the object store to what the system needs: roles, databases, migrations, the bucket.

    python deploy/prepare.py SUPERUSER_PASSWORD_FILE AIRFLOW_DATABASE_URL_FILE
    python deploy/prepare.py --check

Names and passwords of the roles stand in the URLs they are used with (`settings.env`, `owner.env`). Running it again
changes nothing, except that a role gets the password that stands there now. Only verifiers reach the server.

`--check` changes nothing: it says which migrations would run, and ends with 4 where the ledger is of a newer version.
"""

import os
import sys
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import psycopg
from psycopg import sql

from transfer import wiring
from transfer.errors import OtherVersion
from transfer.ledger.migrate import behind, migrate
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


def check() -> int:
    """Say what would be migrated. 4: this version is older than the ledger, 5: the database does not answer."""
    try:
        names = behind(Settings.load(os.environ).owner_database_url)
    except OtherVersion as error:
        sys.stdout.write(f"{error}. There is no way back but a backup of that version.\n")
        return 4
    except psycopg.OperationalError:
        sys.stdout.write("the database does not answer\n")
        return 5
    sys.stdout.write(f"to migrate: {', '.join(names) or 'nothing'}\n")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(check())
    main(*sys.argv[1:])
