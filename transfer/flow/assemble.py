"""Putting a packet together: a plan over what was collected, ruled on as a whole."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, TypedDict

from transfer import facts
from transfer.adapters.packet.assembly import assemble as plan_packet
from transfer.case import Case, OpenedCase
from transfer.completeness import Need, NeedState, is_lacking
from transfer.errors import Unavailable
from transfer.facts import Chain
from transfer.flow.assess import Assessment, is_undecided, look, settle_needs
from transfer.flow.basis import class_of, may_release
from transfer.flow.ending import give_up_newest
from transfer.flow.identity import DecideAgain, hold_patient_of
from transfer.flow.opening_records import open_waiting
from transfer.flow.packet_content import addressed, agrees, goes_along, of_material, of_referral, taken_as_it_is
from transfer.flow.services import Services
from transfer.flow.superseding import superseded, withdrawn
from transfer.holds import HoldCode
from transfer.identifiers import CaseId, PacketId, RecordId
from transfer.institutions import Institutions
from transfer.ledger import Tx, holds, materials, notes, packets, patients, records, rewritten_records, vault_objects
from transfer.ledger.materials import StoredMaterial
from transfer.ledger.records import Joined, RecordPart, StoredRecord
from transfer.materials import Material, MaterialState
from transfer.media_types import PDF, named
from transfer.packet import (
    Anchor,
    ContentClass,
    Contents,
    DicomInstance,
    ImagingItem,
    MaterialItem,
    Missing,
    PacketItem,
    SeriesItem,
    Superseded,
)
from transfer.partial_dates import PartialDate
from transfer.patients import Demographics
from transfer.records import RecordKind

#: said of every line that is not in the packet, whatever the reason (promise 7)
NOT_INCLUDED = "Not included in this packet."


def assemble(services: Services, packet: PacketId) -> bool:
    """Make the packet's plan and keep it, once. False: some of it may not be released now, and a person was told; or
    what it was to hold is purged.

    Nothing is copied: the plan names what the vault holds. Made before, it is left as it is. What was not opened yet is
    opened before.

    Raises:
        Unavailable: it cannot be opened now, or its patient became another one meanwhile.
    """
    if not open_waiting(services, packet.case):
        raise Unavailable("the process that opens documents does not run")
    with services.ledger.transaction() as tx:
        known = packets.get(tx, packet)
        if known is None or known.is_purged or tx.case(packet.case).packets[packet].given_up:
            return False
        if known.is_assembled:
            return True
        hold_patient_of(tx, packet.case)
        opened = OpenedCase.of(tx.case(packet.case))
        epoch = tx.epochs[opened.patient]
        if is_undecided(tx, tx.case(packet.case), []):
            return False
        going = _going(tx, services, packet, opened)
        if isinstance(going, HoldCode):
            holds.place(tx, packet.case, going, packet)
            return False
        if not going.carried:  # all that it was to hold was withdrawn or purged since
            tx.lock_case(packet.case)
            give_up_newest(tx, packet.case, "nothing-in-it")
            settle_needs(tx, services, packet.case)
            return False
        contents = _contents(tx, services, packet, opened, going)
    with vault_objects.writing_for(opened.patient):
        plan = plan_packet(contents, vault=services.vault, signer=services.signer())
    with services.ledger.transaction() as tx:
        now = patients.hold_epoch_shared(tx, opened.patient)
        tx.lock_case(packet.case)
        still = packets.get(tx, packet)
        is_gone = still is None or still.is_purged or tx.case(packet.case).packets[packet].given_up is not None
        if still is None or is_gone or still.is_assembled:
            _discard(services, sorted(plan.generated_keys))
            return not is_gone
        if OpenedCase.of(tx.case(packet.case)).patient != opened.patient:
            _discard(services, sorted(plan.generated_keys))
            raise DecideAgain  # two patients became one meanwhile, or two again
        held = [kept.id for kept, _ in going.carried]
        # Meanwhile a record may have got a label: it is ruled on by that, and may not get one until this is kept.
        said = going.said.union(map(class_of, rewritten_records.held_still(tx, held)))
        is_same = now == epoch and said == going.said
        if not is_same and (refused := _refused(tx, services, opened, said)):
            _discard(services, sorted(plan.generated_keys))
            holds.place(tx, packet.case, refused, packet)
            return False
        tag_manifest = plan.entry("tagmanifest-sha256.txt").location.sha256
        lacking = [missing.line for missing in contents.missing]
        packets.seal_plan(tx, opened.patient, plan, tag_manifest, held, lacking, said)
        anchor = contents.anchor
        tx.append(
            Chain.case(packet.case),
            facts.Anchored(chain=anchor.chain, sequence=anchor.sequence, head=anchor.hash, packet=packet),
        )
    return True


def _discard(services: Services, keys: list[str]) -> None:
    for key in keys:
        services.vault.remove(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Going:
    """What goes into a packet: records, which were collected under a basis, and what else may be said beside them."""

    carried: tuple[tuple[StoredRecord, Joined], ...]
    pieces: tuple[StoredMaterial, ...]
    #: lines that pieces of this case answer which do not go along
    left_out: frozenset[str]
    is_referral_said: bool
    said: frozenset[ContentClass]


def _going(tx: Tx, services: Services, packet: PacketId, opened: OpenedCase) -> _Going | HoldCode:
    """Of glass and referral only what may be released; of the records all, or a person is asked."""
    here, wanted = records.joined(tx, packet.case), materials.of_case(tx, packet.case, opened.patient)
    if not agrees(tx.case(packet.case), opened, here, wanted):
        return HoldCode.LEDGER_ALTERED
    pieces = [one for one in wanted if not _is_only_wanted(one.material)]
    carried = tuple(one for one in here if goes_along(tx.case(packet.case), *one))
    said = frozenset(class_of(kept) for kept, _ in carried)
    beside = {of_referral(opened), *map(of_material, pieces)}
    rulings = may_release(tx, services.institutions, opened.patient, opened.receiver, said | beside)
    if refused := rulings.only(said).why_not:
        return refused
    permitted = rulings.permitted
    permitted_pieces = tuple(one for one in pieces if of_material(one) in permitted)
    said |= {of_material(one) for one in permitted_pieces}
    is_referral_said = bool(said) and of_referral(opened) in permitted
    return _Going(
        carried=carried,
        pieces=permitted_pieces,
        left_out=frozenset(one.line for one in pieces) - {one.line for one in permitted_pieces},
        is_referral_said=is_referral_said,
        said=said | {of_referral(opened)} if is_referral_said else said,
    )


def _refused(tx: Tx, services: Services, opened: OpenedCase, said: Collection[ContentClass]) -> HoldCode | None:
    return may_release(tx, services.institutions, opened.patient, opened.receiver, said).why_not


def _contents(tx: Tx, services: Services, packet: PacketId, opened: OpenedCase, going: _Going) -> Contents:
    """All that the packet says."""
    found = look(tx, services, packet.case)
    who = patients.identity(tx, opened.patient)
    assert who is not None  # a packet is planned for a patient who is not purged
    first = _first_here(going.carried)
    older = superseded(tx, found.case, opened.patient, [kept.id for kept, _ in going.carried])
    items = [
        replace(item, taken=taken_as_it_is(found.case, kept.id))
        for kept, joined in going.carried
        for item in _items(tx, services, kept, joined, copy_of=first[kept.id], supersedes=older.get(kept.id, ()))
    ]
    images = [one for one in going.carried if one[0].kind is RecordKind.IMAGES]
    checklist = services.checklist_of(opened.checklist, opened.receiver)
    head = tx.lines(Chain.case(packet.case))[-1]
    patient = addressed(who.current, services.institutions, opened, going.said)
    return Contents(
        packet=packet,
        created_at=tx.now(),
        patient=patient,
        issuer_names=_issuer_names(services.institutions, patient, opened, going.said),
        receiver=opened.receiver,
        receiver_name=services.institutions[opened.receiver].name,
        **(_referral(tx, services, packet.case, opened) if going.is_referral_said else _UNSAID),
        items=tuple(items),
        imaging=tuple(
            replace(_imaging(tx, services, kept, joined), taken=taken_as_it_is(found.case, kept.id))
            for kept, joined in images
        ),
        missing=_missing(found, going.left_out),
        material=tuple(map(_material, going.pieces)),
        checklist=checklist.id,
        checklist_version=checklist.version,
        line_labels={line.key: line.label for line in checklist.lines},
        anchor=Anchor(head.chain, head.sequence, head.hash.hex()),
        replaces=_sent_before(found.case, packet),
        withdrawn=withdrawn(tx, found.case, opened.patient, older.values()),
    )


def _sent_before(case: Case, packet: PacketId) -> PacketId | None:
    """The packet before it that was not given up: one that went to nobody is replaced by none."""
    earlier = [PacketId(one) for one, sent in case.packets.items() if not sent.given_up]
    return next((one for one in reversed(earlier) if one.number < packet.number), None)


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
    parts = records.parts(tx, kept)
    plain = [_item(services, kept, joined, part, _title(kept, number)) for number, part in enumerate(parts)]
    same = [kept.id if part.role == "format" else copy_of for part in parts]
    return [replace(item, copy_of=original, supersedes=supersedes) for item, original in zip(plain, same, strict=True)]


def _title(kept: StoredRecord, number: int) -> str | None:
    """Of one of several files: the document's, and the file's own or which of them it is."""
    titles = kept.about.titles
    if number >= len(titles):
        return kept.about.title
    own = titles[number] or f"part {number + 1} of {len(titles)}"
    return f"{kept.about.title}: {own}" if kept.about.title else own


#: of a part that is made from the record
_DERIVATIONS: Final = {
    "extracted": "Taken unchanged out of the message it came in.",
    "beside": "What its source says beside its file: results, conclusions, a text. Put together by us.",
    "derived": "Pages of the document that its source gave, as a document of their own.",
    "whole": "Put together of a correction and the results of the earlier report that it leaves as they are.",
}


def _item(services: Services, kept: StoredRecord, joined: Joined, part: RecordPart, title: str | None) -> PacketItem:
    derivation = _DERIVATIONS.get(part.role)
    return PacketItem(
        record=part.name or kept.id,
        location=part.location,
        kind=kept.kind,
        code=kept.about.code,
        title=title,
        status=kept.status,
        at=kept.about.at,
        day=_day(kept, services),
        identifiers=kept.about.identifiers,
        source=kept.institution,
        source_name=services.institutions[kept.institution].name,
        content_type=part.content_type,
        labels=kept.about.labels,
        basis=joined.basis,
        line=joined.line,
        attached=kept.about.attached if named(part.content_type) == PDF else (),
        derived_from=_original(kept) if derivation else None,
        derivation=derivation,
    )


def _original(kept: StoredRecord) -> RecordId:
    """Of some pages of a document that document, which stays here; of anything else the record that it stands in."""
    return RecordId(kept.about.derived.original) if kept.about.derived else kept.id


def _imaging(tx: Tx, services: Services, kept: StoredRecord, joined: Joined) -> ImagingItem:
    by_series: dict[str, list[DicomInstance]] = {}
    rejected = {*kept.about.rejected}
    for part in records.parts(tx, kept):
        standing = [one for one in part.series.instances if one.sop_instance_uid not in rejected] if part.series else []
        if part.series and standing:
            instances = by_series.setdefault(part.series.series_instance_uid, [])
            instances += [DicomInstance(i.sop_instance_uid, i.location) for i in standing]
    return ImagingItem(
        record=kept.id,
        study_instance_uid=kept.about.study_instance_uid or "",
        series=tuple(SeriesItem(uid, tuple(_once(instances))) for uid, instances in by_series.items()),
        title=kept.about.title,
        modalities=kept.about.modalities,
        at=kept.about.at,
        day=_day(kept, services),
        identifiers=kept.about.identifiers,
        source=kept.institution,
        source_name=services.institutions[kept.institution].name,
        labels=kept.about.labels,
        basis=joined.basis,
        line=joined.line,
        conflicting=tuple(uid for uid in kept.about.conflicting if uid not in rejected),
    )


def _once(instances: list[DicomInstance]) -> list[DicomInstance]:
    """Each instance once: one that came again in a later object is a copy."""
    return list({instance.sop_instance_uid: instance for instance in reversed(instances)}.values())[::-1]


def _day(kept: StoredRecord, services: Services) -> PartialDate | None:
    """As its source says it; of one that was kept before that was noted, by the clock of its institution."""
    if kept.about.day or kept.about.at is None:
        return kept.about.day
    return PartialDate.of(kept.about.at.astimezone(services.institutions[kept.institution].zone).date())


def _is_only_wanted(material: Material) -> bool:
    """Nobody has announced or sent any piece of it: its line is missing, and there is nothing else to say."""
    return not material.expected and not material.received and material.state is MaterialState.WANTED


def _missing(found: Assessment, left_out: Collection[str]) -> tuple[Missing, ...]:
    """Lines that the packet does not answer. One that pieces answer which do not go along reads like any other."""
    return tuple(
        Missing(line=need.line.key, label=need.line.label, sentence=NOT_INCLUDED)
        for need in found.completeness.needs
        if is_lacking(need) or (need.line.key in left_out and _is_answered(need))
    )


def _is_answered(need: Need) -> bool:
    return need.is_required and need.state is NeedState.SATISFIED


def _material(kept: StoredMaterial) -> MaterialItem:
    return MaterialItem(
        accession=kept.label.accession if kept.label else "",
        kind=kept.material.kind,
        description=kept.label.description if kept.label else "",
        count_expected=kept.material.expected,
        count_received=kept.material.received,
        state=kept.material.state,
        received_at=kept.received_at,
        due_back=kept.material.due_back,
    )


class _Referral(TypedDict):
    """What the referral says, ruled on as one (`packet_content.of_referral`)."""

    referring_name: str | None
    referrer: str | None
    diagnosis: str | None
    question: str | None
    appointment: date | None
    needed_by: date | None


_UNSAID: Final = _Referral(
    referring_name=None, referrer=None, diagnosis=None, question=None, appointment=None, needed_by=None
)


def _referral(tx: Tx, services: Services, case: CaseId, opened: OpenedCase) -> _Referral:
    told = tx.case(case).opened
    assert told is not None  # `opened` is made from it
    appointment = datetime.fromisoformat(told.appointment_at) if told.appointment_at else None
    there = services.institutions[opened.receiver].zone
    return _Referral(
        referring_name=services.institutions[opened.referring].name,
        referrer=notes.of_referral(tx, case, "referrer"),
        diagnosis=notes.of_referral(tx, case, "diagnosis"),
        question=notes.of_referral(tx, case, "question"),
        appointment=appointment.astimezone(there).date() if appointment else None,
        needed_by=date.fromisoformat(told.needed_by) if told.needed_by else None,
    )


def _issuer_names(
    institutions: Institutions, patient: Demographics, opened: OpenedCase, said: Collection[ContentClass]
) -> dict[str, str]:
    """Who issued the numbers that go along, of those who are named in the packet anyway."""
    named = [institutions[one] for one in sorted({opened.receiver, *(content.discloser for content in said)})]
    return {number.issuer: one.name for number in patient.identifiers for one in named if one.issues(number.issuer)}
