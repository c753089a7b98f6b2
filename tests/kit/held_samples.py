"""A FHIR server that holds what a sample in `tests/samples/fhir-sources` says."""

import json
from pathlib import Path
from typing import Any

from tests.kit.scripted_fhir import Answers, Asked, Said, an_institution, as_json, searchset
from transfer.patients import Demographics, IssuedIdentifier

SOURCES = Path(__file__).parent.parent / "samples" / "fhir-sources"
PUSHES = Path(__file__).parent.parent / "samples" / "fhir-pushes"
NUMBERS = "urn:oid:2.16.840.1.113883.19.71.1.1"
INSTITUTION = an_institution(issuers={"LAKE": NUMBERS})
#: the patient whom all samples are about, by number alone
WHO = Demographics(identifiers=(IssuedIdentifier(NUMBERS, "L0000042"),))


def a_source(name: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((SOURCES / f"{name}.json").read_bytes())
    return sample


def a_push(name: str, body: int = 1) -> bytes:
    return (PUSHES / f"{name}.body{body}.json").read_bytes()


def answers_of(sample: dict[str, Any], *, offers_include: bool = True) -> Answers:
    """All that it holds, each search on one page. Without `offers_include` a report's results do not come along."""

    def answers(asked: Asked) -> Said | None:
        held = sample["Binary"].get(asked.path)
        if held:
            return Said(held["status"], held["body"].encode("latin-1"), held["content_type"])
        kind, _, number = asked.path.removeprefix("/fhir/").partition("/")
        if kind not in ("Patient", "DocumentReference", "DiagnosticReport", "Observation"):
            return None
        if number and number != "_search":
            found = [each for each in sample[kind] if each["id"] == number]
            return as_json(found[0]) if found else None
        wanted = asked.query.get("_id", [])
        resources = [each for each in sample[kind] if not wanted or each["id"] in wanted]
        if "_include" in asked.query and offers_include:
            resources = [*resources, *sample["Observation"]]
        return as_json(searchset(*resources))

    return answers
