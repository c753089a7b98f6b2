"""What was misdirected goes back to its sender, and whoever sent it back says how."""

from datetime import date

from transfer.actions import ActionCode, ActionResult
from transfer.flow.desk.incoming import nothing_such
from transfer.flow.desk.verbs import at_desk, demand, not_allowed
from transfer.flow.services import Services
from transfer.identifiers import IncomingId
from transfer.incoming import SentBack, SentBackHow
from transfer.ledger import incoming
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right


def record_sent_back(
    services: Services, name: IncomingId, how: SentBackHow, *, actor: Actor, on: date | None = None
) -> ActionResult:
    """Write down how misdirected pages, or a disc with misdirected studies, went back, and on which day here; without
    one, today. It may be destroyed by then. The same again changes nothing; another word takes the place of the first,
    and both stay written.

    Raises:
        Unknown: there is no such paper or disc.
        NotAllowed: nothing of it was misdirected, or the day lies ahead or before it came.
    """
    demand(actor, Right.DECIDE_WHOSE)
    with at_desk(services, actor, Right.DECIDE_WHOSE) as tx:
        found = incoming.get(tx, name, lock=True)
        if found is None:
            raise nothing_such(name)
        if not found.is_misdirected:
            raise not_allowed(Reason(RefusalCode.NOT_MISDIRECTED, incoming=name), Remedy(RemedyCode.LIST_INCOMING))
        came, today = (one.astimezone(services.zone).date() for one in (found.received_at, tx.now()))
        said = SentBack(how=how, on=on or today, by=actor.person)
        if not came <= said.on <= today:
            raise not_allowed(Reason(RefusalCode.NOT_SENT_BACK_THEN), Remedy(RemedyCode.LIST_INCOMING))
        before = found.sent_back
        if before and before.how is how and (on is None or before.on == on):
            return ActionResult(ActionCode.SENT_BACK_BEFORE, incoming=name, how=how)
        incoming.write_sent_back(tx, found, said)
    return ActionResult(ActionCode.SENT_BACK, incoming=name, how=how)
