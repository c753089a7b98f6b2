"""What Airflow's processes load before the first task."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: what a task of the worker finds loaded when it begins, and whether a bounded process of it is a fork
_BEGINS = """
import sys, airflow
from transfer.adapters.opening.opener import COMMAND
from transfer.adapters.warm_process import way
print('transfer_airflow.verbs' in sys.modules, way(COMMAND).args != COMMAND)
"""


@pytest.mark.parametrize(
    ("command", "executor", "loaded"),
    [
        ("scheduler", "LocalExecutor", True),
        ("scheduler", "CeleryExecutor", False),
        ("triggerer", "LocalExecutor", False),
    ],
)
def test_what_tasks_are_forks_of_has_loaded_what_they_need(tmp_path, command, executor, loaded):
    paths = f"{ROOT}:{ROOT / 'deploy' / 'airflow_config'}"
    ours = {"PYTHONPATH": paths, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__EXECUTOR": executor,
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins")}  # fmt: skip
    begun = subprocess.run(
        [sys.executable, "-c", _BEGINS, command],
        env={**os.environ, **ours},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert (begun.stdout.splitlines()[-1:], "not preloaded" in begun.stderr) == ([f"{loaded} {loaded}"], False)
