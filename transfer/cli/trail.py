"""`transfer trail`: prove that nothing written was altered, and see who looked at whom."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import (
    CASE,
    at,
    by,
    json_option,
    ledger_at,
    plain,
    print_json,
    print_table,
    progress,
    view_options,
)
from transfer.cli.exit_codes import NEGATIVE
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transfer.flow.desk import LookView, TracedFact
    from transfer.identifiers import CaseId
    from transfer.ledger import Ledger
    from transfer.ledger.trail import Walked
    from transfer.rights import Actor

trail = LazyGroup(
    name="trail",
    help="Prove that nothing written was altered, and see who looked at whom.",
    listed={
        "verify": ListedCommand("transfer.cli.trail:verify_command", "Walk every chain of the ledger."),
        "show": ListedCommand("transfer.cli.trail:show_command", "All that was written about a case, in sentences."),
        "run": ListedCommand("transfer.cli.trail:run_command", "All that a run wrote."),
        "check": ListedCommand("transfer.cli.trail:check_command", "Check lines that were taken along, offline."),
        "looks": ListedCommand("transfer.cli.trail:looks_command", "Who looked at whom, and why."),
    },
)


@click.command("verify")
@view_options
def verify_command(var: Path, *, actor: "Actor", as_json: bool) -> None:
    """Walk every chain of the ledger: is each line what was written, none missing, added or moved, and does each chain
    end where its head and the anchors in packets say?

    Is each line what was written, none missing, added or moved? Does each chain end where its head and the anchors in
    packets say? It ends with 1 and names the line if something is broken.

    That it was verified, and what was found, is a fact. It counts the lines behind the last anchor. Only an anchor held
    outside shows that the end of a chain was not rewritten with its head.

    \b
    Example:
      transfer trail verify
    """
    from transfer.flow import desk
    from transfer.flow.services import LedgerAlone

    with ledger_at(var) as ledger:
        walked = _walk(ledger, actor)
        desk.note_walk(LedgerAlone(ledger), walked, actor=actor)
    broken = [one.broken for one in walked if one.broken]
    told = {
        "chains": len(walked),
        "lines": sum(one.lines for one in walked),
        "unanchored": sum(one.unanchored for one in walked),
        "broken": broken,
    }
    if as_json:
        print_json(told)
    else:
        for line in broken:
            click.echo(plain(f"BROKEN  {line}"))
        state = "Altered" if broken else "Whole"
        click.echo(
            f"{state}: {told['chains']} chains, {told['lines']} lines; {told['unanchored']} after the last anchor."
        )
    if broken:
        raise click.exceptions.Exit(NEGATIVE)


def _walk(ledger: "Ledger", actor: "Actor") -> "list[Walked]":
    from transfer.flow import desk

    names = desk.chains(ledger, actor=actor)
    walked = []
    with progress("Walking", total=len(names)) as far:
        for number, name in enumerate(names, start=1):
            walked.append(desk.walk_chain(ledger, name, actor=actor))
            far(number)
    return walked


@click.command("looks")
@click.option(
    "--case", "case_id", metavar="CASE", type=CASE, help="At the patient of this case, in any case of theirs."
)
@click.option("--account", metavar="ACCOUNT", help="Of this person, as facts name them.")
@click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True, help="How far back.")
@view_options
def looks_command(
    var: Path, case_id: "CaseId | None", account: str | None, days: int, *, actor: "Actor", as_json: bool
) -> None:
    """Who was shown who a patient is, or what is written, newest first; and why they said that they would look.

    Where one page showed several patients it is one look. With a case it says who looked at its patient, in any case of
    theirs; with an account whom that person looked at. Sign-ins are among them; `local` is the emergency account's.

    \b
    Example:
      transfer trail looks --case c0123456789a
      transfer trail looks --account s4k2m9x7q1w3e5r8t --days 365
    """
    from transfer.flow import desk
    from transfer.flow.services import LedgerAlone

    with ledger_at(var) as ledger:
        found = desk.list_looks(LedgerAlone(ledger), actor=actor, days=days, case=case_id, person=account)
    if as_json:
        print_json(found)
    else:
        print_looks(found)


def print_looks(found: "Sequence[LookView]") -> None:
    """Looks, one a line."""
    if found:
        print_table(("when", "who", "what", "cases", "where or why"), [_look(one) for one in found])
    else:
        click.echo("Nobody looked.")


def _look(one: "LookView") -> tuple[object, ...]:
    who = by(one.person, is_claimed=one.is_claimed)
    named = f"{one.name} {who}" if one.name else who
    what = f"{one.kind} {one.about}" if one.about and one.about not in one.cases else one.kind
    return (
        f"{one.at:%Y-%m-%d %H:%M:%S}Z",
        named,
        what,
        " ".join(one.cases),
        one.place or one.reason or ("local" if one.is_local else ""),
    )


@click.command("show")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take the lines along into this file, for `transfer trail check` on any machine.",
)
@view_options
def show_command(var: Path, case_id: "CaseId", *, file: Path | None, actor: "Actor", as_json: bool) -> None:
    """All that was written about a case and its patient's release forms, oldest first, each fact in a sentence.

    Each says when, by whom or by which run, its line, and the beginning of its hash.

    It ends with 1 where a line is not what was written.

    \b
    Example:
      transfer trail show c0123456789a
    """
    from transfer.flow import desk

    with at(var) as services:
        if file:
            made = desk.chain_file(services, case_id, actor=actor)
            file.write_bytes(made.content)
            click.echo(f"{made.sha256}  {plain(file)}")
            return
        found = desk.trace_case(services, case_id, actor=actor)
    if as_json:
        print_json(found)
    else:
        _print_facts(found.lines)
        for chain in found.chains:
            state = chain.broken or f"{chain.lines} lines, whole; {chain.unanchored} in no packet yet"
            click.echo(plain(f"{chain.chain.partition(':')[0]}: {state}"))
    if not found.is_whole:
        raise click.exceptions.Exit(NEGATIVE)


@click.command("run")
@click.argument("run")
@view_options
def run_command(var: Path, run: str, *, actor: "Actor", as_json: bool) -> None:
    """All that one RUN of Airflow wrote, in whatever chain, each fact in a sentence.

    \b
    Example:
      transfer trail run c0123456789a.1
    """
    from transfer.flow import desk

    with at(var) as services:
        found = desk.trace_run(services, run, actor=actor)
    if as_json:
        print_json(found)
    elif found:
        _print_facts(found)
    else:
        click.echo("This run wrote nothing.")


def _print_facts(lines: "Sequence[TracedFact]") -> None:
    rows = [
        (
            f"{one.at:%Y-%m-%d %H:%M:%S}Z",
            one.says,
            by(one.by, is_claimed=one.is_claimed) or f"{one.dag} {one.run}" if one.by or one.run else one.process,
            f"{one.chain.partition(':')[0]} {one.number}",
            one.hash[:12],
        )
        for one in lines
    ]
    print_table(("when", "what happened", "by", "line", "hash"), rows)


@click.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def check_command(file: Path, *, as_json: bool) -> None:
    """Check lines that `transfer trail show --file` or the audit's page wrote: is each what was written, none missing,
    added or moved? Nothing of an installation is needed. It ends with 1 and names the line if something is broken.

    \b
    Example:
      transfer trail check chain.jsonl
    """
    from transfer.verify.lines import broken_in

    with file.open("rb") as lines:
        found = broken_in(lines)
    if as_json:
        print_json(found)
    else:
        for line in found.broken:
            click.echo(plain(f"BROKEN  {line}"))
        state = "Altered" if found.broken else "Whole"
        click.echo(f"{state}: {found.chains} chains, {found.lines} lines.")
    if found.broken:
        raise click.exceptions.Exit(NEGATIVE)
