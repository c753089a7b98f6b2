"""The whole system as the tests of the parts see it."""

import pytest

from tests.kit.house import House
from transfer.embedded.system import System


@pytest.fixture(scope="module")
def whole_system(airflow_house: House) -> System:
    """Everything with Airflow, which has the DAG `probe` beside the product's."""
    return airflow_house.system
