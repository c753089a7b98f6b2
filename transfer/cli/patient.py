"""`transfer patient`: two patients who are one person, and patients of whom whoever looks must say why."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import CASE, at, desk_options, tell
from transfer.cli.group import LazyGroup, ListedCommand
from transfer.looks import LookReason, PatientFlag

if TYPE_CHECKING:
    from transfer.identifiers import CaseId
    from transfer.rights import Actor

patient = LazyGroup(
    name="patient",
    help="Two patients who are one person; who looks at whom, and why.",
    listed={
        "merge": ListedCommand("transfer.cli.patient:merge_command", "Say that the patients of two cases are one."),
        "split": ListedCommand("transfer.cli.patient:split_command", "Take merged patients apart again."),
        "flag": ListedCommand("transfer.cli.patient:flag_command", "From now on who looks must say why."),
        "unflag": ListedCommand("transfer.cli.patient:unflag_command", "Who looks need not say why any more."),
        "reason": ListedCommand("transfer.cli.patient:reason_command", "Say why you look at a patient."),
    },
)


@click.command("merge")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("other", metavar="OTHER", type=CASE)
@desk_options
def merge_command(var: Path, case_id: "CaseId", other: "CaseId", *, actor: "Actor", as_json: bool) -> None:
    """Say that the patient of OTHER is the patient of CASE.

    Compare both first: case show --identity. Two people must say so: the first word opens a decision, and the command
    ends with 4 until a second person says the same. Forms, records and cases are then one patient's.

    \b
    Example:
      transfer patient merge c0123456789a c0123456789b
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.merge(services, case_id, other, actor=actor), as_json=as_json)


@click.command("split")
@click.argument("case_id", metavar="CASE", type=CASE)
@desk_options
def split_command(var: Path, case_id: "CaseId", *, actor: "Actor", as_json: bool) -> None:
    """Take the patient of CASE out of the one they were merged into.

    What was theirs before the merge is theirs again. What came since is matched anew, and what was fetched since is
    forgotten, with the packets made of it, and fetched anew.

    \b
    Example:
      transfer patient split c0123456789b
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.split(services, case_id, actor=actor), as_json=as_json)


@click.command("flag")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("flag", type=click.Choice(list(PatientFlag)))
@desk_options
def flag_command(var: Path, case_id: "CaseId", flag: PatientFlag, *, actor: "Actor", as_json: bool) -> None:
    """From now on whoever looks at the patient of CASE must say why first: they work here, or many would look.

    \b
    Example:
      transfer patient flag c0123456789a employee
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.flag_patient(services, case_id, flag, actor=actor), as_json=as_json)


@click.command("unflag")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("flag", type=click.Choice(list(PatientFlag)))
@desk_options
def unflag_command(var: Path, case_id: "CaseId", flag: PatientFlag, *, actor: "Actor", as_json: bool) -> None:
    """Whoever looks at the patient of CASE need not say why any more.

    \b
    Example:
      transfer patient unflag c0123456789a employee
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.unflag_patient(services, case_id, flag, actor=actor), as_json=as_json)


@click.command("reason")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("reason", type=click.Choice(list(LookReason)))
@desk_options
def reason_command(var: Path, case_id: "CaseId", reason: LookReason, *, actor: "Actor", as_json: bool) -> None:
    """Say why you look at the patient of CASE: one who is flagged, or any patient where your role needs a reason.

    It counts for ten hours, for you alone. The codes are HL7's: TREAT (treatment), HPAYMT (payment), HOPERAT
    (operations), HCOMPL (compliance), HLEGAL (legal), PATRQT (the patient asked).

    \b
    Example:
      transfer patient reason c0123456789a PATRQT
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.state_reason(services, case_id, reason, actor=actor), as_json=as_json)
