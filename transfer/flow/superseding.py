"""What the receiver has from earlier packets of a case, and which records replace or withdraw some of it."""

from collections.abc import Iterable, Mapping
from functools import cache

from transfer.case import Case
from transfer.copies import ended_through
from transfer.identifiers import PacketId, PatientId, RecordId
from transfer.ledger import Tx, packets, records
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
    handed = _handed_over(case)

    @cache
    def numbers(packet: PacketId) -> Mapping[RecordId, int]:
        if case.packets[packet].purged:
            return {}
        return {one.record: one.number for one in packets.plan_of(tx, packet, patient).documents}

    found: dict[RecordId, tuple[Superseded, ...]] = {}
    for record in carried:
        ended = ended_through(record, links)
        there = [
            Superseded(record=name, packet=handed[older], number=number, relation=relation)
            for older, relation in ended.items()
            if older in handed
            for name, number in _documents(tx, older, numbers(handed[older]))
        ]
        if there:
            found[record] = tuple(sorted(there, key=lambda one: (one.relation, one.packet.number, one.number or 0)))
    return found


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
