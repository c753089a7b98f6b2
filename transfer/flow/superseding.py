"""What the receiver has from earlier packets of a case, and which records replace or withdraw some of it."""

from collections.abc import Iterable, Mapping
from functools import cache

from transfer.case import Case
from transfer.copies import Version, ended_through
from transfer.flow.services import Services
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import CaseId, PacketId, PatientId, RecordId
from transfer.ledger import Tx, disclosures, holds, packets, records
from transfer.ledger.records import Joined, StoredRecord
from transfer.packet import Superseded
from transfer.records import Relation


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
    have its open streams ruled on anew, at once. Whether what is void can be read is no question any more.

    The caller holds the case's lock, and calling twice asks once. A document that went in several packets is asked
    about by the newest.
    """
    case = tx.case(case_id)
    asked: set[str] = set()
    for packet in reversed(list(case.packets)):
        if void := case.void_unasked(packet) - asked:
            holds.place(tx, case_id, HoldCode.DELIVERED_VOID, packet)
            asked |= void
        if case.void_in(packet):
            disclosures.doubt(tx, PacketId(packet))
    for hold in case.holds.values():
        if hold.code == HoldCode.DOCUMENT_UNREADABLE and hold.about in case.void:
            holds.resolve(tx, hold.hold, SystemAnswer.ANSWERED)  # nobody is to read it any more


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
    about, files = kept.about, records.files(tx, kept)
    return Version(
        record=kept.id,
        source=kept.institution,
        kind=kept.kind,
        status=kept.status,
        at=about.at,
        stated_at=about.stated_at,
        numbers=frozenset(about.identifiers),
        aliases=frozenset(about.aliases),
        contents=frozenset(file.sha256 for file in files),
        types=frozenset(file.content_type for file in files),
        code=about.code.bare if about.code else None,
        day=about.day,
        parent=about.parent,
        further_parents=frozenset(about.further_parents),
        relation=about.relation,
        entries=frozenset(about.entries),
        issuers=frozenset(services.institutions[kept.institution].issuers.values()),
        copy_of=joined.copy_of if joined else None,
    )
