"""A request to a facility without an interface is a letter that is owed: it is queued where the case is judged."""

from collections.abc import Sequence
from datetime import datetime

from transfer.flow.services import Services
from transfer.institutions import ByHand
from transfer.ledger import Tx, letters
from transfer.letters import (
    CHASED,
    WRITTEN_ABOUT,
    Letter,
    LetterKind,
    LetterState,
    chased_from,
    sends_from,
    way_to,
)
from transfer.requests import Request, RequestState


def gets_letters(services: Services, request: Request) -> bool:
    """Whether a letter about this request may go as it stands, whatever else hinders it."""
    is_written_to = services.letter_post is not None and services.institutions[request.institution].contact is not None
    return is_written_to and request.state in WRITTEN_ABOUT


def waits_for_call(services: Services, request: Request) -> bool:
    """Whether its letter goes only once somebody here called its facility back."""
    contact = services.institutions[request.institution].contact
    return gets_letters(services, request) and contact is not None and not contact.is_confirmed


def owe_letter(tx: Tx, services: Services, request: Request) -> None:
    """Queue the first letter of a request that people are to make, where its facility can be written to; and once that
    went, the second, which goes by itself unless the facility says something before. Each is queued once.

    The caller holds the case's lock.
    """
    source = services.institutions[request.institution]
    is_by_hand = isinstance(source.department(request.department).asked, ByHand)
    if services.letter_post is None or source.contact is None or not is_by_hand:
        return
    way = way_to(source.contact, can_fax=services.letter_post.can_fax)
    known = letters.of_request(tx, request.id)
    if request.state is RequestState.EXPECTED and not known:
        letters.queue(tx, request, LetterKind.FIRST, way, sends_from(way, tx.now(), source.zone))
    elif request.state in CHASED and (sent_at := _only_first_went(known)):
        chased = chased_from(sent_at, source.department(request.department).usual_days, source.zone)
        at = sends_from(way, max(chased, tx.now()), source.zone)
        letters.queue(tx, request, LetterKind.SECOND, way, at, is_automatic=True)
    for letter in known:
        if letter.is_automatic and letter.state is LetterState.QUEUED and request.state not in CHASED:
            letters.settle(tx, letter, LetterState.NOT_NEEDED)


def _only_first_went(known: Sequence[Letter]) -> datetime | None:
    """When the first letter went, if that is all there is. A second that was to follow a first which did not go through
    does not count once that went.
    """
    first = [one for one in known if one.kind is LetterKind.FIRST and one.settled_at]
    sent_at = max((one.settled_at for one in first if one.state is LetterState.SENT and one.settled_at), default=None)
    if sent_at is None or any(one.state not in (LetterState.SENT, LetterState.NOT_NEEDED) for one in known):
        return None
    others = [one for one in known if one.kind is not LetterKind.FIRST]
    is_before = all(one.is_automatic and one.settled_at and one.settled_at < sent_at for one in others)
    return sent_at if is_before else None
