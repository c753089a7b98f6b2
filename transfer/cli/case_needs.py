"""`transfer case checklist`, `need`, `procedure` and `drop`: what a case needs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import CASE, INSTITUTION, ask_note, at, desk_options, note_option, tell

if TYPE_CHECKING:
    from transfer.identifiers import CaseId, InstitutionId
    from transfer.partial_dates import PartialDate
    from transfer.rights import Actor

_KINDS = (
    "note", "pathology-report", "operative-note", "procedure-report", "imaging-report", "images", "laboratory",
    "molecular", "treatment-summary", "material",
)  # fmt: skip
_PROCEDURES = ("biopsy", "operation", "endoscopy", "scan")


def _as_day(_: click.Context, __: click.Parameter, text: str | None) -> "PartialDate | None":
    from transfer.partial_dates import day_said

    if text is None:
        return None
    day = day_said(text)
    if day is None or str(day) != text:
        raise click.BadParameter("a day (2026-03-04), a month (2026-03) or a year (2026)")
    return day


_facility = click.option("--facility", type=INSTITUTION, required=True, help="Who holds it, and is asked.")
_day = click.option("--day", callback=_as_day, help="When it was done: a day, a month (2026-03) or a year.")


@click.command("checklist")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("checklist", metavar="LIST")
@note_option
@desk_options
def checklist_command(
    var: Path, case_id: "CaseId", checklist: str, *, with_note: bool, actor: "Actor", as_json: bool
) -> None:
    """Pick the checklist of the disease, by its file in checklists/, or another one instead.

    What was collected stays and stands on the lines of the new list. A department is asked again only where the new
    list wants another kind of record of it. The former list brings everything back as it was.

    \b
    Example:
      transfer case checklist c0123456789a colorectal
    """
    note = ask_note() if with_note else None
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.change(services, case_id, actor=actor, checklist=checklist, note=note), as_json=as_json)


@click.command("need")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("kind", type=click.Choice(_KINDS))
@_facility
@_day
@note_option
@desk_options
def need_command(
    var: Path,
    case_id: "CaseId",
    kind: str,
    *,
    facility: "InstitutionId",
    day: "PartialDate | None",
    with_note: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Add something that this case alone needs: a line of its own, asked of one facility.

    With --note say in words what it is; they are kept sealed and go nowhere. A record of that facility answers the line
    once it is of that day, or was written soon after; without --day once it comes after this. `transfer case waive`
    says otherwise, and `transfer case drop` takes it back.

    \b
    Example:
      transfer case need c0123456789a molecular --facility prairie-pathology --note
    """
    words = ask_note() if with_note else None
    with at(var) as services:
        from transfer.flow import desk
        from transfer.records import RecordKind

        did = desk.add_need(services, case_id, RecordKind(kind), facility, actor=actor, day=day, words=words)
        tell(did, as_json=as_json)


@click.command("procedure")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("procedure", type=click.Choice(_PROCEDURES))
@_facility
@_day
@note_option
@desk_options
def procedure_command(
    var: Path,
    case_id: "CaseId",
    procedure: str,
    *,
    facility: "InstitutionId",
    day: "PartialDate | None",
    with_note: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """List what was done to the patient, where and when. Each record it leaves behind becomes a line of its own.

    \b
      biopsy     the pathology report
      operation  the operative note, the pathology report
      endoscopy  the procedure report
      scan       the images, the imaging report

    \b
    Example:
      transfer case procedure c0123456789a scan --facility mercy-imaging --day 2026-03-04
    """
    words = ask_note() if with_note else None
    with at(var) as services:
        from transfer.flow import desk
        from transfer.procedures import ProcedureKind

        done = ProcedureKind(procedure)
        did = desk.add_procedure(services, case_id, done, facility, actor=actor, day=day, words=words)
        tell(did, as_json=as_json)


@click.command("drop")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("line")
@desk_options
def drop_command(var: Path, case_id: "CaseId", line: str, *, actor: "Actor", as_json: bool) -> None:
    """Take back a LINE that was added to this case: nobody is asked for it any more. What came for it stays.

    \b
    Example:
      transfer case drop c0123456789a added-1
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.drop_need(services, case_id, line, actor=actor), as_json=as_json)
