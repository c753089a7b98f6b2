"""What a facility said to a request, and what was done about it; and when somebody looks after it next."""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from transfer.arrivals import OTHER_REASON
from transfer.errors import Unknown
from transfer.flow import desk
from transfer.flow.desk import Dossier, RequestAnswer
from transfer.flow.desk.shown import RequestView
from transfer.identifiers import CaseId, InstitutionId, RequestId
from transfer.pages.desk.case_acts.act import CaseAct, Field, facilities
from transfer.pages.desk.words import called, words
from transfer.pages.forms import Problems
from transfer.pages.routes import Asked
from transfer.requests import DONE
from transfer.rights import Right
from transfer.sentences.answers import ANSWERS
from transfer.source_answers import DATED, MOST_CHARACTERS, PLACED, REASONS, Fee, SaidBy

_REASONS: Final = [*sorted({reason for reasons in REASONS.values() for reason in reasons}), OTHER_REASON]


def _request(asked: Asked, found: Dossier) -> RequestView:
    """The request of the path, which is one of this case."""
    name = asked.path["request"]
    for one in found.requests:
        if one.request == name:
            return one
    raise Unknown("there is no such page")


def _whom(asked: Asked, found: Dossier) -> str:
    one = _request(asked, found)
    return f"{called(asked.services, one.institution)}, {words(one.department).lower()}"


def _answer_fields(asked: Asked, found: Dossier) -> Sequence[Field]:
    may = _request(asked, found).answers
    heard = [(one, *ANSWERS[one]) for one in may if one not in DONE]
    done = [(one, *ANSWERS[one]) for one in may if one in DONE]
    reasons = [(one, words(one)) for one in _REASONS]
    return (
        Field(kind="radios", name="answer", label="What they said, or what was done about it", choices=(*heard, *done)),
        Field(kind="day", name="day", label="The day they named, where they are"),
        Field(kind="select", name="because", label="Why", choices=reasons, hint="For no, not accepted and refused"),
        Field(kind="select", name="elsewhere", label="Who holds it, or has got it", choices=facilities(asked.services)),
        Field(kind="line", name="amount", label="Fee", hint="For example 12.50"),
        Field(kind="line", name="currency", label="Currency of the fee", hint="Three letters. If empty, USD"),
        Field(kind="line", name="person", label="Who said it"),
        Field(kind="line", name="reference", label="Their number for our request"),
        Field(kind="note", name="words", label="What they said, in their words (sealed)"),
    )


def _answer(asked: Asked, _case: CaseId, problems: Problems) -> Callable[[], object]:
    fields = asked.fields
    word = fields.one_of("answer", [*ANSWERS], problems, needed="Choose what they said, or what was done")
    earliest = asked.yesterday if word == RequestAnswer.READY_ON else None
    day = fields.day("day", problems, earliest=earliest)
    reason, elsewhere = fields.raw("because"), fields.raw("elsewhere")
    fee = _fee(asked, problems, is_needed=word == RequestAnswer.FEE_REQUIRED)
    said = SaidBy(
        person=fields.line("person", problems)[:MOST_CHARACTERS] or None,
        reference=fields.line("reference", problems)[:MOST_CHARACTERS] or None,
        words=fields.note("words", problems, longest=MOST_CHARACTERS)[:MOST_CHARACTERS] or None,
    )
    name = asked.id(RequestId, "request")
    if not word:
        return lambda: None
    answer = RequestAnswer(word)
    if day and answer not in DATED:
        problems.add("day", "This answer has no day")
    if answer is RequestAnswer.READY_ON and day is None:
        problems.add("day", "Enter the day on which it is ready")
    if reason and reason not in {*REASONS.get(answer, ()), OTHER_REASON}:
        problems.add("because", "This answer does not have this reason")
    if elsewhere and (answer not in PLACED or elsewhere not in asked.services.institutions):
        problems.add("elsewhere", "This answer names nobody else")
    if fee and answer is not RequestAnswer.FEE_REQUIRED:
        problems.add("amount", "This answer has no fee")
    return lambda: desk.answer_request(
        asked.services,
        name,
        answer,
        actor=asked.actor,
        reason=reason or None,
        fee=fee,
        day=day,
        institution=InstitutionId(elsewhere) if elsewhere else None,
        by=said,
    )


def _fee(asked: Asked, problems: Problems, *, is_needed: bool) -> Fee | None:
    amount = asked.fields.line("amount", problems, needed="Enter the fee" if is_needed else None)
    currency = asked.fields.line("currency", problems, longest=3).upper() or "USD"
    if not amount:
        return None
    try:
        return Fee(amount=Decimal(amount.removeprefix("$")), currency=currency)
    except (ValueError, InvalidOperation):
        problems.add("amount", "An amount as 12.50, and a currency as USD")
        return None


def _plan_fields(_asked: Asked, _found: Dossier) -> Sequence[Field]:
    return (Field(kind="day", name="on", label="Look after it on", hint="A day where they are, at most 180 days on"),)


def _plan(asked: Asked, _case: CaseId, problems: Problems) -> Callable[[], object]:
    name, day = asked.id(RequestId, "request"), asked.fields.day("on", problems, needed="Enter the day")
    return lambda: desk.plan_action(asked.services, name, day, actor=asked.actor) if day else None


ACTS: Final = (
    CaseAct(
        path="answer/{request}",
        right=Right.WORK_ON_CASES,
        title="What a facility said",
        button="Write it down",
        follows=("The request moves as the answer says, and its question to us falls.",),
        fields=_answer_fields,
        does=_answer,
        about=_whom,
    ),
    CaseAct(
        path="plan/{request}",
        right=Right.WORK_ON_CASES,
        title="When to look after a request",
        button="Plan it",
        follows=("It stands among what only we can move from that day on, until the request moves.",),
        fields=_plan_fields,
        does=_plan,
        about=_whom,
    ),
)
