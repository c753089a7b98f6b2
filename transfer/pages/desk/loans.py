"""Loans: which pieces go back to their laboratory, and when; one of them with what is done with it."""

from typing import Final

from transfer.flow import desk
from transfer.flow.desk import PiecesView
from transfer.identifiers import CaseId, MaterialId
from transfer.materials import MaterialState, Sufficiency
from transfer.pages.desk.packages import CARRIERS, KINDS
from transfer.pages.desk.words import called, words
from transfer.pages.forms import Problems
from transfer.pages.qr import drawn
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.parcels import MOST_CHARACTERS, Carrier
from transfer.rights import Right

#: what a pathologist says, as it is chosen
SAYS: Final = (
    (Sufficiency.SUFFICIENT, "Sufficient"),
    (Sufficiency.NEED_BLOCK, "A block is needed"),
    (Sufficiency.NEED_UNSTAINED, "Unstained slides are needed"),
    (Sufficiency.NEED_IHC, "Immunostained slides (IHC) are needed"),
    (Sufficiency.NEED_REPORT, "The pathology report is needed"),
)
_CAME: Final = (MaterialState.RECEIVED, MaterialState.DISCREPANT)


def _show_list(asked: Asked) -> Answer:
    found = desk.list_loans(asked.services, actor=asked.actor, identity=asked.actor.may(Right.SEE_IDENTITY))
    return Answer(template="loans.html", title="Loans due back", context={"found": found, **_around(asked)})


def _show(asked: Asked, problems: Problems | None = None) -> Answer:
    one = _pieces(asked)
    return Answer(
        template="pieces.html",
        title="Slides and blocks of one request",
        context={
            "one": one,
            "is_here": one.state in _CAME,
            "says": SAYS,
            "here": f"/desk/pieces/{one.case}/{one.material}",
            **_around(asked, problems),
        },
        status=422 if problems else 200,
    )


def _pieces(asked: Asked) -> PiecesView:
    case, material = asked.id(CaseId, "case"), asked.id(MaterialId, "material")
    may = asked.actor.may(Right.SEE_IDENTITY)
    return desk.show_pieces(asked.services, case, material, actor=asked.actor, identity=may)


def _return(asked: Asked) -> Answer | Next:
    problems = Problems()
    carrier = asked.fields.one_of("carrier", [*Carrier], problems, needed="Choose who takes them")
    number = asked.fields.line("number", problems, longest=MOST_CHARACTERS)
    if problems:
        return _show(asked, problems)
    desk.return_material(asked.services, *_which(asked), actor=asked.actor, carrier=Carrier(carrier), number=number)
    return _again(asked)


def _confirm(asked: Asked) -> Next:
    desk.confirm_return(asked.services, *_which(asked), actor=asked.actor)
    return _again(asked)


def _keep(asked: Asked) -> Answer | Next:
    problems = Problems()
    until = asked.fields.day("until", problems, needed="Enter the day that the laboratory agreed to")
    if until is None:
        return _show(asked, problems)
    desk.keep_longer(asked.services, *_which(asked), until, actor=asked.actor)
    return _again(asked)


def _judge(asked: Asked) -> Answer | Next:
    problems, text = Problems(), asked.fields.raw("number-needed").strip()
    said = asked.fields.one_of("said", [*Sufficiency], problems, needed="Choose what the pathologist says")
    note = asked.fields.note("note", problems)
    if text and not (text.isascii() and text.isdigit() and 0 < int(text) < 1000):
        problems.add("number-needed", "A number up to 999")
    if problems:
        return _show(asked, problems)
    count = int(text) if text and said in (Sufficiency.NEED_UNSTAINED, Sufficiency.NEED_IHC) else None
    desk.judge_material(
        asked.services, *_which(asked), Sufficiency(said), actor=asked.actor, count=count, words=note or None
    )
    return _again(asked)


def _ask(asked: Asked) -> Next:
    desk.ask_for_material(asked.services, *_which(asked), actor=asked.actor)
    return _again(asked)


def _which(asked: Asked) -> tuple[CaseId, MaterialId]:
    return asked.id(CaseId, "case"), asked.id(MaterialId, "material")


def _again(asked: Asked) -> Next:
    case, material = _which(asked)
    return Next(f"/desk/pieces/{case}/{material}")


def _label(asked: Asked) -> Answer:
    """What goes into the parcel: to whom, how many, and a code by which the receipt finds the loan."""
    one = _pieces(asked)
    context = {"one": one, "qr": drawn(MaterialId(one.material)), **_around(asked)}
    return Answer(template="return_label.html", title="Return sheet", context=context)


def _around(asked: Asked, problems: Problems | None = None) -> dict[str, object]:
    return {
        "called": lambda one: called(asked.services, one),
        "words": words,
        "kinds": KINDS,
        "carriers": CARRIERS,
        "fields": asked.fields,
        "problems": problems or Problems(),
        "may_see_identity": asked.actor.may(Right.SEE_IDENTITY),
    }


_HERE: Final = "/desk/pieces/{case}/{material}"
DECLARED: Final = (
    Page(path="/desk/loans", right=Right.WORK_ON_CASES, show=_show_list),
    Page(path=_HERE, right=Right.WORK_ON_CASES, show=_show),
    Page(path=f"{_HERE}/label", right=Right.SEE_IDENTITY, show=_label),
    Act(path=f"{_HERE}/return", right=Right.WORK_ON_CASES, do=_return),
    Act(path=f"{_HERE}/returned", right=Right.WORK_ON_CASES, do=_confirm),
    Act(path=f"{_HERE}/keep", right=Right.WORK_ON_CASES, do=_keep),
    Act(path=f"{_HERE}/judge", right=Right.WORK_ON_CASES, do=_judge),
    Act(path=f"{_HERE}/ask", right=Right.WORK_ON_CASES, do=_ask),
)
