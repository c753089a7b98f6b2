"""A DAG of the leak test: mistakes made on purpose (tests/campaigns/leak/mistakes.py)."""

from airflow.sdk import dag, task
from transfer_airflow.defaults import A_ROUND

NAMES = (
    *("a_value", "a_cause", "a_context", "an_absence_with_a_cause", "a_claim", "a_group", "a_model", "a_resource"),
    *("a_row", "a_document", "a_database", "an_address", "an_image", "a_warning", "a_library_s_log", "a_thread"),
    *("a_lost_coroutine", "an_ending_nobody_hears"),
)


@dag(dag_id="stumble", **(A_ROUND | {"default_args": {"retries": 0}}))
def stumble() -> None:
    @task
    def make(name: str) -> None:
        from tests.campaigns.leak import mistakes

        mistakes.make(name)

    for name in NAMES:
        make.override(task_id=name)(name)


stumble()
