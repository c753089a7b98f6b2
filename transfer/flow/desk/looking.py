"""Looking at who a patient is and at what is in their records: who may, who must say why, and who did.

Whatever shows a name or what is written calls `show_identity` or `show_content` in the transaction that reads it. So
each look is a fact, on pages and on the command line alike: one for all that one page shows.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from transfer import facts, looks
from transfer.actions import ActionCode, ActionResult
from transfer.facts import LedgerLine
from transfer.flow.desk.verbs import SENT_TWICE, at_desk, demand, known_case, not_allowed, opened_case
from transfer.flow.services import Services, WithLedger
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, cases, center_accounts, patients, sessions
from transfer.ledger import looks as written
from transfer.looks import REASON_COUNTS_FOR, LookPlace, LookReason, PatientFlag
from transfer.periods import Period
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right


@dataclass(frozen=True, slots=True, kw_only=True)
class LookView:
    """Somebody looked, or said why they would."""

    at: datetime
    person: str | None
    #: as they were called when they signed in last; None: on the command line
    name: str | None
    is_claimed: bool
    #: of the fact
    kind: str
    cases: tuple[str, ...]
    #: the record, message, form or packet
    about: str | None
    place: str | None
    reason: str | None
    #: a sign-in by the emergency account
    is_local: bool


def show_identity(tx: Tx, actor: Actor, shown: Collection[CaseId], place: LookPlace) -> frozenset[CaseId]:
    """Those of the cases whose patient may be shown to the actor now. What is shown is a fact, one for all of them.

    Called last in its transaction: until that ends, whoever else looks waits.

    Raises:
        NotAllowed: the actor may see no identity, whatever the reason.
    """
    demand_identity(actor)
    seen = _open_to(tx, actor, shown)
    if seen:
        written.write(tx, facts.IdentityViewed(cases=tuple(sorted(seen)), place=place))
    return seen


def show_all_identities(tx: Tx, actor: Actor, shown: Collection[CaseId], place: LookPlace) -> None:
    """The same where none of the cases can be left out.

    Raises:
        NotAllowed: the actor may see no identity, or has not said why they look at one of the cases.
    """
    for case in sorted(frozenset(shown) - show_identity(tx, actor, shown, place)):
        raise not_allowed(Reason(RefusalCode.NO_REASON, case=case), Remedy(RemedyCode.STATE_REASON, case=case))


def demand_identity(actor: Actor) -> None:
    """Raise `NotAllowed` where the actor may see no identity, whatever the reason."""
    if not actor.may(Right.SEE_IDENTITY_FOR_REASON):
        demand(actor, Right.SEE_IDENTITY)


def may_see_identity(services: WithLedger, case: CaseId, *, actor: Actor) -> bool:
    """Whether the actor would be shown now who the patient of a case is; nothing is shown, or written."""
    with services.ledger.transaction() as tx:
        return bool(_open_to(tx, actor, [case]))


def name_patients(services: WithLedger, shown: Collection[CaseId], *, actor: Actor) -> Mapping[CaseId, str]:
    """The names of those patients whom the actor may see now, by case; the others are left out. It is one look.

    Raises:
        NotAllowed: the actor may see no identity, whatever the reason.
    """
    demand_identity(actor)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        whose = cases.patients_of(tx, shown)
        seen = show_identity(tx, actor, list(whose), LookPlace.LIST)
        of = {case: who for case, who in whose.items() if case in seen}
        known = patients.identities(tx, of.values())
        return {
            case: str(known[who].current.names[0])
            for case, who in of.items()
            if who in known and known[who].current.names
        }


def _open_to(tx: Tx, actor: Actor, asked: Collection[CaseId]) -> frozenset[CaseId]:
    flagged = written.flagged(tx, asked)
    plain = frozenset(case for case in asked if looks.is_shown(actor, is_flagged=case in flagged, has_reason=False))
    if len(plain) == len(frozenset(asked)):
        return plain
    with_reason = {case for case, _ in written.reasons(tx, actor.person, REASON_COUNTS_FOR)}
    return frozenset(
        case for case in asked if looks.is_shown(actor, is_flagged=case in flagged, has_reason=case in with_reason)
    )


def show_content(tx: Tx, actor: Actor, case: CaseId | None, about: str, place: LookPlace) -> None:
    """What is written is shown to the actor now: of a record, a message, a form or a packet, or of the notes of a case.

    Raises:
        NotAllowed: the actor may see no content.
    """
    demand(actor, Right.SEE_CONTENT)
    written.write(tx, facts.ContentViewed(case=case, about=about, place=place))


def state_reason(services: WithLedger, case: CaseId, reason: LookReason, *, actor: Actor) -> ActionResult:
    """Say why one looks at the patient of a case. It counts for ten hours, for this person alone. The same within a
    minute is the same form sent twice, and is kept once.

    Raises:
        Unknown: there is no such case.
        NotAllowed: the actor may see no identity, whatever the reason.
    """
    demand_identity(actor)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        tx.lock_case(case)
        known_case(tx, case)
        if (case, reason) in written.reasons(tx, actor.person, SENT_TWICE):
            return ActionResult(ActionCode.REASON_STATED_BEFORE, case=case)
        written.write(tx, facts.ReasonStated(case=case, reason=reason))
    return ActionResult(ActionCode.REASON_STATED, case=case)


def flag_patient(services: WithLedger, case: CaseId, flag: PatientFlag, *, actor: Actor) -> ActionResult:
    """From now on whoever looks at the patient of this case must say why.

    Raises:
        Unknown: there is no such case.
        NotAllowed: its referral has not been understood yet.
    """
    with at_desk(services, actor, Right.FLAG_PATIENTS) as tx:
        _, _, patient = opened_case(tx, case)
        if not written.flag(tx, patient, flag):
            return ActionResult(ActionCode.FLAGGED_BEFORE, case=case, flag=flag)
        written.write(tx, facts.PatientFlagged(case=case, flag=flag, is_set=True))
    return ActionResult(ActionCode.FLAGGED, case=case, flag=flag)


def unflag_patient(services: WithLedger, case: CaseId, flag: PatientFlag, *, actor: Actor) -> ActionResult:
    """Whoever looks at the patient of this case need not say why any more. Raises as `flag_patient`."""
    with at_desk(services, actor, Right.FLAG_PATIENTS) as tx:
        _, _, patient = opened_case(tx, case)
        if not written.unflag(tx, patient, flag):
            return ActionResult(ActionCode.NOT_FLAGGED, case=case, flag=flag)
        written.write(tx, facts.PatientFlagged(case=case, flag=flag, is_set=False))
    return ActionResult(ActionCode.UNFLAGGED, case=case, flag=flag)


def list_looks(
    services: WithLedger, *, actor: Actor, days: int, case: CaseId | None = None, person: str | None = None
) -> tuple[LookView, ...]:
    """Who looked at the patient of a case, or at whom a person looked, in the last days, newest first.

    All cases of the patient count. Without a case and a person: every look.

    Raises:
        Unknown: there is no such case.
    """
    with at_desk(services, actor, Right.AUDIT) as tx:
        now = tx.now()
        return looks_between(tx, now - timedelta(days=days), now, case=case, person=person)


def list_views(
    services: Services, period: Period, *, actor: Actor, case: CaseId | None = None, person: str | None = None
) -> tuple[LookView, ...]:
    """The same of a period of days here.

    Raises:
        Unknown: there is no such case.
    """
    with at_desk(services, actor, Right.AUDIT) as tx:
        return looks_between(tx, *period.bounds(services.zone), case=case, person=person)


def looks_between(
    tx: Tx, begin: datetime, end: datetime, *, case: CaseId | None = None, person: str | None = None
) -> tuple[LookView, ...]:
    """The same from `begin` on and before `end` (UTC), within a transaction."""
    among = _of_same_patient(tx, case) if case else None
    found = [line for line in written.between(tx, begin, end) if _is_sought(line, among, person)]
    people = {line.by.person for line in found if line.by.person}
    names = {**sessions.names(tx, people), **center_accounts.names(tx, people)}
    return tuple(_view(line, names.get(line.by.person or "")) for line in reversed(found))


def _of_same_patient(tx: Tx, case: CaseId) -> frozenset[str]:
    opened = known_case(tx, case).opened
    return frozenset({case, *(cases.of_patient(tx, PatientId(opened.patient)) if opened else ())})


def _is_sought(line: LedgerLine, among: frozenset[str] | None, person: str | None) -> bool:
    return (among is None or not among.isdisjoint(_cases(line))) and person in (None, line.by.person)


def _cases(line: LedgerLine) -> tuple[str, ...]:
    match line.fact:
        case facts.IdentityViewed(cases=shown):
            return shown
        case facts.ContentViewed(case=case) | facts.ReasonStated(case=case) if case:
            return (case,)
        case facts.TrailViewed(about=about) if CaseId.pattern.fullmatch(about):
            return (about,)
        case _:
            return ()


def _view(line: LedgerLine, name: str | None) -> LookView:
    fact = line.fact
    return LookView(
        at=line.at,
        person=line.by.person,
        name=name,
        is_claimed=line.by.is_claimed,
        kind=fact.kind,
        cases=_cases(line),
        about=_about(fact),
        place=_place(fact),
        reason=fact.reason if isinstance(fact, facts.ReasonStated) else None,
        is_local=isinstance(fact, facts.SessionBegun) and fact.is_local,
    )


def _about(fact: facts.Fact) -> str | None:
    match fact:
        case facts.ContentViewed(about=about) | facts.TrailViewed(about=about):
            return about
        case facts.CenterAccountSet(center_account=about):
            return about
    return None


def _place(fact: facts.Fact) -> str | None:
    """Where somebody looked; of a session of somebody of outside, whose pages."""
    match fact:
        case facts.IdentityViewed(place=place) | facts.ContentViewed(place=place):
            return place
        case facts.OutsideSessionBegun(outsider=outsider):
            return outsider
    return None
