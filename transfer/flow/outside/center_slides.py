"""Outside slides at a receiving center: its parcels, what it logs in, what its pathologist says, and the way back.

As with packets, what may not be released to the center now is not here: no list, search or page says that there is
something. The labels of what it holds in its hands say more than we do.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from transfer import facts
from transfer.actions import ActionResult
from transfer.case import Case, OpenedCase
from transfer.errors import NotAllowed, Refused, Unknown, Unreadable
from transfer.flow.basis import may_release
from transfer.flow.desk.loans import judge_at, keep_at, return_at
from transfer.flow.desk.parcels import MOST, ParcelList, ParcelView, PiecesView, listed_at, receive_at, shown_at, views
from transfer.flow.desk.pieces import log_in_at
from transfer.flow.outside.sessions import by_outsider
from transfer.flow.packet_content import of_material, of_referral
from transfer.flow.searchable import make_searchable
from transfer.flow.services import Services
from transfer.identifiers import CaseId, InstitutionId, MaterialId, ParcelId, PatientId
from transfer.ledger import Tx, cases, looks, materials, parcels, patients, search_terms
from transfer.ledger.materials import StoredMaterial
from transfer.looks import LookPlace
from transfer.materials import CheckIn, Sufficiency
from transfer.outside_sessions import OutsideSession
from transfer.parcels import Carrier, Condition, Parcel, as_read
from transfer.searching import sought

#: patients whose terms a search writes before it looks, and that it looks at
_LOOKED_AT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitedAtCenter:
    """A case of the center that may be meant by a label, and from whom it awaits pieces, or has got some."""

    case: CaseId
    patient: str
    born: date | None
    sources: tuple[InstitutionId, ...]


def receive_parcel(
    services: Services, session: OutsideSession, *, carrier: Carrier, condition: Condition, number: str, shelf: str
) -> ParcelId:
    """Take a parcel in at the center. The same number again is the same parcel."""
    with by_outsider(services, session.account) as tx:
        did = receive_at(
            tx,
            session.account,
            session.institution,
            carrier=carrier,
            condition=condition,
            number=number,
            shelf=shelf,
        )
    return ParcelId(str(did.fields["parcel"]))


def find_parcel(services: Services, session: OutsideSession, number: str) -> Parcel | None:
    """The parcel with this courier's number, if it came to the center."""
    with by_outsider(services, session.account) as tx:
        return parcels.by_number(tx, number, session.institution)


def list_parcels(services: Services, session: OutsideSession) -> ParcelList:
    """The parcels of the center; of each list a hundred."""
    with by_outsider(services, session.account) as tx:
        return listed_at(tx, session.institution)


def show_parcel(services: Services, session: OutsideSession, parcel: ParcelId) -> ParcelView:
    """A parcel with what was logged in of it, for patients who may be shown. Who looks is a fact.

    Raises:
        Unknown: no such parcel came to the center.
    """
    with by_outsider(services, session.account) as tx:
        among = {one.case for one in parcels.contents(tx, parcel)}
        seen = _seen(tx, services, session, among)
        return shown_at(tx, parcel, session.institution, among=seen, named=seen)


def find_awaiting(
    services: Services, session: OutsideSession, *, number: str = "", name: str = "", born: str = ""
) -> tuple[AwaitedAtCenter, ...]:
    """Open cases of the center that may be meant by what a label says. The search and who is shown are facts.

    Raises:
        NotAllowed: nothing is given by which anybody could be found.
    """
    try:
        wanted = sought(name, born, as_read(number))
    except ValueError:
        raise NotAllowed("nobody could be found by this") from None
    make_searchable(services, at_most=_LOOKED_AT)
    with by_outsider(services, session.account) as tx:
        known = patients.identities(tx, search_terms.found(tx, wanted.groups, _LOOKED_AT))
        meant = [one for one, who in known.items() if wanted.rank((who.current, *who.former)) is not None]
        found = [
            one
            for case, _ in sorted(cases.of_patients(tx, meant), key=lambda one: one[1])
            if (opened := _theirs(tx, services, session, case)) and tx.case(case).is_open
            for one in _awaited(tx, opened)
        ]
        shown = tuple(sorted(one.case for one in found))
        looks.write(tx, facts.PatientsSought(by=wanted.kinds, shown=shown))
        if shown:
            looks.write(tx, facts.IdentityViewed(cases=shown, place=LookPlace.CENTER))
    return tuple(found)


def _awaited(tx: Tx, opened: OpenedCase) -> Iterator[AwaitedAtCenter]:
    who, kept = patients.identity(tx, opened.patient), materials.of_case(tx, opened.id, opened.patient)
    if who and kept:
        yield AwaitedAtCenter(
            case=opened.id,
            patient=str(who.current.names[0]) if who.current.names else "Name not stated",
            born=who.current.birth_date,
            sources=tuple(dict.fromkeys(one.institution for one in kept)),
        )


def log_in(services: Services, session: OutsideSession, case: CaseId, seen: CheckIn) -> ActionResult:
    """Log in what came in a parcel of the center under one accession, as at the desk.

    Raises:
        Unknown: the case is not the center's, or may not be shown to it now; or no such parcel came to it.
        NotAllowed: as `transfer.flow.desk.log_in`.
    """
    with by_outsider(services, session.account) as tx:
        _demand(tx, services, session, case)
        return log_in_at(tx, services, case, seen, place=session.institution)


def list_pieces(services: Services, session: OutsideSession) -> tuple[PiecesView, ...]:
    """Slides and blocks of the center's patients that are not back at their laboratories, what is due first in front.
    Who looks is a fact.
    """
    with by_outsider(services, session.account) as tx:
        found = materials.lent_to(tx, session.institution, MOST)
        seen = _seen(tx, services, session, {case for case, _ in found})
        rows = [(case, kept, 0) for case, material in found if case in seen for kept in _kept(tx, case, material)]
        return views(tx, rows, seen)


def show_pieces(services: Services, session: OutsideSession, case: CaseId, material: MaterialId) -> PiecesView:
    """One of them. Who looks is a fact.

    Raises:
        Unknown: it is another's, or may not be shown now.
    """
    with by_outsider(services, session.account) as tx:
        seen = _seen(tx, services, session, [case])
        found = views(tx, [(case, kept, 0) for kept in _kept(tx, case, material) if case in seen], seen)
    if not found:
        raise Unknown("there is no such page")
    return found[0]


def came_here(services: Services, session: OutsideSession, material: MaterialId) -> bool:
    """Whether pieces came in a parcel of the center: it gives them back itself."""
    with by_outsider(services, session.account) as tx:
        return parcels.came_to(tx, material, session.institution)


def judge_material(
    services: Services,
    session: OutsideSession,
    case: CaseId,
    material: MaterialId,
    said: Sufficiency,
    *,
    count: int | None,
    words: str | None,
) -> ActionResult:
    """What the center's pathologist says: it settles the line, and the laboratory is asked for what is needed besides.

    Raises:
        Unknown: it is another's, or may not be shown now.
        NotAllowed: the case is closed, or nothing came of it.
    """
    with by_outsider(services, session.account) as tx:
        _demand(tx, services, session, case)
        return judge_at(tx, services, case, material, said, count=count, words=words)


def keep_longer(
    services: Services, session: OutsideSession, case: CaseId, material: MaterialId, until: date
) -> ActionResult:
    """The laboratory lets a loan that came to the center stay there until this day. The same day again writes nothing.

    Raises:
        Unknown: as `return_material`.
        NotAllowed: it is no loan that is here, or is due back later.
    """
    with by_outsider(services, session.account) as tx:
        _demand(tx, services, session, case)
        if not parcels.came_to(tx, material, session.institution):
            raise Unknown("there is no such page")
        return keep_at(tx, case, material, until)


def return_material(
    services: Services, session: OutsideSession, case: CaseId, material: MaterialId, *, carrier: Carrier, number: str
) -> ActionResult:
    """A loan that came to the center leaves for its laboratory. The same again writes nothing.

    Raises:
        Unknown: it is another's, may not be shown now, or did not come to the center.
        NotAllowed: it is no loan that is here.
    """
    with by_outsider(services, session.account) as tx:
        _demand(tx, services, session, case)
        if not parcels.came_to(tx, material, session.institution):
            raise Unknown("there is no such page")
        return return_at(tx, case, material, carrier=carrier, number=number)


def _kept(tx: Tx, case: CaseId, material: MaterialId) -> list[StoredMaterial]:
    opened = tx.case(case).opened
    rows = materials.of_case(tx, case, PatientId(opened.patient)) if opened else []
    return [one for one in rows if one.material.id == material]


def _seen(tx: Tx, services: Services, session: OutsideSession, among: Collection[CaseId]) -> frozenset[CaseId]:
    """Those of the cases that may be shown to the center now; who looks is written down."""
    seen = frozenset(case for case in _in_order(tx, among) if _theirs(tx, services, session, case))
    if seen:
        looks.write(tx, facts.IdentityViewed(cases=tuple(sorted(seen)), place=LookPlace.CENTER))
    return seen


def _in_order(tx: Tx, among: Collection[CaseId]) -> list[CaseId]:
    """As patients are locked: those of one patient together, patients ascending."""
    return sorted(among, key=lambda case: (opened.patient if (opened := tx.case(case).opened) else "", case))


def _demand(tx: Tx, services: Services, session: OutsideSession, case: CaseId) -> None:
    if _theirs(tx, services, session, case) is None:
        raise Unknown("there is no such page")


def _theirs(tx: Tx, services: Services, session: OutsideSession, case: CaseId) -> OpenedCase | None:
    """The case, if its referral is to the center and its glass, with whose it is, may be released to it now."""
    found: Case = tx.case(case)
    opened = found.as_opened
    if opened is None or opened.receiver != session.institution:
        return None
    try:
        pieces: Sequence[StoredMaterial] = materials.of_case(tx, case, opened.patient)
        said = frozenset({of_referral(opened), *map(of_material, pieces)})
        rulings = may_release(tx, services.institutions, opened.patient, opened.receiver, said)
    except (Refused, Unreadable):
        return None
    return None if rulings.why_not else opened
