"""What the HTTP door answers before anything is stored."""

import asyncio
import hashlib
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.requests import Request

from transfer.gateway import http
from transfer.institutions import Institution, Institutions


def a_post(body_after: float) -> Request:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(body_after)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    headers = [(b"authorization", b"Bearer of-a"), (b"content-type", b"application/fhir+json")]
    return Request({"type": "http", "method": "POST", "path": "/fhir", "headers": headers}, receive)


def test_a_message_that_comes_too_slowly_may_be_sent_again(monkeypatch: pytest.MonkeyPatch):
    """408: senders take 403 for final."""
    token = {"sha256": hashlib.sha256(b"of-a").hexdigest(), "scopes": ["records"]}
    alder = Institution.model_validate(
        {"id": "alder", "name": "Alder", "time_zone": "UTC", "grants": ["records"], "http_door": {"tokens": [token]}}
    )
    monkeypatch.setattr(http, "BODY_SECONDS", 0.02)
    doors = http.Doors(cast(Any, SimpleNamespace(institutions=Institutions([alder]))), cast(Any, None), cast(Any, None))

    answer = asyncio.run(doors.post(a_post(5.0)))

    assert answer.status_code == 408
    assert json.loads(bytes(answer.body))["issue"][0]["code"] == "timeout"
