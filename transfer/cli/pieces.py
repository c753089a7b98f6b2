"""`transfer material piece` and `pieces`: one by one what came, and where it is."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import CASE, MATERIAL, Id, ask, at, desk_options, print_json, print_table, tell, view_options

if TYPE_CHECKING:
    from transfer.identifiers import CaseId, MaterialId, PieceId
    from transfer.rights import Actor

_PIECE = Id("PieceId", "piece id", "transfer material pieces")


@click.command("piece")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("material_id", metavar="MATERIAL", type=MATERIAL)
@click.option("--block", default="", help="The block it is from.")
@click.option("--stain", default="", help="Its stain.")
@click.option("--place", default="", help="Where it is now.")
@click.option("--piece", "piece_id", type=_PIECE, help="Which one, where its label is another one than before.")
@desk_options
def piece_command(
    var: Path,
    case_id: "CaseId",
    material_id: "MaterialId",
    *,
    block: str,
    stain: str,
    place: str,
    piece_id: "PieceId | None",
    actor: "Actor",
    as_json: bool,
) -> None:
    """Say what stands on one of the pieces that came, and where it is now. The command asks for its label at a prompt.

    The same label again is the same piece. It is where it is since now, if it was elsewhere before.

    \b
    Example:
      transfer material piece c0123456789a t0123456789abcde --block A1 --stain HE --place "Shelf 2"
      Label: S25-10071 A1-1
    """
    label = ask("Label")
    with at(var) as services:
        from transfer.flow import desk

        did = desk.describe_piece(
            *(services, case_id, material_id, label),
            block=block,
            stain=stain,
            place=place,
            piece=piece_id,
            actor=actor,
        )
        tell(did, as_json=as_json)


@click.command("pieces")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("material_id", metavar="MATERIAL", type=MATERIAL)
@view_options
def pieces_command(var: Path, case_id: "CaseId", material_id: "MaterialId", *, actor: "Actor", as_json: bool) -> None:
    """List the pieces of one count that somebody described. That their labels were shown is written down.

    \b
    Example:
      transfer material pieces c0123456789a t0123456789abcde
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.show_pieces(services, case_id, material_id, actor=actor, identity=True)
    if as_json:
        print_json(found)
        return
    click.echo(f"{len(found.described)} of {found.received} described")
    rows = [(one.id, one.label, one.block, one.stain, one.place, f"{one.since:%Y-%m-%d}") for one in found.described]
    print_table(["piece", "label", "block", "stain", "where", "since"], rows)
