"""`transfer material`: slides and blocks, counted as they come."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import CASE, MATERIAL, ask, at, desk_options, tell
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from transfer.identifiers import CaseId, MaterialId
    from transfer.rights import Actor

material = LazyGroup(
    name="material",
    help="Slides and blocks, counted as they come.",
    listed={
        "receive": ListedCommand("transfer.cli.material:receive_command", "Count a parcel in."),
        "announce": ListedCommand(
            "transfer.cli.material:announce_command", "How many the sender's list says were sent."
        ),
    },
)

_KINDS = ("slide", "block", "recut", "unstained", "scroll", "smear")
_which = click.option("--material", "material_id", type=MATERIAL, help="Which, where a case awaits several.")


@click.command("receive")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.option("--pieces", type=click.IntRange(1, 9999), required=True, help="How many pieces you counted.")
@click.option("--announced", type=click.IntRange(1, 9999), help="How many the sender's list says were sent.")
@click.option("--another-parcel", is_flag=True, help="Pieces came before, and these came in a further parcel.")
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    help="What came, where it is not what was awaited.",
)
@_which
@desk_options
def receive_command(
    var: Path,
    case_id: "CaseId",
    *,
    pieces: int,
    announced: int | None,
    another_parcel: bool,
    kind: str | None,
    material_id: "MaterialId | None",
    actor: "Actor",
    as_json: bool,
) -> None:
    """Count a parcel of slides or blocks in. The command asks for the accession number on the labels at a prompt.

    Labels with another accession number than an earlier parcel's are not counted. The command then ends with 4: ask the
    laboratory. The same parcel entered twice is counted once.

    \b
    Example:
      transfer material receive c0123456789a --pieces 6 --announced 6
      Accession number: S25-10071
    """
    accession = ask("Accession number")
    with at(var) as services:
        from transfer.flow import desk
        from transfer.materials import MaterialKind

        did = desk.receive_material(
            services,
            case_id,
            pieces=pieces,
            announced=announced,
            accession=accession,
            actor=actor,
            material=material_id,
            is_another_parcel=another_parcel,
            kind=MaterialKind(kind) if kind else None,
        )
        tell(did, as_json=as_json)


@click.command("announce")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("count", type=click.IntRange(1, 9999))
@_which
@desk_options
def announce_command(
    var: Path, case_id: "CaseId", count: int, *, material_id: "MaterialId | None", actor: "Actor", as_json: bool
) -> None:
    """Enter how many pieces the sender's list says were sent, where you learn it after they came.

    \b
    Example:
      transfer material announce c0123456789a 6
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.announce_material(services, case_id, count, actor=actor, material=material_id), as_json=as_json)
