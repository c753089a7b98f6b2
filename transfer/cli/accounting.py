"""`transfer audit accounting …`: who asked for an accounting of disclosures, and when it is given."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from transfer.cli.common import ACCOUNTING, CASE, at, desk_options, print_json, print_table, tell, view_options
from transfer.cli.group import LazyGroup, ListedCommand
from transfer.cli.periods import kept_at

if TYPE_CHECKING:
    from transfer.flow.desk import AccountingView
    from transfer.identifiers import AccountingId, CaseId
    from transfer.rights import Actor

_HERE = "transfer.cli.accounting"
_DAY = click.DateTime(["%Y-%m-%d"])

accounting = LazyGroup(
    name="accounting",
    help="An accounting of disclosures that somebody asked for.",
    listed={
        "ask": ListedCommand(f"{_HERE}:ask_command", "Take in that somebody asked for one."),
        "delay": ListedCommand(f"{_HERE}:delay_command", "Say that it takes thirty days longer, and why."),
        "give": ListedCommand(f"{_HERE}:give_command", "Make it, as a file for whoever asked."),
    },
)


@click.command("accountings")
@view_options
def accountings_command(var: Path, *, actor: "Actor", as_json: bool) -> None:
    """Who asked for an accounting of disclosures, until when it is due, and what was given; due soonest first.

    It is due within 60 days, once extended by 30; the first within twelve months is free (45 CFR 164.528(c)).

    \b
    Example:
      transfer audit accountings
    """
    from transfer.flow import desk

    with at(var) as services:
        found = desk.list_accountings(services, actor=actor)
    if as_json:
        print_json(found)
    elif not found:
        click.echo("Nobody has asked for an accounting.")
    else:
        print_table(("id", "case", "asked", "of", "due", "given", "fee", "lines", "SHA-256"), map(_row, found))


def _row(one: "AccountingView") -> tuple[object, ...]:
    asked = one.request
    due = f"{asked.due_on}{' LATE' if one.is_late else ''}{f' ({asked.delay})' if asked.delay else ''}"
    fee = f"${asked.fee / 100:.2f}" if asked.fee else "free" if one.is_free else ""
    return (
        *(asked.accounting, asked.case, asked.asked_on, asked.period, due, asked.given_on or "", fee),
        *("" if asked.rows is None else asked.rows, asked.sha256 or ""),
    )


@click.command("ask")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.option("--on", "asked_on", type=_DAY, required=True, help="The day on which they asked.")
@click.option("--from", "first", type=_DAY, required=True, help="The first day that they ask about.")
@click.option("--to", "last", type=_DAY, required=True, help="The last one. At most six years.")
@desk_options
def ask_command(
    var: Path,
    case_id: "CaseId",
    *,
    asked_on: datetime,
    first: datetime,
    last: datetime,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Take in that somebody asked for an accounting of what was disclosed of the patient of CASE.

    \b
    Example:
      transfer audit accounting ask c0123456789a --on 2026-03-04 --from 2024-01-01 --to 2026-03-04
    """
    from transfer.flow import desk
    from transfer.periods import Period

    try:
        period = Period(first.date(), last.date())
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    with at(var) as services:
        tell(desk.ask_accounting(services, case_id, asked_on.date(), period, actor=actor), as_json=as_json)


@click.command("delay")
@click.argument("accounting", metavar="ACCOUNTING", type=ACCOUNTING)
@click.argument("reason", metavar="REASON")
@desk_options
def delay_command(var: Path, accounting: "AccountingId", reason: str, *, actor: "Actor", as_json: bool) -> None:
    """Say that ACCOUNTING takes thirty days longer: held-elsewhere, volume or identity. Tell who asked, in writing.

    \b
    Example:
      transfer audit accounting delay v0123456789abcde volume
    """
    from transfer.accounting import DelayReason
    from transfer.flow import desk

    if reason not in set(DelayReason):
        raise click.UsageError(f"a reason is one of: {', '.join(DelayReason)}")
    with at(var) as services:
        tell(desk.delay_accounting(services, accounting, DelayReason(reason), actor=actor), as_json=as_json)


@click.command("give")
@click.argument("accounting", metavar="ACCOUNTING", type=ACCOUNTING)
@click.option("--xlsx", "xlsx", type=click.Path(dir_okay=False, path_type=Path), help="Into this file, for Excel.")
@click.option("--csv", "csv", type=click.Path(dir_okay=False, path_type=Path), help="Into this file, as CSV.")
@click.option("--fee", type=click.IntRange(0, 100_00), default=0, help="In US cents. The first in a year is free.")
@desk_options
def give_command(
    var: Path, accounting: "AccountingId", *, fee: int, actor: "Actor", as_json: bool, **options: Any
) -> None:
    """Make ACCOUNTING as a file, and write down that it was given, with the SHA-256 of the file.

    \b
    Example:
      transfer audit accounting give v0123456789abcde --xlsx accounting.xlsx
    """
    from transfer.flow import desk

    if as_json:
        raise click.UsageError("the accounting is a file: leave --json out")
    with at(var) as services:
        make = lambda form: desk.give_accounting(services, accounting, form, actor=actor, fee=fee)  # noqa: E731
        if not kept_at(options, make):
            raise click.UsageError("name a file: --csv or --xlsx")
