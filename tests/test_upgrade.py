"""The order of an upgrade: nobody who writes runs while the ledger changes, and an older version stops nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]

#: stands for compose: writes down what it is told, and fails where it is told to
COMPOSE = """
import os, sys
line = " ".join(sys.argv[1:])
with open(os.environ["TOLD"], "a") as file:
    file.write(line + "\\n")
sys.exit(4 if os.environ.get("FAILS") and os.environ["FAILS"] in line else 0)
"""


def upgraded(tmp_path: Path, *arguments: str, fails: str = "") -> tuple[int, list[str]]:
    (tmp_path / "compose.py").write_text(COMPOSE)
    told = tmp_path / "told"
    told.touch()
    ended = subprocess.run(
        [sys.executable, str(ROOT / "deploy" / "upgrade.py"), *arguments],
        env={
            **os.environ,
            "COMPOSE": f"{sys.executable} {tmp_path / 'compose.py'}",
            "TOLD": str(told),
            "FAILS": fails,
        },
        capture_output=True,
        check=False,
    )
    return ended.returncode, told.read_text().splitlines()


def test_whoever_writes_is_stopped_before_the_ledger_changes_and_the_doors_last(tmp_path: Path):
    code, told = upgraded(tmp_path)

    assert code == 0
    migrated = told.index("run --rm prepare")
    stopped = [line.removeprefix("stop ") for line in told[:migrated] if line.startswith("stop ")]
    ours = {name for name, one in SERVICES.items() if one["image"].startswith("records-transfer:")}
    assert set(stopped) == {n for n in ours if SERVICES[n]["restart"] != "no" and "profiles" not in SERVICES[n]}
    assert stopped[0] == "dispatcher"
    assert stopped[-1] == "gateway"
    assert stopped.index("airflow-worker") < stopped.index("airflow-api-server"), "a task at work still needs it"
    assert told[migrated + 1] == "up --detach --no-deps gateway"
    assert told[-1] == "up --detach"


def test_a_version_that_does_not_know_the_ledger_stops_nothing(tmp_path: Path):
    code, told = upgraded(tmp_path, fails="--check")

    assert code == 4
    assert not [line for line in told if line.startswith(("stop", "run --rm prepare", "up"))]


@pytest.mark.parametrize("fails", ["stop airflow-worker", "run --rm prepare"])
def test_nothing_comes_after_a_step_that_failed(tmp_path: Path, fails: str):
    code, told = upgraded(tmp_path, fails=fails)

    assert code == 4
    assert fails in told[-1]


def test_a_dry_run_tells_compose_nothing(tmp_path: Path):
    assert upgraded(tmp_path, "--dry-run") == (0, [])


def test_an_image_that_was_made_elsewhere_is_pulled(tmp_path: Path):
    assert upgraded(tmp_path, "--tag", "0.2.0")[1][0] == "pull prepare"
