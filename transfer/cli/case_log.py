"""`transfer case call` and `story`: log a telephone call, and see what happened."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import (
    CASE,
    REQUEST,
    at,
    by,
    desk_options,
    note_option,
    print_json,
    print_table,
    tell,
    view_options,
)
from transfer.cli.request import ask_said_by

if TYPE_CHECKING:
    from datetime import datetime

    from transfer.identifiers import CaseId, RequestId
    from transfer.rights import Actor

_CALLEES = ("facility", "referring-office", "patient", "center", "somebody-else")
_OUTCOMES = ("no-answer", "voicemail", "spoke", "promised")
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("call")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("callee", metavar="WHOM", type=click.Choice(_CALLEES))
@click.argument("outcome", metavar="OUTCOME", type=click.Choice(_OUTCOMES))
@click.option("--request", "request_id", type=REQUEST, help="What a facility was called about.")
@click.option("--by", "promised_by", type=_DAY, metavar="DAY", help="The day they promised.")
@click.option("--next", "next_action", type=_DAY, metavar="DAY", help="When to look again.")
@click.option("--spoke-to", "with_person", is_flag=True, help="Ask who it was, and for their number of the request.")
@note_option
@desk_options
def call_command(
    var: Path,
    case_id: "CaseId",
    callee: str,
    outcome: str,
    *,
    request_id: "RequestId | None",
    promised_by: "datetime | None",
    next_action: "datetime | None",
    with_person: bool,
    with_note: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Log a telephone call: whom, what came of it, and when to look again.

    \b
    WHOM     facility (with --request), referring-office, patient, center, somebody-else
    OUTCOME  no-answer, voicemail, spoke, promised (with --by)

    Without --next it is a business day after the day promised, or after nobody was reached. What a facility promised
    moves its request to ready-on. Who it was and what was said go in at prompts, and are sealed.

    \b
    Example:
      transfer case call c0123456789a facility voicemail --request q0123456789abcde
      transfer case call c0123456789a facility promised --by 2026-12-04 --request q0123456789abcde --spoke-to
    """
    said_by = ask_said_by(with_person=with_person, with_note=with_note)
    with at(var) as services:
        from transfer.flow import desk

        try:
            call = desk.Call(
                callee=desk.Callee(callee),
                outcome=desk.CallOutcome(outcome),
                request=request_id,
                promised_by=promised_by.date() if promised_by else None,
                next_action=next_action.date() if next_action else None,
                by=said_by,
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        tell(desk.log_call(services, case_id, call, actor=actor), as_json=as_json)


@click.command("story")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.option("--people", is_flag=True, help="Only what people did.")
@view_options
def story_command(var: Path, case_id: "CaseId", *, people: bool, actor: "Actor", as_json: bool) -> None:
    """What happened to a case and to its patient's release forms, newest first, in sentences.

    \b
    Example:
      transfer case story c0123456789a --people
    """
    with at(var) as services:
        from transfer.flow import desk

        found = [one for one in desk.story(services, case_id, actor=actor) if one.by or not people]
    if as_json:
        print_json(found)
        return
    rows = [(f"{one.at:%Y-%m-%d %H:%MZ}", by(one.by, is_claimed=one.is_claimed), one.says) for one in found]
    print_table(["at", "by", ""], rows)
