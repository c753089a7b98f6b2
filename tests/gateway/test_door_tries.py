"""Doors that are tried for whoever asks at the port of health. What Airflow's buttons make of it:
`tests/journeys/test_connections.py`.
"""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3

from transfer import health
from transfer.gateway import door_tries
from transfer.gateway.door_tries import DoorTries
from transfer.health import OnPost, Readiness
from transfer.institutions import Institution, Institutions
from transfer.operation import LIMITS, DoorTried

TOKEN = "a-token-of-ours-that-nobody-reads"


class _Fhir(BaseHTTPRequestHandler):
    """A FHIR server with nobody in it; it takes one token."""

    def do_GET(self) -> None:
        is_known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        body = b'{"resourceType": "Bundle", "type": "searchset", "total": 0}' if is_known else b"{}"
        self.send_response(200 if is_known else 401)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def fhir() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Fhir) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/fhir"
        server.shutdown()


def hospital(url: str, token: str = TOKEN) -> Institution:
    """Two departments that we ask, one that is called, and an endpoint for packets."""

    def office(name: str, **asked: object) -> dict[str, object]:
        return {"id": name, "name": name, "holds": ["note"], "asked": asked}

    return Institution.model_validate(
        {
            "id": "hillside",
            "name": "Hillside",
            "time_zone": "UTC",
            "departments": [
                office("records", by="fhir", base_url=url, token=token),
                office("clinic", by="fhir", base_url=url, token="another"),
                office("slides", by="hand"),
            ],
            "receives": {"fhir_url": url, "token": token},
        }
    )


def tries(*known: Institution) -> DoorTries:
    return DoorTries(Institutions(known), lambda asked: asked.token, LIMITS)


def names(said: object) -> dict[str, bool]:
    """Door → whether all is well there."""
    return {one["name"]: not one["faults"] for one in said["doors"]}  # type: ignore[index]


def test_each_door_that_we_go_to_is_tried_and_the_fault_says_what_to_do(fhir: str):
    status, said = tries(hospital(fhir)).answer("/sources/hillside")

    assert status == 200
    assert names(said) == {"hillside, records": True, "hillside, clinic": False}
    (fault,) = said["doors"][1]["faults"]  # type: ignore[index]
    assert fault.startswith("hillside, clinic: our credential is refused")
    assert fault.endswith("docs/operations.md#when-a-door-fails")
    assert TOKEN not in json.dumps(said)


def test_one_department_is_tried_alone_and_the_endpoint_for_packets_by_itself(fhir: str):
    ours = tries(hospital(fhir))

    assert names(ours.answer("/sources/hillside/records")[1]) == {"hillside, records": True}
    assert names(ours.answer("/sources/hillside/slides")[1]) == {}
    assert names(ours.answer("/centers/hillside")[1]) == {"hillside, receives": True}


@pytest.mark.parametrize(
    ("path", "unknown"),
    [
        ("/sources/elsewhere", "institution"),
        ("/sources/", "institution"),
        ("/sources/hillside/nowhere", "department"),
        ("/sources/hillside/records/more", "department"),
        ("/centers/hillside/records", "path"),
        ("/anything/hillside", "path"),
        ("/sources/http%3A%2F%2F127.0.0.1", "institution"),
        ("", "path"),
    ],
)
def test_what_no_reviewed_file_names_is_not_gone_to(fhir: str, path: str, unknown: str):
    assert tries(hospital(fhir)).answer(path) == (404, {"unknown": unknown})


def test_a_second_try_at_once_is_put_off(fhir: str, monkeypatch: pytest.MonkeyPatch):
    begun, over = threading.Event(), threading.Event()

    def slow(*_: object) -> tuple[DoorTried, ...]:
        begun.set()
        over.wait(30)
        return ()

    monkeypatch.setattr(door_tries, "try_doors", slow)
    ours = tries(hospital(fhir))
    first = threading.Thread(target=ours.answer, args=("/sources/hillside",))
    first.start()
    assert begun.wait(30)

    assert ours.answer("/sources/hillside")[0] == 429
    over.set()
    first.join(30)
    assert ours.answer("/sources/hillside")[0] == 200


@contextmanager
def gateway(posted: OnPost | None) -> Iterator[str]:
    """Its port of health."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with health.served(("127.0.0.1", port), Readiness({}), posted=posted):
        yield f"127.0.0.1:{port}"


def test_the_port_of_health_does_it_for_whoever_posts_alone(fhir: str):
    with gateway(tries(hospital(fhir)).answer) as at, gateway(None) as other, urllib3.PoolManager() as http:
        assert http.request("POST", f"http://{at}/sources/hillside/records").status == 200
        assert http.request("GET", f"http://{at}/sources/hillside/records").status == 404
        assert http.request("POST", f"http://{other}/sources/hillside/records").status == 404
        for by_a_page in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert http.request("POST", f"http://{at}/sources/hillside/records", headers=by_a_page).status == 403


def test_what_fails_within_is_said_without_its_words(caplog: pytest.LogCaptureFixture):
    def fails(_: str) -> tuple[int, object]:
        raise RuntimeError(TOKEN)

    with gateway(fails) as at, urllib3.PoolManager() as http:
        answer = http.request("POST", f"http://{at}/sources/hillside")

    assert (answer.status, answer.json()) == (503, {"status": "unavailable"})
    assert TOKEN not in caplog.text
