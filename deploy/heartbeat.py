"""Whether a component of Airflow beats, as Airflow's API server says. Costs no import of Airflow.

    python deploy/heartbeat.py dag_processor

Ends with 0 where it is healthy. Asks the server that TRANSFER_AIRFLOW_URL names. Where several of a kind run, the one
that beat last counts.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/check-health.html
"""

import json
import os
import sys

from transfer.probe import ask


def main(component: str) -> int:
    try:
        status, said = ask(f"{os.environ['TRANSFER_AIRFLOW_URL']}/api/v2/monitor/health")
        found = json.loads(said)[component]["status"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stdout.write(f"{component}: {type(error).__name__}\n")
        return 1
    sys.stdout.write(f"{component}: {found}\n")
    return 0 if status == 200 and found == "healthy" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
