"""`transfer center`: who of a receiving center signs in at our pages."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import (
    INSTITUTION,
    ask,
    at,
    desk_options,
    ledger_at,
    print_json,
    print_table,
    tell,
    view_options,
)
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from transfer.rights import Actor

center = LazyGroup(
    name="center",
    help="Who of a receiving center signs in at our pages.",
    listed={
        "list": ListedCommand("transfer.cli.center:list_command", "Who was invited."),
        "invite": ListedCommand("transfer.cli.center:invite_command", "Invite somebody by mail; shows their PIN once."),
        "pin": ListedCommand("transfer.cli.center:pin_command", "Give somebody another PIN; shows it once."),
        "end": ListedCommand("transfer.cli.center:end_command", "Nobody signs in by an address any more."),
    },
)

_MAIL = "Mail address"


@click.command("list")
@view_options
def list_command(var: Path, *, actor: "Actor", as_json: bool) -> None:
    """Everybody who was invited, those who sign in no more last.

    \b
    Example:
      transfer center list
    """
    from transfer.flow import desk
    from transfer.flow.services import LedgerAlone

    with ledger_at(var) as ledger:
        found = desk.list_center_accounts(LedgerAlone(ledger), actor=actor)
    if as_json:
        print_json(found)
    elif not found:
        click.echo("Nobody was invited.")
    else:
        days = [(one, f"{one.ended_at:%Y-%m-%d}" if one.ended_at else "") for one in found]
        rows = [(one.institution, one.mail, f"{one.invited_at:%Y-%m-%d}", ended) for one, ended in days]
        print_table(("center", "mail", "invited", "ended"), rows)


@click.command("invite")
@click.argument("institution", metavar="CENTER", type=INSTITUTION)
@desk_options
def invite_command(var: Path, institution: str, *, actor: "Actor", as_json: bool) -> None:
    """Invite somebody of a receiving center, whose mail address is asked for. Tell them the PIN by telephone.

    It is shown once. Invited before, they are sent the mail again and keep their PIN.

    \b
    Example:
      transfer center invite summit-cancer-center
    """
    from transfer.flow import desk

    mail = ask(_MAIL)
    with at(var) as services:
        tell(desk.invite_to_center(services, institution, mail, actor=actor), as_json=as_json)


@click.command("pin")
@desk_options
def pin_command(var: Path, *, actor: "Actor", as_json: bool) -> None:
    """Give somebody another PIN, by the mail address that is asked for. The former one works no more.

    \b
    Example:
      transfer center pin
    """
    from transfer.flow import desk
    from transfer.flow.services import LedgerAlone

    mail = ask(_MAIL)
    with ledger_at(var) as ledger:
        tell(desk.renew_center_pin(LedgerAlone(ledger), mail, actor=actor), as_json=as_json)


@click.command("end")
@desk_options
def end_command(var: Path, *, actor: "Actor", as_json: bool) -> None:
    """Nobody signs in by the mail address that is asked for any more; who has signed in is signed out.

    \b
    Example:
      transfer center end
    """
    from transfer.flow import desk
    from transfer.flow.services import LedgerAlone

    mail = ask(_MAIL)
    with ledger_at(var) as ledger:
        tell(desk.end_center_account(LedgerAlone(ledger), mail, actor=actor), as_json=as_json)
