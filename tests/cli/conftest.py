"""An installation as the command line sees it: settings in a folder, and a ledger that answers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.kit import read_once
from tests.kit.builders import NAMES, new_services
from tests.kit.centers import partners_in
from tests.kit.loggers import handed_back
from tests.kit.packets import signing_key
from transfer import reviewed
from transfer.adapters.keys import FolderKeys
from transfer.cli import main
from transfer.delivery import Delivery
from transfer.embedded.postgres import Postgres
from transfer.flow.services import Services
from transfer.ledger import Ledger
from transfer.settings import written

_READ = read_once.each_version(reviewed.read)


@pytest.fixture(autouse=True)
def _loggers_are_handed_back() -> Iterator[None]:
    with handed_back():
        yield


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return new_services(ledger)


@pytest.fixture
def transfer(
    services: Services, migrated: Postgres, keys: FolderKeys, tmp_path: Path, monkeypatch
) -> Callable[..., Result]:
    """Run `transfer` with arguments, and what is typed, in an installation on the same ledger as `services`."""
    read_once.service_models()
    monkeypatch.setattr(reviewed, "read", _READ)
    (tmp_path / "keys" / "signer.pem").write_bytes(signing_key())
    var = tmp_path / "var"
    var.mkdir(mode=0o700)
    settings = {
        **NAMES,
        "TRANSFER_INSTITUTIONS": partners_in(tmp_path / "institutions", Delivery.WHEN_ALL),  # as `services` have them
        "TRANSFER_DATABASE_URL": migrated.url("app"),
        "TRANSFER_KEYS": str(tmp_path / "keys"),
        "TRANSFER_S3_ENDPOINT": "http://127.0.0.1:9",
        "TRANSFER_S3_ACCESS_KEY": "nobody",
        "TRANSFER_S3_SECRET_KEY": "nothing",
        "TRANSFER_PUBLIC_URL": "https://transfer.example",
    }
    (var / "settings.env").write_text(written(settings))
    (var / "settings.env").chmod(0o600)
    monkeypatch.setenv("TRANSFER_VAR", str(var))
    monkeypatch.setenv("TRANSFER_PERSON", "ann")

    def run(*arguments: object, typed: str = "") -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=typed)
        assert result.exit_code != 70, result.stderr
        return result

    return run
