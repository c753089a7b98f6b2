"""`transfer case appointment` and `cancel`: when the patient is expected."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import CASE, ask_note, at, desk_options, note_option, tell

if TYPE_CHECKING:
    from datetime import datetime

    from transfer.identifiers import CaseId
    from transfer.rights import Actor

#: of an appointment, with or without its offset
TIMES = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%z")


@click.command("appointment")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("when", metavar="WHEN", type=click.DateTime(TIMES))
@click.option("--moves", "appointment", metavar="APPOINTMENT", help="Move this one, as `transfer case show` names it.")
@note_option
@desk_options
def appointment_command(
    var: Path,
    case_id: "CaseId",
    when: "datetime",
    *,
    appointment: str | None,
    with_note: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Add an appointment at the receiver, or move one. The earliest decides by when the packet is needed.

    WHEN is in the receiver's own time, unless it carries an offset.

    \b
    Example:
      transfer case appointment c0123456789a "2027-03-04 10:00"
      transfer case appointment c0123456789a "2027-03-05 14:30" --moves appointment-2
    """
    note = ask_note() if with_note else None
    with at(var) as services:
        from transfer.flow import desk

        did = desk.set_appointment(services, case_id, when, actor=actor, appointment=appointment, note=note)
        tell(did, as_json=as_json)


@click.command("cancel")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("appointment", metavar="APPOINTMENT")
@note_option
@desk_options
def cancel_command(
    var: Path, case_id: "CaseId", appointment: str, *, with_note: bool, actor: "Actor", as_json: bool
) -> None:
    """Say that an APPOINTMENT does not take place, or that the patient did not come. The next one decides.

    \b
    Example:
      transfer case cancel c0123456789a appointment-2
    """
    note = ask_note() if with_note else None
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.cancel_appointment(services, case_id, appointment, actor=actor, note=note), as_json=as_json)
