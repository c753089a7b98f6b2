"""An auditor at Airflow: its own API, and patience for what it does in its own time."""

import json
import time
from collections.abc import Callable
from typing import Any

import urllib3

from tests.kit.house import House
from transfer.identifiers import CaseId


class Auditor:
    """Airflow's own API, as its administrator uses it; or another of its users."""

    def __init__(self, house: House, user: str = "admin") -> None:
        self._house = house
        self._base = house.settings.airflow_url
        self._http = urllib3.PoolManager(retries=False, timeout=60)
        passwords = json.loads((house.var / "airflow" / "passwords.json").read_text())
        token = self._send("POST", "/auth/token", {"username": user, "password": passwords[user]}, {})[1]
        #: the header by which it is known
        self.shown = {"Authorization": f"Bearer {token['access_token']}"}

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        return self._send(method, f"/api/v2{path}", body, self.shown)

    def runs(self, case: CaseId) -> list[dict[str, Any]]:
        found = self.ask("GET", f"/dags/~/dagRuns?run_id_pattern={case}%25&limit=100&order_by=run_after")[1]
        return [run for run in found["dag_runs"] if run["dag_run_id"].startswith(case)]

    def task_count(self, runs: list[dict[str, Any]]) -> int:
        paths = [f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances" for run in runs]
        return sum(self.ask("GET", path)[1]["total_entries"] for path in paths)

    def pause(self, dag: str, *, is_paused: bool = True) -> None:
        assert self.ask("PATCH", f"/dags/{dag}?update_mask=is_paused", {"is_paused": is_paused})[0] == 200

    def _send(self, method: str, path: str, body: object, headers: dict[str, str]) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers}
        answer = self._http.request(method, self._base + path, body=data, headers=headers)
        return answer.status, json.loads(answer.data) if answer.data else None


def eventually(what: str, holds: Callable[[], Any], seconds: float = 90.0) -> Any:
    """Wait until it holds; what it then is."""
    until = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < until, what
        time.sleep(0.2)
    return found
