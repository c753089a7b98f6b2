"""`transfer referral enter`: a referral that came by fax or telephone, from a file of what it says."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import click
from pydantic import NaiveDatetime, StringConstraints

from transfer.cli.common import INCOMING, at, desk_options, tell
from transfer.cli.group import LazyGroup, ListedCommand
from transfer.reviewed import ReviewedPart

if TYPE_CHECKING:
    from transfer.flow.desk import EnteredReferral
    from transfer.identifiers import IncomingId
    from transfer.rights import Actor

_LARGEST: Final = 64 << 10
_TEMPLATE: Final = """\
# A referral as somebody reads it off a fax, or hears it on the telephone. Leave a line away that it does not say.

# Who refers, and to which center: names of files in institutions/.
referring: lakeside-oncology
receiver: summit-cancer-center
# Who it is that refers, with telephone, and the office's own number for the referral.
referrer: Dr. Sample, 701 555 0142
reference: "R-1"

family: Sample
given: [Alex]
birth_date: 1961-04-03
# female, male, other, unknown
sex: female
# The patient's medical record number at the office.
number: "12345"

diagnosis: Colon cancer
# The list of the disease, by the name of its file in checklists/. Without it: not known yet.
checklist: colorectal
question: Is surgery advised?

# The center's own time.
appointment_at: 2027-12-19 09:30
needed_by: 2027-12-12
# routine, urgent, asap, stat
priority: routine
# Facilities that the referral names: names of files in institutions/.
sources: [prairie-pathology, mercy-imaging]
"""

referral = LazyGroup(
    name="referral",
    help="Referrals that came by fax or telephone.",
    listed={"enter": ListedCommand("transfer.cli.entered_referral:enter_command", "Enter what a referral says.")},
)

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


class _Fields(ReviewedPart):
    """What a file of the template says."""

    referring: _Text
    receiver: _Text
    family: _Text
    given: tuple[_Text, ...]
    birth_date: date
    diagnosis: _Text
    sex: Literal["female", "male", "other", "unknown"] | None = None
    number: _Text | None = None
    reference: _Text | None = None
    referrer: _Text | None = None
    checklist: _Text | None = None
    question: _Note | None = None
    sources: tuple[_Text, ...] = ()
    needed_by: date | None = None
    appointment_at: NaiveDatetime | None = None
    priority: Literal["routine", "urgent", "asap", "stat"] = "routine"


def _print_template(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
    if not value or ctx.resilient_parsing:
        return
    click.echo(_TEMPLATE, nl=False)
    ctx.exit()


@click.command("enter")
@click.argument("fields", metavar="FIELDS", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--paper", type=INCOMING, help="The paper in Incoming that the referral came on.")
@click.option("--pages", metavar="PAGES", help="Its pages that are the referral, as 1-2 or all.")
@click.option(
    "--template",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_template,
    help="Print a FIELDS file to fill in, and end.",
)
@desk_options
def enter_command(
    var: Path, fields: Path, paper: "IncomingId | None", pages: str | None, *, actor: "Actor", as_json: bool
) -> None:
    """Open a case from FIELDS, a YAML file with what a fax or a telephone call says.

    Where the patient could be somebody known here, people are asked. The same again is the same case.

    \b
    Example:
      transfer referral enter --template > fields.yaml
      transfer referral enter fields.yaml --paper f0123456789abcde --pages 1-2
    """
    if (paper is None) is not (pages is None):
        raise click.UsageError("--paper and --pages go together")
    said = _read(fields)
    with at(var) as services:
        from transfer.flow import desk

        came_on = desk.PagesOf(paper, pages) if paper is not None and pages is not None else None
        tell(desk.enter_referral(services, said, actor=actor, came_on=came_on), as_json=as_json)


def _read(file: Path) -> "EnteredReferral":
    """What the file says; an error names the field, and repeats no value."""
    from transfer import reviewed
    from transfer.arrivals import Priority
    from transfer.flow.desk import EnteredReferral
    from transfer.identifiers import InstitutionId

    try:
        with file.open("rb") as source:
            text = source.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise ValueError(f"{file.name}: over {_LARGEST >> 10} KiB")
        said = reviewed.validated(_Fields, reviewed.parse(text, file.name), file.name)
        plain = said.model_dump()
        return EnteredReferral(
            **{
                **plain,
                "referring": InstitutionId(said.referring),
                "receiver": InstitutionId(said.receiver),
                "sources": tuple(map(InstitutionId, said.sources)),
                "sex": None if said.sex == "unknown" else said.sex,
                "priority": Priority(said.priority),
            }
        )
    except OSError as error:
        raise click.UsageError(f"{file.name} cannot be read: {error.strerror or 'no reason given'}") from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
