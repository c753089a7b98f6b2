"""
# Receive arrivals

**Woken by** a round for the inbox: something was stored at a door.

**Leaves behind** each arrival filed under its patient, sealed away, or held for a person. Cases that it completed are
ready to be packed.

Safe to run again: one task at a time processes an arrival, and it takes effect once.
"""

from airflow.sdk import dag, task
from transfer_airflow.defaults import A_ROUND, takes_nothing


@dag(dag_id="receive_arrivals", doc_md=__doc__, tags=["inbox"], **A_ROUND)
def receive_arrivals() -> None:
    @task
    def receive() -> None:
        from transfer_airflow import verbs

        verbs.receive()

    takes_nothing(receive())


receive_arrivals()
