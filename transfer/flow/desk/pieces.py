"""Glass and blocks as they come in, by hand."""

from transfer.actions import ActionCode, ActionResult
from transfer.case import OpenedCase
from transfer.codes import Value
from transfer.flow.assess import settle_needs
from transfer.flow.cross_check import check_labels
from transfer.flow.desk.verbs import at_desk, not_allowed, opened_case, still_open, unknown
from transfer.flow.services import Services
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, materials
from transfer.ledger.materials import Label, StoredMaterial
from transfer.materials import Material, MaterialKind, MaterialState, discrepancy
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
        now = materials.receive(tx, case, patient, kept, pieces=pieces, announced=announced, label=label)
        check_labels(tx, OpenedCase.of(found))
        after = settle_needs(tx, services, case)
    return ActionResult(ActionCode.PIECES_COUNTED, **_count(now), outlook=after.sentence)


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
