"""`manifest.json`: what the packet holds and lacks, for programs; and the two small texts of a BagIt bag."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from transfer.adapters.packet.dicomdir import Directory
from transfer.adapters.packet.layout import RECORDS_PDF, Layout, PlacedDocument, PlacedStudy
from transfer.adapters.packet.pdf import Bookmarked
from transfer.packet import NOTICE, Contents
from transfer.staging import Location

FORM = "records-transfer/packet/1"


def manifest_json(contents: Contents, layout: Layout, shown: Bookmarked, directory: Directory | None) -> bytes:
    """What stands in the packet, item by item; what is missing; custody of material; versions; the anchor.

    Nothing in it depends on what was withheld.
    """
    whole = {
        "form": FORM,
        "packet": contents.packet,
        "replaces": contents.replaces,
        "created": _time(contents.created_at),
        "receiver": {"id": contents.receiver, "name": contents.receiver_name},
        "referred_by": contents.referring_name,
        "referrer": contents.referrer,
        "diagnosis": contents.diagnosis,
        "question": contents.question,
        "appointment": _day(contents.appointment),
        "needed_by": _day(contents.needed_by),
        "patient": _patient(contents),
        "notice": NOTICE,
        "documents": [_document(document, shown) for document in layout.documents],
        "imaging": [_study(study) for study in layout.studies],
        "not_in_dicomdir": directory.unlisted if directory else (),
        "otherwise_in_dicomdir": directory.otherwise if directory else (),
        "withdrawn": [{"record": one.record, "packet": one.packet, "number": one.number} for one in contents.withdrawn],
        "missing": [{"line": m.line, "label": m.label, "sentence": m.sentence} for m in contents.missing],
        "material": [
            {
                "accession": m.accession,
                "kind": m.kind,
                "description": m.description,
                "expected": m.count_expected,
                "received": m.count_received,
                "state": m.state,
                "received_at": _time(m.received_at),
                "due_back": _day(m.due_back),
            }
            for m in contents.material
        ],
        "checklist": {
            "id": contents.checklist,
            "version": contents.checklist_version,
            "lines": dict(contents.line_labels),
        },
        "anchor": {"chain": contents.anchor.chain, "sequence": contents.anchor.sequence, "hash": contents.anchor.hash},
    }
    return (json.dumps(whole, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def bag_info(contents: Contents, payload: Mapping[str, Location]) -> bytes:
    """RFC 8493 section 2.2.2. No name of a person stands here."""
    octets = sum(location.length for location in payload.values())
    lines = (
        ("Bagging-Date", f"{contents.created_at.astimezone(UTC):%Y-%m-%d}"),
        ("External-Identifier", contents.packet),
        ("Payload-Oxum", f"{octets}.{len(payload)}"),
    )
    return "".join(f"{label}: {value}\n" for label, value in lines).encode()


def _patient(contents: Contents) -> dict[str, Any]:
    patient = contents.patient
    return {
        "names": [{"family": name.family, "given": list(name.given)} for name in patient.names],
        "birth_date": _day(patient.birth_date),
        "sex": patient.sex,
        "identifiers": [{"issuer": i.issuer, "value": i.value} for i in patient.identifiers],
    }


def _document(document: PlacedDocument, shown: Bookmarked) -> dict[str, Any]:
    item = document.item
    code = {"system": item.code.system, "code": item.code.code, "display": item.code.display} if item.code else None
    where = shown.documents[document.number]
    return {
        "number": document.number,
        "record": item.record,
        "path": document.path,
        "bytes": item.location.length,
        "sha256": item.location.sha256,
        "kind": item.kind,
        "code": code,
        "title": item.title,
        "status": item.status,
        "date": _time(item.at),
        "day": str(item.day) if item.day else None,
        "source": {"id": item.source, "name": item.source_name},
        "content_type": item.content_type,
        "labels": sorted(item.labels),
        "basis": item.basis,
        "line": item.line,
        "copy_of": item.copy_of,
        "derived_from": item.derived_from,
        "derivation": item.derivation,
        "taken": item.taken,
        "attached": [{"name": one.name, "opened": not one.flaws} for one in item.attached],
        "supersedes": [
            {"record": one.record, "packet": one.packet, "number": one.number, "relation": one.relation}
            for one in item.supersedes
        ],
        # a drawing of a document is a derivative of it, declared here with the original's hash beside it
        "pages": {
            "file": RECORDS_PDF,
            "first": where.page,
            "count": where.pages,
            "how": where.how,
            "letters_not_drawn": where.undrawn,
        },
    }


def _study(study: PlacedStudy) -> dict[str, Any]:
    item = study.item
    return {
        "record": item.record,
        "study_instance_uid": item.study_instance_uid,
        "title": item.title,
        "modalities": list(item.modalities),
        "first_of_several": list(item.conflicting),
        "date": _time(item.at),
        "day": str(item.day) if item.day else None,
        "source": {"id": item.source, "name": item.source_name},
        "labels": sorted(item.labels),
        "basis": item.basis,
        "line": item.line,
        "taken": item.taken,
        "series": [
            {
                "series_instance_uid": series.item.series_instance_uid,
                "instances": [
                    {
                        "sop_instance_uid": instance.sop_instance_uid,
                        "path": path,
                        "bytes": instance.location.length,
                        "sha256": instance.location.sha256,
                    }
                    for path, instance in series.instances
                ],
            }
            for series in study.series
        ],
    }


def _time(when: datetime | None) -> str | None:
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if when else None


def _day(when: date | None) -> str | None:
    return when.isoformat() if when else None
