"""`transfer institution new`, `check`, `try` and `codes`: from nothing to a file that is right, and what it does."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import (
    INSTITUTION,
    NEW_INSTITUTION,
    at,
    json_option,
    plain,
    print_json,
    print_table,
    var_option,
    view_options,
)
from transfer.cli.exit_codes import NEGATIVE, UNDECIDED
from transfer.cli.trial import tell_trial

if TYPE_CHECKING:
    from transfer.connecting.checking import FileCheck
    from transfer.flow.services import Services
    from transfer.identifiers import InstitutionId
    from transfer.institutions import Institution
    from transfer.rights import Actor
    from transfer.settings import Settings

#: bytes; more than any door takes
_LARGEST = 64 << 20


@click.command("new")
@click.argument("institution", metavar="NAME", type=NEW_INSTITUTION)
@click.option(
    "--like",
    "way",
    required=True,
    type=click.Choice(["fhir", "mllp", "dicomweb", "dimse", "paper"]),
    help="How it is connected.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="The folder to write to; else NAME.")
@click.option("--zone", metavar="ZONE", help="Its time zone, as America/Chicago; else TRANSFER_ZONE.")
@json_option
@var_option
def new_command(
    institution: "InstitutionId", way: str, out: Path | None, zone: str | None, var: Path, *, as_json: bool
) -> None:
    """Write what a new institution begins with: its file, the settings that it names, a firewall sheet, and an
    interface specification to hand to its people.

    A file that is there is kept. The sheets are made anew from it each time: run it again once the file is filled in.
    Nothing is connected before the file lies in the folder TRANSFER_INSTITUTIONS.

    \b
    Example:
      transfer institution new riverside-pathology --like mllp --zone America/Chicago
    """
    from transfer.connecting.drafts import Way, institution_file, settings_file
    from transfer.connecting.writing import write_handouts
    from transfer.reviewed import as_zone
    from transfer.settings import Settings

    settings = Settings.load(os.environ, var)
    try:
        time_zone = as_zone(zone or settings.zone.key)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--zone") from None
    folder = out or Path(institution)
    file, values = folder / f"{institution}.yaml", folder / f"{institution}.env"
    drafts = (
        (file, institution_file(institution, Way(way), time_zone)),
        (values, settings_file(institution, Way(way))),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        wrote = [path.name for path, text in drafts if _is_written(path, text)]
        wrote += write_handouts(file, folder, settings)
    except OSError as error:
        raise click.ClickException(
            f"{plain(error.filename or folder)}: {error.strerror or 'cannot be written'}. "
            "Take it away or give another folder with --out"
        ) from None
    except ValueError as error:
        raise click.ClickException(
            f"{error}. The sheets are made once `transfer institution check {file}` is content"
        ) from None
    again = f"transfer institution new {institution} --like {way}" + (f" --out {out}" if out else "")
    following = _following(file, values, settings, again)
    if as_json:
        print_json({"folder": str(folder), "wrote": wrote, "next": following})
        return
    click.echo(f"In {folder}: {', '.join(wrote)}.")
    for number, step in enumerate(following, 1):
        click.echo(f"{number}. {step}")


def _is_written(path: Path, text: str) -> bool:
    """Write a file that is not there, for its owner alone."""
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        return False
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        path.unlink()  # else half of it would be kept the next time
        raise
    return True


def _following(file: Path, values: Path, settings: "Settings", again: str) -> list[str]:
    name = file.stem
    return [
        f"Fill in each REPLACE in {file} and {values}. `transfer institution check {file}` names what is left.",
        f"Run `{again}` again: the sheets then say what you filled in. Hand {name}-firewall to the "
        f"network people of both sides, {name}-interface to theirs.",
        f"Have {file.name} reviewed, and put it into {settings.institutions}. Add the lines of {values.name} to "
        f"{settings.var / 'settings.env'}. Restart gateway and workers.",
        f"`transfer institution try {name} --message FILE` says what a message of theirs would do, and keeps nothing.",
    ]


@click.command("check")
@click.argument("which", metavar="[NAME|FILE]", required=False)
@click.option("--doors", is_flag=True, help="Where the file is right: try their doors, harmlessly, as the doctor does.")
@json_option
@var_option
def check_command(which: str | None, var: Path, *, doors: bool, as_json: bool) -> None:
    """Read every partner's file and every checklist, as gateway and workers do at their start. Ends with 1 at a
    mistake, and says where.

    With a name or a file: that institution alone, with each mistake, its line, and what to do. Placeholders of
    `transfer institution new` are mistakes. Settings in NAME.env beside the file count as if they were set.
    Certificates are read. Nobody outside is asked but with --doors: name, port, TLS, credential, clock, and nothing
    about anybody.

    \b
    Example:
      transfer institution check
      transfer institution check riverside-pathology/riverside-pathology.yaml
    """
    from transfer.settings import Settings

    settings = Settings.load(os.environ, var)
    if which is None:
        _check_all(settings, as_json=as_json)
    else:
        _check_one(_file(which, settings), settings, doors=doors, as_json=as_json)


def _check_all(settings: "Settings", *, as_json: bool) -> None:
    from transfer import wiring

    try:
        known, lists = wiring.partners(settings)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    unread = sorted(path.name for path in settings.institutions.glob("*.y*ml") if path.suffix != ".yaml")
    if unread and not as_json:
        click.echo(f"Not read, for their names do not end with .yaml: {plain(', '.join(unread))}.", err=True)
    departments = sum(len(one.departments) for one in known.values())
    count = {"institutions": len(known), "departments": departments, "checklists": len(lists)}
    if as_json:
        print_json(count)
    else:
        click.echo(
            "{institutions} institutions, {departments} departments, {checklists} checklists: right.".format_map(count)
        )


def _file(which: str, settings: "Settings") -> Path:
    path = Path(which)
    if path.suffix != ".yaml" and "/" not in which:
        path = settings.institutions / f"{which}.yaml"
    if not path.is_file():
        raise click.BadParameter(f"there is no file {plain(path)}", param_hint="NAME|FILE")
    return path


def _check_one(path: Path, settings: "Settings", *, doors: bool, as_json: bool) -> None:
    from transfer.connecting.checking import check_file

    try:
        found = check_file(path, settings, datetime.now(UTC))
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
    tried = _tried(found.institution, settings) if doors and found.institution and not found.mistakes else None
    if as_json:
        said = {
            "file": found.name,
            "mistakes": list(found.mistakes),
            "remarks": list(found.remarks),
            "doors": tried or [],
        }
        print_json(said)
    else:
        _tell(found)
        if tried is not None:
            for line in tried or ["Each of their doors that we go to answers."]:
                click.echo(plain(line))
    if found.mistakes or tried:
        raise click.exceptions.Exit(NEGATIVE)


def _tried(institution: "Institution", settings: "Settings") -> list[str]:
    """What is wrong at their doors, each with what to do."""
    from functools import partial

    from transfer import wiring
    from transfer.cli.fault_commands import remedy_line
    from transfer.flow.trying_doors import try_doors
    from transfer.operation import faults_of_doors
    from transfer.sentences.operation import fault_sentence

    tried = try_doors([institution], partial(wiring.shown_at, keys=wiring.smart_keys(settings)))
    found = faults_of_doors(tried, datetime.now(UTC), wiring.fault_limits(settings))
    return [f"{fault_sentence(one)}. {remedy_line(one)}" for one in found]


def _tell(found: "FileCheck") -> None:
    for one in found.mistakes:
        line = f"line {one.line}: " if one.line else ""
        click.echo(plain(f"{line}{one.place}: {one.what}. {one.remedy}"))
    for remark in found.remarks:
        click.echo(plain(f"{remark[:1].upper()}{remark[1:]}."))
    left = len(found.mistakes)
    click.echo(f"{plain(found.name)}: {left} to put right." if left else f"{plain(found.name)}: right.")


@click.command("try")
@click.argument("which", metavar="NAME|FILE")
@click.option(
    "--message",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An HL7 v2 message, a FHIR resource or Bundle, or a DICOM file.",
)
@view_options
def try_command(which: str, message: Path, var: Path, *, actor: "Actor", as_json: bool) -> None:
    """What a message of theirs would do: which answer its sender gets, what is read, whose it is, which line of which
    checklist it answers, and what is held and why. Nothing of it is kept.

    A file that is not in place yet counts with NAME.env beside it. What the message says of its patient is printed here
    and written nowhere.

    \b
    Exit codes:
      0  it would be stored and filed
      1  it would be refused
      4  it would be stored, and wait for a person, a form or a case

    \b
    Example:
      transfer institution try riverside-pathology --message report.hl7
    """
    from transfer.arrivals import ArrivalState
    from transfer.connecting.trying import try_message
    from transfer.flow import desk
    from transfer.rights import Right

    body = _bytes_of(message)
    desk.demand(actor, Right.SEE_IDENTITY)
    with at(var) as services:
        services, institution = _with(services, which, var)
        found = try_message(services, institution, body, datetime.now(UTC))
    if as_json:
        print_json(found)
    else:
        tell_trial(found)
    if found.state is None:
        raise click.exceptions.Exit(NEGATIVE)
    if found.state is not ArrivalState.FILED:
        raise click.exceptions.Exit(UNDECIDED)


def _bytes_of(message: Path) -> bytes:
    try:
        with message.open("rb") as opened:
            return opened.read(_LARGEST + 1)
    except OSError as error:
        raise click.UsageError(f"the message cannot be read: {error.strerror or 'no reason given'}") from None


def _with(services: "Services", which: str, var: Path) -> tuple["Services", "Institution"]:
    """The institution of that name; or that of a file, as if it were in its place."""
    from dataclasses import replace

    from transfer import institutions
    from transfer.own_forms import load_states
    from transfer.settings import Settings, read

    if "/" not in which and not which.endswith(".yaml"):
        return services, services.institutions[which]
    settings = Settings.load(os.environ, var)
    path = _file(which, settings)
    try:
        names = {**settings.names, **read(path.with_suffix(".env"))}
        institution = institutions.load_one(path, names, load_states(settings.institutions / "states"))
        rest = [one for one in services.institutions.values() if one.id != institution.id]
        return replace(services, institutions=institutions.Institutions([*rest, institution])), institution
    except ValueError as error:
        raise click.ClickException(str(error)) from None


@click.command("codes")
@click.argument("institution", metavar="NAME", type=INSTITUTION)
@view_options
def codes_command(institution: "InstitutionId", var: Path, *, actor: "Actor", as_json: bool) -> None:
    """Codes of documents, orders and release forms that came from an institution and mean nothing here: how often,
    first and last seen. With lines for its file: write the kind of record, or `other` where none of them fits.

    What is not mapped is kept and listed under *other*; a release form with such a code is a question to people. No
    patient is named.

    \b
    Example:
      transfer institution codes prairie-pathology
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.list_unmapped_codes(services, institution, actor=actor)
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("Every code that came is mapped.")
        return
    rows = [(one.use, one.key, one.times, f"{one.first_at:%Y-%m-%d}", f"{one.last_at:%Y-%m-%d}") for one in found]
    print_table(("of", "code", "times", "first", "last"), rows)
    click.echo(f"\nFor {institution}.yaml, below codes:")
    for key in dict.fromkeys(one.key for one in found):
        click.echo(f"  {json.dumps(plain(key))}: other")
