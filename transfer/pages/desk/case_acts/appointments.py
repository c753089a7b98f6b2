"""When the patient is expected at the center: appointments made, moved, cancelled; and by when records are needed."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from transfer.errors import Unknown
from transfer.flow import desk
from transfer.flow.desk import Dossier
from transfer.identifiers import CaseId
from transfer.pages.desk.case_acts.act import NOTE_FIELD, CaseAct, Field, note_of
from transfer.pages.desk.words import zone_of
from transfer.pages.forms import Problems
from transfer.pages.routes import Asked
from transfer.rights import Right


def _fields(_asked: Asked, _found: Dossier) -> Sequence[Field]:
    return (
        Field(kind="day", name="appointment", label="Day of the appointment", hint="At the center. 12 19 2026"),
        Field(kind="line", name="at", label="Time there", hint="For example 09:30 or 2:30 pm"),
        NOTE_FIELD,
    )


def _set(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    day = asked.fields.day("appointment", problems, needed="Enter the day of the appointment", earliest=asked.yesterday)
    at, note = asked.fields.time_of_day("at", problems), note_of(asked, problems)
    if day is None or at is None:
        return lambda: None
    return lambda: desk.set_appointment(
        asked.services,
        case,
        datetime.combine(day, at),
        actor=asked.actor,
        appointment=asked.path.get("appointment"),
        note=note,
    )


def _which(asked: Asked, found: Dossier) -> str:
    key, zone = asked.path["appointment"], zone_of(asked.services, found.receiver)
    if key not in {one.key for one in found.appointments}:
        raise Unknown("there is no such page")
    at = next((one.at for one in found.appointments if one.key == key), None)
    return f"It was at {at.astimezone(zone):%d %b %Y, %H:%M} by the center's clocks." if at else ""


def _cancel(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    key, note = asked.path["appointment"], note_of(asked, problems)
    return lambda: desk.cancel_appointment(asked.services, case, key, actor=asked.actor, note=note)


def _needed(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    day, note = asked.fields.day("needed", problems, needed="Enter the day"), note_of(asked, problems)
    return lambda: desk.change(asked.services, case, actor=asked.actor, needed_by=day, note=note)


_DECIDES: Final = "The earliest that is not over decides by when the records are needed."
ACTS: Final = (
    CaseAct(
        path="appointment",
        right=Right.WORK_ON_CASES,
        title="Add an appointment",
        button="Add it",
        follows=(_DECIDES,),
        fields=_fields,
        does=_set,
    ),
    CaseAct(
        path="appointment/{appointment}",
        right=Right.WORK_ON_CASES,
        title="Move an appointment",
        button="Move it",
        follows=(_DECIDES,),
        fields=_fields,
        does=_set,
        about=_which,
    ),
    CaseAct(
        path="appointment/{appointment}/cancel",
        right=Right.WORK_ON_CASES,
        title="Cancel an appointment",
        button="Cancel it",
        follows=("The next one decides by when the records are needed. Without one that day stays.",),
        fields=lambda _asked, _found: (NOTE_FIELD,),
        does=_cancel,
        is_grave=True,
        about=_which,
    ),
    CaseAct(
        path="needed",
        right=Right.WORK_ON_CASES,
        title="Records needed by",
        button="Change it",
        follows=("It stands until another appointment decides, or the referral says something new.",),
        fields=lambda _asked, _found: (Field(kind="day", name="needed", label="Needed by"), NOTE_FIELD),
        does=_needed,
    ),
)
