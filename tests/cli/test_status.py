"""`transfer status` where nothing is embedded: services are asked by their address."""

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from transfer import health
from transfer.adapters.keys import FolderKeys
from transfer.cli import main
from transfer.embedded.postgres import Postgres
from transfer.embedded.system import ComponentState
from transfer.health import Readiness
from transfer.ledger import Ledger

AWAY = {
    "TRANSFER_DATABASE_URL": "postgresql://app:topsecret@127.0.0.1:1/x?connect_timeout=1",
    "TRANSFER_S3_ENDPOINT": "http://127.0.0.1:1",
    "TRANSFER_S3_ACCESS_KEY": "k",
    "TRANSFER_S3_SECRET_KEY": "topsecret",
    "TRANSFER_AIRFLOW_URL": "http://127.0.0.1:1",
}


@pytest.fixture(autouse=True)
def in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transfer.cli.given._SECONDS", 3.0)


def status(tmp_path: Path, *arguments: str, **settings: str) -> Result:
    environment = {"TRANSFER_KEYS": str(tmp_path / "keys"), **settings}
    return CliRunner().invoke(main, ["status", "--var", str(tmp_path / "var"), *arguments], env=environment)


def test_what_is_away_is_called_away_and_not_stopped(tmp_path: Path):
    said = status(tmp_path, **AWAY)

    assert said.exit_code == 1
    assert "Nothing runs here" not in said.output
    assert "topsecret" not in said.output
    found = {one["name"]: one["state"] for one in json.loads(status(tmp_path, "--json", **AWAY).stdout)}
    assert found == {
        "postgres": "away",
        "store": "away",
        "airflow": "away",
        "keys": "away",
        "gateway": "not asked",
        "dispatcher": "not asked",
        "desk": "not asked",
    }


def test_where_each_part_logs_is_said_of_what_runs_here_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert "log" not in status(tmp_path, **AWAY).output

    standing = ComponentState(name="desk", state="starting", pid=1, restarts=3, note="", is_process=True)
    monkeypatch.setattr("transfer.cli.installation.System.status", lambda _: [standing])

    assert f"{tmp_path / 'var' / 'log'}/SERVICE.log" in status(tmp_path, **AWAY).output


def test_a_gateway_is_asked_where_it_tells_how_it_is(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with health.served(("127.0.0.1", port), Readiness({"store": lambda: False})):
        said = status(tmp_path, "--json", TRANSFER_GATEWAY_HEALTH=f"127.0.0.1:{port}", **AWAY)

    gateway = next(one for one in json.loads(said.stdout) if one["name"] == "gateway")
    assert (gateway["state"], gateway["note"]) == ("away", "not ready: store")


def test_where_nothing_is_given_and_nothing_runs_it_says_so(tmp_path: Path):
    said = status(tmp_path)

    assert said.exit_code == 5
    assert "transfer up starts it" in said.output


@pytest.mark.servers
def test_a_ledger_that_answers_is_up_wherever_it_runs(tmp_path: Path, migrated: Postgres, ledger: Ledger):
    with ledger.transaction() as tx:
        tx.now()
    said = status(tmp_path, "--json", TRANSFER_DATABASE_URL=migrated.url("app"))

    assert {one["name"]: one["state"] for one in json.loads(said.stdout)}.items() >= {
        "postgres": "up",
        "keys": "up",
    }.items()
    assert said.exit_code == 0


@pytest.mark.servers
@pytest.mark.parametrize(("place", "why"), [("unmounted", "no keys are here"), ("others", "not those of this ledger")])
def test_keys_that_are_not_the_ledger_s_are_away_and_it_says_why(
    tmp_path: Path, migrated: Postgres, ledger: Ledger, place: str, why: str
):
    with ledger.transaction() as tx:
        tx.now()
    FolderKeys(tmp_path / place, begins=place == "others")
    said = status(tmp_path, "--json", TRANSFER_DATABASE_URL=migrated.url("app"), TRANSFER_KEYS=str(tmp_path / place))

    found = {one["name"]: one for one in json.loads(said.stdout)}
    assert (found["postgres"]["state"], found["keys"]["state"]) == ("up", "away")
    assert why in found["keys"]["note"]
    assert said.exit_code == 1
