"""`transfer keys smart`: keys are made, published, changed and retired."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.kit.loggers import handed_back
from transfer.cli import main


@pytest.fixture(autouse=True)
def _loggers_are_handed_back() -> Iterator[None]:
    with handed_back():
        yield


@pytest.fixture
def smart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("TRANSFER_SMART_KEYS", str(tmp_path / "smart"))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["keys", "smart", "--var", str(tmp_path / "var"), *arguments])

    return run


def kids(result: Result) -> list[str]:
    return [one["kid"] for one in json.loads(result.stdout)["keys"]]


def test_none_is_said_with_how_one_is_made(smart: Callable[..., Result]):
    assert smart().stdout == "There is none: --new makes one.\n"


def test_a_key_signs_until_another_was_published_for_a_day(smart: Callable[..., Result], tmp_path: Path):
    (first,) = kids(smart("--new", "ES384", "--json"))
    (key,) = (tmp_path / "smart").iterdir()
    key.rename(key.with_name("20260101T000000Z.pem"))
    told = smart("--new", "RS384").stdout
    (second,) = set(kids(smart("--json"))) - {first}

    (line,) = [line for line in told.splitlines() if first in line]
    assert line.endswith("signs")
    (line,) = [line for line in told.splitlines() if second in line]
    assert "signs from" in line
    assert kids(smart("--retire", first, "--json")) == [second]
    assert smart("--retire", first).exit_code == 1
