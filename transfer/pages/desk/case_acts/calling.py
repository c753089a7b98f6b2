"""A telephone call about a request, to whomever."""

from collections.abc import Callable, Sequence
from typing import Final

from transfer.flow import desk
from transfer.flow.desk import Call, Callee, CallOutcome, Dossier
from transfer.identifiers import CaseId
from transfer.pages.desk.case_acts.act import NOTE_FIELD, CaseAct, Field, request_of
from transfer.pages.desk.words import called, words
from transfer.pages.forms import Problems
from transfer.pages.routes import Asked
from transfer.rights import Right
from transfer.source_answers import SaidBy


def _call_fields(asked: Asked, found: Dossier) -> Sequence[Field]:
    where = [(one.request, called(asked.services, one.institution), one.department) for one in found.requests]
    requests = [(request, f"{institution}, {words(department).lower()}") for request, institution, department in where]
    callees = [(one, words(one)) for one in Callee]
    outcomes = [(one, words(one)) for one in CallOutcome]
    return (
        Field(kind="radios", name="callee", label="Who was called", choices=callees),
        Field(
            kind="select", name="request", label="About which request", choices=requests, hint="For a facility alone"
        ),
        Field(kind="radios", name="outcome", label="What came of it", choices=outcomes),
        Field(kind="line", name="person", label="Spoke to"),
        Field(kind="line", name="reference", label="Their number for our request"),
        Field(kind="day", name="promised", label="Promised by"),
        Field(kind="day", name="next", label="Look again on", hint="If empty, a business day later"),
        NOTE_FIELD,
    )


def _call(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    fields = asked.fields
    callee = fields.one_of("callee", [*Callee], problems, needed="Choose who was called")
    outcome = fields.one_of("outcome", [*CallOutcome], problems, needed="Choose what came of it")
    said = SaidBy(
        person=fields.line("person", problems) or None,
        reference=fields.line("reference", problems) or None,
        words=fields.note("note", problems, longest=2000)[:2000] or None,
    )
    promised = fields.day("promised", problems, earliest=asked.yesterday)
    look = fields.day("next", problems, earliest=asked.yesterday)
    request = request_of(fields.raw("request")) if callee == Callee.FACILITY else None
    if callee == Callee.FACILITY and request is None:
        problems.add("request", "Choose what the facility was called about")
    if (outcome == CallOutcome.PROMISED) is not (promised is not None):
        problems.add("promised", "A promise has its day, and nothing else has one")
    if outcome == CallOutcome.NO_ANSWER and said.person:
        problems.add("person", "Nobody answered: leave this empty")
    if problems:
        return lambda: None
    call = Call(
        callee=Callee(callee),
        outcome=CallOutcome(outcome),
        request=request,
        promised_by=promised,
        next_action=look,
        by=said,
    )
    return lambda: desk.log_call(asked.services, case, call, actor=asked.actor)


ACTS: Final = (
    CaseAct(
        path="call",
        right=Right.WORK_ON_CASES,
        title="Log a call",
        button="Log it",
        follows=("What a facility promises moves its request: it is looked for by that day.",),
        fields=_call_fields,
        does=_call,
    ),
)
