"""Parcels as they come: taken in by the courier's number, whose they are, and what was counted of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from transfer.actions import ActionCode, ActionResult
from transfer.flow.desk.finding import FoundCase, find_cases
from transfer.flow.desk.looking import demand_identity, show_identity
from transfer.flow.desk.verbs import at_desk, unknown
from transfer.flow.services import Services
from transfer.identifiers import CaseId, InstitutionId, ParcelId, PatientId
from transfer.ledger import Tx, materials, parcels, patients, sessions
from transfer.ledger.materials import StoredMaterial
from transfer.looks import LookPlace
from transfer.materials import DescribedPiece, Discrepancy, discrepancy, is_overdue
from transfer.parcels import Carrier, Condition, Parcel, as_read
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right

#: parcels, and loans, of one page
MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PiecesView:
    """Pieces of one kind under one accession. Names and numbers are None for who may not see them."""

    case: CaseId
    material: str
    institution: InstitutionId
    receiver: InstitutionId
    kind: str
    received: int
    expected: int
    state: str
    labels: str
    judged: str | None
    discrepancy: Discrepancy | None
    loan: bool
    due_back: date | None
    is_overdue: bool
    patient: str | None = None
    born: date | None = None
    accession: str | None = None
    our_accession: str | None = None
    return_number: str | None = None
    #: those of them that somebody described
    described: tuple[DescribedPiece, ...] = ()
    #: how many of them came in the parcel that is shown
    in_parcel: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelView:
    """A parcel with what was logged in of it."""

    parcel: Parcel
    contents: tuple[PiecesView, ...]
    #: what people call whoever took it in; None: nobody who signs in at the desk
    taken_in_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelList:
    """`waiting`: nothing was logged in of them, the oldest first; `lately`: the newest of the others."""

    waiting: tuple[Parcel, ...]
    lately: tuple[Parcel, ...]
    #: what people call who took them in, by account
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaiting:
    """A case that may be meant by a number, and from whom it awaits pieces, or has got some."""

    found: FoundCase
    sources: tuple[InstitutionId, ...]


def receive_parcel(
    services: Services,
    *,
    actor: Actor,
    carrier: Carrier,
    condition: Condition = Condition.GOOD,
    number: str = "",
    shelf: str = "",
) -> ActionResult:
    """Take a parcel in, with the courier's number as it was read. The same number again is the same parcel. Whose it is
    is known once something of it is logged in; until then it is listed, and kept for 30 days.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        return receive_at(tx, actor.person, None, carrier=carrier, condition=condition, number=number, shelf=shelf)


def receive_at(
    tx: Tx,
    account: str,
    place: InstitutionId | None,
    *,
    carrier: Carrier,
    condition: Condition,
    number: str,
    shelf: str,
) -> ActionResult:
    """The same within a transaction, at the desk or at the receiving center `place`."""
    parcel, is_new = parcels.take_in(
        tx,
        *(carrier, condition),
        number=number,
        shelf=shelf,
        place=place,
        by=account,
        today=tx.now().date(),
    )
    return ActionResult(ActionCode.PARCEL_RECEIVED if is_new else ActionCode.PARCEL_RECEIVED_BEFORE, parcel=parcel)


def find_parcel(services: Services, number: str, *, actor: Actor) -> Parcel | None:
    """The parcel with this courier's number, if it came to the desk."""
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        return parcels.by_number(tx, number, None)


def list_parcels(services: Services, *, actor: Actor) -> ParcelList:
    """The parcels of the desk; of each list a hundred."""
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        return listed_at(tx, None)


def listed_at(tx: Tx, place: InstitutionId | None) -> ParcelList:
    """The same within a transaction, of a center or of the desk."""
    waiting, lately = tuple(parcels.unmatched(tx, place, MOST)), tuple(parcels.newest(tx, place, MOST))
    return ParcelList(waiting=waiting, lately=lately, names=_names(tx, place, {one.by for one in lately}))


def _names(tx: Tx, place: InstitutionId | None, accounts: Collection[str]) -> Mapping[str, str]:
    """What people of the desk are called; a center's accounts are none of them."""
    return {} if place else sessions.names(tx, accounts)


def show_parcel(services: Services, parcel: ParcelId, *, actor: Actor, identity: bool = False) -> ParcelView:
    """A parcel with what was logged in of it. `identity`: names and accession numbers are shown, which is written down.

    Raises:
        Unknown: no such parcel came to the desk.
        NotAllowed: identity is asked for by somebody who may not see it.
    """
    if identity:
        demand_identity(actor)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        among = {one.case for one in parcels.contents(tx, parcel)}
        named = show_identity(tx, actor, among, LookPlace.PACKAGES) if identity and among else frozenset()
        return shown_at(tx, parcel, None, among=among, named=named)


def shown_at(
    tx: Tx, parcel: ParcelId, place: InstitutionId | None, *, among: Collection[CaseId], named: Collection[CaseId]
) -> ParcelView:
    """The same within a transaction: what is of cases `among` these, with names and numbers where they are `named`."""
    found = parcels.get(tx, parcel, place)
    if found is None:
        raise unknown(Reason(RefusalCode.NO_PARCEL), Remedy(RemedyCode.TAKE_PARCEL_IN))
    counted = {one.material: one for one in parcels.contents(tx, parcel)}
    rows = [
        (case, kept, counted[kept.material.id].pieces)
        for case in dict.fromkeys(one.case for one in counted.values())
        if case in among
        for kept in _kept(tx, case)
        if kept.material.id in counted
    ]
    by = _names(tx, place, [found.by]).get(found.by)
    return ParcelView(parcel=found, contents=views(tx, rows, named), taken_in_by=by)


def _kept(tx: Tx, case: CaseId) -> Sequence[StoredMaterial]:
    opened = tx.case(case).opened
    return materials.of_case(tx, case, PatientId(opened.patient)) if opened else ()


def views(
    tx: Tx, rows: Sequence[tuple[CaseId, StoredMaterial, int]], named: Collection[CaseId]
) -> tuple[PiecesView, ...]:
    """Pieces as they are shown; with names and numbers where their cases are `named`."""
    today = tx.now().date()
    return tuple(_view(tx, case, kept, pieces, today, is_named=case in named) for case, kept, pieces in rows)


def _view(tx: Tx, case: CaseId, kept: StoredMaterial, pieces: int, today: date, *, is_named: bool) -> PiecesView:
    opened, one = tx.case(case).opened, kept.material
    assert opened is not None  # its pieces are wanted
    label = kept.label if is_named else None
    who = patients.identity(tx, PatientId(opened.patient)) if is_named else None
    return PiecesView(
        case=case,
        material=one.id,
        institution=kept.institution,
        receiver=InstitutionId(opened.receiver),
        kind=one.kind,
        received=one.received,
        expected=one.expected,
        state=one.state,
        labels=one.labels,
        judged=one.judged,
        discrepancy=None if one.judged else discrepancy(one),
        loan=one.loan,
        due_back=one.due_back,
        is_overdue=is_overdue(one, today),
        patient=str(who.current.names[0]) if who and who.current.names else None,
        born=who.current.birth_date if who else None,
        accession=label.accession if label else None,
        our_accession=label.our_accession if label else None,
        return_number=label.return_number if label else None,
        described=label.pieces if label else (),
        in_parcel=pieces,
    )


def find_awaiting(
    services: Services, *, actor: Actor, number: str = "", name: str = "", born: str = ""
) -> tuple[Awaiting, ...]:
    """Open cases that may be meant by what a label says, and await pieces. The search is written down.

    Raises:
        NotAllowed: the actor may see no identity, or nothing is given by which anybody could be found.
    """
    found = find_cases(services, actor=actor, number=as_read(number), name=name, born=born, identity=True)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        rows = [(one, _sources(_kept(tx, one.case))) for one in found.cases if one.is_open]
    return tuple(Awaiting(found=one, sources=sources) for one, sources in rows if sources)


def _sources(kept: Sequence[StoredMaterial]) -> tuple[InstitutionId, ...]:
    return tuple(dict.fromkeys(one.institution for one in kept))
