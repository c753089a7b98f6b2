"""`transfer material`: loans, and their way back."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import CASE, MATERIAL, ask, at, desk_options, print_json, print_table, tell, view_options

if TYPE_CHECKING:
    from datetime import datetime

    from transfer.identifiers import CaseId, MaterialId
    from transfer.rights import Actor

_CARRIERS = ("fedex", "ups", "usps", "dhl", "other-courier", "by-hand")


@click.command("loans")
@view_options
def loans_command(var: Path, *, actor: "Actor", as_json: bool) -> None:
    """List what is lent and not back at its laboratory, what is due first in front.

    \b
    Example:
      transfer material loans
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.list_loans(services, actor=actor)
        if as_json:
            print_json(found)
            return
        rows = [
            (one.due_back or "", one.institution, f"{one.received} {one.kind}s", one.state, one.case, one.material)
            for one in found
        ]
        print_table(["due back", "from", "", "", "case", "material"], rows)


@click.command("return")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("material_id", metavar="MATERIAL", type=MATERIAL)
@click.option("--carrier", type=click.Choice(_CARRIERS), required=True, help="Who takes them.")
@desk_options
def return_command(
    var: Path, case_id: "CaseId", material_id: "MaterialId", *, carrier: str, actor: "Actor", as_json: bool
) -> None:
    """Say that a loan left for its laboratory. The command asks for the courier's number at a prompt.

    \b
    Example:
      transfer material return c0123456789a t0123456789abcde --carrier fedex
    """
    number = "" if carrier == "by-hand" else ask("Courier's number")
    with at(var) as services:
        from transfer.flow import desk
        from transfer.parcels import Carrier

        did = desk.return_material(services, case_id, material_id, actor=actor, carrier=Carrier(carrier), number=number)
        tell(did, as_json=as_json)


@click.command("returned")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("material_id", metavar="MATERIAL", type=MATERIAL)
@desk_options
def returned_command(var: Path, case_id: "CaseId", material_id: "MaterialId", *, actor: "Actor", as_json: bool) -> None:
    """Say that the laboratory has its pieces back: its signed sheet, its mail or its call.

    \b
    Example:
      transfer material returned c0123456789a t0123456789abcde
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.confirm_return(services, case_id, material_id, actor=actor), as_json=as_json)


@click.command("keep")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("material_id", metavar="MATERIAL", type=MATERIAL)
@click.argument("until", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]))
@desk_options
def keep_command(
    var: Path, case_id: "CaseId", material_id: "MaterialId", until: "datetime", *, actor: "Actor", as_json: bool
) -> None:
    """Say that the lender lets its pieces stay until a day.

    \b
    Example:
      transfer material keep c0123456789a t0123456789abcde 2027-01-31
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.keep_longer(services, case_id, material_id, until.date(), actor=actor), as_json=as_json)
