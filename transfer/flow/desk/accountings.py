"""Accountings of disclosures that patients ask for: asked, delayed once, given in time (45 CFR 164.528).

The register is folded from facts; there is no other record of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from transfer import facts
from transfer.accounting import AccountingRequest, DelayReason, is_free
from transfer.actions import ActionCode, ActionResult
from transfer.adapters import sheets
from transfer.facts import Chain, LedgerLine
from transfer.flow.desk.disclosures import ChosenDisclosures, DisclosureView, disclosed
from transfer.flow.desk.reports import about, kept_bytes
from transfer.flow.desk.story import institution_name
from transfer.flow.desk.verbs import at_desk, known_case, not_allowed, unknown
from transfer.flow.services import Services
from transfer.identifiers import AccountingId, CaseId, PatientId
from transfer.ledger import Tx, cases, looks, written
from transfer.periods import MAX_LENGTH, Period
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.reports import ReportFile, ReportKind
from transfer.rights import Actor, Right
from transfer.sheets import Sheet, SheetCell, SheetFormat

_FACTS = (facts.AccountingAsked, facts.AccountingDelayed, facts.AccountingGiven)
_HEADINGS = ("No", "Date", "Recipient", "Address", "What was disclosed", "Purpose, or why", "Reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountingView:
    """One request as the register shows it. `is_late`: its time is over, or was when it was given."""

    request: AccountingRequest
    is_late: bool
    is_free: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingAccounting:
    """An accounting that nobody has given yet. `due_on`: its last day here. `is_late`: that day is over."""

    accounting: AccountingId
    case: CaseId
    due_on: date
    is_late: bool


def list_accountings(services: Services, *, actor: Actor) -> tuple[AccountingView, ...]:
    """The register of six years: what is not given first, what is due soonest in front; then what was given last."""
    with at_desk(services, actor, Right.AUDIT) as tx:
        return register(tx, today=_today(tx, services))


def accountings_to_give(services: Services, *, actor: Actor) -> tuple[WaitingAccounting, ...]:
    """What was asked for and is not given, what is due soonest first: somebody gives it by its day, or delays it."""
    with at_desk(services, actor, Right.ACCOUNT) as tx:
        today = _today(tx, services)
        waiting = (one for one in _folded(tx).values() if one.given_on is None)
        return tuple(
            WaitingAccounting(accounting=one.accounting, case=one.case, due_on=one.due_on, is_late=one.is_late(today))
            for one in sorted(waiting, key=lambda one: (one.due_on, one.accounting))
        )


def register(tx: Tx, *, today: date) -> tuple[AccountingView, ...]:
    """The same within a transaction."""
    found = _folded(tx)
    whose = {one.case: _patient(tx, one.case) for one in found.values()}
    seen = [
        AccountingView(
            request=one,
            is_late=one.is_late(today),
            is_free=is_free(one, [other for other in found.values() if whose[other.case] == whose[one.case]]),
        )
        for one in found.values()
    ]
    waiting = sorted((one for one in seen if one.request.given_on is None), key=lambda one: one.request.due_on)
    given = sorted((one for one in seen if one.request.given_on), key=lambda one: str(one.request.given_on))
    return (*waiting, *reversed(given))


def ask_accounting(services: Services, case: CaseId, asked_on: date, period: Period, *, actor: Actor) -> ActionResult:
    """Take in that somebody asked for an accounting of what was disclosed of the patient of a case. The same again is
    one request.

    Raises:
        Unknown: there is no such case.
        NotAllowed: the day lies ahead, or the period ends after it.
    """
    with at_desk(services, actor, Right.ACCOUNT) as tx:
        tx.lock_case(case)
        known_case(tx, case)
        if asked_on > _today(tx, services) or period.last > asked_on:
            raise not_allowed(Reason(RefusalCode.ASKED_LATER), Remedy(RemedyCode.LIST_ACCOUNTINGS))
        asked = AccountingRequest(accounting=AccountingId.draw(), case=case, asked_on=asked_on, period=period)
        for one in _folded(tx).values():
            if (one.case, one.asked_on, one.period) == (case, asked_on, period):
                return ActionResult(ActionCode.ACCOUNTING_ASKED_BEFORE, accounting=one.accounting)
        fact = facts.AccountingAsked(
            accounting=asked.accounting,
            case=case,
            asked_on=asked_on.isoformat(),
            first=period.first.isoformat(),
            last=period.last.isoformat(),
        )
        looks.write(tx, fact)
    return ActionResult(ActionCode.ACCOUNTING_ASKED, accounting=asked.accounting, due=asked.due_on.isoformat())


def delay_accounting(
    services: Services, accounting: AccountingId, reason: DelayReason, *, actor: Actor
) -> ActionResult:
    """Say that it takes thirty days longer, and why: once, and before its time is over.

    Raises:
        Unknown: there is no such request.
        NotAllowed: it is given, or its time is over.
    """
    with at_desk(services, actor, Right.ACCOUNT) as tx:
        one = _locked(tx, accounting)
        if one.given_on:
            why = Reason(RefusalCode.ACCOUNTING_IS_GIVEN, accounting=accounting)
            raise not_allowed(why, Remedy(RemedyCode.LIST_ACCOUNTINGS))
        if one.delay:
            return ActionResult(ActionCode.ACCOUNTING_DELAYED_BEFORE, accounting=accounting)
        if one.is_late(_today(tx, services)):
            why = Reason(RefusalCode.DELAY_TOO_LATE, accounting=accounting, due=one.due_on.isoformat())
            raise not_allowed(why, Remedy(RemedyCode.LIST_ACCOUNTINGS))
        looks.write(tx, facts.AccountingDelayed(accounting=accounting, case=one.case, reason=reason))
    due = replace(one, delay=reason).due_on.isoformat()
    return ActionResult(ActionCode.ACCOUNTING_DELAYED, accounting=accounting, due=due)


def give_accounting(
    services: Services, accounting: AccountingId, form: SheetFormat, *, actor: Actor, fee: int = 0
) -> ReportFile:
    """The accounting as a file, and the fact that it was given. Asked for again it is made anew; the first day stands.

    Args:
        fee: in US cents.

    Raises:
        Unknown: there is no such request.
        NotAllowed: a fee for the first within twelve months.
    """
    with at_desk(services, actor, Right.ACCOUNT) as tx:
        one = _locked(tx, accounting)
        today = _today(tx, services)
        if fee and any(seen.is_free for seen in register(tx, today=today) if seen.request == one):
            why = Reason(RefusalCode.FIRST_IS_FREE, accounting=accounting)
            raise not_allowed(why, Remedy(RemedyCode.LIST_ACCOUNTINGS))
        sheet = _sheet(tx, services, one)
        content = sheets.written(sheet, form)
        made = kept_bytes(tx, content, ReportKind.ACCOUNTING, one.period, form, rows=len(sheet.rows), case=one.case)
        looks.write(
            tx,
            facts.AccountingGiven(
                accounting=accounting,
                case=one.case,
                given_on=(one.given_on or today).isoformat(),
                rows=len(sheet.rows),
                sha256=made.sha256,
                fee=fee or one.fee,
            ),
        )
        return made


def _today(tx: Tx, services: Services) -> date:
    return tx.now().astimezone(services.zone).date()


def _locked(tx: Tx, accounting: AccountingId) -> AccountingRequest:
    found = _folded(tx).get(accounting)
    if found is None:
        raise unknown(Reason(RefusalCode.NO_ACCOUNTING), Remedy(RemedyCode.LIST_ACCOUNTINGS))
    tx.lock_case(found.case)
    return _folded(tx)[accounting]


def _folded(tx: Tx) -> dict[AccountingId, AccountingRequest]:
    found: dict[AccountingId, AccountingRequest] = {}
    now = tx.now()
    for line in written.between(tx, _FACTS, now - MAX_LENGTH, now):
        match line.fact:
            case facts.AccountingAsked(accounting=name, case=case, asked_on=asked_on, first=first, last=last):
                found[AccountingId(name)] = AccountingRequest(
                    accounting=AccountingId(name),
                    case=CaseId(case),
                    asked_on=date.fromisoformat(asked_on),
                    period=Period(date.fromisoformat(first), date.fromisoformat(last)),
                )
            case facts.AccountingDelayed(accounting=name, reason=reason) if one := found.get(AccountingId(name)):
                found[AccountingId(name)] = replace(one, delay=DelayReason(reason))
            case facts.AccountingGiven() as fact if one := found.get(AccountingId(fact.accounting)):
                found[AccountingId(fact.accounting)] = replace(
                    one, given_on=date.fromisoformat(fact.given_on), fee=fact.fee, rows=fact.rows, sha256=fact.sha256
                )
    return found


def _patient(tx: Tx, case: CaseId) -> str:
    opened = tx.case(case).opened
    return opened.patient if opened else case


def _sheet(tx: Tx, services: Services, one: AccountingRequest) -> Sheet:
    """What 164.528(b)(2) asks for: date, recipient with address, what, and why; what went astray among it."""
    chosen = ChosenDisclosures(is_accountable=True, case=one.case)
    told = [
        *((view.begun_at, _row(services, view)) for view in disclosed(tx, services, one.period, chosen)),
        *_astray(tx, services, one),
    ]
    rows = sorted(told, key=lambda each: each[0])
    said = (
        ("Asked for", f"on {one.asked_on}, as {one.accounting}, by the patient of request {one.case}"),
        *about(one.period, services.zone, tx.now()),
        ("Not listed", "disclosures for treatment, and by the patient's authorization (45 CFR 164.528(a)(1)(i), (iv))"),
    )
    numbered = tuple((number, *row) for number, (_, row) in enumerate(rows, start=1))
    return Sheet(title="Accounting of disclosures", about=said, headings=_HEADINGS, rows=numbered)


def _row(services: Services, view: DisclosureView) -> tuple[SheetCell, ...]:
    what = ", ".join(f"{count} {kind}" for kind, count in view.kinds) or f"word of {view.about}"
    return (
        f"{view.begun_at.astimezone(services.zone):%Y-%m-%d}",
        *_recipient(services, view.receiver),
        what,
        f"{view.purpose}; {', '.join(view.bases)}",
        view.about,
    )


def _recipient(services: Services, institution: str) -> tuple[str, str]:
    known = services.institutions.get(institution)
    address = known.contact.address if known and known.contact else None
    return institution_name(services.institutions, institution), (address or "").replace("\n", ", ")


def _astray(tx: Tx, services: Services, one: AccountingRequest) -> Iterable[tuple[datetime, tuple[SheetCell, ...]]]:
    """What went to the wrong place is disclosed, too. Who got it, where it was nobody we know, stands in the case."""
    opened = tx.case(one.case).opened
    theirs = {one.case, *(cases.of_patient(tx, PatientId(opened.patient)) if opened else ())}
    begin, end = one.period.bounds(services.zone)
    for case in sorted(theirs):
        for line in tx.lines(Chain.case(case)):
            if _is_astray(line) and begin <= line.at < end:
                yield line.at, _astray_row(services, line)


def _is_astray(line: LedgerLine) -> bool:
    return isinstance(line.fact, facts.MisdirectionRecorded)


def _astray_row(services: Services, line: LedgerLine) -> tuple[SheetCell, ...]:
    fact = line.fact
    assert isinstance(fact, facts.MisdirectionRecorded)  # by its kind
    who = _recipient(services, fact.to) if fact.to else ("not one of our facilities: see the request", "")
    return (fact.noticed_on, *who, fact.what, "went to the wrong place", line.chain.removeprefix("case:"))
