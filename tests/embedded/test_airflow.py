"""Airflow as we run it: who may do what, what tasks see, what others see of it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import urllib3

from transfer.adapters.airflow_api import AirflowApi, Noted, Posted
from transfer.embedded.airflow import COMPONENTS
from transfer.embedded.process import Handle
from transfer.settings import Settings, is_open_to_others

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def tokens(whole_system):
    """Bearer tokens; asking for them is rate-limited, so once for all."""
    passwords = json.loads((whole_system.var / "airflow" / "passwords.json").read_text())
    url = Settings.load({}, whole_system.var).airflow_url
    found = {}
    for user, password in passwords.items():
        answer = urllib3.request("POST", f"{url}/auth/token", json={"username": user, "password": password})
        assert answer.status == 201
        found[user] = answer.json()["access_token"]
    return found


@pytest.fixture
def api(whole_system, tokens):
    url = Settings.load({}, whole_system.var).airflow_url

    def call(method, path, user, body=None):
        headers = {"Authorization": f"Bearer {tokens[user]}"} if user else {}
        answer = urllib3.request(method, f"{url}{path}", headers=headers, json=body, retries=False, timeout=30)
        return answer.status, answer.json() if answer.data else None

    return call


def post_run(api, run, seconds=0, user="dispatcher"):
    body = {"dag_run_id": run, "logical_date": None, "conf": {"seconds": seconds}}
    return api("POST", "/api/v2/dags/probe/dagRuns", user, body)


def await_end(api, run, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = api("GET", f"/api/v2/dags/probe/dagRuns/{run}", "dispatcher")[1]["state"]
        if state in ("success", "failed"):
            return state
        time.sleep(0.2)
    return state


def new_run():
    return f"r-{uuid.uuid4().hex}"


def test_a_posted_run_ends_well_and_its_tasks_see_the_settings_but_not_the_owners(whole_system, api):
    run = new_run()

    assert post_run(api, run)[0] == 200
    assert post_run(api, run)[0] == 409
    assert await_end(api, run) == "success"
    _, entry = api("GET", f"/api/v2/dags/probe/dagRuns/{run}/taskInstances/look/xcomEntries/return_value", "admin")
    seen = entry["value"] if isinstance(entry["value"], dict) else json.loads(entry["value"])
    assert seen["var"] == str(whole_system.var)
    assert seen["bucket"] == "records"
    assert not seen["sees_owner"]
    # by these two a task is found and ended after its scheduler was killed
    assert seen["session"] == whole_system.pid("airflow-scheduler")
    assert seen["folder"].startswith(str(whole_system.var))


def test_no_airflow_process_is_given_the_owners_address(whole_system):
    owner = Settings.load({}, whole_system.var).owner_database_url.encode()
    for component in COMPONENTS:
        with open(f"/proc/{whole_system.pid(f'airflow-{component}')}/environ", "rb") as environment:  # noqa: PTH123
            held = environment.read()
        assert b"TRANSFER_OWNER" not in held
        assert owner not in held


def test_the_dispatcher_may_post_and_annotate_runs_and_delete_nothing(api):
    run = new_run()
    assert post_run(api, run)[0] == 200

    assert api("PATCH", f"/api/v2/dags/probe/dagRuns/{run}", "dispatcher", {"note": "asked 3"})[0] == 200
    assert api("DELETE", f"/api/v2/dags/probe/dagRuns/{run}", "dispatcher")[0] == 403
    assert api("DELETE", "/api/v2/dags/probe", "dispatcher")[0] == 403
    assert api("GET", "/api/v2/variables", "dispatcher")[0] == 403
    assert api("GET", "/api/v2/connections", "dispatcher")[0] == 403
    assert api("GET", f"/api/v2/dags/probe/dagRuns/{run}/taskInstances", "dispatcher")[0] == 403


def test_the_auditor_reads_runs_tasks_and_the_audit_log_and_changes_nothing(api):
    run = new_run()
    post_run(api, run)

    assert api("GET", "/api/v2/dags/probe/dagRuns", "auditor")[0] == 200
    assert api("GET", f"/api/v2/dags/probe/dagRuns/{run}/taskInstances", "auditor")[0] == 200
    assert api("GET", "/api/v2/eventLogs", "auditor")[0] == 200
    assert post_run(api, new_run(), user="auditor")[0] == 403
    assert api("PATCH", f"/api/v2/dags/probe/dagRuns/{run}", "auditor", {"note": "x"})[0] == 403
    assert api("GET", "/api/v2/variables", "auditor")[0] == 403


def test_no_dag_has_a_schedule_which_the_scheduler_would_not_look_for(api):
    dags = api("GET", "/api/v2/dags?limit=100", "auditor")[1]["dags"]

    assert {dag["timetable_summary"] for dag in dags} == {None}


#: every right of each role of ours; a new grant turns this red
RIGHTS = {
    "Dispatcher": {("can_read", "DAGs"), ("can_edit", "DAGs")}
    | {(action, "DAG Runs") for action in ("can_read", "can_create", "can_edit")},
    "Auditor": {
        (action, resource)
        for action in ("can_read", "menu_access")
        for resource in (
            *("DAGs", "DAG Runs", "Task Instances", "Audit Logs"),
            *("HITL Detail", "DAG Dependencies", "DAG Versions", "Plugins", "ImportError", "DAG Warnings"),
            *("Task Logs", "DAG Code", "XComs", "Assets", "Pools"),
        )
    },
    "Public": set(),
}


def in_airflows_database(whole_system, query):
    passwords = json.loads((whole_system.var / "postgres" / "passwords.json").read_text())
    sockets = (whole_system.var / "postgres" / "socket").read_text()
    with psycopg.connect(host=sockets, user="airflow", password=passwords["airflow"], dbname="airflow") as connection:
        return connection.execute(query).fetchall()


def test_each_role_of_airflow_has_exactly_these_rights(whole_system):
    held = {role: set() for role in RIGHTS}
    for role, action, resource in in_airflows_database(
        whole_system,
        """SELECT r.name, p.name, v.name FROM ab_permission_view_role AS x
           JOIN ab_role AS r ON r.id = x.role_id JOIN ab_permission_view AS pv ON pv.id = x.permission_view_id
           JOIN ab_permission AS p ON p.id = pv.permission_id JOIN ab_view_menu AS v ON v.id = pv.view_menu_id""",
    ):
        if role in held:
            held[role].add((action, resource))

    assert held == RIGHTS


def test_each_user_of_airflow_has_one_role_and_there_are_no_others(whole_system):
    roles = in_airflows_database(
        whole_system,
        """SELECT u.username, r.name FROM ab_user AS u LEFT JOIN ab_user_role AS x ON x.user_id = u.id
           LEFT JOIN ab_role AS r ON r.id = x.role_id ORDER BY 1""",
    )

    assert roles == [("admin", "Admin"), ("auditor", "Auditor"), ("dispatcher", "Dispatcher")]


def test_nothing_under_var_can_be_opened_by_others(whole_system):
    """But the maps of the store's rings, which hold no secret and lie in a folder that is shut.

    What a stand-in keeps in its own folder, below `sandbox`, is its own affair.
    """
    open_to_others = {
        str(path.relative_to(whole_system.var))
        for path in (whole_system.var, *whole_system.var.rglob("*"))
        if not path.is_symlink() and path.exists() and is_open_to_others(path.stat().st_mode)
        if not path.is_relative_to(whole_system.var / "sandbox") or len(path.relative_to(whole_system.var).parts) < 3
    }

    assert open_to_others <= {f"store/data/etc/{ring}.ring.gz" for ring in ("account", "container", "object")}


def test_nobody_comes_in_without_a_token(api):
    assert api("GET", "/api/v2/dags", None)[0] == 401


def test_everything_listens_on_loopback_only(whole_system):
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    ours = {
        line.split()[3]
        for line in listening.splitlines()
        for component in whole_system.status()
        if component.pid and session_holds(line, component.pid)
    }

    # four of the store, one of Airflow, three of the gateway, one of the dispatcher and of each stand-in
    assert len(ours) == 13
    assert all(address.startswith("127.0.0.1:") for address in ours)


def session_holds(line, leader):
    pids = [int(part.split(",")[0]) for part in line.split("pid=")[1:]]
    return any(os.getsid(pid) == leader for pid in pids)


def test_no_password_and_no_query_string_is_in_any_log(whole_system, api):
    api("GET", "/api/v2/dags?limit=7&tags=ZZMARKER", "dispatcher")
    secrets = [*json.loads((whole_system.var / "airflow" / "passwords.json").read_text()).values(), "ZZMARKER"]
    secrets += json.loads((whole_system.var / "postgres" / "passwords.json").read_text()).values()
    secrets += json.loads((whole_system.var / "airflow" / "keys.json").read_text()).values()

    logs = [*(whole_system.var / "log").glob("*.log")]

    assert {f"airflow-{one}.log" for one in COMPONENTS} <= {log.name for log in logs}
    for log in logs:
        text = log.read_text(errors="replace")
        assert not [s for s in secrets if s in text], log.name


def test_airflow_cannot_read_the_ledger(whole_system):
    passwords = json.loads((whole_system.var / "postgres" / "passwords.json").read_text())
    sockets = (whole_system.var / "postgres" / "socket").read_text()

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host=sockets, user="airflow", password=passwords["airflow"], dbname="transfer")


def test_two_dispatchers_that_post_and_note_one_run_at_once_make_one_run_and_meet_no_error(whole_system, api):
    url = Settings.load({}, whole_system.var).airflow_url
    password = json.loads((whole_system.var / "airflow" / "passwords.json").read_text())["dispatcher"]
    two = [AirflowApi(url, "dispatcher", password) for _ in range(2)]
    together = threading.Barrier(2)

    def both(do):
        def work(one):
            together.wait()
            return do(one)

        with ThreadPoolExecutor(2) as pool:
            return set(pool.map(work, two))

    for number in range(6):
        run = new_run()
        assert both(lambda one, run=run: one.post_run("probe", run, {"seconds": 0})) == {Posted.THERE}
        assert both(lambda one, run=run, said=f"asked {number}": one.note("probe", run, said)) <= {
            Noted.THERE,
            Noted.NOT_NOW,
        }
        assert two[0].note("probe", run, "asked") is Noted.THERE
        assert api("GET", f"/api/v2/dags/probe/dagRuns/{run}", "dispatcher")[1]["note"] == "asked"


def test_runs_that_are_too_old_are_pruned_with_their_tasks_and_no_others(whole_system, api):
    held = Path(f"/proc/{whole_system.pid('airflow-scheduler')}/environ").read_text()
    environment = dict(entry.split("=", 1) for entry in held.split("\0") if "=" in entry)
    url = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    old, young = new_run(), new_run()
    for run in (old, young):
        post_run(api, run)
        assert await_end(api, run) == "success"
    with psycopg.connect(url) as database:
        for table in (b"dag_run", b"task_instance"):
            statement = b"UPDATE " + table + b" SET start_date = now() - interval '401 days' WHERE run_id = %s"
            assert database.execute(statement, [old]).rowcount > 0

    pruned = [sys.executable, "-m", "transfer.embedded.airflow_prune"]
    ended = subprocess.run(pruned, env=environment, cwd=whole_system.var, check=False, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert api("GET", f"/api/v2/dags/probe/dagRuns/{old}", "dispatcher")[0] == 404
    assert api("GET", f"/api/v2/dags/probe/dagRuns/{young}", "dispatcher")[0] == 200
    with psycopg.connect(url) as database:
        left = database.execute("SELECT run_id FROM task_instance WHERE run_id = ANY(%s)", [[old, young]]).fetchall()
    assert {run for (run,) in left} == {young}


def test_a_scheduler_killed_with_a_task_running_comes_back_and_the_run_ends_well(whole_system, api, eventually):
    run = new_run()
    post_run(api, run, seconds=3)
    before = whole_system.pid("airflow-scheduler")
    path = f"/api/v2/dags/probe/dagRuns/{run}/taskInstances"
    eventually(lambda: "running" in [t["state"] for t in api("GET", path, "admin")[1]["task_instances"]], 30)

    os.kill(before, signal.SIGKILL)

    eventually(lambda: is_up_again(whole_system, "airflow-scheduler", before), 60)
    assert not live_in_session(before)
    assert await_end(api, run) == "success"


def test_what_was_killed_is_called_up_only_once_its_successor_beats(whole_system, eventually):
    before, killed_at = whole_system.pid("airflow-triggerer"), datetime.now(UTC)

    os.kill(before, signal.SIGKILL)

    eventually(lambda: is_up_again(whole_system, "airflow-triggerer", before), 60)
    url = Settings.load({}, whole_system.var).airflow_url
    said = urllib3.request("GET", f"{url}/api/v2/monitor/health").json()["triggerer"]
    assert datetime.fromisoformat(said["latest_triggerer_heartbeat"]) > killed_at


def is_up_again(system, name, before):
    return any(c.name == name and c.state == "up" and c.pid != before for c in system.status())


def live_in_session(leader):
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if Handle.of(pid) and in_session(pid, leader)]


def in_session(pid, leader):
    try:
        return os.getsid(pid) == leader
    except ProcessLookupError:
        return False
