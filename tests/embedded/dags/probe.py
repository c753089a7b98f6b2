"""A DAG for the tests of the parts: it says what a task sees of its surroundings."""

import os
from datetime import timedelta

from airflow.sdk import DAG, task

with DAG("probe", schedule=None, catchup=False):

    @task(retries=5, retry_delay=timedelta(seconds=1))
    def look(seconds: str = "0") -> dict[str, object]:
        import time

        from transfer.settings import Settings

        time.sleep(int(seconds))
        settings = Settings.load(os.environ)
        return {
            "var": str(settings.var),
            "bucket": settings.s3_bucket,
            "sees_owner": "TRANSFER_OWNER_DATABASE_URL" in os.environ,
            "session": os.getsid(0),
            "folder": os.getcwd(),  # noqa: PTH109 - as a text
        }

    @task(priority_weight=1)
    def fetch() -> str:
        return "fetched"

    look("{{ dag_run.conf.get('seconds', 0) }}") >> fetch()
