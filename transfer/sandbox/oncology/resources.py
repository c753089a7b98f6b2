"""A chart as Lakeside's FHIR server shows it: Patient, DocumentReference, DiagnosticReport, Binary (US Core shapes)."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from transfer.sandbox.charts import Chart, pattern
from transfer.sandbox.directory import ALL, LAKESIDE, NPI
from transfer.sandbox.oncology.documents import Document, documents

Resource = dict[str, Any]

_NOTE = {
    "coding": [
        {"system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "code": "clinical-note"}
    ]
}


def of(kind: str, chart: Chart, base: str) -> Iterator[Resource]:
    """The chart's resources of one type; `base` is the server's address as the caller wrote it."""
    if kind == "Patient":
        yield patient(chart)
        return
    for document in documents(chart):
        if kind in document.filed:
            shown = _reference(chart, document, base) if kind == "DocumentReference" else _report(chart, document, base)
            yield shown | _labelled(chart, document)


def patient(chart: Chart) -> Resource:
    """The person, with the numbers that Lakeside knows of her elsewhere."""
    who = chart["patient"]
    record_number = pattern()["patient"]["identifier"][0]["type"]
    return {
        **pattern()["patient"],
        "id": chart["fhir_id"],
        "extension": [e for e in pattern()["patient"]["extension"] if not e["url"].endswith("birthsex")],
        "identifier": [
            {
                "type": record_number,
                "system": number["system"],
                "value": number["value"],
                "assigner": {"display": ALL[known].name},
            }
            for known, number in chart["numbers"].items()
        ],
        "active": True,
        "name": [{"use": "official", "family": who["family"], "given": who["given"]}],
        "telecom": [{"system": "phone", "value": who["phone"], "use": "home"}],
        "gender": who["sex"],
        "birthDate": who["birth_date"],
        "address": [
            {
                "line": [who["address"]["line"]],
                "city": who["address"]["city"],
                "state": who["address"]["state"],
                "postalCode": who["address"]["postal_code"],
                "country": "US",
            }
        ],
    }


def _reference(chart: Chart, document: Document, base: str) -> Resource:
    kept = chart["documents"][document.name]
    return {
        "resourceType": "DocumentReference",
        "id": kept["id"],
        "identifier": _identifiers(chart, document),
        "status": "current",
        "docStatus": "final",
        "type": _code(document),
        "category": [_NOTE],
        "subject": {"reference": f"Patient/{chart['fhir_id']}"},
        "date": document.at.isoformat(),
        "custodian": {"identifier": {"system": NPI, "value": LAKESIDE.npi}},
        "description": document.title,
        "content": [{"attachment": _attachment(chart, document, base)}],
        "context": {"period": {"start": document.at.isoformat()}},
    }


def _report(chart: Chart, document: Document, base: str) -> Resource:
    kept = chart["documents"][document.name]
    return {
        "resourceType": "DiagnosticReport",
        "id": kept["id"],
        "identifier": _identifiers(chart, document),
        "status": "final",
        "category": list(document.categories),
        "code": _code(document),
        "subject": {"reference": f"Patient/{chart['fhir_id']}"},
        "effectiveDateTime": document.at.isoformat(),
        "issued": document.at.isoformat(),
        "presentedForm": [_attachment(chart, document, base)],
    }


def _labelled(chart: Chart, document: Document) -> Resource:
    """The sensitivity codes that a test's chart gives this document (`chart["labels"]`, v3-ActCode)."""
    codes = chart.get("labels", {}).get(document.name, ())
    labels = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code} for code in codes]
    return {"meta": {"security": labels}} if labels else {}


def _identifiers(chart: Chart, document: Document) -> list[dict[str, str]]:
    found = [{"system": f"urn:oid:{LAKESIDE.oid}.5", "value": chart["documents"][document.name]["number"]}]
    if document.name == "pathology":
        found.append(chart["pathology"]["accession"])
    if document.name == "ct":
        found.append(chart["imaging"]["accession"])
    return found


def _code(document: Document) -> dict[str, Any]:
    return {
        "coding": [{"system": document.system, "code": document.code, "display": document.title}],
        "text": document.title,
    }


def _attachment(chart: Chart, document: Document, base: str) -> dict[str, Any]:
    binary = f"Binary/{chart['documents'][document.name]['binary']}"
    attachment: dict[str, Any] = {
        "contentType": document.content_type,
        "title": document.title,
        "creation": document.at.isoformat(),
        "size": len(document.content),
        # SHA-1 is what the standard names here
        "hash": base64.b64encode(hashlib.sha1(document.content, usedforsecurity=False).digest()).decode(),
    }
    match document.attached:
        case "inline":
            attachment["data"] = base64.b64encode(document.content).decode()
        case "relative":
            attachment["url"] = binary
        case _:
            attachment["url"] = f"{base}/fhir/{binary}"
    return attachment


def document_with_binary(chart: Chart, binary: str) -> Document | None:
    name = next((name for name, kept in chart["documents"].items() if kept["binary"] == binary), None)
    return next((document for document in documents(chart) if document.name == name), None)


def binary(binary_id: str, document: Document) -> Resource:
    data = base64.b64encode(document.content).decode()
    return {"resourceType": "Binary", "id": binary_id, "contentType": document.content_type, "data": data}


def capabilities() -> Resource:
    searched = {
        "Patient": ("_id", "identifier", "family", "given", "name", "birthdate", "gender"),
        "DocumentReference": ("_id", "patient", "category", "type", "date", "status", "identifier"),
        "DiagnosticReport": ("_id", "patient", "category", "code", "date", "status", "identifier"),
    }
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "software": {"name": "Lakeside Oncology (a stand-in)"},
        "implementation": {"description": "A synthetic office for demonstrations and tests"},
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {
                        "type": kind,
                        "interaction": [{"code": "read"}, {"code": "search-type"}],
                        "searchParam": [{"name": name, "type": "string"} for name in names],
                    }
                    for kind, names in searched.items()
                ]
                + [{"type": "Binary", "interaction": [{"code": "read"}]}],
            }
        ],
    }
