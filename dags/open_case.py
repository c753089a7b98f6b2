"""
# Open case

**Woken by** a round for a case: its referral came, a release form was filed, a source is to be asked again.

**Leaves behind** an open case, the requests that a basis in force permits, and what the fetched departments gave.

Safe to run again: a case opens once, a department is asked by one task at a time, a record is collected once.
"""

from airflow.sdk import dag, task
from transfer_airflow.defaults import A_ROUND, FETCH_POOL


@dag(dag_id="open_case", doc_md=__doc__, tags=["case"], **A_ROUND)
def open_case() -> None:
    @task(task_id="open_case")
    def requests_to_make() -> list[str]:
        from transfer_airflow import verbs

        return verbs.open_case()

    @task(pool=FETCH_POOL)
    def request(name: str) -> None:
        from transfer_airflow import verbs

        verbs.request(name)

    request.expand(name=requests_to_make())


open_case()
