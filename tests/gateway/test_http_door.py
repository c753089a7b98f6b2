"""What the FHIR door answers before anything is stored."""

import asyncio
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.requests import Request

from transfer.errors import OutOfOrder
from transfer.gateway import fhir_door
from transfer.gateway.callers import Callers
from transfer.gateway.http import JWKS, application
from transfer.institutions import Institution, Institutions


def a_post(body_after: float) -> Request:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(body_after)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    headers = [(b"authorization", b"Bearer of-a"), (b"content-type", b"application/fhir+json")]
    return Request({"type": "http", "method": "POST", "path": "/fhir", "headers": headers}, receive)


def test_a_message_that_comes_too_slowly_may_be_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """408: senders take 403 for final."""
    token = {"sha256": hashlib.sha256(b"of-a").hexdigest(), "scopes": ["records"]}
    alder = Institution.model_validate(
        {"id": "alder", "name": "Alder", "time_zone": "UTC", "grants": ["records"], "http_door": {"tokens": [token]}}
    )
    monkeypatch.setattr(fhir_door, "BODY_SECONDS", 0.02)
    institutions = Institutions([alder])
    services = SimpleNamespace(institutions=institutions)
    door = fhir_door.FhirDoor(cast(Any, services), cast(Any, None), Callers(institutions), tmp_path)

    answer = asyncio.run(door.post(a_post(5.0)))

    assert answer.status_code == 408
    assert json.loads(bytes(answer.body))["issue"][0]["code"] == "timeout"


def asked_for_keys(published: Any) -> tuple[int, dict[str, Any]]:
    """What anybody is answered who looks our public keys up."""
    services = SimpleNamespace(institutions=Institutions([]), published_keys=published, public_url="http://far.example")
    app = application(cast(Any, services), cast(Any, None), cast(Any, None))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": JWKS, "headers": [], "query_string": b"", "root_path": ""}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], json.loads(b"".join(one.get("body", b"") for one in sent[1:]))


def test_our_public_keys_are_there_for_anybody():
    assert asked_for_keys(lambda: {"keys": [{"kid": "a"}]}) == (200, {"keys": [{"kid": "a"}]})


def test_keys_that_cannot_be_read_are_not_an_empty_set():
    """A server that took an empty set for ours would refuse us for hours."""

    def away() -> Any:
        raise OutOfOrder("a key can be read by others")

    assert asked_for_keys(away)[0] == 503
