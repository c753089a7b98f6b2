"""The figures of a period, and what in it is out of the ordinary: each counted from facts, so that anybody counts the
same again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from transfer import facts
from transfer.disclosures import DisclosureOutcome
from transfer.facts import Fact, LedgerLine
from transfer.flow.desk.accountings import register
from transfer.flow.desk.decisions_made import DecisionView, decisions
from transfer.flow.desk.disclosures import ChosenDisclosures, DisclosureView, disclosed
from transfer.flow.desk.reports import about, kept
from transfer.flow.desk.verbs import at_desk
from transfer.flow.services import Services
from transfer.ledger import Tx, written
from transfer.periods import Period
from transfer.reports import REVIEWED, ReportFile, ReportKind
from transfer.rights import Actor, Right
from transfer.sheets import Sheet, SheetCell, SheetFormat

#: facts that are counted as they are: what the figure is called, and which
_COUNTED: Final[tuple[tuple[str, type[Fact]], ...]] = (
    ("Authorizations filed", facts.PermissionFiled),
    ("Authorizations entered from paper", facts.PaperFormEntered),
    ("Authorizations disputed", facts.DisputeEntered),
    ("Emergencies declared", facts.EmergencyDeclared),
    ("Legal holds placed", facts.LegalHoldPlaced),
    ("Patients' records destroyed", facts.RecordsPurged),
    ("Misdirections recorded", facts.MisdirectionRecorded),
    ("Sign-ins of staff", facts.SessionBegun),
    ("Sign-ins of people of outside", facts.OutsideSessionBegun),
    ("Reasons stated for a look", facts.ReasonStated),
    ("Lists taken along", facts.ReportMade),
    ("Verifications of the audit log", facts.ChainsVerified),
    ("Anchors in packets", facts.Anchored),
)
#: and those that are looked at more closely
_LOOKED_AT: Final[tuple[type[Fact], ...]] = (facts.PermissionEnded, facts.StopCompleted, facts.PeriodReviewed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`says` is counted; `read_from` tells which list or facts give the same number."""

    says: str
    count: int
    read_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Irregularity:
    """Something to be looked at: what it is, and the identifier by which it is found."""

    says: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All of a period."""

    figures: tuple[Figure, ...]
    exceptions: tuple[Irregularity, ...]


def count_figures(services: Services, period: Period, *, actor: Actor) -> Figures:
    """The figures of a period of days here. Nobody is named."""
    with at_desk(services, actor, Right.AUDIT) as tx:
        return _Counting(tx, services, period).all()


def figures_file(services: Services, period: Period, form: SheetFormat, *, actor: Actor) -> ReportFile:
    """The same as a file, with its SHA-256 written down."""
    with at_desk(services, actor, Right.AUDIT) as tx:
        found = _Counting(tx, services, period).all()
        rows: tuple[tuple[SheetCell, ...], ...] = (
            *(("figure", one.says, one.count, one.read_from) for one in found.figures),
            *(("exception", one.says, "", one.about) for one in found.exceptions),
        )
        sheet = Sheet(
            title="Report of a period",
            about=about(period, services.zone, tx.now()),
            headings=("Part", "What", "Number", "Read from, or about"),
            rows=rows,
        )
        return kept(tx, sheet, ReportKind.FIGURES, period, form)


class _Counting:
    def __init__(self, tx: Tx, services: Services, period: Period) -> None:
        begin, end = period.bounds(services.zone)
        self._tx = tx
        self._period = period
        self._begin = begin
        self._today = tx.now().astimezone(services.zone).date()
        kinds = (*(kind for _, kind in _COUNTED), *_LOOKED_AT)
        self._lines = written.between(tx, kinds, begin, end)
        self._disclosed = disclosed(tx, services, period, ChosenDisclosures())
        self._decided = decisions(tx, services, period)
        self._asked = [
            one for one in register(tx, today=self._today) if period.first <= one.request.asked_on <= period.last
        ]

    def all(self) -> Figures:
        figures = (
            *_of_disclosures(self._disclosed),
            *self._of_facts(),
            *_of_decisions(self._decided),
            *self._of_asked(),
        )
        return Figures(figures=figures, exceptions=tuple(self._exceptions()))

    def _of_facts(self) -> Iterator[Figure]:
        count = Counter(type(line.fact) for line in self._lines)
        for says, kind in _COUNTED:
            yield Figure(says=says, count=count[kind], read_from=f"facts {kind.kind}")
        ends = Counter(line.fact.end for line in self._lines if isinstance(line.fact, facts.PermissionEnded))
        for end, number in sorted(ends.items()):
            yield Figure(says=f"Authorizations ended: {end}", count=number, read_from="facts permission-ended")
        took = sorted(line.fact.milliseconds for line in self._lines if isinstance(line.fact, facts.StopCompleted))
        yield Figure(says="Stops completed", count=len(took), read_from="facts stop-completed")
        if took:
            for says, number in (("half", _share(took, 50)), ("19 of 20", _share(took, 95)), ("all", took[-1])):
                says = f"Milliseconds within which {says} were complete"
                yield Figure(says=says, count=number, read_from="facts stop-completed")
        anchors = [line.at for line in self._lines if isinstance(line.fact, facts.Anchored)]
        if len(anchors) > 1:
            gap = max(later - sooner for sooner, later in pairwise(anchors))
            hours = int(gap.total_seconds() // 3600)
            yield Figure(says="Hours of the longest gap between anchors", count=hours, read_from="facts anchored")

    def _of_asked(self) -> Iterator[Figure]:
        where = "the register of accountings"
        yield Figure(says="Accountings asked for", count=len(self._asked), read_from=where)
        given = [one for one in self._asked if one.request.given_on]
        yield Figure(says="Accountings given of these", count=len(given), read_from=where)

    def _exceptions(self) -> Iterator[Irregularity]:
        yield from _odd_disclosures(self._disclosed)
        for one in self._decided:
            if one.is_late or (one.resolved_at is None and one.due_at and one.due_at < self._tx.now()):
                yield Irregularity(says=f"Answered late, or not in time yet: {one.code}", about=one.hold)
        for asked in self._asked:
            if asked.is_late:
                yield Irregularity(says="An accounting was not given in time", about=asked.request.accounting)
        for line in self._lines:
            if isinstance(line.fact, facts.ChainsVerified) and line.fact.broken:
                where = f"{line.chain} {line.sequence}"
                yield Irregularity(says=f"{line.fact.broken} chains were altered", about=where)
            if isinstance(line.fact, facts.MisdirectionRecorded | facts.EmergencyDeclared):
                yield Irregularity(
                    says=line.fact.kind.replace("-", " ").capitalize(), about=f"{line.chain} {line.sequence}"
                )
        if not any(isinstance(line.fact, facts.ChainsVerified) for line in self._lines):
            yield Irregularity(says="Nobody verified the audit log", about="all chains")
        yield from self._unreviewed()

    def _unreviewed(self) -> Iterator[Irregularity]:
        """Lists of these days that nobody has looked through whole, until now."""
        reviews = written.between(self._tx, (facts.PeriodReviewed,), self._begin, self._tx.now())
        for report in REVIEWED:
            seen = {day for line in reviews for day in _days_of(line, report)}
            if not seen.issuperset(range(self._period.first.toordinal(), self._period.last.toordinal() + 1)):
                yield Irregularity(says=f"Not all of these days are reviewed: {report}", about=f"{self._period}")


def _days_of(line: LedgerLine, report: str) -> range:
    """The days of a review of this list, as ordinals."""
    fact = line.fact
    if not isinstance(fact, facts.PeriodReviewed) or fact.report != report:
        return range(0)
    return range(date.fromisoformat(fact.first).toordinal(), date.fromisoformat(fact.last).toordinal() + 1)


def _share(found: Sequence[int], percent: int) -> int:
    """So many of a hundred are no larger."""
    return found[min(len(found) - 1, -(-len(found) * percent // 100) - 1)]


def _of_disclosures(found: Sequence[DisclosureView]) -> Iterator[Figure]:
    where = "the list of disclosures"
    yield Figure(says="Disclosures in all", count=len(found), read_from=where)
    for outcome, number in sorted(Counter(one.outcome for one in found).items()):
        yield Figure(says=f"Disclosures: {outcome}", count=number, read_from=where)
    for basis, number in sorted(Counter(basis for one in found for basis in one.bases).items()):
        yield Figure(says=f"Disclosures on the basis of {basis}", count=number, read_from=f"{where}, on this basis")
    accounted = sum(not one.exempt for one in found)
    yield Figure(says="Disclosures accounted for", count=accounted, read_from=f"{where}, accounted for")
    relied = {form for one in found for form in one.permissions}
    yield Figure(says="Authorizations relied on", count=len(relied), read_from=where)
    yield Figure(
        says="Disclosures that a person approved", count=sum(bool(one.approved_by) for one in found), read_from=where
    )
    yield Figure(says="Packets recalled", count=sum(one.is_recalled for one in found), read_from=where)
    yield Figure(says="Bytes that left", count=sum(one.size for one in found), read_from=where)


def _of_decisions(found: Sequence[DecisionView]) -> Iterator[Figure]:
    where = "the list of decisions"
    yield Figure(says="Questions to people", count=len(found), read_from=where)
    yield Figure(says="Questions answered", count=sum(one.resolved_at is not None for one in found), read_from=where)
    yield Figure(says="Questions answered late", count=sum(one.is_late for one in found), read_from=where)


def _odd_disclosures(found: Sequence[DisclosureView]) -> Iterator[Irregularity]:
    for one in found:
        if one.outcome is DisclosureOutcome.UNKNOWN:
            yield Irregularity(says="Nobody knows whether it was received", about=f"{one.case} {one.about}")
        if not one.bases:
            yield Irregularity(says="A disclosure that names no basis", about=f"{one.case} {one.about}")
