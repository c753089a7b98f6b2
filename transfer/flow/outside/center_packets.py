"""What stands ready for a receiving center: its packets, each as long as its links work and all of it may be released.

What may not, is not here: neither the list nor a page says that there was something, or why it is gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from transfer import facts, links
from transfer.case import Case, OpenedCase
from transfer.errors import Refused, Unknown, Unreadable
from transfer.flow.outside.numbers import numbers_given
from transfer.flow.outside.sessions import by_outsider
from transfer.flow.packet_content import addressed, content_of, ruled
from transfer.flow.services import Services
from transfer.identifiers import CaseId, PacketId
from transfer.ledger import Tx, cases, disclosures, looks, packets, patients, requests
from transfer.looks import LookPlace
from transfer.milestones import Milestone
from transfer.outside_sessions import OutsideSession
from transfer.parcels import as_read
from transfer.requests import RequestState
from transfer.sealing import KeyGone

#: a facility said on which day it gives what was requested
_PROMISED: Final = frozenset(
    {RequestState.IN_PROGRESS, RequestState.READY_ON, RequestState.NOT_SIGNED, RequestState.REST_FOLLOWS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """What is needed and not in a packet, as its own pages call it; and the day (UTC) by which it was promised."""

    label: str
    expected_on: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyPacket:
    """A packet as its center sees it."""

    packet: PacketId
    #: the newest of its case that stands ready
    is_newest: bool
    patient: str
    born: date | None
    appointment_at: datetime | None
    is_partial: bool
    #: bytes of the tar
    size: int
    outstanding: tuple[Outstanding, ...]
    #: what this center calls the patient and the specimen
    numbers: tuple[str, ...]
    is_enough_to_schedule: bool
    #: accepted, declined, or not answered yet
    receipt: str | None
    #: when it was handed over, and when its links lapse (UTC)
    begun_at: datetime
    until: datetime


def list_packets(services: Services, session: OutsideSession) -> tuple[ReadyPacket, ...]:
    """The center's packets, soonest appointment first. Who looks is a fact.

    Raises:
        Unavailable: ledger or keys do not answer.
    """
    with by_outsider(services, session.account) as tx:
        found = sorted(_ready(tx, services, session), key=_soonest)
        if found:
            shown = tuple(sorted({one.packet.case for one in found}))
            looks.write(tx, facts.IdentityViewed(cases=shown, place=LookPlace.CENTER))
        return tuple(found)


def get_packet(services: Services, session: OutsideSession, packet: PacketId) -> ReadyPacket:
    """One of them. Who looks is a fact.

    Raises:
        Unknown: it is another's, gone, or may not be released now.
        Unavailable: ledger or keys do not answer.
    """
    with by_outsider(services, session.account) as tx:
        found = next((one for one in _ready(tx, services, session, packet) if one.packet == packet), None)
        if found is None:
            raise Unknown("there is no such page")
        looks.write(tx, facts.IdentityViewed(cases=(packet.case,), place=LookPlace.CENTER))
        return found


def check_theirs(services: Services, session: OutsideSession, packet: PacketId) -> None:
    """Raise `Unknown` where a packet was not handed to this center, or is purged. Whether it may be released now is
    asked when its bytes are.
    """
    with services.ledger.transaction() as tx:
        disclosure, known = disclosures.of_packet(tx, packet), packets.get(tx, packet)
    if disclosure is None or disclosure.recipient != session.institution or known is None or known.is_purged:
        raise Unknown("there is no such page")


def _ready(tx: Tx, services: Services, session: OutsideSession, about: PacketId | None = None) -> Iterator[ReadyPacket]:
    receives = services.institutions[session.institution].receives
    if receives is None:
        return
    handed = disclosures.to_recipient(tx, session.institution, receives.link_days, about.case if about else None)
    newest: dict[str, PacketId] = {one.packet.case: one.packet for one in handed}
    for one in handed:
        case = cases.by_its_packets(tx, one.packet.case)
        opened = case.as_opened
        if opened is None or opened.receiver != session.institution:
            continue
        if links.ended(case, one.packet, receives.link_days, tx.now()) is None:
            yield from _seen(tx, services, case, opened, one.packet, newest[one.packet.case] == one.packet)


def _seen(
    tx: Tx, services: Services, case: Case, opened: OpenedCase, packet: PacketId, is_newest: bool
) -> Iterator[ReadyPacket]:
    """The packet, if all that it says may be released now."""
    try:
        if ruled(tx, services.institutions, packet, opened).why_not:
            return
        said = content_of(tx, packet, opened)
    except (Refused, Unreadable, KeyGone):
        return
    who, sent = patients.identity(tx, opened.patient), case.packets[packet]
    if who is None or sent.assembled is None or sent.begun_at is None or case.opened is None:
        return
    shown = addressed(who.current, services.institutions, opened, said)
    receives = services.institutions[opened.receiver].receives
    until = links.lapse_at(case, packet, receives.link_days if receives else 0)
    lines = services.checklist_of(opened.checklist, opened.receiver).lines
    labels = {line.key: line.label for line in lines}
    promised = _promised(tx, packet.case)
    yield ReadyPacket(
        packet=packet,
        is_newest=is_newest,
        patient=str(shown.names[0]) if shown.names else "Name not stated",
        born=shown.birth_date,
        appointment_at=datetime.fromisoformat(case.opened.appointment_at) if case.opened.appointment_at else None,
        is_partial=sent.planned.is_partial,
        size=sent.assembled.size,
        outstanding=tuple(
            Outstanding(label=labels.get(key, key), expected_on=promised.get(key)) for key in sent.assembled.lacking
        ),
        numbers=numbers_given(tx, packet.case, services.institutions[opened.receiver]),
        is_enough_to_schedule=Milestone.ENOUGH_TO_SCHEDULE in tx.case(packet.case).milestones,
        receipt=sent.receipt.status if sent.receipt else None,
        begun_at=sent.begun_at,
        until=until or sent.begun_at,
    )


def _promised(tx: Tx, case: CaseId) -> dict[str, datetime]:
    """By which day each line of the checklist was promised, where a facility said so."""
    found: dict[str, datetime] = {}
    for one in requests.of_case(tx, case):
        if one.state in _PROMISED and one.due_at:
            for key in one.lines:
                found[key] = min(found.get(key, one.due_at), one.due_at)
    return found


def find_packets(services: Services, session: OutsideSession, number: str) -> tuple[ReadyPacket, ...]:
    """The center's packets of whom it gave this number: its own for the patient or for a specimen. The search is a
    fact, with who was shown.

    Raises:
        Unavailable: ledger or keys do not answer.
    """
    wanted = as_read(number).casefold()
    with by_outsider(services, session.account) as tx:
        ready = sorted(_ready(tx, services, session), key=_soonest)
        found = tuple(one for one in ready if wanted and wanted in map(str.casefold, one.numbers))
        shown = tuple(sorted({one.packet.case for one in found}))
        looks.write(tx, facts.PatientsSought(by=("number",), shown=shown))
        if shown:
            looks.write(tx, facts.IdentityViewed(cases=shown, place=LookPlace.CENTER))
    return found


def _soonest(one: ReadyPacket) -> tuple[float, float]:
    at = one.appointment_at.timestamp() if one.appointment_at else float("inf")
    return at, -one.begun_at.timestamp()
