"""The queues at the departments we fetch from, and for what a request waits in one; who cannot reach us by MLLP."""

from dataclasses import dataclass
from datetime import datetime

from transfer.flow.desk.verbs import at_desk
from transfer.flow.services import Services
from transfer.flow.turns import terms_of
from transfer.identifiers import DepartmentId, InstitutionId
from transfer.ledger import Tx, frames, turns
from transfer.ledger.frames import FramesNotTaken
from transfer.requests import Request
from transfer.rights import Actor, Right
from transfer.turns import TurnWait, turn_wait


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """A department that we fetch from. Times are UTC."""

    institution: str
    department: str
    at_once: int
    in_flight: int
    #: turns given to cases whose run is on its way
    called: int
    waiting: int
    quiet_until: datetime | None
    #: it does not answer, and is asked again then
    rests_until: datetime | None
    silent_since: datetime | None


def list_frames_not_taken(services: Services, *, actor: Actor) -> list[FramesNotTaken]:
    """Whose messages by MLLP are not taken now, because their frames end otherwise than by FS CR."""
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        return frames.not_taken(tx)


def list_queues(services: Services, *, actor: Actor) -> list[QueueView]:
    """Every department that is fetched from: what is in flight there, who waits, until when. Nothing of a patient."""
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        now = tx.now()
        found = []
        for institution in services.institutions.values():
            for department in institution.departments:
                if not department.is_fetched:
                    continue
                place = InstitutionId(institution.id), DepartmentId(department.id)
                figures, terms = turns.figures(tx, *place), terms_of(services, *place)
                found.append(
                    QueueView(
                        institution=institution.id,
                        department=department.id,
                        at_once=terms.asking.at_once,
                        in_flight=figures.in_flight,
                        called=figures.called,
                        waiting=figures.waiting,
                        quiet_until=terms.quiet_until(now),
                        rests_until=figures.queue.rests_until if figures.queue.rests(now) else None,
                        silent_since=figures.queue.silent_since,
                    )
                )
        return found


def wait_of(tx: Tx, services: Services, request: Request) -> TurnWait | None:
    """For what a request waits that may be made now. None: it does not wait for its turn."""
    place = request.institution, request.department
    waiting = turns.waiting_request(tx, request)
    if waiting is None:
        return None
    queue, terms = turns.look_at_queue(tx, *place), terms_of(services, *place)
    there = services.institutions[request.institution].department(request.department).name
    before = turns.before(tx, *place, waiting)
    return turn_wait(waiting.priority, before, queue, terms, tx.now(), department=there)
