"""A packet sent with what is here, and taken back."""

from collections.abc import Callable, Sequence
from typing import Final

from transfer.completeness import is_lacking
from transfer.flow import desk
from transfer.flow.desk import Dossier
from transfer.identifiers import CaseId
from transfer.pages.desk.case_acts.act import NOTE_FIELD, CaseAct, Field, note_of
from transfer.pages.forms import Problems
from transfer.pages.routes import Asked
from transfer.rights import Right


def _approve_fields(_asked: Asked, found: Dossier) -> Sequence[Field]:
    lacking = [(one.line, one.label) for one in found.needs if is_lacking(one)]
    ticks = Field(kind="ticks", name="without", label="It goes without", choices=lacking)
    return (*([ticks] if lacking else []), NOTE_FIELD)


def _approve(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    without, note = asked.fields.chosen("without"), note_of(asked, problems)
    return lambda: desk.approve(asked.services, case, actor=asked.actor, without=without, note=note)


_TAKE_BACK: Final = (
    ("give-up", "It has left to nobody: it never goes, and another may"),
    ("recall", "It may have left: its links work no more; what left before has left"),
)


def _take_back_fields(_asked: Asked, _found: Dossier) -> Sequence[Field]:
    return (Field(kind="radios", name="how", label="How it stands", choices=_TAKE_BACK), NOTE_FIELD)


def _take_back(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    how = asked.fields.one_of("how", dict(_TAKE_BACK), problems, needed="Choose how it stands")
    verb, note = (desk.give_up if how == "give-up" else desk.recall), note_of(asked, problems)
    return lambda: verb(asked.services, case, actor=asked.actor, note=note)


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
        path="recall",
        right=Right.RELEASE,
        title="Take a packet back",
        button="Take it back",
        follows=("It is handed to nobody any more.", "Another packet may go once a person approves it."),
        fields=_take_back_fields,
        does=_take_back,
        is_grave=True,
    ),
)
