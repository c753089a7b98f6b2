"""Handing a packet over by IHE MHD 4.2, ITI-65 Provide Document Bundle: links, not bytes.

https://profiles.ihe.net/ITI/MHD/ITI-65.html. The packet fixes every identifier. So the same packet sent again creates
nothing twice (`ifNoneExist`), and we can ask the receiver whether it has the packet.
"""

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from transfer.adapters.fhir.codes import CASE, MILESTONE, PACKET
from transfer.adapters.fhir.trees import check
from transfer.adapters.loinc import LOINC
from transfer.identifiers import CaseId, PacketId
from transfer.institutions import Institution
from transfer.milestones import Milestone
from transfer.patients import Demographics, IssuedIdentifier
from transfer.records import Coding

DOCUMENT: Final = "urn:records-transfer:document"

_MHD: Final = "https://profiles.ihe.net/ITI/MHD"
_MINIMAL: Final = f"{_MHD}/StructureDefinition/IHE.MHD.Minimal"
_EXTENSION: Final = f"{_MHD}/StructureDefinition/ihe-"
#: the whole packet as a document: "Medical records"
_ALL_RECORDS: Final = Coding(LOINC, "11503-0", "Medical records")
#: what the submission is for: "Referral note"
_DESIGNATION: Final = Coding(LOINC, "57133-1", "Referral note")
#: entry addresses are made from the packet's id under this name
_NAMES: Final = uuid.UUID("6f2d3c1e-6a0b-5f0e-9a43-1f0f3a1c8b77")


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadLink:
    """One file of the packet and where the receiver fetches it. `size` in bytes; `sha1` is the raw digest, both as MHD
    wants them, left out where they are not known. Integrity rests on the packet's own SHA-256 manifest.
    """

    path: str
    url: str
    content_type: str
    size: int | None = None
    sha1: bytes | None = None
    title: str | None = None
    code: Coding | None = None


def submission(
    packet: PacketId,
    tar: DownloadLink,
    documents: Sequence[DownloadLink],
    *,
    patient: Demographics,
    receiver: Institution,
    source: str,
    created: datetime,
) -> bytes:
    """The transaction bundle: SubmissionSet, one DocumentReference for the packet and one for each document.

    The same arguments give the same bytes. `source` is our own id as a URI (`urn:oid:…`), MHD's sourceId.

    Raises:
        Unreadable: it would not be valid R4; nothing may be sent.
    """
    links = (tar, *documents)
    references = [_document_reference(packet, n, link, patient, created) for n, link in enumerate(links)]
    entries = [_entry(_address(packet, "set"), _submission_set(packet, len(links), patient, receiver, source, created))]
    entries += [_entry(_address(packet, n), reference) for n, reference in enumerate(references)]
    bundle = {
        "resourceType": "Bundle",
        "meta": {"profile": [f"{_MINIMAL}.ProvideBundle"]},
        "type": "transaction",
        "timestamp": _instant(created),
        "entry": entries,
    }
    check(bundle)
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()


def milestone_told(
    case: CaseId, milestone: Milestone, *, patient: Demographics, receiver: Institution, reached_at: datetime
) -> bytes:
    """The transaction bundle of one Task, which tells a receiver how far a case is (https://hl7.org/fhir/R4/task.html).

    The same arguments give the same bytes; sent again it creates nothing twice.

    Raises:
        Unreadable: it would not be valid R4; nothing may be sent.
    """
    name = f"{case}-{milestone}"
    task = {
        "resourceType": "Task",
        "contained": [_patient(patient), _organization(receiver)],
        "identifier": [{"system": MILESTONE, "value": name}],
        "groupIdentifier": {"system": CASE, "value": case},
        "status": "in-progress",
        "businessStatus": {"coding": [{"system": MILESTONE, "code": milestone}]},
        "intent": "order",
        "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
        "for": {"reference": "#patient"},
        "authoredOn": _instant(reached_at),
        "owner": {"reference": "#receiver"},
    }
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [_entry(f"urn:uuid:{uuid.uuid5(_NAMES, name)}", task)],
    }
    check(bundle)
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode()


def _entry(address: str, resource: Mapping[str, Any]) -> dict[str, Any]:
    """`ifNoneExist` by the resource's own fixed identifier (R4 http, conditional create)."""
    own = resource.get("masterIdentifier") or resource["identifier"][0]
    return {
        "fullUrl": address,
        "resource": resource,
        "request": {
            "method": "POST",
            "url": resource["resourceType"],
            "ifNoneExist": f"identifier={own['system']}|{own['value']}",
        },
    }


def _submission_set(
    packet: PacketId, links: int, patient: Demographics, receiver: Institution, source: str, created: datetime
) -> dict[str, Any]:
    return {
        "resourceType": "List",
        "meta": {"profile": [f"{_MINIMAL}.SubmissionSet"]},
        "contained": [_patient(patient), _organization(receiver)],
        "extension": [
            {"url": f"{_EXTENSION}designationType", "valueCodeableConcept": {"coding": [_coding(_DESIGNATION)]}},
            {"url": f"{_EXTENSION}sourceId", "valueIdentifier": {"value": source}},
            {"url": f"{_EXTENSION}intendedRecipient", "valueReference": {"reference": "#receiver"}},
        ],
        "identifier": [_unique(PACKET, packet)],
        "status": "current",
        "mode": "working",
        "title": "Records for a second opinion",
        "code": {"coding": [{"system": f"{_MHD}/CodeSystem/MHDlistTypes", "code": "submissionset"}]},
        "subject": {"reference": "#patient"},
        "date": _instant(created),
        "entry": [{"item": {"reference": _address(packet, n)}} for n in range(links)],
    }


def _document_reference(
    packet: PacketId, number: int, link: DownloadLink, patient: Demographics, created: datetime
) -> dict[str, Any]:
    """Number 0 is the packet itself. MHD has no docStatus and no inline data."""
    code = link.code or (_ALL_RECORDS if number == 0 else None)
    return {
        "resourceType": "DocumentReference",
        "meta": {"profile": [f"{_MINIMAL}.DocumentReference"]},
        "contained": [_patient(patient)],
        "masterIdentifier": _unique(DOCUMENT, f"{packet}/{number}"),
        "status": "current",
        **({"type": {"coding": [_coding(code)]}} if code else {}),
        "subject": {"reference": "#patient"},
        "date": _instant(created),
        "description": link.path,
        "content": [{"attachment": _attachment(link)}],
    }


def _attachment(link: DownloadLink) -> dict[str, Any]:
    """Hash and size are of the raw bytes, the hash SHA-1 in base64."""
    return {
        "contentType": link.content_type,
        "url": link.url,
        **({"size": link.size} if link.size is not None and link.size < 1 << 31 else {}),
        **({"hash": base64.b64encode(link.sha1).decode()} if link.sha1 else {}),
        **({"title": link.title} if link.title else {}),
    }


def _patient(patient: Demographics) -> dict[str, Any]:
    """The receiver has to know whose packet it is; nothing more than that is said."""
    names = [{"family": name.family, **({"given": list(name.given)} if name.given else {})} for name in patient.names]
    return {
        "resourceType": "Patient",
        "id": "patient",
        **({"identifier": [_identifier(each) for each in patient.identifiers]} if patient.identifiers else {}),
        **({"name": names} if names else {}),
        **({"birthDate": patient.birth_date.isoformat()} if patient.birth_date else {}),
    }


def _organization(receiver: Institution) -> dict[str, Any]:
    numbers = [{"system": each.system, "value": each.value} for each in receiver.identifiers]
    return {
        "resourceType": "Organization",
        "id": "receiver",
        **({"identifier": numbers} if numbers else {}),
        "name": receiver.name,
    }


def _identifier(identifier: IssuedIdentifier) -> dict[str, str]:
    return {"system": identifier.issuer, "value": identifier.value}


def _unique(system: str, value: str) -> dict[str, Any]:
    kind = {"system": f"{_MHD}/CodeSystem/IHE.MHD.MHDIdentifierType", "code": "uniqueId"}
    return {"use": "usual", "type": {"coding": [kind]}, "system": system, "value": value}


def _coding(coding: Coding) -> dict[str, str]:
    display = {"display": coding.display} if coding.display else {}
    return {"system": coding.system, "code": coding.code, **display}


def _address(packet: PacketId, name: str | int) -> str:
    return f"urn:uuid:{uuid.uuid5(_NAMES, f'{packet}/{name}')}"


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
