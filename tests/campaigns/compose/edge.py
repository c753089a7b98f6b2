"""What is seen of the edge: three names by TLS, and nothing of what is meant for inside."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.campaigns.compose.engine import run
from tests.campaigns.compose.stack import ROOT, Stack

_AUTHORITY = "/data/caddy/pki/authorities/local/root.crt"
_DOORS, _DESK, _PAGES = "doors.localhost", "desk.localhost", "airflow.localhost"


def outside(stack: Stack, host: str, path: str, authority: Path, port: int = 443) -> dict[str, Any]:
    """Ask as somebody does who reaches nothing but what is published."""
    found: dict[str, Any] = json.loads(_said(stack, "https", host, path, str(authority), str(port)))
    return found


def acknowledges(stack: Stack, authority: Path, port: int) -> bool:
    """Whether an MLLP door answers a message by TLS; what it answers does not matter here."""
    return b"MSA|" in _said(stack, "mllp", str(port), str(authority))


def answers_plainly(stack: Stack, port: int) -> bool:
    """Whether a door gives anything of its own to whoever speaks no TLS."""
    said = _said(stack, "plain", str(port))
    return b"HTTP/1.1 200" in said or b"MSA|" in said


def _said(stack: Stack, *words: str) -> bytes:
    command = ["nsenter", f"--target={stack.engine.init}", "--net", "--", sys.executable]
    command += ["-m", "tests.campaigns.compose.outsider", *words]
    return run(command, {**stack.engine.environment(), "PYTHONPATH": str(ROOT)}, timeout=60).stdout


def check(stack: Stack) -> None:
    """The doors, the desk and Airflow's pages answer TLS under their names; cookies are secure; the inside is hidden.

    Raises:
        AssertionError: the edge gives something else.
        EngineFailed: it does not answer, or shows another certificate.
    """
    authority = stack.engine.folder / "authority.pem"
    authority.write_bytes(stack.inside("edge", "cat", _AUTHORITY))
    for host in (_DOORS, _DESK, _PAGES):
        seen = outside(stack, host, "/", authority)
        assert seen["tls"] in ("TLSv1.2", "TLSv1.3"), seen
        assert seen["headers"]["strict-transport-security"] == ["max-age=31536000"], seen
    for host in (_DOORS, _DESK):
        for path in ("/live", "/ready", "/health"):
            assert outside(stack, host, path, authority)["status"] == 404, path
    assert outside(stack, _DESK, "/desk/signed-out", authority)["status"] == 200
    assert outside(stack, _DOORS, "/fhir/Task", authority)["status"] in (401, 404, 405)
    assert outside(stack, _PAGES, "/execution/health", authority)["status"] == 404
    assert outside(stack, _PAGES, "/api/v2/monitor/health", authority)["status"] == 200
    shown = outside(stack, _PAGES, "/auth/login/", authority)
    cookies = shown["headers"]["set-cookie"]
    assert cookies and all("; secure" in one.lower() for one in cookies), cookies
