"""Packets: owed, assembled from a plan that is kept, purged with what they were made of."""

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from transfer import codec, facts
from transfer.errors import Refused
from transfer.facts import Chain
from transfer.identifiers import CaseId, PacketId, PatientId, RecordId
from transfer.ledger import Tx, rewritten_records, vault_objects
from transfer.ledger.records import StoredRecord
from transfer.packet import ContentClass, Plan
from transfer.sealing import KeyName


def plan_next(tx: Tx, case: CaseId, *, is_partial: bool) -> PacketId:
    """Owe the case its next packet."""
    number = tx.value("SELECT count(*) + 1 FROM packets WHERE case_id = %s", case)
    packet = PacketId.of(case, number)
    tx.run(
        "INSERT INTO packets (packet, case_id, is_partial, planned_at) VALUES (%s, %s, %s, transfer.now())",
        *(packet, case, is_partial),
    )
    tx.append(Chain.case(case), facts.PacketPlanned(packet=packet, is_partial=is_partial))
    return packet


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    id: PacketId
    case: CaseId
    is_partial: bool
    is_assembled: bool
    is_purged: bool
    planned_at: datetime


def get(tx: Tx, packet: str) -> Packet | None:
    row = tx.row("SELECT * FROM packets WHERE packet = %s", packet)
    if row is None:
        return None
    return Packet(
        id=PacketId(row.packet),
        case=CaseId(row.case_id),
        is_partial=row.is_partial,
        is_assembled=row.tag_manifest is not None,
        is_purged=row.purged_at is not None,
        planned_at=row.planned_at,
    )


def seal_plan(
    tx: Tx,
    patient: PatientId,
    plan: Plan,
    tag_manifest: str,
    held: Sequence[str],
    lacking: Sequence[str],
    said: Iterable[ContentClass],
) -> None:
    """Keep what a packet consists of, and what it says. It is assembled once; a second plan for it is a bug."""
    packet = plan.packet
    text = zlib.compress(plan.dumps().encode())
    changed = tx.run(
        "UPDATE packets SET plan = %s, tag_manifest = %s WHERE packet = %s AND tag_manifest IS NULL",
        *(tx.keys.seal(KeyName.patient(patient), text, about=packet), tag_manifest, packet),
    )
    assert changed == 1, "a packet is assembled once"  # the caller looked under the case's lock
    for key in plan.generated_keys:
        vault_objects.strike(tx, [key])
    for record in held:
        tx.run("INSERT INTO packet_records (packet, record) VALUES (%s, %s)", packet, record)
    keep_content(tx, packet, patient, said)
    fact = facts.PacketAssembled(
        packet=packet,
        records=tuple(held),
        lacking=tuple(lacking),
        tag_manifest=tag_manifest,
        size=plan.tar_length,
    )
    tx.append(Chain.case(packet.case), fact)


def plan_of(tx: Tx, packet: PacketId, patient: PatientId) -> Plan:
    """The plan.

    Raises:
        KeyGone: the patient's key was destroyed.
    """
    sealed = tx.value("SELECT plan FROM packets WHERE packet = %s", packet)
    text = zlib.decompress(tx.keys.unseal(KeyName.patient(patient), sealed, about=packet))
    return Plan.from_json(json.loads(text))


# --- what it says -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketContent:
    """What a packet says, by class of content, as it was kept."""

    #: None = it was assembled before this was kept
    classes: tuple[ContentClass, ...] | None
    #: what a record of it says of itself was written anew since
    is_stale: bool = False


def content_about(packet: str) -> str:
    """What the sealed content of a packet is about: it is never taken for the plan."""
    return f"{packet} content"


def keep_content(tx: Tx, packet: PacketId, patient: PatientId, said: Iterable[ContentClass]) -> None:
    """Keep what a packet says, sealed: labels name what may not be named. Kept anew, it takes the former's place."""
    kept = PacketContent(classes=tuple(dict.fromkeys(said)))
    sealed = tx.keys.seal(KeyName.patient(patient), codec.dump(PacketContent, kept), about=content_about(packet))
    tx.run("UPDATE packets SET content = %s, content_at = transfer.now() WHERE packet = %s", sealed, packet)


def content(tx: Tx, packet: PacketId, patient: PatientId) -> PacketContent:
    """What a packet says. What it costs does not depend on how many records it holds.

    Raises:
        Refused: it is not assembled, or purged; it cannot be given.
        KeyGone: the patient's key was destroyed.
        Unreadable: the row holds other bytes than were kept.
    """
    row = tx.row(
        """SELECT content, purged_at, tag_manifest, EXISTS (
             SELECT 1 FROM packet_records JOIN records USING (record)
             WHERE packet = %s AND (records.purged_at IS NOT NULL OR rewritten_at >= content_at)) AS is_stale
           FROM packets WHERE packet = %s""",
        *(packet, packet),
    )
    if row is None or row.purged_at is not None or row.tag_manifest is None:
        raise Refused(f"{packet} cannot be given")
    if row.content is None:
        return PacketContent(classes=None)
    text = tx.keys.unseal(KeyName.patient(patient), row.content, about=content_about(packet))
    return PacketContent(classes=codec.load(PacketContent, text).classes, is_stale=row.is_stale)


def contents(tx: Tx, packet: PacketId) -> list[StoredRecord]:
    """What an assembled packet carries. Nobody writes it anew until this transaction ends.

    Raises:
        Refused: some of it was purged; the packet cannot be given any more.
    """
    rows = tx.rows("SELECT record FROM packet_records WHERE packet = %s", packet)
    kept = rewritten_records.held_still(tx, [RecordId(row.record) for row in rows])
    if len(kept) < len(rows):
        raise Refused(f"{packet} holds records that were purged")
    return kept


def first_assembled(tx: Tx) -> datetime | None:
    """When the first packet of all was assembled, and so signed."""
    return tx.value(  # type: ignore[no-any-return]
        # the first of each kind: with `min` over all kinds the time of every packet is read
        """SELECT min(one.at) FROM unnest(%s::text[]) AS k (kind) CROSS JOIN LATERAL (
             SELECT at FROM facts WHERE kind = k.kind ORDER BY at LIMIT 1) AS one""",
        facts.stored_kinds(facts.PacketAssembled),
    )
