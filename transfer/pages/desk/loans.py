"""Loans: which pieces go back to their laboratory, and when; one of them with what is done with it."""

from typing import Final

from transfer.flow import desk
from transfer.flow.desk import PiecesView
from transfer.identifiers import CaseId, MaterialId
from transfer.materials import MOST_LETTERS, MaterialState
from transfer.pages.desk.packages import AT
from transfer.pages.desk.words import called, words
from transfer.pages.forms import Problems
from transfer.pages.qr import drawn
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.pages.slide_forms import CARRIERS, KINDS, SAYS, judged, sent_back
from transfer.rights import Right

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
            "is_returnable": one.loan and one.state in _CAME,
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
    sent = sent_back(asked.fields, problems)
    if sent is None:
        return _show(asked, problems)
    desk.return_material(asked.services, *_which(asked), actor=asked.actor, carrier=sent[0], number=sent[1])
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
    problems = Problems()
    found = judged(asked.fields, problems)
    if found is None:
        return _show(asked, problems)
    desk.judge_material(
        asked.services, *_which(asked), found.said, actor=asked.actor, count=found.count, words=found.words
    )
    return _again(asked)


def _describe(asked: Asked) -> Answer | Next:
    problems, fields = Problems(), asked.fields
    label = fields.line("label", problems, longest=MOST_LETTERS, needed="Type what its label says")
    block, stain, place = (fields.line(name, problems, longest=MOST_LETTERS) for name in ("block", "stain", "place"))
    if problems:
        return _show(asked, problems)
    which = _which(asked)
    desk.describe_piece(asked.services, *which, label, block=block, stain=stain, place=place, actor=asked.actor)
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
        "at": AT,
        "called": lambda one: called(asked.services, one),
        "words": words,
        "kinds": KINDS,
        "carriers": CARRIERS,
        "fields": asked.fields,
        "zone": asked.services.zone,
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
    Act(path=f"{_HERE}/piece", right=Right.WORK_ON_CASES, do=_describe),
    Act(path=f"{_HERE}/ask", right=Right.WORK_ON_CASES, do=_ask),
)
