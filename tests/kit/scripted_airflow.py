"""Airflow's API on a loopback socket, which answers as a test tells it to."""

import json
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from transfer.rounds import Dag


class ScriptedAirflow(ThreadingHTTPServer):
    """Runs as Airflow keeps them: by id, once. `refuse` are statuses given to posts of a subject, `refuse_notes` those
    given to the next notes.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), AirflowHandler)
        self.runs: dict[tuple[str, str], dict[str, Any]] = {}
        self.refuse: dict[str, int] = {}
        self.refuse_notes: list[int] = []
        self.is_healthy = True
        self.dags = {
            name: {"dag_id": name, "is_paused": False, "has_import_errors": False, "is_stale": False} for name in Dag
        }
        #: how often each run was asked for
        self.posts: Counter[str] = Counter()
        self.logins = 0
        self.tokens: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def states(self) -> dict[str, str]:
        return {run: kept["state"] for (_, run), kept in self.runs.items()}


class AirflowHandler(BaseHTTPRequestHandler):
    server: ScriptedAirflow

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/auth/token":
            self.server.logins += 1
            token = f"t{self.server.logins}"
            self.server.tokens = {token}
            return self._answer(201, {"access_token": token})
        if not self._is_known():
            return self._answer(401, {})
        if status := self.server.refuse.get(body["conf"]["subject"]):
            return self._answer(status, {"detail": "no"})
        self.server.posts[body["dag_run_id"]] += 1
        key = (self.path.split("/")[4], body["dag_run_id"])
        if key in self.server.runs:
            return self._answer(409, {})
        kept = {name: body[name] for name in ("dag_run_id", "conf", "logical_date")}
        self.server.runs[key] = {**kept, "state": "queued", "note": None}
        return self._answer(200, self.server.runs[key])

    def do_GET(self) -> None:
        if self.path == "/api/v2/monitor/health":
            status = "healthy" if self.server.is_healthy else "unhealthy"
            beat = {"status": status, "latest_scheduler_heartbeat": datetime.now(UTC).isoformat()}
            return self._answer(200, {"metadatabase": {"status": status}, "scheduler": beat})
        if not self._is_known():
            return self._answer(401, {})
        parts = urlsplit(self.path).path.split("/")
        if parts[3] == "version":
            return self._answer(200, {"version": "3.3.2"})
        if parts[3:] == ["dags"]:
            return self._answer(200, {"dags": list(self.server.dags.values())})
        if len(parts) == 6:
            live = [
                r for (dag, _), r in self.server.runs.items() if dag == parts[4] and r["state"] in ("queued", "running")
            ]
            return self._answer(200, {"dag_runs": live})
        found = self.server.runs.get((parts[4], parts[6]))
        return self._answer(200 if found else 404, found or {})

    def do_PATCH(self) -> None:
        parts = urlsplit(self.path).path.split("/")
        found = self.server.runs.get((parts[4], parts[6]))
        if self.server.refuse_notes:
            self._body()
            return self._answer(self.server.refuse_notes.pop(0), {"detail": "Unique constraint violation"})
        if found:
            found["note"] = self._body()["note"]
        return self._answer(200 if found else 404, found or {})

    def _is_known(self) -> bool:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") in self.server.tokens

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
