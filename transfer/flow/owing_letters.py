"""A request to a facility without an interface is a letter that is owed: it is queued where the case is judged."""

from transfer.flow.services import Services
from transfer.institutions import ByHand
from transfer.ledger import Tx, letters
from transfer.letters import WRITTEN_ABOUT, LetterKind, sends_from, way_to
from transfer.requests import Request, RequestState


def gets_letters(services: Services, request: Request) -> bool:
    """Whether a letter about this request may go as it stands, whatever else hinders it."""
    is_written_to = services.letter_post is not None and services.institutions[request.institution].contact is not None
    return is_written_to and request.state in WRITTEN_ABOUT


def owe_letter(tx: Tx, services: Services, request: Request) -> None:
    """Queue the first letter of a request that people are to make, where its facility can be written to. Twice is once.

    The caller holds the case's lock.
    """
    source = services.institutions[request.institution]
    is_by_hand = isinstance(source.department(request.department).asked, ByHand)
    if services.letter_post is None or source.contact is None or not is_by_hand:
        return
    if request.state is RequestState.EXPECTED and not letters.of_request(tx, request.id):
        way = way_to(source.contact, can_fax=services.letter_post.can_fax)
        letters.queue(tx, request, LetterKind.FIRST, way, sends_from(way, tx.now(), source.zone))
