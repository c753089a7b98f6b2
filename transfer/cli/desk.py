"""`transfer desk`: how people sign in at the desk's pages."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import ask_secret, desk_options, ledger_at, tell
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from transfer.rights import Actor

desk = LazyGroup(
    name="desk",
    help="How people sign in at the desk's pages.",
    listed={"account": ListedCommand("transfer.cli.desk:account_command", "Set or remove the emergency account.")},
)


@click.command("account")
@click.option("--remove", "is_removed", is_flag=True, help="Nobody signs in by it any more.")
@desk_options
def account_command(var: Path, *, is_removed: bool, actor: "Actor", as_json: bool) -> None:
    """Set the password of the emergency account, which signs in while the hospital's own accounts are away.

    It has the rights of an officer. Each use is a fact: transfer trail looks. It counts as one person: where two people
    must say the same, it is at most one of them. Keep its password sealed, and set another after each use.

    \b
    Example:
      transfer desk account
    """
    from transfer.flow import desk as verbs
    from transfer.flow.services import LedgerAlone

    with ledger_at(var) as ledger:
        services = LedgerAlone(ledger)
        if is_removed:
            tell(verbs.remove_local_account(services, actor=actor), as_json=as_json)
            return
        password = ask_secret("Password of the emergency account")
        if ask_secret("The same again") != password:
            raise click.UsageError("the two are not the same")
        tell(verbs.set_local_account(services, password, actor=actor), as_json=as_json)
