"""Putting a packet together: a plan over what was collected, ruled on as a whole."""

from collections.abc import Sequence
from dataclasses import replace

from transfer import facts
from transfer.adapters.packet.assembly import assemble as plan_packet
from transfer.case import OpenedCase
from transfer.facts import Chain
from transfer.flow.assess import Assessment, is_lacking, look
from transfer.flow.basis import may_release
from transfer.flow.services import Services
from transfer.flow.superseding import superseded
from transfer.holds import HoldCode
from transfer.identifiers import CaseId, PacketId, PatientId, RecordId
from transfer.ledger import Tx, holds, materials, notes, packets, patients, records, vault_objects
from transfer.ledger.records import Joined, RecordPart, StoredRecord
from transfer.packet import (
    Anchor,
    Contents,
    DicomInstance,
    ImagingItem,
    MaterialItem,
    Missing,
    PacketItem,
    SeriesItem,
    Superseded,
)
from transfer.records import RecordKind

#: said of every line that is not in the packet, whatever the reason (promise 7)
NOT_INCLUDED = "Not included in this packet."


def assemble(services: Services, packet: PacketId) -> bool:
    """Make the packet's plan and keep it, once. False: some of it may not be released now, and a person was told; or
    what it was to hold is purged.

    Nothing is copied: the plan names what the vault holds. Made before, it is left as it is.
    """
    with services.ledger.transaction() as tx:
        known = packets.get(tx, packet)
        if known is None or known.is_purged or known.is_assembled:
            return known is not None and not known.is_purged
        opened = OpenedCase.of(tx.case(packet.case))
        epoch = patients.hold_epoch_shared(tx, opened.patient)
        contents, carried = _contents(tx, services, packet, opened)
        if not _is_permitted(tx, services, opened, carried):
            holds.place(tx, packet.case, HoldCode.RELEASE_NOT_PERMITTED, packet)
            return False
    with vault_objects.writing_for(opened.patient):
        plan = plan_packet(contents, vault=services.vault, signer=services.signer())
    with services.ledger.transaction() as tx:
        now = patients.hold_epoch_shared(tx, opened.patient)
        tx.lock_case(packet.case)
        still = packets.get(tx, packet)
        if still is None or still.is_purged or still.is_assembled:
            _discard(services, sorted(plan.generated_keys))
            return still is not None and not still.is_purged
        if now != epoch and not _is_permitted(tx, services, opened, carried):
            _discard(services, sorted(plan.generated_keys))
            holds.place(tx, packet.case, HoldCode.RELEASE_NOT_PERMITTED, packet)
            return False
        tag_manifest = plan.entry("tagmanifest-sha256.txt").location.sha256
        held, lacking = [kept.id for kept in carried], [missing.line for missing in contents.missing]
        packets.seal_plan(tx, opened.patient, plan, tag_manifest, held, lacking)
        anchor = contents.anchor
        tx.append(
            Chain.case(packet.case),
            facts.Anchored(chain=anchor.chain, sequence=anchor.sequence, head=anchor.hash, packet=packet),
        )
    return True


def _discard(services: Services, keys: list[str]) -> None:
    for key in keys:
        services.vault.remove(key)


def _is_permitted(tx: Tx, services: Services, opened: OpenedCase, carried: Sequence[StoredRecord]) -> bool:
    rulings = may_release(tx, services.institutions, opened.patient, opened.receiver, carried)
    return all(ruling.is_permitted for ruling in rulings)


def _contents(tx: Tx, services: Services, packet: PacketId, opened: OpenedCase) -> tuple[Contents, list[StoredRecord]]:
    """All that the packet says, and the records it carries."""
    found = look(tx, services, packet.case)
    who = patients.identity(tx, opened.patient)
    assert who is not None  # a packet is planned for a patient who is not purged
    carried = [(kept, joined) for kept, joined in records.joined(tx, packet.case) if _goes_along(kept, joined)]
    first = _first_here(carried)
    older = superseded(tx, found.case, opened.patient, [kept.id for kept, _ in carried])
    items = [
        item
        for kept, joined in carried
        for item in _items(tx, services, kept, joined, copy_of=first[kept.id], supersedes=older.get(kept.id, ()))
    ]
    imaging = [_imaging(tx, services, kept, joined) for kept, joined in carried if kept.kind is RecordKind.IMAGES]
    checklist = services.checklists[opened.checklist]
    head = tx.lines(Chain.case(packet.case))[-1]
    contents = Contents(
        packet=packet,
        created_at=tx.now(),
        patient=who.current,
        receiver=opened.receiver,
        receiver_name=services.institutions[opened.receiver].name,
        referring_name=services.institutions[opened.referring].name,
        question=_question(tx, packet.case),
        items=tuple(items),
        imaging=tuple(imaging),
        missing=_missing(found),
        material=tuple(_material(tx, packet.case, opened.patient)),
        checklist=checklist.id,
        checklist_version=checklist.version,
        line_labels={line.key: line.label for line in checklist.lines},
        anchor=Anchor(head.chain, head.sequence, head.hash.hex()),
        replaces=PacketId.of(packet.case, packet.number - 1) if packet.number > 1 else None,
    )
    return contents, [kept for kept, _ in carried]


def _goes_along(kept: StoredRecord, joined: Joined) -> bool:
    return kept.is_whole and not joined.superseded


def _first_here(carried: Sequence[tuple[StoredRecord, Joined]]) -> dict[RecordId, RecordId | None]:
    """Of which record in the packet each is a copy. One that stays here, whatever the reason, is not named."""
    first: dict[RecordId, RecordId] = {}
    for kept, joined in carried:
        first.setdefault(joined.copy_of or kept.id, kept.id)
    found = {kept.id: first[joined.copy_of or kept.id] for kept, joined in carried}
    return {record: original if original != record else None for record, original in found.items()}


def _items(
    tx: Tx,
    services: Services,
    kept: StoredRecord,
    joined: Joined,
    *,
    copy_of: RecordId | None,
    supersedes: tuple[Superseded, ...],
) -> list[PacketItem]:
    if kept.kind is RecordKind.IMAGES:
        return []
    plain = [_item(services, kept, joined, part) for part in records.parts(tx, kept)]
    return [replace(item, copy_of=copy_of, supersedes=supersedes) for item in plain]


def _item(services: Services, kept: StoredRecord, joined: Joined, part: RecordPart) -> PacketItem:
    is_extracted = part.role == "extracted"
    return PacketItem(
        record=part.name if is_extracted and part.name else kept.id,
        location=part.location,
        kind=kept.kind,
        code=kept.about.code,
        title=kept.about.title,
        status=kept.status,
        at=kept.about.at,
        source=kept.institution,
        source_name=services.institutions[kept.institution].name,
        content_type=part.content_type,
        labels=kept.about.labels,
        basis=joined.basis,
        line=joined.line,
        derived_from=kept.id if is_extracted else None,
        derivation="Taken unchanged out of the message it came in." if is_extracted else None,
    )


def _imaging(tx: Tx, services: Services, kept: StoredRecord, joined: Joined) -> ImagingItem:
    by_series: dict[str, list[DicomInstance]] = {}
    for part in records.parts(tx, kept):
        if part.series:
            instances = by_series.setdefault(part.series.series_instance_uid, [])
            instances += [DicomInstance(i.sop_instance_uid, i.location) for i in part.series.instances]
    return ImagingItem(
        record=kept.id,
        study_instance_uid=kept.about.study_instance_uid or "",
        series=tuple(SeriesItem(uid, tuple(_once(instances))) for uid, instances in by_series.items()),
        title=kept.about.title,
        modalities=kept.about.modalities,
        at=kept.about.at,
        source=kept.institution,
        source_name=services.institutions[kept.institution].name,
        labels=kept.about.labels,
        basis=joined.basis,
        line=joined.line,
    )


def _once(instances: list[DicomInstance]) -> list[DicomInstance]:
    """Each instance once: one that came again in a later object is a copy."""
    return list({instance.sop_instance_uid: instance for instance in reversed(instances)}.values())[::-1]


def _missing(found: Assessment) -> tuple[Missing, ...]:
    return tuple(
        Missing(line=need.line.key, label=need.line.label, sentence=NOT_INCLUDED)
        for need in found.completeness.needs
        if is_lacking(need)
    )


def _material(tx: Tx, case: CaseId, patient: PatientId) -> list[MaterialItem]:
    return [
        MaterialItem(
            accession=kept.label.accession if kept.label else "",
            kind=kept.material.kind,
            description=kept.label.description if kept.label else "",
            count_expected=kept.material.expected,
            count_received=kept.material.received,
            state=kept.material.state,
            received_at=kept.received_at,
            due_back=kept.material.due_back,
        )
        for kept in materials.of_case(tx, case, patient)
    ]


def _question(tx: Tx, case: CaseId) -> str | None:
    """What the referral asks. What people here wrote on the case stays here."""
    for line in tx.lines(Chain.case(case)):
        if isinstance(line.fact, facts.NoteAdded) and line.fact.about == "question":
            return notes.read(tx, line.fact.note)
    return None
