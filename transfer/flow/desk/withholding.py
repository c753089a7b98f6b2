"""Pages of a record that do not go: a person withholds them, and a copy without them takes the record's place."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.adapters.packet.pdf_copy import copy_without
from transfer.case import OpenedCase
from transfer.derived_copies import Derivation, DerivedCopy, pages_without
from transfer.errors import Unreadable
from transfer.facts import Chain
from transfer.flow.assess import settle_needs
from transfer.flow.basis import may_collect
from transfer.flow.collecting import taken_back
from transfer.flow.desk.verbs import at_desk, not_allowed, opened_case, still_open
from transfer.flow.identity import DecideAgain, hold_patient_of
from transfer.flow.opening_records import note_opened, open_parts
from transfer.flow.services import Services
from transfer.flow.superseding import ask_about_void
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import CaseId, NoteId, RecordId
from transfer.ledger import Tx, holds, notes, opened_records, records, rounds, vault_objects
from transfer.ledger.records import NewRecord, RecordPart, StoredRecord
from transfer.matching import MatchRule
from transfer.media_types import PDF, named
from transfer.page_ranges import in_ranges
from transfer.records import Relation
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right
from transfer.rounds import Dag


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """The record as it stands in the case, and the PDF that its pages are counted in."""

    standing: StoredRecord
    original: StoredRecord
    part: RecordPart


def withhold_pages(
    services: Services, case: CaseId, record: RecordId, pages: Collection[int], *, reason: str, actor: Actor
) -> ActionResult:
    """Let these pages of a record's PDF, counted from 1, go to nobody: in every case of the patient a copy without them
    takes its place. `reason` is kept sealed. The original stays as it came; no packet takes it.

    Of a record that is such a copy already, the pages are those of its original, and take the place of those withheld
    before; none of them: nothing is withheld any more. The same again does nothing.

    Raises:
        Unknown: no such case.
        NotAllowed: the case is closed, the record does not stand in it or is not one PDF, no reason is given, it does
            not have these pages, or none would be left.
        ChangedMeanwhile: another person did the same meanwhile, or its patient became another one.
    """
    withheld = frozenset(pages)
    if not reason.strip():
        raise not_allowed(Reason(RefusalCode.WITHHOLDING_NEEDS_WORDS), Remedy(RemedyCode.WRITE_SOMETHING))
    with at_desk(services, actor, Right.RELEASE) as tx:
        chosen = _chosen(tx, case, record)
    original = chosen.original
    try:
        copy = copy_without(b"".join(services.vault.read(chosen.part.location)), sorted(withheld))
        derived = DerivedCopy(
            derivation=Derivation.WITHHELD,
            original=original.id,
            pages=pages_without(withheld, copy.of),
            of=copy.of,
        )
    except (Unreadable, ValueError):
        raise not_allowed(
            Reason(RefusalCode.PAGES_NOT_IN_IT, record=record), Remedy(RemedyCode.NAME_OTHER_PAGES)
        ) from None
    if (was := chosen.standing.about.derived) and was.pages == derived.pages:
        return ActionResult(ActionCode.PAGES_WITHHELD_BEFORE, record=chosen.standing.id, pages=_said(derived))
    with vault_objects.writing_for(original.patient):
        place = services.vault.keep([copy.pdf])
        part = RecordPart(role="derived", content_type=PDF, location=place)
        found = open_parts(services, original.patient, original.institution, [part])
    new = NewRecord(
        patient=original.patient,
        institution=original.institution,
        kind=original.kind,
        status=original.status,
        origin=f"derived/{original.id}/{place.key}",
        about=replace(original.about, derived=derived, titles=()),
        parts=(part,),
        arrival=original.arrival,
    )
    with taken_back(services, place.key), at_desk(services, actor, Right.RELEASE) as tx:
        if hold_patient_of(tx, case) != original.patient:
            raise DecideAgain
        for one in opened_records.cases_of(tx, chosen.standing.id):
            tx.lock_case(one)
        if _chosen(tx, case, record) != chosen:
            raise DecideAgain
        kept = records.keep(tx, new)
        written = notes.write(tx, original.patient, reason.strip())
        for one in opened_records.cases_of(tx, chosen.standing.id):
            if _takes_the_place(tx, services, one, kept, chosen.standing):
                note_opened(tx, OpenedCase.of(tx.case(one)), kept, found)
            tx.append(Chain.case(one), _fact(kept, derived, written))
            _follow_up(tx, services, one)
    return ActionResult(ActionCode.PAGES_WITHHELD, record=kept.id, pages=_said(derived))


def _said(derived: DerivedCopy) -> str:
    return in_ranges(derived.lacking) or "none"


def _chosen(tx: Tx, case: CaseId, record: RecordId) -> _Chosen:
    found, _, _ = opened_case(tx, case)
    still_open(found)
    while (told := found.superseded_by.get(record)) and (by := records.get(tx, told.by_record or "")):
        if by.about.derived is None:
            break
        record = by.id  # a person who got no answer names the original again
    standing = records.get(tx, record)
    if record not in found.records or record in found.superseded or standing is None:
        raise not_allowed(Reason(RefusalCode.RECORD_STANDS_NOT, record=record), Remedy(RemedyCode.SHOW_CASE, case=case))
    derived = standing.about.derived
    original = records.get(tx, derived.original) if derived else standing
    parts = [] if original is None else [one for one in records.parts(tx, original) if named(one.content_type) == PDF]
    if original is None or len(parts) != 1:
        raise not_allowed(Reason(RefusalCode.NOT_ONE_PDF, record=record), Remedy(RemedyCode.SHOW_CASE, case=case))
    return _Chosen(standing=standing, original=original, part=parts[0])


def _takes_the_place(tx: Tx, services: Services, case: CaseId, kept: StoredRecord, standing: StoredRecord) -> bool:
    """Of what stands in a case. Where no permission covers it there any more, what stood there no longer counts."""
    opened, told = OpenedCase.of(tx.case(case)), tx.case(case).records[standing.id]
    ruling = may_collect(
        tx, services.institutions, opened, kept.institution, kept.kind, kept.about.labels, dated=kept.about.day
    )
    if ruling.is_permitted:
        records.collect(tx, case, kept, told.line, ruling, MatchRule(told.match_rule))
    records.supersede(tx, case, standing.id, kept.id if ruling.is_permitted else None, Relation.REPLACES)
    holds.withdraw(tx, case, HoldCode.DOCUMENT_UNREADABLE, SystemAnswer.ANSWERED, about=standing.id)
    return ruling.is_permitted


def _fact(kept: StoredRecord, derived: DerivedCopy, written: NoteId) -> facts.PagesWithheld:
    return facts.PagesWithheld(
        record=kept.id, original=derived.original, pages=in_ranges(derived.lacking), of=derived.of, note=written
    )


def _follow_up(tx: Tx, services: Services, case: CaseId) -> None:
    """A packet may hold what no longer counts: people are asked what the receiver gets instead."""
    if tx.case(case).is_open:
        rounds.owe(tx, Dag.OPEN_CASE, case)
        settle_needs(tx, services, case)
    else:
        ask_about_void(tx, case)
