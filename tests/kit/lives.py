"""What becomes of one document, said in each language: the whole document anew, with another word on its state."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tests.kit.builders import LAKESIDE, PRAIRIE
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import Door
from transfer.identifiers import InstitutionId
from transfer.records import DocumentStatus as Status
from transfer.records import Relation
from transfer.sandbox.charts import Chart

FHIR = "application/fhir+json"


@dataclass(frozen=True)
class Sent:
    """A message, by whom and how it comes."""

    institution: InstitutionId
    body: bytes
    content_type: str
    door: Door


@dataclass(frozen=True)
class Word:
    """One word of a language on a document of the number it is given, which says `text`, at a time (UTC)."""

    language: str
    status: Status
    say: Callable[[Chart, str, str, datetime], Sent]
    #: what it does to the document that came before, by a relation of its own
    relation: Relation | None = None

    def __str__(self) -> str:
        return f"{self.language}-{self.status}" + (f"-{self.relation}" if self.relation else "")


def _oru(report: str, result: str) -> Callable[[Chart, str, str, datetime], Sent]:
    def say(chart: Chart, number: str, text: str, at: datetime) -> Sent:
        return _hl7(
            chart,
            at,
            "ORU^R01^ORU_R01",
            f"OBR|1||{number}^PRAIRIELIS|11529-5^Surgical pathology study^LN|||20261001||||||||||||||"
            f"|{at:%Y%m%d%H%M%S}+0000||PAT|{report}",
            f"OBX|1|TX|22637-3^Path report.final diagnosis^LN|1|{text}||||||{result}",
        )

    return say


def _mdm(
    trigger: str, completion: str, availability: str, *, renamed: bool = False
) -> Callable[[Chart, str, str, datetime], Sent]:
    def say(chart: Chart, number: str, text: str, at: datetime) -> Sent:
        own, parent = (f"{number}-B", number) if renamed else (number, "")
        return _hl7(
            chart,
            at,
            f"MDM^{trigger}^MDM_T02",
            f"EVN|{trigger}|{at:%Y%m%d%H%M%S}+0000",
            f"TXA|1|SP|AP|20261001||20261001||||||{own}^PRAIRIELIS|{parent and parent + '^PRAIRIELIS'}||||"
            f"{completion}|U|{availability}",
            f"OBX|1|TX|11526-1^Pathology study^LN|1|{text}||||||F",
        )

    return say


def _hl7(chart: Chart, at: datetime, kind: str, *segments: str) -> Sent:
    who, number = chart["patient"], chart["numbers"][PRAIRIE]["value"]
    born, sex = who["birth_date"].replace("-", ""), who["sex"][0].upper()
    head = rf"MSH|^~\&|PRAIRIELIS|PRAIRIE|RECORDS|TRANSFER|{at:%Y%m%d%H%M%S}+0000||{kind}|{_control(segments)}|P|2.5.1"
    pid = f"PID|1||{number}^^^PRAIRIE^MR||{who['family']}^{'^'.join(who['given'])}||{born}|{sex}"
    events = [one for one in segments if one.startswith("EVN")]
    rest = [one for one in segments if one not in events]
    body = "".join(f"{segment}\r" for segment in (head, *events, pid, *rest)).encode()
    return Sent(PRAIRIE, body, HL7_V2, Door.MLLP)


def _control(segments: tuple[str, ...]) -> str:
    """A number for each message, the same in each run."""
    return hashlib.sha256("|".join(segments).encode()).hexdigest()[:20]


def _reference(
    status: str, written: str | None, *, renamed: bool = False
) -> Callable[[Chart, str, str, datetime], Sent]:
    def say(chart: Chart, own: str, text: str, at: datetime) -> Sent:
        resource = a_reference(f"{own}-B" if renamed else own, text, status=status)
        if written:
            resource["docStatus"] = written
        if renamed:
            resource["relatesTo"] = [{"code": "replaces", "target": {"identifier": number(own)}}]
        return pushed(chart, resource, at)

    return say


def _report(status: str) -> Callable[[Chart, str, str, datetime], Sent]:
    def say(chart: Chart, own: str, text: str, at: datetime) -> Sent:
        resource = {
            "resourceType": "DiagnosticReport",
            "status": status,
            "identifier": [number(own)],
            "code": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]},
            "effectiveDateTime": "2026-10-01T10:00:00Z",
            "presentedForm": [_attached(text)],
        }
        return pushed(chart, resource, at)

    return say


def a_reference(own: str, text: str, *, status: str = "current", **further: object) -> dict[str, object]:
    """A DocumentReference of this number of its source's."""
    return {
        "resourceType": "DocumentReference",
        "status": status,
        "identifier": [number(own)],
        "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]},
        "date": "2026-10-01T10:00:00Z",
        "content": [{"attachment": _attached(text)}],
        **further,
    }


def number(value: str) -> dict[str, str]:
    return {"system": "urn:oid:2.16.840.1.113883.19.71.1.5", "value": value}


def _attached(text: str) -> dict[str, str]:
    return {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}


def pushed(chart: Chart, resource: Mapping[str, object], at: datetime) -> Sent:
    """A document of the referring office about this patient, which its server has had so since a time (UTC)."""
    who = chart["patient"]
    patient = {
        "resourceType": "Patient",
        "identifier": [chart["numbers"][LAKESIDE]],
        "name": [{"family": who["family"], "given": who["given"]}],
        "gender": who["sex"],
        "birthDate": who["birth_date"],
    }
    said = {**resource, "meta": {"lastUpdated": f"{at:%Y-%m-%dT%H:%M:%S}Z"}, "subject": {"reference": "urn:uuid:1"}}
    entries = [{"fullUrl": "urn:uuid:1", "resource": patient}, {"fullUrl": "urn:uuid:2", "resource": said}]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    return Sent(LAKESIDE, json.dumps(bundle).encode(), FHIR, Door.FHIR)


#: the languages, each by how it says that a document is final
FINAL = {
    "oru": _oru("F", "F"),
    "mdm": _mdm("T02", "AU", "AV"),
    "reference": _reference("current", "final"),
    "report": _report("final"),
}

WORDS = (
    Word("oru", Status.FINAL, _oru("F", "F")),
    Word("oru", Status.CORRECTED, _oru("C", "C")),
    Word("oru", Status.AMENDED, _oru("F", "A")),
    Word("oru", Status.APPENDED, _oru("F", "B")),
    Word("oru", Status.PRELIMINARY, _oru("P", "P")),
    Word("oru", Status.UNKNOWN, _oru("?", "F")),
    Word("oru", Status.CANCELLED, _oru("X", "X")),
    Word("oru", Status.WITHDRAWN, _oru("C", "W")),
    Word("mdm", Status.FINAL, _mdm("T02", "LA", "AV")),
    Word("mdm", Status.FINAL, _mdm("T08", "AU", "AV"), Relation.REPLACES),
    Word("mdm", Status.FINAL, _mdm("T10", "AU", "AV", renamed=True), Relation.REPLACES),
    Word("mdm", Status.FINAL, _mdm("T06", "AU", "AV", renamed=True), Relation.APPENDS),
    Word("mdm", Status.PRELIMINARY, _mdm("T02", "DO", "AV")),
    Word("mdm", Status.UNKNOWN, _mdm("T02", "", "AV")),
    Word("mdm", Status.UNAVAILABLE, _mdm("T04", "AU", "UN")),
    Word("mdm", Status.OBSOLETE, _mdm("T04", "AU", "OB")),
    Word("mdm", Status.WITHDRAWN, _mdm("T04", "AU", "CA")),
    Word("mdm", Status.CANCELLED, _mdm("T11", "AU", "")),
    Word("reference", Status.FINAL, _reference("current", None)),
    Word("reference", Status.FINAL, _reference("current", "final", renamed=True), Relation.REPLACES),
    Word("reference", Status.CORRECTED, _reference("current", "corrected")),
    Word("reference", Status.AMENDED, _reference("current", "amended")),
    Word("reference", Status.APPENDED, _reference("current", "appended")),
    Word("reference", Status.PRELIMINARY, _reference("current", "preliminary")),
    Word("reference", Status.UNKNOWN, _reference("current", "bogus")),
    Word("reference", Status.SUPERSEDED, _reference("superseded", "final")),
    Word("reference", Status.OBSOLETE, _reference("current", "deprecated")),
    Word("reference", Status.CANCELLED, _reference("current", "cancelled")),
    Word("reference", Status.ENTERED_IN_ERROR, _reference("entered-in-error", "final")),
    Word("reference", Status.ENTERED_IN_ERROR, _reference("current", "entered-in-error")),
    Word("report", Status.FINAL, _report("final")),
    Word("report", Status.CORRECTED, _report("corrected")),
    Word("report", Status.AMENDED, _report("amended")),
    Word("report", Status.APPENDED, _report("appended")),
    Word("report", Status.PRELIMINARY, _report("partial")),
    Word("report", Status.UNKNOWN, _report("unknown")),
    Word("report", Status.CANCELLED, _report("cancelled")),
    Word("report", Status.ENTERED_IN_ERROR, _report("entered-in-error")),
)
