"""What a source said to a request, or what was done about it: written down, and the request moved as it says.

Answers come in any order. What was said before something that is known already is kept and moves nothing. So is what
comes when nothing is asked any more. What a source says after all of its lines are answered is shown to a person, where
somebody must do something about it.
"""

from dataclasses import dataclass
from datetime import datetime

from transfer import codec, facts
from transfer.case import OpenedCase, RequestProgress
from transfer.facts import Chain
from transfer.flow.collecting import lacks_nothing
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.ledger import Tx, holds, notes, requests, search_terms
from transfer.requests import (
    DONE,
    MOVES,
    STANDINGS,
    Owner,
    Request,
    RequestAnswer,
    RequestState,
    due_by,
    is_prepared,
    state_after,
)
from transfer.source_answers import SaidBy, SourceAnswer

_A = RequestAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """An answer on its way into a case. `said_at` is UTC; `arrival` is the message that brought it, if one did."""

    said: SourceAnswer
    said_at: datetime
    arrival: str | None = None


def leads_to(services: Services, request: Request, answer: RequestAnswer) -> RequestState:
    """The state that this answer would bring this request to."""
    department = services.institutions[request.institution].department(request.department)
    return state_after(answer, is_fetched=department.is_fetched)


def may_be_said(services: Services, request: Request, answer: RequestAnswer) -> bool:
    """Whether a person may write this down of a request as it stands; *again* of one that is due hurries it."""
    to = leads_to(services, request, answer)
    return to in MOVES[request.state] or (answer is _A.AGAIN and request.state is to)


def is_known(tx: Tx, services: Services, request: Request, said: SourceAnswer) -> bool:
    """Whether just this was heard last, and the request still stands as it says."""
    last = progress(tx, request).answered
    stands = request.state is leads_to(services, request, said.answer)
    return stands and last is not None and _coded(last) == _coded(_fact(tx, request, said, None))


def hear(tx: Tx, services: Services, request: Request, heard: Hearing) -> RequestState | None:
    """Write it down, and move the request where it leads. The caller holds the patient's and the case's lock, and
    judges the case after it. The same twice in a row is written once.

    Returns:
        the state it led to; None: it moved nothing.
    """
    if is_known(tx, services, request, heard.said):
        return request.state
    to = leads_to(services, request, heard.said.answer)
    counts = _may_move(tx, request, to, heard) and not _is_late(progress(tx, request), heard)
    is_answered = counts and _is_all_here(tx, services, request, heard.said.answer)
    fact = _fact(tx, request, heard.said, heard, counts=counts and not is_answered)
    if heard.said.by.reference:
        search_terms.owe(tx, OpenedCase.of(tx.case(request.case)).patient)
    tx.append(Chain.case(request.case), fact)
    requests.heard(tx, request.id)
    if _is_news(tx, request, to, is_answered=is_answered):
        holds.place(tx, request.case, HoldCode.ANSWERED_AFTER_RECORDS, request.id)
    if not counts or is_answered:
        return None
    requests.move(tx, request, to, findings=_findings(heard), due_at=_due(tx, services, request, to, heard.said))
    return to


def _may_move(tx: Tx, request: Request, to: RequestState, heard: Hearing) -> bool:
    """What nobody may ask for, or wants any more, is moved by people alone, and never once the case is closed."""
    is_left = request.state in (RequestState.NOT_PERMITTED, RequestState.WITHDRAWN)
    return to in MOVES[request.state] and not (is_left and heard.arrival) and tx.case(request.case).is_open


def _is_news(tx: Tx, request: Request, to: RequestState, *, is_answered: bool) -> bool:
    """Whether somebody must do something about what was said of records that came."""
    is_theirs = to is not RequestState.NO_RECORDS and STANDINGS[to].owner in (Owner.WE, Owner.SOURCE)
    if is_theirs or not tx.case(request.case).is_open:
        return False
    return is_answered or (request.state is RequestState.ANSWERED and to not in MOVES[request.state])


def progress(tx: Tx, request: Request) -> RequestProgress:
    return tx.case(request.case).requests[request.id]


def said_by(tx: Tx, answered: facts.RequestAnswered | None) -> SaidBy | None:
    """Who said it, and in which words; None: nobody was named, or it is purged."""
    text = notes.read(tx, answered.note) if answered and answered.note else None
    return codec.load(SaidBy, text.encode()) if text else None


def _is_late(known: RequestProgress, heard: Hearing) -> bool:
    """Whether it was said before what was heard or done last. The sources' clocks are not ours: see 0036."""
    return known.answered is not None and heard.said_at < datetime.fromisoformat(known.answered.said_at)


def _is_all_here(tx: Tx, services: Services, request: Request, answer: RequestAnswer) -> bool:
    """Whether the source's records came before it said this, and no line of the request lacks anything."""
    if request.state is not RequestState.ANSWERED or answer in DONE | {_A.REST_FOLLOWS}:
        return False
    return lacks_nothing(tx, services, request)


def _findings(heard: Hearing) -> tuple[str, ...]:
    said = heard.said
    return tuple(one for one in (said.reason, None if heard.arrival else "by-telephone") if one)


def _due(tx: Tx, services: Services, request: Request, to: RequestState, said: SourceAnswer) -> datetime | None:
    source = services.institutions[request.institution]
    days = source.department(request.department).usual_days
    promised = said.day if said.answer not in (_A.ALREADY_SENT, _A.FORM_SENT) else None
    due_at = due_by(to, tx.now(), usual_days=days, zone=source.zone, day=promised)
    # That it is in progress, said again and again, puts nothing off.
    still = promised is None and request.due_at and request.state is to and due_at
    return min(due_at, request.due_at) if still and due_at and request.due_at else due_at


def is_being_prepared(tx: Tx, services: Services, request: Request) -> bool:
    """Whether the source was given what it wanted, so lately that it may not have got ready yet."""
    last = progress(tx, request).answered
    days = services.institutions[request.institution].department(request.department).usual_days
    return last is not None and is_prepared(
        RequestAnswer(last.answer), datetime.fromisoformat(last.said_at), tx.now(), days
    )


def _fact(
    tx: Tx, request: Request, said: SourceAnswer, heard: Hearing | None, *, counts: bool = True
) -> facts.RequestAnswered:
    """The fact; without a hearing, only to compare it."""
    patient = OpenedCase.of(tx.case(request.case)).patient
    text = None if said.by.is_empty else codec.dump(SaidBy, said.by).decode()
    return facts.RequestAnswered(
        request=request.id,
        answer=said.answer,
        said_at=heard.said_at.isoformat() if heard else "",
        counts=counts,
        reason=said.reason,
        amount=str(said.fee.amount) if said.fee else None,
        currency=said.fee.currency if said.fee else None,
        day=said.day.isoformat() if said.day else None,
        elsewhere=said.elsewhere,
        note=notes.write(tx, patient, text) if text and heard else None,
        hmac=notes.digest(tx, patient, text) if text else None,
        arrival=heard.arrival if heard else None,
    )


def _coded(answered: facts.RequestAnswered) -> tuple[str | None, ...]:
    one = answered
    return (one.answer, one.reason, one.amount, one.currency, one.day, one.elsewhere, one.hmac)
