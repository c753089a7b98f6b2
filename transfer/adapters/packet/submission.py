"""The packet in FHIR R4: a SubmissionSet List, a DocumentReference for each document, a Provenance (IHE MHD 4.2).

https://profiles.ihe.net/ITI/MHD/ · The minimal metadata profiles: what we do not know is not made up. Identifiers are
fixed by what they name, so that the same packet always says the same.
"""

import json
import re
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from transfer.adapters.packet.layout import Layout, PlacedDocument, media_type
from transfer.identifiers import PacketId
from transfer.packet import Contents, PlannedDocument
from transfer.records import RecordKind

PACKET_SYSTEM: Final = "urn:records-transfer:packet"
RECORD_SYSTEM: Final = "urn:records-transfer:record"
INSTITUTION_SYSTEM: Final = "urn:records-transfer:institution"
_NAMESPACE: Final = uuid.UUID("6f1c2f5e-0c0e-5d0e-9d0b-3b1f5c1a7c11")
#: who submits, as an OID below the UUID arc (X.667): one for this kind of system
_SOURCE_OID: Final = f"urn:oid:2.25.{_NAMESPACE.int}"

_MHD: Final = "https://profiles.ihe.net/ITI/MHD"
_URI: Final = "urn:ietf:rfc:3986"
_LOINC: Final = "http://loinc.org"
_CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_CODE: Final = re.compile(r"[^\s]+( [^\s]+)*")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")

# LOINC document type of each kind, where the source's own code is not LOINC (https://loinc.org/document-ontology/)
_TYPES: Final = {
    RecordKind.NOTE: ("34109-9", "Note"),
    RecordKind.PATHOLOGY_REPORT: ("11526-1", "Pathology study"),
    RecordKind.OPERATIVE_NOTE: ("11504-8", "Surgical operation note"),
    RecordKind.PROCEDURE_REPORT: ("28570-0", "Procedure note"),
    RecordKind.IMAGING_REPORT: ("18748-4", "Diagnostic imaging study"),
    RecordKind.LABORATORY: ("11502-2", "Laboratory report"),
    RecordKind.MOLECULAR: ("51969-4", "Genetic analysis summary"),
    RecordKind.TREATMENT_SUMMARY: ("74156-1", "Oncology treatment plan and summary"),
}

Resource = dict[str, Any]


def submission(contents: Contents, layout: Layout, planned: Sequence[PlannedDocument]) -> bytes:
    """The packet's own FHIR file: a collection whose links lead to the files beside it."""
    resources = _resources(contents, layout, planned, lambda document: f"../{document.path}")
    bundle = {
        "resourceType": "Bundle",
        "identifier": {"system": PACKET_SYSTEM, "value": contents.packet},
        "type": "collection",
        "timestamp": _instant(contents.created_at),
        "entry": [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in resources],
    }
    return (json.dumps(bundle, ensure_ascii=False, indent=2) + "\n").encode()


def _resources(
    contents: Contents,
    layout: Layout,
    planned: Sequence[PlannedDocument],
    url: Callable[[PlannedDocument], str],
) -> list[Resource]:
    references = [
        _document(contents, layout, placed, document, url(document))
        for placed, document in zip(layout.documents, planned, strict=True)
    ]
    submission_set = _submission_set(contents, references)
    return [_patient(contents), submission_set, *references, _provenance(contents, [submission_set, *references])]


def _submission_set(contents: Contents, documents: Sequence[Resource]) -> Resource:
    id_ = _uuid(contents.packet, "submission-set")
    # Images are in no document here: what a person took of a study that lacks some is said of the whole.
    taken = [f"{one.title or one.study_instance_uid}: {one.taken}" for one in contents.imaging if one.taken]
    notes = {"note": [{"text": said} for said in taken]} if taken else {}
    return {
        "resourceType": "List",
        "id": id_,
        "meta": {"profile": [f"{_MHD}/StructureDefinition/IHE.MHD.Minimal.SubmissionSet"]},
        "extension": [
            {
                "url": f"{_MHD}/StructureDefinition/ihe-sourceId",
                "valueIdentifier": {"system": _URI, "value": _SOURCE_OID},
            },
            {
                "url": f"{_MHD}/StructureDefinition/ihe-intendedRecipient",
                "valueReference": _institution(contents.receiver, contents.receiver_name),
            },
        ],
        "identifier": [
            {"system": PACKET_SYSTEM, "value": contents.packet},
            _identifier("entryUUID", f"urn:uuid:{id_}"),
            {"use": "usual", **_identifier("uniqueId", f"urn:oid:2.25.{uuid.UUID(id_).int}")},
        ],
        "status": "current",
        "mode": "working",
        "title": f"Records packet {contents.packet}",
        "code": {"coding": [{"system": f"{_MHD}/CodeSystem/MHDlistTypes", "code": "submissionset"}]},
        "subject": {"reference": f"urn:uuid:{_uuid(contents.packet, 'patient')}"},
        "date": _instant(contents.created_at),
        **notes,
        "entry": [{"item": {"reference": f"urn:uuid:{document['id']}"}} for document in documents],
    }


def _document(
    contents: Contents, layout: Layout, placed: PlacedDocument, planned: PlannedDocument, url: str
) -> Resource:
    item, id_ = placed.item, _uuid(contents.packet, placed.item.record)
    attachment = {
        "contentType": _said_media_type(item.content_type),
        "url": url,
        "size": planned.size,
        # SHA-1 of the raw bytes is what R4 and MHD ask for; integrity rests on the signed SHA-256 manifests
        "hash": planned.sha1,
        "title": placed.title,
    }
    if item.at:
        attachment["creation"] = _instant(item.at)
    resource: Resource = {
        "resourceType": "DocumentReference",
        "id": id_,
        "meta": {"profile": [f"{_MHD}/StructureDefinition/IHE.MHD.Minimal.DocumentReference"]},
        "masterIdentifier": {"system": _URI, "value": f"urn:uuid:{id_}"},
        "identifier": [{"system": RECORD_SYSTEM, "value": item.record}],
        "status": "current",
        "type": _type(placed),
        "subject": {"reference": f"urn:uuid:{_uuid(contents.packet, 'patient')}"},
        "date": _instant(contents.created_at),
        "custodian": _institution(item.source, item.source_name),
        # MHD forbids docStatus; what the source says of the document is said in words
        "description": _described(placed),
        "content": [{"attachment": attachment}],
    }
    if item.labels:
        resource["securityLabel"] = [_label(label) for label in sorted(item.labels) if _CODE.fullmatch(label)]
    if related := _relations(contents, layout, placed):
        resource["relatesTo"] = related
    return resource


def _described(placed: PlacedDocument) -> str:
    """In words, as in the manifest: what keeps it from being read goes with it."""
    item = placed.item
    said = f"{placed.title} ({item.status}), from {item.source_name}"
    return f"{said}. {item.taken}" if item.taken else said


def _relations(contents: Contents, layout: Layout, placed: PlacedDocument) -> list[Resource]:
    """To documents of this packet, and to what went in an earlier one, known by its record's identifier there.

    R4 has no code for a withdrawal; it replaces what it withdraws, and the description says its status.
    https://hl7.org/fhir/R4/valueset-document-relationship-type.html
    """
    found: list[Resource] = [
        {
            "code": "replaces",
            "target": {
                "type": "DocumentReference",
                "identifier": {"system": RECORD_SYSTEM, "value": one.record},
                "display": f"A document of packet {one.packet}",
            },
        }
        for one in placed.item.supersedes
    ]
    if original := placed.item.derived_from:
        beside = {"reference": f"urn:uuid:{_uuid(contents.packet, original)}"}
        elsewhere = {"identifier": {"system": RECORD_SYSTEM, "value": original}}
        is_here = layout.number(original) is not None
        found.append({"code": "transforms", "target": beside if is_here else elsewhere})
    return found


def _patient(contents: Contents) -> Resource:
    patient = contents.patient
    resource: Resource = {"resourceType": "Patient", "id": _uuid(contents.packet, "patient")}
    if patient.identifiers:
        resource["identifier"] = [{"system": i.issuer, "value": i.value} for i in patient.identifiers]
    if patient.names:
        resource["name"] = [
            {"family": name.family} | ({"given": list(name.given)} if name.given else {}) for name in patient.names
        ]
    if patient.sex in ("male", "female", "other", "unknown"):
        resource["gender"] = patient.sex
    if patient.birth_date:
        resource["birthDate"] = patient.birth_date.isoformat()
    return resource


def _provenance(contents: Contents, targets: Sequence[Resource]) -> Resource:
    """Who put the packet together; where each document came from is its custodian."""
    who = {"display": "records-transfer", "identifier": {"system": _URI, "value": _SOURCE_OID}}
    role = {"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "assembler"}
    sources = sorted({(i.source, i.source_name) for i in contents.everything})
    resource: Resource = {
        "resourceType": "Provenance",
        "id": _uuid(contents.packet, "provenance"),
        "target": [{"reference": f"urn:uuid:{target['id']}"} for target in targets],
        "recorded": _instant(contents.created_at),
        "activity": {"text": "Assembled for a second opinion; documents are as received, byte for byte"},
        "agent": [{"type": {"coding": [role]}, "who": who}],
    }
    if sources:
        resource["entity"] = [{"role": "source", "what": _institution(*source)} for source in sources]
    return resource


def _type(placed: PlacedDocument) -> Resource:
    code = placed.item.code
    coding = []
    if code and _CODE.fullmatch(code.code):
        coding.append({"system": code.system, "code": code.code} | ({"display": code.display} if code.display else {}))
    if placed.item.kind in _TYPES and not any(one["system"] == _LOINC for one in coding):
        loinc, display = _TYPES[placed.item.kind]
        coding.append({"system": _LOINC, "code": loinc, "display": display})
    return {"coding": coding, "text": placed.title} if coding else {"text": placed.title}


def _label(label: str) -> Resource:
    system = _CONFIDENTIALITY if label in ("U", "L", "M", "N", "R", "V") else _ACT_CODE
    return {"coding": [{"system": system, "code": label}]}


def _institution(institution: str, name: str) -> Resource:
    return {
        "type": "Organization",
        "identifier": {"system": INSTITUTION_SYSTEM, "value": institution},
        "display": name,
    }


def _identifier(kind: str, value: str) -> Resource:
    type_ = {"coding": [{"system": f"{_MHD}/CodeSystem/IHE.MHD.MHDIdentifierType", "code": kind}]}
    return {"type": type_, "system": _URI, "value": value}


def _said_media_type(content_type: str) -> str:
    said = media_type(content_type)
    return said if _MEDIA_TYPE.fullmatch(said) else "application/octet-stream"


def _uuid(packet: PacketId, thing: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{packet}/{thing}"))


def _instant(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
