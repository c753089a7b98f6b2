"""`transfer permission`: a patient takes a permission back, or lets it go on."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import (
    CASE,
    PERMISSION,
    ask,
    at,
    desk_options,
    print_json,
    print_table,
    progress,
    tell,
    view_options,
)
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from datetime import datetime

    from transfer.flow.desk import ActionResult
    from transfer.identifiers import CaseId, PermissionId
    from transfer.rights import Actor

permission = LazyGroup(
    name="permission",
    help="A patient takes a permission back, or lets it go on.",
    listed={
        "check": ListedCommand(
            "transfer.cli.permission_check:check_command", "Would a form in a file permit a release?"
        ),
        "list": ListedCommand("transfer.cli.permission:list_command", "Those of a case, and whether they ended."),
        "revoke": ListedCommand("transfer.cli.permission:revoke_command", "Taken back in writing: stop, then purge."),
        "pause": ListedCommand("transfer.cli.permission:pause_command", "Taken back by telephone: stop."),
        "resume": ListedCommand("transfer.cli.permission:resume_command", "A paused one goes on."),
        "emergency": ListedCommand(
            "transfer.cli.permission:emergency_command", "A clinician says that it cannot wait."
        ),
    },
)


@click.command("list")
@click.argument("case_id", metavar="CASE", type=CASE)
@view_options
def list_command(var: Path, case_id: "CaseId", *, actor: "Actor", as_json: bool) -> None:
    """The permissions of a case, and whether they ended. What they permit: `transfer case show`.

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
        rows = [(one.permission, _minute(one.filed_at), one.ended, _minute(one.ended_at)) for one in found]
        print_table(["permission", "filed", "ended", "at"], rows)
    else:
        click.echo("No release form was filed.")


def _minute(at: "datetime | None") -> str | None:
    return f"{at:%Y-%m-%d %H:%MZ}" if at else None


@click.command("revoke")
@click.argument("permission_id", metavar="PERMISSION", type=PERMISSION)
@desk_options
def revoke_command(var: Path, permission_id: "PermissionId", *, actor: "Actor", as_json: bool) -> None:
    """The patient took the permission back in writing.

    At once no stream may open under it any more, and what is on its way is cut. The command ends when no stream is
    open. It ends with 5 if a sender does not answer: do the same again. What no other permission covers is purged after
    somebody confirms (`transfer hold list`), or after the delay in the institution's file.

    \b
    Example:
      transfer permission revoke m0123456789abcde
    """
    with at(var) as services:
        from transfer.flow import desk

        _stop(lambda waiting: desk.revoke(services, permission_id, actor=actor, waiting=waiting), as_json=as_json)


@click.command("pause")
@click.argument("permission_id", metavar="PERMISSION", type=PERMISSION)
@desk_options
def pause_command(var: Path, permission_id: "PermissionId", *, actor: "Actor", as_json: bool) -> None:
    """The patient asked by telephone to stop.

    It stops like a revocation, and purges nothing. `transfer permission resume` lets it go on. It works while the keys
    are away, too.

    \b
    Example:
      transfer permission pause m0123456789abcde
    """
    with at(var) as services:
        from transfer.flow import desk

        _stop(lambda waiting: desk.pause(services, permission_id, actor=actor, waiting=waiting), as_json=as_json)


def _stop(verb: "Callable[[Callable[[int], None]], ActionResult]", *, as_json: bool) -> None:
    with progress("ChangedMeanwhile; cutting what is on its way") as waiting:
        did = verb(waiting)
    tell(did, as_json=as_json)


@click.command("resume")
@click.argument("permission_id", metavar="PERMISSION", type=PERMISSION)
@desk_options
def resume_command(var: Path, permission_id: "PermissionId", *, actor: "Actor", as_json: bool) -> None:
    """Let a paused permission go on; what it covers is asked for again.

    \b
    Example:
      transfer permission resume m0123456789abcde
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.resume(services, permission_id, actor=actor), as_json=as_json)


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
