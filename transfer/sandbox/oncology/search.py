"""FHIR search over what the office holds: the parameters US Core asks of a server, and 400 for any other."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from transfer.sandbox.oncology.resources import Resource

#: rides along on the first page, as it does on real servers; it is no match
REMARK = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "information", "code": "informational", "diagnostics": "Results may be incomplete"}],
}
#: parameters about the answer rather than about what is looked for
_ABOUT_THE_ANSWER = {"_count", "_sort", "_format", "_total", "_summary", "_elements", "_include", "_revinclude"}


class UnknownParameterError(Exception):
    """A parameter this server does not know. Ignoring it would give more than was asked for."""


def matching(
    kind: str, held: Iterable[Resource], parameters: list[tuple[str, str]], patients: Mapping[str, Resource]
) -> list[Resource]:
    """The resources that match all parameters; values separated by commas are alternatives."""
    tests = [
        (_test(kind, name, patients), re.split(r"(?<!\\),", wanted))
        for name, wanted in parameters
        if name not in _ABOUT_THE_ANSWER and wanted
    ]
    return [r for r in held if all(any(test(r, value) for value in values) for test, values in tests)]


def _test(kind: str, name: str, patients: Mapping[str, Resource]) -> Callable[[Resource, str], bool]:
    about_patient: dict[str, Callable[[Resource, str], bool]] = {
        "family": lambda r, v: any(_starts(n["family"], v) for n in r["name"]),
        "given": lambda r, v: any(_starts(g, v) for n in r["name"] for g in n["given"]),
        "name": lambda r, v: any(_starts(word, v) for n in r["name"] for word in (n["family"], *n["given"])),
        "birthdate": lambda r, v: bool(r["birthDate"] == v.removeprefix("eq")),
        "gender": lambda r, v: bool(r["gender"] == v),
    }
    about_document: dict[str, Callable[[Resource, str], bool]] = {
        "patient": lambda r, v: bool(r["subject"]["reference"] == f"Patient/{v.rpartition('/')[2]}"),
        "subject": lambda r, v: bool(r["subject"]["reference"] == f"Patient/{v.rpartition('/')[2]}"),
        "patient.identifier": lambda r, v: _identified(patients[r["subject"]["reference"].rpartition("/")[2]], v),
        "category": lambda r, v: any(_coded(c, v) for c in r["category"]),
        "type" if kind == "DocumentReference" else "code": lambda r, v: _coded(r.get("type") or r["code"], v),
        "date": lambda r, v: _dated(r.get("date") or r["effectiveDateTime"], v),
        "status": lambda r, v: bool(r["status"] == v.rpartition("|")[2]),
    }
    known = {
        "_id": lambda r, v: bool(r["id"] == v),
        "identifier": _identified,
        **(about_patient if kind == "Patient" else about_document),
    }
    base, _, modifier = name.partition(":")
    if base not in known or modifier not in ("", "exact", "Patient"):
        raise UnknownParameterError(name)
    return known[base]


def _starts(text: str, wanted: str) -> bool:
    return text.casefold().startswith(_unescaped(wanted).casefold())


def _identified(resource: Resource, wanted: str) -> bool:
    system, bar, value = _token(wanted)
    return any(i["value"] == value and (not bar or i["system"] == system) for i in resource["identifier"])


def _coded(concept: dict[str, Any], wanted: str) -> bool:
    system, bar, code = _token(wanted)
    return any(c["code"] == code and (not bar or c["system"] == system) for c in concept["coding"])


def _token(wanted: str) -> tuple[str, str, str]:
    """`system|value`, `|value` or `value`; a bar or comma of the value's own comes escaped (R4 3.1.1.5.7)."""
    before, bar, after = re.sub(r"(?<!\\)\|", "\0", wanted, count=1).partition("\0")
    return (_unescaped(before), bar, _unescaped(after)) if bar else ("", "", _unescaped(before))


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\\$,|])", r"\1", text)


def _dated(text: str, wanted: str) -> bool:
    """`ge`, `gt`, `le`, `lt`, `eq` or nothing before a date, at the precision of what was asked (R4 3.1.1.4.5)."""
    prefix, value = (wanted[:2], wanted[2:]) if wanted[:2].isalpha() else ("eq", wanted)
    own = datetime.fromisoformat(text).isoformat()[: len(value)]
    compared = {"ge": own >= value, "gt": own > value, "le": own <= value, "lt": own < value, "eq": own == value}
    return compared.get(prefix, False)
