"""`transfer open`: a case from a referral in a file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import INSTITUTION, at, desk_options, tell

if TYPE_CHECKING:
    from transfer.identifiers import InstitutionId
    from transfer.rights import Actor


@click.command("open")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--from", "institution", type=INSTITUTION, required=True, help="The institution that refers.")
@desk_options
def open_command(var: Path, file: Path, institution: "InstitutionId", *, actor: "Actor", as_json: bool) -> None:
    """Open a case from a referral in FILE (- reads a pipe).

    The file is a FHIR ServiceRequest with its Task in JSON, or an HL7 v2 REF^I12. The institution must be granted
    referrals in its file. The same referral again is the same case.

    \b
    Example:
      transfer open referral.json --from lakeside-oncology
    """
    with at(var) as services:
        from transfer.flow import desk

        # one byte more than is taken, so that what is too large is told to be that
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as source:
            body = source.read(desk.LARGEST_REFERRAL + 1)

        tell(desk.open_referral(services, institution, body, actor=actor), as_json=as_json)
