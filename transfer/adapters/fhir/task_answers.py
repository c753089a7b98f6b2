"""A source's Task about a request of ours, in our words (https://hl7.org/fhir/R4/task.html).

Codes say what it means: `statusReason` first, `businessStatus` beside it. What no code of ours says is a person's: its
words are kept, and it is never taken for *no records*.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final

from transfer.adapters.fhir.codes import REASON, REQUEST
from transfer.adapters.fhir.identities import Resources, organization
from transfer.adapters.fhir.times import instant, local_day
from transfer.adapters.fhir.trees import Tree, check, child, children, codings, text
from transfer.arrivals import OTHER_REASON
from transfer.errors import NeedsReview, Unexpected
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.requests import DONE, PROMISED, RequestAnswer
from transfer.source_answers import (
    DATED,
    MOST_CHARACTERS,
    PLACED,
    REASONS,
    AnswerToRequest,
    Fee,
    SaidBy,
    SourceAnswer,
)

_A = RequestAnswer
#: a Task that ended without being done, or was done
_ENDED: Final = frozenset({"rejected", "failed", "completed"})
#: a Task that nobody does any more
_UNDONE: Final = frozenset({"rejected", "failed", "cancelled", "entered-in-error"})
#: what only a Task that ended can say
_FINAL: Final = frozenset({_A.NO_RECORDS, _A.NOT_FOUND, _A.REFUSED})
#: what a state says where no code says more; any other state without a code is a person's
_BY_STATUS: Final[Mapping[str, RequestAnswer]] = MappingProxyType(
    {
        "received": _A.IN_PROGRESS,
        "accepted": _A.IN_PROGRESS,
        "ready": _A.IN_PROGRESS,
        "in-progress": _A.IN_PROGRESS,
        "completed": _A.COMPLETED,
        "rejected": _A.REFUSED,
    }
)
#: the states of a Task that say something of a request; before them it has reached nobody
SAYS_SOMETHING: Final = frozenset({*_BY_STATUS, "on-hold", "failed", "cancelled", "entered-in-error"})
#: codes → the answer and its reason. Our own words first, then how others call the same
_CODES: Final[Mapping[str, tuple[RequestAnswer, str | None]]] = MappingProxyType(
    {
        **{str(answer): (answer, None) for answer in RequestAnswer if answer not in DONE | {_A.UNCLEAR}},
        **{reason: (answer, reason) for answer, reasons in REASONS.items() for reason in reasons},
        "authorization-required": (_A.AUTHORIZATION_NOT_ACCEPTED, None),
        "authorization-invalid": (_A.AUTHORIZATION_NOT_ACCEPTED, None),
        "identifier-needed": (_A.IDENTIFIER_REQUIRED, None),
        "partial": (_A.REST_FOLLOWS, None),
        "ready": (_A.READY_ON, None),
    }
)
#: entries of a list that are read
_MOST: Final = 20


def read(task: Tree, entries: Iterable[Tree], institution: Institution, institutions: Institutions) -> AnswerToRequest:
    """What the Task says of the request that it names.

    Raises:
        Unreadable, Unexpected: it is no R4 Task about a request of ours, or says nothing of it yet.
    """
    check(task)
    request, status = request_of(task), text(task, "status") or ""
    if request is None or status not in SAYS_SOMETHING:
        raise Unexpected("a Task that is no answer to a request")
    answer, reason = _meant(task, status)
    resources = Resources.around(task, entries)
    day = _day(task, institution) if answer in DATED else None
    elsewhere = _elsewhere(task, resources, institutions) if answer in PLACED else None
    said = SourceAnswer(
        answer=answer,
        reason=reason,
        fee=_fee(task) if answer is _A.FEE_REQUIRED else None,
        day=day,
        elsewhere=elsewhere,
        by=SaidBy(person=_person(task), reference=_reference(task), words=_words(task)),
    )
    return AnswerToRequest(request=request, said=said, said_at=instant(text(task, "lastModified"), institution.zone))


def request_of(task: Tree) -> str | None:
    """Our number of the request that a Task is about, in its focus or among its own identifiers."""
    for identifier in (child(task, "focus", "identifier"), *children(task, "identifier")):
        if text(identifier, "system") == REQUEST:
            return text(identifier, "value")
    return None


def _meant(task: Tree, status: str) -> tuple[RequestAnswer, str | None]:
    concepts = [child(task, name) for name in ("statusReason", "businessStatus")]
    coded = [concept for concept in concepts if codings(concept)]
    known = [found for concept in coded if (found := _known(concept))]
    if len(known) < len(coded):
        return _A.UNCLEAR, None
    if not known:
        without = _BY_STATUS.get(status, _A.UNCLEAR)
        return without, OTHER_REASON if without is _A.REFUSED else None
    weighty = [one for one in known if one[0] not in _PROGRESS] or known[:1]
    answer, reason = weighty[0]
    if any(other != answer for other, _ in weighty) or _contradicts(answer, status):
        return _A.UNCLEAR, None
    return answer, next((why for _, why in weighty if why), reason)


def _contradicts(answer: RequestAnswer, status: str) -> bool:
    """Whether the Task's state says something else than its code."""
    return (answer in _FINAL and status not in _ENDED) or (answer in _PROGRESS and status in _UNDONE)


#: that it is in progress says nothing beside a fee or a form
_PROGRESS: Final = frozenset({_A.COMPLETED, *(RequestAnswer(state) for state in PROMISED)})


def _known(concept: Tree) -> tuple[RequestAnswer, str | None] | None:
    """The answer that the codings of one concept mean. None: none is ours, or they mean different things."""
    found = [_CODES[code] for one in codings(concept)[:_MOST] if _is_ours(one) and (code := _code(one)) in _CODES]
    answers = {answer for answer, _ in found}
    if len(answers) != 1:
        return None
    return found[0][0], next((reason for _, reason in found if reason), None)


def _is_ours(coding: Tree) -> bool:
    return text(coding, "system") in (None, REASON)


def _code(coding: Tree) -> str:
    return (text(coding, "code") or "").lower()


def _day(task: Tree, institution: Institution) -> date | None:
    """The day that they name, in their zone: as an output, or as the end of the work."""
    said = [text(one, f"value{kind}") for one in _outputs(task) for kind in ("Date", "DateTime", "Instant")]
    for moment in (*said, text(task, "executionPeriod", "end")):
        if moment and (day := local_day(moment, institution.zone, end=True)):
            return day
    return None


def _fee(task: Tree) -> Fee | None:
    """What they ask for; None where it is no amount of money, and a person reads the words."""
    for one in _outputs(task):
        money: Any = child(one, "valueMoney")
        amount = money.get("value")
        if isinstance(amount, (int, float, Decimal)) and not isinstance(amount, bool):
            try:
                return Fee(amount=Decimal(str(amount)), currency=text(money, "currency") or "")
            except (ValueError, InvalidOperation):
                return None
    return None


def _elsewhere(task: Tree, resources: Resources, institutions: Institutions) -> InstitutionId | None:
    """The institution that holds it, if we know it. Its name in words stays among the words."""
    for one in _outputs(task):
        try:
            return organization(child(one, "valueReference"), resources, institutions)
        except NeedsReview:
            continue
    return None


def _outputs(task: Tree) -> list[Tree]:
    return children(task, "output")[:_MOST]


def _person(task: Tree) -> str | None:
    """Who said it, as far as the Task names somebody."""
    names = (text(note, "authorString") for note in children(task, "note")[:_MOST])
    return _bounded(next((name for name in (*names, text(task, "owner", "display")) if name), None))


def _reference(task: Tree) -> str | None:
    """Their own number for our request."""
    own = (text(one, "value") for one in children(task, "identifier") if text(one, "system") != REQUEST)
    return _bounded(next((value for value in own if value), None))


def _words(task: Tree) -> str | None:
    """All that they said in words, and the codes that are not ours."""
    return _bounded("\n".join(dict.fromkeys(_each_word(task))) or None)


def _each_word(task: Tree) -> Iterator[str]:
    for name in ("statusReason", "businessStatus"):
        concept = child(task, name)
        for coding in codings(concept)[:_MOST]:
            if not (_is_ours(coding) and _code(coding) in _CODES):
                yield " ".join(filter(None, (text(coding, "code"), text(coding, "display"))))
        if said := text(concept, "text"):
            yield said
    for note in children(task, "note")[:_MOST]:
        if said := text(note, "text"):
            yield said
    for one in _outputs(task):
        for said in (text(one, "valueString"), text(one, "valueReference", "display")):
            if said:
                yield said


def _bounded(said: str | None) -> str | None:
    return said[:MOST_CHARACTERS] if said else None
