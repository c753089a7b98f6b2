"""Parts that several tests share: real servers, each in a fresh folder, stopped at the end."""

import gc
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from transfer.adapters.keys import FolderKeys
from transfer.embedded.postgres import Postgres
from transfer.embedded.store import Store
from transfer.facts import Origin
from transfer.ledger import Ledger
from transfer.ledger.migrate import migrate

# `HYPOTHESIS_PROFILE=thorough make test` looks twenty times as long for a counterexample.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# What is collected stays to the end: looking through it for garbage again and again took a third of collecting.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


_ALL_WITH_SERVERS = re.compile(r"^pytestmark = .*pytest\.mark\.servers", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What is deselected as a whole need not be imported: that takes longer than many a test."""
    if config.getoption("markexpr") != "not servers" or collection_path.suffix != ".py":
        return None
    return bool(_ALL_WITH_SERVERS.search(collection_path.read_text(encoding="utf-8"))) or None


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a path short enough for sockets, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL with the three roles and empty databases `transfer` and `airflow`."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    part = Postgres(folder / "postgres")
    part.start()
    yield part
    part.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """A running object store without buckets. Nothing is reclaimed in it, so each session has a fresh one."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    part = Store(folder / "store")
    part.start()
    yield part
    part.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Wait until something holds, ten seconds at most."""

    def wait(holds: Callable[[], object], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.05)

    return wait


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> Postgres:
    migrate(postgres.url("owner"))
    return postgres


@pytest.fixture
def keys(tmp_path: Path) -> FolderKeys:
    return FolderKeys(tmp_path / "keys")


@pytest.fixture
def ledger(migrated: Postgres, keys: FolderKeys) -> Iterator[Ledger]:
    """The real ledger, empty."""
    with psycopg.connect(migrated.url("owner"), autocommit=True) as owner:
        tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'transfer' AND tablename <> 'clock'")
        names = ", ".join(f"transfer.{row[0]}" for row in tables)
        owner.execute(f"TRUNCATE {names}")
        owner.execute("UPDATE transfer.clock SET ahead = '0'")
    ledger = Ledger(migrated.url("app"), keys, Origin(process="test"), connections=12)
    yield ledger
    ledger.close()


@pytest.fixture
def hours_pass(migrated: Postgres) -> Callable[[timedelta], None]:
    """Move the ledger's clock ahead, as only its owner can."""

    def pass_(by: timedelta) -> None:
        with psycopg.connect(migrated.url("owner"), autocommit=True) as owner:
            owner.execute("UPDATE transfer.clock SET ahead = ahead + %s", [by])

    return pass_
