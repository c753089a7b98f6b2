"""`transfer request`: what a source said to one of our requests, and what was done about it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import INSTITUTION, REQUEST, ask, ask_note, at, desk_options, note_option, tell
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from datetime import datetime

    from transfer.identifiers import InstitutionId, RequestId
    from transfer.requests import RequestAnswer
    from transfer.rights import Actor
    from transfer.source_answers import Fee, SaidBy

ANSWERS = (
    "no-records",
    "not-found",
    "will-send",
    "in-progress",
    "ready-on",
    "not-signed",
    "rest-follows",
    "already-sent",
    "form-required",
    "authorization-not-accepted",
    "identifier-required",
    "fee-required",
    "held-elsewhere",
    "refused",
    "unclear",
    "again",
    "form-sent",
    "fee-approved",
    "fee-disputed",
    "ask-elsewhere",
    "do-without",
)

#: what `--help` of an answer says
_HELP = """\
Write down what a department said to one of our requests, or what was done about it.

\b
It said:
  no-records     it holds nothing of the kind: the only answer that counts as "does not exist"
  not-found      nothing under the names and numbers we gave
  will-send      it sends by itself; we wait for it
  in-progress    it is working on it; --on, if it named a day
  ready-on       ready on a day: --on
  not-signed     the report is written and not signed
  rest-follows   a part came and the rest follows; --on, if it named a day
  already-sent   sent already: --on when, --institution to whom
  form-required  it wants its own form
  authorization-not-accepted  it does not accept the release form: --because
                 expired, illegible, not-original, not-specific,
                 signature-differs, signature-missing, signer-unproven,
                 too-old, wrong-discloser, wrong-recipient
  identifier-required  it needs another number, name or date
  fee-required   it wants a fee: --amount and --currency
  held-elsewhere somebody else holds it: --institution
  refused        it refuses: --because infeasible, legal-hold,
                 not-our-patient, not-permitted, patient-objects, policy
  unclear        none of these; write its words down with --note

\b
We did:
  again          whatever it asked for is done: ask once more, now
  form-sent      its own form went to it
  fee-approved   the fee is approved; it is asked again
  fee-disputed   the fee is disputed; it is asked again
  ask-elsewhere  ask where it said that it is, or --institution
  do-without     nothing is awaited from it any more

The words go in at the prompt of --note, who said it at that of --said-by; both are sealed. A promise without a day
is due after twice the department's usual days. The same answer twice is written once.

\b
Example:
  transfer request answer q0123456789abcde fee-required --amount 12.50
  transfer request answer q0123456789abcde ready-on --on 2026-12-04 --said-by
"""

request = LazyGroup(
    name="request",
    help="What a source said to a request, and what was done about it.",
    listed={
        "answer": ListedCommand("transfer.cli.request:answer_command", "Write down its answer, or ask it again."),
        "plan": ListedCommand("transfer.cli.request:plan_command", "Say when somebody looks after it next."),
    },
)


def command(name: str, answer: "RequestAnswer") -> str:
    """What to type to write this answer down."""
    more = " --institution INSTITUTION" if answer == "ask-elsewhere" else ""
    return f"transfer request answer {name} {answer}{more}"


@click.command("answer", help=_HELP)
@click.argument("request_id", metavar="REQUEST", type=REQUEST)
@click.argument("answer", metavar="ANSWER", type=click.Choice(ANSWERS))
@click.option("--because", "reason", metavar="CODE", help="Why: a code of those below, or other.")
@click.option("--amount", metavar="12.50", help="What a fee comes to.")
@click.option("--currency", metavar="USD", default="USD", show_default=True, help="In three letters of ISO 4217.")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day they named, where they are.")
@click.option("--institution", type=INSTITUTION, help="Who holds it, or whom it was sent to: a name of institutions/.")
@click.option("--said-by", "with_person", is_flag=True, help="Ask who said it, and for their number of the request.")
@note_option
@desk_options
def answer_command(
    var: Path,
    request_id: "RequestId",
    answer: str,
    *,
    reason: str | None,
    amount: str | None,
    currency: str,
    day: "datetime | None",
    institution: "InstitutionId | None",
    with_person: bool,
    with_note: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Write one answer of ANSWERS down, as `_HELP` tells. The same twice is written once."""
    by = ask_said_by(with_person=with_person, with_note=with_note)
    fee = _fee(amount, currency) if amount is not None else None
    with at(var) as services:
        from transfer.flow import desk

        did = desk.answer_request(
            services,
            request_id,
            desk.RequestAnswer(answer),
            actor=actor,
            reason=reason,
            fee=fee,
            day=day.date() if day else None,
            institution=institution,
            by=by,
        )
        tell(did, as_json=as_json)


def ask_said_by(*, with_person: bool, with_note: bool) -> "SaidBy":
    """Who said it, their number and their words, each at a prompt or as the next line of a pipe."""
    from transfer.source_answers import MOST_CHARACTERS, SaidBy

    person = ask("Who said it") if with_person else None
    reference = ask("Their number of our request (- for none)") if with_person else None
    words = ask_note() if with_note else None
    try:
        return SaidBy(person=person, reference=None if reference == "-" else reference, words=words or None)
    except ValueError:
        raise click.UsageError(f"write no more than {MOST_CHARACTERS} characters of each") from None


def _fee(amount: str, currency: str) -> "Fee":
    from decimal import Decimal, InvalidOperation

    from transfer.source_answers import Fee

    try:
        return Fee(amount=Decimal(amount), currency=currency)
    except (ValueError, InvalidOperation):
        raise click.UsageError("a fee is written as --amount 12.50 --currency USD") from None


@click.command("plan")
@click.argument("request_id", metavar="REQUEST", type=REQUEST)
@click.argument("day", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]))
@desk_options
def plan_command(var: Path, request_id: "RequestId", day: "datetime", *, actor: "Actor", as_json: bool) -> None:
    """Say on which DAY somebody looks after a request next: it stands in `transfer case today` from then on.

    Without a word of yours that is one business day after the source's time is over.

    \b
    Example:
      transfer request plan q0123456789abcde 2027-03-04
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.plan_action(services, request_id, day.date(), actor=actor), as_json=as_json)
