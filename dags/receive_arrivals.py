"""
# Receive arrivals

**Woken by** a round for the inbox: something was stored at a door.

**Leaves behind** each arrival filed under its patient, sealed away, or held for a person; and the cases it completed
ready to be packed.

Safe to run again: an arrival is attended to by one task at a time and takes effect once.
"""

from airflow.sdk import dag, task
from transfer_airflow.defaults import A_ROUND


@dag(dag_id="receive_arrivals", doc_md=__doc__, tags=["inbox"], **A_ROUND)
def receive_arrivals() -> None:
    @task
    def receive() -> None:
        from transfer_airflow import verbs

        verbs.receive()

    receive()


receive_arrivals()
