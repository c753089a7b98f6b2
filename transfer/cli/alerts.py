"""`transfer alerts`: what is wrong with the installation now, and what was."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import at, json_option, plain, print_json, var_option
from transfer.cli.exit_codes import NEGATIVE

if TYPE_CHECKING:
    from transfer.flow.alerting import AlertLine


@click.command("alerts")
@click.option("--all", "with_over", is_flag=True, help="Also those that are over, the newest fifty of all.")
@var_option
@json_option
def alerts_command(var: Path, *, with_over: bool, as_json: bool) -> None:
    """What is wrong now, since when, and what to do. Whoever is named in TRANSFER_ALERTS_MAIL or
    TRANSFER_ALERTS_WEBHOOK was told once when it began, and is told once when it is over.

    Gateway and desk look every half minute. What was wrong for less than two minutes is no alert; what is right for
    five is over. A line that ends with *not told* waits for its mail or webhook, or was given up after eight tries.

    Ends with 0 if nothing is wrong, with 1 if something is.

    \b
    Example:
      transfer alerts
    """
    with at(var) as services:
        from transfer.flow.alerting import list_alerts

        found = list_alerts(services)
    shown = [one for one in found if with_over or one.over_at is None]
    if as_json:
        print_json(shown)
    else:
        for one in shown:
            click.echo(plain(_line(one)))
        if not shown:
            click.echo("Nothing is wrong.")
    if any(one.over_at is None for one in found):
        raise click.exceptions.Exit(NEGATIVE)


def _line(one: "AlertLine") -> str:
    says = one.says[:1].upper() + one.says[1:]
    times = f"since {one.began_at:%Y-%m-%d %H:%M} UTC"
    if one.over_at:
        return f"{says} ({times}, over at {one.over_at:%Y-%m-%d %H:%M} UTC)."
    untold = f" Not told by {' and '.join(one.not_told)}." if one.not_told else ""
    return f"{says} ({times}). {one.remedy}.{untold}"
