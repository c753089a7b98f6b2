"""`transfer institution`: the partners' files, and how much each department is asked."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import INSTITUTION, at, print_json, print_table, view_options
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from transfer.flow.desk import DepartmentScore, QueueView
    from transfer.identifiers import InstitutionId
    from transfer.rights import Actor

institution = LazyGroup(
    name="institution",
    help="Who is asked, how much, and who waits.",
    listed={
        "list": ListedCommand("transfer.cli.institution:list_command", "The departments we fetch from, and who waits."),
        "answers": ListedCommand("transfer.cli.institution:answers_command", "Who answers, and how long it takes."),
        "frames": ListedCommand("transfer.cli.institution:frames_command", "Whose messages by MLLP do not come."),
        "owed": ListedCommand("transfer.cli.institution:owed_command", "What one owes, as one list for one call."),
        "new": ListedCommand("transfer.cli.connecting:new_command", "Write what a new one begins with."),
        "check": ListedCommand("transfer.cli.connecting:check_command", "Read the partners' files; name mistakes."),
        "try": ListedCommand("transfer.cli.connecting:try_command", "What a message would do; nothing is kept."),
        "codes": ListedCommand("transfer.cli.connecting:codes_command", "Its codes that mean nothing here yet."),
        "add": ListedCommand("transfer.cli.facility:add_command", "Add a facility that no file names."),
        "added": ListedCommand("transfer.cli.facility:added_command", "The facilities that were added here."),
        "call-back": ListedCommand("transfer.cli.facility:call_back_command", "Say that its numbers were read back."),
        "contact": ListedCommand("transfer.cli.facility:contact_command", "Say how one that was added is reached."),
    },
)


@click.command("list")
@view_options
def list_command(var: Path, *, actor: "Actor", as_json: bool) -> None:
    """Every department that is fetched from: what is in flight there, who waits, and for how long.

    \b
    Example:
      transfer institution list
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.list_queues(services, actor=actor)
        zones = {one.id: one.zone for one in services.institutions.values()}
    if as_json:
        print_json(found)
        return
    rows = []
    for one in found:
        local = one.quiet_until.astimezone(zones[one.institution]) if one.quiet_until else None
        quiet = f"quiet until {local:%H:%M} ({zones[one.institution].key})" if local else None
        in_flight = f"{one.in_flight} of {one.at_once}"
        rows.append((one.institution, one.department, in_flight, one.called, one.waiting, _silence(one) or quiet))
    print_table(["institution", "department", "in flight", "called", "waiting", ""], rows)


def _silence(one: "QueueView") -> str | None:
    if one.silent_since is None:
        return None
    again = f", asked again at {one.rests_until:%Y-%m-%d %H:%MZ}" if one.rests_until else ""
    return f"no answer since {one.silent_since:%Y-%m-%d %H:%MZ}{again}"


@click.command("answers")
@view_options
def answers_command(var: Path, *, actor: "Actor", as_json: bool) -> None:
    """Each department: what it owes, and the days that half and nine of ten of its last 20 answers took, beside what is
    usual there; refusals, not found, miscounts and the last contact of half a year.

    \b
    Example:
      transfer institution answers
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.list_scorecards(services, actor=actor)
    if as_json:
        print_json(found)
        return
    rows = [_answers(one) for facility in found for one in facility.departments]
    headings = ("institution", "department", "owes", "half", "nine of ten", "usual", "refused", "not found")
    print_table((*headings, "miscounted", "last contact"), rows)


def _answers(one: "DepartmentScore") -> tuple[object, ...]:
    slow = " slow" if one.is_slow else ""
    return (
        *(one.institution, one.department, one.open_asks, one.days.median, one.days.ninety, f"{one.usual_days}{slow}"),
        *(one.refused, one.not_found, one.miscounted, f"{one.last_contact:%Y-%m-%d}" if one.last_contact else None),
    )


@click.command("frames")
@view_options
def frames_command(var: Path, *, actor: "Actor", as_json: bool) -> None:
    """Whose messages by MLLP are not taken now, because their frames end otherwise than by FS CR. An institution stands
    here until a message of it comes again, or for three days.

    \b
    Example:
      transfer institution frames
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.list_frames_not_taken(services, actor=actor)
    if as_json:
        print_json(found)
    elif found:
        rows = [(one.institution, one.ending, one.count, f"{one.last_at:%Y-%m-%d %H:%MZ}") for one in found]
        print_table(("institution", "frames end with", "how many", "last"), rows)
    else:
        click.echo("Every message ends as it should.")


@click.command("owed")
@click.argument("facility", metavar="INSTITUTION", type=INSTITUTION)
@view_options
def owed_command(var: Path, facility: "InstitutionId", *, actor: "Actor", as_json: bool) -> None:
    """What one institution owes over all cases, what is needed first at the top: one call settles several.

    \b
    Example:
      transfer institution owed prairie-pathology
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.list_owed(services, facility, actor=actor).asks
    if as_json:
        print_json(found)
    elif found:
        rows = [
            (one.needed_by, one.case, one.request, one.department, one.state, ", ".join(one.needed)) for one in found
        ]
        print_table(("needed by", "case", "request", "department", "", "outstanding"), rows)
    else:
        click.echo("It owes nothing.")
