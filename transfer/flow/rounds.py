"""What each DAG does in its round: its steps, one task each, and the sentence that people read on the run.

A step takes the services and the round that its task holds. The step that ends the round leaves the sentence. Airflow's
tasks (`plugins/transfer_airflow`) and whoever else processes rounds call these steps, so a sentence is written once.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from transfer import spans
from transfer.flow.assemble import assemble as assemble_packet
from transfer.flow.assess import settle_needs
from transfer.flow.deliver import deliver as deliver_packet
from transfer.flow.enforce import enforce as enforce_permissions
from transfer.flow.housekeeping import clean_up
from transfer.flow.opening import open_case as open_this_case
from transfer.flow.receive import receive as receive_arrivals
from transfer.flow.request import request as make_request
from transfer.flow.services import Services
from transfer.flow.settle import settle as settle_delivery
from transfer.identifiers import CaseId, PacketId
from transfer.ledger import rounds
from transfer.ledger.disclosures import Sender
from transfer.ledger.rounds import Taken
from transfer.rounds import Dag

P = ParamSpec("P")
T = TypeVar("T")


def _step(do: Callable[Concatenate[Services, Taken, P], T]) -> Callable[Concatenate[Services, Taken, P], T]:
    """A step is a span of its subject's trace."""

    @wraps(do)
    def done(services: Services, taken: Taken, /, *given: P.args, **named: P.kwargs) -> T:
        with spans.span(do.__name__, taken.subject, dag=taken.dag, subject=taken.subject, round=taken.number):
            return do(services, taken, *given, **named)

    return done


@_step
def open_case(services: Services, taken: Taken) -> list[str]:
    """Open the case, or look at it again. Gives the requests to make now; where there is none the round is done."""
    return [str(name) for name in open_this_case(services, taken)]


@_step
def request(services: Services, taken: Taken, name: str) -> None:
    """Make one of these requests. The last one made ends the round."""
    make_request(services, taken, name)


@_step
def receive(services: Services, taken: Taken) -> None:
    """Process what came in."""
    _done(services, taken, receive_arrivals(services).sentence)


@_step
def assemble(services: Services, taken: Taken) -> bool:
    """Put the packet together. Gives whether it may be delivered; if not, the round is done."""
    is_assembled = assemble_packet(services, PacketId(taken.subject))
    if not is_assembled:
        _stop(services, taken, PacketId(taken.subject))
    return is_assembled


def _stop(services: Services, taken: Taken, packet: PacketId) -> None:
    """The round ends and the case is judged at once: what people said while it ran owes the next one."""
    with services.ledger.transaction() as tx:
        tx.lock_case(packet.case)
        rounds.done(tx, taken, "not put together: see its decision")
        settle_needs(tx, services, packet.case)


@_step
def deliver(services: Services, taken: Taken) -> None:
    """Hand over the packet that was assembled."""
    with Sender(services.ledger) as sender:
        _done(services, taken, deliver_packet(services, PacketId(taken.subject), sender))


@_step
def settle(services: Services, taken: Taken) -> None:
    """Take in the receiver's receipt."""
    _done(services, taken, settle_delivery(services, PacketId(taken.subject)))


@_step
def enforce(services: Services, taken: Taken) -> None:
    """Follow up on an ended permission."""
    _done(services, taken, enforce_permissions(services, CaseId(taken.subject)))


@_step
def housekeeping(services: Services, taken: Taken) -> None:
    """Purge and remove what lapsed by itself."""
    _done(services, taken, clean_up(services))


def _done(services: Services, taken: Taken, sentence: str) -> None:
    with services.ledger.transaction() as tx:
        rounds.done(tx, taken, sentence)


#: the steps of each DAG, in their order. A second step is called with each name of the list that the first one gives,
#: or, where that gives yes or no, if it is yes.
STEPS: Mapping[Dag, tuple[Callable[..., object], ...]] = {
    Dag.OPEN_CASE: (open_case, request),
    Dag.RECEIVE_ARRIVALS: (receive,),
    Dag.RELEASE_PACKET: (assemble, deliver),
    Dag.SETTLE_DELIVERY: (settle,),
    Dag.ENFORCE_PERMISSIONS: (enforce,),
    Dag.HOUSEKEEPING: (housekeeping,),
}


def place_of(step: Callable[..., object]) -> tuple[Dag, bool]:
    """The DAG that a step belongs to, and whether it is the first one, which takes the round; the others join it.

    Raises:
        LookupError: it belongs to none.
    """
    for dag, steps in STEPS.items():
        if step in steps:
            return dag, step is steps[0]
    raise LookupError(f"{step.__name__} is no step of a DAG")
