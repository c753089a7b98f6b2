"""What Airflow's processes load before the first task."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.builders import a_chart
from transfer.sandbox.oncology.letters import referral, release_form

ROOT = Path(__file__).parents[2]

#: what a task of the worker finds loaded when it begins, whether a bounded process of it is a fork, and how often
#: garbage is looked for
_BEGINS = """
import gc, sys, airflow
from transfer.adapters.opening.opener import COMMAND
from transfer.adapters.warm_process import way
print('transfer_airflow.verbs' in sys.modules, way(COMMAND).args != COMMAND, gc.get_threshold()[0])
"""
#: what a task then loads to read a release form and a referral, and to have a client of the store
_READS = """
import json, sys, airflow
from transfer.adapters.fhir import trees
from transfer.adapters.vault import S3Vault
before = {*sys.modules}
for resource in json.load(sys.stdin):
    trees.check(resource)
S3Vault(endpoint="http://127.0.0.1:9", region="r", access_key="a", secret_key="s", bucket="b")._client
print(sorted(one for one in {*sys.modules} - before if one.partition(".")[0] in ("boto3", "botocore", "fhir")))
"""
#: whether a task asks the store by what was made for it, and by something else where its settings are others
_ASKS = """
import os, airflow
from transfer import wiring
from transfer.adapters.vault import store
store._client = lambda **_: "made"
asked_by = lambda: wiring.vault(wiring.load_settings())._client
print(asked_by() != "made", asked_by().meta.endpoint_url, end=" ")
os.environ["TRANSFER_S3_SECRET_KEY"] = "another"
print(asked_by())
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
    assert begun(tmp_path, _BEGINS, command, executor) == f"{loaded} {loaded} 50000"


def begun(folder: Path, says: str, command: str, executor: str, given: str = "") -> str:
    """The last line that such a process says. Nothing was left to its tasks."""
    paths = f"{ROOT}:{ROOT / 'deploy' / 'airflow_config'}"
    ours = {"PYTHONPATH": paths, "AIRFLOW_HOME": str(folder), "AIRFLOW__CORE__EXECUTOR": executor,
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins")}  # fmt: skip
    process = subprocess.run(
        [sys.executable, "-c", says, command],
        env={**os.environ, **ours},
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert "prepared" not in process.stderr
    assert "not preloaded" not in process.stderr
    return process.stdout.splitlines()[-1]


def test_a_task_finds_made_what_referrals_forms_and_the_store_need(tmp_path):
    chart = a_chart()
    bundle = referral(chart, {})
    resources = json.dumps([release_form(chart, {}), *(entry["resource"] for entry in bundle["entry"])])

    assert begun(tmp_path, _READS, "scheduler", "LocalExecutor", resources) == "[]"


def test_a_task_asks_the_store_by_what_was_made_of_its_own_settings(tmp_path, monkeypatch: pytest.MonkeyPatch):
    for name, value in {"ENDPOINT": "http://127.0.0.1:9", "ACCESS_KEY": "key", "SECRET_KEY": "secret"}.items():
        monkeypatch.setenv(f"TRANSFER_S3_{name}", value)

    assert begun(tmp_path, _ASKS, "scheduler", "LocalExecutor") == "True http://127.0.0.1:9 made"
