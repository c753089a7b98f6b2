"""A batch becomes arrivals of their own: each message is one patient's, and has an outcome of its own."""

import hashlib
from datetime import timedelta

from transfer.adapters import hl7v2
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import GRANT_FOR
from transfer.errors import NeedsReview
from transfer.flow.edges import Edges
from transfer.flow.reading import Several
from transfer.ledger import arrivals
from transfer.ledger.arrivals import IN_ROW, STRANGER, Arrival, Incoming


def divide(edges: Edges, arrival: Arrival, several: Several) -> None:
    """Store each message as if it had come alone, and seal the envelope away: strangers are in it as a rule, and it
    goes when they go. Dividing again, or a message that came alone before, adds nothing.

    Raises:
        NeedsReview: there is no message in it, or one that this institution may not send.
        Unreadable: a message among them does not begin as one.
    """
    if not several.messages:
        raise NeedsReview("a batch without a message")
    incoming = [_incoming(edges, arrival, message) for message in several.messages]
    grants = edges.institutions[arrival.institution].grants
    if any(GRANT_FOR[one.kind] not in grants for one in incoming):
        raise NeedsReview("a batch with a message its sender may not send")
    with edges.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        # They stand right before their envelope: what came earlier is attended to by now, and what came later may be
        # newer than they are.
        first = arrival.received_at - timedelta(microseconds=len(incoming))
        stored = arrivals.store(tx, incoming, received_at=first)
        arrivals.count_stranger(tx, arrival, "received")
        arrivals.settle(tx, arrival, "sealed", "divided", purge_after=STRANGER)
        arrivals.ring_for(tx, incoming, stored)


def _incoming(edges: Edges, arrival: Arrival, message: bytes) -> Incoming:
    """What the door would have made of it. An object of the vault that turns out to be a duplicate's is forsaken, and
    removed with the others.
    """
    header = hl7v2.header(message)
    digest = hashlib.sha256(message)
    is_short = len(message) <= IN_ROW
    return Incoming(
        institution=arrival.institution,
        door=arrival.door,
        kind=hl7v2.kind(header),
        business=f"{header.control_id}|{digest.hexdigest()}",
        control=header.control_id or None,
        content_type=HL7_V2,
        payload=message if is_short else None,
        location=None if is_short else edges.vault.keep([message]),
        content_sha256=digest.digest(),
    )
