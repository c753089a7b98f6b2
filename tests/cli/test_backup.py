"""Backup and restore from the command line, on a database and a store that are somebody else's."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from tests.kit.builders import NAMES, a_case_without_slides, comes, new_services
from tests.kit.clusters import Emptier, without_rows
from tests.kit.key_services import a_key_service
from transfer.adapters.backup_folder import BackupFolder
from transfer.adapters.vault import S3Vault
from transfer.arrivals import ArrivalKind
from transfer.backups import Manifest, NoBackup
from transfer.cli import main
from transfer.embedded.postgres import Postgres
from transfer.embedded.store import Store
from transfer.facts import Origin
from transfer.flow.restore_tests import try_restore
from transfer.flow.services import Services
from transfer.ledger import Ledger, snapshot
from transfer.sealing import KeyName

pytestmark = pytest.mark.servers

Run = Callable[..., Result]


@pytest.fixture
def vault(store: Store) -> S3Vault:
    vault = S3Vault(
        endpoint=store.endpoint,
        region="us-east-1",
        access_key=store.access_key,
        secret_key=store.secret_key,
        bucket="backup",
    )
    vault.ensure_bucket()
    return vault


@pytest.fixture
def services(ledger: Ledger, vault: S3Vault, emptier: Emptier) -> Services:
    emptier.close()  # a restore wants to be alone
    return new_services(ledger, vault=vault)


@pytest.fixture
def transfer(
    services: Services, migrated: Postgres, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """`transfer` in a new folder, told by its environment where everything is."""
    settings = {
        "TRANSFER_VAR": str(tmp_path / "var"),
        "TRANSFER_DATABASE_URL": migrated.url("app"),
        "TRANSFER_OWNER_DATABASE_URL": migrated.url("owner"),
        "TRANSFER_S3_ENDPOINT": store.endpoint,
        "TRANSFER_S3_ACCESS_KEY": store.access_key,
        "TRANSFER_S3_SECRET_KEY": store.secret_key,
        "TRANSFER_S3_BUCKET": "backup",
        "TRANSFER_AIRFLOW_URL": "http://127.0.0.1:9",
        "TRANSFER_PUBLIC_URL": "http://127.0.0.1:9",
        "TRANSFER_KEYS": str(tmp_path / "keys"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "var").mkdir(mode=0o700)
    names = tmp_path / "var" / "settings.env"  # an empty one counts only there
    names.write_text("".join(f"{name}={value}\n" for name, value in NAMES.items()))
    names.chmod(0o600)

    def run(*arguments: object, typed: str = "") -> Result:
        services.ledger.close()
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=typed)
        assert result.exit_code != 70, result.stderr
        return result

    return run


@pytest.fixture
def scratch(migrated: Postgres) -> Iterator[str]:
    """An empty database, as its owner."""
    with psycopg.connect(migrated.url("superuser"), autocommit=True) as server:
        server.execute("CREATE DATABASE scratch OWNER transfer_owner")
        yield migrated.url("owner", "scratch")
        server.execute("DROP DATABASE scratch WITH (FORCE)")


def lose(migrated: Postgres, vault: S3Vault) -> None:
    with snapshot.owner(migrated.url("owner")) as owner:
        keys = [row.vault_key for row in owner.execute("SELECT vault_key FROM record_parts").fetchall()]
        without_rows(owner)
    for key in keys:
        vault.remove(key)
    assert keys


def test_what_was_backed_up_comes_back(
    transfer: Run, services: Services, migrated: Postgres, vault: S3Vault, tmp_path: Path
) -> None:
    case = a_case_without_slides(services)
    made = transfer("backup", tmp_path / "backup")
    assert made.exit_code == 0, made.stderr
    assert "The keys are not in it." in made.stdout
    refused = transfer("restore", tmp_path / "backup")
    assert refused.exit_code == 4
    assert "--replace" in refused.stderr
    lose(migrated, vault)

    done = transfer("restore", tmp_path / "backup")

    assert done.exit_code == 0, done.stderr
    assert "Restored: b" in done.stdout
    shown = transfer("case", "show", case)
    assert shown.exit_code == 0, shown.stderr
    assert transfer("trail", "verify").exit_code == 0
    with psycopg.connect(migrated.url("owner")) as owner:
        assert owner.execute("SELECT count(*) FROM transfer.record_parts").fetchone() == (3,)


def test_keys_move_to_a_service_and_a_case_goes_on_is_backed_up_and_comes_back(
    transfer: Run,
    services: Services,
    migrated: Postgres,
    vault: S3Vault,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = a_case_without_slides(services)
    with a_key_service(tmp_path / "service", begun=False) as service:
        for name, value in service.settings().names.items():
            if name.startswith("TRANSFER_KEYS_"):
                monkeypatch.setenv(name, value)
        site = json.loads(transfer("keys", "show", "--json").stdout)["site"]
        said = transfer("keys", "move", tmp_path / "keys", service.url, "--remove")
        assert said.exit_code == 0, said.stderr
        old = transfer("keys", "show")
        assert (old.exit_code, "were moved" in old.stderr) == (2, True)
        monkeypatch.setenv("TRANSFER_KEYS", service.url)

        assert json.loads(transfer("keys", "show", "--json").stdout)["site"] == site
        made = transfer("backup", tmp_path / "backup", typed="words\n")
        assert made.exit_code == 0, made.stderr
        assert "The copy of the keys has" in made.stdout
        assert transfer("backup", tmp_path / "other", typed="other words\n").exit_code == 4
        lose(migrated, vault)
        done = transfer("restore", tmp_path / "backup")
        assert done.exit_code == 0, done.stderr
        shown = transfer("case", "show", case)
        assert shown.exit_code == 0, shown.stderr
        assert transfer("trail", "verify").exit_code == 0

        service.kill()
        away = transfer("case", "show", case)
        assert (away.exit_code, "key service" in away.stderr) == (5, True)
        assert transfer("keys", "restore").exit_code == 2


def test_a_restore_says_what_has_to_be_sent_again_and_what_nobody_names(
    transfer: Run, services: Services, migrated: Postgres, vault: S3Vault, tmp_path: Path
) -> None:
    comes(services, "prairie-pathology", ArrivalKind.ANSWER, b"MSH|acknowledged", "text/plain")
    transfer("backup", tmp_path / "backup")
    for key in (tmp_path / "keys" / "day" / "prairie-pathology").iterdir():
        services.ledger.keys.destroy(KeyName(f"day/prairie-pathology/{key.name}"))
    stray = vault.keep([b"came later"])

    said = transfer("restore", tmp_path / "backup", "--replace")

    assert "Ask prairie-pathology to send again what it sent on 20" in said.stdout
    assert "1 messages are gone" in said.stdout
    assert "named by no ledger (see --sweep)" in said.stdout
    assert b"".join(vault.read(stray)) == b"came later"
    swept = json.loads(transfer("restore", tmp_path / "backup", "--replace", "--sweep", "--json").stdout)
    assert swept["settled"]["stray"] >= 1
    assert swept["settled"]["unread"][0]["messages"] == 1


def test_a_backup_that_is_not_whole_is_told_by_its_exit_code(transfer: Run, services: Services, tmp_path: Path) -> None:
    a_case_without_slides(services)
    said = json.loads(transfer("backup", tmp_path / "backup", "--json").stdout)
    assert said["objects"] == 3
    assert transfer("restore", tmp_path / "backup", "--check").exit_code == 0
    next((tmp_path / "backup" / "objects").rglob("*/*")).unlink()

    checked = transfer("restore", tmp_path / "backup", "--check")

    assert checked.exit_code == 1
    assert "missing" in checked.stderr


def test_the_passphrase_is_asked_for_where_there_is_a_copy_of_the_keys(
    transfer: Run, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSFER_KEYS_COPY", str(tmp_path / "copy"))

    assert transfer("backup", tmp_path / "one").exit_code == 2
    assert transfer("backup", tmp_path / "two", typed="nine drowsy herons\n").exit_code == 0
    wrong = transfer("backup", tmp_path / "three", typed="ten drowsy herons\n")

    assert wrong.exit_code == 4
    assert "herons" not in wrong.output
    assert not (tmp_path / "three").exists(), "nothing was copied in vain"


def test_where_the_copy_is_has_to_be_known(transfer: Run, services: Services, tmp_path: Path) -> None:
    transfer("backup", tmp_path / "backup")

    assert transfer("restore", tmp_path / "backup", "--keys").exit_code == 2


def test_a_night_says_in_one_line_what_it_did(transfer: Run, services: Services, tmp_path: Path) -> None:
    a_case_without_slides(services)
    for _ in range(2):
        assert transfer("backup", "--nightly", "--keep", 1, tmp_path / "nights").exit_code == 0
    said = transfer("backup", "--nightly", "--keep", 1, tmp_path / "nights")

    assert said.exit_code == 0
    (line,) = said.stdout.splitlines()
    assert line.startswith("Backup b")
    assert "3 objects" in line
    assert "Lacking: 0. Destroyed: b" in line
    assert transfer("backup", "--keep", 1, tmp_path / "other").exit_code == 2


def test_a_backup_that_fails_leaves_no_mark_that_blocks_the_next(
    transfer: Run, services: Services, migrated: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy of the keys lay in a container that is gone with its failed job."""
    monkeypatch.setenv("TRANSFER_KEYS_COPY", str(tmp_path / "container" / "copy"))
    monkeypatch.setenv("TRANSFER_OWNER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x?connect_timeout=2")
    failed = transfer("backup", tmp_path / "one", typed="nine drowsy herons\n")
    assert failed.exit_code == 5
    assert "owner" in failed.stderr
    assert not (tmp_path / "container").exists()
    monkeypatch.setenv("TRANSFER_OWNER_DATABASE_URL", migrated.url("owner"))
    monkeypatch.setenv("TRANSFER_KEYS_COPY", str(tmp_path / "disk" / "copy"))

    assert transfer("backup", tmp_path / "one", typed="nine drowsy herons\n").exit_code == 0


def test_a_copy_of_the_keys_that_was_destroyed_is_begun_anew_by_the_word(
    transfer: Run, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSFER_KEYS_COPY", str(tmp_path / "copy"))
    passphrase = "nine drowsy herons\n"
    assert transfer("backup", tmp_path / "one", typed=passphrase).exit_code == 0
    shutil.rmtree(tmp_path / "copy")

    away = transfer("backup", tmp_path / "two", typed=passphrase)
    assert (away.exit_code, (tmp_path / "two").exists()) == (5, False)
    assert transfer("keys", "new-copy").exit_code == 0
    assert transfer("backup", tmp_path / "two", typed=passphrase).exit_code == 0
    assert transfer("backup", tmp_path / "three", typed=passphrase).exit_code == 0


def test_a_folder_that_cannot_be_written_is_said_in_our_words(
    transfer: Run, services: Services, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")

    said = transfer("backup", tmp_path / "file" / "backup")

    assert said.exit_code == 5
    assert "cannot be written" in said.stderr


def test_a_backup_is_restored_as_a_test_and_nothing_here_changes(
    transfer: Run, services: Services, migrated: Postgres, scratch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_case_without_slides(services)
    assert transfer("backup", tmp_path / "backup").exit_code == 0
    monkeypatch.setenv("TRANSFER_TEST_DATABASE_URL", scratch)

    for _ in range(2):  # a second time in the same database
        said = transfer("restore", "--test", tmp_path / "backup", "--json")
        assert said.exit_code == 0
        assert json.loads(said.stdout)["chains"] > 1
    with snapshot.owner(migrated.url("owner")) as owner:
        tested = owner.execute("SELECT count(*) FROM facts WHERE kind = 'restore-tested'").fetchone()
    assert tested == (2,)


class _Lessened(BackupFolder):
    """A backup whose manifest does not know its first object."""

    def manifest(self) -> Manifest:
        whole = super().manifest()
        return replace(whole, objects=whole.objects[1:])


def test_a_backup_that_lacks_an_object_of_its_ledger_cannot_be_restored(
    transfer: Run, services: Services, scratch: str, tmp_path: Path
) -> None:
    a_case_without_slides(services)
    assert transfer("backup", tmp_path / "backup").exit_code == 0
    keys = services.ledger.keys

    with pytest.raises(NoBackup, match="1 objects that its ledger names"):
        try_restore(_Lessened(tmp_path / "backup", keys), keys, scratch, Origin(process="test"))


def test_a_test_is_refused_where_its_database_holds_something(
    transfer: Run, services: Services, migrated: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_case_without_slides(services)
    assert transfer("backup", tmp_path / "backup").exit_code == 0
    monkeypatch.setenv("TRANSFER_TEST_DATABASE_URL", migrated.url("owner"))

    said = transfer("restore", "--test", tmp_path / "backup")

    assert (said.exit_code, "has to be empty" in said.stderr) == (4, True)
    assert transfer("trail", "verify").exit_code == 0
