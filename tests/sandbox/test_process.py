"""Starting and stopping an institution."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from transfer.sandbox.charts import draw_chart

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("name", ["oncology", "pathology", "archive", "center"])
def test_an_institution_starts_serves_its_controls_and_ends_cleanly(start: Any, name: str) -> None:
    institution = start(name, cold=True)

    assert institution.control("patients", draw_chart())["charts"] >= 1
    assert institution.control("access-log") == []
    assert institution.stop() == 0


def test_controls_want_their_token_and_name_what_they_do_not_know(start: Any) -> None:
    institution = start("oncology")
    url = f"{institution.url}/_sandbox/behaviour"

    assert institution.pool.request("GET", url).status == 401
    assert institution.ask("/_sandbox/behaviour").status == 401
    control = {"Authorization": "Bearer control-token"}
    wrong = institution.pool.request("POST", url, body=json.dumps({"anwser": "empty"}), headers=control)
    assert (wrong.status, "anwser" in wrong.json()["error"]) == (400, True)
    unknown = f"{institution.url}/_sandbox/send-referral"
    assert institution.pool.request("POST", unknown, body='{"chart": "nobody"}', headers=control).status == 404


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"host": "::"}, b"loopback"), ({"host": "192.0.2.1"}, b"loopback"), ({"unknown": 1}, b"unknown")],
)
def test_an_institution_refuses_to_listen_for_others_or_to_guess(
    tmp_path: Path, change: dict[str, Any], reason: bytes
) -> None:
    config = {"port": 1, "folder": str(tmp_path), "control_token": "c", "accepts_token": "a", "gateway_url": "http://g"}
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**config, "gateway_token": "t", **change}))

    ended = subprocess.run(
        [sys.executable, "-m", "transfer.sandbox", "center", "--config", str(path)], capture_output=True, timeout=20
    )

    assert ended.returncode == 2
    assert reason in ended.stderr
    assert b"Traceback" not in ended.stderr
