"""What the receiver says of a packet: accepted, or declined with reasons that reopen the needs they name."""

from collections.abc import Sequence

from transfer import facts
from transfer.arrivals import (
    CASE_DECLINED,
    DECLINE_REASONS,
    ArrivalKind,
    ArrivalOutcome,
    ArrivalState,
    Receipt,
    ReceiptStatus,
    worded,
)
from transfer.case import OpenedCase
from transfer.checklist import Necessity
from transfer.completeness import WaiverKind
from transfer.disclosures import DisclosureOutcome
from transfer.errors import NeedsReview, Refused
from transfer.facts import Chain
from transfer.flow import reading
from transfer.flow.assess import settle_needs
from transfer.flow.ending import end_case
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import CaseId, PacketId
from transfer.ledger import Tx, arrivals, disclosures, holds, materials, patients, requests, rounds
from transfer.ledger.arrivals import Arrival
from transfer.requests import MOVES, RequestState
from transfer.rounds import Dag


def settle(services: Services, packet: PacketId) -> str:
    """Take in what the receiver said of a packet. The same receipt twice takes effect once; a different second one is
    held.
    """
    with services.ledger.transaction() as tx:
        named = arrivals.of_subject(tx, packet, ArrivalKind.RECEIPT)
    for name in named:
        with services.ledger.transaction() as tx:
            arrival = arrivals.claim(tx, name)
            if arrival is None and (later := arrivals.lapses_in(tx, name)) is not None:
                # Whoever has it may be dead: when its lease has lapsed, a round looks again.
                rounds.owe(tx, Dag.SETTLE_DELIVERY, packet, after=later)
            if arrival and arrival.state is not ArrivalState.STORED:
                arrivals.release_claim(tx, arrival)  # it was processed before
                continue
        if arrival:
            _settle_one(services, packet, arrival)
    with services.ledger.transaction() as tx:
        sent = tx.case(packet.case).packets.get(packet)
    return f"receipt: {sent.receipt.status}" if sent and sent.receipt else "no receipt yet"


def _settle_one(services: Services, packet: PacketId, arrival: Arrival) -> None:
    with services.ledger.transaction() as tx:
        body = reading.payload(tx, services, arrival)
    try:
        said = reading.read(services, arrival, body)
    except (NeedsReview, Refused):
        said = None
    with services.ledger.transaction() as tx:
        tx.lock_case(packet.case)
        arrivals.still_ours(tx, arrival)
        if not isinstance(said, Receipt) or not _is_theirs(tx, packet, arrival):
            holds.place(tx, arrival.id, HoldCode.ARRIVAL_UNREADABLE)
            arrivals.settle(tx, arrival, ArrivalState.HELD, ArrivalOutcome.NO_RECEIPT)
            return
        _record(tx, services, packet, arrival, said)


def _is_theirs(tx: Tx, packet: PacketId, arrival: Arrival) -> bool:
    """Only who was handed the packet can speak of it."""
    disclosure = disclosures.of_packet(tx, packet)
    return disclosure is not None and disclosure.recipient == arrival.institution


def _record(tx: Tx, services: Services, packet: PacketId, arrival: Arrival, said: Receipt) -> None:
    sent = tx.case(packet.case).packets[packet]
    disclosure = disclosures.of_packet(tx, packet)
    assert disclosure is not None  # looked up just before
    _join_patient(tx, packet, arrival)
    if _declines_case(said) and tx.case(packet.case).is_open:
        _decline_case(tx, packet, arrival, said)
        return
    if sent.receipt:
        if sent.receipt.status != said.status:
            holds.place(tx, packet.case, HoldCode.RECEIPTS_DISAGREE, packet)
        arrivals.settle(tx, arrival, ArrivalState.FILED, ArrivalOutcome.RECEIPT_AGAIN)
        return
    # A receipt shows that the receiver has the packet, whatever we heard of the hand-over.
    disclosures.settle(tx, disclosure, DisclosureOutcome.MADE)
    reasons = _reasons(services, OpenedCase.of(tx.case(packet.case)), said)
    fact = facts.ReceiptRecorded(
        packet=packet, status=said.status, arrival=arrival.id, reasons=reasons, said_by=said.said_by
    )
    tx.append(Chain.case(packet.case), fact)
    arrivals.settle(tx, arrival, ArrivalState.FILED, ArrivalOutcome.RECEIPT)
    is_declined = said.status is ReceiptStatus.DECLINED
    if is_declined:
        holds.place(tx, packet.case, HoldCode.PACKET_DECLINED, packet)
    if is_declined and tx.case(packet.case).is_open:
        _reopen(tx, services, packet.case, reasons)
    settle_needs(tx, services, packet.case)


def _reasons(services: Services, opened: OpenedCase, said: Receipt) -> tuple[str, ...]:
    """The receiver's reasons in words we know: the keys of the case's checklist, and those of a decline."""
    lines = services.checklist_of(opened.checklist, opened.receiver).lines
    known = DECLINE_REASONS.union(line.key for line in lines)
    return tuple(dict.fromkeys(worded(one, known) for one in said.reasons))


def _declines_case(said: Receipt) -> bool:
    return said.status is ReceiptStatus.DECLINED and CASE_DECLINED in said.reasons


def _decline_case(tx: Tx, packet: PacketId, arrival: Arrival, said: Receipt) -> None:
    """The receiver gives no second opinion, whatever it said of the packet before: the case ends, and its links."""
    disclosure = disclosures.of_packet(tx, packet)
    assert disclosure is not None  # looked up before
    if tx.case(packet.case).packets[packet].receipt is None:
        disclosures.settle(tx, disclosure, DisclosureOutcome.MADE)
        fact = facts.ReceiptRecorded(
            packet=packet, status=said.status, arrival=arrival.id, reasons=(CASE_DECLINED,), said_by=said.said_by
        )
        tx.append(Chain.case(packet.case), fact)
    end_case(tx, packet.case, "center-declined")
    holds.place(tx, packet.case, HoldCode.CASE_DECLINED, packet)
    arrivals.settle(tx, arrival, ArrivalState.FILED, ArrivalOutcome.RECEIPT)


def _reopen(tx: Tx, services: Services, case: CaseId, reasons: Sequence[str]) -> None:
    """A reason that is the key of a checklist line reopens it: who answered for it is asked, or awaited, once more;
    glass is counted anew; what a person said of the line counts no more.
    """
    found, opened = tx.case(case), OpenedCase.of(tx.case(case))
    for line in services.checklist_of(opened.checklist, opened.receiver).lines:
        if line.key in reasons and (line.key in found.waived or line.necessity is Necessity.CONDITIONAL):
            tx.append(Chain.case(case), facts.NeedWaived(line=line.key, waiver=WaiverKind.APPLIES))
    for kept in materials.of_case(tx, case, opened.patient):
        if kept.line in reasons:
            materials.doubt(tx, case, kept)
    for request in requests.of_case(tx, case):
        department = services.institutions[request.institution].department(request.department)
        to = RequestState.DUE if department.is_fetched else RequestState.EXPECTED
        if set(request.lines) & set(reasons) and not request.state.is_open and to in MOVES[request.state]:
            requests.move(tx, request, to, findings=("packet-declined",))
            rounds.owe(tx, Dag.OPEN_CASE, case)


def _join_patient(tx: Tx, packet: PacketId, arrival: Arrival) -> None:
    """It speaks of this patient's packet, and is forgotten with the patient."""
    patient = OpenedCase.of(tx.case(packet.case)).patient
    if patients.identity(tx, patient):
        arrivals.join_patient(tx, arrival, patient)
