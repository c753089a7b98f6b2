"""
# Open case

**Woken by** a round for a case: its referral came, a release form was filed, a source is to be asked again, or it is
its turn at one.

**Leaves behind** an open case, the requests that a basis in force permits, and what the departments gave whose turn it
was. The others wait in the ledger and hold no slot.

Safe to run again: a case opens once, a department is asked by one task at a time, a record is collected once.
"""

from airflow.sdk import dag, task
from transfer_airflow.defaults import A_FETCH, FETCHING_ROUNDS, takes_nothing


@dag(dag_id="open_case", doc_md=__doc__, tags=["case"], **FETCHING_ROUNDS)
def open_case() -> None:
    @task(task_id="open_case")
    def requests_to_make() -> list[str]:
        from transfer_airflow import verbs

        return verbs.open_case()

    @task(**A_FETCH)
    def request(name: str) -> None:
        from transfer_airflow import verbs

        verbs.request(name)

    request.expand(name=takes_nothing(requests_to_make()))


open_case()
