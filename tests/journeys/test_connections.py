"""Airflow's page of connections: our types, their fields, and what their test buttons say. A real Airflow asks a real
gateway, and that goes to the stand-in institutions.
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
import urllib3

from tests.kit.auditor import Auditor
from tests.kit.house import House

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

SOURCE, CENTER = "records_transfer_source", "records_transfer_center"


@pytest.fixture(scope="module")
def house(airflow_house: House) -> House:
    return airflow_house


@pytest.fixture(scope="module")
def administrator(house: House) -> Auditor:
    return Auditor(house)


def pressed(administrator: Auditor, kind: str, **fields: str) -> tuple[bool, str]:
    """What the button of a connection of this type says."""
    body = {"connection_id": "tried", "conn_type": kind, "extra": json.dumps(fields)}
    status, said = administrator.ask("POST", "/connections/test", body)
    assert status == 200, said
    return said["status"], said["message"]


def fields_of(house: House, administrator: Auditor, kind: str) -> dict[str, Any]:
    address = f"{house.settings.airflow_url}/ui/connections/hook_meta"
    answer = urllib3.request("GET", address, headers=administrator.shown, retries=False)
    (found,) = [one for one in answer.json() if one["connection_type"] == kind]
    shown = found["standard_fields"]
    assert all(shown[name] is None or shown[name]["hidden"] for name in ("host", "port", "login", "password"))
    return dict(found["extra_fields"])


def test_both_types_are_offered_with_their_fields_alone(house: House, administrator: Auditor):
    source, center = (fields_of(house, administrator, kind) for kind in (SOURCE, CENTER))

    assert list(source) == ["institution", "department"]
    assert list(center) == ["institution"]
    assert source["institution"]["description"].startswith("Its id")


def test_the_button_goes_to_the_doors_of_the_institution(administrator: Auditor):
    well = "name, port, TLS, credential and clock are as they should be."

    assert pressed(administrator, SOURCE, institution="mercy-imaging") == (True, f"mercy-imaging, film-room: {well}")
    assert pressed(administrator, SOURCE, institution="lakeside-oncology", department="records-office")[0]
    assert pressed(administrator, CENTER, institution="summit-cancer-center") == (
        True,
        f"summit-cancer-center, receives: {well}",
    )


def test_the_button_says_what_is_wrong_there_and_what_to_do(house: House, administrator: Auditor):
    house.behave("archive", answer="error-503")
    try:
        is_well, said = pressed(administrator, SOURCE, institution="mercy-imaging")
    finally:
        house.behave("archive", answer="normal")

    assert not is_well
    assert said.startswith("mercy-imaging, film-room: it does not serve us now")
    assert "docs/operations.md#when-a-door-fails" in said


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        (SOURCE, {}, "No institution is named"),
        (SOURCE, {"institution": "elsewhere"}, "There is no institution of that name"),
        (SOURCE, {"institution": "../ready"}, "There is no institution of that name"),
        (SOURCE, {"institution": "mercy-imaging", "department": "nowhere"}, "no department of that name"),
        (SOURCE, {"institution": "prairie-pathology"}, "There is no door to try: it sends by itself"),
        (CENTER, {"institution": "mercy-imaging"}, "There is no door to try: it has no fhir_url"),
    ],
)
def test_the_button_says_why_nothing_was_tried(administrator: Auditor, kind: str, fields: dict[str, str], says: str):
    is_well, said = pressed(administrator, kind, **fields)

    assert not is_well
    assert says in said


def as_its_page_sends(kept: dict[str, Any]) -> dict[str, Any]:
    """What the button of a row sends in Airflow 3.3: nothing is an empty text, and no port is 0."""
    texts = {name: kept.get(name) or "" for name in ("description", "host", "login", "password", "schema")}
    named = {name: kept[name] for name in ("connection_id", "conn_type", "extra")}
    return {**named, **texts, "port": kept["port"] or 0}


def test_set_up_makes_one_for_each_door_and_each_can_be_tried_from_its_row(administrator: Auditor):
    kept = {one["connection_id"]: one for one in administrator.ask("GET", "/connections")[1]["connections"]}

    assert {name: (one["conn_type"], one["description"]) for name, one in kept.items()} == {
        "lakeside-oncology.records-office": (SOURCE, "Lakeside Oncology, Medical records office"),
        "mercy-imaging.film-room": (SOURCE, "Mercy Imaging, Film room"),
        "summit-cancer-center.receives": (CENTER, "Summit Cancer Center"),
    }
    for one in kept.values():
        assert (one["host"], one["login"], one["password"]) == (None, None, None)
        status, said = administrator.ask("POST", "/connections/test", as_its_page_sends(one))
        assert (status, said["status"]) == (200, True), said


@pytest.mark.parametrize("who", ["auditor", "dispatcher"])
def test_whoever_may_make_no_connection_may_try_none(house: House, who: str):
    other = Auditor(house, who)

    body = {"connection_id": "tried", "conn_type": SOURCE, "extra": '{"institution": "mercy-imaging"}'}
    assert other.ask("POST", "/connections/test", body)[0] == 403


_AWAY = """
import json, sys
from airflow.sdk import Connection
shown = Connection(conn_id="tried", conn_type="records_transfer_source", extra='{"institution": "mercy-imaging"}')
print(json.dumps(shown.get_hook().test_connection()))
"""


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1:9", "The gateway does not answer: `transfer status` says how it is"),
        ("", "TRANSFER_GATEWAY_HEALTH does not say where the gateway tells how it is: docs/operations.md#health"),
    ],
)
def test_the_button_says_so_where_the_gateway_is_away(house: House, address: str, says: str):
    from transfer.embedded.installation import Installation

    environment = Installation(house.var, {}).airflow.environment()
    environment.pop("TRANSFER_GATEWAY_HEALTH_PORT")
    shown = '{"conn_type": "records_transfer_source", "extra": {"institution": "mercy-imaging"}}'
    environment |= {"TRANSFER_GATEWAY_HEALTH": address, "AIRFLOW_CONN_TRIED": shown, "PATH": os.environ["PATH"]}

    done = subprocess.run([sys.executable, "-c", _AWAY], env=environment, capture_output=True, text=True, check=False)

    assert json.loads(done.stdout.splitlines()[-1]) == [False, says], done.stderr[-2000:]
