"""A peer that is missing is named, and missed where it is demanded."""

from pathlib import Path

import pytest

from tests.kit.peers import installed


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(installed, "HERE", tmp_path)
    monkeypatch.delenv("TRANSFER_DEMAND_PEERS", raising=False)


def test_a_test_of_a_missing_peer_is_skipped_by_its_name() -> None:
    with pytest.raises(pytest.skip.Exception, match="versitygw: not installed"):
        installed.installed("versitygw", "bin/versitygw")


def test_where_peers_are_demanded_a_missing_one_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_DEMAND_PEERS", "1")

    with pytest.raises(pytest.fail.Exception, match="versitygw: not installed"):
        installed.installed("versitygw", "bin/versitygw")
    with pytest.raises(pytest.fail.Exception, match="no-such-program: not installed"):
        installed.program("no-such-program")
