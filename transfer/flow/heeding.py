"""What a document says of others where it is not collected: in closed cases, or where no permission covers it."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from transfer import copies
from transfer.copies import Version
from transfer.flow.assess import settle_needs
from transfer.flow.identity import DecideAgain, unless_forgotten
from transfer.flow.services import Services
from transfer.flow.superseding import ask_about_void, version
from transfer.identifiers import CaseId, InstitutionId, PatientId, RecordId
from transfer.ledger import Tx, cases, heeded, patients, records, rounds
from transfer.ledger.heeded import HeededWord
from transfer.ledger.records import About, StoredRecord
from transfer.records import Document, Relation
from transfer.rounds import Dag


def heed(
    services: Services,
    patient: PatientId,
    source: InstitutionId,
    documents: Iterable[Document],
    but: Collection[CaseId],
    *,
    epoch: int,
) -> None:
    """Let what a source says of earlier documents count in the cases of the patient that will not collect it: closed
    ones, and those that no permission covers it for. `but`: the cases that will. `epoch`: of the patient, when it was
    found whose they are.

    What is void leaves nowhere, also where nobody may take in what says so. An open case is judged anew. Heeding twice
    is heeding once.

    Raises:
        DecideAgain: they may be another's since, or the patient was forgotten.
    """
    with services.ledger.transaction() as tx:
        heed_now(tx, services, patient, source, documents, but, epoch=epoch)


def heed_now(
    tx: Tx,
    services: Services,
    patient: PatientId,
    source: InstitutionId,
    documents: Iterable[Document],
    but: Collection[CaseId],
    *,
    epoch: int,
) -> None:
    """The same in a transaction that has written nothing yet, and holds no case. Raises as that."""
    if patients.hold_epoch_shared(tx, patient) != epoch:
        raise DecideAgain
    unless_forgotten(tx, patient)
    concerned = [case for case in cases.of_patient(tx, patient) if case not in but]
    if not concerned:
        return
    documents = list(documents)
    for one in documents:
        if one.status.is_void or one.status.is_changed or one.relation in copies.ENDINGS:
            heeded.keep(tx, patient, _as_heeded(source, one))  # what it ends may come after it
    told = [(_terms(one), _version_of(services, _as_heeded(source, one))) for one in documents]
    for case in concerned:  # all of them before a round is owed to one
        tx.lock_case(case)
    for case in concerned:
        was = tx.case(case).superseded
        for terms, newer in told:
            _let_count(tx, services, case, patient, terms, newer)
        _follow_up(tx, services, case, is_news=tx.case(case).superseded != was)


def _follow_up(tx: Tx, services: Services, case: CaseId, *, is_news: bool) -> None:
    """What no longer counts may leave a line open, a packet without what it holds, a question without its ground."""
    if is_news and tx.case(case).is_open:
        rounds.owe(tx, Dag.OPEN_CASE, case)
        settle_needs(tx, services, case)
    else:
        ask_about_void(tx, case)


def _let_count(
    tx: Tx, services: Services, case: CaseId, patient: PatientId, terms: Iterable[str], newer: Version
) -> None:
    for kept, joined in records.found_by(tx, case, patient, terms):
        older = version(tx, services, kept, joined)
        newer = _beside(newer, older)
        is_said = not (joined.superseded or _is_said_alike(newer, older)) and _may_say(newer, older)
        relation = copies.ends(newer, older) if is_said else None
        if relation:
            records.supersede(tx, case, kept.id, None, relation)


def _may_say(newer: Version, older: Version) -> bool:
    """Of what another institution gave, only who alone issues its number: nothing shows that it knows the patient."""
    is_their_number = any(one.issuer in newer.issuers - older.issuers for one in newer.parents)
    return newer.source == older.source or is_their_number


def ended_by_heeded(tx: Tx, services: Services, kept: StoredRecord, new: Version) -> Relation | None:
    """What a document that no case collected said of this one before it came. None: nothing."""
    known = [_beside(_version_of(services, word), new) for word in heeded.about_record(tx, kept)]
    said = (
        copies.ends_late(one, new)
        for one in known
        if _may_say(one, new) and not _is_itself(one, new) and not copies.ends(new, one)
    )
    return next(filter(None, said), None)


def _beside(word: Version, kept: Version) -> Version:
    """Of a word alone nobody knows the bytes: another state of one entry shows in what it says."""
    return replace(word, contents=kept.contents, types=kept.types)


def _is_itself(word: Version, new: Version) -> bool:
    """The document that said it, collected after all."""
    names = ("source", "status", "at", "stated_at", "parents", "relation")
    return all(getattr(word, name) == getattr(new, name) for name in names)


def _is_said_alike(one: Version, other: Version) -> bool:
    """The same word again, as a source gives it that is asked twice: it says nothing of what was kept of it."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("source", "status", "at", "stated_at", "numbers", "aliases", "parents", "relation")
    )


def _terms(said: Document) -> tuple[str, ...]:
    return copies.terms((*said.identifiers, *said.aliases, *said.entries), (), (said.parent, *said.further_parents))


def _as_heeded(source: InstitutionId, said: Document) -> HeededWord:
    return HeededWord(institution=source, kind=said.kind, status=said.status, about=About.of(said))


def _version_of(services: Services, word: HeededWord) -> Version:
    """A document that is not kept, as a version."""
    about = word.about
    return Version(
        record=RecordId.draw(),
        source=word.institution,
        kind=word.kind,
        status=word.status,
        at=about.at,
        stated_at=about.stated_at,
        numbers=frozenset(about.identifiers),
        aliases=frozenset(about.aliases),
        code=about.code.bare if about.code else None,
        day=about.day,
        entries=frozenset(about.entries),
        parent=about.parent,
        further_parents=frozenset(about.further_parents),
        relation=about.relation,
        issuers=frozenset(services.institutions[word.institution].issuers.values()),
    )
