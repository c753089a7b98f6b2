"""What needs a decision: the open questions, and one of them with what it may be answered with."""

from dataclasses import dataclass
from typing import Final

from transfer import facts
from transfer.completeness import Wait, WaitCode
from transfer.flow.assess import Assessment, look
from transfer.flow.desk.comparing import compare
from transfer.flow.desk.decisions import known_hold
from transfer.flow.desk.looking import demand_identity, show_all_identities
from transfer.flow.desk.pieces_to_settle import OF_PIECES, waits_for_pieces
from transfer.flow.desk.purging import DECIDERS as PURGE_DECIDERS
from transfer.flow.desk.purging import who_wants_it
from transfer.flow.desk.readiness import is_stopped
from transfer.flow.desk.shown import HeardView, HoldDetail, HoldView, WaitView
from transfer.flow.desk.side_by_side import compared
from transfer.flow.desk.verbs import at_desk
from transfer.flow.hearing import said_by
from transfer.flow.pieces_to_ask import waits_of
from transfer.flow.services import Services
from transfer.flow.waiting import DECIDED_HERE
from transfer.holds import ABOUT_FORMS, APPROVALS, COMPARED, HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import Tx, case_lists, requests
from transfer.ledger import holds as held
from transfer.ledger.holds import Hold
from transfer.looks import LookPlace
from transfer.remedies import Remedy, RemedyCode
from transfer.request_questions import QUESTIONS
from transfer.requests import Request
from transfer.rights import Actor, Right
from transfer.sentences import SENTENCES

#: questions on one page of their list; of each it is looked up whether its case is stopped
HOLDS_ON_A_PAGE: Final = 25


def holds(services: Services, *, actor: Actor, case: CaseId | None = None) -> list[HoldView]:
    """What waits for a person: what has a clock first, by its clock, then the oldest; only about one case, if named."""
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        return [hold_view(tx, one) for one in held.open_holds(tx, case)]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPage:
    """One page of the open questions, and how many there are in all."""

    holds: tuple[HoldView, ...]
    number: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // HOLDS_ON_A_PAGE))


def list_holds(services: Services, *, actor: Actor, number: int = 1) -> HoldPage:
    """One page of what waits for a person, from 1, in the same order; a page that there is not is empty."""
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        after = (max(number, 1) - 1) * HOLDS_ON_A_PAGE
        found, total = held.open_page(tx, limit=HOLDS_ON_A_PAGE, after=after)
        return HoldPage(holds=tuple(hold_view(tx, one) for one in found), number=max(number, 1), total=total)


def undecided_cases(services: Services, *, actor: Actor, limit: int = 100) -> list[WaitView]:
    """What only a person settles and no open question asks, of the open cases needed soonest, with what leads on.

    Pieces to be called about are told beside open questions, too: no answer to those settles them. At most so many
    cases are judged, of those whose rows let it be so.
    """
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        return [
            wait
            for case in case_lists.may_be_undecided(tx, limit=limit)
            if tx.case(case).opened
            for wait in unasked(tx, services, look(tx, services, case))
        ]


def unasked(tx: Tx, services: Services, assessed: Assessment) -> list[WaitView]:
    """What of a case only a person settles and no open question asks. Pieces are told beside questions, too."""
    found = undecided(tx, services, assessed)
    is_asked = bool(found) and bool(held.open_holds(tx, assessed.case.id))
    return [one for one in found if one.code in OF_PIECES or not is_asked]


def undecided(tx: Tx, services: Services, assessed: Assessment) -> list[WaitView]:
    """What of an opened case only a person settles, each once: what the questions about it ask is left out."""
    case = assessed.case.id
    made = requests.of_case(tx, case)
    if assessed.case.is_under_way or not assessed.case.is_active:
        return []
    asked = {one.about for one in held.open_holds(tx, case)}
    found = []
    for wait in waits_of(tx, services.institutions, assessed.case, assessed.completeness, assessed.lacking):
        place = wait.institution, wait.department
        request = next((one for one in made if (one.institution, one.department) == place), None)
        if wait.code not in DECIDED_HERE or (request is not None and request.id in asked):
            continue
        if wait.code in OF_PIECES:
            found += waits_for_pieces(tx, services, case, wait, assessed.lacking)
            continue
        found.append(
            WaitView(
                case=case,
                code=wait.code,
                says=SENTENCES[wait.code].staff,
                institution=wait.institution,
                remedy=_leads_on(case, wait, request),
            )
        )
    return found


def _leads_on(case: CaseId, wait: Wait, request: Request | None) -> Remedy:
    if wait.code is WaitCode.NOBODY_ASKED:
        return Remedy(RemedyCode.ADD_SOURCE, case=case)
    if request is not None:
        return Remedy(RemedyCode.ANSWER_REQUEST, request=request.id)
    return Remedy(RemedyCode.SHOW_CASE, case=case)


def hold(services: Services, name: str, *, actor: Actor, identity: bool = False) -> HoldDetail:
    """One question, with what it may be answered with. `identity`: the people compared are named.

    Raises:
        Unknown: there is no such question, or the message it is about is purged.
        NotAllowed: identity is asked for by somebody who may not see it.
        NeedsReview: the message it is about cannot be read any more.
    """
    if identity:
        demand_identity(actor)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        found = known_hold(tx, name)
        view = hold_view(tx, found)
        is_purge = found.code is HoldCode.CONFIRM_PURGE and found.resolved_at is None
        wanting = who_wants_it(tx, found) if is_purge else ()
    asks_whose = found.code in COMPARED and found.resolved_at is None
    seen = compare(services, found) if asks_whose else None
    if seen and identity:
        with at_desk(services, actor, Right.SEE_CASES) as tx:
            among = {CaseId(one) for candidate in seen.candidates for one in candidate.cases}
            show_all_identities(tx, actor, among, LookPlace.DECISION)
    return HoldDetail(
        hold=view,
        comparison=seen if identity or seen is None else seen.without_identity(),
        side_by_side=compared(services.institutions, seen) if identity and seen else (),
        deciders=seen.deciders if seen else PURGE_DECIDERS if is_purge else 1,
        opinions=seen.opinions if seen else wanting,
    )


def hold_view(tx: Tx, one: Hold) -> HoldView:
    now, stopped = tx.now(), _is_stopped(tx, one)
    return HoldView(
        hold=one.id,
        subject=one.subject,
        code=one.code,
        about=one.about,
        opened_at=one.opened_at,
        due_at=one.due_at,
        is_past_due=one.resolved_at is None and one.due_at is not None and one.due_at <= now,
        resolved_at=one.resolved_at,
        answer=one.answer,
        says=" ".join([*_STOPPED[:stopped], SENTENCES[one.code].staff, *_found_on(one), *_found_in(tx, one)]),
        is_stopped=stopped,
        heard=_heard_about(tx, one),
    )


def _is_stopped(tx: Tx, one: Hold) -> bool:
    return one.code in APPROVALS and one.resolved_at is None and is_stopped(tx, tx.case(CaseId(one.subject)))


def _heard_about(tx: Tx, one: Hold) -> HeardView | None:
    """What the source said that is asked about, without names and words."""
    if one.code not in _ABOUT_ANSWERS:
        return None
    asked = tx.case(CaseId(one.subject)).requests.get(one.about or "")
    if asked is None:
        return None
    said = asked.left_aside if one.code is HoldCode.ANSWERED_AFTER_RECORDS else asked.answered
    return heard_view(tx, said, identity=False, notes=False)


#: said before anything else of what is to be approved
_STOPPED = ("Stopped: nothing goes, so approve nothing now.",)
_ABOUT_ANSWERS = frozenset({HoldCode.ANSWERED_AFTER_RECORDS, *QUESTIONS.values()})


def heard_view(tx: Tx, last: facts.RequestAnswered | None, *, identity: bool, notes: bool) -> HeardView | None:
    """What was heard last of a request; `identity`: who said it, under which number; `notes`: in which words."""
    if last is None:
        return None
    said = said_by(tx, last) if identity or notes else None
    return HeardView(
        answer=last.answer,
        said_at=last.said_at,
        reason=last.reason,
        amount=last.amount,
        currency=last.currency,
        day=last.day,
        elsewhere=last.elsewhere,
        person=said.person if said and identity else None,
        reference=said.reference if said and identity else None,
        words=said.words if said and notes else None,
    )


def _found_on(one: Hold) -> list[str]:
    """What was found on the form that a question is about."""
    codes = (one.about or "").split() if one.code in ABOUT_FORMS else []
    return [SENTENCES[code].staff for code in codes if code in SENTENCES]


def _found_in(tx: Tx, one: Hold) -> list[str]:
    """Which record a question is about, and what keeps it from being read."""
    if one.code is not HoldCode.DOCUMENT_UNREADABLE or one.about is None:
        return []
    case = tx.case(CaseId(one.subject))
    about = case.records[one.about]
    which = f"It is {about.document.replace('-', ' ')} from {about.institution}."
    return [which, *(SENTENCES[flaw].staff for flaw in case.flaws.get(one.about, ()))]
