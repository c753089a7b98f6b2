"""One installation without Airflow for all tests of a session: every test is a new patient."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from tests.kit.house import House, a_house


@pytest.fixture(scope="session")
def shared_house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    with a_house(folder / "var") as house:
        yield house
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def house(shared_house: House) -> House:
    """The installation with every institution behaving normally and nothing of an earlier test owed."""
    shared_house.behave("oncology", answer="normal", page_size=4)
    shared_house.behave("archive", answer="normal", die_after_bytes=None, die_after_instances=None, deaths=None,
                        delay_seconds=0, bytes_per_second=None, slices=None, rows=128,
                        another_patient_from=None, another_study_from=None, brings="its-own")  # fmt: skip
    shared_house.behave("center", answer="normal", receipt="accepted", bytes_per_second=None, fetch=True)
    with psycopg.connect(shared_house.settings.owner_database_url, autocommit=True) as owner:
        owner.execute("UPDATE transfer.due_runs SET state = 'done', outcome = 'test over' WHERE state <> 'done'")
        owner.execute("DELETE FROM transfer.vault_uploads")  # of workers that a test killed
        # Nobody of an earlier test waits for a department or is before this one there: a turn given while the clock
        # was ahead would last for hours.
        owner.execute("DELETE FROM transfer.turns")
        owner.execute("DELETE FROM transfer.queues")
        owner.execute(
            "UPDATE transfer.requests SET not_before = transfer.now() + interval '90 days' "
            "WHERE state IN ('due', 'asking', 'partly')"
        )
    return shared_house


@pytest.fixture
def hours_pass(shared_house: House) -> Iterator[Callable[[timedelta], None]]:
    """Move the installation's clock ahead; it is back afterwards."""

    def set_ahead(statement: str, *values: object) -> None:
        with psycopg.connect(shared_house.settings.owner_database_url, autocommit=True) as owner:
            owner.execute(statement, values)

    yield lambda by: set_ahead("UPDATE transfer.clock SET ahead = ahead + %s", by)
    set_ahead("UPDATE transfer.clock SET ahead = '0'")
    set_ahead("UPDATE transfer.unmatched_counts SET is_closed = false")  # days that were over are not any more
