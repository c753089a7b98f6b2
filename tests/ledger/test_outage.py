"""The database goes away and comes back: who uses it fails once, and is back with it."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.kit.clusters import copied
from transfer.adapters.keys import FolderKeys
from transfer.embedded.postgres import Postgres
from transfer.errors import Unavailable
from transfer.facts import Origin
from transfer.ledger import Ledger
from transfer.ledger.migrate import migrate

pytestmark = pytest.mark.servers

CONNECTIONS = 6


@pytest.fixture
def own_postgres(short_folder: Path) -> Iterator[Postgres]:
    postgres = copied(short_folder / "postgres")
    postgres.start()
    migrate(postgres.url("owner"))
    yield postgres
    postgres.stop()


@pytest.fixture
def ledger(own_postgres: Postgres, keys: FolderKeys) -> Iterator[Ledger]:
    """With as many connections open as it may have."""
    ledger = Ledger(own_postgres.url("app"), keys, Origin(process="test"), connections=CONNECTIONS)
    with ExitStack() as all_at_once:
        for _ in range(CONNECTIONS):
            all_at_once.enter_context(ledger.transaction()).now()
    yield ledger
    ledger.close()


def killed(postgres: Postgres) -> None:
    assert postgres.pid
    os.kill(postgres.pid, signal.SIGKILL)
    postgres.stop()  # what is left of it


def answers(ledger: Ledger) -> bool:
    try:
        with ledger.transaction() as tx:
            tx.now()
    except Unavailable:
        return False
    return True


def test_after_the_database_came_back_only_the_first_transaction_finds_its_connection_broken(
    own_postgres: Postgres, ledger: Ledger
):
    killed(own_postgres)
    own_postgres.start()

    said = [answers(ledger) for _ in range(2 * CONNECTIONS)]

    assert said.count(False) <= 1


def test_who_waits_while_the_database_is_away_goes_on_within_a_second_of_its_return(
    own_postgres: Postgres, ledger: Ledger
):
    killed(own_postgres)
    assert not answers(ledger)
    back: list[float] = []
    waiting = threading.Thread(target=lambda: back.append(time.monotonic()) if answers(ledger) else None)
    waiting.start()
    time.sleep(4.0)  # the library's own next attempt would be at 7 s
    own_postgres.start()
    up = time.monotonic()
    waiting.join()

    assert back
    assert back[0] - up < 1.5


def test_a_line_that_swallows_everything_is_found_out_in_seconds_unless_its_url_says_otherwise(keys: FolderKeys):
    def said(url: str) -> dict[str, object]:
        return conninfo_to_dict(Ledger(url, keys, Origin(process="test")).url)

    plain = said("postgresql://app:secret@ledger.example/transfer")
    assert int(str(plain["tcp_user_timeout"])) <= 10_000
    assert int(str(plain["keepalives_idle"])) <= 10
    assert (plain["host"], plain["password"]) == ("ledger.example", "secret")
    assert said("postgresql://ledger.example/transfer?connect_timeout=3")["connect_timeout"] == "3"
