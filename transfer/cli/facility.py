"""`transfer institution add`, `added`, `contact` and `call-back`: facilities that no reviewed file names."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import INSTITUTION, at, desk_options, print_json, print_table, tell, view_options

if TYPE_CHECKING:
    from transfer.contacts import Contact
    from transfer.identifiers import InstitutionId
    from transfer.rights import Actor

_KINDS = (
    "note",
    "pathology-report",
    "operative-note",
    "procedure-report",
    "imaging-report",
    "laboratory",
    "molecular",
    "treatment-summary",
    "images",
    "material",
)
_telephone = click.option("--telephone", metavar="NUMBER", required=True, help="Whom to call about records.")
_fax = click.option("--fax", metavar="NUMBER", help="Where letters are faxed to.")
_address = click.option(
    "--address", "address", metavar="LINE", multiple=True, help="Where letters are posted to: one line each time."
)


def _contact(telephone: str, fax: str | None, address: Sequence[str]) -> "Contact":
    from transfer.contacts import Contact
    from transfer.reviewed import validated

    said = {"telephone": telephone, "fax": fax, "address": "\n".join(address) or None}
    try:
        return validated(Contact, said, "contact")
    except ValueError as error:
        raise click.UsageError(str(error)) from None


@click.command("add")
@click.option("--facility", "name", metavar="NAME", required=True, help="As it calls itself.")
@click.option("--city", required=True, help="With its state, where there are several.")
@click.option("--zone", "time_zone", required=True, metavar="ZONE", help="Its time zone, as America/Chicago.")
@click.option(
    "--holds", multiple=True, required=True, type=click.Choice(_KINDS), help="What it holds; as often as needed."
)
@_telephone
@_fax
@_address
@desk_options
def add_command(
    var: Path,
    *,
    name: str,
    city: str,
    time_zone: str,
    holds: Sequence[str],
    telephone: str,
    fax: str | None,
    address: Sequence[str],
    actor: "Actor",
    as_json: bool,
) -> None:
    """Add a facility that no reviewed file names. It may be asked at once, by every process.

    Nothing that names a patient goes there before somebody called: see call-back. The same twice is added once.

    \b
    Example:
      transfer institution add --facility "Cedar Clinic" --city "Minot, ND" --zone America/Chicago \\
        --holds note --holds images --telephone "701 555 0142" --fax "701 555 0143"
    """
    from transfer.facilities import AddedFacility, id_of
    from transfer.flow import desk
    from transfer.records import RecordKind

    try:
        new = AddedFacility(
            id=id_of(name, city),
            name=name,
            city=city,
            time_zone=time_zone,
            holds=frozenset(map(RecordKind, holds)),
            contact=_contact(telephone, fax, address),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    with at(var) as services:
        tell(desk.add_facility(services, new, actor=actor), as_json=as_json)


@click.command("added")
@view_options
def added_command(var: Path, *, actor: "Actor", as_json: bool) -> None:
    """The facilities that were added here, and whether somebody called since they are reached so.

    \b
    Example:
      transfer institution added
    """
    from transfer.contacts import as_said
    from transfer.flow import desk

    with at(var) as services:
        found = desk.list_facilities(services, actor=actor)
    if as_json:
        print_json(
            [
                {"institution": one.id, "name": one.name, "city": one.city, "holds": sorted(one.holds)}
                | one.contact.model_dump()
                for one in found
            ]
        )
        return
    rows = [
        (
            one.id,
            one.name,
            one.city,
            as_said(one.contact.telephone),
            as_said(one.contact.fax or ""),
            "called" if one.contact.is_confirmed else "call first",
        )
        for one in found
    ]
    print_table(["institution", "name", "city", "telephone", "fax", ""], rows)


@click.command("contact")
@click.argument("institution", metavar="INSTITUTION", type=INSTITUTION)
@_telephone
@_fax
@_address
@desk_options
def contact_command(
    var: Path,
    institution: "InstitutionId",
    *,
    telephone: str,
    fax: str | None,
    address: Sequence[str],
    actor: "Actor",
    as_json: bool,
) -> None:
    """Say how a facility that was added is reached from now on. Whatever is not given is no more.

    Nothing that names a patient goes there before somebody called again: see call-back.

    \b
    Example:
      transfer institution contact cedar-clinic-minot-nd --telephone "701 555 0142" --fax "701 555 0199"
    """
    from transfer.flow import desk

    said = _contact(telephone, fax, address)
    with at(var) as services:
        tell(desk.change_contact(services, institution, said, actor=actor), as_json=as_json)


@click.command("call-back")
@click.argument("institution", metavar="INSTITUTION", type=INSTITUTION)
@desk_options
def call_back_command(var: Path, institution: "InstitutionId", *, actor: "Actor", as_json: bool) -> None:
    """Say that you called a facility that was added, and had its fax number and its address read back.

    Call a number that you looked up elsewhere, not one from the letter that gave the fax number.

    \b
    Example:
      transfer institution call-back cedar-clinic-minot-nd
    """
    from transfer.flow import desk

    with at(var) as services:
        tell(desk.call_back(services, institution, actor=actor), as_json=as_json)
