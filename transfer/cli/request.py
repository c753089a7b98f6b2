"""`transfer request`: what a source said by telephone."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import REQUEST, at, desk_options, tell
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from transfer.identifiers import RequestId
    from transfer.rights import Actor

request = LazyGroup(
    name="request",
    help="What a source said by telephone.",
    listed={"answer": ListedCommand("transfer.cli.request:answer_command", "Write down its answer, or ask it again.")},
)


@click.command("answer")
@click.argument("request_id", metavar="REQUEST", type=REQUEST)
@click.argument("answer", type=click.Choice(("no-records", "not-found", "will-send", "again")))
@desk_options
def answer_command(var: Path, request_id: "RequestId", answer: str, *, actor: "Actor", as_json: bool) -> None:
    """Write down what a department said to one of our requests.

    \b
      no-records  it holds nothing of the kind
      not-found   nothing under the names and numbers we gave
      will-send   it sends by itself; we wait for it
      again       ask it once more, now

    \b
    Example:
      transfer request answer q0123456789abcde no-records
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.answer_request(services, request_id, desk.RequestAnswer(answer), actor=actor), as_json=as_json)
