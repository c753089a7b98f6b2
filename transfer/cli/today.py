"""`transfer case today`, `assign` and `reassign`: the work of the desk, and whose it is."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import CASE, INSTITUTION, at, desk_options, print_json, print_table, tell, view_options

if TYPE_CHECKING:
    from transfer.flow.desk import CaseLine, Today
    from transfer.flow.desk.today import Clinic
    from transfer.identifiers import CaseId, InstitutionId
    from transfer.rights import Actor


@click.command("today")
@click.option("--mine", is_flag=True, help="Only cases assigned to you.")
@click.option("--institution", type=INSTITUTION, help="Only cases that it refers, receives or is asked for.")
@click.option("--checklist", metavar="LIST", help="Only cases with this checklist.")
@click.option("--identity", is_flag=True, help="Say who the patients are.")
@view_options
def today_command(
    var: Path,
    *,
    mine: bool,
    institution: "InstitutionId | None",
    checklist: str | None,
    identity: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """What moves only if somebody here acts, soonest needed first; then whom the rest waits for.

    A department that owes something stands here on the day after its time is over: call and ask whether it was sent.
    Then the patients expected at the centers, and how many messages came today that are about nobody.

    \b
    Example:
      transfer case today --mine
    """
    with at(var) as services:
        from zoneinfo import ZoneInfo

        from transfer.flow import desk

        chosen = desk.Chosen(assigned_to=actor.person if mine else None, institution=institution, checklist=checklist)
        found = desk.today(services, actor=actor, zone=ZoneInfo("UTC"), chosen=chosen, identity=identity)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _cut_off(clinic: "Clinic") -> str:
    return f"{clinic.cut_off}, {clinic.cut_off_at:%H:%M} there" if clinic.cut_off_at else f"{clinic.cut_off}"


def _print(found: "Today") -> None:
    counts = found.counts
    waiting = ", ".join(f"{count} {part}" for part, count in counts.items() if count)
    click.secho(f"{found.day}  {waiting or 'no case is open'}", bold=True)
    _section("Only we can move these", found.ours.lines)
    for message in found.messages:
        click.echo(f"  {message.hold}  {message.institution}: {message.says}")
    _section("These wait for others", found.others.lines)
    if found.owed:
        click.secho("\nWho owes most", bold=True)
        print_table([], [(one.requests, one.who) for one in found.owed], indent=2)
    for clinic in found.clinics:
        day = f"{clinic.day}, needed by {_cut_off(clinic)}" if clinic.cut_off else f"{clinic.day}"
        click.secho(f"\n{clinic.receiver}, {day}", bold=True)
        rows = [
            (one.case, one.patient, ", ".join(one.lacking) or "nothing outstanding", _why(one)) for one in clinic.lines
        ]
        print_table(["case", "patient", "outstanding", "why"], rows, indent=2)
    if found.later:
        click.echo(f"\n{found.later} more are expected within three weeks, after these.")
    for nothing in found.came_to_nothing:
        click.echo(f"\n{nothing.institution}: {nothing.messages} came today and are nobody's here, "
                   f"{nothing.nameless} name no patient")  # fmt: skip


def _section(title: str, lines: "Iterable[CaseLine]") -> None:
    rows = [
        (one.case, one.patient, one.needed_by, one.receiver, one.assigned_to, " ".join([*_calls(one), _why(one)]))
        for one in lines
    ]
    if rows:
        click.secho(f"\n{title}", bold=True)
        print_table(["case", "patient", "needed by", "for", "assigned to", "why"], rows, indent=2)


def _why(one: "CaseLine") -> str:
    return " ".join(f"{reason.says} [{reason.hold}]" if reason.hold else reason.says for reason in one.why)


def _calls(one: "CaseLine") -> list[str]:
    asked = [f"Ask whether it was sent: {'; '.join(one.to_call)}."] if one.to_call else []
    return [*asked, *(["Look again, as somebody said after a call."] if one.look_again_on else [])]


@click.command("assign")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("account", metavar="[ACCOUNT]", required=False)
@desk_options
def assign_command(var: Path, case_id: "CaseId", account: str | None, *, actor: "Actor", as_json: bool) -> None:
    """Say whose work an open case is, by their ACCOUNT; without one it is nobody's.

    \b
    Example:
      transfer case assign c0123456789a keller
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.assign(services, case_id, account, actor=actor), as_json=as_json)


@click.command("reassign")
@click.argument("whose", metavar="ACCOUNT")
@click.argument("to", metavar="[TO]", required=False)
@desk_options
def reassign_command(var: Path, whose: str, to: str | None, *, actor: "Actor", as_json: bool) -> None:
    """Give all open cases of one ACCOUNT to another, or to nobody.

    \b
    Example:
      transfer case reassign keller okafor
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.reassign(services, whose, to, actor=actor), as_json=as_json)
