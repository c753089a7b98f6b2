"""What a request needs: a line settled by a person."""

from collections.abc import Callable, Sequence
from typing import Final

from transfer.completeness import WaiverKind
from transfer.flow import desk
from transfer.flow.desk import Dossier
from transfer.identifiers import CaseId
from transfer.pages.desk.case_acts.act import NOTE_FIELD, CaseAct, Field, note_of
from transfer.pages.desk.words import words
from transfer.pages.forms import Problems
from transfer.pages.routes import Asked
from transfer.rights import Right


def _line_fields(_asked: Asked, found: Dossier) -> Sequence[Field]:
    choices = [(one, words(one)) for one in WaiverKind]
    held = [(one.record, f"{words(one.kind)} {one.record}") for one in found.records]
    record = Field(kind="select", name="record", label="Which record", choices=held, hint="For the first two alone")
    kinds = sorted(choices, key=lambda one: one[0] not in (WaiverKind.ANSWERED_BY, WaiverKind.SUBSTITUTE))
    return (
        Field(kind="radios", name="waiver", label="This line", choices=kinds),
        *([record] if held else []),
        NOTE_FIELD,
    )


def _line(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    chosen = asked.fields.one_of("waiver", [*WaiverKind], problems, needed="Choose what is so")
    record, note = asked.fields.raw("record") or None, note_of(asked, problems)
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


ACTS: Final = (
    CaseAct(
        path="line/{line}",
        right=Right.RELEASE,
        title="Settle a line",
        button="Settle it",
        follows=("What you say goes before every rule. A later answer takes it back.",),
        fields=_line_fields,
        does=_line,
    ),
)
