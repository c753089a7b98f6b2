"""`transfer letter`: letters to facilities without an interface, and what became of them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import REQUEST, Id, at, desk_options, print_json, print_table, tell, view_options
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from transfer.identifiers import LetterId, RequestId
    from transfer.rights import Actor

LETTER = Id("LetterId", "letter id", "transfer letter list")

letter = LazyGroup(
    name="letter",
    help="Letters to facilities without an interface.",
    listed={
        "list": ListedCommand("transfer.cli.letter:list_command", "What is to go, and what did not."),
        "send": ListedCommand("transfer.cli.letter:send_command", "Have the next letter of a request go."),
        "retry": ListedCommand("transfer.cli.letter:retry_command", "Have a letter go once more."),
        "cancel": ListedCommand("transfer.cli.letter:cancel_command", "Have a letter not go."),
        "by-hand": ListedCommand("transfer.cli.letter:by_hand_command", "Say that you sent it by hand."),
    },
)


@click.command("list")
@view_options
def list_command(var: Path, *, actor: "Actor", as_json: bool) -> None:
    """The letters that are to go and those that did not, newest first.

    \b
    Example:
      transfer letter list
    """
    from transfer.flow import desk

    with at(var) as services:
        found = desk.list_letters(services, actor=actor, later=True)
    if as_json:
        print_json(found)
        return
    rows = []
    for one in found:
        by_itself = f"goes {one.not_before:%Y-%m-%d} unless they answer" if one.is_automatic else ""
        why = _why(one.failure, unconfirmed=one.is_unconfirmed) or by_itself
        rows.append((one.letter, one.request, one.who, one.kind, one.way, one.state, why))
    print_table(["letter", "request", "facility", "which", "by", "state", ""], rows)


def _why(failure: str | None, *, unconfirmed: bool) -> str:
    return "call back first" if unconfirmed else failure or ""


@click.command("send")
@click.argument("request_id", metavar="REQUEST", type=REQUEST)
@desk_options
def send_command(var: Path, request_id: "RequestId", *, actor: "Actor", as_json: bool) -> None:
    """Have the next letter about a request go: the first, the second or the final one.

    \b
    Example:
      transfer letter send q3k0m5v8r2t6xwyz
    """
    from transfer.flow import desk

    with at(var) as services:
        tell(desk.send_letter(services, request_id, actor=actor), as_json=as_json)


@click.command("retry")
@click.argument("letter_id", metavar="LETTER", type=LETTER)
@desk_options
def retry_command(var: Path, letter_id: "LetterId", *, actor: "Actor", as_json: bool) -> None:
    """Have a letter go once more that did not go, or that went and never arrived.

    \b
    Example:
      transfer letter retry w3k0m5v8r2t6xwyz
    """
    from transfer.flow import desk

    with at(var) as services:
        tell(desk.retry_letter(services, letter_id, actor=actor), as_json=as_json)


@click.command("cancel")
@click.argument("letter_id", metavar="LETTER", type=LETTER)
@desk_options
def cancel_command(var: Path, letter_id: "LetterId", *, actor: "Actor", as_json: bool) -> None:
    """Have a letter not go that is to go, or that did not go.

    \b
    Example:
      transfer letter cancel w3k0m5v8r2t6xwyz
    """
    from transfer.flow import desk

    with at(var) as services:
        tell(desk.cancel_letter(services, letter_id, actor=actor), as_json=as_json)


@click.command("by-hand")
@click.argument("letter_id", metavar="LETTER", type=LETTER)
@desk_options
def by_hand_command(var: Path, letter_id: "LetterId", *, actor: "Actor", as_json: bool) -> None:
    """Say that you faxed or posted a letter yourself.

    \b
    Example:
      transfer letter by-hand w3k0m5v8r2t6xwyz
    """
    from transfer.flow import desk

    with at(var) as services:
        tell(desk.mark_sent_by_hand(services, letter_id, actor=actor), as_json=as_json)
