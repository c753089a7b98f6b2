"""Reading a Provide Document Bundle (ITI-65), answering it, and the receipt for what it announced."""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from transfer.sandbox.directory import NPI, SUMMIT

_PACKET_SYSTEM = "urn:records-transfer:packet"
_MILESTONE_SYSTEM = "urn:records-transfer:milestone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    packet: str
    packet_url: str
    submission_set: dict[str, Any]
    #: how many DocumentReferences it brought
    documents: int


def read(bundle: Any) -> Submission:
    """The submission in a transaction Bundle: its set, and the link to the whole packet.

    Raises:
        ValueError: no transaction, not exactly one SubmissionSet, or no link to a packet.
    """
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle" or bundle.get("type") != "transaction":
        raise ValueError("no transaction Bundle")
    resources = [entry["resource"] for entry in bundle["entry"]]
    sets = [r for r in resources if r["resourceType"] == "List" and _code(r) == "submissionset"]
    if len(sets) != 1:
        raise ValueError("not exactly one SubmissionSet")
    references = [r for r in resources if r["resourceType"] == "DocumentReference"]
    urls = [content["attachment"].get("url", "") for r in references for content in r["content"]]
    packets = [url for url in urls if url.partition("?")[0].endswith("/packet.tar")]
    if len(packets) != 1:
        raise ValueError("not exactly one link to a packet")
    return Submission(packet=_packet(sets[0]), packet_url=packets[0], submission_set=sets[0], documents=len(references))


def milestone(bundle: Any) -> str | None:
    """How far a case is, in a transaction Bundle of a Task; None: it holds no such Task."""
    entries = bundle.get("entry") if isinstance(bundle, dict) and bundle.get("type") == "transaction" else None
    resources = [entry.get("resource", {}) for entry in entries] if isinstance(entries, list) else []
    if len(resources) != 1 or resources[0].get("resourceType") != "Task":
        return None
    values = [i.get("value") for i in resources[0].get("identifier", []) if i.get("system") == _MILESTONE_SYSTEM]
    return str(values[0]) if values else None


def _code(resource: dict[str, Any]) -> str:
    codes = [coding["code"] for coding in resource.get("code", {}).get("coding", [])]
    return codes[0] if codes else ""


def _packet(submission_set: dict[str, Any]) -> str:
    """The packet's own identifier, which names a folder here and is therefore looked at twice."""
    values = [i["value"] for i in submission_set["identifier"] if i.get("system") == _PACKET_SYSTEM]
    if len(values) != 1 or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", values[0]):
        raise ValueError("the SubmissionSet is not named as a packet")
    return str(values[0])


def response(bundle: dict[str, Any]) -> dict[str, Any]:
    """The transaction-response, one entry for each, in order."""
    return {
        "resourceType": "Bundle",
        "type": "transaction-response",
        "entry": [
            {
                "response": {
                    "status": "201 Created",
                    "location": f"{entry['resource']['resourceType']}/{uuid.uuid4()}/_history/1",
                    "lastModified": datetime.now(UTC).isoformat(),
                }
            }
            for entry in bundle["entry"]
        ],
    }


def receipt(packet: str, status: str, reasons: list[str]) -> dict[str, Any]:
    """The receiver's word as a Task whose focus is the SubmissionSet."""
    task: dict[str, Any] = {
        "resourceType": "Task",
        "status": status,
        "intent": "order",
        "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
        "focus": {"type": "List", "identifier": {"system": _PACKET_SYSTEM, "value": packet}},
        "authoredOn": datetime.now(UTC).isoformat(),
        "owner": {"type": "Organization", "identifier": {"system": NPI, "value": SUMMIT.npi}},
    }
    if reasons:
        coding = [{"system": "urn:records-transfer:decline", "code": reason} for reason in reasons]
        task["statusReason"] = {"coding": coding}
    return task


def capabilities() -> dict[str, Any]:
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "software": {"name": "Summit Cancer Center (a stand-in)"},
        "implementation": {"description": "A synthetic receiving center for demonstrations and tests"},
        "rest": [{"mode": "server", "interaction": [{"code": "transaction"}]}],
    }
