"""`transfer case filed` and `misdirected`: what was filed in our chart, and what went to the wrong place."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import (
    CASE,
    INSTITUTION,
    Id,
    ask_note,
    at,
    desk_options,
    note_option,
    print_json,
    print_table,
    tell,
    view_options,
)

if TYPE_CHECKING:
    from datetime import datetime

    from transfer.identifiers import CaseId, InstitutionId
    from transfer.rights import Actor

_ABOUT = Id("RecordId", "record id or packet id", "transfer case show", "PacketId")
_WHAT = ("packet", "letter", "fax", "mail", "record", "slides", "other")
_DONE = ("asked-to-destroy", "destroyed", "returned", "access-ended", "privacy-told")
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("filed")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("about", metavar="WHAT", type=_ABOUT)
@desk_options
def filed_command(var: Path, case_id: "CaseId", about: str, *, actor: "Actor", as_json: bool) -> None:
    """Say that WHAT, a record of the case or a packet, was filed in our own chart. Once is enough.

    \b
    Example:
      transfer case filed c0123456789a d0123456789abcde
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.file_in_chart(services, case_id, about, actor=actor), as_json=as_json)


@click.command("misdirected")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("what", metavar="WHAT", type=click.Choice(_WHAT))
@click.option("--noticed", type=_DAY, metavar="DAY", required=True, help="The day on which it was noticed.")
@click.option("--to", type=INSTITUTION, help="Who got it, where that is an institution of ours.")
@click.option("--done", type=click.Choice(_DONE), multiple=True, help="What was done about it; may be given again.")
@note_option
@desk_options
def misdirected_command(
    var: Path,
    case_id: "CaseId",
    what: str,
    *,
    noticed: "datetime",
    to: "InstitutionId | None",
    done: tuple[str, ...],
    with_note: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Write down that something of the patient went to the wrong place. The privacy officer sees it.

    \b
    WHAT    packet, letter, fax, mail, record, slides, other
    --done  asked-to-destroy, destroyed, returned, access-ended, privacy-told

    Without --to say with --note who got it. The note is asked for at a prompt, and is sealed.

    \b
    Example:
      transfer case misdirected c0123456789a fax --noticed 2026-11-30 --done asked-to-destroy --note
    """
    from transfer.misdirections import Misdirected, Misdirection, Mitigation

    words = ask_note() if with_note else None
    try:
        kinds = frozenset(map(Mitigation, done))
        said = Misdirection(what=Misdirected(what), noticed_on=noticed.date(), done=kinds, to=to, words=words)
    except ValueError as mistake:
        raise click.UsageError(f"{mistake}: give --to or --note") from None
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.record_misdirection(services, case_id, said, actor=actor), as_json=as_json)


@click.command("misdirected")
@click.option("--days", type=click.IntRange(1, 3660), default=90, show_default=True, help="Of how many last days.")
@view_options
def list_command(var: Path, *, days: int, actor: "Actor", as_json: bool) -> None:
    """What went to the wrong place, over all cases, newest first. What people wrote of it is not shown.

    \b
    Example:
      transfer audit misdirected --days 365
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.list_misdirections(services, actor=actor, days=days)
    if as_json:
        print_json(found)
        return
    rows = [(one.noticed_on, one.case, one.what, one.to or "", ", ".join(one.done), one.by) for one in found]
    print_table(["noticed", "case", "what", "went to", "done", "by"], rows)
