"""`transfer hold`: the decisions that wait for a person, and deciding them."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from transfer.cli.common import (
    CASE,
    HOLD,
    ask_note,
    at,
    by,
    desk_options,
    note_option,
    print_json,
    print_table,
    tell,
    view_options,
)
from transfer.cli.dossier import print_facts, when
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from transfer.flow.desk import (
        AnswerView,
        Comparison,
        HoldContext,
        HoldDetail,
        HoldView,
        WaitingAccounting,
        WaitView,
    )
    from transfer.flow.desk.comparing import Opinion
    from transfer.identifiers import CaseId, HoldId
    from transfer.patients import Demographics
    from transfer.rights import Actor

_ANSWERS = (
    *("approve", "wait", "purge", "keep", "ours", "not-ours", "seen", "again", "leave-out", "open-again"),
    *("sent", "dispute", "do-without", "revoke", "resume", "delta", "recall", "tell", "reply", "whole", "part", "end"),
)

hold = LazyGroup(
    name="hold",
    help="Decisions that wait for a person.",
    listed={
        "list": ListedCommand("transfer.cli.hold:list_command", "The decisions that wait."),
        "show": ListedCommand("transfer.cli.hold:show_command", "One decision, and what each answer does."),
        "resolve": ListedCommand("transfer.cli.hold:resolve_command", "Decide it."),
    },
)


@click.command("list")
@click.option("--case", "case_id", type=CASE, help="Only decisions about this case.")
@view_options
def list_command(var: Path, *, case_id: "CaseId | None", actor: "Actor", as_json: bool) -> None:
    """The decisions that wait for a person: what has a clock first, by its clock, then the oldest. Below them what no
    question asks, and the accountings of disclosures that are to be given.

    \b
    Example:
      transfer hold list
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.holds(services, actor=actor, case=case_id)
        if as_json:
            print_json([_as_json(one) for one in found])
            return
        if found:
            rows = [(h.hold, h.subject, _minute(h.opened_at), _clock(h), _says(h), _verb(h)) for h in found]
            print_table(["decision", "about", "since", "due", "", "answer"], rows)
        # After what needs no key, for this reads records.
        others = [one for one in desk.undecided_cases(services, actor=actor) if case_id in (None, one.case)]
        to_give = () if case_id else desk.accountings_to_give(services, actor=actor)
    if others:
        click.secho("\nAsked by no question" if found else "Asked by no question", bold=True)
        print_table(["about", "", "of", "what leads on"], [_wait(one) for one in others])
    if to_give:
        click.secho("\nAccountings to give" if found or others else "Accountings to give", bold=True)
        print_table(["accounting", "about", "due", "what leads on"], map(_accounting, to_give))
    if not (found or others or to_give):
        click.echo("Nothing needs a decision.")


def _accounting(one: "WaitingAccounting") -> tuple[object, ...]:
    due = f"{one.due_on}{' LATE' if one.is_late else ''}"
    return one.accounting, one.case, due, f"transfer audit accounting give {one.accounting}"


def _wait(one: "WaitView") -> tuple[object, ...]:
    from transfer.cli import remedies

    return one.case, one.says, one.institution, remedies.line(one.remedy)


def _says(one: "HoldView") -> str:
    from transfer.cli.dossier import said

    return f"{one.says} ({said(one.heard, {})})" if one.heard else one.says


def _verb(one: "HoldView") -> str:
    """What it may be answered with, the usual first."""
    return " | ".join(answer.answer for answer in one.answers)


def _minute(at: "datetime") -> str:
    return at.strftime("%Y-%m-%d %H:%MZ")


def _clock(one: "HoldView") -> str:
    """By when it is to be answered, where it has a clock."""
    if one.due_at is None:
        return "-"
    return f"{_minute(one.due_at)}{', overdue' if one.is_past_due else ''}"


def _as_json(one: "HoldView") -> dict[str, Any]:
    return {**dataclasses.asdict(one), "words": {answer.answer: _does(answer) for answer in one.answers}}


@click.command("show")
@click.argument("hold_id", metavar="DECISION", type=HOLD)
@click.option("--identity", is_flag=True, help="Show the people compared side by side.")
@view_options
def show_command(var: Path, hold_id: "HoldId", *, identity: bool, actor: "Actor", as_json: bool) -> None:
    """One decision, what it is about, and what each answer does.

    Where it asks whose something is, --identity shows the patient of the message beside the patients it could be.

    \b
    Example:
      transfer hold show h0123456789abcde --identity
    """
    with at(var) as services:
        from transfer.flow import desk

        detail = desk.hold(services, hold_id, actor=actor, identity=identity)
        facts = desk.context(services, hold_id, actor=actor)
    found, seen = detail.hold, detail.comparison
    if as_json:
        compared = _compared(seen, identity=identity) if seen else None
        said = [dataclasses.asdict(one) for one in detail.opinions]
        print_json({**_as_json(found), "compared": compared, "said_so_far": said, "context": facts})
    else:
        _print(detail, facts, identity=identity)
        differs = [one for one in detail.side_by_side if one.weight == "contradicts"]
        print_facts("What differs", [dataclasses.replace(one, says=f"{one.says} / {one.beside}") for one in differs])


def _compared(seen: "Comparison", *, identity: bool) -> dict[str, Any]:
    people: list[dict[str, Any]] = [{"patient": c.patient, "cases": c.cases} for c in seen.candidates]
    if identity:
        for person, candidate in zip(people, seen.candidates, strict=True):
            person["identity"] = candidate.identity
    return {
        "institution": seen.institution,
        "match_rule": seen.match_rule,
        "deciders": seen.deciders,
        "said_so_far": [dataclasses.asdict(one) for one in seen.opinions],
        "candidates": people,
        **({"said": seen.said} if identity else {}),
    }


def _print(detail: "HoldDetail", facts: "HoldContext", *, identity: bool) -> None:
    found, seen = detail.hold, detail.comparison
    click.secho(f"{found.hold}  {found.code}", bold=True)
    click.echo(_says(found))
    about = f", {found.about}" if found.about else ""
    due = f", due {_clock(found)}" if found.due_at else ""
    click.echo(f"About {found.subject}{about}; asked {_minute(found.opened_at)}{due}.")
    if found.resolved_at:
        click.echo(f"Answered: {found.answer}, {found.resolved_at:%Y-%m-%d %H:%MZ}.")
        return
    print_facts("The facts", facts.lines)
    _print_left(facts)
    if seen:
        _print_comparison(seen, identity=identity)
    elif detail.deciders > 1:
        click.echo("Two people must say so; whoever ended the permission here is one of them.")
        _print_opinions(detail.opinions)
    click.secho("\nAnswers", bold=True)
    rows = []
    for one in found.answers:
        names_case = one.answer == "ours" and found.code not in ("whose-answer", "same-patient")
        typed = f"transfer hold resolve {found.hold} {one.answer}{' CASE' if names_case else ''}"
        rows.append((typed, _does(one)))
    print_table([], rows, indent=2)


def _print_left(facts: "HoldContext") -> None:
    if not facts.left:
        return
    click.secho("\nLeft already", bold=True)
    left = [
        (one.packet, one.recipient, when(one.begun_at), f"{one.size:,} bytes", one.outcome, one.receipt)
        for one in facts.left
    ]
    print_table([], left, indent=2)


def _does(answer: "AnswerView") -> str:
    """What an answer does, and the command for what is to be done beside it."""
    from transfer.cli import remedies

    return f"{answer.does}. {remedies.line(answer.remedy)}" if answer.remedy else answer.does


def _print_comparison(seen: "Comparison", *, identity: bool) -> None:
    two = "two people must give the same answer" if seen.deciders > 1 else "one person decides"
    click.echo(f"From {seen.institution}; what agrees: {seen.match_rule.replace('-', ' ')}; {two}.")
    _print_opinions(seen.opinions)
    if not identity:
        click.echo("Whom it could be: " + "; ".join(" ".join(c.cases) or c.patient for c in seen.candidates))
        click.echo("--identity shows them side by side.")
        return
    click.secho("\nSide by side", bold=True)
    columns = [("the message", said) for said in seen.said]
    columns += [(" ".join(c.cases) or c.patient, c.identity.current) for c in seen.candidates if c.identity]
    rows = [("name", *(_names(who) for _, who in columns)), ("born", *(who.birth_date for _, who in columns))]
    rows += [("sex", *(who.sex for _, who in columns)), ("numbers", *(_numbers(who) for _, who in columns))]
    rows += [
        ("lives at", *(_homes(who) for _, who in columns)),
        ("telephone", *(_telephones(who) for _, who in columns)),
    ]
    rows.append(("ends of others", *(_other_numbers(who) for _, who in columns)))
    print_table(["", *(title for title, _ in columns)], rows, indent=2)


def _print_opinions(opinions: "Sequence[Opinion]") -> None:
    for one in opinions:
        click.echo(f"{by(one.person, is_claimed=one.is_claimed)} said {one.answer}.")


def _names(who: "Demographics") -> str:
    return "; ".join(map(str, who.names))


def _homes(who: "Demographics") -> str:
    return "; ".join(f"{home.street}, {home.postal_code}" for home in who.addresses)


def _telephones(who: "Demographics") -> str:
    return "; ".join(who.telephones)


def _other_numbers(who: "Demographics") -> str:
    """Of policies, licences, citizens."""
    return "; ".join(f"{number.type} …{number.last_four}" for number in who.other_numbers)


def _numbers(who: "Demographics") -> str:
    return "; ".join(f"{number.value} ({number.issuer})" for number in who.identifiers)


@click.command("resolve")
@click.argument("hold_id", metavar="DECISION", type=HOLD)
@click.argument("answer", type=click.Choice(_ANSWERS))
@click.argument("case_id", metavar="[CASE]", type=CASE, required=False)
@note_option
@desk_options
def resolve_command(
    var: Path,
    hold_id: "HoldId",
    answer: str,
    case_id: "CaseId | None",
    *,
    with_note: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Decide. `transfer hold show` lists the answers a decision takes and what each does.

    CASE goes with `ours`: a case of the patient it belongs to. Where two people must agree, the first answer is kept.
    The command ends with 4 until the second person gives the same answer.

    \b
    Example:
      transfer hold resolve h0123456789abcde approve
      transfer hold resolve h0123456789abcde ours c0123456789a
    """
    note = ask_note() if with_note else None
    with at(var) as services:
        from transfer.flow import desk
        from transfer.holds import HoldAnswer

        did = desk.resolve(services, hold_id, HoldAnswer(answer), actor=actor, case=case_id, note=note)
        tell(did, as_json=as_json)
