"""`transfer case withhold`: pages of a record that go to nobody."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import CASE, RECORD, ask_note, at, desk_options, tell

if TYPE_CHECKING:
    from transfer.identifiers import CaseId, RecordId
    from transfer.rights import Actor


def _as_pages(_: click.Context, __: click.Parameter, text: str) -> tuple[int, ...]:
    from transfer.page_ranges import pages_named

    if text == "none":
        return ()
    try:
        return pages_named(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("withhold")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("record", metavar="RECORD", type=RECORD)
@click.option("--pages", callback=_as_pages, required=True, help="Which: 3, 2-4 or 1,3-5; none: no page any more.")
@desk_options
def withhold_command(
    var: Path, case_id: "CaseId", record: "RecordId", *, pages: tuple[int, ...], actor: "Actor", as_json: bool
) -> None:
    """Let pages of a record's PDF go to nobody. The command asks why, and the words stay sealed.

    A copy without these pages takes the record's place in every case of the patient. The original stays as it came, and
    no packet takes it. Pages of such a copy are counted in the original.

    \b
    Example:
      transfer case withhold c0123456789a r0123456789abcde --pages 3-4
    """
    reason = ask_note()
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.withhold_pages(services, case_id, record, pages, reason=reason, actor=actor), as_json=as_json)
