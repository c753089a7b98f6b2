"""A record joins a case: matched, permitted, put on its line of the checklist.

What was stored becomes *collected* only here, under a basis in force at that moment.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from transfer.checklist import Checklist
from transfer.errors import Fenced, NeedsReview, Refused
from transfer.flow.basis import rule
from transfer.flow.edges import Edges
from transfer.identifiers import CaseId, InstitutionId, PatientId, RecordId, RequestId
from transfer.ledger import Tx, people, records, requests, rounds
from transfer.ledger.records import Kept
from transfer.matching import Tier
from transfer.permissions import Release, Ruling
from transfer.record_requests import RequestState
from transfer.records import DocumentStatus, RecordKind, Relation
from transfer.rounds import Dag


def line_of(checklist: Checklist, kind: RecordKind, lines: Sequence[str] | None = None) -> str | None:
    """The line a record of this kind may answer, of those asked for; None: it answers none and is kept all the same."""
    for line in checklist.lines:
        if kind in line.kinds and (lines is None or line.key in lines):
            return line.key
    return None


def may_collect(
    tx: Tx, edges: Edges, case: CaseId, source: InstitutionId, kind: RecordKind, labels: frozenset[str]
) -> Ruling:
    """Rule on letting a record from this source into the case, in the patient's epoch."""
    opened = tx.case(case).opened
    assert opened is not None  # only an opened case has anything to collect
    release = Release(
        discloser=source,
        recipient=InstitutionId(opened.receiver),
        kinds=frozenset({kind}),
        labels=labels,
    )
    return rule(tx, edges.institutions, PatientId(opened.patient), release)


@contextmanager
def taken_back(edges: Edges, key: str) -> Iterator[None]:
    """Remove an object again if what it is for was not written: the permission may have ended meanwhile.

    Not where the ledger did not answer: then it may have been written.
    """
    try:
        yield
    except (Fenced, NeedsReview, Refused):
        edges.vault.remove(key)
        raise


def join(
    tx: Tx, edges: Edges, case: CaseId, kept: Kept, ruling: Ruling, tier: Tier, request: RequestId | None = None
) -> bool:
    """Put a kept record on its line, once. False: it was there already.

    What it replaces, corrects or withdraws is superseded in the same transaction. The record stays; it no longer
    answers the line.
    """
    opened = tx.case(case).opened
    assert opened is not None  # the ruling was made from it
    line = line_of(edges.checklists[opened.checklist], kept.kind)
    if not records.collect(tx, case, kept, line, ruling, tier, request=request):
        return False
    for earlier, relation in _superseded_by(tx, edges, case, kept):
        records.supersede(tx, case, earlier, kept.id, relation)
    if word := _issuers_word_on(tx, edges, case, kept):
        records.supersede(tx, case, kept.id, word.id, word.about.relation or Relation.REPLACES)
    return True


def _superseded_by(tx: Tx, edges: Edges, case: CaseId, kept: Kept) -> list[tuple[RecordId, Relation]]:
    """What this record replaces: by the issuer's relation (relatesTo, TXA-13), or as a corrected or final report under
    the same number.

    The relation holds for copies that came by others, too: they are copies of the report that was taken back.
    """
    about = kept.about
    if about.parent and about.relation in _CHANGES:
        named = map(partial(records.get, tx), records.with_number(tx, kept.patient, case, about.parent))
        if found := [(r.id, about.relation) for r in named if r and r.id != kept.id and _may_change(edges, kept, r)]:
            return found
    same = [records.get(tx, other) for other in records.same_numbers(tx, kept, case)]
    return [
        (other.id, Relation.WITHDRAWS if kept.status is DocumentStatus.WITHDRAWN else Relation.REPLACES)
        for other in same
        if other and _outdates(kept, other)
    ]


def _may_change(edges: Edges, newer: Kept, older: Kept) -> bool:
    """Whether this institution can change the document: it sent it, or its number stands on it. Nobody else can."""
    number, issued = newer.about.parent, edges.institutions[newer.institution].issuers.values()
    return newer.institution == older.institution or (number is not None and number.issuer in issued)


def _issuers_word_on(tx: Tx, edges: Edges, case: CaseId, kept: Kept) -> Kept | None:
    """The issuer's correction or withdrawal that was here before this copy came by another institution."""
    for other in records.same_numbers(tx, kept, case):
        word = records.get(tx, other)
        if word is None or word.institution == kept.institution or word.about.relation not in _CHANGES:
            continue
        if word.about.parent in kept.about.identifiers and _may_change(edges, word, kept):
            return word
    return None


_CHANGES = (Relation.REPLACES, Relation.WITHDRAWS)


def _outdates(newer: Kept, older: Kept) -> bool:
    """Whether it is a later version from the same source under the same number."""
    if newer.institution != older.institution or newer.id == older.id:
        return False
    if newer.status in (DocumentStatus.CORRECTED, DocumentStatus.AMENDED, DocumentStatus.WITHDRAWN):
        return True
    return newer.status.is_settled and older.status is DocumentStatus.PRELIMINARY


def answered(tx: Tx, edges: Edges, case: CaseId, source: InstitutionId, kind: RecordKind) -> None:
    """What a department was awaited to send has come: its request is answered.

    A form may have come just before, and the case not have looked at it yet: what came was collected under it, so a
    department that sends by itself was awaited.
    """
    for request in requests.of_case(tx, case):
        department = edges.institutions[request.institution].department(request.department)
        if request.institution != source or kind not in department.holds:
            continue
        if request.state is RequestState.NOT_PERMITTED and not department.is_fetched:
            request = requests.move(tx, request, RequestState.EXPECTED)
        if request.state is RequestState.SILENT and department.is_fetched:
            # The department answers, but what it sent by itself is not all it was asked for.
            requests.move(tx, request, RequestState.DUE)
            rounds.ring(tx, Dag.OPEN_CASE, case)
        elif request.state in _AWAITED:
            requests.move(tx, request, RequestState.ANSWERED)
            people.release(tx, case, "source-does-not-answer", "answered", about=request.id)


_AWAITED = (RequestState.EXPECTED, RequestState.ASKED, RequestState.SILENT, RequestState.NO_RECORDS)
