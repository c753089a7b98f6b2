"""`transfer doctor` on a whole installation: a real Airflow's DAG is paused, and another's file cannot be imported."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.kit.auditor import Auditor, eventually
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
    # a house of tests has no desk, and reads no scans
    assert states == {**dict.fromkeys(states, "up"), "desk": "away", "tesseract": "not asked"}
    assert {"ledger", "store", "airflow", "airflow-scheduler", "airflow-dag-processor", "dispatcher"} <= states.keys()
    assert {one["failed"] for one in said["doors"]} == {None}  # type: ignore[attr-defined,index]
    assert faults(house) <= {("no-backup", ""), ("mail-waits", ""), ("part-away", "desk")}


def test_a_paused_dag_and_one_that_cannot_be_imported_are_named(house: House):
    auditor = Auditor(house)
    file = Path(house.settings.names["TRANSFER_DAGS"]) / "housekeeping.py"
    whole = file.read_text()
    try:
        auditor.pause("settle_delivery")
        file.write_text(f"{whole}\nimport nothing_of_this_name\n")
        eventually("it is named", lambda: ("dag-unreadable", "housekeeping") in faults(house), 180)
        assert ("dag-paused", "settle_delivery") in faults(house)
    finally:
        file.write_text(whole)
        auditor.pause("settle_delivery", is_paused=False)
    eventually("it is read again", lambda: not {code for code, _ in faults(house)} & {"dag-unreadable"}, 180)
