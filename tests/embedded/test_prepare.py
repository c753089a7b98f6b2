"""What the production set-up makes of an empty PostgreSQL, tried on a real one."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.kit.clusters import copied
from transfer.embedded.postgres import Postgres
from transfer.ledger.migrate import migrate

pytestmark = pytest.mark.servers

_SPEC = importlib.util.spec_from_file_location("prepare", Path(__file__).parents[2] / "deploy" / "prepare.py")
assert _SPEC and _SPEC.loader
prepare = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(prepare)


@pytest.fixture
def server(short_folder: Path) -> Iterator[Postgres]:
    """A PostgreSQL of its own, with nothing of ours in it."""
    part = copied(short_folder / "postgres")
    part.start()
    with psycopg.connect(part.url("superuser"), autocommit=True) as superuser:
        for database in ("transfer", "airflow"):
            superuser.execute(f"DROP DATABASE {database}")
        for role in ("transfer_owner", "transfer_app", "airflow"):
            superuser.execute(f"DROP ROLE {role}")
    yield part
    part.stop()


def test_an_empty_server_becomes_ours_and_a_second_time_changes_nothing(server: Postgres):
    urls = [server.url(role) for role in ("owner", "app", "airflow")]
    for _ in range(2):
        with psycopg.connect(server.url("superuser"), autocommit=True) as superuser:
            prepare.prepare_database(superuser, *map(urlsplit, urls))
        migrate(urls[0])

    with psycopg.connect(urls[1]) as app:
        assert app.execute("SELECT count(*) FROM transfer.facts").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("DELETE FROM transfer.facts")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url("airflow", "transfer"))
    with psycopg.connect(server.url("airflow")) as airflow:
        airflow.execute("CREATE TABLE mine (a int)")
