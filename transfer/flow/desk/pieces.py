"""Glass and blocks as they come in, counted by hand: of one kind, or all of one accession of a parcel."""

from dataclasses import replace

from transfer.actions import ActionCode, ActionResult
from transfer.case import OpenedCase
from transfer.codes import Value
from transfer.errors import NotAllowed, Unknown
from transfer.flow.assess import settle_needs
from transfer.flow.cross_check import check_pieces
from transfer.flow.desk.verbs import at_desk, not_allowed, opened_case, still_open, unknown
from transfer.flow.services import Services
from transfer.identifiers import CaseId, InstitutionId, MaterialId, ParcelId, PatientId, PieceId
from transfer.ledger import Tx, materials, parcels
from transfer.ledger.materials import Came, Label, StoredMaterial
from transfer.materials import CheckIn, DescribedPiece, Material, MaterialKind, MaterialState, discrepancy
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right


def receive_material(
    services: Services,
    case: CaseId,
    *,
    pieces: int,
    accession: str,
    actor: Actor,
    announced: int | None = None,
    material: str | None = None,
    is_another_parcel: bool = False,
    kind: MaterialKind | None = None,
) -> ActionResult:
    """Count a parcel in by what its labels say. The same parcel entered again counts once, unless it is said to be
    another one. `kind` says what came, where it is not what was awaited.

    Raises:
        Unknown: nothing of that kind is awaited.
        NeedsReview: the labels carry another accession number than an earlier parcel's.
        NotAllowed: several materials are awaited and none is named, or what is counted differs from what was entered.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        if not accession.strip():
            raise not_allowed(Reason(RefusalCode.NO_ACCESSION), Remedy(RemedyCode.TYPE_LABELS))
        found, _, patient = opened_case(tx, case)
        still_open(found)
        kept = _meant(tx, case, patient, material)
        kept = materials.of_kind(tx, case, patient, kept, kind or kept.material.kind)
        if kept.material.received and not is_another_parcel:
            return _entered_before(kept, pieces, accession)
        label = Label(accession=accession.strip(), description=kept.label.description if kept.label else "")
        now = materials.receive(tx, case, patient, kept, Came(pieces=pieces, label=label, announced=announced))
        check_pieces(tx, OpenedCase.of(found))
        after = settle_needs(tx, services, case)
    return ActionResult(ActionCode.PIECES_COUNTED, **_count(now), outlook=after.sentence)


def log_in(services: Services, case: CaseId, seen: CheckIn, *, actor: Actor) -> ActionResult:
    """Log in what came in a parcel under one accession, all kinds at once. The same again writes nothing; another count
    of the same parcel stands in place of the first.

    Raises:
        Unknown: no such case or parcel, or nothing is awaited from there.
        NotAllowed: the case is closed, pieces are awaited from several and none is named, or what came before bears
            another accession number and nobody says that the patient has both.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        return log_in_at(tx, services, case, seen, place=None)


def log_in_at(tx: Tx, services: Services, case: CaseId, seen: CheckIn, *, place: InstitutionId | None) -> ActionResult:
    """The same within a transaction, of a parcel that came to the desk, or to the receiving center `place`."""
    _taken_in(tx, seen.parcel, place)
    found, opened, patient = opened_case(tx, case)
    if place not in (None, opened.receiver):
        raise unknown(Reason(RefusalCode.NO_CASE, case=case), Remedy(RemedyCode.LIST_CASES))
    still_open(found)
    counted = [
        now
        for kind, pieces in sorted(seen.counts.items(), key=lambda one: not _awaits(tx, case, patient, one[0]))
        if (now := _log_kind_in(tx, case, patient, seen, kind, pieces)) is not None
    ]
    if not counted:
        return ActionResult(ActionCode.LOGGED_IN_BEFORE, pieces=_told(seen))
    check_pieces(tx, OpenedCase.of(found))
    after = settle_needs(tx, services, case)
    wrong = tuple(dict.fromkeys(str(one) for now in counted if (one := discrepancy(now))))
    return ActionResult(ActionCode.LOGGED_IN, pieces=_told(seen), discrepancies=wrong, outlook=after.sentence)


def _log_kind_in(
    tx: Tx, case: CaseId, patient: PatientId, seen: CheckIn, kind: MaterialKind, pieces: int
) -> Material | None:
    kept = _row(tx, case, patient, seen, kind)
    label = replace(kept.label or Label(accession=""), accession=seen.accession.strip())
    label = replace(label, our_accession=seen.our_accession or label.our_accession, parts=_parts(kept, seen))
    came = Came(
        pieces=pieces,
        label=label,
        labels=seen.labels,
        announced=seen.announced.get(kind),
        parcel=seen.parcel,
        with_report=seen.with_report,
        due_back=seen.due_back if kind.is_original else None,
    )
    return None if _is_counted(tx, kept, came) else materials.receive(tx, case, patient, kept, came)


def _parts(kept: StoredMaterial, seen: CheckIn) -> tuple[str, ...]:
    """The parts that the labels of all pieces name, those that came before among them; none where some name none."""
    before = kept.label.parts if kept.label and kept.material.received else None
    if not seen.parts or before == ():
        return ()
    return tuple(sorted({*seen.parts, *(before or ())}))


def _row(tx: Tx, case: CaseId, patient: PatientId, seen: CheckIn, kind: MaterialKind) -> StoredMaterial:
    """The material that pieces of this kind and accession are counted on, made where they were not awaited so."""
    rows = _of_source(tx, case, patient, seen.source)
    number = materials.accession_hmac(tx, patient, seen.accession.strip())
    same = [one for one in rows if one.label and one.material.accession_hmac == number]
    if exact := [one for one in same if one.material.kind is kind]:
        return exact[0]
    free = [one for one in rows if one.label is None and one.material.state is not MaterialState.CANCELLED]
    if fitting := [one for one in free if one.material.kind is kind]:
        return fitting[0]
    if same:
        return materials.beside(tx, case, patient, same[0], kind)
    if free:
        return materials.of_kind(tx, case, patient, free[0], kind)
    if not seen.is_another_accession:
        raise not_allowed(Reason(RefusalCode.ANOTHER_ACCESSION, case=case), Remedy(RemedyCode.SAY_ANOTHER_ACCESSION))
    return materials.beside(tx, case, patient, rows[0], kind)


def _of_source(tx: Tx, case: CaseId, patient: PatientId, source: InstitutionId | None) -> list[StoredMaterial]:
    awaited = [one for one in materials.of_case(tx, case, patient) if source in (None, one.institution)]
    if not awaited:
        raise unknown(Reason(RefusalCode.NO_SUCH_MATERIAL, case=case), Remedy(RemedyCode.SHOW_CASE, case=case))
    if len(sources := sorted({one.institution for one in awaited})) > 1:
        raise not_allowed(
            Reason(RefusalCode.SEVERAL_MATERIALS, case=case), Remedy(RemedyCode.NAME_MATERIAL, materials=tuple(sources))
        )
    return awaited


def _awaits(tx: Tx, case: CaseId, patient: PatientId, kind: MaterialKind) -> bool:
    return any(one.material.kind is kind for one in materials.of_case(tx, case, patient))


def _taken_in(tx: Tx, parcel: ParcelId, place: InstitutionId | None) -> None:
    if parcels.get(tx, parcel, place) is None:
        raise unknown(Reason(RefusalCode.NO_PARCEL), Remedy(RemedyCode.TAKE_PARCEL_IN))


def _is_counted(tx: Tx, kept: StoredMaterial, came: Came) -> bool:
    """Whether exactly this was counted of the parcel before."""
    if came.parcel is None or parcels.counted(tx, came.parcel, kept.material.id) != came.pieces:
        return False
    same = (came.label, came.labels, came.announced or kept.material.expected, came.due_back or kept.material.due_back)
    return same == (kept.label, kept.material.labels, kept.material.expected, kept.material.due_back)


def _told(seen: CheckIn) -> tuple[str, ...]:
    return tuple(f"{pieces} {kind}{'s' * (pieces != 1)}" for kind, pieces in seen.counts.items())


def describe_piece(
    services: Services,
    case: CaseId,
    material: MaterialId,
    label: str,
    *,
    actor: Actor,
    block: str = "",
    stain: str = "",
    place: str = "",
    piece: PieceId | None = None,
) -> ActionResult:
    """Say of one of the pieces that came what stands on it, of which block and with which stain it is, and where it is
    now. All of it is sealed. The same label again is the same piece; `piece` says which, where its label is another
    one. In a closed case pieces are described, too.

    Raises:
        Unknown: no such case, material or piece.
        NotAllowed: nothing came yet, each piece that was counted is described, or there is no label.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        _, _, patient = opened_case(tx, case)
        kept = _meant(tx, case, patient, material)
        known = kept.label.pieces if kept.label else ()
        before = next((one for one in known if piece == one.id or (piece is None and one.label == label.strip())), None)
        if (why := _why_not_described(case, kept.material, len(known), piece, before)) is not None:
            raise why
        try:
            said = DescribedPiece(
                id=before.id if before else PieceId.draw(),
                label=label.strip(),
                block=block.strip(),
                stain=stain.strip(),
                place=place.strip(),
                since=tx.now(),
            )
        except ValueError:
            raise not_allowed(Reason(RefusalCode.NO_LABEL), Remedy(RemedyCode.TYPE_LABELS)) from None
        if before and said.is_as(before):
            return ActionResult(ActionCode.PIECE_DESCRIBED_BEFORE, piece=said.id)
        materials.keep_piece(tx, case, patient, kept, said)
    return ActionResult(ActionCode.PIECE_DESCRIBED, piece=said.id)


def _why_not_described(
    case: CaseId, material: Material, known: int, piece: PieceId | None, before: DescribedPiece | None
) -> NotAllowed | Unknown | None:
    there = Remedy(RemedyCode.FIND_IN_CASE)
    if piece is not None and before is None:
        return unknown(Reason(RefusalCode.NO_SUCH_MATERIAL, case=case), there)
    if not material.received:
        return not_allowed(Reason(RefusalCode.NOT_COME_YET, material=material.id), there)
    if before is None and known >= material.received:
        reason = Reason(RefusalCode.MORE_THAN_COUNTED, material=material.id, received=material.received)
        return not_allowed(reason, there)
    return None


def announce_material(
    services: Services, case: CaseId, count: int, *, actor: Actor, material: str | None = None
) -> ActionResult:
    """How many pieces the sender's list says were sent, where that became known after they came.

    Raises:
        NotAllowed: nothing came yet: the number is then given with the parcel.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        found, _, patient = opened_case(tx, case)
        still_open(found)
        kept = _meant(tx, case, patient, material)
        if not kept.material.received:
            raise not_allowed(
                Reason(RefusalCode.NOT_COME_YET, material=kept.material.id),
                Remedy(RemedyCode.GIVE_WITH_PARCEL, case=case),
            )
        if kept.material.expected == count and kept.material.state is not MaterialState.DISCREPANT:
            return ActionResult(ActionCode.PIECES_COUNTED_BEFORE, **_count(kept.material))
        now = materials.announce(tx, case, kept, count)
        after = settle_needs(tx, services, case)
    return ActionResult(ActionCode.PIECES_COUNTED, **_count(now), outlook=after.sentence)


def _meant(tx: Tx, case: CaseId, patient: PatientId, material: str | None) -> StoredMaterial:
    awaited = materials.of_case(tx, case, patient)
    meant = [one for one in awaited if material in (None, one.material.id)]
    if not meant:
        raise unknown(Reason(RefusalCode.NO_SUCH_MATERIAL, case=case), Remedy(RemedyCode.SHOW_CASE, case=case))
    if len(meant) > 1:
        ids = tuple(f"{one.material.id} ({one.institution})" for one in meant)
        raise not_allowed(
            Reason(RefusalCode.SEVERAL_MATERIALS, case=case), Remedy(RemedyCode.NAME_MATERIAL, materials=ids)
        )
    return meant[0]


def _entered_before(kept: StoredMaterial, pieces: int, accession: str) -> ActionResult:
    same = kept.label is not None and kept.label.accession == accession.strip()
    if same and kept.material.received == pieces:
        return ActionResult(ActionCode.PIECES_COUNTED_BEFORE, **_count(kept.material))
    raise not_allowed(
        Reason(RefusalCode.OTHERWISE_ENTERED, material=kept.material.id, received=kept.material.received),
        Remedy(RemedyCode.SAY_ANOTHER_PARCEL),
    )


def _count(material: Material) -> dict[str, Value]:
    """The fields of a count."""
    return {
        "kind": material.kind,
        "received": material.received,
        "expected": material.expected,
        "discrepancy": discrepancy(material) or "",
    }
