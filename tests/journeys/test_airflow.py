"""What an auditor sees in Airflow, and what hands in Airflow cannot break."""

import subprocess
import time
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.kit.auditor import Auditor, eventually
from tests.kit.doors import config
from tests.kit.house import Chart, House
from transfer.case import Stage
from transfer.flow.assess import settle_needs
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import materials, rounds
from transfer.ledger.materials import Came, Label
from transfer.rounds import LEASE, Dag

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

Begun = tuple[Chart, CaseId]

#: what a hand in Airflow does to a run
HANDS = ("failed", "success", "deleted")
#: how often each thing happens to a case, whatever disturbs it
ONCE = {"packets": 1, "disclosures": 1, "open egress": 0, "submissions": 1}


@pytest.fixture(scope="module")
def house(airflow_house: House) -> House:
    return airflow_house


@pytest.fixture(scope="module")
def auditor(house: House) -> Auditor:
    return Auditor(house)


def referred(house: House, chart: Chart, *, form: bool = True) -> Begun:
    """A patient whose form, report and referral have come."""
    if form:
        house.release_form(chart)
        eventually("the form is sealed", lambda: not stored(house))
    house.pathology_report(chart)
    return chart, house.referral(chart)


def stored(house: House) -> int:
    with house.services.ledger.transaction() as tx:
        return int(tx.value("SELECT count(*) FROM arrivals WHERE state = 'stored' AND kind <> 'referral'"))


def slides_come(house: House, case: CaseId, chart: Chart, *, seconds: float = 90.0) -> None:
    """Glass, which holds no packet up, comes while the packet goes."""
    eventually("a packet goes", lambda: has_packet(house, case), seconds)
    pieces = len(chart["pathology"]["slides"])
    with house.services.ledger.transaction() as tx:
        patient = PatientId(tx.case(case).opened.patient)
        tx.lock_case(case)
        for kept in materials.of_case(tx, case, patient):
            label = Label(accession=chart["pathology"]["accession"]["value"])
            materials.receive(tx, case, patient, kept, Came(pieces=pieces, announced=pieces, label=label))
        settle_needs(tx, house.services, case)


def has_packet(house: House, case: CaseId) -> bool:
    with house.services.ledger.transaction() as tx:
        return bool(tx.case(case).packets)


def is_delivered(house: House, case: CaseId) -> bool:
    with house.services.ledger.transaction() as tx:
        owed = tx.value("SELECT count(*) FROM due_runs WHERE subject LIKE %s AND state <> 'done'", f"{case}%")
        return tx.case(case).stage is Stage.DELIVERED and not owed


def how_often(house: House, case: CaseId) -> dict[str, int]:
    """How often what happens to a case happened."""
    with house.services.ledger.transaction() as tx:
        folded = tx.case(case)
        disclosures = tx.value("SELECT count(*) FROM disclosures WHERE packet LIKE %s", f"{case}%")
        of_it = "egress JOIN disclosures USING (disclosure) WHERE packet LIKE %s"
        open_egress = tx.value(f"SELECT count(*) FROM {of_it} AND closed_at IS NULL", f"{case}%")
    (center,) = [one for one in house.order("center", "packets", method="GET") if one["packet"].startswith(case)]
    return {
        "packets": len(folded.packets),
        "disclosures": disclosures,
        "open egress": open_egress,
        "submissions": center["submissions"],
    }


@pytest.fixture(scope="module")
def cases(house: House, auditor: Auditor) -> dict[str, CaseId]:
    """The cases that are disturbed, begun one after another. They go on side by side: Airflow, which costs as much
    while it waits, then waits for all of them at once.
    """
    begun = {
        "late form": referred_without_form(house),
        "failed while it fetches": failed_while_it_fetches(house, auditor),
        **spoilt_while_queued(house, auditor),
    }
    chart, _ = begun["late form"]
    house.release_form(chart)
    for chart, case in begun.values():
        slides_come(house, case, chart, seconds=180)
    return {name: case for name, (_, case) in begun.items()}


def referred_without_form(house: House) -> Begun:
    """It waits for its form, and then an hour passes. Nothing else is under way, whose lease that would end."""
    chart, case = referred(house, house.a_patient(), form=False)
    eventually("it waits for the form", lambda: house.request_states(case).get("records-office") == "not-permitted")
    time_passes(house, timedelta(hours=1))
    return chart, case


def time_passes(house: House, by: timedelta) -> None:
    with psycopg.connect(house.settings.owner_database_url, autocommit=True) as owner:
        owner.execute("UPDATE transfer.clock SET ahead = ahead + %s", [by])


def failed_while_it_fetches(house: House, auditor: Auditor) -> Begun:
    """Once Airflow has ended its task, the half minute of its leases passes: nothing else is under way."""
    house.behave("archive", delay_seconds=8)
    chart, case = referred(house, house.a_patient())
    eventually("it fetches", lambda: house.request_states(case).get("film-room") == "asking")
    run = f"/dags/open_case/dagRuns/{case}.1?update_mask=state"
    assert auditor.ask("PATCH", run, {"state": "failed"})[0] == 200
    eventually("its task is ended", lambda: not asks_archive(house))
    house.behave("archive", delay_seconds=0)
    time_passes(house, LEASE)
    return chart, case


def asks_archive(house: House) -> bool:
    """Somebody is connected to the archive."""
    to_it = f"dport = :{config(house, 'archive')['port']}"
    said = subprocess.run(["ss", "-Htn", "state", "established", to_it], capture_output=True, check=True)
    return bool(said.stdout)


def spoilt_while_queued(house: House, auditor: Auditor) -> dict[str, Begun]:
    """By hand → the case whose run that hand spoilt."""
    auditor.pause("open_case")
    begun = {hand: referred(house, house.a_patient()) for hand in HANDS}
    for hand, (_, case) in begun.items():
        run = f"/dags/open_case/dagRuns/{case}.1"
        eventually("posted", lambda run=run: auditor.ask("GET", run)[0] == 200)
        if hand == "deleted":
            assert auditor.ask("DELETE", run)[0] == 204
        else:
            assert auditor.ask("PATCH", f"{run}?update_mask=state", {"state": hand})[0] == 200
    auditor.pause("open_case", is_paused=False)
    return begun


def all_noted(auditor: Auditor, case: CaseId) -> list[Any]:
    """The runs of a case, once they are over and their notes stand."""
    eventually("at rest", lambda: all(run["state"] in ("success", "failed") for run in auditor.runs(case)))
    return eventually("noted", lambda: all(run["note"] for run in auditor.runs(case)) and auditor.runs(case))


def written_down(auditor: Auditor, runs: list[Any]) -> dict[str, set[str]]:
    """Task → what Airflow wrote down of its arguments, by their names."""
    found: dict[str, set[str]] = {}
    for run in runs:
        path = f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances"
        for one in auditor.ask("GET", path)[1]["task_instances"]:
            found.setdefault(one["task_id"], set()).update(one["rendered_fields"])
    return found


def test_an_auditor_finds_all_runs_by_the_case_id_each_with_its_note(house: House, auditor: Auditor):
    chart, case = referred(house, house.a_patient())
    eventually("delivered", lambda: is_delivered(house, case))
    runs = all_noted(auditor, case)

    assert {run["state"] for run in runs} == {"success"}
    assert {run["dag_id"] for run in runs} == {"open_case", "release_packet", "settle_delivery"}
    assert auditor.task_count(runs) <= 7
    assert {task for task, arguments in written_down(auditor, runs).items() if arguments} == {"request", "deliver"}

    slides_come(house, case, chart)  # the center is told of them, by one task
    eventually("told", lambda: len(auditor.runs(case)) > len(runs))
    later = all_noted(auditor, case)
    assert {run["state"] for run in later} == {"success"}
    assert auditor.task_count(later) <= 8
    assert how_often(house, case) == ONCE


def test_a_form_an_hour_after_the_referral_goes_on_in_the_second_round(
    house: House, auditor: Auditor, cases: dict[str, CaseId]
):
    case = cases["late form"]
    eventually("delivered", lambda: is_delivered(house, case), 180)

    opened = [run["dag_run_id"] for run in auditor.runs(case) if run["dag_id"] == "open_case"]
    # a third where the archive was just asked for others: then its turn comes in a round of its own
    assert opened[:2] == [f"{case}.1", f"{case}.2"]
    assert how_often(house, case) == ONCE


@pytest.mark.parametrize("hand", HANDS)
def test_a_run_spoilt_by_hand_while_queued_is_followed_by_another(house: House, cases: dict[str, CaseId], hand: str):
    case = cases[hand]
    eventually("delivered", lambda: is_delivered(house, case), 180)

    assert how_often(house, case) == ONCE


def test_a_run_failed_by_hand_while_it_fetches_is_taken_up_again(house: House, cases: dict[str, CaseId]):
    case = cases["failed while it fetches"]
    eventually("delivered", lambda: is_delivered(house, case), 180)

    assert how_often(house, case) == ONCE


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_and_a_half_gigabytes_while_the_case_is_rung_ten_times(house: House, auditor: Auditor):
    """One request a series by the archive's own log, no red run, nothing lost. Needs 4 GB of disk."""
    house.behave("archive", slices=2900, rows=512, bytes_per_second=100_000_000)
    chart = house.a_patient(slices=2900)
    before = len(house.access_log("archive"))
    _, case = referred(house, chart)
    eventually("it fetches", lambda: house.request_states(case).get("film-room") == "asking")
    for _ in range(10):
        with house.services.ledger.transaction() as tx:
            rounds.owe(tx, Dag.OPEN_CASE, case)
        time.sleep(1)
    slides_come(house, case, chart, seconds=240)
    eventually("delivered", lambda: is_delivered(house, case), 600)
    house.behave("archive", slices=None, rows=128, bytes_per_second=None)
    eventually("at rest", lambda: not {run["state"] for run in auditor.runs(case)} & {"queued", "running"})

    runs = auditor.runs(case)
    asked = [line["path"].removeprefix("/dicom-web/").split("/") for line in house.access_log("archive")[before:]]
    fetched = [path[3] for path in asked if len(path) == 4 and path[2] == "series"]
    with house.services.ledger.transaction() as tx:
        images = [one for one in tx.case(case).records.values() if one.document == "images"]
    assert {run["state"] for run in runs} == {"success"}
    assert len(fetched) == len(set(fetched)) == 2
    assert len(images) == 1
    assert images[0].record in the_whole_ones(house, case)
    assert how_often(house, case) == ONCE


def the_whole_ones(house: House, case: CaseId) -> frozenset[str]:
    with house.services.ledger.transaction() as tx:
        return tx.case(case).whole


def test_a_conf_with_a_key_too_many_is_refused_before_anything_is_read(house: House, auditor: Auditor):
    body = {"dag_run_id": "by-hand", "logical_date": None, "conf": {"subject": "inbox", "round": 1, "name": "x"}}
    assert auditor.ask("POST", "/dags/receive_arrivals/dagRuns", body)[0] == 200

    run = "/dags/receive_arrivals/dagRuns/by-hand"
    eventually(
        "it failed", lambda: auditor.ask("GET", run)[1]["state"] in ("failed", "running") and _tried(auditor, run)
    )
    auditor.ask("DELETE", run)


def _tried(auditor: Auditor, run: str) -> bool:
    tasks = auditor.ask("GET", f"{run}/taskInstances")[1]["task_instances"]
    return any(task["state"] in ("up_for_retry", "failed") for task in tasks)
