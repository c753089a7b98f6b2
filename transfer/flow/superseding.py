"""What the receiver has from earlier packets of a case, and which records replace or withdraw some of it."""

from collections.abc import Collection, Iterable, Mapping
from functools import cache

from transfer import copies
from transfer.case import Case
from transfer.copies import Version, ended_through
from transfer.flow.identity import unless_forgotten
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import CaseId, InstitutionId, PacketId, PatientId, RecordId
from transfer.ledger import Tx, cases, disclosures, holds, packets, patients, records
from transfer.ledger.records import Joined, StoredRecord
from transfer.packet import Superseded
from transfer.records import Document, Relation


def superseded(
    tx: Tx, case: Case, patient: PatientId, carried: Iterable[RecordId]
) -> dict[RecordId, tuple[Superseded, ...]]:
    """By record of the next packet: the documents handed over before that it replaces or withdraws, if there are any.

    Only what was handed over is named, by the newest packet that held it; what is purged since is named no more.
    """
    links = {
        RecordId(older): (RecordId(fact.by_record), Relation(fact.relation))
        for older, fact in case.superseded_by.items()
        if fact.by_record
    }
    earlier = _Earlier(tx, case, patient)
    found: dict[RecordId, tuple[Superseded, ...]] = {}
    for record in carried:
        ended = ended_through(record, links)
        there = [one for older, relation in ended.items() for one in earlier.documents(older, relation)]
        if there:
            found[record] = _in_order(there)
    return found


def withdrawn(
    tx: Tx, case: Case, patient: PatientId, replaced: Iterable[tuple[Superseded, ...]]
) -> tuple[Superseded, ...]:
    """The documents handed over before that no longer count and that nothing of the next packet replaces.

    Each reads as withdrawn, whatever became of it: what took its place may be withheld.
    """
    named = {one.record for each in replaced for one in each}
    earlier = _Earlier(tx, case, patient)
    there = [
        one
        for record in sorted(case.void)
        for one in earlier.documents(RecordId(record), Relation.WITHDRAWS)
        if one.record not in named
    ]
    return _in_order(there)


def ask_about_void(tx: Tx, case_id: CaseId) -> None:
    """Ask a person about each packet that was handed over and holds what is void since, once for each such document;
    have its open streams ruled on anew, at once. The caller holds the case's lock, and calling twice asks once.

    A document that went in several packets is asked about by the newest.
    """
    case = tx.case(case_id)
    asked: set[str] = set()
    for packet in reversed(list(case.packets)):
        if void := case.void_unasked(packet) - asked:
            holds.place(tx, case_id, HoldCode.DELIVERED_VOID, packet)
            asked |= void
        if case.void_in(packet):
            disclosures.doubt(tx, PacketId(packet))


def heed(
    services: Services,
    patient: PatientId,
    source: InstitutionId,
    documents: Iterable[Document],
    but: Collection[CaseId] = (),
) -> None:
    """Let what a source says of earlier documents count in the cases of the patient that will not collect it: closed
    ones, and those that no permission covers it for. `but`: the cases that will.

    What is void leaves nowhere, also where nobody may take in what says so. Heeding twice is heeding once.

    Raises:
        DecideAgain: the patient was forgotten meanwhile.
    """
    told = [(copies.terms(one.identifiers, (), one.parent), _version_of(services, source, one)) for one in documents]
    with services.ledger.transaction() as tx:
        patients.hold_epoch_shared(tx, patient)
        unless_forgotten(tx, patient)
        for case in cases.of_patient(tx, patient):
            if case not in but:
                tx.lock_case(case)
                for terms, newer in told:
                    _let_count(tx, services, case, patient, terms, newer)
                ask_about_void(tx, case)


def _let_count(
    tx: Tx, services: Services, case: CaseId, patient: PatientId, terms: Iterable[str], newer: Version
) -> None:
    for kept, joined in records.found_by(tx, case, patient, terms):
        relation = copies.ends(newer, version(tx, services, kept, joined))
        if relation and not joined.superseded:
            records.supersede(tx, case, kept.id, None, relation)


def _version_of(services: Services, source: InstitutionId, said: Document) -> Version:
    """A document that is not kept, as a version."""
    return Version(
        record=RecordId.draw(),
        source=source,
        kind=said.kind,
        status=said.status,
        at=said.at,
        stated_at=said.stated_at,
        numbers=frozenset(said.identifiers),
        parent=said.parent,
        relation=said.relation,
        issuers=frozenset(services.institutions[source].issuers.values()),
    )


def _in_order(found: Iterable[Superseded]) -> tuple[Superseded, ...]:
    return tuple(sorted(found, key=lambda one: (one.relation, one.packet.number, one.number or 0, one.record)))


class _Earlier:
    """What the receiver was handed of a case's records."""

    def __init__(self, tx: Tx, case: Case, patient: PatientId) -> None:
        self._tx, self._case, self._patient = tx, case, patient
        self._handed = _handed_over(case)
        self._numbers = cache(self._numbers_of)

    def documents(self, record: RecordId, relation: Relation) -> list[Superseded]:
        """The documents of the newest packet that held this record; none where none did, or where it is purged."""
        packet = self._handed.get(record)
        if packet is None:
            return []
        return [
            Superseded(record=name, packet=packet, number=number, relation=relation)
            for name, number in _documents(self._tx, record, self._numbers(packet))
        ]

    def _numbers_of(self, packet: PacketId) -> Mapping[RecordId, int]:
        if self._case.packets[packet].purged:
            return {}
        return {one.record: one.number for one in packets.plan_of(self._tx, packet, self._patient).documents}


def _handed_over(case: Case) -> dict[RecordId, PacketId]:
    """Each record the receiver was handed, and the newest packet that held it."""
    return {
        RecordId(record): PacketId(packet)
        for packet, sent in case.packets.items()
        if sent.was_handed_over and sent.assembled
        for record in sent.assembled.records
    }


def _documents(tx: Tx, older: RecordId, numbers: Mapping[RecordId, int]) -> list[tuple[RecordId, int | None]]:
    """The documents a packet made of a record: the record as it came, and what was taken out of it."""
    kept = records.get(tx, older)
    if kept is None:
        return []
    if not numbers:
        return [(kept.id, None)]
    names = {kept.id, *(part.name for part in records.parts(tx, kept) if part.name)}
    return [(name, number) for name, number in numbers.items() if name in names]


def version(tx: Tx, services: Services, kept: StoredRecord, joined: Joined | None = None) -> Version:
    """A kept record as a version of a document; `joined`: as it serves a case."""
    about = kept.about
    return Version(
        record=kept.id,
        source=kept.institution,
        kind=kept.kind,
        status=kept.status,
        at=about.at,
        stated_at=about.stated_at,
        numbers=frozenset(about.identifiers),
        contents=records.contents(tx, kept),
        parent=about.parent,
        relation=about.relation,
        entries=frozenset(about.entries),
        issuers=frozenset(services.institutions[kept.institution].issuers.values()),
        copy_of=joined.copy_of if joined else None,
    )
