"""A note on a request, and its end."""

from collections.abc import Callable, Sequence
from typing import Final

from transfer.flow import desk
from transfer.flow.desk import ENDINGS, Dossier
from transfer.identifiers import CaseId
from transfer.pages.desk.case_acts.act import NOTE_FIELD, CaseAct, Field, note_of
from transfer.pages.desk.words import words
from transfer.pages.forms import Problems
from transfer.pages.routes import Asked
from transfer.rights import Right


def _close_fields(_asked: Asked, _found: Dossier) -> Sequence[Field]:
    endings = [(one, words(one)) for one in ENDINGS]
    return (Field(kind="radios", name="ending", label="How it ended", choices=endings), NOTE_FIELD)


def _close(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    ending = asked.fields.one_of("ending", ENDINGS, problems, needed="Choose how it ended")
    note = note_of(asked, problems)
    return lambda: desk.close(asked.services, case, ending, actor=asked.actor, note=note)


def _note_fields(_asked: Asked, _found: Dossier) -> Sequence[Field]:
    return (Field(kind="note", name="text", label="Note", hint="It is sealed, and never part of a packet"),)


def _write(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    text = asked.fields.note("text", problems, needed="Write something")
    return lambda: desk.add_note(asked.services, case, text, actor=asked.actor)


ACTS: Final = (
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
            "It is not opened again: should they be referred again, a new referral opens another request.",
        ),
        fields=_close_fields,
        does=_close,
        is_grave=True,
    ),
)
