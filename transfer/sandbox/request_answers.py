"""What an institution says to a request for records: a FHIR Task, in the codes that were agreed or in its own words."""

from typing import Any

from transfer.sandbox.directory import ALL, NPI

_REQUEST = "urn:records-transfer:request"
_REASON = "urn:records-transfer:reason"


def task(said: dict[str, Any]) -> dict[str, Any]:
    """`request` and `status`, and as far as they are given: `code` (agreed), `words`, `day`, `fee` (value, currency),
    `elsewhere` (an institution's id, or a name), `person`, `number` (its own), `written_at`.

    Raises:
        KeyError: no request or no status is named.
    """
    reference = {"system": _REQUEST, "value": said["request"]}
    concept: dict[str, Any] = {}
    if code := said.get("code"):
        concept["coding"] = [{"system": _REASON, "code": code}]
    if words := said.get("words"):
        concept["text"] = words
    found: dict[str, Any] = {
        "resourceType": "Task",
        "identifier": [reference, *([{"system": "urn:its-own", "value": said["number"]}] if "number" in said else [])],
        "status": said["status"],
        "intent": "order",
        "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
        "focus": {"identifier": reference},
        "statusReason": concept,
        "output": _outputs(said),
        "lastModified": said.get("written_at"),
        "owner": {"display": said["person"]} if "person" in said else None,
    }
    return {name: value for name, value in found.items() if value}


def _outputs(said: dict[str, Any]) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    if day := said.get("day"):
        outputs.append({"type": {"text": "ready on"}, "valueDate": day})
    if fee := said.get("fee"):
        outputs.append({"type": {"text": "fee"}, "valueMoney": fee})
    if where := said.get("elsewhere"):
        known = ALL.get(where)
        number = {"identifier": {"system": NPI, "value": known.npi}} if known else {}
        outputs.append(
            {"type": {"text": "held at"}, "valueReference": {**number, "display": known.name if known else where}}
        )
    return outputs
