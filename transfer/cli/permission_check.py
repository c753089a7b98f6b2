"""`transfer permission check`: would this release form permit that release? Without a running installation."""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from transfer.cli.common import json_option, plain, print_json, print_table, var_option
from transfer.cli.exit_codes import NEGATIVE, UNDECIDED

#: bytes; a larger form is none that a door takes
_LARGEST = 64 << 20


class _Moment(click.ParamType[datetime]):
    """A moment with its offset, in UTC."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            said = value if isinstance(value, datetime) else datetime.fromisoformat(value)
            if said.tzinfo is None:
                raise ValueError("no offset")
            return said.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("a moment is written as 2026-06-15T15:00Z, with its offset", param, ctx)


class _Day(click.ParamType[date]):
    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail("a day is written as 2026-06-15", param, ctx)


@click.command("check")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", required=True, metavar="INSTITUTION", help="Who would release; its file says what it needs.")
@click.option("--recipient", required=True, metavar="INSTITUTION", help="Who would receive.")
@click.option("--purpose", required=True, metavar="CODE", help="What for: a code of v3-ActReason, such as TREAT.")
@click.option("--record", "kind", required=True, metavar="KIND", help="The kind of record, such as pathology-report.")
@click.option("--label", "labels", multiple=True, metavar="CODE", help="A security label on the record; may repeat.")
@click.option("--dated", type=_Day(), metavar="DAY", help="The day the record is from, where a form asks for it.")
@click.option("--at", type=_Moment(), metavar="MOMENT", help="When, with its offset. Now if not given.")
@json_option
@var_option
def check_command(
    file: Path,
    source: str,
    recipient: str,
    purpose: str,
    kind: str,
    labels: tuple[str, ...],
    dated: date | None,
    at: datetime | None,
    var: Path,
    *,
    as_json: bool,
) -> None:
    """Would the release form in FILE permit this release, if it were the patient's only one?

    FILE is a FHIR Consent, alone or in a bundle, or an HL7 v2 message with a CON segment, as the source would send it;
    or the fields of a paper form (`transfer permission file --template`).
    TRANSFER_INSTITUTIONS says where the partners' files are. Nothing runs, and nothing is kept.

    \b
    Exit codes:
      0  permitted
      1  refused: the findings say why
      2  the command was not understood, or a file could not be read
      4  a person must look at the form

    \b
    Example:
      transfer permission check form.json --source lakeside-oncology \\
        --recipient summit-cancer-center --purpose TREAT --record note
    """
    from transfer.flow.checking import check
    from transfer.identifiers import InstitutionId
    from transfer.permissions.checking import AskedRelease, Decision
    from transfer.permissions.purposes import KNOWN_PURPOSES
    from transfer.records import RecordKind

    known = _institutions(var)
    for name, option in ((source, "--source"), (recipient, "--recipient")):
        if name not in known:
            raise click.BadParameter("no such institution; see the files in institutions/", param_hint=option)
    if purpose not in KNOWN_PURPOSES:
        raise click.BadParameter("no purpose of v3-ActReason", param_hint="--purpose")
    if kind not in set(RecordKind):
        raise click.BadParameter(f"one of: {', '.join(RecordKind)}", param_hint="--record")
    asked = AskedRelease(
        discloser=known[source],
        recipient=InstitutionId(recipient),
        kind=RecordKind(kind),
        purpose=purpose,
        labels=frozenset(labels),
        dated=dated,
    )
    found = check(_body(file), asked, known, at or datetime.now(UTC))
    if as_json:
        print_json(found)
    else:
        _tell(found)
    codes = {Decision.PERMIT: 0, Decision.REFUSE: NEGATIVE, Decision.PERSON: UNDECIDED}
    raise click.exceptions.Exit(codes[found.decision])


def _institutions(var: Path) -> Any:
    from transfer.flow.checking import partners
    from transfer.settings import Settings

    try:
        return partners(Settings.load(os.environ, var).institutions)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _body(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_LARGEST + 1)
    except OSError as error:
        raise click.UsageError(f"FILE cannot be read: {error.strerror or 'no reason given'}") from None


def _tell(found: Any) -> None:
    from transfer.sentences import SENTENCES

    words = {"permit": "Permitted.", "refuse": "Refused.", "person": "A person must look at the form."}
    click.echo(words[found.decision])
    for finding in found.findings:
        click.echo(f"  {SENTENCES[finding].staff}")
    rows = [(one.path, one.type, one.applies, ", ".join(one.because)) for one in found.provisions]
    if rows:
        print_table(["provision", "type", "applies", "because"], [[plain(cell) for cell in row] for row in rows])
