"""What was owed before an upgrade still ends well after it."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.kit.builders import new_services, owed
from tests.kit.processing import process_all
from transfer.embedded.postgres import Postgres
from transfer.errors import OtherVersion
from transfer.identifiers import INBOX, HoldId
from transfer.ledger import Ledger, case_lists, holds, rounds
from transfer.ledger.migrate import behind, migrate, rebuild
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


def of_a_case(number: str, *, is_asked: bool = False, received: int = 1) -> str:
    """An open one of the desk, with one piece in hand of one that was announced, and perhaps a question."""
    asked = f"""INSERT INTO transfer.holds (hold, subject, code, about, opened_at)
        VALUES ('{HoldId.draw()}', '{number}', 'machinery-broken', 'open_case', now());"""
    return f"""INSERT INTO transfer.cases (case_id, stage, owner, line, opened_at, changed_at)
        VALUES ('{number}', 'gathering', 'desk', 8, now(), now());
        INSERT INTO transfer.materials (material, case_id, institution, line, kind, expected, received, state)
        VALUES ('m-{number}', '{number}', 'i', 'l', 'slides', 1, {received}, 'in-hand');{asked if is_asked else ""}"""


def test_what_may_be_undecided_is_judged_after_an_upgrade(
    upgraded_from: Callable[[str, str], None], ledger: Ledger, migrated: Postgres
) -> None:
    """Also in rows that a process of the version before still writes, for the first time or again."""
    silent, asked, miscounted, later = (f"c{number:011}" for number in range(4))
    before = of_a_case(silent) + of_a_case(asked, is_asked=True) + of_a_case(miscounted, is_asked=True, received=2)
    upgraded_from("0067", before)
    with psycopg.connect(migrated.url("owner")) as owner:
        owner.execute(of_a_case(later).encode())

    def found() -> set[str]:
        with ledger.transaction() as tx:
            return {*case_lists.may_be_undecided(tx, limit=9)}

    assert found() == {silent, miscounted, later}
    with psycopg.connect(migrated.url("owner")) as owner:
        owner.execute("UPDATE transfer.cases SET line = 9 WHERE case_id = %s", [asked])
    assert found() == {silent, miscounted, later, asked}


@pytest.fixture
def another_version(migrated: Postgres) -> Iterator[Callable[[str], None]]:
    """Do this to what the ledger says of its migrations; all is as it was afterwards."""
    with psycopg.connect(migrated.url("owner"), autocommit=True) as owner:
        before = owner.execute("SELECT number, at FROM public.migrations").fetchall()
        yield lambda statement: owner.execute(statement.encode())  # type: ignore[func-returns-value]
        owner.execute("DELETE FROM public.migrations")
        owner.cursor().executemany("INSERT INTO public.migrations VALUES (%s, %s)", before)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "INSERT INTO public.migrations VALUES ('9999', now())",
            "has migration 9999, which this version does not know",
        ),
        ("DELETE FROM public.migrations WHERE number = '0013'", "lacks migration 0013 of this version: migrate it"),
    ],
)
def test_nobody_works_on_a_ledger_of_another_version(
    ledger: Ledger, migrated: Postgres, another_version: Callable[[str], None], statement: str, said: str
):
    """Also who was at work before: it notices within seconds."""
    with ledger.transaction() as tx:
        tx.now()
    another_version(statement)
    ledger._check_version_at = 0.0
    wrote = False
    for each in (ledger, Ledger(migrated.url("app"), ledger.keys, ledger.origin)):
        with pytest.raises(OtherVersion, match=said), each.transaction():
            wrote = True
    assert not wrote


def test_a_ledger_of_a_newer_version_is_not_migrated(migrated: Postgres, another_version: Callable[[str], None]):
    assert behind(migrated.url("owner")) == []
    another_version("DELETE FROM public.migrations WHERE number = '0013'")
    assert behind(migrated.url("owner")) == ["0013_site_mark.sql"]

    another_version("INSERT INTO public.migrations VALUES ('9999', now())")
    for refuses in (behind, migrate):
        with pytest.raises(OtherVersion, match="9999"):
            refuses(migrated.url("owner"))
