"""
# Housekeeping

**Woken by** a round for the inbox, when something has lapsed: unmatched messages, their days, orphaned objects; or when
lists or search terms lag behind.

**Leaves behind** unmatched messages purged and counted, the keys of ended days destroyed, orphaned objects removed;
lists and searches up to date.

Safe to run again: the ledger forgets first and keeps the names of what is still to be removed.
"""

from airflow.sdk import dag, task
from transfer_airflow.defaults import A_ROUND, takes_nothing


@dag(dag_id="housekeeping", doc_md=__doc__, tags=["inbox"], **A_ROUND)
def housekeeping() -> None:
    @task
    def clean_up() -> None:
        from transfer_airflow import verbs

        verbs.housekeeping()

    takes_nothing(clean_up())


housekeeping()
