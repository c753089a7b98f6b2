"""Asking one department and taking in what it gives.

A department is asked only under a basis in force. Each record is ruled on again before it is collected. Failures are
told apart: forbidden is not absent, an empty search is "not found under these identifiers". A silent source is asked
again, and then a person is told.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from transfer import spans
from transfer.errors import ChangedMeanwhile, CutShort, NeedsReview, OutOfOrder, TooLarge, TurnedAway, Unavailable
from transfer.exchanges import ExchangeKind, ExchangeOutcome
from transfer.facts import Chain, RequestMoved
from transfer.flow.assess import NextStep, settle_needs
from transfer.flow.basis import may_ask
from transfer.flow.collecting import lacks_nothing
from transfer.flow.documents import fetch_documents
from transfer.flow.hearing import is_being_prepared
from transfer.flow.identity import Undecided
from transfer.flow.imaging import fetch_imaging
from transfer.flow.milestones import tell_center, untold
from transfer.flow.permitted_request import PermittedRequest
from transfer.flow.services import Services
from transfer.flow.turns import Heard, pass_on, take_turn
from transfer.flow.watch import Watch, watching
from transfer.holds import HoldCode, SystemAnswer
from transfer.institutions import AskedForDocuments, AskedForImages
from transfer.ledger import Tx, cases, exchanges, holds, patients, requests, rounds, turns, vault_objects
from transfer.ledger.requests import Claimed
from transfer.ledger.rounds import Taken
from transfer.requests import (
    NOT_COVERED,
    SAID,
    UNDECIDED,
    UNREACHABLE,
    Request,
    RequestState,
    is_given_up,
    next_attempt,
)
from transfer.rounds import Dag

#: after an unexpected answer a person is asked, and we ask again this much later
RETRY_AFTER_UNCLEAR_ANSWER = timedelta(hours=6)
#: the same after a service of ours failed, which says nothing of the source
RETRY_AFTER_OUR_OUTAGE = timedelta(minutes=1)
#: while people are asked whose it is that the source found; their answer asks at once
RETRY_WHILE_UNDECIDED = timedelta(hours=24)
OUT_OF_ORDER = "out-of-order"
#: the finding of a request whose source stopped in the middle
CUT_SHORT = "cut-short"

#: questions about a source, and the answers of it that settle them
_ANY_ANSWER = frozenset({RequestState.ANSWERED, RequestState.NOT_FOUND, RequestState.FORBIDDEN})
_SETTLED_BY = {
    HoldCode.SOURCE_DOES_NOT_ANSWER: _ANY_ANSWER,
    HoldCode.SOURCE_REFUSES: _ANY_ANSWER | {RequestState.PARTLY},
    HoldCode.SOURCE_UNCLEAR: _ANY_ANSWER | {RequestState.PARTLY},
}


_ANSWERED = Heard(answered=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOutcome:
    """What came of asking."""

    state: RequestState
    findings: tuple[str, ...] = ()
    #: when to ask again, if ever
    again_after: timedelta | None = None
    hold: HoldCode | None = None
    #: whether the source answered; None: we know nothing of that
    heard: Heard | None = _ANSWERED


#: what allowed the asking ended or changed meanwhile: the next round asks again, or writes that it may not
_AGAIN = RequestOutcome(state=RequestState.DUE, again_after=timedelta(0), heard=None)


def request(services: Services, taken: Taken, name: str) -> None:
    """Make one request of a round, once, and close its line. A request that another task makes is left to it.

    Its turn at the department goes to whoever is next.
    """
    asking = _begin(services, name)
    if asking is None:
        _close(services, taken, name)
        pass_on(services, name, None)
        return
    renewals: list[Callable[[Tx], bool]] = [
        lambda tx: requests.renew(tx, asking.claimed) and turns.renew(tx, asking.claimed),
        lambda tx: rounds.renew(tx, taken) or True,
    ]
    made = asking.claimed.request
    with (
        watching(
            services.ledger,
            *renewals,
            patient=asking.patient,
            epoch=asking.epoch,
            still=lambda tx: may_ask(tx, services.institutions, asking.opened, made).is_permitted,
        ) as watch,
        vault_objects.writing_for(asking.patient),
    ):
        began = time.monotonic()
        with spans.span("fetch", made.case, request=made.id, institution=made.institution, department=made.department):
            outcome = _ask(services, asking, watch)
        took = time.monotonic() - began
    if went := _went(outcome):
        exchanges.count(services.ledger, ExchangeKind.FETCH, made.institution, went, took)
    _finish(services, taken, asking, outcome)
    pass_on(services, name, asking.claimed, outcome.heard)


def _went(outcome: RequestOutcome) -> ExchangeOutcome | None:
    """What is counted of it; None: nobody was asked by machine."""
    if outcome.state is RequestState.EXPECTED:
        return None
    if outcome is _AGAIN:
        return ExchangeOutcome.NOT_PERMITTED
    if outcome.state is RequestState.FORBIDDEN:
        return ExchangeOutcome.TURNED_AWAY
    if outcome.heard is not None and not outcome.heard.answered:
        return ExchangeOutcome.NO_ANSWER
    if CUT_SHORT in outcome.findings:
        return ExchangeOutcome.CUT_SHORT
    if OUT_OF_ORDER in outcome.findings:
        return ExchangeOutcome.OUR_OUTAGE
    return ExchangeOutcome.UNCLEAR if outcome.hold is HoldCode.SOURCE_UNCLEAR else ExchangeOutcome.ANSWERED


def _begin(services: Services, name: str) -> PermittedRequest | None:
    """Claim the request and write that we ask, if a basis is in force at this moment, and it is its turn."""
    with services.ledger.transaction() as tx:
        known = requests.get(tx, name)
        opened = tx.case(known.case).as_opened if known else None
        if known is None or opened is None:
            return None
        epoch = patients.hold_epoch_shared(tx, opened.patient)
        tx.lock_case(known.case)
        if tx.case(known.case).as_opened != opened:
            return None  # two patients became one meanwhile, or two again: a round of its own looks anew
        claimed = requests.claim(tx, name)
        who = patients.identity(tx, opened.patient)
        if claimed is None or who is None:
            return None
        if not tx.case(known.case).is_active:  # on hold, withdrawn or ended since the round began
            requests.let_go(tx, claimed)
            return None
        ruling = may_ask(tx, services.institutions, opened, claimed.request)
        if not ruling.is_permitted:
            requests.move(tx, claimed.request, RequestState.NOT_PERMITTED, ruling=ruling)
            return None
        if not take_turn(tx, services, claimed):
            requests.let_go(tx, claimed)
            return None
        asked = requests.move(tx, claimed.request, RequestState.ASKING, ruling=ruling, release=False)
        return PermittedRequest(
            claimed=Claimed(request=asked, claim=claimed.claim),
            opened=opened,
            who=who,
            epoch=epoch,
            ruling=ruling,
        )


def _ask(services: Services, asking: PermittedRequest, watch: Watch) -> RequestOutcome:
    """The conversation, and what each of its failures means."""
    made = asking.claimed.request
    institution = services.institutions[made.institution]
    source = institution.department(made.department).asked
    try:
        if isinstance(source, AskedForDocuments):
            state, findings = fetch_documents(services, asking, services.ask_documents(source), watch)
        elif isinstance(source, AskedForImages):
            state, findings = fetch_imaging(services, asking, services.ask_archive(source), watch)
        else:
            return RequestOutcome(state=RequestState.EXPECTED)
    except TurnedAway:
        return RequestOutcome(state=RequestState.FORBIDDEN, hold=HoldCode.SOURCE_REFUSES)
    except ChangedMeanwhile:
        return _AGAIN
    except OutOfOrder:
        return RequestOutcome(
            state=RequestState.DUE, findings=(OUT_OF_ORDER,), again_after=RETRY_AFTER_OUR_OUTAGE, heard=None
        )
    except Unavailable as error:
        return _not_answered(services, asking, error)
    except Undecided:
        return RequestOutcome(state=RequestState.DUE, findings=(UNDECIDED,), again_after=RETRY_WHILE_UNDECIDED)
    except (NeedsReview, TooLarge) as error:
        # The text may name the patient; the kind of failure does not.
        return RequestOutcome(
            state=RequestState.DUE,
            findings=(type(error).__name__.lower(),),
            again_after=RETRY_AFTER_UNCLEAR_ANSWER,
            hold=HoldCode.SOURCE_UNCLEAR,
        )
    return RequestOutcome(
        state=state,
        findings=findings,
        again_after=None if state is not RequestState.PARTLY else RETRY_AFTER_UNCLEAR_ANSWER,
    )


def _not_answered(services: Services, asking: PermittedRequest, error: Unavailable) -> RequestOutcome:
    made = asking.claimed.request
    with services.ledger.transaction() as tx:
        now = tx.now()
        cuts = _cuts_in_a_row(tx, made)
        tries, since = _tries(tx, made)
        department = turns.look_at_queue(tx, made.institution, made.department)
    if isinstance(error, CutShort):
        # What came stays. A source that breaks off every time is asked ever more seldom, and a person hears of it.
        wait = next_attempt(cuts + 1, now, error.retry_after) - now
        hold = HoldCode.SOURCE_DOES_NOT_ANSWER if is_given_up(cuts + 1) else None
        return RequestOutcome(state=RequestState.PARTLY, findings=(CUT_SHORT,), again_after=wait, hold=hold)
    heard = Heard(answered=False, retry_after=error.retry_after)
    if is_given_up(tries, for_whomever=department.failures + 1, unanswered_for=now - (since or now)):
        return RequestOutcome(state=RequestState.SILENT, hold=HoldCode.SOURCE_DOES_NOT_ANSWER, heard=heard)
    wait = next_attempt(tries, now, error.retry_after) - now
    return RequestOutcome(state=RequestState.DUE, findings=(UNREACHABLE,), again_after=wait, heard=heard)


def _tries(tx: Tx, request: Request) -> tuple[int, datetime | None]:
    """How often in a row the source did not answer, this time included, and when it did not for the first time before.

    A try that our own service failed, or whose task died, does not count.
    """
    failed: list[datetime] = []
    for line in tx.lines(Chain.case(request.case)):
        if isinstance(line.fact, RequestMoved) and line.fact.request == request.id:
            if line.fact.attempt == 0:
                failed = []
            elif UNREACHABLE in line.fact.findings:
                failed.append(line.at)
    return len(failed) + 1, min(failed, default=None)


def _cuts_in_a_row(tx: Tx, request: Request) -> int:
    """How often in a row the source broke off in the middle."""
    cuts = 0
    for line in tx.lines(Chain.case(request.case)):
        if isinstance(line.fact, RequestMoved) and line.fact.request == request.id:
            if CUT_SHORT in line.fact.findings:
                cuts += 1
            elif line.fact.state != RequestState.ASKING:
                cuts = 0
    return cuts


def _finish(services: Services, taken: Taken, asking: PermittedRequest, outcome: RequestOutcome) -> None:
    """Write what came of it, judge the case, close the line. A task that was taken over writes nothing."""
    made = asking.claimed.request
    try:
        with services.ledger.transaction() as tx:
            epoch = patients.hold_epoch_shared(tx, asking.patient)
            tx.lock_case(made.case)
            now = requests.still_ours(tx, asking.claimed)
            if _was_answered_otherwise(tx, services, now, outcome):
                requests.overrule(tx, now)
            else:
                if outcome.state is RequestState.NOT_FOUND and is_being_prepared(tx, services, now):
                    outcome = replace(outcome, state=RequestState.IN_PROGRESS)
                is_complete = outcome.state is RequestState.ANSWERED or NOT_COVERED in outcome.findings
                if is_complete and epoch != asking.epoch:
                    outcome = _AGAIN  # what was left there for want of a permission may be covered now
                requests.move(
                    tx,
                    now,
                    outcome.state,
                    ruling=asking.ruling,
                    findings=outcome.findings,
                    after=outcome.again_after or timedelta(0),
                )
                _ask_a_person(tx, made, outcome)
            found = settle_needs(tx, services, made.case, tells_center=True)
            tells = found.step is not NextStep.PACK and bool(untold(tx, services, made.case))
            if not tells:
                rounds.close_line(tx, taken, made.id, found.sentence)
            if outcome.state in (RequestState.ANSWERED, RequestState.PARTLY):
                _tell_other_cases(tx, asking)
            if outcome.again_after is not None:
                rounds.owe(tx, Dag.OPEN_CASE, made.case, after=outcome.again_after)
    except ChangedMeanwhile:
        _close(services, taken, made.id)
        return
    if tells:
        tell_center(services, made.case)
        _close_line(services, taken, made.id)


def _tell_other_cases(tx: Tx, asking: PermittedRequest) -> None:
    """What came for one case joins the patient's others where a permission covers it there, too: they look again."""
    for other in cases.open_of(tx, [asking.patient]):
        if other != asking.opened.id:
            rounds.owe(tx, Dag.OPEN_CASE, other)


def _was_answered_otherwise(tx: Tx, services: Services, now: Request, outcome: RequestOutcome) -> bool:
    """The source said meanwhile that it holds nothing, or how it gives it. Only what came from it all the same goes
    before that.
    """
    if now.state is RequestState.ASKING:
        return False
    came = outcome.state in (RequestState.ANSWERED, RequestState.PARTLY)
    return not came or (now.state in SAID and not lacks_nothing(tx, services, now))


def _ask_a_person(tx: Tx, made: Request, outcome: RequestOutcome) -> None:
    """Open the question this outcome raises; what an answer has settled since it was asked is asked no longer."""
    if outcome.hold:
        holds.place(tx, made.case, outcome.hold, made.id)
    for code, settling in _SETTLED_BY.items():
        if code is not outcome.hold and outcome.state in settling:
            holds.withdraw(tx, made.case, code, SystemAnswer.ANSWERED, about=made.id)


def _close(services: Services, taken: Taken, name: str) -> None:
    """Close the line where there is nothing to ask or another asks. Whoever writes judges the case.

    What its center is to be told is told before: a task that dies is called again while its line is open.
    """
    with services.ledger.transaction() as tx:
        known = requests.get(tx, name)
    if known:
        tell_center(services, known.case)
    _close_line(services, taken, name)


def _close_line(services: Services, taken: Taken, name: str) -> None:
    with services.ledger.transaction() as tx:
        known = requests.get(tx, name)
        if known:
            tx.lock_case(known.case)
            rounds.close_line(tx, taken, name, settle_needs(tx, services, known.case).sentence)
        else:
            rounds.close_line(tx, taken, name, "taken over")
