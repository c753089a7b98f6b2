"""Airflow's test buttons in the production shape: its API server reaches no institution, and has the gateway try."""

import json
from typing import Any

from tests.campaigns.compose.stack import Stack

#: in the API server's container: sign in, and test each connection of ours as Airflow's page does
_PRESS = """
import json, sys, urllib3
url, body = "http://127.0.0.1:8080", {"username": "admin", "password": sys.stdin.read()}
token = urllib3.request("POST", f"{url}/auth/token", json=body).json()["access_token"]
shown = {"Authorization": f"Bearer {token}"}
found = urllib3.request("GET", f"{url}/api/v2/connections", headers=shown).json()["connections"]
told = {}
for one in found:
    body = {name: one[name] for name in ("connection_id", "conn_type", "extra", "port")}
    answer = urllib3.request("POST", f"{url}/api/v2/connections/test", json=body, headers=shown)
    told[one["connection_id"]] = answer.json()
print(json.dumps(told))
"""


def check(stack: Stack) -> None:
    """Set-up made a connection for each door of the stand-ins, and each says that all is well there.

    Raises:
        AssertionError: one is missing, or says something else.
    """
    passwords = json.loads((stack.tree / "deploy" / "secrets" / "airflow_passwords.json").read_text())
    said = stack.inside("airflow-api-server", "python", "-c", _PRESS, said=passwords["admin"].encode())
    told: dict[str, Any] = json.loads(said)
    assert told.keys() == {
        "lakeside-oncology.records-office",
        "mercy-imaging.film-room",
        "summit-cancer-center.receives",
    }, told
    assert all(one.get("status") is True for one in told.values()), told
