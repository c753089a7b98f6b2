"""A dispute of a form cuts what is on its way, like any "no"."""

import pytest

from tests.kit.open_streams import Giving, Line
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.ledger import disclosures, permissions
from transfer.permissions import Dispute

pytestmark = pytest.mark.servers


def test_when_the_dispute_is_told_no_stream_is_open_and_none_opens_until_it_is_withdrawn(giving: Giving):
    packet = giving.a_packet()
    stream, receiver = giving.give(packet), giving.receiver(packet)
    with giving.services.ledger.transaction() as tx:
        (form,) = permissions.filed(tx, giving.patient(packet))

    open_now: list[int] = []
    with giving.watched():
        desk.dispute(giving.services, form.permission.id, Dispute.CONDITIONED, actor=ANN, waiting=open_now.append)

    assert open_now[-1] == 0
    assert stream.is_cut
    with giving.services.ledger.transaction() as tx:
        assert not disclosures.count_open_before(tx, giving.patient(packet), 1 << 30)
    assert giving.outgoing.open(packet, receiver, Line(), "packet.tar") is None
    desk.withdraw_dispute(giving.services, form.permission.id, Dispute.CONDITIONED, actor=ANN)
    assert giving.outgoing.open(packet, receiver, Line(), "packet.tar") is not None
