"""An office's FHIR server on a loopback socket, in a thread, which answers exactly what a test tells it to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from transfer.adapters.http import HttpLimits
from transfer.institutions import Institution, Institutions
from transfer.patients import Demographics, IssuedIdentifier, PersonName

TOKEN = "the-token"
NPI = "http://hl7.org/fhir/sid/us-npi"
MRN = "urn:oid:1.2.3.4"
#: short, so that tests of silence are
LIMITS = HttpLimits(connect_seconds=1, silence_seconds=0.4, page_seconds=0.9, stream_seconds=0.9)

WHO = Demographics(
    names=(PersonName("Quillfeather", ("Odalys",)),),
    birth_date=date(1961, 2, 3),
    sex="female",
    identifiers=(IssuedIdentifier(MRN, "0042"),),
)


def an_institution(name: str = "lakeside", npi: str = "1", **said: Any) -> Institution:
    return Institution.model_validate(
        {
            "id": name,
            "name": name.title(),
            "time_zone": "America/Chicago",
            "identifiers": [{"system": NPI, "value": npi}],
            "issuers": {"LAKE": MRN},
            **said,
        }
    )


LAKESIDE = an_institution(codes={"LOCAL|TXSUM": "treatment-summary"})
ALL = Institutions([LAKESIDE, an_institution("prairie", "2"), an_institution("summit", "3")])


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, list[str]]
    form: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Said:
    """An answer. `stream` writes the body itself, unframed unless the headers say how."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/fhir+json"
    headers: dict[str, str] = field(default_factory=dict)
    stream: Callable[[Callable[[bytes], None]], None] | None = None


Answers = Callable[[Asked], Said | None]


@dataclass
class Office:
    url: str
    asked: list[Asked]
    answers: Answers

    @property
    def base(self) -> str:
        return f"{self.url}/fhir"


@contextmanager
def an_office(answers: Answers = lambda _: None) -> Iterator[Office]:
    """A server that answers by `answers` (None: 404). It can be told anew: `office.answers = …`."""
    office = Office("", [], answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            at = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_form = "urlencoded" in self.headers.get("Content-Type", "")
            form = parse_qs(body.decode()) if is_form else {}
            asked = Asked(self.command, at.path, parse_qs(at.query), form, dict(self.headers.items()), body)
            office.asked.append(asked)
            said = office.answers(asked) or Said(404)
            self._say(said)

        do_POST = do_GET  # noqa: N815  named by the standard library

        def _say(self, said: Said) -> None:
            try:
                self.send_response(said.status)
                self.send_header("Content-Type", said.content_type)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                if not said.stream and "Content-Length" not in said.headers:
                    self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body)
                if said.stream:
                    said.stream(self._write)
            except OSError:
                pass  # the caller left, which some tests are about

        def _write(self, data: bytes) -> None:
            self.wfile.write(data)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.002,), daemon=True)
    thread.start()
    office.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield office
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def as_json(tree: object, **said: Any) -> Said:
    return Said(body=json.dumps(tree).encode(), **said)


def searchset(*resources: dict[str, Any], following: str | None = None, **more: Any) -> dict[str, Any]:
    links = [{"relation": "next", "url": following}] if following else []
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": links,
        "entry": [{"resource": each, "search": {"mode": "match"}} for each in resources],
        **more,
    }


def a_patient(number: str = "p1", **said: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": number,
        "identifier": [{"system": MRN, "value": "0042"}],
        "name": [{"family": "Quillfeather", "given": ["Odalys"]}],
        "gender": "female",
        "birthDate": "1961-02-03",
        **said,
    }


def a_reference(number: str, *, url: str | None = None, data: str | None = None, **said: Any) -> dict[str, Any]:
    attachment = {"contentType": "application/pdf", "url": url, "data": data}
    return {
        "resourceType": "DocumentReference",
        "id": number,
        "identifier": [{"system": "urn:oid:9.9", "value": f"doc-{number}"}],
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11488-4"}]},
        "subject": {"reference": "Patient/p1"},
        "date": "2026-03-01T10:00:00-06:00",
        "content": [{"attachment": {name: value for name, value in attachment.items() if value is not None}}],
        **said,
    }


def a_report(number: str, *, url: str | None = None, category: str = "LP7839-6", **said: Any) -> dict[str, Any]:
    forms = [{"contentType": "application/pdf", "url": url}] if url else []
    return {
        "resourceType": "DiagnosticReport",
        "id": number,
        "identifier": [{"system": "urn:oid:9.9", "value": f"rep-{number}"}],
        "status": "final",
        "category": [{"coding": [{"system": "http://loinc.org", "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "11526-1"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-02-01",
        **({"presentedForm": forms} if forms else {}),
        **said,
    }


def as_bytes(tree: object) -> bytes:
    return json.dumps(tree).encode()


def organization(npi: str) -> dict[str, Any]:
    return {"type": "Organization", "identifier": {"system": NPI, "value": npi}}


def a_referral(
    order: dict[str, Any] | None = None, task: dict[str, Any] | None = None, patient: dict[str, Any] | None = None
) -> dict[str, Any]:
    number = {"system": "urn:oid:1.2.8", "value": "ref-3"}
    entries = [
        ("urn:uuid:1", patient or a_patient()),
        (
            "urn:uuid:2",
            {
                "resourceType": "ServiceRequest",
                "status": "active",
                "intent": "order",
                "priority": "urgent",
                "subject": {"reference": "urn:uuid:1"},
                "occurrenceDateTime": "2026-04-02T09:30:00-06:00",
                "requester": organization("1"),
                "performer": [organization("3")],
                "reasonCode": [
                    {
                        "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C18.7"}],
                        "text": "Is more chemotherapy of use?",
                    }
                ],
                "supportingInfo": [organization("1"), organization("2"), {"reference": "Condition/1"}],
                "note": [{"text": "Is more chemotherapy of use?"}, {"text": "Daughter will come along."}],
                **(order or {}),
            },
        ),
        (
            "urn:uuid:3",
            {
                "resourceType": "Task",
                "identifier": [number],
                "status": "requested",
                "intent": "order",
                "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
                "focus": {"reference": "urn:uuid:2"},
                "for": {"reference": "urn:uuid:1"},
                "restriction": {"period": {"end": "2026-03-30"}},
                **(task or {}),
            },
        ),
    ]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"fullUrl": url, "resource": each, "request": {"method": "POST", "url": each["resourceType"]}}
            for url, each in entries
        ],
    }
