"""Handing a packet over: begun → sent → made, not made, or unknown.

An unknown outcome is settled by asking the receiver before anything is sent again. So a packet takes effect once.
"""

import base64
import time
from collections.abc import Sequence
from datetime import timedelta

from transfer import links, spans
from transfer.adapters.fhir.submission import DownloadLink, submission
from transfer.case import Case, OpenedCase
from transfer.disclosures import DisclosureOutcome, EgressOutcome
from transfer.errors import NeedsReview, Refused, Unavailable, Unheard, Unreadable
from transfer.exchanges import ExchangeKind, ExchangeOutcome
from transfer.flow import center_pages
from transfer.flow.assess import settle_needs
from transfer.flow.basis import Rulings
from transfer.flow.milestones import tell_center
from transfer.flow.packet_content import addressed, content_of, ruled
from transfer.flow.services import PacketReceiver, Services
from transfer.flow.watch import watching
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import InstitutionId, PacketId, PatientId
from transfer.ledger import Tx, cases, disclosures, exchanges, holds, packets, patients, rounds
from transfer.ledger.disclosures import Disclosure, Egress, EgressEnd, Grounds, Sender
from transfer.rounds import Dag

#: how much later a delivery is tried again that the receiver could not take
RETRY_AFTER = timedelta(minutes=1)
#: what the submission's own egress is called; the downloads of its links have names of their own
CHANNEL = "iti-65"
#: how a submission went, as it is counted; None: the receiver has read it and refuses it
_WENT = {
    DisclosureOutcome.MADE: ExchangeOutcome.ANSWERED,
    DisclosureOutcome.NOT_MADE: ExchangeOutcome.NO_ANSWER,
    DisclosureOutcome.UNKNOWN: ExchangeOutcome.CUT_SHORT,
    None: ExchangeOutcome.TURNED_AWAY,
}


def deliver(services: Services, packet: PacketId, sender: Sender) -> str:
    """Submit the packet's ITI-65 bundle to the receiver, once. Says in a sentence how it went."""
    with services.ledger.transaction() as tx:
        disclosures.close_dead(tx)
        case = tx.case(packet.case)
        opened = case.as_opened
        known = packets.get(tx, packet)
        disclosure = disclosures.of_packet(tx, packet)
        is_under_way = disclosure is not None and disclosures.is_open(tx, disclosure, CHANNEL)
    if opened is None or known is None or not known.is_assembled or known.is_purged:
        return "not assembled: nothing to hand over"
    if is_under_way:
        with services.ledger.transaction() as tx:
            rounds.owe(tx, Dag.RELEASE_PACKET, packet, after=RETRY_AFTER)
        return "another task is handing it over: it is looked at again in a minute"
    receiver = services.institutions[opened.receiver]
    mails = center_pages.mails_of(services, opened.receiver)
    if receiver.receives is None or not (receiver.receives.endpoint or mails):
        with services.ledger.transaction() as tx:
            holds.place(tx, packet.case, HoldCode.RECEIVER_HAS_NO_DOOR, packet)
        return "the receiver has no endpoint, and nobody of it was invited: see its decision"
    client = services.hand_to(receiver.receives) if receiver.receives.endpoint else None
    if disclosure and not _may_send_again(services, client, disclosure):
        return f"handed to {receiver.id} before"
    if not case.is_open:
        return "the case is closed: nothing is handed over"
    if why := _stays_here(case, packet):
        return why
    if case.void_in(packet):
        return _give_way(services, packet)
    tell_center(services, packet.case)
    egress = _open(services, packet, opened, sender)
    if egress is None:
        return "not permitted any more: see its decision"
    if client is None:
        return _write(services, packet, egress, 0, center_pages.tell_ready(services, mails))
    return _send(services, client, packet, egress, opened.receiver)


def _stays_here(case: Case, packet: PacketId) -> str | None:
    """Why it is handed to nobody; None: it may go."""
    if case.packets[packet].recalled:
        return "recalled: nothing is handed over"
    if case.packets[packet].given_up:
        return "given up: nothing is handed over"
    if not case.is_active:
        return f"the referral is {case.referral_status}: nothing is handed over"
    return None


def _give_way(services: Services, packet: PacketId) -> str:
    """Some of it was corrected or withdrawn before it was handed over: the case is judged as if it were not there."""
    with services.ledger.transaction() as tx:
        settle_needs(tx, services, packet.case)
    return "some of it was corrected or withdrawn: nothing is handed over, another packet takes its place"


def _may_send_again(services: Services, client: PacketReceiver | None, disclosure: Disclosure) -> bool:
    """Begun before, and we do not know how it ended: ask the receiver. Made is made. Whoever reads our pages has no
    system to ask: a second mail does no harm.
    """
    if disclosure.outcome is DisclosureOutcome.MADE:
        return False
    if client is None or disclosure.outcome is DisclosureOutcome.NOT_MADE:
        return True
    try:
        has = client.has(disclosure.packet)
    except (Unavailable, NeedsReview, Refused):
        with services.ledger.transaction() as tx:
            disclosures.settle(tx, disclosure, DisclosureOutcome.UNKNOWN)
            rounds.owe(tx, Dag.RELEASE_PACKET, disclosure.packet, after=RETRY_AFTER)
        return False
    with services.ledger.transaction() as tx:
        disclosures.settle(tx, disclosure, DisclosureOutcome.MADE if has else DisclosureOutcome.NOT_MADE)
    return not has


def _open(services: Services, packet: PacketId, opened: OpenedCase, sender: Sender) -> Egress | None:
    with services.ledger.transaction() as tx:
        return open_egress(tx, services, packet, opened.patient, opened.receiver, sender.number, CHANNEL)


def open_egress(
    tx: Tx, services: Services, packet: PacketId, patient: PatientId, receiver: InstitutionId, sender: int, channel: str
) -> Egress | None:
    """The one way out for bytes. Opened only while all that the packet says may be released, in the patient's epoch.

    None: it may not, and a person is told, once; or the receiver is not the case's, or some of it is void. What the
    opening rests on is written with it. The caller hands bytes on only while the watcher of its process lets it, counts
    them, and closes what it opened.

    Raises:
        Refused: the packet is purged, or not assembled.
        KeyGone: the patient's key was destroyed.
    """
    epoch = patients.hold_epoch_shared(tx, patient)
    opened = OpenedCase.of(cases.by_its_packets(tx, packet.case))
    if (opened.patient, opened.receiver) != (patient, receiver):
        return None
    try:
        rulings = ruled(tx, services.institutions, packet, opened)
    except Unreadable:
        holds.place(tx, packet.case, HoldCode.LEDGER_ALTERED, packet)
        return None
    if rulings.why_not or not rulings.by_class:
        holds.place(tx, packet.case, rulings.why_not or HoldCode.RELEASE_NOT_PERMITTED, packet)
        return None
    tx.lock_case(packet.case)
    if cases.by_its_packets(tx, packet.case).void_in(packet):
        return None
    for code in (HoldCode.RELEASE_NOT_PERMITTED, HoldCode.LEDGER_ALTERED):
        holds.withdraw(tx, packet.case, code, SystemAnswer.PERMITTED, about=packet)
    grounds = Grounds.of(rulings.by_class.values())
    begun = disclosures.begin(tx, packet, receiver, grounds)
    return disclosures.open_egress(tx, begun, patient, epoch, sender, channel, grounds, rulings.stand_until)


def links_work(tx: Tx, services: Services, case: Case, packet: PacketId) -> bool:
    """Whether the links of a packet work still: not after a decline, the close of its case, a recall, or its days."""
    receives = services.institutions[OpenedCase.of(case).receiver].receives
    return receives is not None and links.ended(case, packet, receives.link_days, tx.now()) is None


def goes_on(
    tx: Tx, services: Services, packet: PacketId, receiver: InstitutionId, streams: Sequence[Egress]
) -> Rulings | None:
    """The rulings by which open streams of a packet's links may go on, made once for all of them; None: they may not.

    They are noted as allowed in the patient's epoch now. Where they rest on something else than before, that is
    written.

    Raises:
        TransferError: nobody can say; then they may not.
    """
    epoch = patients.hold_epoch_shared(tx, streams[0].patient)
    case = cases.by_its_packets(tx, packet.case)
    opened = OpenedCase.of(case)
    if opened.receiver != receiver or not links_work(tx, services, case, packet):
        return None
    rulings = ruled(tx, services.institutions, packet, opened)
    if rulings.why_not or not rulings.by_class:
        return None
    disclosures.renew_egress(tx, streams, epoch, Grounds.of(rulings.by_class.values()))
    return rulings


def _send(services: Services, client: PacketReceiver, packet: PacketId, egress: Egress, receiver: InstitutionId) -> str:
    bundle = _bundle(services, packet)
    began = time.monotonic()
    outcome: DisclosureOutcome | None
    try:
        with (
            watching(services.ledger, patient=egress.patient, epoch=egress.epoch, cut=client.cut),
            spans.span("convey", packet, packet=packet, receiver=receiver),
        ):
            client.submit(bundle)
    except Unheard as error:
        outcome = DisclosureOutcome.UNKNOWN if error.maybe_received else DisclosureOutcome.NOT_MADE
    except Unavailable:
        outcome = DisclosureOutcome.UNKNOWN
    except (Refused, NeedsReview):
        outcome = None
    else:
        outcome = DisclosureOutcome.MADE
    took = time.monotonic() - began
    said = _write(services, packet, egress, len(bundle), outcome)
    exchanges.count(services.ledger, ExchangeKind.CONVEY, receiver, _WENT[outcome], took)
    return said


def _bundle(services: Services, packet: PacketId) -> bytes:
    """The submission: the same bytes each time it is made."""
    with services.ledger.transaction() as tx:
        opened = OpenedCase.of(tx.case(packet.case))
        plan = packets.plan_of(tx, packet, opened.patient)
        known = packets.get(tx, packet)
        who = patients.identity(tx, opened.patient)
        said = content_of(tx, packet, opened)
    assert known and who  # an egress was opened for it
    base = f"{services.public_url}/packets/{packet}"
    tar = DownloadLink(
        path="packet.tar", url=f"{base}/packet.tar", content_type="application/x-tar", size=plan.tar_length
    )
    links = [
        DownloadLink(
            path=document.path,
            url=f"{base}/documents/{document.number}",
            content_type=document.content_type,
            size=document.size,
            sha1=base64.b64decode(document.sha1),
        )
        for document in plan.documents
    ]
    return submission(
        packet,
        tar,
        links,
        patient=addressed(who.current, services.institutions, opened, said),
        receiver=services.institutions[opened.receiver],
        source=services.source_id(),
        created=known.planned_at,
    )


def _write(services: Services, packet: PacketId, egress: Egress, size: int, outcome: DisclosureOutcome | None) -> str:
    """How it went; None: the receiver has read it and refuses it."""
    with services.ledger.transaction() as tx:
        tx.lock_case(packet.case)
        disclosure = disclosures.of_packet(tx, packet)
        assert disclosure is not None  # begun with the egress
        is_sent = outcome is DisclosureOutcome.MADE
        ended = EgressEnd(
            egress=egress.id,
            size=0 if outcome is DisclosureOutcome.NOT_MADE else size,
            outcome=EgressOutcome.SENT if is_sent else EgressOutcome.BROKEN,
        )
        disclosures.close_egress(tx, [ended])
        disclosures.settle(tx, disclosure, outcome or DisclosureOutcome.NOT_MADE)
        if outcome is None:
            holds.place(tx, packet.case, HoldCode.RECEIVER_REFUSED, packet)
        elif not is_sent:
            rounds.owe(tx, Dag.RELEASE_PACKET, packet, after=RETRY_AFTER)
    return {
        DisclosureOutcome.MADE: f"handed to {disclosure.recipient}: waiting for its receipt",
        DisclosureOutcome.NOT_MADE: "the receiver could not be reached: again in a minute",
        DisclosureOutcome.UNKNOWN: "the receiver's answer was lost: it is asked before anything is sent again",
        None: "the receiver refused it: see its decision",
    }[outcome]
