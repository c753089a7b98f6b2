"""Accountings of disclosures that patients asked for: the register, a new request, and what is given."""

from decimal import Decimal, InvalidOperation
from typing import Final

from transfer.accounting import DelayReason
from transfer.flow import desk
from transfer.identifiers import AccountingId, CaseId
from transfer.pages.desk.periods import chosen_day, chosen_period, file_of, page_of
from transfer.pages.forms import Fields, Problems
from transfer.pages.routes import Act, Answer, Asked, File, Next, Page
from transfer.rights import Right
from transfer.sheets import SheetFormat

_HOME: Final = "/audit/accountings"
_REASONS: Final = (
    (DelayReason.HELD_ELSEWHERE, "Some of it is recorded elsewhere"),
    (DelayReason.VOLUME, "There is much of it"),
    (DelayReason.IDENTITY, "It is not sure yet that the patient asked"),
)


def _show(asked: Asked, problems: Problems | None = None) -> Answer:
    found, pages = page_of(asked, desk.list_accountings(asked.services, actor=asked.actor))
    return Answer(
        template="accountings.html",
        title="Accountings",
        context={
            "found": found,
            "pages": pages,
            "query": "",
            "reasons": _REASONS,
            "said": dict(_REASONS),
            "may_act": asked.actor.may(Right.ACCOUNT),
            "zone": asked.services.zone,
            "fields": asked.fields,
            "problems": problems or Problems(),
        },
        status=422 if problems else 200,
    )


def _ask(asked: Asked) -> Answer | Next:
    fields, problems = asked.fields, Problems()
    case = _case(fields, problems)
    asked_on, first, last = (chosen_day(fields, name, problems) for name in ("asked", "first", "last"))
    period = chosen_period(first, last, problems)
    if problems or case is None or asked_on is None or period is None:
        return _show(asked, problems)
    desk.ask_accounting(asked.services, case, asked_on, period, actor=asked.actor)
    return Next(_HOME)


def _delay(asked: Asked) -> Answer | Next:
    problems = Problems()
    reason = asked.fields.one_of("reason", list(DelayReason), problems, needed="Choose why it takes longer")
    if problems:
        return _show(asked, problems)
    accounting = asked.id(AccountingId, "accounting")
    desk.delay_accounting(asked.services, accounting, DelayReason(reason), actor=asked.actor)
    return Next(_HOME)


def _give(asked: Asked) -> Answer | File:
    problems = Problems()
    fee = _cents(asked.fields, problems)
    if problems:
        return _show(asked, problems)
    accounting = asked.id(AccountingId, "accounting")
    return file_of(desk.give_accounting(asked.services, accounting, SheetFormat.XLSX, actor=asked.actor, fee=fee))


def _case(fields: Fields, problems: Problems) -> CaseId | None:
    try:
        return CaseId(fields.raw("case").strip())
    except ValueError:
        problems.add("case", "Type the id of the request, for example c0123456789a")
        return None


def _cents(fields: Fields, problems: Problems) -> int:
    text = fields.line("fee", problems, longest=8).lstrip("$ ")
    try:
        amount = Decimal(text or "0") * 100
        if amount != int(amount) or not 0 <= amount <= 100_00:
            raise ValueError
        return int(amount)
    except (ValueError, InvalidOperation, OverflowError):
        problems.add("fee", "An amount in dollars, as 6.50, at most 100")
        return 0


DECLARED: Final = (
    Page(path=_HOME, right=Right.AUDIT, show=_show),
    Act(path=_HOME, right=Right.ACCOUNT, do=_ask),
    Act(path=f"{_HOME}/{{accounting}}/delay", right=Right.ACCOUNT, do=_delay),
    Act(path=f"{_HOME}/{{accounting}}/give", right=Right.ACCOUNT, do=_give),
)
