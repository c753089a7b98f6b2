"""A ledger knows its keys: nobody works on it with others, and none are drawn in a folder that is not mounted."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.kit import builders as b
from tests.kit.clusters import Emptier
from transfer import wiring
from transfer.adapters.keys import FolderKeys
from transfer.embedded.postgres import Postgres
from transfer.errors import OtherKeys, OutOfOrder
from transfer.facts import Origin
from transfer.identifiers import PatientId
from transfer.ledger import Ledger
from transfer.sealing import SITE, KeyName
from transfer.settings import Settings

pytestmark = pytest.mark.servers

ROOT = Path(__file__).parents[2]

With = Callable[[FolderKeys], Ledger]


@pytest.fixture
def ledger_with(migrated: Postgres, emptier: Emptier) -> With:
    """An empty ledger, as a process with these keys finds it."""
    emptier.empty()
    return lambda keys: Ledger(migrated.url("app"), keys, Origin(process="test"), connections=1)


def works(ledger: Ledger) -> bool:
    try:
        with ledger.transaction() as tx:
            return bool(tx.now())
    except OtherKeys:
        return False
    finally:
        ledger.close()


def marks(postgres: Postgres) -> int:
    with psycopg.connect(postgres.url("owner")) as owner:
        return owner.execute("DELETE FROM transfer.site_mark").rowcount


def test_only_a_new_ledger_gets_a_new_key_and_once(ledger_with: With, tmp_path: Path):
    keys = FolderKeys(tmp_path / "new", begins=False)
    assert not works(ledger_with(keys))  # who only looks draws none
    assert not keys.has(SITE)

    assert ledger_with(keys).begin_keys()
    drawn = keys.fetch(SITE)
    assert not ledger_with(keys).begin_keys()
    assert keys.fetch(SITE) == drawn
    assert works(ledger_with(keys))


def test_of_two_hosts_that_begin_at_once_one_has_the_ledger(ledger_with: With, tmp_path: Path):
    places = [FolderKeys(tmp_path / str(number), begins=False) for number in range(4)]
    ready, refused = threading.Barrier(len(places), timeout=30), []

    def begin(keys: FolderKeys) -> None:
        ledger = ledger_with(keys)
        ready.wait()
        try:
            ledger.begin_keys()
        except OtherKeys:
            refused.append(keys)

    threads = [threading.Thread(target=begin, args=(keys,)) for keys in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 3
    assert [works(ledger_with(keys)) for keys in places].count(True) == 1


def test_a_folder_that_is_not_mounted_stays_empty_and_nobody_works(ledger_with: With, tmp_path: Path):
    assert works(ledger_with(FolderKeys(tmp_path / "keys")))
    unmounted = FolderKeys(tmp_path / "unmounted", begins=False)

    with pytest.raises(OtherKeys, match="not here"):
        ledger_with(unmounted).begin_keys()
    assert not works(ledger_with(unmounted))
    assert list((tmp_path / "unmounted").iterdir()) == []


def test_the_keys_of_another_installation_are_refused(ledger_with: With, tmp_path: Path):
    assert works(ledger_with(FolderKeys(tmp_path / "keys")))
    others = FolderKeys(tmp_path / "others")

    with pytest.raises(OtherKeys, match="not those of this ledger"):
        ledger_with(others).begin_keys()
    assert not works(ledger_with(others))
    assert ledger_with(others).has_other_keys()
    assert works(ledger_with(FolderKeys(tmp_path / "keys")))


def test_a_ledger_of_before_the_mark_is_marked_by_the_keys_that_open_it(
    ledger: Ledger, migrated: Postgres, ledger_with: With, tmp_path: Path
):
    b.a_case(b.new_services(ledger))
    assert marks(migrated) == 1
    others = FolderKeys(tmp_path / "others")
    others.make(KeyName.patient(PatientId.draw()))
    for wrong in (others, FolderKeys(tmp_path / "unmounted", begins=False)):
        assert not works(ledger_with(wrong))
        with pytest.raises(OtherKeys):
            ledger_with(wrong).begin_keys()
    assert marks(migrated) == 0

    assert works(ledger_with(FolderKeys(tmp_path / "keys")))
    assert marks(migrated) == 1


def test_while_the_keys_are_away_it_cannot_be_told_and_is_told_later(
    ledger_with: With, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert works(ledger_with(FolderKeys(tmp_path / "keys")))
    others = FolderKeys(tmp_path / "others")
    away = pytest.MonkeyPatch()

    def silent(*_: object) -> bytes:
        raise OutOfOrder("away")

    away.setattr(others, "fetch", silent)
    ledger = ledger_with(others)
    with ledger.transaction() as tx:
        tx.now()
    away.undo()
    monkeypatch.setattr(ledger, "_check_version_at", 0.0)  # as seconds later

    assert not works(ledger)


def test_a_gateway_whose_keys_are_not_mounted_ends_and_says_so(migrated: Postgres, ledger: Ledger, tmp_path: Path):
    b.a_case(b.new_services(ledger))
    unmounted = tmp_path / "unmounted"
    settings = {"TRANSFER_DATABASE_URL": migrated.url("app"), "TRANSFER_KEYS": str(unmounted)}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TRANSFER_VAR": str(tmp_path / "var"), **settings}
    command = [sys.executable, "-m", "transfer.gateway"]

    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "the gateway does not start: the keys of this ledger are not here"
    assert list(unmounted.iterdir()) == []


def test_readiness_calls_the_keys_away_where_they_are_others(migrated: Postgres, ledger: Ledger, tmp_path: Path):
    with ledger.transaction() as tx:
        tx.now()
    others = FolderKeys(tmp_path / "others")
    settings = Settings.load({"TRANSFER_DATABASE_URL": migrated.url("app")}, tmp_path / "var")
    found = Ledger(migrated.url("app"), others, Origin(process="test"))
    with wiring.checks(settings, found) as checks:
        assert (checks["ledger"](), checks["keys"]()) == (True, False)
    shutil.copy(tmp_path / "keys" / "site", tmp_path / "others" / "site")
    with wiring.checks(settings, found) as checks:
        assert (checks["ledger"](), checks["keys"]()) == (True, True)
