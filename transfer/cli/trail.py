"""`transfer trail`: prove that nothing written was altered."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import ledger_at, plain, print_json, progress, view_options
from transfer.cli.group import NEGATIVE, LazyGroup, ListedCommand

if TYPE_CHECKING:
    from transfer.ledger import Ledger
    from transfer.ledger.trail import Walked
    from transfer.rights import Actor

trail = LazyGroup(
    name="trail",
    help="Prove that nothing written was altered.",
    listed={"verify": ListedCommand("transfer.cli.trail:verify_command", "Walk every chain of the ledger.")},
)


@click.command("verify")
@view_options
def verify_command(var: Path, *, actor: "Actor", as_json: bool) -> None:
    """Walk every chain of the ledger: is each line what was written, none missing, added or moved, and does each chain
    end where its head and the anchors in packets say?

    Is each line what was written, none missing, added or moved? Does each chain end where its head and the anchors in
    packets say? It ends with 1 and names the line if something is broken.

    It counts the lines behind the last anchor. Only an anchor held outside shows that the end of a chain was not
    rewritten with its head.

    \b
    Example:
      transfer trail verify
    """
    with ledger_at(var) as ledger:
        walked = _walk(ledger, actor)
    broken = [one.broken for one in walked if one.broken]
    told = {
        "chains": len(walked),
        "lines": sum(one.lines for one in walked),
        "unanchored": sum(one.unanchored for one in walked),
        "broken": broken,
    }
    if as_json:
        print_json(told)
    else:
        for line in broken:
            click.echo(plain(f"BROKEN  {line}"))
        state = "Altered" if broken else "Whole"
        click.echo(
            f"{state}: {told['chains']} chains, {told['lines']} lines; {told['unanchored']} after the last anchor."
        )
    if broken:
        raise click.exceptions.Exit(NEGATIVE)


def _walk(ledger: "Ledger", actor: "Actor") -> "list[Walked]":
    from transfer.flow import desk

    names = desk.chains(ledger, actor=actor)
    walked = []
    with progress("Walking", total=len(names)) as far:
        for number, name in enumerate(names, start=1):
            walked.append(desk.walk_chain(ledger, name, actor=actor))
            far(number)
    return walked
