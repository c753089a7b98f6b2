"""
# Release packet

**Woken by** a round for a packet: its case is complete, or a person approved it as it is.

**Leaves behind** a sealed packet, and a disclosure: made, not made, or unknown and to be asked about.

Safe to run again: a packet is assembled once, and a disclosure takes effect once.
"""

from airflow.sdk import dag, task
from transfer_airflow.defaults import A_ROUND, takes_nothing


@dag(dag_id="release_packet", doc_md=__doc__, tags=["release"], **A_ROUND)
def release_packet() -> None:
    @task
    def assemble() -> bool:
        from transfer_airflow import verbs

        return verbs.assemble()

    @task
    def deliver(is_assembled: bool) -> None:
        from transfer_airflow import verbs

        verbs.deliver(is_assembled)

    deliver(takes_nothing(assemble()))


release_packet()
