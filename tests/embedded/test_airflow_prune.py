"""Airflow's logs and database do not grow for ever. The database itself is in tests/embedded/test_airflow.py."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from transfer.embedded import airflow_prune
from transfer.embedded.airflow_prune import every_day, logs_of, prune, remove_old_files
from transfer.settings import BadSetting, Settings

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)


def written(path: Path, days_ago: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a line")
    at = (NOW - timedelta(days=days_ago)).timestamp()
    os.utime(path, (at, at))
    return path


def test_old_logs_go_with_the_folders_they_leave_empty(tmp_path: Path):
    logs = tmp_path / "logs"
    old = written(logs / "dag_id=open_case" / "run_id=c1.1" / "attempt=1.log", 31)
    young = written(logs / "dag_id=open_case" / "run_id=c2.1" / "attempt=1.log", 29)
    outside = written(tmp_path / "outside" / "kept.log", 400)
    (logs / "latest").symlink_to(old)
    (logs / "elsewhere").symlink_to(tmp_path / "outside")

    assert remove_old_files(logs, NOW - timedelta(days=30)) == 2
    assert young.exists()
    assert outside.exists(), "no link is followed"
    assert not old.parent.exists()
    assert not (logs / "latest").is_symlink()
    assert remove_old_files(logs, NOW - timedelta(days=30)) == 0


def test_runs_stay_longer_than_logs_as_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ran: list[list[str]] = []

    class Ended:
        returncode = 0

    monkeypatch.setattr(airflow_prune.subprocess, "run", lambda command, **_: ran.append(command) or Ended)
    file = written(tmp_path / "logs" / "a.log", 8)

    assert prune(Settings.load({}, tmp_path), tmp_path / "logs", NOW)
    assert file.exists()
    assert prune(Settings.load({"TRANSFER_AIRFLOW_LOG_DAYS": "7"}, tmp_path), tmp_path / "logs", NOW)
    assert not file.exists()
    before = ran[0][ran[0].index("--clean-before-timestamp") + 1]
    assert datetime.fromisoformat(before) == NOW - timedelta(days=400)
    Ended.returncode = 1
    assert not prune(Settings.load({}, tmp_path), tmp_path / "logs", NOW)


@pytest.mark.parametrize("name", ["TRANSFER_AIRFLOW_RUN_DAYS", "TRANSFER_AIRFLOW_LOG_DAYS"])
def test_nobody_keeps_nothing_by_mistake(tmp_path: Path, name: str):
    with pytest.raises(BadSetting, match=name):
        Settings.load({name: "0"}, tmp_path)


def test_it_goes_on_the_next_day_whatever_happened():
    waited: list[float] = []
    done: list[int] = []

    def fails() -> None:
        done.append(1)
        raise OSError

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) == 4

    every_day(fails, wait)

    assert len(done) == 3
    assert waited == [airflow_prune.FIRST_SECONDS, *[airflow_prune.DAY_SECONDS] * 3]


def test_logs_lie_where_airflow_is_told_to_write_them():
    assert logs_of({"AIRFLOW_HOME": "/a"}) == Path("/a/logs")
    assert logs_of({"AIRFLOW_HOME": "/a", "AIRFLOW__LOGGING__BASE_LOG_FOLDER": "/b"}) == Path("/b")
