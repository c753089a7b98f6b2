"""`transfer patient`: two patients who are one person, and taking them apart again."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import CASE, at, desk_options, tell
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from transfer.identifiers import CaseId
    from transfer.rights import Actor

patient = LazyGroup(
    name="patient",
    help="Two patients who are one person.",
    listed={
        "merge": ListedCommand("transfer.cli.patient:merge_command", "Say that the patients of two cases are one."),
        "split": ListedCommand("transfer.cli.patient:split_command", "Take merged patients apart again."),
    },
)


@click.command("merge")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("other", metavar="OTHER", type=CASE)
@desk_options
def merge_command(var: Path, case_id: "CaseId", other: "CaseId", *, actor: "Actor", as_json: bool) -> None:
    """Say that the patient of OTHER is the patient of CASE.

    Compare both first: case show --identity. Two people must say so: the first word opens a decision, and the command
    ends with 4 until a second person says the same. Forms, records and cases are then one patient's.

    \b
    Example:
      transfer patient merge c0123456789a c0123456789b
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.merge(services, case_id, other, actor=actor), as_json=as_json)


@click.command("split")
@click.argument("case_id", metavar="CASE", type=CASE)
@desk_options
def split_command(var: Path, case_id: "CaseId", *, actor: "Actor", as_json: bool) -> None:
    """Take the patient of CASE out of the one they were merged into.

    What was theirs before the merge is theirs again. What came since is matched anew, and what was fetched since is
    forgotten, with the packets made of it, and fetched anew.

    \b
    Example:
      transfer patient split c0123456789b
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.split(services, case_id, actor=actor), as_json=as_json)
