"""Read by every Airflow process at its start. In the scheduler it loads what tasks need, once.

Every task is a fork of a worker, which is a fork of the scheduler: what is loaded here costs no task anything, while a
module imported in a task is loaded and lost with each of them. The other components do without.
"""

import importlib
import sys

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
)


def preload() -> None:
    """A module that cannot be loaded is left to the task that needs it, which can say so where it is seen."""
    for name in HEAVY:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - the scheduler must start all the same
            sys.stderr.write(f"not preloaded: {name}: {type(error).__name__}\n")


if sys.argv[1:2] == ["scheduler"]:
    preload()
