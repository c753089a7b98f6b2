"""To do: every question to a person, and one of them with its facts, its answers and what follows from each."""

from collections.abc import Mapping
from typing import Final

from transfer.flow import desk
from transfer.flow.desk import HoldDetail, HoldView
from transfer.holds import APPROVALS, HoldAnswer, HoldCode
from transfer.identifiers import ArrivalId, CaseId, HoldId, Identifier, RecordId, RequestId
from transfer.pages import remedies
from transfer.pages.desk.outbox import NO_LETTERS, held_letters
from transfer.pages.desk.periods import number_of
from transfer.pages.desk.words import called, words
from transfer.pages.forms import Problems
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.rights import Right
from transfer.sentences import sentence
from transfer.sentences.trade import in_trade

#: requests that no question asks about, of which the first page tells
_UNDECIDED: Final = 15
#: answers that destroy, end or let something leave: whoever gives one ticks that they read what follows
GRAVE: Final = frozenset(
    {
        HoldAnswer.APPROVE,
        HoldAnswer.PURGE,
        HoldAnswer.REVOKE,
        HoldAnswer.RESUME,
        HoldAnswer.END,
        HoldAnswer.DELTA,
        HoldAnswer.RECALL,
    }
)
#: answers of the grave kind to these are about reading and asking again: nothing leaves by them
_LIGHT: Final = frozenset({HoldCode.BATCH_MISCOUNTED, HoldCode.IMAGES_MISPLACED, HoldCode.SOURCE_WANTS_FEE})
#: questions whose *ours* needs no case named: there is one
_OF_ONE: Final = frozenset({HoldCode.WHOSE_ANSWER, HoldCode.SAME_PATIENT})


def show_list(asked: Asked) -> Answer:
    number = number_of(asked)
    services, actor = asked.services, asked.actor
    found = desk.list_holds(services, actor=actor, number=number)
    waits = desk.undecided_cases(services, actor=actor, limit=_UNDECIDED) if number <= 1 else []
    about = {one.subject for one in found.holds if CaseId.pattern.fullmatch(one.subject)} | {one.case for one in waits}
    return Answer(
        template="decisions.html",
        title="To do",
        context={
            "found": found,
            "waits": waits,
            "named": desk.name_patients(services, sorted(map(CaseId, about)), actor=actor)
            if actor.may(Right.SEE_IDENTITY)
            else {},
            **(held_letters(asked) if number <= 1 else NO_LETTERS),
            "accountings": desk.accountings_to_give(services, actor=actor)
            if number <= 1 and actor.may(Right.ACCOUNT)
            else (),
            "called": lambda one: called(asked.services, one),
            "sentence": sentence,
            "link": remedies.link if actor.may(Right.WORK_ON_CASES) else lambda _: None,  # where it leads, they may not
            "say": in_trade,
            "is_case": CaseId.pattern.fullmatch,
            "zone": asked.services.zone,
        },
    )


def show(asked: Asked) -> Answer:
    return _page(asked, Problems())


def answer(asked: Asked) -> Answer | Next:
    name, fields, problems = asked.id(HoldId, "hold"), asked.fields, Problems()
    one = desk.hold(asked.services, name, actor=asked.actor).hold
    chosen = fields.one_of("answer", [view.answer for view in one.answers], problems, needed="Choose an answer")
    note = fields.note("note", problems)
    case = fields.raw("case")
    if chosen == HoldAnswer.OURS and one.code not in _OF_ONE and not CaseId.pattern.fullmatch(case):
        problems.add("case", "Choose whose it is")
    if chosen and is_grave(one, HoldAnswer(chosen)) and not fields.chosen("sure"):
        problems.add("sure", "Say that you have read what follows")
    if problems:
        return _page(asked, problems, status=422)
    desk.resolve(
        asked.services,
        name,
        HoldAnswer(chosen),
        actor=asked.actor,
        case=CaseId(case) if chosen == HoldAnswer.OURS and one.code not in _OF_ONE else None,
        note=note or None,
    )
    return Next(f"/desk/decisions/{name}")


def bring_in(asked: Asked) -> Next:
    """What was uploaded waits in Incoming from now on, and its page is the next: its pages are indexed there."""
    name = asked.id(HoldId, "hold")
    about = desk.hold(asked.services, name, actor=asked.actor).hold.subject
    did = desk.bring_in_upload(asked.services, name, actor=asked.actor)
    return Next(f"/desk/incoming/{did.fields['incoming']}/cases/{about}")


def is_grave(one: HoldView, chosen: HoldAnswer) -> bool:
    return chosen in GRAVE and one.code not in _LIGHT


def _page(asked: Asked, problems: Problems, *, status: int = 200) -> Answer:
    services, actor, name = asked.services, asked.actor, asked.id(HoldId, "hold")
    detail = desk.hold(services, name, actor=actor, identity=actor.may(Right.SEE_IDENTITY))
    facts, one = desk.context(services, name, actor=actor), detail.hold
    is_stopped = one.code in APPROVALS and one.is_stopped
    choices = [
        (view.answer, words(view.answer), in_trade(view.does))
        for view in one.answers
        if not (is_stopped and view.answer is HoldAnswer.APPROVE)
    ]
    return Answer(
        template="decision.html",
        title="To do: one question",
        context={
            "one": one,
            "facts": facts,
            "detail": detail,
            "opinions": _opinions(detail, actor.person),
            "choices": choices,
            "remedies": [sentence(view.remedy) for view in one.answers if view.remedy],
            "is_grave": any(is_grave(one, word) for word, _, _ in choices),
            "cases": _cases(detail),
            "is_stopped": is_stopped,
            "question": _question(asked, one),
            "is_case": CaseId.pattern.fullmatch(one.subject),
            "messages": _openable(asked, one, ArrivalId),
            "may_bring_in": one.code is HoldCode.UPLOADED
            and asked.actor.may(Right.DECIDE_WHOSE)
            and not one.resolved_at,
            "request": _request(asked, one),
            "records": _openable(asked, one, RecordId),
            "called": lambda known: called(services, known),
            "words": words,
            "say": in_trade,
            "zone": services.zone,
            "fields": asked.fields,
            "problems": problems,
        },
        status=status,
    )


def _question(asked: Asked, one: HoldView) -> str | None:
    """What a center asks, for who may see content."""
    if one.code is not HoldCode.CENTER_ASKS or not asked.actor.may(Right.SEE_CONTENT):
        return None
    return desk.read_center_question(asked.services, HoldId(one.hold), actor=asked.actor)


def _opinions(detail: HoldDetail, person: str) -> Mapping[str, object]:
    """What others said is told only to who has said something, so that the second looks for themselves."""
    said = detail.opinions
    has_said = any(one.person == person for one in said)
    return {"count": len(said), "shown": said if has_said else (), "deciders": detail.deciders}


def _request(asked: Asked, one: HoldView) -> str | None:
    """The request that the question is about, for who may write down what was said to it."""
    is_open = CaseId.pattern.fullmatch(one.subject) and not one.resolved_at
    is_one = one.about is not None and RequestId.pattern.fullmatch(one.about)
    return one.about if is_open and is_one and asked.actor.may(Right.WORK_ON_CASES) else None


def _openable(asked: Asked, one: HoldView, kind: type[Identifier]) -> list[str]:
    """What of this kind the question names, for who may see content."""
    named = (one.subject, one.about or "") if asked.actor.may(Right.SEE_CONTENT) else ()
    return [name for name in named if kind.pattern.fullmatch(name)]


def _cases(detail: HoldDetail) -> list[tuple[str, str]]:
    """The cases by which a person says whose it is."""
    if detail.comparison is None or detail.hold.code in _OF_ONE:
        return []
    return [(case, f"Request {case}") for candidate in detail.comparison.candidates for case in candidate.cases]


DECLARED = (
    Page(path="/desk/decisions", right=Right.SEE_CASES, show=show_list, nav="To do"),
    Page(path="/desk/decisions/{hold}", right=Right.SEE_CASES, show=show),
    Act(path="/desk/decisions/{hold}", right=Right.SEE_CASES, do=answer),
    Act(path="/desk/decisions/{hold}/incoming", right=Right.DECIDE_WHOSE, do=bring_in),
)
