"""`transfer incoming cd`, `disc` and `index-studies`: a CD with images, and whose its studies are."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import (
    CASE,
    INCOMING,
    INSTITUTION,
    at,
    desk_options,
    print_json,
    print_table,
    tell,
    view_options,
)

if TYPE_CHECKING:
    from transfer.flow.desk import DiscView
    from transfer.identifiers import CaseId, IncomingId, InstitutionId
    from transfer.rights import Actor

_disc = click.argument("disc", metavar="CD", type=INCOMING)


@click.command("cd")
@click.argument("source", metavar="FOLDER", type=click.Path(exists=True, path_type=Path))
@desk_options
def cd_command(var: Path, source: Path, *, actor: "Actor", as_json: bool) -> None:
    """Bring in a CD with images: the FOLDER where it is mounted or copied, or a ZIP file of it.

    Each file is looked at, with or without a DICOMDIR. Nothing on it is run. The same images again are the same CD.

    \b
    Example:
      transfer incoming cd /media/cdrom
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.bring_in_disc(services, source.resolve(), actor=actor), as_json=as_json)


@click.command("disc")
@_disc
@view_options
def disc_command(var: Path, disc: "IncomingId", *, actor: "Actor", as_json: bool) -> None:
    """What is on a CD that you have taken: whose each study is by its files, its series and images. The look is written
    down.

    \b
    Example:
      transfer incoming disc f0123456789abcde
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.look_at_disc(services, disc, actor=actor)
    if as_json:
        print_json(found)
        return
    print_table(
        ["study", "patient", "born", "number", "day", "what", "series", "images", "missing", "became"], _rows(found)
    )
    notes = found.notes
    beside = ", ".join(f"{count} {what}" for what, count in sorted(notes.beside.items())) or "nothing"
    click.echo(f"directory: {notes.directory}; unreadable: {notes.unreadable}; missing elsewhere: {notes.missing}")
    click.echo(f"beside the images, not run and not kept: {beside}")


def _rows(found: "DiscView") -> list[tuple[object, ...]]:
    rows = list[tuple[object, ...]]()
    for one in found.studies:
        study, who = one.study, one.study.patient
        what = " ".join([*study.modalities, study.description])
        became = one.case or str(one.became or "")
        counts = (len(study.series), study.count, study.missing)
        rows.append((one.number, who.name, who.born, who.number, study.day, what, *counts, became))
    return rows


@click.command("index-studies")
@_disc
@click.argument("studies", metavar="STUDIES")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.option("--from", "institution", type=INSTITUTION, required=True, help="The institution that made the images.")
@click.option("--compared", is_flag=True, help="They are the patient's although the CD names somebody else or nobody.")
@desk_options
def index_command(
    var: Path,
    disc: "IncomingId",
    studies: str,
    case_id: "CaseId",
    *,
    institution: "InstitutionId",
    compared: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Make STUDIES of a CD, as 1-2,4 or all, images of CASE.

    They are collected if a permission covers them, and else kept sealed until one does. The same again changes nothing.

    \b
    Example:
      transfer incoming index-studies f0123456789abcde 1-2 c0123456789a --from mercy-imaging
    """
    with at(var) as services:
        from transfer.flow import desk

        said = desk.IndexedStudies(institution=institution, is_compared=compared)
        tell(desk.index_studies(services, disc, studies, case_id, said, actor=actor), as_json=as_json)
