"""`transfer doctor` on a whole installation: every part is up, and every door answers."""

import json

import pytest
from click.testing import CliRunner

from tests.kit.house import House
from transfer.cli import main

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def house(airflow_house: House) -> House:
    return airflow_house


def told(house: House) -> dict[str, object]:
    said: dict[str, object] = json.loads(CliRunner().invoke(main, ["doctor", "--json", "--var", str(house.var)]).stdout)
    return said


def faults(house: House) -> set[tuple[str, str]]:
    return {(one["code"], one["about"]) for one in told(house)["faults"]}  # type: ignore[attr-defined,index]


def test_all_parts_of_an_installation_are_up_and_all_its_doors_answer(house: House):
    said = told(house)

    states = {one["name"]: one["state"] for one in said["measured"]["parts"]}  # type: ignore[index,call-overload]
    assert states == {**dict.fromkeys(states, "up"), "desk": "away"}  # a house of tests has none
    assert {"ledger", "store", "airflow", "airflow-scheduler", "airflow-dag-processor", "dispatcher"} <= states.keys()
    assert {one["failed"] for one in said["doors"]} == {None}  # type: ignore[attr-defined,index]
    assert faults(house) <= {("no-backup", ""), ("mail-waits", ""), ("part-away", "desk")}
