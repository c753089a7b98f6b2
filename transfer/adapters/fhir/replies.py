"""What a source says on our reply page, as the messages that a source with an interface would have sent.

So there is one way in for both: the same arrival, read by the same reader (https://hl7.org/fhir/R4/task.html,
https://hl7.org/fhir/R4/diagnosticreport.html).
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from transfer.adapters.fhir.codes import REASON, REQUEST
from transfer.adapters.fhir.trees import dump
from transfer.adapters.loinc import LOINC, LOINC_KINDS
from transfer.arrivals import OTHER_REASON
from transfer.identifiers import RequestId
from transfer.patients import Demographics
from transfer.records import RecordKind
from transfer.requests import PROMISED, RequestAnswer
from transfer.source_answers import SourceAnswer

_A = RequestAnswer
#: a Task that says so has ended
_ENDED: Final = frozenset({_A.NO_RECORDS, _A.NOT_FOUND, _A.REFUSED})
#: a Task that says so is under way
_UNDER_WAY: Final = frozenset(RequestAnswer(state) for state in PROMISED)
#: the code by which we say a kind: the first of those that mean it
_CODES: Final[Mapping[RecordKind, str]] = {kind: code for code, kind in reversed([*LOINC_KINDS.items()])}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFile:
    """A file as it was uploaded: what it is by its bytes, and what its sender says that it is."""

    content_type: str
    content: bytes
    kind: RecordKind
    title: str


def task_of(request: RequestId, said: SourceAnswer, at: datetime) -> bytes:
    """The answer as a Task about the request. `at` is UTC."""
    by = said.by
    task: dict[str, Any] = {
        "resourceType": "Task",
        "intent": "order",
        "status": "rejected" if said.answer in _ENDED else "in-progress" if said.answer in _UNDER_WAY else "on-hold",
        "focus": {"identifier": _number(request)},
        "lastModified": at.isoformat(timespec="milliseconds"),
        "businessStatus": _coded(said),
        "identifier": [{"value": by.reference}] if by.reference else [],
        "owner": {"display": by.person} if by.person else None,
        "note": [{"text": by.words}] if by.words else [],
        "output": _outputs(said),
    }
    return dump({name: value for name, value in task.items() if value not in ([], None)})


def report_of(request: RequestId, patient: Demographics, files: Sequence[ReplyFile], person: str) -> bytes:
    """The files as reports about the patient of the request, in a bundle. Their state is not known: somebody here looks
    at them before they count.
    """
    resources = [_patient(patient), *(_report(request, one, person) for one in files)]
    entries = [
        {"fullUrl": _url(number), "resource": each, "request": {"method": "POST", "url": each["resourceType"]}}
        for number, each in enumerate(resources)
    ]
    return dump({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def _number(request: RequestId) -> dict[str, str]:
    return {"system": REQUEST, "value": request}


def _coded(said: SourceAnswer) -> dict[str, Any] | None:
    """The reason says which answer it is, where it is one of ours. What only its words say has no code."""
    if said.answer is _A.UNCLEAR:
        return None
    code = said.reason if said.reason not in (None, OTHER_REASON) else said.answer
    return {"coding": [{"system": REASON, "code": str(code)}]}


def _outputs(said: SourceAnswer) -> list[dict[str, Any]]:
    found = []
    if said.day:
        found.append(_output(valueDate=said.day.isoformat()))
    if said.fee:
        found.append(_output(valueMoney={"value": said.fee.amount, "currency": said.fee.currency}))
    return found


def _output(**value: object) -> dict[str, Any]:
    return {"type": {"text": "answer"}, **value}


def _attachment(one: ReplyFile) -> dict[str, str]:
    return {
        "contentType": one.content_type,
        "data": base64.b64encode(one.content).decode("ascii"),
        "title": one.title,
    }


def _report(request: RequestId, one: ReplyFile, person: str) -> dict[str, Any]:
    code = _CODES.get(one.kind)
    return {
        "resourceType": "DiagnosticReport",
        "status": "unknown",
        "identifier": [_number(request)],
        "subject": {"reference": _url(0)},
        "code": {"text": one.title, **({"coding": [{"system": LOINC, "code": code}]} if code else {})},
        "performer": [{"display": person}],
        "presentedForm": [_attachment(one)],
    }


def _patient(who: Demographics) -> dict[str, Any]:
    """As our letter says it. Each name is one of theirs."""
    found: dict[str, Any] = {
        "resourceType": "Patient",
        "name": [{"family": name.family, "given": list(name.given)} for name in who.names],
        "identifier": [{"system": one.issuer, "value": one.value} for one in who.identifiers],
    }
    if who.birth_date:
        found["birthDate"] = who.birth_date.isoformat()
    if who.sex:
        found["gender"] = who.sex
    return found


def _url(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"
