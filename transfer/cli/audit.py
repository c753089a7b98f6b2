"""`transfer audit`: what left, who decided and who looked, by period; each list to read, or to take along as a file."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from transfer.cli.common import CASE, INSTITUTION, at, by, plain, print_json, print_table, view_options
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from transfer.flow.desk import DisclosureView
    from transfer.flow.services import Services
    from transfer.identifiers import CaseId, InstitutionId
    from transfer.periods import Period
    from transfer.reports import ReportFile
    from transfer.rights import Actor
    from transfer.sheets import SheetFormat

Command = TypeVar("Command", bound=Callable[..., Any])

audit = LazyGroup(
    name="audit",
    help="What left, who decided and who looked, by period.",
    listed={
        "disclosures": ListedCommand("transfer.cli.audit:disclosures_command", "What left, to whom, on which basis."),
    },
)


def period_options(command: Command) -> Command:
    """Of which days, and whether as a file."""
    for option in (
        click.option(
            "--xlsx", "xlsx", type=click.Path(dir_okay=False, path_type=Path), help="Into this file, for Excel."
        ),
        click.option("--csv", "csv", type=click.Path(dir_okay=False, path_type=Path), help="Into this file, as CSV."),
        click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="The last day. Today if not given."),
        click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="The first day. 30 days if not given."),
    ):
        command = option(command)
    return command


def period_of(services: "Services", options: dict[str, Any], actor: "Actor") -> "Period":
    """The days that the options name."""
    from transfer.flow import desk
    from transfer.periods import Period

    latest = desk.latest_days(services, 30, actor=actor)
    first: date = options["first"].date() if options["first"] else latest.first
    last: date = options["last"].date() if options["last"] else latest.last
    try:
        return Period(first, last)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def kept_at(options: dict[str, Any], make: "Callable[[SheetFormat], ReportFile]") -> bool:
    """Write the files that were asked for, and tell the SHA-256 of each. False: none was."""
    from transfer.sheets import SheetFormat

    wanted: Sequence[tuple[SheetFormat, Path | None]] = (
        (SheetFormat.CSV, options["csv"]),
        (SheetFormat.XLSX, options["xlsx"]),
    )
    for form, path in wanted:
        if path:
            made = make(form)
            path.write_bytes(made.content)
            click.echo(f"{made.sha256}  {plain(path)}")
    return any(path for _, path in wanted)


@click.command("disclosures")
@click.option("--receiver", type=INSTITUTION, help="Only to this institution.")
@click.option("--basis", metavar="BASIS", help="Only on this basis: authorization, treatment and so on.")
@click.option("--case", "case_id", metavar="CASE", type=CASE, help="Only about the patient of this case.")
@click.option("--accounted", is_flag=True, help="Only those that an accounting lists (45 CFR 164.528).")
@period_options
@view_options
def disclosures_command(
    var: Path,
    *,
    receiver: "InstitutionId | None",
    basis: str | None,
    case_id: "CaseId | None",
    accounted: bool,
    actor: "Actor",
    as_json: bool,
    **options: Any,
) -> None:
    """What left, to whom, on which basis, approved by whom, and how it ended; newest first.

    A packet that was handed over is a disclosure, and so is each word to a center of how far a case is. Which of them
    an accounting lists is said with the clause that exempts the others. Files name no patient; the SHA-256 of each is
    printed, and kept in the trail.

    \b
    Example:
      transfer audit disclosures --from 2026-03-01 --to 2026-03-31 --xlsx march.xlsx
    """
    from transfer.flow import desk
    from transfer.institutions import Basis

    if basis not in (None, *Basis):
        raise click.UsageError(f"a basis is one of: {', '.join(Basis)}")
    chosen = desk.ChosenDisclosures(
        receiver=receiver,
        basis=Basis(basis) if basis else None,
        is_accountable=True if accounted else None,
        case=case_id,
    )
    with at(var) as services:
        period = period_of(services, options, actor)
        make = lambda form: desk.disclosures_file(services, period, form, actor=actor, chosen=chosen)  # noqa: E731
        if kept_at(options, make):
            return
        found = desk.list_disclosures(services, period, actor=actor, chosen=chosen)
    if as_json:
        print_json(found)
    elif not found:
        click.echo(f"Nothing was disclosed from {period}.")
    else:
        headings = (
            "begun",
            "case",
            "to",
            "what",
            "basis",
            "accounted for",
            "approved by",
            "bytes",
            "outcome",
            "receipt",
        )
        print_table(headings, map(_disclosure, found))


def _disclosure(one: "DisclosureView") -> tuple[object, ...]:
    return (
        f"{one.begun_at:%Y-%m-%d %H:%M:%S}Z",
        one.case,
        one.receiver,
        one.about,
        " ".join(one.bases),
        f"exempt {' '.join(one.exempt)}" if one.exempt else "yes",
        by(one.approved_by, is_claimed=False),
        one.size,
        one.outcome,
        one.receipt,
    )
