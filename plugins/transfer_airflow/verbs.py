"""The tasks: each takes or joins its round, calls one verb, and says what a person should read on the run."""

from transfer.flow.admit import admit as admit_case
from transfer.flow.assemble import assemble as assemble_packet
from transfer.flow.deliver import deliver as deliver_packet
from transfer.flow.enforce import enforce as enforce_case
from transfer.flow.enforce import purge_strangers, remove_forsaken
from transfer.flow.receive import receive as receive_arrivals
from transfer.flow.request import request as make_request
from transfer.flow.settle import settle as settle_packet
from transfer.identifiers import INBOX, CaseId, PacketId
from transfer.ledger import rounds
from transfer.ledger.packets import Sender
from transfer.rounds import Dag
from transfer_airflow.attention import Attention, attend


def admit() -> list[str]:
    """Open or look again at the case; the requests to make now."""
    return attend(Dag.OPEN_CASE, lambda at: [str(r) for r in admit_case(at.edges, at.taken)], otherwise=[])


def request(name: str) -> None:
    """Make one of them."""
    attend(Dag.OPEN_CASE, lambda at: make_request(at.edges, at.taken, name), otherwise=None, first=False)


def receive() -> None:
    """Process what came in."""

    def work(at: Attention) -> None:
        _done(at, receive_arrivals(at.edges).sentence)

    attend(Dag.RECEIVE_ARRIVALS, work, otherwise=None)


def assemble() -> bool:
    """Put the packet together; whether it may be delivered."""

    def work(at: Attention) -> bool:
        if assemble_packet(at.edges, PacketId(at.taken.subject)):
            return True
        _done(at, "not permitted: see its decision")
        return False

    return attend(Dag.RELEASE_PACKET, work, otherwise=False)


def deliver(is_assembled: bool) -> None:
    """Hand it over."""

    def work(at: Attention) -> None:
        with Sender(at.edges.ledger) as sender:
            _done(at, deliver_packet(at.edges, PacketId(at.taken.subject), sender))

    if is_assembled:
        attend(Dag.RELEASE_PACKET, work, otherwise=None, first=False)


def settle() -> None:
    """Take in the receiver's receipt."""

    def work(at: Attention) -> None:
        _done(at, settle_packet(at.edges, PacketId(at.taken.subject)))

    attend(Dag.SETTLE_DELIVERY, work, otherwise=None)


def enforce() -> None:
    """Follow up on an ended permission, or purge what lapsed."""

    def work(at: Attention) -> None:
        if at.taken.subject == INBOX:
            purged, removed = purge_strangers(at.edges), remove_forsaken(at.edges)
            _done(at, f"purged {purged} unmatched messages, removed {removed} orphaned objects")
        else:
            _done(at, enforce_case(at.edges, CaseId(at.taken.subject)))

    attend(Dag.ENFORCE_PERMISSIONS, work, otherwise=None)


def _done(at: Attention, sentence: str) -> None:
    with at.edges.ledger.transaction() as tx:
        rounds.done(tx, at.taken, sentence)
