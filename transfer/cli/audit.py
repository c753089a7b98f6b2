"""`transfer audit`: what left, who decided and who looked, by period; each list to read, or to take along as a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from transfer.cli.common import CASE, INSTITUTION, at, by, desk_options, print_json, print_table, tell, view_options
from transfer.cli.group import LazyGroup, ListedCommand
from transfer.cli.periods import kept_at, period_of, period_options
from transfer.reports import REVIEWED, ReviewFinding

if TYPE_CHECKING:
    from transfer.flow.desk import DecisionView, DisclosureView, Evidence
    from transfer.identifiers import CaseId, InstitutionId
    from transfer.rights import Actor

audit = LazyGroup(
    name="audit",
    help="What left, who decided and who looked, by period.",
    listed={
        "disclosures": ListedCommand("transfer.cli.audit:disclosures_command", "What left, to whom, on which basis."),
        "sample": ListedCommand("transfer.cli.audit:sample_command", "Some of it, drawn by a seed."),
        "decisions": ListedCommand(
            "transfer.cli.audit:decisions_command", "What was asked and answered, and how soon."
        ),
        "views": ListedCommand("transfer.cli.audit:views_command", "Who looked at whom."),
        "misdirected": ListedCommand("transfer.cli.case_filing:list_command", "What went to the wrong place."),
        "review": ListedCommand("transfer.cli.audit:review_command", "Say that you have looked a list through."),
        "report": ListedCommand("transfer.cli.audit:report_command", "The figures of a period, and what is odd in it."),
        "accountings": ListedCommand("transfer.cli.accounting:accountings_command", "Who asked for an accounting."),
        "accounting": ListedCommand("transfer.cli.accounting:accounting", "Take one in, delay it, give it."),
        "evidence": ListedCommand("transfer.cli.audit:evidence_command", "Reviews, verifications, lists taken along."),
    },
)


@click.command("disclosures")
@click.option("--receiver", type=INSTITUTION, help="Only to this institution.")
@click.option("--basis", metavar="BASIS", help="Only on this basis: authorization, treatment and so on.")
@click.option("--case", "case_id", metavar="CASE", type=CASE, help="Only about the patient of this case.")
@click.option("--accounted", is_flag=True, help="Only those that an accounting lists (45 CFR 164.528).")
@period_options
@view_options
def disclosures_command(
    var: Path,
    *,
    receiver: "InstitutionId | None",
    basis: str | None,
    case_id: "CaseId | None",
    accounted: bool,
    actor: "Actor",
    as_json: bool,
    **options: Any,
) -> None:
    """What left, to whom, on which basis, approved by whom, and how it ended; newest first.

    A packet that was handed over is a disclosure, and so is each word to a center of how far a case is. Which of them
    an accounting lists is said with the clause that exempts the others. Files name no patient; the SHA-256 of each is
    printed, and kept in the trail.

    \b
    Example:
      transfer audit disclosures --from 2026-03-01 --to 2026-03-31 --xlsx march.xlsx
    """
    from transfer.flow import desk
    from transfer.institutions import Basis

    if basis not in (None, *Basis):
        raise click.UsageError(f"a basis is one of: {', '.join(Basis)}")
    chosen = desk.ChosenDisclosures(
        receiver=receiver,
        basis=Basis(basis) if basis else None,
        is_accountable=True if accounted else None,
        case=case_id,
    )
    with at(var) as services:
        period = period_of(services, options, actor)
        make = lambda form: desk.disclosures_file(services, period, form, actor=actor, chosen=chosen)  # noqa: E731
        if kept_at(options, make):
            return
        found = desk.list_disclosures(services, period, actor=actor, chosen=chosen)
    if as_json:
        print_json(found)
    elif not found:
        click.echo(f"Nothing was disclosed from {period}.")
    else:
        print_table(_DISCLOSURES, map(_disclosure, found))


_DISCLOSURES = ("begun", "case", "to", "what", "basis", "accounted for", "approved by", "bytes", "outcome", "receipt")


def _disclosure(one: "DisclosureView") -> tuple[object, ...]:
    return (
        f"{one.begun_at:%Y-%m-%d %H:%M:%S}Z",
        one.case,
        one.receiver,
        one.about,
        " ".join((*one.bases, *one.permissions)),
        f"exempt {' '.join(one.exempt)}" if one.exempt else "yes",
        by(one.approved_by, is_claimed=False),
        one.size,
        one.outcome,
        one.receipt,
    )


@click.command("sample")
@click.option("--size", type=click.IntRange(1, 500), default=10, show_default=True, help="How many.")
@click.option("--seed", metavar="SEED", help="Of an earlier sample, to draw it again. A new one if not given.")
@period_options
@view_options
def sample_command(var: Path, *, size: int, seed: str | None, actor: "Actor", as_json: bool, **options: Any) -> None:
    """A random sample of what was disclosed: from each basis its share, and those that a person approved apart.

    Those come first whose SHA-256 of SEED:CASE/PACKET is smallest. The same seed draws the same again.

    \b
    Example:
      transfer audit sample --from 2026-03-01 --to 2026-03-31 --size 10 --xlsx sample.xlsx
    """
    import secrets

    from transfer.flow import desk

    drawn_by = seed or secrets.token_hex(8)
    with at(var) as services:
        period = period_of(services, options, actor)
        make = lambda form: desk.sample_file(services, period, form, actor=actor, size=size, seed=drawn_by)  # noqa: E731
        if kept_at(options, make):
            return
        found = desk.draw_sample(services, period, actor=actor, size=size, seed=drawn_by)
    if as_json:
        print_json({"seed": drawn_by, "sample": found})
    else:
        click.echo(f"{len(found)} drawn by the seed {drawn_by}")
        print_table(_DISCLOSURES, map(_disclosure, found))


@click.command("decisions")
@period_options
@view_options
def decisions_command(var: Path, *, actor: "Actor", as_json: bool, **options: Any) -> None:
    """What people were asked and answered, by whom, how soon, and where two had to say the same; newest first.

    \b
    Example:
      transfer audit decisions --from 2026-03-01 --to 2026-03-31
    """
    from transfer.flow import desk

    with at(var) as services:
        period = period_of(services, options, actor)
        if kept_at(options, lambda form: desk.decisions_file(services, period, form, actor=actor)):
            return
        found = desk.list_decisions(services, period, actor=actor)
    if as_json:
        print_json(found)
    elif not found:
        click.echo(f"Nobody was asked anything from {period}.")
    else:
        print_table(("asked", "question", "about", "answer", "by", "took"), map(_decision, found))


def _decision(one: "DecisionView") -> tuple[object, ...]:
    pair = ", ".join(f"{said.person}: {said.answer}" for said in one.opinions)
    took = f"{int(one.took.total_seconds() // 60)} min{' late' if one.is_late else ''}" if one.took else ""
    answered = pair or by(one.by, is_claimed=one.is_claimed)
    return f"{one.opened_at:%Y-%m-%d %H:%M:%S}Z", one.code, one.subject, one.answer or "open", answered, took


@click.command("views")
@click.option(
    "--case", "case_id", metavar="CASE", type=CASE, help="At the patient of this case, in any case of theirs."
)
@click.option("--account", metavar="ACCOUNT", help="By this person, as facts name them.")
@period_options
@view_options
def views_command(
    var: Path, *, case_id: "CaseId | None", account: str | None, actor: "Actor", as_json: bool, **options: Any
) -> None:
    """Who looked at whom in a period, and why they said that they would; newest first.

    \b
    Example:
      transfer audit views --case c0123456789a --from 2026-01-01 --csv looks.csv
    """
    from transfer.cli.trail import print_looks
    from transfer.flow import desk

    with at(var) as services:
        period = period_of(services, options, actor)
        make = lambda form: desk.views_file(services, period, form, actor=actor, case=case_id, person=account)  # noqa: E731
        if kept_at(options, make):
            return
        found = desk.list_views(services, period, actor=actor, case=case_id, person=account)
    if as_json:
        print_json(found)
    else:
        print_looks(found)


@click.command("review")
@click.argument("report", type=click.Choice([str(one) for one in REVIEWED]))
@click.option(
    "--finding", type=click.Choice([str(one) for one in ReviewFinding]), required=True, help="What came of it."
)
@period_options
@desk_options
def review_command(var: Path, *, report: str, finding: str, actor: "Actor", as_json: bool, **options: Any) -> None:
    """Say that you have looked a list of a period through: a fact, with how many lines it had.

    \b
    Example:
      transfer audit review views --from 2026-03-01 --to 2026-03-31 --finding nothing-found
    """
    from transfer.flow import desk
    from transfer.reports import ReportKind

    with at(var) as services:
        period = period_of(services, options, actor)
        did = desk.review_period(services, period, ReportKind(report), ReviewFinding(finding), actor=actor)
        tell(did, as_json=as_json)


@click.command("report")
@period_options
@view_options
def report_command(var: Path, *, actor: "Actor", as_json: bool, **options: Any) -> None:
    """The figures of a period and what in it is out of the ordinary, each with where it is read from.

    \b
    Example:
      transfer audit report --from 2026-03-01 --to 2026-03-31 --xlsx march.xlsx
    """
    from transfer.flow import desk

    with at(var) as services:
        period = period_of(services, options, actor)
        if kept_at(options, lambda form: desk.figures_file(services, period, form, actor=actor)):
            return
        found = desk.count_figures(services, period, actor=actor)
    if as_json:
        print_json(found)
        return
    click.secho(f"{period}", bold=True)
    print_table(("figure", "number", "read from"), [(one.says, one.count, one.read_from) for one in found.figures])
    click.secho("\nOut of the ordinary", bold=True)
    print_table(("what", "about"), [(one.says, one.about) for one in found.exceptions])


@click.command("evidence")
@view_options
def evidence_command(var: Path, *, actor: "Actor", as_json: bool) -> None:
    """Who reviewed which period, when all chains were verified and what was found, and which lists were taken along.

    \b
    Example:
      transfer audit evidence
    """
    from transfer.flow import desk

    with at(var) as services:
        found = desk.evidence(services, actor=actor)
    if as_json:
        print_json(found)
    else:
        _print_evidence(found)


def _print_evidence(found: "Evidence") -> None:
    last = f", last on {found.last_anchor:%Y-%m-%d %H:%M:%S}Z" if found.last_anchor else ""
    click.echo(f"{found.anchors} anchors in packets{last}")
    click.secho("\nVerified", bold=True)
    walks = [(f"{one.at:%Y-%m-%d %H:%M:%S}Z", one.by, one.chains, one.lines, one.broken) for one in found.walks]
    print_table(("when", "by", "chains", "lines", "altered"), walks, indent=2)
    click.secho("\nReviewed", bold=True)
    reviews = [
        (f"{one.at:%Y-%m-%d %H:%M:%S}Z", by(one.by, is_claimed=one.is_claimed), one.report, one.first, one.last,
         one.entries, one.finding)
        for one in found.reviews
    ]  # fmt: skip
    print_table(("when", "by", "list", "from", "to", "lines", "finding"), reviews, indent=2)
    click.secho("\nTaken along", bold=True)
    taken = [
        (f"{one.at:%Y-%m-%d %H:%M:%S}Z", one.by, one.report, one.first, one.last, one.rows, one.sha256)
        for one in found.taken
    ]
    print_table(("when", "by", "list", "from", "to", "lines", "SHA-256"), taken, indent=2)
