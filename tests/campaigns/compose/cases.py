"""Cases from referral to verified packet, as institutions and staff play them against running containers."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.campaigns.compose.stack import PERSON, Stack, until
from transfer.sandbox.charts import draw_chart

#: who holds something of the patient
_HOLDERS = ("oncology", "pathology", "archive")


@dataclass(slots=True, kw_only=True)
class Case:
    """One patient's case. `name` is known once the referral is read."""

    chart: dict[str, Any]
    name: str = ""
    has_slides: bool = False
    packet: str = ""


def a_chart(marked: str | None = None) -> dict[str, Any]:
    """A new made-up patient, drawn by the institutions' own program."""
    return draw_chart(marked=marked)


def begin(stack: Stack, chart: dict[str, Any]) -> Case:
    """The institutions hold the patient's records; form, referral and report are sent."""
    for institution in _HOLDERS:
        stack.order(institution, "patients", chart)
    stack.order("oncology", "send-release-form", {"chart": chart["id"]})
    stack.order("oncology", "send-referral", {"chart": chart["id"]})
    stack.order("pathology", "send-report", {"chart": chart["id"], "status": "F"})
    return Case(chart=chart)


def begin_when_well(stack: Stack, chart: dict[str, Any], seconds: float) -> Case:
    """Begin as soon as the doors and the institutions answer; what an institution sends twice is one message.

    Raises:
        NotYet: they do not answer within `seconds`.
    """
    found: Case = until("a case can begin", lambda: begin(stack, chart), seconds)
    return found


def finish(stack: Stack, cases: Sequence[Case], seconds: float) -> None:
    """Do what staff have to, until the center holds a packet of each case, has receipted it, and it verifies.

    Raises:
        AssertionError: a packet does not verify, or the ledger is not whole.
        NotYet: a case did not come to its end within `seconds`.
    """
    open_cases(stack, cases, seconds)
    until("every packet is handed over and receipted", lambda: _is_over(stack, cases), seconds)
    keys = stack.public_keys()
    for case in cases:
        if not stack.verifies(case.packet, keys):
            raise AssertionError(f"a packet of {case.name} does not verify")
    if stack.transfer("trail", "verify")["broken"]:
        raise AssertionError("the ledger is not whole")


def open_cases(stack: Stack, cases: Sequence[Case], seconds: float) -> None:
    """Wait until every referral is a case, and has its name.

    Raises:
        NotYet: one is not within `seconds`.
    """
    until("every referral is a case", lambda: all(_is_named(stack, one) for one in cases), seconds)


def records(stack: Stack, case: Case) -> Counter[tuple[str, str]]:
    """How many records of which institution and kind a case has; those another replaced are not counted."""
    held = stack.transfer("case", "show", case.name)["records"]
    return Counter((one["institution"], one["kind"]) for one in held if not one["is_superseded"])


def _is_named(stack: Stack, case: Case) -> bool:
    if not case.name:
        patient = case.chart["patient"]
        said = f"{patient['family']}\n{patient['birth_date']}\n"
        script = "transfer case find --json || test $? = 1"
        found = json.loads(stack.inside("gateway", "sh", "-c", script, said=said.encode()))
        case.name = found[0]["case"] if found else ""
    return bool(case.name)


def step(stack: Stack, cases: Sequence[Case]) -> None:
    """Do what staff have to at this moment: count in the slides, which come after the packet went."""
    for case in cases:
        if not case.has_slides and stack.transfer("case", "show", case.name)["packets"]:
            _count_slides(stack, case)


def _is_over(stack: Stack, cases: Sequence[Case]) -> bool:
    step(stack, cases)
    held = stack.order("center", "packets")
    for case in cases:
        done = [one for one in held if one["packet"].startswith(case.name) and one["state"] == "done"]
        case.packet = done[-1]["folder"] if done else ""
    return all(one.packet for one in cases) and all(_is_receipted(stack, one) for one in cases)


def _count_slides(stack: Stack, case: Case) -> None:
    pieces = str(len(case.chart["pathology"]["slides"]))
    accession = case.chart["pathology"]["accession"]["value"]
    words = ("material", "receive", case.name, "--pieces", pieces, "--announced", pieces, "--person", PERSON)
    stack.transfer(*words, said=f"{accession}\n")
    case.has_slides = True


def _is_receipted(stack: Stack, case: Case) -> bool:
    packets = stack.transfer("case", "show", case.name)["packets"]
    return bool(packets) and packets[-1]["receipt"] is not None
