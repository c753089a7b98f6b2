"""What commands about a period share: its days, and the list as a file."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from transfer.cli.common import Decorated, plain

if TYPE_CHECKING:
    from transfer.flow.services import Services
    from transfer.periods import Period
    from transfer.reports import ReportFile
    from transfer.rights import Actor
    from transfer.sheets import SheetFormat


def period_options(command: Decorated) -> Decorated:
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
