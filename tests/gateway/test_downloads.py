"""What goes with a download: no browser runs what a source sent as a page of ours."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.requests import Request

from tests.kit.fakes import MemoryVault
from transfer.arrivals import Grant
from transfer.errors import Refused, Unavailable
from transfer.gateway.downloads import Download, DownloadDoor, Representation, _document, tar_of
from transfer.gateway.egress import TooManyDownloads
from transfer.gateway.http import application
from transfer.gateway.outside.center.packets import kind_of
from transfer.identifiers import InstitutionId, PacketId, RecordId
from transfer.packet import Plan, PlanEntry, PlannedDocument

PACKET = PacketId("c0123456789a-p1")


def answered(content: Representation, *asked: tuple[bytes, bytes], method: str = "GET") -> Download:
    scope = {"type": "http", "method": method, "path": "/", "headers": list(asked)}
    return Download(cast(Any, None), cast(Any, None), Request(scope), content)


def document(content_type: str) -> Representation:
    vault = MemoryVault()
    location = vault.keep([b"<script>alert(1)</script>"])
    planned = PlannedDocument(
        number=1,
        record=RecordId.draw(),
        path="data/documents/0001-note.html",
        content_type=content_type,
        size=location.length,
        sha1="",
    )
    return _document(PACKET, planned, location, vault)


def tar() -> Representation:
    return tar_of(Plan(packet=PACKET, entries=()), MemoryVault())


@pytest.mark.parametrize("asked", [(), ((b"range", b"bytes=3-"),), ((b"range", b"bytes=99999-"),)])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("content", "name"), [(document("text/html"), "c0123456789a-p1-0001-note.html"), (tar(), "c0123456789a-p1.tar")]
)
def test_every_download_is_a_file_to_be_saved_and_is_not_guessed_at(
    content: Representation, name: str, method: str, asked: tuple[Any, ...]
):
    headers = answered(content, *asked, method=method).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == f'attachment; filename="{name}"'


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 10, "-1", "one", "\u0661", "1.0"])
def test_a_document_is_asked_for_by_a_number_that_can_be_read(number: str):
    services = cast(Any, SimpleNamespace(institutions={}, public_url="http://10.0.0.1"))
    answers: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {"type": "http", "method": "GET", "path": f"/packets/{PACKET}/documents/{number}", "headers": []}
    asyncio.run(application(services, cast(Any, None), cast(Any, None))(scope, receive, send))

    assert answers[0]["status"] == 404


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("application/pdf", "application/pdf"),
        ('text/plain; charset="utf-8"', 'text/plain; charset="utf-8"'),
        ("text/html\r\nSet-Cookie: a=b", "application/octet-stream"),
        ("text/plän", "application/octet-stream"),
        ("AP", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_a_media_type_that_a_header_cannot_carry_is_not_repeated(said: str, told: str):
    assert answered(document(said)).headers["Content-Type"] == told


class OfSummit:
    """Whoever calls is the center, and may fetch packets."""

    id = InstitutionId("summit-cancer-center")

    def of(self, _request: Request) -> "OfSummit":
        return self

    def check_may(self, _grant: Grant) -> None:
        """It may."""


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (TooManyDownloads("as many as may be", retry_after=5), 429, "5"),
        (Unavailable("open streams cannot be watched"), 503, None),
        (Refused("purged"), 404, None),
    ],
)
def test_a_receiver_that_has_enough_under_way_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, retry: str | None
):
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(DownloadDoor, "_open_for", refuse)
    door = DownloadDoor(cast(Any, None), cast(Any, None), cast(Any, OfSummit()))
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "path_params": {"packet": PACKET}})

    answer = asyncio.run(door.packet(request))

    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == retry


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/plain; charset=iso8859-1", "text/plain; charset=iso8859-1"),
        ("text/plain; charset=euc_kr", "text/plain; charset=euc-kr"),
        ("text/plain; charset=x\r\nSet-Cookie: y", "text/plain; charset=utf-8"),
        ("text/html; charset=iso8859-1", "text/plain; charset=utf-8"),
    ],
)
def test_a_browser_shows_text_in_the_characters_that_its_source_named(said: str, told: str):
    path = "data/documents/0001-note.txt"
    planned = PlannedDocument(number=1, record=RecordId.draw(), path=path, content_type=said, size=1, sha1="")
    location = MemoryVault().keep([b"x"])
    plan = Plan(packet=PACKET, entries=(PlanEntry(path, location),), documents=(planned,))

    assert kind_of(plan, path) == told
    assert kind_of(plan, "data/documents/0002-scan.pdf") == "application/pdf"
