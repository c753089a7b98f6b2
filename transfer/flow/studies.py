"""When a study is whole, and what a person says of one that is not as its archive lists it."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

from transfer.identifiers import CaseId, InstitutionId
from transfer.ledger import Tx, opened_records, records, requests, rewritten_records
from transfer.ledger.records import About, RecordPart, StoredRecord
from transfer.records import RecordKind
from transfer.requests import MOVES, RequestState


def uids(parts: Iterable[RecordPart]) -> frozenset[str]:
    return frozenset(i.sop_instance_uid for part in parts if part.series for i in part.series.instances)


def is_whole_study(about: About, parts: Iterable[RecordPart]) -> bool:
    """All that is listed is here, and nothing of it waits for a person to say that it belongs here."""
    return not about.misplaced and not still_missing(about, parts)


def still_missing(about: About, parts: Iterable[RecordPart]) -> frozenset[str]:
    """What is listed, has not come, and is still waited for."""
    return frozenset(chain.from_iterable(about.expected.values())) - uids(parts) - {*about.lacking}


def take_misplaced(tx: Tx, case: CaseId, institution: InstitutionId) -> int:
    """A person looked at images that name another study or series: they belong where the archive lists them.

    Says how many of the case's studies from there are whole with it.
    """
    taken = 0
    for kept, _ in records.joined(tx, case):
        if kept.kind is not RecordKind.IMAGES or kept.institution != institution:
            continue
        is_whole = kept.is_whole
        if kept.about.misplaced:
            about = replace(kept.about, misplaced=())
            is_whole = is_whole_study(about, records.parts(tx, kept))
            rewritten_records.rewrite(tx, kept, about, is_whole=is_whole)
        # Also one that was looked at for another case: this one has not heard of it.
        if is_whole and (kept.about.misplaced or kept.id not in tx.case(case).whole):
            records.complete(tx, case, kept)
            taken += 1
    return taken


def take_what_came(tx: Tx, case: CaseId, kept: StoredRecord) -> None:
    """A person takes a study without the images that did not come. What comes of them later belongs to it, too."""
    missing = still_missing(kept.about, records.parts(tx, kept))
    if not missing:
        return
    about = replace(kept.about, lacking=tuple(sorted({*kept.about.lacking, *missing})))
    is_whole = is_whole_study(about, records.parts(tx, kept))
    rewritten_records.rewrite(tx, kept, about, is_whole=is_whole)
    opened_records.take(tx, case, kept, frozenset(), lacking=len(about.lacking))
    if is_whole:
        records.complete(tx, case, kept)
    _answer_if_whole(tx, case, kept)


def _answer_if_whole(tx: Tx, case: CaseId, kept: StoredRecord) -> None:
    """Its archive owes nothing more where every study from there is whole."""
    studies = [one for one, joined in records.joined(tx, case) if not joined.superseded]
    if all(one.is_whole for one in studies if (one.kind, one.institution) == (kept.kind, kept.institution)):
        came_by = tx.case(case).records[kept.id].request
        request = requests.get(tx, came_by) if came_by else None
        if request and RequestState.ANSWERED in MOVES[request.state]:
            requests.overrule(tx, request)
            requests.move(tx, request, RequestState.ANSWERED)
