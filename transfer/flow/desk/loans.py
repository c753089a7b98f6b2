"""Loans: what goes back to its laboratory, when, and what a pathologist says of it before."""

from dataclasses import replace
from datetime import date

from transfer.actions import ActionCode, ActionResult
from transfer.flow import needs
from transfer.flow.assess import settle_needs
from transfer.flow.desk.looking import demand_identity, show_identity
from transfer.flow.desk.parcels import MOST, PiecesView, views
from transfer.flow.desk.verbs import at_desk, not_allowed, opened_case, still_open, unknown
from transfer.flow.needs import NewNeed
from transfer.flow.services import Services
from transfer.identifiers import CaseId, InstitutionId, MaterialId, PatientId
from transfer.ledger import Tx, materials
from transfer.ledger.materials import StoredMaterial
from transfer.looks import LookPlace
from transfer.materials import MaterialKind, MaterialState, Sufficiency
from transfer.parcels import Carrier, as_read
from transfer.records import RecordKind
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right

_M = MaterialState
#: what a pathologist needs besides, as it is asked for
_NEEDED = {
    Sufficiency.NEED_BLOCK: (RecordKind.MATERIAL, MaterialKind.BLOCK),
    Sufficiency.NEED_UNSTAINED: (RecordKind.MATERIAL, MaterialKind.UNSTAINED),
    Sufficiency.NEED_IHC: (RecordKind.MATERIAL, MaterialKind.SLIDE),
    Sufficiency.NEED_REPORT: (RecordKind.PATHOLOGY_REPORT, None),
}


def list_loans(services: Services, *, actor: Actor, identity: bool = False) -> tuple[PiecesView, ...]:
    """Loans that are not back at their laboratories, what is due first in front; a hundred. `identity`: with names and
    numbers, which is written down.

    Raises:
        NotAllowed: identity is asked for by somebody who may not see it.
    """
    if identity:
        demand_identity(actor)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        rows = [(case, _of(tx, case, material), 0) for case, material in materials.lent(tx, MOST)]
        named = show_identity(tx, actor, {case for case, _, _ in rows}, LookPlace.PACKAGES) if identity and rows else ()
        return views(tx, rows, named)


def find_pieces(services: Services, material: MaterialId, *, actor: Actor) -> CaseId | None:
    """The case of the pieces that a return sheet bears the code of; None: there are none."""
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        return materials.case_of(tx, material)


def show_pieces(
    services: Services, case: CaseId, material: MaterialId, *, actor: Actor, identity: bool = False
) -> PiecesView:
    """Pieces of one kind under one accession. `identity` as in `list_loans`.

    Raises:
        Unknown: no such case, or it has no such material.
        NotAllowed: identity is asked for by somebody who may not see it.
    """
    if identity:
        demand_identity(actor)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        opened_case(tx, case)
        rows = [(case, _of(tx, case, material), 0)]
        named = show_identity(tx, actor, [case], LookPlace.PACKAGES) if identity else ()
        return views(tx, rows, named)[0]


def return_material(
    services: Services, case: CaseId, material: MaterialId, *, actor: Actor, carrier: Carrier, number: str = ""
) -> ActionResult:
    """A loan leaves for its laboratory; `number` is the courier's, kept sealed. The same again writes nothing. A closed
    case gives back, too.

    Raises:
        Unknown: no such case, or it has no such material.
        NotAllowed: it is no loan that is here.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        return return_at(tx, case, material, carrier=carrier, number=number)


def return_at(tx: Tx, case: CaseId, material: MaterialId, *, carrier: Carrier, number: str) -> ActionResult:
    """The same within a transaction."""
    _, _, patient = opened_case(tx, case)
    kept = _of(tx, case, material)
    if kept.material.state is _M.RETURNING:
        return ActionResult(ActionCode.PIECES_MOVED_BEFORE, state=_M.RETURNING)
    if not (kept.material.loan and kept.material.is_here):
        raise not_allowed(Reason(RefusalCode.NO_LOAN, material=material), Remedy(RemedyCode.SHOW_CASE, case=case))
    materials.move(tx, case, kept, _M.RETURNING, carrier=carrier)
    if kept.label and number.strip():
        materials.relabel(tx, patient, kept, replace(kept.label, return_number=as_read(number)))
    return ActionResult(ActionCode.PIECES_MOVED, state=_M.RETURNING)


def confirm_return(services: Services, case: CaseId, material: MaterialId, *, actor: Actor) -> ActionResult:
    """The laboratory says that it has its pieces back. The same again writes nothing.

    Raises:
        Unknown: no such case, or it has no such material.
        NotAllowed: it is no loan that came here.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        opened_case(tx, case)
        kept = _of(tx, case, material)
        if kept.material.state is _M.RETURNED:
            return ActionResult(ActionCode.PIECES_MOVED_BEFORE, state=_M.RETURNED)
        if not kept.material.is_on_loan:
            raise not_allowed(Reason(RefusalCode.NO_LOAN, material=material), Remedy(RemedyCode.SHOW_CASE, case=case))
        materials.move(tx, case, kept, _M.RETURNED)
    return ActionResult(ActionCode.PIECES_MOVED, state=_M.RETURNED)


def keep_longer(services: Services, case: CaseId, material: MaterialId, until: date, *, actor: Actor) -> ActionResult:
    """The lender lets its pieces stay until this day, there. The same day again writes nothing.

    Raises:
        Unknown: no such case, or it has no such material.
        NotAllowed: it is no loan that is here, or is due back later.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        return keep_at(tx, case, material, until)


def keep_at(tx: Tx, case: CaseId, material: MaterialId, until: date) -> ActionResult:
    """The same within a transaction."""
    opened_case(tx, case)
    kept = _of(tx, case, material)
    if kept.material.due_back == until:
        return ActionResult(ActionCode.KEPT_LONGER_BEFORE, until=until.isoformat())
    if not kept.material.is_on_loan or (kept.material.due_back and until < kept.material.due_back):
        raise not_allowed(Reason(RefusalCode.NO_LOAN, material=material), Remedy(RemedyCode.SHOW_CASE, case=case))
    materials.keep_until(tx, case, kept, until)
    return ActionResult(ActionCode.KEPT_LONGER, until=until.isoformat())


def judge_material(
    services: Services,
    case: CaseId,
    material: MaterialId,
    said: Sufficiency,
    *,
    actor: Actor,
    count: int | None = None,
    words: str | None = None,
) -> ActionResult:
    """Write down what a pathologist says of the pieces: their line is settled, whatever their number. What is needed
    besides becomes a line of its own, which the laboratory is asked for; `count`: how many; `words` are kept sealed.
    The same again writes nothing.

    Raises:
        Unknown: no such case, or it has no such material.
        NotAllowed: the case is closed, nothing came of it, or the laboratory holds no such thing.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        return judge_at(tx, services, case, material, said, count=count, words=words)


def judge_at(
    tx: Tx,
    services: Services,
    case: CaseId,
    material: MaterialId,
    said: Sufficiency,
    *,
    count: int | None,
    words: str | None,
) -> ActionResult:
    """The same within a transaction."""
    found, _, _ = opened_case(tx, case)
    still_open(found)
    kept = _of(tx, case, material)
    if not kept.material.received:
        raise not_allowed(
            Reason(RefusalCode.NOT_COME_YET, material=material), Remedy(RemedyCode.GIVE_WITH_PARCEL, case=case)
        )
    if kept.material.judged is said:
        return ActionResult(ActionCode.JUDGED_BEFORE, said=said)
    if said in _NEEDED:
        _demand_holder(services, case, kept.institution, _NEEDED[said][0])
    materials.judge(tx, case, kept, said)
    if said in _NEEDED:
        kind, pieces = _NEEDED[said]
        needs.add(
            tx,
            services,
            case,
            [NewNeed(kind=kind, institution=kept.institution, pieces=pieces, count=count, words=words)],
        )
    after = settle_needs(tx, services, case)
    return ActionResult(ActionCode.JUDGED, said=said, outlook=after.sentence)


def _demand_holder(services: Services, case: CaseId, institution: InstitutionId, kind: RecordKind) -> None:
    if all(kind not in department.holds for department in services.institutions[institution].departments):
        raise not_allowed(
            Reason(RefusalCode.HOLDS_NO_KIND, institution=institution, kind=kind),
            Remedy(RemedyCode.SHOW_CASE, case=case),
        )


def ask_for_material(services: Services, case: CaseId, material: MaterialId, *, actor: Actor) -> ActionResult:
    """The laboratory was asked for these pieces. The same again writes nothing.

    Raises:
        Unknown: no such case, or it has no such material.
        NotAllowed: they are on their way, or came.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        opened_case(tx, case)
        kept = _of(tx, case, material)
        if kept.material.state is _M.REQUESTED:
            return ActionResult(ActionCode.PIECES_MOVED_BEFORE, state=_M.REQUESTED)
        if kept.material.state not in (_M.WANTED, _M.REFUSED):
            raise not_allowed(
                Reason(RefusalCode.PIECES_CAME, material=material), Remedy(RemedyCode.SHOW_CASE, case=case)
            )
        materials.move(tx, case, kept, _M.REQUESTED)
        after = settle_needs(tx, services, case)
    return ActionResult(ActionCode.PIECES_ASKED_FOR, outlook=after.sentence)


def _of(tx: Tx, case: CaseId, material: MaterialId) -> StoredMaterial:
    opened = tx.case(case).opened
    rows = materials.of_case(tx, case, PatientId(opened.patient)) if opened else []
    for kept in rows:
        if kept.material.id == material:
            return kept
    raise unknown(Reason(RefusalCode.NO_SUCH_MATERIAL, case=case), Remedy(RemedyCode.SHOW_CASE, case=case))
