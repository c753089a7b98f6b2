"""A batch becomes arrivals of their own: each message is one patient's, and has an outcome of its own."""

import hashlib
from collections.abc import Collection
from datetime import timedelta

from transfer.adapters import hl7v2
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import GRANTS_FOR, ArrivalKind, ArrivalOutcome, ArrivalState, Grant
from transfer.errors import NeedsReview, Unreadable
from transfer.flow.reading import SeveralMessages
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode, SystemAnswer
from transfer.ledger import Tx, arrivals, arriving, holds, unmatched
from transfer.ledger.arrivals import IN_ROW, UNMATCHED_RETENTION, Arrival, NewArrival


class Miscounted(NeedsReview):
    """A trailer's count differs from ours: a message is lost or cut, or two have become one."""

    def __init__(self, wrong: hl7v2.Miscount) -> None:
        super().__init__(f"{wrong.trailer} says {wrong.said}, and {wrong.found} came")


def divide(services: Services, arrival: Arrival, several: SeveralMessages) -> None:
    """Store each message as if it had come alone, and seal the envelope away.

    The envelope usually holds unmatched messages, and is purged with them. Dividing again, or a message that came alone
    before, adds nothing.

    What this institution may not send, and what does not begin as a message, becomes one further arrival and is held.

    Raises:
        Miscounted: its messages are not as many as it says, and nobody has said yet to take them as they are.
        NeedsReview: there is nothing in it that can be stored.
    """
    if several.miscounts and not _is_taken_as_it_is(services, arrival):
        raise Miscounted(several.miscounts[0])
    grants = services.institutions[arrival.institution].grants
    fit: list[bytes] = []
    unfit: list[bytes] = []
    for message in several.messages:
        (fit if _may_come(message, grants) else unfit).append(message)
    if not fit:
        raise NeedsReview("a batch without a message that its sender may send")
    incoming = [_incoming(services, arrival, message) for message in fit]
    rest = [_rest(services, arrival, b"".join(unfit))] if unfit else []
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        # They stand right before their envelope: what came earlier is processed by now, and what came later may be
        # newer.
        first = arrival.received_at - timedelta(microseconds=len(incoming))
        arrivals.forget_control(tx, arrival)
        stored = arriving.store(tx, [*incoming, *rest], received_at=first)
        unmatched.count_received(tx, arrival)
        arrivals.settle(tx, arrival, ArrivalState.SEALED, ArrivalOutcome.DIVIDED, purge_after=UNMATCHED_RETENTION)
        for one in stored[len(incoming) :]:
            _hold(tx, one)
        arriving.owe_for(tx, incoming, stored[: len(incoming)])
        # What its door found unmatched in it, each message says by itself.
        holds.withdraw(tx, arrival.id, HoldCode.OBJECTION_UNMATCHED, SystemAnswer.ANSWERED)


def _is_taken_as_it_is(services: Services, arrival: Arrival) -> bool:
    with services.ledger.transaction() as tx:
        return holds.last_answer(tx, arrival.id, HoldCode.BATCH_MISCOUNTED) == HoldAnswer.APPROVE


def _may_come(message: bytes, grants: Collection[Grant]) -> bool:
    try:
        return bool(GRANTS_FOR[hl7v2.kind(hl7v2.header(message))] & {*grants})
    except Unreadable:
        return False


def _hold(tx: Tx, rest: arrivals.Stored) -> None:
    """Ask a person, unless that was done when the same came before."""
    arrival = arrivals.get(tx, rest.arrival)
    if arrival and not rest.is_duplicate:
        holds.place(tx, arrival.id, HoldCode.ARRIVAL_UNREADABLE)
        arrivals.settle(tx, arrival, ArrivalState.HELD, ArrivalOutcome.NO_MESSAGE)


def _incoming(services: Services, arrival: Arrival, message: bytes) -> NewArrival:
    """What the door would have made of it."""
    header = hl7v2.header(message)
    kind, control = hl7v2.kind(header), header.control_id
    return _new_arrival(
        services, arrival, message, kind, f"{control}|{hashlib.sha256(message).hexdigest()}", control or None
    )


def _rest(services: Services, arrival: Arrival, unfit: bytes) -> NewArrival:
    """Under a key of its own: a message of it that comes alone, once its sender may send it, is none that came before.

    A notice, as every batch: when it is read again it is divided again, by what its sender may send then.
    """
    return _new_arrival(services, arrival, unfit, ArrivalKind.NOTICE, f"rest|{hashlib.sha256(unfit).hexdigest()}", None)


def _new_arrival(
    services: Services, arrival: Arrival, payload: bytes, kind: ArrivalKind, business: str, control: str | None
) -> NewArrival:
    """An object of the vault that turns out to be a duplicate's is orphaned, and removed with the others."""
    is_short = len(payload) <= IN_ROW
    return NewArrival(
        institution=arrival.institution,
        door=arrival.door,
        kind=kind,
        business=business,
        control=control,
        content_type=HL7_V2,
        payload=payload if is_short else None,
        location=None if is_short else services.vault.keep([payload]),
        content_sha256=hashlib.sha256(payload).digest(),
    )
