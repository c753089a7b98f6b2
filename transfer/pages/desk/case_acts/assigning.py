"""Whose work a request is at the desk; also all requests of one person at once."""

from collections.abc import Callable, Sequence
from typing import Final

from transfer.flow import desk
from transfer.flow.desk import Dossier
from transfer.identifiers import CaseId
from transfer.pages.desk.case_acts.act import ActChoices, CaseAct, Field
from transfer.pages.forms import Problems
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.rights import Right

_NOBODY: Final = ("-", "Nobody")


def _to(asked: Asked) -> ActChoices:
    return (*desk.list_staff(asked.services, actor=asked.actor), _NOBODY)


def _fields(asked: Asked, _found: Dossier) -> Sequence[Field]:
    return (Field(kind="select", name="to", label="Whose work it is", choices=_to(asked)),)


def _assign(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    to = _chosen(asked, "to", _to(asked), problems)
    return lambda: desk.assign(asked.services, case, None if to == _NOBODY[0] else to, actor=asked.actor)


def _chosen(asked: Asked, name: str, choices: ActChoices, problems: Problems) -> str:
    return asked.fields.one_of(name, [one[0] for one in choices], problems, needed="Choose a person")


def _show_all(asked: Asked, problems: Problems | None = None) -> Answer:
    staff = desk.list_staff(asked.services, actor=asked.actor)
    return Answer(
        template="reassign.html",
        title="Give all requests of one person to another",
        context={"staff": staff, "to": _to(asked), "fields": asked.fields, "problems": problems or Problems()},
        status=422 if problems else 200,
    )


def _reassign(asked: Asked) -> Answer | Next:
    problems, staff = Problems(), desk.list_staff(asked.services, actor=asked.actor)
    whose, to = _chosen(asked, "whose", staff, problems), _chosen(asked, "to", _to(asked), problems)
    if problems:
        return _show_all(asked, problems)
    desk.reassign(asked.services, whose, None if to == _NOBODY[0] else to, actor=asked.actor)
    return Next("/desk/")


ACTS: Final = (
    CaseAct(
        path="assign",
        right=Right.WORK_ON_CASES,
        title="Assign the request",
        button="Assign it",
        follows=("It stands among that person's own requests.",),
        fields=_fields,
        does=_assign,
    ),
)
DECLARED: Final = (
    Page(path="/desk/reassign", right=Right.WORK_ON_CASES, show=_show_all),
    Act(path="/desk/reassign", right=Right.WORK_ON_CASES, do=_reassign),
)
