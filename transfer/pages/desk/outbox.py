"""The outbox: letters to facilities without an interface, what became of each, and what is done about it."""

from collections.abc import Callable, Mapping
from typing import Final

from transfer.flow import desk
from transfer.flow.desk import ActionResult
from transfer.identifiers import CaseId, LetterId, RequestId
from transfer.letters import LetterState, SendingFailure
from transfer.pages.desk.words import words
from transfer.pages.routes import Act, Answer, Asked, File, Next, Page
from transfer.rights import Right

_PER_PAGE: Final = 50
_TONES: Final = {LetterState.SENT: "good", LetterState.FAILED: "alarm", LetterState.QUEUED: "wait"}
#: why it did not go, and what may help
FAILURES: Final = {
    SendingFailure.BUSY: "the line was busy",
    SendingFailure.NO_ANSWER: "nobody answered",
    SendingFailure.NO_FAX: "no fax answers at that number",
    SendingFailure.PAGES_LOST: "not all of its pages went through",
    SendingFailure.AWAY: "what sends letters does not answer",
    SendingFailure.TURNED_AWAY: "what sends letters does not take it",
    SendingFailure.NAME_UNDRAWN: "the patient's name cannot be printed here: write it on, and send it by hand",
    SendingFailure.UNKNOWN: "it is not known whether it went: call before it goes again",
}
#: what `held_letters.html` is given where it names none
NO_LETTERS: Final[Mapping[str, object]] = {"to_call": (), "not_sent": (), "failures": FAILURES}
_OPEN: Final = (LetterState.QUEUED, LetterState.SENDING, LetterState.FAILED)


def held_letters(asked: Asked) -> dict[str, object]:
    """What `held_letters.html` is given: facilities to call back before a letter goes, and letters that failed."""
    known = desk.list_facilities(asked.services, actor=asked.actor)
    failed = desk.list_letters(asked.services, actor=asked.actor, states=(LetterState.FAILED,))
    return {**NO_LETTERS, "to_call": [one for one in known if not one.contact.is_confirmed], "not_sent": failed}


def show(asked: Asked) -> Answer:
    text, is_all = asked.query.get("page", "1"), asked.query.get("all") == "yes"
    number = int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 5 else 1
    states = tuple(LetterState) if is_all else _OPEN
    found = desk.list_letters(asked.services, actor=asked.actor, states=states, page=max(number, 1), later=is_all)
    return Answer(
        template="outbox.html",
        title="Outbox",
        context={
            "found": found[:_PER_PAGE],
            "number": max(number, 1),
            "is_last": len(found) <= _PER_PAGE,
            "is_all": is_all,
            "failures": FAILURES,
            "tone": _TONES.get,
            "words": words,
            "zone": asked.services.zone,
            "may_act": asked.actor.may(Right.WORK_ON_CASES),
            "may_read": asked.actor.may(Right.SEE_CONTENT),
        },
    )


def read(asked: Asked) -> File:
    found = desk.open_letter(asked.services, asked.id(LetterId, "letter"), actor=asked.actor)
    return File(name=found.name, size=found.size, pieces=found.pieces)


def _done(verb: Callable[..., ActionResult]) -> Callable[[Asked], Next]:
    def does(asked: Asked) -> Next:
        verb(asked.services, asked.id(LetterId, "letter"), actor=asked.actor)
        return Next("/desk/outbox")

    return does


def send(asked: Asked) -> Next:
    """The next letter of a request, from the page of its case."""
    case = asked.id(CaseId, "case")
    desk.send_letter(asked.services, asked.id(RequestId, "request"), actor=asked.actor)
    return Next(f"/desk/cases/{case}")


DECLARED: Final = (
    Page(path="/desk/outbox", right=Right.SEE_CASES, show=show, nav="Outbox"),
    Page(path="/desk/outbox/{letter}", right=Right.SEE_CONTENT, show=read),
    Act(path="/desk/outbox/{letter}/retry", right=Right.WORK_ON_CASES, do=_done(desk.retry_letter)),
    Act(path="/desk/outbox/{letter}/cancel", right=Right.WORK_ON_CASES, do=_done(desk.cancel_letter)),
    Act(path="/desk/outbox/{letter}/by-hand", right=Right.WORK_ON_CASES, do=_done(desk.mark_sent_by_hand)),
    Act(path="/desk/cases/{case}/letters/{request}", right=Right.WORK_ON_CASES, do=send),
)
