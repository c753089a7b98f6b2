"""What somebody outside sent by our pages goes into Incoming, as any paper: its pages are indexed there."""

from transfer.actions import ActionCode, ActionResult
from transfer.errors import NotAllowed
from transfer.flow import reading
from transfer.flow.desk.decisions import known_hold, resolve
from transfer.flow.desk.verbs import at_desk, demand, not_allowed, refused, unknown
from transfer.flow.paper_in import CameIn, see, store
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import HoldId
from transfer.incoming import UPLOAD, PaperRefused
from transfer.ledger import arrivals, incoming
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right


def bring_in_upload(services: Services, name: HoldId, *, actor: Actor) -> ActionResult:
    """Bring what an *uploaded* question is about into Incoming, as the actor's work. That answers the question, for its
    pages wait there from now on. The same again is the same paper.

    Raises:
        Unknown: there is no such question, or what was sent is destroyed.
        NotAllowed: the question is about something else, or no pages can be made of what was sent.
    """
    demand(actor, Right.DECIDE_WHOSE)
    with at_desk(services, actor, Right.DECIDE_WHOSE) as tx:
        hold = known_hold(tx, name)
        if hold.code is not HoldCode.UPLOADED:
            raise not_allowed(Reason(RefusalCode.NO_UPLOAD, hold=name), Remedy(RemedyCode.SHOW_HOLD, hold=name))
        arrival = arrivals.get(tx, hold.about or "")
        if arrival is None:
            raise unknown(Reason(RefusalCode.NO_DECISION, hold=name), Remedy(RemedyCode.LIST_HOLDS))
        body = reading.payload(tx, services, arrival)
    try:
        came = see(services, UPLOAD, body)
    except PaperRefused as error:
        raise refused(NotAllowed, Reason(RefusalCode.NO_PAPER, why=error.why), Remedy(RemedyCode.GIVE_PAPER)) from None
    with at_desk(services, actor, Right.DECIDE_WHOSE) as tx:
        stored = came if isinstance(came, CameIn) else store(tx, came)
        found = incoming.get(tx, stored.id, lock=True)
        if found is not None and found.taken_by != actor.person:
            incoming.take(tx, found, actor.person)
    resolve(services, name, HoldAnswer.SEEN, actor=actor)
    code = ActionCode.PAPER_STORED if stored.is_new else ActionCode.PAPER_STORED_BEFORE
    return ActionResult(code, incoming=stored.id, pages=stored.pages)
