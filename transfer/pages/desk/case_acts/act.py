"""One thing that people do with a request: a small page that says what follows, with a form that does it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from transfer.flow import desk
from transfer.flow.desk import Callee, Dossier
from transfer.flow.services import Services
from transfer.identifiers import CaseId, RequestId
from transfer.pages.forms import Fields, Problems
from transfer.pages.routes import Act, Answer, Asked, Declared, Next, Page
from transfer.rights import Right

#: value and label, or with a hint
ActChoices = Sequence[tuple[str, str] | tuple[str, str, str]]
Does = Callable[[Asked, CaseId, Problems], Callable[[], object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of such a page. `kind` is a macro of `forms.html`."""

    kind: str
    name: str
    label: str
    choices: ActChoices = ()
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
    #: words and path, with `{case}`, of a page for what this form cannot say
    instead: tuple[str, str] | None = None
    #: what the page says of what it is about: a facility, a line
    about: Callable[[Asked, Dossier], str] | None = None

    @property
    def declared(self) -> tuple[Declared, ...]:
        path = f"/desk/cases/{{case}}/{self.path}"
        return (
            Page(path=path, right=self.right, show=partial(_show, self)),
            Act(path=path, right=self.right, do=partial(_do, self)),
        )


def _show(act: CaseAct, asked: Asked, problems: Problems | None = None) -> Answer:
    case = asked.id(CaseId, "case")
    identity = desk.may_see_identity(asked.services, case, actor=asked.actor)
    found = desk.dossier(asked.services, case, actor=asked.actor, identity=identity)
    is_stopped = act.is_release and bool(found.ready and found.ready.stopped)
    tail = act.path.format_map(asked.path)
    return Answer(
        template="case_act.html",
        title=act.title,
        context={
            "act": act,
            "found": found,
            "action": f"/desk/cases/{case}/{tail}",
            "about": act.about(asked, found) if act.about else None,
            "instead": (act.instead[0], act.instead[1].format(case=case)) if act.instead else None,
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
    return Fields({"request": [request], "callee": [Callee.FACILITY]}) if request_of(request) else Fields()


def _do(act: CaseAct, asked: Asked) -> Answer | Next:
    case, problems = asked.id(CaseId, "case"), Problems()
    if act.about:  # what the path names is of this case, or there is no such page
        act.about(asked, desk.dossier(asked.services, case, actor=asked.actor))
    does = act.does(asked, case, problems)
    if act.is_grave and not asked.fields.chosen("sure"):
        problems.add("sure", "Say that you have read what follows")
    if problems:
        return _show(act, asked, problems)
    does()
    return Next(f"/desk/cases/{case}")


def nothing(_asked: Asked, _found: Dossier) -> Sequence[Field]:
    return ()


NOTE_FIELD: Final = Field(kind="note", name="note", label="Note (sealed)")


def note_of(asked: Asked, problems: Problems) -> str | None:
    return asked.fields.note("note", problems) or None


def request_of(text: str) -> RequestId | None:
    """A request's identifier; None where that is none."""
    return RequestId(text) if RequestId.pattern.fullmatch(text) else None


def facilities(services: Services, *, giving: bool = False) -> ActChoices:
    """All institutions by their names; `giving`: those alone that hold records."""
    held = (one for one in services.institutions.values() if one.departments or not giving)
    return sorted(((one.id, one.name) for one in held), key=lambda one: one[1])
