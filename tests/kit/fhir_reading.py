"""What FHIR institutions push or list in tests, and what is read of it."""

import json
from typing import Any

from tests.kit.held_samples import INSTITUTION, WHO
from tests.kit.scripted_fhir import LAKESIDE, a_patient
from transfer.adapters.fhir import inbound
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.bytes_seen import BytesSeen
from transfer.flaws import Flaw
from transfer.records import RecordKind
from transfer.sources import Bad, Found

A_PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\n%%EOF\n"


def bundle(*resources: dict[str, Any]) -> bytes:
    entries = [{"fullUrl": f"urn:uuid:{n}", "resource": each} for n, each in enumerate(resources)]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()


def a_result(number: str, **said: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": number,
        "status": "final",
        "code": {"text": "CEA"},
        "subject": {"reference": "urn:uuid:9"},
        **said,
    }


def push_of(report: dict[str, Any], *results: dict[str, Any]) -> bytes:
    entries = [
        {"fullUrl": "urn:uuid:9", "resource": a_patient()},
        {"fullUrl": "urn:uuid:0", "resource": report},
        *[{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in results],
    ]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()


def read_push(body: bytes) -> Any:
    """The one document of it, or why it is a person's."""
    (sent,) = inbound.pushed_documents(body, LAKESIDE)
    return sent


def found_at(source: FhirSourceClient) -> list[Found | Bad]:
    patient = source.find_patient(WHO, INSTITUTION)
    assert patient is not None
    return list(source.documents(patient, INSTITUTION, frozenset(RecordKind)))


def one_of(listed: list[Found | Bad], number: str) -> Found:
    """The document with this number of theirs."""
    return next(one for one in listed if isinstance(one, Found) and any(number in each for each in one.sources))


def read_files(found: Found) -> list[tuple[bytes, str, set[Flaw]]]:
    """Bytes, type and flaws of each file."""
    files = []
    for file in found.files:
        seen = BytesSeen(file.announced)
        content = b"".join(seen.passing(file.read()))
        files.append((content, seen.judged().content_type, set(seen.judged().flaws)))
    return files
