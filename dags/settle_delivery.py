"""
# Settle delivery

**Woken by** a round for a packet: its receiver sent a receipt.

**Leaves behind** the receipt. Where the packet was declined, its reasons reopen the needs they name.

Safe to run again: a receipt is recorded once.
"""

from airflow.sdk import dag, task
from transfer_airflow.defaults import A_ROUND, takes_nothing


@dag(dag_id="settle_delivery", doc_md=__doc__, tags=["release"], **A_ROUND)
def settle_delivery() -> None:
    @task
    def settle() -> None:
        from transfer_airflow import verbs

        verbs.settle()

    takes_nothing(settle())


settle_delivery()
