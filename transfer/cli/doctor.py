"""`transfer doctor`: what is wrong with this installation, and what to do."""

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import INSTITUTION, json_option, plain, print_json, var_option
from transfer.cli.exit_codes import NEGATIVE, NOT_UNDERSTOOD

if TYPE_CHECKING:
    from transfer.identifiers import InstitutionId
    from transfer.institutions import Institution
    from transfer.operation import DoorTried, Fault, Measured


@click.command("doctor")
@click.argument("institutions", metavar="[INSTITUTION]...", nargs=-1, type=INSTITUTION)
@click.option("--doors/--no-doors", default=True, show_default=True, help="Try the doors of institutions, too.")
@var_option
@json_option
def doctor_command(institutions: "tuple[InstitutionId, ...]", var: Path, *, doors: bool, as_json: bool) -> None:
    """Look at the whole installation, and say in a line each what is wrong, since when, and what to do.

    It asks each part, the disks, what waits, the DAGs, the certificates, the backups, the keys and the clocks. Then it
    tries the doors of each institution: name, port, TLS, credential, clock. With INSTITUTION it tries theirs alone.

    It asks nothing about any patient and names none, and changes nothing but faults.json, by which it knows since when.
    A door has half a minute. What the settings of this place do not name is not asked; --json says which.

    \b
    Exit codes:
      0  nothing is wrong
      1  something is to be done; it is named
      2  it cannot look: a setting is wrong, or nothing is set up here

    \b
    Example:
      transfer doctor
      transfer doctor --no-doors
      transfer doctor mercy-imaging
    """
    from transfer import wiring
    from transfer.flow.first_seen import since_first_seen
    from transfer.flow.measuring import measure
    from transfer.flow.trying_doors import try_doors, try_ours
    from transfer.operation import DOOR_FAULTS, MEASURED_FAULTS, faults, faults_of_doors
    from transfer.settings import Settings

    settings = Settings.load(os.environ, var)
    if "TRANSFER_DATABASE_URL" not in settings.names:
        click.echo("transfer: nothing is set up here: transfer up, or --var.", err=True)
        raise click.exceptions.Exit(NOT_UNDERSTOOD)
    with wiring.site(settings, "cli") as site:
        known = _chosen(site.institutions, institutions) if doors else []
        measured = measure(site)
        tried = try_doors(known, site.show)
        if doors and not institutions:
            tried += try_ours(site.own_doors)
    at_doors = faults_of_doors(tried, measured.at, site.limits)
    names = {one.name for one in tried}
    found = (
        *since_first_seen(settings.var, faults(measured, site.limits), MEASURED_FAULTS, measured.at),
        *(since_first_seen(settings.var, at_doors, DOOR_FAULTS, measured.at, of=names) if names else ()),
    )
    if as_json:
        print_json(_as_json(measured, tried, found))
    else:
        _tell(measured, tried, found)
    if found:
        raise click.exceptions.Exit(NEGATIVE)


def _chosen(known: "Iterable[Institution]", wanted: "tuple[InstitutionId, ...]") -> "list[Institution]":
    """Raises `UsageError` where one that is wanted is not known."""
    by_id = {one.id: one for one in known}
    if set(wanted) - by_id.keys():
        raise click.UsageError("no such institution; see the files in institutions/")
    return [by_id[one] for one in wanted] if wanted else list(by_id.values())


def _tell(measured: "Measured", tried: "tuple[DoorTried, ...]", found: "tuple[Fault, ...]") -> None:
    from transfer.cli.fault_commands import remedy_line
    from transfer.operation import READER, PartState
    from transfer.sentences.operation import fault_sentence

    for one in found:
        since = f" (since {_time(one.since)})" if one.since else ""
        click.echo(plain(f"{fault_sentence(one)}{since}. {remedy_line(one)}"))
    if any(one.name == READER and one.state is PartState.NOT_ASKED for one in measured.parts):
        click.echo("No text is read from scans: TRANSFER_TESSERACT is not set here.")
    asked = [one for one in measured.parts if one.state != "not asked"]
    if not found:
        click.echo(f"Nothing is wrong: {len(asked)} parts asked, {len(tried)} doors tried, {measured.version}.")


def _as_json(measured: "Measured", tried: "tuple[DoorTried, ...]", found: "tuple[Fault, ...]") -> dict[str, object]:
    from transfer.cli.fault_commands import COMMANDS
    from transfer.sentences.operation import REMEDIES, fault_sentence

    told = [
        {
            "code": one.code,
            "about": one.about,
            "since": one.since,
            "amount": one.amount,
            "sentence": fault_sentence(one),
            "remedy": REMEDIES[one.code].says,
            "command": COMMANDS.get(one.code),
            "page": REMEDIES[one.code].page,
        }
        for one in found
    ]
    return {"faults": told, "measured": measured, "doors": tried}


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
