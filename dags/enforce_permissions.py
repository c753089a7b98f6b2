"""
# Enforce permissions

**Woken by** a round for a case whose permission ended; the door or the desk has stopped the release already.

**Leaves behind** requests withdrawn and streams cut. The records are purged after a person's answer or the configured
delay.

Safe to run again: each step looks before it acts.
"""

from airflow.sdk import dag, task
from transfer_airflow.defaults import A_ROUND, takes_nothing


@dag(dag_id="enforce_permissions", doc_md=__doc__, tags=["permission"], **A_ROUND)
def enforce_permissions() -> None:
    @task
    def enforce() -> None:
        from transfer_airflow import verbs

        verbs.enforce()

    takes_nothing(enforce())


enforce_permissions()
