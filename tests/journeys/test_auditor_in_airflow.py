"""An auditor walks through Airflow in a browser: every page answers, and nothing on it is refused."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.auditor import Auditor, eventually
from tests.kit.house import House
from tests.kit.peers.browser import Window, a_window
from transfer.identifiers import CaseId

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def house(airflow_house: House) -> House:
    return airflow_house


@pytest.fixture(scope="module")
def case(house: House) -> CaseId:
    """A case whose first run is over, with its note."""
    chart = house.a_patient()
    house.release_form(chart)
    case = house.referral(chart)
    runs = Auditor(house)
    eventually("a run has its note", lambda: any(run["note"] for run in runs.runs(case)))
    return case


@pytest.fixture(scope="module")
def window(house: House) -> Iterator[Window]:
    """A browser in which the auditor has signed in at Airflow."""
    password = json.loads((house.var / "airflow" / "passwords.json").read_text())["auditor"]
    with a_window() as opened:
        opened.listen()
        opened.be_wide(1280)
        opened.type_address(f"{house.settings.airflow_url}/auth/login/")
        opened.until(lambda: opened.run("!!document.querySelector('#password')"), "the way in")
        for name, text in (("username", "auditor"), ("password", password)):
            opened.run(f"document.querySelector('#{name}').value = {json.dumps(text)}")
        opened.run("document.querySelector('#password').form.requestSubmit()")
        opened.until(lambda: "/auth/login" not in opened.url, "the way in")
        yield opened


def pages(case: CaseId) -> dict[str, tuple[str, str]]:
    """Page → its address, and what it says once it is there."""
    run = f"/dags/open_case/runs/{case}.1"
    return {
        "home": ("/", "Dags"),
        "dags": ("/dags", "open_case"),
        "dag": ("/dags/open_case", "open_case"),
        "runs of a dag": ("/dags/open_case/runs", case),
        "tasks of a dag": ("/dags/open_case/tasks", "request"),
        "audit log of a dag": ("/dags/open_case/events", "dispatcher"),
        "details of a dag": ("/dags/open_case/details", "open_case"),
        "run": (run, case),
        "note of a run": (f"{run}/details", case),
        "graph of a run": (f"{run}?view=graph", case),
        "code": (f"{run}/code", "Parsed at"),
        "audit log of a run": (f"{run}/events", "dispatcher"),
        "log of a task": (f"{run}/tasks/open_case", "open_case"),
        "what a task left": (f"{run}/tasks/open_case/xcom", "open_case"),
        "all runs": ("/dag_runs", case),
        "all tasks": ("/task_instances", "open_case"),
        "audit log": ("/events", "dispatcher"),
    }


def test_the_menu_leads_to_the_desk(house: House, case: CaseId, window: Window):
    window.type_address(f"{house.settings.airflow_url}/dags/open_case/runs/{case}.1")

    window.until_says("Audit at the desk")
    (plugin,) = [one for one in Auditor(house).ask("GET", "/plugins")[1]["plugins"] if one["name"] == "records_desk"]
    assert [one["href"] for one in plugin["external_views"]] == [f"{house.settings.desk_url}/audit/"]


def test_no_page_of_an_auditor_is_refused_anything(house: House, case: CaseId, window: Window):
    refused = {}
    for name, (path, says) in pages(case).items():
        window.answers.clear()
        window.type_address(house.settings.airflow_url + path)
        window.until_says(says)
        window.until_quiet()
        if folder := os.environ.get("PICTURES"):
            (Path(folder) / f"airflow-{name.replace(' ', '-')}.png").write_bytes(window.picture())
        assert window.answers, name
        refused[name] = [(status, url) for status, url in window.answers if status >= 400]

    wrong = [f"{name}: {status} {url}" for name, found in refused.items() for status, url in found]
    assert not wrong, "\n".join(wrong)
