"""One whole system for all tests of the parts that need Airflow: its start takes a while."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from transfer.embedded.system import System


@pytest.fixture(scope="session")
def whole_system() -> Iterator[System]:
    """PostgreSQL, store and Airflow with the one DAG `probe`."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    dags = {"TRANSFER_DAGS": str(Path(__file__).parent / "dags")}
    system = System(folder / "var", sandbox=False, gateway=False, environ=dags, dies_with_us=True)
    system.up()
    yield system
    system.down()
    shutil.rmtree(folder, ignore_errors=True)
