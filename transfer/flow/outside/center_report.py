"""The consult report of a receiving center, sent at our pages: kept sealed with the patient, and something to look at
for the desk. No packet carries it.
"""

import hashlib
from datetime import datetime

from transfer import facts
from transfer.arrivals import ArrivalKind
from transfer.facts import Chain
from transfer.flow.outside.center_packets import get_packet
from transfer.flow.outside.sending import StoreSent, send
from transfer.flow.services import Services
from transfer.identifiers import ArrivalId, PacketId
from transfer.ledger import Tx
from transfer.ledger.arrivals import Stored
from transfer.outside_sessions import OutsideSession


def send_report(
    services: Services, store: StoreSent, session: OutsideSession, packet: PacketId, body: bytes, content_type: str
) -> ArrivalId:
    """Keep the report on the case of a packet. The same file again is kept once.

    Raises:
        Unknown: the packet is not there for them.
        Unavailable: nothing was stored.
    """
    get_packet(services, session, packet)

    def tell(tx: Tx, stored: Stored) -> None:
        said = facts.ConsultReportReceived(packet=packet, arrival=stored.arrival, said_by=session.account)
        tx.append(Chain.case(packet.case), said)

    return send(
        services,
        store,
        session.institution,
        ArrivalKind.NOTICE,
        body,
        content_type,
        key=f"consult report {packet.case} {hashlib.sha256(body).hexdigest()}",
        case=packet.case,
        on_stored=tell,
    )


def list_reports(services: Services, packet: PacketId) -> tuple[datetime, ...]:
    """When reports on the case of a packet were received (UTC). The caller has looked whether it is there for them."""
    with services.ledger.transaction() as tx:
        return tuple(
            line.at for line in tx.lines(Chain.case(packet.case)) if isinstance(line.fact, facts.ConsultReportReceived)
        )
