"""`transfer code`: codes for people outside, by which they look in and answer."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import CASE, REQUEST, at, desk_options, tell
from transfer.cli.group import LazyGroup, ListedCommand
from transfer.letter_codes import CodeHolder

if TYPE_CHECKING:
    from transfer.identifiers import CaseId, RequestId
    from transfer.rights import Actor

code = LazyGroup(
    name="code",
    help="Codes by which people outside answer and look in.",
    listed={
        "reply": ListedCommand("transfer.cli.code:reply_command", "A code by which a facility answers a request."),
        "own": ListedCommand("transfer.cli.code:own_command", "A code for the patient or the referring office."),
        "pin": ListedCommand("transfer.cli.code:pin_command", "A PIN for them, to tell by telephone."),
        "end": ListedCommand("transfer.cli.code:end_command", "Let codes work no more."),
    },
)

_OWN = click.Choice([CodeHolder.PATIENT, CodeHolder.REFERRING_OFFICE])
_HOLDERS = click.Choice(list(CodeHolder))


@click.command("reply")
@click.argument("request_id", metavar="REQUEST", type=REQUEST)
@desk_options
def reply_command(var: Path, request_id: "RequestId", *, actor: "Actor", as_json: bool) -> None:
    """Print a code by which a facility answers REQUEST on our page, to read out or to write on a letter.

    With the code it takes the patient's birth date, too. It works 30 days; asked for again, it is the
    same while half of them are left.

    \b
    Example:
      transfer code reply q0123456789abcde
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.give_reply_code(services, request_id, actor=actor), as_json=as_json)


@click.command("own")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("holder", metavar="WHOM", type=_OWN)
@desk_options
def own_command(var: Path, case_id: "CaseId", holder: str, *, actor: "Actor", as_json: bool) -> None:
    """Print a code for WHOM (patient, referring-office), by which they see how CASE stands, and can stop it.

    With the code it takes the patient's birth date, too. It works 90 days; asked for again, it is the
    same while half of them are left.

    \b
    Example:
      transfer code own c0123456789a patient
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.give_own_code(services, case_id, CodeHolder(holder), actor=actor), as_json=as_json)


@click.command("pin")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("holder", metavar="WHOM", type=_OWN)
@desk_options
def pin_command(var: Path, case_id: "CaseId", holder: str, *, actor: "Actor", as_json: bool) -> None:
    """Print a PIN for WHOM (patient, referring-office), to tell by telephone once it is sure who they are.

    With it they send papers and sign at their page; a stop needs none. Each call draws another.

    \b
    Example:
      transfer code pin c0123456789a patient
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.give_own_pin(services, case_id, CodeHolder(holder), actor=actor), as_json=as_json)


@click.command("end")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("holder", metavar="WHOM", type=_HOLDERS)
@desk_options
def end_command(var: Path, case_id: "CaseId", holder: str, *, actor: "Actor", as_json: bool) -> None:
    """Let the codes that WHOM (source, patient, referring-office) has for CASE work no more: a letter went astray.

    \b
    Example:
      transfer code end c0123456789a source
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.end_codes(services, case_id, CodeHolder(holder), actor=actor), as_json=as_json)
