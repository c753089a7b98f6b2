"""What somebody of a receiving center says of a packet at our pages: the same as their center's system would send."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from transfer.adapters import typed
from transfer.arrivals import CASE_DECLINED, ArrivalKind, Door, Receipt, ReceiptStatus
from transfer.errors import Unknown
from transfer.flow.outside.center_packets import get_packet
from transfer.flow.outside.sessions import by_outsider
from transfer.flow.services import Services
from transfer.identifiers import PacketId
from transfer.ledger import arriving, cases
from transfer.ledger.arrivals import NewArrival
from transfer.outside_sessions import OutsideSession

#: reasons of a decline that people choose from, besides what is lacking
REASONS: Final = ("unreadable", "wrong-patient", "integrity", "duplicate", "not-expected")


def lines_of(services: Services, session: OutsideSession, packet: PacketId) -> Mapping[str, str]:
    """What the checklist of a packet's case has, key and label: of what somebody may want more.

    Raises:
        Unknown: the packet is not there for them.
    """
    with services.ledger.transaction() as tx:
        opened = cases.by_its_packets(tx, packet.case).as_opened
    if opened is None or opened.receiver != session.institution:
        raise Unknown("there is no such page")
    return {line.key: line.label for line in services.checklist_of(opened.checklist, opened.receiver).lines}


def accept(services: Services, session: OutsideSession, packet: PacketId) -> None:
    """They have the packet and take it. Saying so again is saying so once.

    Raises:
        Unknown: the packet is not there for them.
        Unavailable: the ledger does not answer; nothing was kept.
    """
    _say(services, session, Receipt(packet=packet, status=ReceiptStatus.ACCEPTED))


def decline(services: Services, session: OutsideSession, packet: PacketId, reasons: Sequence[str]) -> None:
    """They do not take the packet as it is: for these reasons, and for want of these lines of the checklist.

    Raises as `accept`.
    """
    known = {*REASONS, "other", *lines_of(services, session, packet)}
    said = Receipt(packet=packet, status=ReceiptStatus.DECLINED, reasons=tuple(one for one in reasons if one in known))
    _say(services, session, said)


def decline_case(services: Services, session: OutsideSession, packet: PacketId) -> None:
    """They give no second opinion: the case ends, and so do the links of its packets. Raises as `accept`."""
    _say(services, session, Receipt(packet=packet, status=ReceiptStatus.DECLINED, reasons=(CASE_DECLINED,)))


def _say(services: Services, session: OutsideSession, said: Receipt) -> None:
    packet = get_packet(services, session, PacketId(said.packet)).packet
    body = typed.written(said, session.account)
    digest = hashlib.sha256(body)
    incoming = NewArrival(
        institution=session.institution,
        door=Door.PAGE,
        kind=ArrivalKind.RECEIPT,
        business=digest.hexdigest(),
        control=None,
        content_type=typed.TYPED_RECEIPT,
        payload=body,
        location=None,
        content_sha256=digest.digest(),
        subject=packet,
    )
    with by_outsider(services, session.account) as tx:
        stored = arriving.store(tx, [incoming])
        arriving.owe_for(tx, [incoming], stored)
