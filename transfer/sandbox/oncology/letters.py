"""What Lakeside sends of its own accord: the signed release form, the referral, and answers."""

import base64
from typing import Any

from transfer.sandbox import paper
from transfer.sandbox.charts import Chart
from transfer.sandbox.directory import ALL, LAKESIDE, NPI
from transfer.sandbox.narratives import stage
from transfer.sandbox.oncology import resources
from transfer.sandbox.oncology.documents import LOINC, documents
from transfer.sandbox.oncology.resources import Resource

_ROLE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_SENSITIVITY = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_STATEMENT = "urn:records-transfer:statement"


def release_form(chart: Chart, overrides: dict[str, Any]) -> Resource:
    """An R4 Consent with the signed form as PDF.

    `overrides` change what the form says (the keys of `chart["form"]`: `signed_at`, `expires_on`, `disclosers`,
    `recipients`, `statements`, `purpose`, `status`, `special`, `codes`, `representative`, `number` ...; null leaves
    it out), and `resource` patches the finished Consent (RFC 7386).
    """
    said = {**overrides}
    patch = said.pop("resource", {})
    unknown = sorted(set(said) - set(chart["form"]))
    if unknown:
        raise ValueError(f"a release form says nothing about: {', '.join(unknown)}")
    chart = {**chart, "form": {**chart["form"], **said}}
    if isinstance(chart["form"]["number"], str):
        chart["form"]["number"] = {"system": f"urn:oid:{LAKESIDE.oid}.4", "value": chart["form"]["number"]}
    patched = _merged(_consent(chart), patch)
    return dict(patched)


def _consent(chart: Chart) -> Resource:
    form = chart["form"]
    contained = [{**resources.patient(chart), "id": "patient"}]
    performer = {"reference": "#patient"}
    if form["representative"]:
        contained.append(_representative(form["representative"]))
        performer = {"reference": "#representative"}
    consent: Resource = {
        "resourceType": "Consent",
        "contained": contained,
        "extension": [{"url": _STATEMENT, "valueCode": said} for said in form["statements"]],
        "identifier": [form["number"]],
        "status": form["status"],
        "scope": _concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [_concept(LOINC, "64292-6", "Release of information consent")],
        "patient": {
            "reference": "#patient",
            "identifier": chart["numbers"][LAKESIDE.id],
        },
        "performer": [performer] if form["signed_at"] else [],
        "organization": [_organization(LAKESIDE.id)],
        "sourceAttachment": _signed_form(chart),
        "policyRule": _concept("http://terminology.hl7.org/CodeSystem/consentpolicycodes", "hipaa-auth"),
        "provision": _provision(form),
    }
    if form["signed_at"]:
        consent["dateTime"] = form["signed_at"]
        consent["verification"] = [{"verified": form["verified"], "verificationDate": form["signed_at"]}]
    return {name: value for name, value in consent.items() if value != []}


def _provision(form: dict[str, Any]) -> dict[str, Any]:
    actors = [_actor("CST", known) for known in form["disclosers"]] + [_actor("IRCP", k) for k in form["recipients"]]
    period = {"start": form["starts_on"], "end": form["expires_on"]}
    provision = {
        "type": form["type"],
        "period": {end: day for end, day in period.items() if day},
        "actor": actors,
        "action": [_concept("http://terminology.hl7.org/CodeSystem/consentaction", "disclose")],
        "securityLabel": _labels(form["special"]),
        "purpose": [{"system": _REASON, "code": form["purpose"]}] if form["purpose"] else [],
        "code": [_concept(LOINC, code) for code in form["codes"]],
    }
    return {name: value for name, value in provision.items() if value not in ([], {})}


def _labels(special: list[str]) -> list[dict[str, str]]:
    """A form that releases a category releases the ordinary records, too: labels are a filter."""
    ordinary = [{"system": _CONFIDENTIALITY, "code": "N"}] if special else []
    return ordinary + [{"system": _SENSITIVITY, "code": category} for category in special]


def _signed_form(chart: Chart) -> dict[str, Any]:
    attachment = {
        "contentType": "application/pdf",
        "data": base64.b64encode(paper.release_form(chart)).decode(),
        "title": chart["form"]["description"],
    }
    return {name: value for name, value in attachment.items() if value}


def _representative(who: dict[str, Any]) -> Resource:
    person: Resource = {
        "resourceType": "RelatedPerson",
        "id": "representative",
        "patient": {"reference": "#patient"},
        "name": [{"text": who["name"]}],
    }
    if who.get("authority"):
        person["relationship"] = [{"text": who["authority"]}]
    return person


def referral(chart: Chart, overrides: dict[str, Any]) -> Resource:
    """A transaction of Patient, ServiceRequest and Task. `overrides` change the keys of `chart["referral"]`."""
    said = {**chart["referral"], **overrides}
    who, order = f"urn:uuid:{chart['fhir_id']}", f"urn:uuid:{chart['documents']['consultation']['id']}"
    entries = [
        (who, "Patient", {k: v for k, v in resources.patient(chart).items() if k != "id"}),
        (order, "ServiceRequest", _order(chart, said, who)),
        (f"urn:uuid:{chart['documents']['progress']['id']}", "Task", _task(said, who, order)),
    ]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"fullUrl": full, "resource": resource, "request": {"method": "POST", "url": kind}}
            for full, kind, resource in entries
        ],
    }


def _order(chart: Chart, said: dict[str, Any], who: str) -> Resource:
    found = chart["diagnosis"]
    coding = [
        {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": found["icd10"], "display": found["display"]},
        {"system": "http://snomed.info/sct", "code": found["snomed"], "display": _snomed_display(found)},
    ]
    return {
        "resourceType": "ServiceRequest",
        "contained": [*_doctor(), _condition(chart, coding, who)],
        "identifier": [said["number"]],
        "status": "active",
        "intent": "order",
        "priority": said["priority"],
        "code": {"text": "Second opinion"},
        "subject": {"reference": who},
        "occurrenceDateTime": said["appointment_at"],
        "authoredOn": f"{chart['drawn_on']}T12:00:00Z",
        "requester": {"reference": "#role"},
        "performer": [_organization(said["receiver"])],
        "reasonCode": [{"coding": coding, "text": said["question"]}],
        "reasonReference": [{"reference": "#condition"}],
        "supportingInfo": [_organization(known) for known in said["sources"]],
        "note": [{"text": said["question"]}],
    }


def _snomed_display(found: dict[str, Any]) -> str:
    return "Malignant neoplasm of colon" if "histology" not in found else str(found["display"])


def _doctor() -> list[Resource]:
    """Who refers, and by which telephone that person is reached."""
    telephone = {"system": "phone", "value": "+1 262 555 0142"}
    person = {"resourceType": "Practitioner", "id": "doctor", "name": [{"family": "Ruiz", "given": ["Ana"]}]}
    role = {
        "resourceType": "PractitionerRole",
        "id": "role",
        "practitioner": {"reference": "#doctor"},
        "organization": _organization(LAKESIDE.id),
        "telecom": [telephone],
    }
    return [person, role]


def _condition(chart: Chart, coding: list[dict[str, str]], who: str) -> Resource:
    return {
        "resourceType": "Condition",
        "id": "condition",
        "code": {"coding": coding},
        "stage": [{"summary": {"text": stage(chart)}}],
        "subject": {"reference": who},
    }


def _task(said: dict[str, Any], who: str, order: str) -> Resource:
    return {
        "resourceType": "Task",
        "identifier": [said["number"]],
        "status": "requested",
        "intent": "order",
        "priority": said["priority"],
        "code": _concept("http://hl7.org/fhir/CodeSystem/task-code", "fulfill"),
        "focus": {"reference": order},
        "for": {"reference": who},
        "requester": _organization(LAKESIDE.id),
        "owner": _organization(said["receiver"]),
        "restriction": {"period": {"end": said["needed_by"]}},
    }


def pushed(chart: Chart, name: str) -> Resource:
    """A document sent unasked: a transaction of DocumentReference and Binary."""
    document = next(d for d in documents(chart) if d.name == name and "DocumentReference" in d.filed)
    reference = next(
        r for r in resources.of("DocumentReference", chart, "") if r["id"] == chart["documents"][name]["id"]
    )
    binary = f"urn:uuid:{chart['documents'][name]['binary']}"
    content = {"attachment": {"contentType": document.content_type, "url": binary, "title": document.title}}
    about = {"reference": "#patient", "identifier": chart["numbers"][LAKESIDE.id]}
    reference = {
        **{k: v for k, v in reference.items() if k != "id"},
        "contained": [{**resources.patient(chart), "id": "patient"}],
        "subject": about,
        "content": [content],
    }
    entries = [("DocumentReference", f"urn:uuid:{chart['documents'][name]['id']}", reference)]
    entries.append(("Binary", binary, {k: v for k, v in resources.binary("", document).items() if v}))
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"fullUrl": full, "resource": resource, "request": {"method": "POST", "url": kind}}
            for kind, full, resource in entries
        ],
    }


def _organization(known: str) -> dict[str, Any]:
    entry = ALL[known]
    return {"type": "Organization", "identifier": {"system": NPI, "value": entry.npi}, "display": entry.name}


def _actor(role: str, known: str) -> dict[str, Any]:
    return {"role": _concept(_ROLE, role), "reference": _organization(known)}


def _concept(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]}


def _merged(target: Any, patch: Any) -> Any:
    """JSON merge patch, RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
