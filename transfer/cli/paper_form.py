"""`transfer permission file` and `dispute`: a release form on paper, and what a person finds wrong with a form."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from transfer.cli.common import (
    CASE,
    INSTITUTION,
    PERMISSION,
    ask_note,
    at,
    desk_options,
    ledger_at,
    note_option,
    progress,
    tell,
)

if TYPE_CHECKING:
    from transfer.flow.desk import ActionResult
    from transfer.identifiers import CaseId, InstitutionId, PermissionId
    from transfer.rights import Actor

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DISPUTES = ("compound", "conditioned", "false", "wrong-patient", "event-occurred")


def _print_template(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
    if not value or ctx.resilient_parsing:
        return
    from transfer.adapters.paper import TEMPLATE

    click.echo(TEMPLATE, nl=False)
    ctx.exit()


@click.command("file")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("fields", metavar="FIELDS", type=_FILE)
@click.option("--scan", required=True, type=_FILE, metavar="FORM.pdf", help="The scan of the form, kept with it.")
@click.option("--from", "institution", type=INSTITUTION, required=True, help="The institution that brought it.")
@click.option(
    "--template",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_template,
    help="Print a FIELDS file to fill in, and end.",
)
@desk_options
def file_command(
    var: Path,
    case_id: "CaseId",
    fields: Path,
    scan: Path,
    institution: "InstitutionId",
    *,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Enter a release form on paper for the patient of CASE.

    FIELDS is a YAML file with what the form says, field by field, and what it lacks. The form is filed at once, in
    force or with what is wrong with it. What no rule can carry is held for a person (`transfer hold list`). The
    institution must be granted authorizations in its file. The same fields and scan again are the same form.

    \b
    Example:
      transfer permission file --template > fields.yaml
      transfer permission file c0123456789a fields.yaml --scan form.pdf --from lakeside-oncology
    """
    with at(var) as services:
        from transfer.adapters.paper import LARGEST_FIELDS, LARGEST_SCAN
        from transfer.flow import desk

        told, scanned = _read(fields, LARGEST_FIELDS), _read(scan, LARGEST_SCAN)
        did = desk.file_paper_form(services, case_id, institution, told, scanned, actor=actor)
        tell(did, as_json=as_json)
        if not as_json:
            _tell_findings(did)


def _read(file: Path, largest: int) -> bytes:
    """One byte more than is taken, so that what is too large is told to be that."""
    try:
        with file.open("rb") as source:
            return source.read(largest + 1)
    except OSError as error:
        raise click.UsageError(f"{file.name} cannot be read: {error.strerror or 'no reason given'}") from None


def _tell_findings(did: "ActionResult") -> None:
    from transfer.sentences import SENTENCES

    found = did.fields.get("findings", ())
    for code in found if isinstance(found, tuple) else ():
        click.echo(f"  {SENTENCES[code].staff}")


@click.command("dispute")
@click.argument("permission_id", metavar="PERMISSION", type=PERMISSION)
@click.argument("what", type=click.Choice(_DISPUTES))
@click.option("--withdraw", is_flag=True, help="It is not so: the form counts again.")
@note_option
@desk_options
def dispute_command(
    var: Path,
    permission_id: "PermissionId",
    what: str,
    *,
    withdraw: bool,
    with_note: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Say what is wrong with a release form, which only a person can find (45 CFR 164.508(b)(2)).

    \b
      compound        combined with another permission that it may not be combined with
      conditioned     made a condition of treatment, payment, enrolment or eligibility
      false           something material in it is known to be false
      wrong-patient   it is another patient's
      event-occurred  the event at which it expires has occurred

    At once nothing may leave under it, and what is on its way is cut. Nothing is purged. The command ends when no
    stream is open; it ends with 5 if a sender does not answer: do the same again. Without a note it needs the ledger
    alone and no key.

    \b
    Example:
      transfer permission dispute m0123456789abcde conditioned --note
      transfer permission dispute m0123456789abcde conditioned --withdraw
    """
    from transfer.flow import desk
    from transfer.flow.services import LedgerAlone
    from transfer.permissions import Dispute

    note, found = ask_note() if with_note else None, Dispute(what)
    with ledger_at(var) as ledger:
        services = LedgerAlone(ledger)
        if withdraw:
            did = desk.withdraw_dispute(services, permission_id, found, actor=actor, note=note)
        else:
            with progress("Stopped; cutting what is on its way") as waiting:
                did = desk.dispute(services, permission_id, found, actor=actor, note=note, waiting=waiting)
        tell(did, as_json=as_json)
