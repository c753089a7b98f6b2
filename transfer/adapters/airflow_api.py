"""Airflow's REST API v2, as far as the dispatcher needs it: post a run, look at it, put a note on it."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from transfer.adapters.http import HttpClient, HttpLimits, bearer
from transfer.errors import TooLarge, TurnedAway, Unavailable, Unexpected, Unreachable
from transfer.operation import DagStanding
from transfer.rounds import Dag, RunState
from transfer.sources import go_on

_LIMITS: Final = HttpLimits(connect_seconds=5, silence_seconds=30, page_seconds=60, page_bytes=4 << 20)
#: who asks whether it is there wants to know within seconds
_HEALTH_LIMITS: Final = HttpLimits(connect_seconds=2, silence_seconds=2, page_seconds=3, page_bytes=64 << 10)
#: runs in one answer, and at the most looked at in one sweep
_PAGE: Final = 100
_RUNS: Final = 2000
#: characters Airflow keeps of a note
_NOTE: Final = 1000


class Posted(StrEnum):
    """What Airflow made of a post."""

    #: 200, or 409 because it has a run of that id: it is there
    THERE = "there"
    #: 404: the DAG is not parsed yet, or its file is gone
    NO_DAG = "no-dag"
    #: 400: also what it answers while a DAG has import errors
    REFUSED = "refused"


class Noted(StrEnum):
    """What Airflow made of a note."""

    THERE = "there"
    #: 404: there is no such run (any more)
    NO_RUN = "no-run"
    #: 409: somebody else put the first note on this run at the same moment
    NOT_NOW = "not-now"


class AirflowApi:
    """One user's way to one Airflow. The token is fetched when needed and anew when it is no longer taken."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._login = {"username": user, "password": password}
        self._token: str | None = None
        self._client = HttpClient(url, None, _LIMITS)
        self._health = HttpClient(url, None, _HEALTH_LIMITS)

    def post_run(self, dag: Dag, run_id: str, conf: dict[str, object]) -> Posted:
        """Ask for a run of this id. Asking twice makes one.

        It says when it is posted, as the run's logical date: by that, after their priority, Airflow sorts the tasks
        that wait for a slot. Without it none is the oldest, and one may be passed over for as long as new ones come.

        Raises:
            Unreachable: no answer; it may have been taken, and asking again is safe.
            TurnedAway: the user may not do this.
            Unexpected: any other answer.
        """
        body = {"dag_run_id": run_id, "logical_date": datetime.now(UTC).isoformat(), "conf": conf}
        status, _ = self._ask("POST", f"/dags/{dag}/dagRuns", body)
        match status:
            case 200 | 409:
                return Posted.THERE
            case 404:
                return Posted.NO_DAG
            case 400 | 422:
                return Posted.REFUSED
        raise Unexpected(f"Airflow answered {status} to a post")

    def run_state(self, dag: Dag, run_id: str) -> RunState:
        """How a run stands; `ABSENT` where there is none of that id. Raises `Unexpected` for any other answer."""
        status, run = self._ask("GET", f"/dags/{dag}/dagRuns/{quote(run_id, safe='')}")
        if status == 404:
            return RunState.ABSENT
        if status != 200:
            raise Unexpected(f"Airflow answered {status} to a look")
        state = run.get("state")
        return RunState(state) if state in set(RunState) else RunState.RUNNING

    def live_runs(self, dag: Dag) -> dict[str, RunState]:
        """The runs of a DAG that are queued or running, by id: one look instead of one for each.

        Raises:
            Unexpected: no list of runs.
        """
        found: dict[str, RunState] = {}
        while True:
            path = f"/dags/{dag}/dagRuns?state=queued&state=running&order_by=id&limit={_PAGE}&offset={len(found)}"
            status, page = self._ask("GET", path)
            if status != 200 or not isinstance(page.get("dag_runs"), list):
                raise Unexpected(f"Airflow answered {status} to a look at {dag}")
            runs = page["dag_runs"]
            found |= {run["dag_run_id"]: RunState(run["state"]) for run in runs}
            if len(runs) < _PAGE or len(found) >= _RUNS:
                return found

    def note(self, dag: Dag, run_id: str, note: str) -> Noted:
        """Put a note on a run. Doing so twice changes nothing.

        Raises:
            Unreachable, TurnedAway, Unexpected: as `post_run`.
        """
        path = f"/dags/{dag}/dagRuns/{quote(run_id, safe='')}?update_mask=note"
        status, _ = self._ask("PATCH", path, {"note": note[:_NOTE]})
        match status:
            case 200:
                return Noted.THERE
            case 404:
                return Noted.NO_RUN
            case 409:
                return Noted.NOT_NOW
        raise Unexpected(f"Airflow answered {status} to a note")

    def answers(self) -> bool:
        """Whether Airflow takes requests and reaches its database. It needs no login, and is told within seconds."""
        try:
            status, said = self._send("GET", "/api/v2/monitor/health", None, None, by=self._health)
        except Unreachable:
            return False
        database = said.get("metadatabase")
        return status == 200 and isinstance(database, dict) and database.get("status") == "healthy"

    def version(self) -> str:
        """Of Airflow, as its API server says. Raises as `post_run`."""
        status, said = self._ask("GET", "/version")
        if status != 200:
            raise Unexpected(f"Airflow answered {status} to a question of its version")
        return str(said.get("version", ""))[:40]

    def components(self) -> dict[str, datetime | None]:
        """The components that work, each with its last heartbeat, and with None those that do not.

        Raises:
            Unreachable: its API server does not answer.
        """
        status, said = self._send("GET", "/api/v2/monitor/health", None, None, by=self._health)
        if status != 200:
            raise Unreachable(f"Airflow answered {status} to a question of health")
        found: dict[str, datetime | None] = {}
        for name in ("scheduler", "dag_processor", "triggerer"):
            told = said.get(name)
            if isinstance(told, dict):
                beat = _time(told.get(f"latest_{name}_heartbeat"))
                found[name] = beat if told.get("status") == "healthy" else None
        return found

    def dags(self) -> list[DagStanding]:
        """How each of our DAGs stands there. Raises as `post_run`."""
        status, page = self._ask("GET", f"/dags?limit={_PAGE}&exclude_stale=false")
        if status != 200 or not isinstance(page.get("dags"), list):
            raise Unexpected(f"Airflow answered {status} to a look at its DAGs")
        there = {str(one.get("dag_id")): one for one in page["dags"] if isinstance(one, dict)}
        return [_standing(str(name), there.get(name)) for name in Dag]

    def cut(self) -> None:
        """End what other threads are asking: it is then not answered."""
        self._client.cut()

    def _ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        for _ in range(2):
            status, answer = self._send(method, f"/api/v2{path}", body, self._bearer())
            if status != 401:
                break
            self._token = None
        if status in (401, 403):
            raise TurnedAway(f"Airflow answered {status}: the dispatcher's user lacks a right")
        if status >= 500:
            raise Unreachable(f"Airflow answered {status}")
        return status, answer

    def _bearer(self) -> str:
        if self._token is None:
            status, answer = self._send("POST", "/auth/token", self._login, None)
            if status in (401, 403):
                raise TurnedAway("Airflow does not accept the dispatcher's password")
            if status not in (200, 201) or not isinstance(answer.get("access_token"), str):
                raise Unreachable(f"Airflow answered {status} to a login")
            self._token = answer["access_token"]
        return self._token

    def _send(
        self, method: str, path: str, body: object, token: str | None, *, by: HttpClient | None = None
    ) -> tuple[int, dict[str, Any]]:
        client = by or self._client
        headers = {"Content-Type": "application/json"}
        if shown := bearer(token):
            headers["Authorization"] = shown
        data = None if body is None else json.dumps(body).encode()
        url, accept = client.base + path, "application/json"
        try:
            reply = client.ask(method, url, accept=accept, keep_going=go_on, headers=headers, body=data, statuses=None)
        except (Unavailable, TooLarge, Unexpected) as error:
            raise Unreachable(f"Airflow did not answer ({type(error).__name__})") from None
        try:
            answer = json.loads(reply.body) if reply.body else {}
        except ValueError:
            answer = {}
        return reply.status, answer if isinstance(answer, dict) else {}


def _time(said: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(said)).astimezone(UTC)
    except ValueError:
        return None


def _standing(name: str, said: dict[str, Any] | None) -> DagStanding:
    """A DAG whose file is gone is stale, and nothing of it runs; so is one that cannot be imported."""
    if said is None:
        return DagStanding(name=name, is_known=False)
    is_broken = said.get("has_import_errors") is True
    return DagStanding(
        name=name,
        is_known=is_broken or said.get("is_stale") is not True,
        is_paused=said.get("is_paused") is True,
        has_import_errors=is_broken,
    )
