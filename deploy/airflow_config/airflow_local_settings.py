"""Read by every Airflow process at its start. Whatever tasks are forks of loads what they need, once.

On one machine that is the scheduler; with Celery it is the worker (deploy/worker.py). What is loaded there costs no
task anything. A module that a task imports is loaded and lost with each of them: all of ours take 0.3 s of a processor.
The other components do without. All of them look for garbage less often.
https://airflow.apache.org/docs/apache-airflow/stable/howto/set-config.html#configuring-local-settings
"""

import gc
import importlib
import os
import sys

#: Nearly all that Airflow makes while it loads stays. By Python's defaults (700, 10, 10) looking through it again and
#: again took a sixth of the processor seconds until the API server was there. Garbage in a ring waits a little longer.
#: https://docs.python.org/3/library/gc.html#gc.set_threshold
GARBAGE_THRESHOLDS = (50_000, 20, 20)

HEAVY = (
    "airflow.sdk",
    "airflow.sdk.execution_time.task_runner",
    "boto3",
    "cryptography.hazmat.primitives.ciphers.aead",
    "fhir.resources.R4B.bundle",
    "fhir.resources.R4B.documentreference",
    "fpdf",
    "joserfc.jws",
    "psycopg",
    "psycopg_pool",
    "pydicom",
    "urllib3",
    "yaml",
    "transfer.wiring",
    "transfer_airflow.prepared",
    "transfer_airflow.verbs",
)


def preload() -> None:
    """A module that cannot be loaded is left to the task that needs it, which can say so where it is seen."""
    for name in HEAVY:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - it must start all the same
            sys.stderr.write(f"not preloaded: {name}: {type(error).__name__}\n")
    try:
        _prepare()
    except Exception as error:  # noqa: BLE001 - as above
        sys.stderr.write(f"not all is prepared: {type(error).__name__}\n")


def _prepare() -> None:
    """What tasks would make, and a process whose forks read others' files. Without it, all is made where it is used."""
    from transfer_airflow import prepared

    from transfer.adapters import warm_process

    warm_process.begin()
    prepared.prepare()


gc.set_threshold(*GARBAGE_THRESHOLDS)
if sys.argv[1:2] == ["scheduler"] and os.environ.get("AIRFLOW__CORE__EXECUTOR") == "LocalExecutor":
    preload()
