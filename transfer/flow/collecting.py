"""A record joins a case: matched, permitted, put on its line of the checklist.

What was stored becomes *collected* only here, under a basis in force at that moment.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from transfer import copies
from transfer.case import OpenedCase
from transfer.completeness import is_lacking, line_suggested
from transfer.errors import ChangedMeanwhile, NeedsReview, Refused
from transfer.flaws import Flaw
from transfer.flow.assess import look
from transfer.flow.basis import may_collect
from transfer.flow.cross_check import check
from transfer.flow.heeding import ended_by_heeded
from transfer.flow.opening_records import OpenedParts, note_opened
from transfer.flow.services import Services
from transfer.flow.superseding import version
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import CaseId, InstitutionId, RecordId, RequestId
from transfer.ledger import Tx, holds, opened_records, records, requests, rounds
from transfer.ledger.records import RecordPart, StoredRecord
from transfer.matching import MatchRule
from transfer.media_types import named
from transfer.patients import Demographics
from transfer.permissions import Ruling
from transfer.records import RecordKind
from transfer.requests import SAID, Request, RequestState
from transfer.rounds import Dag


def files_of_one(
    parts: Sequence[RecordPart], titles: Sequence[str | None]
) -> tuple[tuple[RecordPart, ...], tuple[str | None, ...]]:
    """The files of one document with their titles, all of them kept. Several are its pages and addenda, or its formats.

    R4 has the attachments of a DocumentReference or DiagnosticReport be formats of one document; sources also put pages
    and addenda there. They are formats where each is of a type of its own, and no two are called differently. Then the
    best is the document, and stands first. What its source says beside them stands last.
    """
    beside = tuple(part for part in parts if part.role == "beside")
    parts = [part for part in parts if part.role != "beside"]
    titles = titles[: len(parts)]
    types, names = {named(part.content_type) for part in parts}, {title for title in titles if title}
    if len(parts) < 2 or len(types) < len(parts) or len(names) > 1:
        return (*parts, *beside), tuple(titles) if len(parts) > 1 else ()
    best, *others = sorted(parts, key=lambda part: copies.format_rank(part.content_type))
    return (best, *(replace(one, role="format") for one in others), *beside), ()


@contextmanager
def taken_back(services: Services, key: str) -> Iterator[None]:
    """Remove an object again if what it is for was not written: the permission may have ended meanwhile.

    Not where the ledger did not answer: then it may have been written.
    """
    try:
        yield
    except (ChangedMeanwhile, NeedsReview, Refused):
        services.vault.remove(key)
        raise


def join(
    tx: Tx,
    services: Services,
    opened: OpenedCase,
    kept: StoredRecord,
    ruling: Ruling,
    match_rule: MatchRule,
    request: RequestId | None = None,
    found: OpenedParts | None = None,
    envelope: Demographics | None = None,
) -> bool:
    """Put a kept record on its line, once. False: it was there already.

    What it replaces, corrects or withdraws is superseded in the same transaction. The record stays; it no longer
    answers the line. `found` is what was found when it was opened, `envelope` what it came by says of its patient. One
    that was not opened yet waits for the case's next round.
    """
    case = opened.id
    line = line_suggested(services.checklist_of(opened.checklist, opened.receiver).lines, kept)
    related = records.related(tx, case, kept)
    new, earlier = version(tx, services, kept), [version(tx, services, one, joined) for one, joined in related]
    copy_of = copies.original(new, earlier)
    if not records.collect(tx, case, kept, line, ruling, match_rule, copy_of=copy_of, request=request):
        return False
    for older, relation in copies.ended(new, earlier):
        records.supersede(tx, case, older, kept.id, relation)
    if word := copies.ended_by(new, earlier):
        by, relation = word
        records.supersede(tx, case, kept.id, by, relation)
    elif said := ended_by_heeded(tx, services, kept, new):
        records.supersede(tx, case, kept.id, None, said)
    if _has_withheld_pages(tx, case, kept, [one for one, _ in related]):
        kept = opened_records.write_seen(tx, kept, Flaw.PAGES_WITHHELD)
        if found or kept.is_opened:
            found = found or OpenedParts(attached=kept.about.attached, malignant=kept.about.malignant)
            found = replace(found, flaws=found.flaws | {Flaw.PAGES_WITHHELD})
    kept = note_opened(tx, opened, kept, found, envelope)
    _ask_about_best(tx, case, kept, copy_of)
    check(tx, opened, kept.kind)
    return True


def _has_withheld_pages(tx: Tx, case: CaseId, kept: StoredRecord, others: Sequence[StoredRecord]) -> bool:
    """Whether a person withheld pages of another copy or version of it in this case."""
    if kept.about.derived:
        return False
    told = tx.case(case).superseded_by
    ends = [records.get(tx, told[one.id].by_record or "") for one in others if one.id in told]
    return any(one is not None and one.about.derived for one in (*others, *ends))


def _ask_about_best(tx: Tx, case: CaseId, kept: StoredRecord, copy_of: RecordId | None) -> None:
    """Nobody need decide about what cannot be read where a copy of it can, or where it is void."""
    told = tx.case(case)
    same = {one for one in told.records if copy_of and copy_of in (one, told.records[one].copy_of)} | {kept.id}
    settled = same if any(told.counts(one) and one not in told.superseded for one in same) else set[str]()
    for record in settled | told.void:
        holds.withdraw(tx, case, HoldCode.DOCUMENT_UNREADABLE, SystemAnswer.ANSWERED, about=record)


def join_held(tx: Tx, services: Services, case: CaseId) -> bool:
    """Put what is held for other cases of the patient on the lines of this one, where a permission covers it here, too.

    The caller shares the patient's epoch and holds the case's lock. Says whether something joined. Twice is once.
    """
    opened, joined = OpenedCase.of(tx.case(case)), False
    unwanted = services.center_needs(opened.receiver).without
    for kept, serves in records.held_for_others(tx, opened.patient, case):
        if kept.kind in unwanted:
            continue
        ruling = may_collect(
            tx, services.institutions, opened, kept.institution, kept.kind, kept.about.labels, dated=kept.about.day
        )
        if ruling.is_permitted and (told := tx.case(serves).records.get(kept.id)):
            join(tx, services, opened, kept, ruling, MatchRule(told.match_rule))
            answered(tx, services, case, kept.institution, kept.kind)
            joined = True
    return joined


def answered(tx: Tx, services: Services, case: CaseId, source: InstitutionId, kind: RecordKind) -> None:
    """What a department was awaited to send has come: its request is answered.

    A form may have come just before, and the case not have looked at it yet: what came was collected under it, so a
    department that sends by itself was awaited.
    """
    for request in requests.of_case(tx, case):
        department = services.institutions[request.institution].department(request.department)
        if request.institution != source or kind not in department.holds or request.need:
            continue  # whether one of its kind is the one that was added is judged with the case
        if request.state is RequestState.NOT_PERMITTED and not department.is_fetched:
            request = requests.move(tx, request, RequestState.EXPECTED)
        if request.state is RequestState.SILENT and department.is_fetched:
            # The department answers, but what it sent by itself is not all it was asked for.
            requests.move(tx, request, RequestState.DUE)
            rounds.owe(tx, Dag.OPEN_CASE, case)
        elif request.state in _AWAITED or (request.state in SAID and lacks_nothing(tx, services, request)):
            requests.move(tx, request, RequestState.ANSWERED)
            holds.withdraw(tx, case, HoldCode.SOURCE_DOES_NOT_ANSWER, SystemAnswer.ANSWERED, about=request.id)


#: whatever comes is what was awaited. Where a source named a fee, a form or a rest, a part of it is no answer
_AWAITED = (
    RequestState.EXPECTED,
    RequestState.SILENT,
    RequestState.NO_RECORDS,
    RequestState.IN_PROGRESS,
    RequestState.READY_ON,
    RequestState.NOT_SIGNED,
    RequestState.ALREADY_SENT,
    RequestState.ASKED_ELSEWHERE,
)


def lacks_nothing(tx: Tx, services: Services, request: Request) -> bool:
    """Whether no required line of a request lacks anything. One that has none of those may always lack something."""
    needs = look(tx, services, request.case).completeness.needs
    required = [need for need in needs if need.line.key in request.lines and need.is_required]
    return bool(required) and not any(is_lacking(need) for need in required)
