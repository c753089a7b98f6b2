"""The tasks: each takes or joins its round, calls one verb, and says what a person should read on the run."""

from transfer.flow.assemble import assemble as assemble_packet
from transfer.flow.deliver import deliver as deliver_packet
from transfer.flow.enforce import enforce as enforce_case
from transfer.flow.housekeeping import clean_up
from transfer.flow.opening import open_case as open_this_case
from transfer.flow.receive import receive as receive_arrivals
from transfer.flow.request import request as make_request
from transfer.flow.settle import settle as settle_packet
from transfer.identifiers import CaseId, PacketId
from transfer.ledger import rounds
from transfer.ledger.disclosures import Sender
from transfer.rounds import Dag
from transfer_airflow.task_round import TaskRound, process


def open_case() -> list[str]:
    """Open or look again at the case; the requests to make now."""
    return process(Dag.OPEN_CASE, lambda at: [str(r) for r in open_this_case(at.services, at.taken)], otherwise=[])


def request(name: str) -> None:
    """Make one of them."""
    process(Dag.OPEN_CASE, lambda at: make_request(at.services, at.taken, name), otherwise=None, first=False)


def receive() -> None:
    """Process what came in."""

    def work(at: TaskRound) -> None:
        _done(at, receive_arrivals(at.services).sentence)

    process(Dag.RECEIVE_ARRIVALS, work, otherwise=None)


def assemble() -> bool:
    """Put the packet together; whether it may be delivered."""

    def work(at: TaskRound) -> bool:
        if assemble_packet(at.services, PacketId(at.taken.subject)):
            return True
        _done(at, "not permitted: see its decision")
        return False

    return process(Dag.RELEASE_PACKET, work, otherwise=False)


def deliver(is_assembled: bool) -> None:
    """Hand it over."""

    def work(at: TaskRound) -> None:
        with Sender(at.services.ledger) as sender:
            _done(at, deliver_packet(at.services, PacketId(at.taken.subject), sender))

    if is_assembled:
        process(Dag.RELEASE_PACKET, work, otherwise=None, first=False)


def settle() -> None:
    """Take in the receiver's receipt."""

    def work(at: TaskRound) -> None:
        _done(at, settle_packet(at.services, PacketId(at.taken.subject)))

    process(Dag.SETTLE_DELIVERY, work, otherwise=None)


def enforce() -> None:
    """Follow up on an ended permission."""

    def work(at: TaskRound) -> None:
        _done(at, enforce_case(at.services, CaseId(at.taken.subject)))

    process(Dag.ENFORCE_PERMISSIONS, work, otherwise=None)


def housekeeping() -> None:
    """Purge and remove what lapsed by itself."""

    def work(at: TaskRound) -> None:
        _done(at, clean_up(at.services))

    process(Dag.HOUSEKEEPING, work, otherwise=None)


def _done(at: TaskRound, sentence: str) -> None:
    with at.services.ledger.transaction() as tx:
        rounds.done(tx, at.taken, sentence)
