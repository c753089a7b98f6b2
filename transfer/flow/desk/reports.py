"""Lists as files. Each is made from the facts; that it was taken along is a fact with its SHA-256. No file names a
patient.
"""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from transfer import facts
from transfer.adapters import sheets
from transfer.flow.desk.decisions_made import DecisionView, decisions
from transfer.flow.desk.disclosures import ChosenDisclosures, DisclosureView, disclosed
from transfer.flow.desk.looking import LookView, looks_between
from transfer.flow.desk.reviewing import sampled
from transfer.flow.desk.verbs import at_desk
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import Tx, looks
from transfer.periods import Period
from transfer.reports import ReportFile, ReportKind
from transfer.rights import Actor, Right
from transfer.sheets import Sheet, SheetCell, SheetFormat


def disclosures_file(
    services: Services,
    period: Period,
    form: SheetFormat,
    *,
    actor: Actor,
    chosen: ChosenDisclosures | None = None,
) -> ReportFile:
    """The disclosures of a period as a file, for whoever accounts for them.

    Raises:
        Unknown: there is no such case.
    """
    with at_desk(services, actor, Right.AUDIT) as tx:
        found = disclosed(tx, services, period, chosen or ChosenDisclosures())
        return kept(tx, disclosures_sheet(found, period, services.zone, tx.now()), ReportKind.DISCLOSURES, period, form)


def decisions_file(services: Services, period: Period, form: SheetFormat, *, actor: Actor) -> ReportFile:
    """What was asked and answered in a period, as a file."""
    with at_desk(services, actor, Right.AUDIT) as tx:
        rows = tuple(_decision(one) for one in decisions(tx, services, period))
        sheet = Sheet(title="Decisions", about=about(period, services.zone, tx.now()), headings=_DECISIONS, rows=rows)
        return kept(tx, sheet, ReportKind.DECISIONS, period, form)


def views_file(
    services: Services,
    period: Period,
    form: SheetFormat,
    *,
    actor: Actor,
    case: CaseId | None = None,
    person: str | None = None,
) -> ReportFile:
    """Who looked at whom in a period, as a file: at the patient of a case, or by one person.

    Raises:
        Unknown: there is no such case.
    """
    with at_desk(services, actor, Right.AUDIT) as tx:
        found = looks_between(tx, *period.bounds(services.zone), case=case, person=person)
        sheet = Sheet(
            title="Views",
            about=about(period, services.zone, tx.now()),
            headings=_VIEWS,
            rows=tuple(_look(one) for one in found),
        )
        return kept(tx, sheet, ReportKind.VIEWS, period, form, case=case)


def sample_file(
    services: Services, period: Period, form: SheetFormat, *, actor: Actor, size: int, seed: str
) -> ReportFile:
    """A random sample of a period's disclosures as a file. Its seed is written down with it."""
    with at_desk(services, actor, Right.AUDIT) as tx:
        found = sampled(tx, services, period, size, seed)
        sheet = disclosures_sheet(found, period, services.zone, tx.now())
        drawn = ("Drawn", f"{len(found)} by the seed {seed}, from each basis its share")
        return kept(tx, replace(sheet, about=(*sheet.about, drawn)), ReportKind.SAMPLE, period, form, seed=seed)


def kept(
    tx: Tx,
    sheet: Sheet,
    kind: ReportKind,
    period: Period,
    form: SheetFormat,
    *,
    case: str | None = None,
    seed: str | None = None,
) -> ReportFile:
    """The sheet as a file, and the fact that it was taken along."""
    content = sheets.written(sheet, form)
    return kept_bytes(tx, content, kind, period, form, rows=len(sheet.rows), case=case, seed=seed)


def kept_bytes(
    tx: Tx,
    content: bytes,
    kind: ReportKind,
    period: Period,
    form: str,
    *,
    rows: int,
    case: str | None = None,
    seed: str | None = None,
) -> ReportFile:
    """These bytes as a file, and the fact that it was taken along."""
    digest = hashlib.sha256(content).hexdigest()
    fact = facts.ReportMade(
        report=kind,
        form=form,
        first=period.first.isoformat(),
        last=period.last.isoformat(),
        rows=rows,
        sha256=digest,
        case=case,
        seed=seed,
    )
    looks.write(tx, fact)
    name = f"{kind}-{period.first}-{period.last}-{digest[:12]}.{form}"
    return ReportFile(name=name, content=content, sha256=digest)


def about(period: Period, zone: ZoneInfo, now: datetime) -> tuple[tuple[str, str], ...]:
    """What is said of every list."""
    return (
        ("Period", f"{period}, days in {zone}"),
        ("Made", f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"),
        ("Read from", "facts of the ledger; nothing else is recorded in this system for this period"),
    )


_DISCLOSURES = (
    *("No", "Begun (UTC)", "Begun (here)", "Ended (UTC)", "Receiver", "Receiver id", "What", "Kinds", "Without"),
    *("Bytes", "Streams", "Purpose", "Basis", "Authorizations", "Accounted for (164.528)", "Exempt by", "Approved by"),
    *("Outcome", "Receipt", "Recalled", "Case", "Tag manifest (SHA-256)", "Run", "Fact", "Hash of the fact"),
)


def disclosures_sheet(found: tuple[DisclosureView, ...], period: Period, zone: ZoneInfo, now: datetime) -> Sheet:
    return Sheet(
        title="Disclosures",
        about=about(period, zone, now),
        headings=_DISCLOSURES,
        rows=tuple(_row(number, one, zone) for number, one in enumerate(found, start=1)),
    )


def _row(number: int, one: DisclosureView, zone: ZoneInfo) -> tuple[SheetCell, ...]:
    what = f"packet {one.about}" if one.is_packet else f"word of {one.about}"
    return (
        *(number, at(one.begun_at), f"{one.begun_at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}", at(one.ended_at)),
        *(one.receiver_name, one.receiver, what, ", ".join(f"{count} {kind}" for kind, count in one.kinds)),
        *(", ".join(one.lacking), one.size, one.streams, one.purpose, ", ".join(one.bases), ", ".join(one.permissions)),
        *("no" if one.exempt else "yes", ", ".join(one.exempt), one.approver or one.approved_by or ""),
        *(one.outcome, one.receipt or "", "yes" if one.is_recalled else "no", one.case),
        *(one.tag_manifest or "", one.run or "", f"case:{one.case} line {one.line}", one.hash),
    )


_DECISIONS = (
    *("Question", "About", "Asked (UTC)", "Due (UTC)", "Answered (UTC)", "Minutes", "Late", "Answer", "Answered by"),
    *("First of two", "Second of two", "Asks"),
)


def _decision(one: DecisionView) -> tuple[SheetCell, ...]:
    pair = [f"{said.name or said.person}: {said.answer}, {at(said.at)}" for said in one.opinions]
    return (
        *(one.code, one.subject, at(one.opened_at), at(one.due_at), at(one.resolved_at)),
        *(int(one.took.total_seconds() // 60) if one.took else "", "yes" if one.is_late else "no"),
        *(one.answer or "", one.name or one.by or ""),
        *(pair[0] if pair else "", pair[1] if len(pair) > 1 else "", one.says),
    )


_VIEWS = ("When (UTC)", "Account", "Name", "Claimed", "What", "Cases", "About", "Where", "Why")


def _look(one: LookView) -> tuple[SheetCell, ...]:
    return (
        *(at(one.at), one.person or "", one.name or "", "yes" if one.is_claimed else "no", one.kind),
        *(" ".join(one.cases), one.about or "", one.place or "", one.reason or ""),
    )


def at(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if moment else ""
