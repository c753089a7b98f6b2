"""Documents from a source into a case."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final

from transfer.errors import (
    ChangedMeanwhile,
    CutShort,
    NeedsReview,
    NotAllowed,
    TooLarge,
    TurnedAway,
    Unavailable,
    Unreachable,
)
from transfer.flaws import Flaw
from transfer.flow.basis import may_ask, may_collect
from transfer.flow.collecting import files_of_one, join
from transfer.flow.fetched_files import fetch_files, remove_files
from transfer.flow.fetched_objections import is_called_a_no, stop_source
from transfer.flow.heeding import heed_now
from transfer.flow.identity import Undecided, ask_whose, match_answer
from transfer.flow.labels import UnclearLabel, check_labels
from transfer.flow.noting_codes import note
from transfer.flow.opening_records import OpenedParts, open_parts
from transfer.flow.permitted_request import PermittedRequest
from transfer.flow.services import Services
from transfer.flow.unmatched import ask_whether_died
from transfer.flow.watch import Watch
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import CaseId
from transfer.ledger import Tx, holds, numbered_records, patients, records, requests, rewritten_records, rounds
from transfer.ledger.compared import ComparedIdentity
from transfer.ledger.records import About, NewRecord, RecordPart, StoredRecord
from transfer.matching import MatchRule, MatchVerdict
from transfer.permissions import Ruling
from transfer.records import Document, Relation
from transfer.requests import NOT_COVERED, RequestState
from transfer.rounds import Dag
from transfer.sources import Bad, DocumentSource, Found, PatientFound
from transfer.titles import as_called
from transfer.unmapped_codes import CodeUse, in_documents

#: documents in a row that do not come: then it is the source that does not answer
_MOST_MISSED: Final = 3
#: what only its source's own word of the bytes makes a flaw: another word of the same bytes mends it
_BY_WORD: Final = frozenset({Flaw.HASH_DIFFERS, Flaw.SIZE_DIFFERS})


def fetch_documents(
    services: Services, asking: PermittedRequest, client: DocumentSource, watch: Watch
) -> tuple[RequestState, tuple[str, ...]]:
    """Find the patient there, and collect each document of the kinds the department holds.

    What was collected before stays when the rest fails; asking again finds it kept.

    Returns:
        the request's new state and findings: nothing there, all of it, or all but what a person must look at and what
        no permission covers.

    Raises:
        Undecided: people are asked whether the one they found is the patient.
        CutShort: all came but some that may come later.
    """
    made = asking.claimed.request
    institution = services.institutions[made.institution]
    found = client.find_patient(asking.everyone, institution, keep_going=watch.check)
    if found is None:
        ask_whose(services, asking, [])
        return RequestState.NOT_FOUND, ()
    match_rule = _surely_ours(services, asking, found)
    if match_rule is None:
        return RequestState.NOT_FOUND, ()
    with services.ledger.transaction() as tx:
        seen = tx.now()
        if found.has_died:
            ask_whether_died(tx, [asking.patient])
    kinds = institution.department(made.department).holds
    tally = _Tally()
    for one in client.documents(found, institution, kinds, keep_going=watch.check):
        if isinstance(one, Found):
            one = replace(one, document=as_called(one.document.as_of(seen), one.document.title))
        _take(services, asking, one, match_rule, watch, tally)
    _ask_about_the_rest(services, asking, tally)
    if tally.away:
        raise CutShort("documents that the source lists did not come now", retry_after=tally.away.retry_after)
    if tally.count == tally.left and not tally.unusable and not tally.not_given:
        # Nothing there, or nothing that a permission covers: whoever is told the state learns no difference.
        return RequestState.NOT_FOUND, (NOT_COVERED,) if tally.left else ()
    findings = {
        "entries-unusable": tally.unusable + tally.unclear,
        "documents-not-given": tally.not_given,
        NOT_COVERED: tally.left,
    }
    return RequestState.ANSWERED, tuple(finding for finding, count in findings.items() if count)


@dataclass(slots=True)
class _Tally:
    """What came of what a source lists."""

    count: int = 0
    #: entries that say nothing we can use
    unusable: int = 0
    #: documents with a label that we do not know
    unclear: int = 0
    #: left there for want of a permission
    left: int = 0
    #: documents whose bytes cannot be had, whatever the source's other documents are like
    not_given: int = 0
    #: why bytes did not come now, and how often in a row
    away: Unavailable | None = None
    missed: int = 0
    #: codes that mean nothing here yet
    codes: list[str] = field(default_factory=list)


def _take(
    services: Services, asking: PermittedRequest, one: Found | Bad, match_rule: MatchRule, watch: Watch, tally: _Tally
) -> None:
    """Collect one document. What is wrong with it stops no other.

    Raises:
        Unavailable: not for this one alone: so many in a row did not come.
    """
    if isinstance(one, Bad):
        tally.unusable += 1
        return
    tally.codes += in_documents([one.document])
    try:
        taken = _collect(services, asking, one, match_rule, watch)
    except UnclearLabel:
        tally.unclear += 1
    except (NeedsReview, TooLarge, NotAllowed, TurnedAway):
        tally.not_given += 1
    except (Unreachable, CutShort) as error:
        tally.away, tally.missed = error, tally.missed + 1
        if tally.missed >= _MOST_MISSED:
            raise
        return
    else:
        tally.left += taken is _Taken.NOT_COVERED
        tally.count += taken is not _Taken.VOID
    tally.missed = 0


def _ask_about_the_rest(services: Services, asking: PermittedRequest, tally: _Tally) -> None:
    made = asking.claimed.request
    note(services, made.institution, CodeUse.DOCUMENT, tally.codes)
    with services.ledger.transaction() as tx:
        if tally.unusable:
            holds.place(tx, made.case, HoldCode.ENTRIES_UNUSABLE, made.id)
        if tally.unclear:
            holds.place(tx, made.case, HoldCode.SOURCE_LABEL_UNREAD, made.id)
        if tally.not_given:
            holds.place(tx, made.case, HoldCode.DOCUMENTS_NOT_GIVEN, made.id)
        else:
            holds.withdraw(tx, made.case, HoldCode.DOCUMENTS_NOT_GIVEN, SystemAnswer.ANSWERED, about=made.id)


def _surely_ours(services: Services, asking: PermittedRequest, found: PatientFound) -> MatchRule | None:
    """The rule by which the one they found is ours. None: people said that it is somebody else.

    Raises:
        Undecided: people are asked.
        NeedsReview: it is nobody we asked about.
    """
    said = found.demographics
    with services.ledger.transaction() as tx:
        match = match_answer(tx, services, asking, said, found.url)
    if match.verdict is MatchVerdict.DOUBTFUL:
        ask_whose(services, asking, [ComparedIdentity(said=said, source=found.url, match_rule=match.match_rule)])
        raise Undecided
    if match.verdict is MatchVerdict.NOT_OURS and match.match_rule is not MatchRule.DECIDED:
        raise NeedsReview("they answered with somebody whom we did not ask about")
    ask_whose(services, asking, [])
    return match.match_rule if match.verdict is MatchVerdict.OURS else None


class _Taken(Enum):
    """What became of a document."""

    KEPT = auto()
    #: no permission covers it, and it was left there
    NOT_COVERED = auto()
    #: it counts no more, and never was here
    VOID = auto()


def _collect(services: Services, asking: PermittedRequest, found: Found, match_rule: MatchRule, watch: Watch) -> _Taken:
    made = asking.claimed.request
    check_labels(found.document.labels)
    department = services.institutions[made.institution].department(made.department)
    origin = f"{department.asked.by}/{made.institution}/{min(found.sources)}"
    with services.ledger.transaction() as tx:
        patients.hold_epoch_shared(tx, asking.patient)
        kept = _known(tx, asking, found, origin)
        document = _as_it_stands(found.document, kept)
        ruling = _ruling(tx, services, asking, document)
        if not ruling.is_permitted:
            _stop_unless_permitted(tx, services, asking)
        is_new_void = document.status.is_void and kept is None
        joining = () if is_new_void or not ruling.is_permitted else (made.case,)
        heed_now(tx, services, asking.patient, made.institution, [document], joining, epoch=asking.epoch)
    _keep_labels(services, document, kept)
    if not ruling.is_permitted:
        return _Taken.NOT_COVERED
    if is_new_void:
        return _Taken.VOID
    if kept is not None and _is_unchanged(kept, found):
        _file(services, asking, document, match_rule, kept)
        return _Taken.KEPT
    with ExitStack() as written:
        came = fetch_files(services, asking, found, document, watch, written)
        document, files = came.document, came.files
        titles = [document.title, *(file.title for file in found.files)]
        if came.objects or (is_called_a_no(titles) and not document.status.is_void):
            stop_source(services, asking)
        if not _may_stay(services, asking, document, found.document, joining):
            remove_files(services, files)
            return _Taken.NOT_COVERED
        if document.status.is_void and kept is None:
            remove_files(services, files)
            return _Taken.VOID
        new = _new(asking, found, document, origin, files, kept)
        if kept is not None and _is_same(services, kept, new):
            remove_files(services, files)
            _file(services, asking, document, match_rule, kept)
        else:
            _file(services, asking, document, match_rule, new, _opened(services, asking, new, came.in_hand))
    return _Taken.KEPT


def _opened(
    services: Services, asking: PermittedRequest, new: NewRecord, in_hand: Mapping[str, bytes]
) -> OpenedParts | None:
    """What is found in it.

    Raises:
        ChangedMeanwhile: its words or what it carries are a "no", and its source stops now.
    """
    opened = open_parts(services, new.patient, new.institution, new.parts, in_hand)
    if opened is not None and opened.objects and not new.status.is_void:
        stop_source(services, asking)
    return opened


def _says_more(document: Document, listed: Document) -> bool:
    """Whether it says of itself, or of others, what its source's list does not."""
    return (document.status, document.relation, document.identifiers) != (
        listed.status,
        listed.relation,
        listed.identifiers,
    )


def _known(tx: Tx, asking: PermittedRequest, found: Found, origin: str) -> StoredRecord | None:
    """What we keep of it, in the state in which its source gave it last."""
    source, entries = asking.claimed.request.institution, found.document.entries
    kept = numbered_records.latest(tx, asking.patient, source, entries) if entries else None
    if kept is None:
        return records.known(tx, asking.patient, origin)
    return None if _is_wanted_again(tx, kept, origin) else kept


def _is_wanted_again(tx: Tx, kept: StoredRecord, origin: str) -> bool:
    """Whether a person wants what cannot be read once more: then its record gave up its origin for another."""
    if not kept.flaws:
        return False
    names = (origin, _later_origin(origin, kept.about.version, records.parts(tx, kept)))
    known = (records.known(tx, kept.patient, name) for name in names)
    return all(one is None or one.id != kept.id for one in known)


def _later_origin(origin: str, version: str | None, parts: Sequence[RecordPart]) -> str:
    """Of a document in a later state than the first one that we kept."""
    return f"{origin}@{version or '+'.join(part.location.sha256 for part in parts)}"


def _as_it_stands(document: Document, kept: StoredRecord | None) -> Document:
    """With what is known of it already: a blanked one says no kind."""
    return replace(document, kind=kept.kind) if kept is not None and document.status.is_void else document


def _keep_labels(services: Services, document: Document, kept: StoredRecord | None) -> None:
    """A label of today holds for what was kept before. By itself: who opens the record holds it, and owes rounds."""
    if kept is None or not document.labels - kept.about.labels:
        return
    with services.ledger.transaction() as tx:
        if still := records.get(tx, kept.id):
            about = replace(still.about, labels=still.about.labels | document.labels)
            rewritten_records.rewrite(tx, still, about, is_whole=still.is_whole)


def _is_unchanged(kept: StoredRecord, found: Found) -> bool:
    """Whether its source says so. What it changes in place and gives no version of is read to know.

    So is what could not be read before: a server that was out of order gives it today.
    """
    if not found.document.entries:
        return True
    return not kept.flaws and found.version is not None and found.version == kept.about.version


def _is_same(services: Services, kept: StoredRecord, new: NewRecord) -> bool:
    """Whether nothing of it changed but the source's own count of versions, and perhaps a title."""
    with services.ledger.transaction() as tx:
        before = [(part.location.sha256, part.content_type) for part in records.parts(tx, kept)]
    codes = [about.code.bare if about.code else None for about in (kept.about, new.about)]
    is_said_alike = codes[0] == codes[1] and all(
        getattr(kept.about, name) == getattr(new.about, name)
        for name in ("labels", "parent", "further_parents", "relation", "at", "day")
    )
    after = [(part.location.sha256, part.content_type) for part in new.parts]
    if kept.flaws & _BY_WORD - new.flaws:
        return False
    return before == after and kept.status is new.status and kept.kind is new.kind and is_said_alike


def _ruling(tx: Tx, services: Services, asking: PermittedRequest, document: Document) -> Ruling:
    source = asking.claimed.request.institution
    return may_collect(
        tx, services.institutions, asking.opened, source, document.kind, document.labels, dated=document.day
    )


def _may_stay(
    services: Services, asking: PermittedRequest, document: Document, listed: Document, joining: Collection[CaseId]
) -> bool:
    """Whether it may be collected also with the labels that stand inside it. What it says of others then counts.

    Raises:
        ChangedMeanwhile: it may not, and the permission has ended or changed.
        DecideAgain: as `heed`.
    """
    is_labelled, says_more = document.labels != listed.labels, _says_more(document, listed)
    if not is_labelled and not says_more:
        return True
    source = asking.claimed.request.institution
    with services.ledger.transaction() as tx:
        if is_labelled and not _ruling(tx, services, asking, document).is_permitted:
            _stop_unless_permitted(tx, services, asking)
            return False
        if says_more:
            heed_now(tx, services, asking.patient, source, [document], joining, epoch=asking.epoch)
    return True


def _stop_unless_permitted(tx: Tx, services: Services, asking: PermittedRequest) -> None:
    """Stop unless the request is still allowed as it was when we asked.

    Only then may a document that no form covers be left there while the rest is fetched. Otherwise nobody knows what
    was left, and why.

    Raises:
        ChangedMeanwhile: the permission ended or changed, or has expired.
    """
    made = asking.claimed.request
    is_moved = patients.hold_epoch_shared(tx, asking.patient) != asking.epoch
    if is_moved or not may_ask(tx, services.institutions, asking.opened, made).is_permitted:
        raise ChangedMeanwhile("the permission ended while we worked")


def _file(
    services: Services,
    asking: PermittedRequest,
    document: Document,
    match_rule: MatchRule,
    one: StoredRecord | NewRecord,
    found: OpenedParts | None = None,
) -> None:
    """Put the document on its line, under a basis in force at this moment."""
    made = asking.claimed.request
    with services.ledger.transaction() as tx:
        patients.hold_epoch_shared(tx, asking.patient)
        tx.lock_case(made.case)
        requests.still_ours(tx, asking.claimed)
        ruling = _ruling(tx, services, asking, document)
        if not ruling.is_permitted:
            raise ChangedMeanwhile("the permission ended while we worked")
        record = records.keep(tx, one) if isinstance(one, NewRecord) else one
        join(
            tx,
            services,
            asking.opened,
            record,
            ruling,
            match_rule,
            request=made.id,
            found=found,
            envelope=document.patient,
        )
        if patients.learn(tx, asking.patient, document.patient):
            rounds.owe(tx, Dag.OPEN_CASE, made.case)


def _new(
    asking: PermittedRequest,
    found: Found,
    document: Document,
    origin: str,
    files: Sequence[RecordPart],
    kept: StoredRecord | None,
) -> NewRecord:
    """A record of it as it is now. `kept` is what it was before: that keeps the plain origin."""
    parts, titles = files_of_one(files, [file.title for file in found.files])
    about = replace(About.of(document), version=found.version, titles=titles)
    if kept is not None and not kept.about.entries and about.relation is None:
        # kept before entries were: the rule that tells two states of one entry apart does not find it
        about = replace(about, relation=Relation.REPLACES, parent=next(iter(document.entries), None))
    return NewRecord(
        patient=asking.patient,
        institution=asking.claimed.request.institution,
        kind=document.kind,
        status=document.status,
        origin=origin if kept is None else _later_origin(origin, found.version, parts),
        about=about,
        parts=parts,
        flaws=document.flaws,
    )
