"""What a request needs: its checklist, lines settled by people, something added, what was done to the patient."""

from collections.abc import Callable, Sequence
from typing import Final

from transfer.completeness import WaiverKind
from transfer.errors import Unknown
from transfer.flow import desk
from transfer.flow.desk import Dossier
from transfer.identifiers import CaseId, InstitutionId
from transfer.pages.desk.case_acts.act import NOTE_FIELD, CaseAct, Field, facilities, note_of, nothing
from transfer.pages.desk.words import words
from transfer.pages.forms import Problems
from transfer.pages.routes import Asked
from transfer.procedures import ProcedureKind
from transfer.records import RecordKind
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


def _label(asked: Asked, found: Dossier) -> str:
    line = asked.path["line"]
    for one in found.needs:
        if one.line == line:
            return one.label
    raise Unknown("there is no such page")


_WHEN: Final = Field(kind="day", name="day", label="When it was done", hint="Month and day as far as they are known")
_WORDS: Final = Field(kind="note", name="note", label="What it is, in words (sealed)", hint="It goes nowhere")


def _need_fields(asked: Asked, _found: Dossier) -> Sequence[Field]:
    kinds = [(one, words(one)) for one in RecordKind if one is not RecordKind.OTHER]
    return (
        Field(kind="radios", name="kind", label="What is needed", choices=kinds),
        _facility(asked),
        _WHEN,
        _WORDS,
    )


def _facility(asked: Asked) -> Field:
    return Field(kind="select", name="facility", label="Who holds it", choices=facilities(asked.services, giving=True))


def _need(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    kinds = [one for one in RecordKind if one is not RecordKind.OTHER]
    kind = asked.fields.one_of("kind", kinds, problems, needed="Choose what is needed")
    where, day, text = _where(asked, problems), asked.fields.partial_day("day", problems), note_of(asked, problems)
    return lambda: desk.add_need(
        asked.services, case, RecordKind(kind), InstitutionId(where), actor=asked.actor, day=day, words=text
    )


def _where(asked: Asked, problems: Problems) -> str:
    held = [one[0] for one in facilities(asked.services, giving=True)]
    return asked.fields.one_of("facility", held, problems, needed="Choose who holds it")


#: what each leaves behind, in words
_PROCEDURES: Final = (
    (ProcedureKind.BIOPSY, "Biopsy", "The pathology report"),
    (ProcedureKind.OPERATION, "Operation", "The operative note and the pathology report"),
    (ProcedureKind.ENDOSCOPY, "Endoscopy", "The procedure report"),
    (ProcedureKind.SCAN, "Scan", "The images and the imaging report"),
)


def _procedure_fields(asked: Asked, _found: Dossier) -> Sequence[Field]:
    done = Field(kind="radios", name="procedure", label="What was done", choices=_PROCEDURES)
    return (done, _facility(asked), _WHEN, _WORDS)


def _procedure(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    done = asked.fields.one_of("procedure", [*ProcedureKind], problems, needed="Choose what was done")
    where, day, text = _where(asked, problems), asked.fields.partial_day("day", problems), note_of(asked, problems)
    return lambda: desk.add_procedure(
        asked.services, case, ProcedureKind(done), InstitutionId(where), actor=asked.actor, day=day, words=text
    )


def _drop(asked: Asked, case: CaseId, _problems: Problems) -> Callable[[], object]:
    return lambda: desk.drop_need(asked.services, case, asked.path["line"], actor=asked.actor)


def _checklist_fields(asked: Asked, _found: Dossier) -> Sequence[Field]:
    known = asked.services.checklists
    lists = [(one, known[one].title) for one in known]
    return (Field(kind="select", name="checklist", label="Checklist", choices=lists), NOTE_FIELD)


def _checklist(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    chosen = asked.fields.one_of("checklist", [*asked.services.checklists], problems, needed="Choose the checklist")
    note = note_of(asked, problems)
    return lambda: desk.change(asked.services, case, actor=asked.actor, checklist=chosen, note=note)


def _source(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    where, note = _where(asked, problems), note_of(asked, problems)
    return lambda: desk.change(asked.services, case, actor=asked.actor, sources=[InstitutionId(where)], note=note)


ACTS: Final = (
    CaseAct(
        path="line/{line}",
        right=Right.RELEASE,
        title="Settle a line",
        button="Settle it",
        follows=("What you say goes before every rule. A later answer takes it back.",),
        fields=_line_fields,
        does=_line,
        about=_label,
    ),
    CaseAct(
        path="need",
        right=Right.WORK_ON_CASES,
        title="Add something needed",
        button="Add it",
        follows=("It is a line of this request alone, and is requested of that facility.",),
        fields=_need_fields,
        does=_need,
    ),
    CaseAct(
        path="procedure",
        right=Right.WORK_ON_CASES,
        title="Something was done to the patient",
        button="Add it",
        follows=("Each record it leaves behind is a line of this request alone, and is requested.",),
        fields=_procedure_fields,
        does=_procedure,
    ),
    CaseAct(
        path="drop/{line}",
        right=Right.WORK_ON_CASES,
        title="Not needed after all",
        button="Take it back",
        follows=("Nobody is asked for it any more. What was received for it stays.",),
        fields=nothing,
        does=_drop,
        is_grave=True,
        about=_label,
    ),
    CaseAct(
        path="checklist",
        right=Right.WORK_ON_CASES,
        title="Pick the checklist",
        button="Pick it",
        follows=("What was received stays, on the lines of this list.", "Only more than before is requested."),
        fields=_checklist_fields,
        does=_checklist,
    ),
    CaseAct(
        path="source",
        right=Right.WORK_ON_CASES,
        title="Add a facility",
        button="Add it",
        follows=("It is requested for what the checklist needs of what it holds.",),
        fields=lambda asked, _: (_facility(asked), NOTE_FIELD),
        does=_source,
        instead=("It is not in the list: add a new facility", "/desk/facilities/new?case={case}"),
    ),
)
