"""Evidence that logs are examined: samples, reviews of a period, and when the chains were walked last
(45 CFR 164.308(a)(1)(ii)(D), 164.312(b) and (c)).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.facts import LedgerLine
from transfer.flow.desk.decisions_made import decisions
from transfer.flow.desk.disclosures import ChosenDisclosures, DisclosureView, disclosed
from transfer.flow.desk.looking import looks_between
from transfer.flow.desk.verbs import SENT_TWICE, at_desk
from transfer.flow.services import Services, WithLedger
from transfer.ledger import Tx, looks, sessions, written
from transfer.ledger.trail import Walked
from transfer.periods import MAX_LENGTH, Period
from transfer.reports import ReportKind, ReviewFinding
from transfer.rights import Actor, Right
from transfer.sampling import draw


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewView:
    """Somebody looked a list of some days through. `at` is UTC; `entries`: how many stood in it then."""

    at: datetime
    by: str | None
    name: str | None
    is_claimed: bool
    report: str
    first: date
    last: date
    finding: str
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedView:
    """Somebody walked all chains. `at` is UTC."""

    at: datetime
    by: str | None
    name: str | None
    chains: int
    lines: int
    unanchored: int
    broken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenView:
    """Somebody took a list along as a file. `at` is UTC."""

    at: datetime
    by: str | None
    name: str | None
    report: str
    form: str
    first: date
    last: date
    rows: int
    sha256: str
    case: str | None
    seed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Newest first: reviews, walks of all chains, and files that were taken along."""

    reviews: tuple[ReviewView, ...]
    walks: tuple[VerifiedView, ...]
    taken: tuple[TakenView, ...]
    #: anchors of chains in packets, until now
    anchors: int
    last_anchor: datetime | None


def sampled(tx: Tx, services: Services, period: Period, size: int, seed: str) -> tuple[DisclosureView, ...]:
    """So many disclosures of a period, drawn by the seed: from each basis its share, and apart from each other those
    that a person approved.
    """
    found = {f"{one.case}/{one.about}": one for one in disclosed(tx, services, period, ChosenDisclosures())}
    strata = {
        key: f"{' '.join(one.bases)} {'approved' if one.approved_by else 'complete'}" for key, one in found.items()
    }
    return tuple(found[key] for key in draw(strata, size, seed))


def draw_sample(
    services: Services, period: Period, *, actor: Actor, size: int, seed: str
) -> tuple[DisclosureView, ...]:
    """A random sample of a period's disclosures. The same seed draws the same, as long as the period's facts are."""
    with at_desk(services, actor, Right.AUDIT) as tx:
        return sampled(tx, services, period, size, seed)


def review_period(
    services: Services, period: Period, report: ReportKind, finding: ReviewFinding, *, actor: Actor
) -> ActionResult:
    """Say that one has looked a list of a period through. The same within a minute was sent twice, and is kept once."""
    with at_desk(services, actor, Right.AUDIT) as tx:
        fact = facts.PeriodReviewed(
            report=report,
            first=period.first.isoformat(),
            last=period.last.isoformat(),
            finding=finding,
            entries=_entries(tx, services, period, report),
        )
        now = tx.now()
        lately = written.between(tx, (facts.PeriodReviewed,), now - SENT_TWICE, now)
        if any(line.by.person == actor.person and line.fact == fact for line in lately):
            return ActionResult(ActionCode.REVIEWED_BEFORE, report=report)
        looks.write(tx, fact)
        return ActionResult(ActionCode.REVIEWED, report=report, entries=fact.entries)


def _entries(tx: Tx, services: Services, period: Period, report: ReportKind) -> int:
    match report:
        case ReportKind.DISCLOSURES:
            return len(disclosed(tx, services, period, ChosenDisclosures()))
        case ReportKind.DECISIONS:
            return len(decisions(tx, services, period))
        case _:
            return len(looks_between(tx, *period.bounds(services.zone)))


def note_walk(services: WithLedger, walked: Sequence[Walked], *, actor: Actor) -> None:
    """Write down that all chains were walked, and what was found."""
    with at_desk(services, actor, Right.AUDIT) as tx:
        fact = facts.ChainsVerified(
            chains=len(walked),
            lines=sum(one.lines for one in walked),
            unanchored=sum(one.unanchored for one in walked),
            broken=sum(one.broken is not None for one in walked),
        )
        looks.write(tx, fact)


def evidence(services: Services, *, actor: Actor) -> Evidence:
    """What shows that logs are examined and whole, of six years."""
    with at_desk(services, actor, Right.AUDIT) as tx:
        now = tx.now()
        kinds = (facts.PeriodReviewed, facts.ChainsVerified, facts.ReportMade)
        lines = written.between(tx, kinds, now - MAX_LENGTH, now)[::-1]
        anchors, last_anchor = written.counted(tx, (facts.Anchored,), now - MAX_LENGTH, now)
        names = sessions.names(tx, {line.by.person for line in lines if line.by.person})
        return Evidence(
            reviews=tuple(_review(line, names.get(line.by.person or "")) for line in _of(lines, facts.PeriodReviewed)),
            walks=tuple(_walk(line, names.get(line.by.person or "")) for line in _of(lines, facts.ChainsVerified)),
            taken=tuple(_taken(line, names.get(line.by.person or "")) for line in _of(lines, facts.ReportMade)),
            anchors=anchors,
            last_anchor=last_anchor,
        )


def _of(lines: Sequence[LedgerLine], kind: type[facts.Fact]) -> list[LedgerLine]:
    return [line for line in lines if isinstance(line.fact, kind)]


def _review(line: LedgerLine, name: str | None) -> ReviewView:
    fact = line.fact
    assert isinstance(fact, facts.PeriodReviewed)  # by its kind
    return ReviewView(
        at=line.at,
        by=line.by.person,
        name=name,
        is_claimed=line.by.is_claimed,
        report=fact.report,
        first=date.fromisoformat(fact.first),
        last=date.fromisoformat(fact.last),
        finding=fact.finding,
        entries=fact.entries,
    )


def _walk(line: LedgerLine, name: str | None) -> VerifiedView:
    fact = line.fact
    assert isinstance(fact, facts.ChainsVerified)  # by its kind
    return VerifiedView(
        at=line.at,
        by=line.by.person,
        name=name,
        chains=fact.chains,
        lines=fact.lines,
        unanchored=fact.unanchored,
        broken=fact.broken,
    )


def _taken(line: LedgerLine, name: str | None) -> TakenView:
    fact = line.fact
    assert isinstance(fact, facts.ReportMade)  # by its kind
    return TakenView(
        at=line.at,
        by=line.by.person,
        name=name,
        report=fact.report,
        form=fact.form,
        first=date.fromisoformat(fact.first),
        last=date.fromisoformat(fact.last),
        rows=fact.rows,
        sha256=fact.sha256,
        case=fact.case,
        seed=fact.seed,
    )
