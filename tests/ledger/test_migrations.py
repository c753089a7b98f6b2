"""What was owed before an upgrade still ends well after it."""

from collections.abc import Callable

import psycopg
import pytest

from tests.kit.builders import new_services, owed
from tests.kit.processing import process_all
from transfer.embedded.postgres import Postgres
from transfer.identifiers import INBOX, HoldId
from transfer.ledger import Ledger, holds, rounds
from transfer.ledger.migrate import rebuild
from transfer.rounds import Dag

pytestmark = pytest.mark.servers

HOUSEKEEPING = (Dag.HOUSEKEEPING, INBOX)


@pytest.fixture
def upgraded_from(migrated: Postgres, ledger: Ledger) -> Callable[[str, str], None]:
    """Make the ledger of a migration, run a statement in it, and bring it to today's form."""

    def upgrade(number: str, statement: str) -> None:
        with psycopg.connect(migrated.url("owner")) as owner:
            rebuild(owner, number, lambda: owner.execute(statement.encode()) and None)

    return upgrade


def of_then(*states: str) -> str:
    """Rounds in which the DAG that enforces permissions was to keep house, one after another."""
    values = ", ".join(
        f"('enforce_permissions', 'inbox', {number}, '{state}', transfer.now(), transfer.now())"
        for number, state in enumerate(states, start=7)
    )
    return f"INSERT INTO transfer.due_runs (dag_id, subject, round, state, not_before, lease_until) VALUES {values}"


@pytest.mark.parametrize("states", [["owed"], ["posted"], ["taken"], ["taken", "posted"], ["done", "done"]])
def test_housekeeping_owed_to_the_former_dag_is_done_by_its_own(
    upgraded_from: Callable[[str, str], None], ledger: Ledger, states: list[str]
) -> None:
    upgraded_from("0009", of_then(*states))
    services = new_services(ledger)

    with ledger.transaction() as tx:
        (one,) = rounds.postable(tx)
        # The run of then is still queued at Airflow: it finds nothing to do.
        assert [rounds.take(tx, Dag.ENFORCE_PERMISSIONS, INBOX, 7 + number) for number, _ in enumerate(states)] == [
            None
        ] * len(states)
    assert (one.dag, one.subject) == HOUSEKEEPING
    assert one.number == 7 + len(states)
    assert process_all(services) == 1
    assert owed(services) == set()


def test_a_question_about_former_housekeeping_is_about_housekeeping(
    upgraded_from: Callable[[str, str], None], ledger: Ledger
) -> None:
    upgraded_from(
        "0009",
        f"""INSERT INTO transfer.holds (hold, subject, code, about, opened_at) VALUES
             ('{HoldId.draw()}', 'inbox', 'machinery-broken', 'enforce_permissions', now()),
             ('{HoldId.draw()}', 'c00000000000', 'machinery-broken', 'enforce_permissions', now())""",
    )

    with ledger.transaction() as tx:
        about = {hold.subject: hold.about for hold in holds.open_holds(tx)}
    assert about == {INBOX: Dag.HOUSEKEEPING, "c00000000000": Dag.ENFORCE_PERMISSIONS}


def test_a_new_installation_owes_no_housekeeping(upgraded_from: Callable[[str, str], None], ledger: Ledger) -> None:
    upgraded_from("0009", "SELECT 1")

    assert owed(new_services(ledger)) == set()
