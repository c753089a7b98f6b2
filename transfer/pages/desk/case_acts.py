"""What people do with a request, each on a small page of its own that says what follows before it is sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from functools import partial
from typing import Final

from transfer.completeness import SETTLED, WaiverKind
from transfer.flow import desk
from transfer.flow.desk import ENDINGS, Call, Callee, CallOutcome, Dossier
from transfer.identifiers import CaseId, PermissionId, RequestId
from transfer.pages.desk.words import called, words
from transfer.pages.forms import Fields, Problems
from transfer.pages.routes import Act, Answer, Asked, Declared, Next, Page
from transfer.permissions import End
from transfer.rights import Right
from transfer.source_answers import SaidBy

Choices = Sequence[tuple[str, str]]
Does = Callable[[Asked, CaseId, Problems], Callable[[], object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of such a page. `kind` is a macro of `forms.html`."""

    kind: str
    name: str
    label: str
    choices: Choices = ()
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAct:
    """One thing that people do with a request. `does` reads the form and returns what is done if nothing is wrong."""

    path: str
    right: Right
    title: str
    button: str
    follows: tuple[str, ...]
    fields: Callable[[Asked, Dossier], Sequence[Field]]
    does: Does
    #: it destroys, ends or lets something leave: whoever does it ticks that they read what follows
    is_grave: bool = False
    #: it lets something leave, so nobody is to do it while it is stopped
    is_release: bool = False

    @property
    def declared(self) -> tuple[Declared, ...]:
        path = f"/desk/cases/{{case}}/{self.path}"
        return (
            Page(path=path, right=self.right, show=partial(_show, self)),
            Act(path=path, right=self.right, do=partial(_do, self)),
        )


def _show(act: CaseAct, asked: Asked, problems: Problems | None = None) -> Answer:
    case = asked.id(CaseId, "case")
    found = desk.dossier(asked.services, case, actor=asked.actor)
    is_stopped = act.is_release and bool(found.ready and found.ready.stopped)
    tail = "/".join(asked.path.get(one.strip("{}"), one) for one in act.path.split("/"))
    return Answer(
        template="case_act.html",
        title=act.title,
        context={
            "act": act,
            "found": found,
            "action": f"/desk/cases/{case}/{tail}",
            "is_stopped": is_stopped,
            "shown": act.fields(asked, found),
            "fields": asked.fields if asked.fields.sent else _begun(asked),
            "problems": problems or Problems(),
        },
        status=422 if problems else 200,
    )


def _begun(asked: Asked) -> Fields:
    """What a link to the page says already: about which request a facility is called."""
    request = asked.query.get("request", "")
    return Fields({"request": [request], "callee": [Callee.FACILITY]}) if _request(request) else Fields()


def _do(act: CaseAct, asked: Asked) -> Answer | Next:
    case, problems = asked.id(CaseId, "case"), Problems()
    does = act.does(asked, case, problems)
    if act.is_grave and not asked.fields.chosen("sure"):
        problems.add("sure", "Say that you have read what follows")
    if problems:
        return _show(act, asked, problems)
    does()
    return Next(f"/desk/cases/{case}")


def _nothing(_asked: Asked, _found: Dossier) -> Sequence[Field]:
    return ()


_NOTE: Final = Field(kind="note", name="note", label="Note (sealed)")


def _note(asked: Asked, problems: Problems) -> str | None:
    return asked.fields.note("note", problems) or None


# --- sending ----------------------------------------------------------------------------------------------------------


def _approve_fields(_asked: Asked, found: Dossier) -> Sequence[Field]:
    lacking = [(one.line, one.label) for one in found.needs if one.is_required and one.state not in SETTLED]
    ticks = Field(kind="ticks", name="without", label="It goes without", choices=lacking)
    return (*([ticks] if lacking else []), _NOTE)


def _approve(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    without, note = asked.fields.chosen("without"), _note(asked, problems)
    return lambda: desk.approve(asked.services, case, actor=asked.actor, without=without, note=note)


_TAKE_BACK: Final = (
    ("give-up", "It has left to nobody: it never goes, and another may"),
    ("recall", "It may have left: its links work no more; what left before has left"),
)


def _take_back_fields(_asked: Asked, _found: Dossier) -> Sequence[Field]:
    return (Field(kind="radios", name="how", label="How it stands", choices=_TAKE_BACK), _NOTE)


def _take_back(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    how = asked.fields.one_of("how", dict(_TAKE_BACK), problems, needed="Choose how it stands")
    verb, note = (desk.give_up if how == "give-up" else desk.recall), _note(asked, problems)
    return lambda: verb(asked.services, case, actor=asked.actor, note=note)


# --- stopping ---------------------------------------------------------------------------------------------------------

_PAUSED: Final = (End.PAUSED.value, "By telephone: stop for now. Nothing is destroyed, and it can be resumed")
_REVOKED: Final = (End.REVOKED.value, "In writing: it ends for good. Somebody confirms what is destroyed")


def _stop_fields(asked: Asked, _found: Dossier) -> Sequence[Field]:
    choices = (_PAUSED, _REVOKED) if asked.actor.may(Right.REVOKE) else (_PAUSED,)
    return (Field(kind="radios", name="how", label="How the patient said it", choices=choices),)


def _stop(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    how = asked.fields.one_of("how", (_PAUSED[0], _REVOKED[0]), problems, needed="Choose how the patient said it")
    return lambda: desk.stop_everything(asked.services, case, End(how), actor=asked.actor)


def _resume(asked: Asked, _case: CaseId, _problems: Problems) -> Callable[[], object]:
    permission = asked.id(PermissionId, "permission")
    return lambda: desk.resume(asked.services, permission, actor=asked.actor)


def _revoke(asked: Asked, _case: CaseId, _problems: Problems) -> Callable[[], object]:
    permission = asked.id(PermissionId, "permission")
    return lambda: desk.revoke(asked.services, permission, actor=asked.actor)


# --- the request itself -----------------------------------------------------------------------------------------------


def _close_fields(_asked: Asked, _found: Dossier) -> Sequence[Field]:
    endings = [(one, words(one)) for one in ENDINGS]
    return (Field(kind="radios", name="ending", label="How it ended", choices=endings), _NOTE)


def _close(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    ending = asked.fields.one_of("ending", ENDINGS, problems, needed="Choose how it ended")
    note = _note(asked, problems)
    return lambda: desk.close(asked.services, case, ending, actor=asked.actor, note=note)


def _note_fields(_asked: Asked, _found: Dossier) -> Sequence[Field]:
    return (Field(kind="note", name="text", label="Note", hint="It is sealed, and never part of a packet"),)


def _write(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    text = asked.fields.note("text", problems, needed="Write something")
    return lambda: desk.add_note(asked.services, case, text, actor=asked.actor)


def _appointment_fields(_asked: Asked, _found: Dossier) -> Sequence[Field]:
    return (
        Field(kind="day", name="appointment", label="Day of the appointment", hint="At the center. 12 19 2026"),
        Field(kind="line", name="at", label="Time there", hint="For example 09:30"),
        Field(kind="day", name="needed", label="Records needed by", hint="If empty, the day of the appointment"),
        _NOTE,
    )


def _appointment(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    fields = asked.fields
    day, needed = fields.day("appointment", problems), fields.day("needed", problems)
    at = _time(fields.line("at", problems), problems) if day else None
    if not (day or needed or problems):
        problems.add("appointment", "Enter the appointment, or by when the records are needed")
    when = datetime.combine(day, at) if day and at else None
    note = _note(asked, problems)
    return lambda: desk.change(
        asked.services, case, actor=asked.actor, appointment_at=when, needed_by=needed, note=note
    )


def _time(text: str, problems: Problems) -> time | None:
    try:
        return time.fromisoformat(text.zfill(5)).replace(tzinfo=None)
    except ValueError:
        problems.add("at", "A time as 09:30")
        return None


def _line_fields(_asked: Asked, found: Dossier) -> Sequence[Field]:
    choices = [(one, words(one)) for one in WaiverKind]
    held = [(one.record, f"{words(one.kind)} {one.record}") for one in found.records]
    record = Field(kind="select", name="record", label="Which record", choices=held, hint="For the first two alone")
    kinds = sorted(choices, key=lambda one: one[0] not in (WaiverKind.ANSWERED_BY, WaiverKind.SUBSTITUTE))
    return (Field(kind="radios", name="waiver", label="This line", choices=kinds), *([record] if held else []), _NOTE)


def _line(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    chosen = asked.fields.one_of("waiver", [*WaiverKind], problems, needed="Choose what is so")
    record, note = asked.fields.raw("record") or None, _note(asked, problems)
    names_one = chosen in (WaiverKind.ANSWERED_BY, WaiverKind.SUBSTITUTE)
    if names_one and not record:
        problems.add("record", "Choose the record")
    return lambda: desk.waive(
        asked.services,
        case,
        asked.path["line"],
        WaiverKind(chosen),
        actor=asked.actor,
        record=record if names_one else None,
        note=note,
    )


# --- calls ------------------------------------------------------------------------------------------------------------


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
        _NOTE,
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
    promised, look = fields.day("promised", problems), fields.day("next", problems)
    request = _request(fields.raw("request")) if callee == Callee.FACILITY else None
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


def _request(text: str) -> RequestId | None:
    return RequestId(text) if RequestId.pattern.fullmatch(text) else None


# --- all of them ------------------------------------------------------------------------------------------------------

ACTS: Final = (
    CaseAct(
        path="approve",
        right=Right.RELEASE,
        title="Send what is here",
        button="Send it",
        follows=(
            "A packet with what is received and covered goes to the center, under your name.",
            "What has left cannot be fetched back.",
        ),
        fields=_approve_fields,
        does=_approve,
        is_grave=True,
        is_release=True,
    ),
    CaseAct(
        path="stop",
        right=Right.STOP,
        title="The patient says stop",
        button="Stop now",
        follows=(
            "Nothing more goes to anybody, at once; downloads that are open are cut.",
            "What left before has left.",
        ),
        fields=_stop_fields,
        does=_stop,
    ),
    CaseAct(
        path="call",
        right=Right.WORK_ON_CASES,
        title="Log a call",
        button="Log it",
        follows=("What a facility promises moves its request: it is looked for by that day.",),
        fields=_call_fields,
        does=_call,
    ),
    CaseAct(
        path="appointment",
        right=Right.WORK_ON_CASES,
        title="Appointment",
        button="Change it",
        follows=("It stands until the referral itself says something new.",),
        fields=_appointment_fields,
        does=_appointment,
    ),
    CaseAct(
        path="note",
        right=Right.WORK_ON_CASES,
        title="Add a note",
        button="Keep it",
        follows=(),
        fields=_note_fields,
        does=_write,
    ),
    CaseAct(
        path="close",
        right=Right.WORK_ON_CASES,
        title="Close the request",
        button="Close it",
        follows=(
            "What is requested is withdrawn, and its questions fall.",
            "The links of its packets work no more. Nothing is destroyed by this.",
        ),
        fields=_close_fields,
        does=_close,
        is_grave=True,
    ),
    CaseAct(
        path="line/{line}",
        right=Right.RELEASE,
        title="Settle a line",
        button="Settle it",
        follows=("What you say goes before every rule. A later answer takes it back.",),
        fields=_line_fields,
        does=_line,
    ),
    CaseAct(
        path="recall",
        right=Right.RELEASE,
        title="Take a packet back",
        button="Take it back",
        follows=("It is handed to nobody any more.", "Another packet may go once a person approves it."),
        fields=_take_back_fields,
        does=_take_back,
        is_grave=True,
    ),
    CaseAct(
        path="resume/{permission}",
        right=Right.RELEASE,
        title="Resume an authorization",
        button="Resume it",
        follows=("What it covers is requested again, and may be sent.",),
        fields=_nothing,
        does=_resume,
        is_grave=True,
    ),
    CaseAct(
        path="revoke/{permission}",
        right=Right.REVOKE,
        title="Revocation of an authorization",
        button="Revoke it",
        follows=(
            "Nothing more goes under it, at once, and for good.",
            "Somebody confirms what is destroyed of what nothing else covers.",
        ),
        fields=_nothing,
        does=_revoke,
        is_grave=True,
    ),
)
DECLARED: Final = tuple(declared for act in ACTS for declared in act.declared)
