"""When the patient is expected at the center, and by when the records are needed."""

from collections.abc import Callable, Sequence
from datetime import datetime, time
from typing import Final

from transfer.flow import desk
from transfer.flow.desk import Dossier
from transfer.identifiers import CaseId
from transfer.pages.desk.case_acts.act import NOTE_FIELD, CaseAct, Field, note_of
from transfer.pages.forms import Problems
from transfer.pages.routes import Asked
from transfer.rights import Right


def _appointment_fields(_asked: Asked, _found: Dossier) -> Sequence[Field]:
    return (
        Field(kind="day", name="appointment", label="Day of the appointment", hint="At the center. 12 19 2026"),
        Field(kind="line", name="at", label="Time there", hint="For example 09:30"),
        Field(kind="day", name="needed", label="Records needed by", hint="If empty, the day of the appointment"),
        NOTE_FIELD,
    )


def _appointment(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    fields = asked.fields
    day, needed = fields.day("appointment", problems), fields.day("needed", problems)
    at = _time(fields.line("at", problems), problems) if day else None
    if not (day or needed or problems):
        problems.add("appointment", "Enter the appointment, or by when the records are needed")
    when = datetime.combine(day, at) if day and at else None
    note = note_of(asked, problems)
    return lambda: desk.change(
        asked.services, case, actor=asked.actor, appointment_at=when, needed_by=needed, note=note
    )


def _time(text: str, problems: Problems) -> time | None:
    try:
        return time.fromisoformat(text.zfill(5)).replace(tzinfo=None)
    except ValueError:
        problems.add("at", "A time as 09:30")
        return None


ACTS: Final = (
    CaseAct(
        path="appointment",
        right=Right.WORK_ON_CASES,
        title="Appointment",
        button="Change it",
        follows=("It stands until the referral itself says something new.",),
        fields=_appointment_fields,
        does=_appointment,
    ),
)
