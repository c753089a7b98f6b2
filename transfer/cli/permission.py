"""`transfer permission`: release forms are tried, entered, disputed and ended, or go on."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import (
    CASE,
    PERMISSION_OR_CASE,
    ask,
    ask_note,
    at,
    desk_options,
    ledger_at,
    note_option,
    print_json,
    print_table,
    progress,
    tell,
    view_options,
)
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from datetime import datetime

    from transfer.identifiers import CaseId, PermissionId
    from transfer.permissions import End
    from transfer.rights import Actor

permission = LazyGroup(
    name="permission",
    help="Release forms: try, enter, dispute and end them, or let them go on.",
    listed={
        "check": ListedCommand(
            "transfer.cli.permission_check:check_command", "Would a form in a file permit a release?"
        ),
        "list": ListedCommand("transfer.cli.permission:list_command", "Those of a case, and whether they ended."),
        "file": ListedCommand("transfer.cli.paper_form:file_command", "Enter a release form on paper, with its scan."),
        "dispute": ListedCommand("transfer.cli.paper_form:dispute_command", "Say what is wrong with a release form."),
        "revoke": ListedCommand("transfer.cli.permission:revoke_command", "Taken back in writing: stop, then purge."),
        "pause": ListedCommand("transfer.cli.permission:pause_command", "Taken back by telephone: stop."),
        "resume": ListedCommand("transfer.cli.permission:resume_command", "A paused one goes on."),
        "legal-hold": ListedCommand("transfer.cli.permission:legal_hold_command", "Nothing of a patient is destroyed."),
        "emergency": ListedCommand(
            "transfer.cli.permission:emergency_command", "A clinician says that it cannot wait."
        ),
    },
)


@click.command("list")
@click.argument("case_id", metavar="CASE", type=CASE)
@view_options
def list_command(var: Path, case_id: "CaseId", *, actor: "Actor", as_json: bool) -> None:
    """The permissions of a case, and whether they ended or are disputed. What they permit: `transfer case show`.

    A `stop` is no release form: it stands beside them and stops what rests on no form. `resume` lets it go on.

    It works while the keys are away, and so does `transfer permission pause`.

    \b
    Example:
      transfer permission list c0123456789a
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.list_permissions(services, case_id, actor=actor)
    if as_json:
        print_json(found)
    elif found:
        rows = [
            (
                one.permission,
                {True: "stop", False: "form", None: "keys are away"}[one.is_stop],
                _minute(one.filed_at),
                one.ended,
                _minute(one.ended_at),
                ", ".join(one.disputes),
            )
            for one in found
        ]
        print_table(["permission", "kind", "filed", "ended", "at", "disputed"], rows)
    else:
        click.echo("No release form was filed.")


def _minute(at: "datetime | None") -> str | None:
    return f"{at:%Y-%m-%d %H:%MZ}" if at else None


@click.command("revoke")
@click.argument("what", metavar="PERMISSION|CASE", type=PERMISSION_OR_CASE)
@desk_options
def revoke_command(var: Path, what: "PermissionId | CaseId", *, actor: "Actor", as_json: bool) -> None:
    """The patient took the permission back in writing; with CASE, everything of its patient.

    At once no stream may open under it any more, and what is on its way is cut. The command ends when no stream is
    open. It ends with 5 if a sender does not answer: do the same again. What no other permission covers is purged after
    somebody confirms (`transfer hold list`), or after the delay in the institutions' files.

    \b
    Example:
      transfer permission revoke m0123456789abcde
      transfer permission revoke c0123456789a
    """
    from transfer.permissions import End

    _stop(var, what, End.REVOKED, actor, as_json=as_json)


@click.command("pause")
@click.argument("what", metavar="PERMISSION|CASE", type=PERMISSION_OR_CASE)
@desk_options
def pause_command(var: Path, what: "PermissionId | CaseId", *, actor: "Actor", as_json: bool) -> None:
    """The patient asked by telephone to stop; with CASE, everything of its patient.

    It stops like a revocation, and purges nothing. `transfer permission resume` lets it go on, with CASE all of it. It
    needs the ledger alone and no key, so it works while all else is away. What goes without a form takes the keys to
    stop; the answer says so where they are away.

    \b
    Example:
      transfer permission pause m0123456789abcde
      transfer permission pause c0123456789a
    """
    from transfer.permissions import End

    _stop(var, what, End.PAUSED, actor, as_json=as_json)


def _stop(var: Path, what: "PermissionId | CaseId", how: "End", actor: "Actor", *, as_json: bool) -> None:
    from transfer.flow import desk
    from transfer.flow.services import LedgerAlone
    from transfer.identifiers import CaseId
    from transfer.permissions import End

    with ledger_at(var) as ledger, progress("Stopped; cutting what is on its way") as waiting:
        alone = LedgerAlone(ledger)
        if isinstance(what, CaseId):
            did = desk.stop_everything(alone, what, how, actor=actor, waiting=waiting)
        else:
            verb = desk.pause if how is End.PAUSED else desk.revoke
            did = verb(alone, what, actor=actor, waiting=waiting)
    tell(did, as_json=as_json)


@click.command("resume")
@click.argument("what", metavar="PERMISSION|CASE", type=PERMISSION_OR_CASE)
@desk_options
def resume_command(var: Path, what: "PermissionId | CaseId", *, actor: "Actor", as_json: bool) -> None:
    """Let a paused permission go on; with CASE, all that was stopped at once for its patient.

    What it covers is asked for again. With CASE, what was paused by itself before stays paused, and so does what a
    decision is open about.

    \b
    Example:
      transfer permission resume m0123456789abcde
      transfer permission resume c0123456789a
    """
    with at(var) as services:
        from transfer.flow import desk
        from transfer.identifiers import CaseId

        if isinstance(what, CaseId):
            tell(desk.resume_everything(services, what, actor=actor), as_json=as_json)
        else:
            tell(desk.resume(services, what, actor=actor), as_json=as_json)


@click.command("legal-hold")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.option("--lift", is_flag=True, help="The legal hold is over.")
@note_option
@desk_options
def legal_hold_command(
    var: Path, case_id: "CaseId", *, lift: bool, with_note: bool, actor: "Actor", as_json: bool
) -> None:
    """Destroy nothing of the patient of CASE, whatever permission ends.

    It stops no release. With --lift what waited to be destroyed is asked about again (`transfer hold list`).

    \b
    Example:
      transfer permission legal-hold c0123456789a
    """
    note = ask_note() if with_note else None
    with at(var) as services:
        from transfer.flow import desk

        verb = desk.lift_legal_hold if lift else desk.place_legal_hold
        tell(verb(services, case_id, actor=actor, note=note), as_json=as_json)


@click.command("emergency")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("institution", metavar="INSTITUTION")
@desk_options
def emergency_command(var: Path, case_id: "CaseId", institution: str, *, actor: "Actor", as_json: bool) -> None:
    """A named clinician says that the records of INSTITUTION cannot wait for a release form.

    Asks for the clinician's name and the reason. What the institution holds may go to the case's center until the end
    of the next day. Somebody must review it by then (`transfer hold list`).

    \b
    Example:
      transfer permission emergency c0123456789a mercy-imaging
    """
    clinician = ask("Clinician's name")
    reason = ask("Why it cannot wait")
    with at(var) as services:
        from transfer.flow import desk

        did = desk.declare_emergency(services, case_id, institution, clinician=clinician, reason=reason, actor=actor)
        tell(did, as_json=as_json)
