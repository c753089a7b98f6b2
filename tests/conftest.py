"""Parts that several tests share: real servers, each in a fresh folder, stopped at the end."""

import gc
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import settings
from xdist.remote import Producer

from tests.kit import order, read_once, scratch
from tests.kit.clusters import Connections, Emptier, copied
from transfer.adapters.keys import FolderKeys
from transfer.embedded.postgres import Postgres
from transfer.embedded.store import Store
from transfer.facts import Origin
from transfer.ledger import Ledger
from transfer.ledger.migrate import migrate

if TYPE_CHECKING:
    from tests.kit.house import House
    from tests.kit.open_streams import Giving
    from tests.kit.peers.hapi import Hapi

ROOT = Path(__file__).parents[1]

# `HYPOTHESIS_PROFILE=thorough make test` looks twenty times as long for a counterexample.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# What is collected stays to the end: looking through it for garbage again and again took a third of collecting.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


_SCRATCH = pytest.StashKey[Path | None]()


def pytest_configure(config: pytest.Config) -> None:
    """The slow tests write gigabytes; those of `pytest -n` write where who started them says."""
    asked = config.getoption("markexpr")
    if "not slow" in asked and " or " not in asked and not hasattr(config, "workerinput"):
        config.stash[_SCRATCH] = scratch.in_memory()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What a test that failed has written can be looked at until the next run."""
    if exitstatus != pytest.ExitCode.OK:
        session.config.stash[_SCRATCH] = None


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(_SCRATCH, None):
        scratch.over(folder)


_ALL_WITH_SERVERS = re.compile(r"^pytestmark = .*pytest\.mark\.servers", re.MULTILINE)
_ALL_SLOW = re.compile(r"^pytestmark = .*pytest\.mark\.slow", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What is deselected as a whole need not be imported: that takes longer than many a test."""
    asked = config.getoption("markexpr")
    if asked not in ("not servers", "servers and not slow") or not fnmatch(collection_path.name, "test_*.py"):
        return None
    text = collection_path.read_text(encoding="utf-8")
    if asked == "not servers":
        return bool(_ALL_WITH_SERVERS.search(text)) or None
    return ("mark.servers" not in text or bool(_ALL_SLOW.search(text))) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=order.place_of)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> order.ByGroup | None:
    return order.ByGroup(config, log) if config.getvalue("dist") == "loadfile" else None


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
    part = copied(folder / "postgres")
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
    read_once.service_models()
    yield part
    part.stop()
    shutil.rmtree(folder, ignore_errors=True)


_AIRFLOW = pytest.StashKey[ExitStack]()


@pytest.fixture(scope="session")
def hapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Hapi"]:
    """One HAPI for all files that ask it; whoever needs it empty empties it."""
    from tests.kit.peers.hapi import a_hapi

    with a_hapi(tmp_path_factory.mktemp("hapi")) as peer:
        yield peer


@pytest.fixture(scope="session")
def airflow_house(request: pytest.FixtureRequest) -> Iterator["House"]:
    """A whole installation with Airflow, which has the DAG `probe` beside the product's.

    It takes as long to start as a hundred tests take, so there is one for all files that ask for it.
    """
    from tests.kit.house import a_house

    with ExitStack() as until_the_last_has_had_it:
        folder = Path(tempfile.mkdtemp(prefix="rt-"))
        until_the_last_has_had_it.callback(shutil.rmtree, folder, ignore_errors=True)
        shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "tests" / "embedded" / "dags" / "probe.py", folder / "dags")
        house = a_house(folder / "var", airflow=True, TRANSFER_DAGS=str(folder / "dags"))
        request.config.stash[_AIRFLOW] = until_the_last_has_had_it
        yield until_the_last_has_had_it.enter_context(house)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Function, nextitem: pytest.Function | None) -> None:
    """Nobody asks for Airflow any more: idle it would take a quarter of a core from the tests to come."""
    if "airflow_house" in item.fixturenames and "airflow_house" not in getattr(nextitem, "fixturenames", ()):
        item.config.stash.get(_AIRFLOW, ExitStack()).close()


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


@pytest.fixture(scope="session")
def emptier(migrated: Postgres) -> Iterator[Emptier]:
    emptier = Emptier(migrated.url("owner"))
    yield emptier
    emptier.close()


@pytest.fixture(scope="session")
def connections(migrated: Postgres, emptier: Emptier) -> Iterator[Connections]:
    connections = Connections(migrated, emptier)
    yield connections
    connections.close()


@pytest.fixture
def new_connections(connections: Connections) -> None:
    """For a test that counts what its statements read: `ledger` has no plan of an earlier test."""
    connections.close()


@pytest.fixture
def ledger(migrated: Postgres, emptier: Emptier, connections: Connections, keys: FolderKeys) -> Iterator[Ledger]:
    """The real ledger, empty."""
    emptier.empty()
    ledger = Ledger(migrated.url("app"), keys, Origin(process="test"), connections=12)
    connections.lend(ledger)
    yield ledger
    connections.give_back(ledger)


@pytest.fixture
def giving(ledger: Ledger, migrated: Postgres) -> "Iterator[Giving]":
    """What the doors hand out, with the partners of `institutions/`."""
    from tests.kit.builders import new_services
    from tests.kit.open_streams import Giving

    giving = Giving(new_services(ledger), migrated.url("owner"))
    yield giving
    giving.outgoing.shut()


@pytest.fixture
def hours_pass(migrated: Postgres) -> Callable[[timedelta], None]:
    """Move the ledger's clock ahead, as only its owner can."""

    def pass_(by: timedelta) -> None:
        with psycopg.connect(migrated.url("owner"), autocommit=True) as owner:
            owner.execute("UPDATE transfer.clock SET ahead = ahead + %s", [by])

    return pass_
