"""Airflow's Celery worker, which touches a file at every beat of its own.

    python deploy/worker.py --concurrency 4      (what `airflow celery worker` takes)

A check of health looks at the age of that file. To ask the worker by Celery's own command takes two seconds of a
processor each time. https://docs.celeryq.dev/en/stable/userguide/signals.html
"""

import os
import sys
from pathlib import Path

from airflow.__main__ import main
from airflow_local_settings import preload
from celery.signals import heartbeat_sent

ALIVE = Path(os.environ["AIRFLOW_HOME"]) / "alive"


@heartbeat_sent.connect(weak=False)
def beat(**_: object) -> None:
    """Every two seconds, from the loop that takes messages."""
    ALIVE.touch()


if __name__ == "__main__":
    preload()  # its tasks are forks of it
    sys.argv[1:1] = ["celery", "worker"]
    sys.exit(main())
