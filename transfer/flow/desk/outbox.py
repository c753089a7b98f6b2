"""The outbox of letters: the next one of a request, what did not go, what somebody sent by hand, and what each says."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from transfer import codec
from transfer.actions import ActionCode, ActionResult
from transfer.case import OpenedCase
from transfer.contacts import Contact
from transfer.errors import NotAllowed
from transfer.flow.basis import may_ask
from transfer.flow.desk.content import Content
from transfer.flow.desk.looking import show_content
from transfer.flow.desk.story import department
from transfer.flow.desk.verbs import at_desk, locked_request, not_allowed, unknown
from transfer.flow.letters import compose, has_outstanding, scan_of, send_by_hand
from transfer.flow.services import LetterPost, Services
from transfer.identifiers import LetterId, PatientId
from transfer.ledger import Tx, letter_codes, letters, notes, requests
from transfer.letters import (
    WRITTEN_ABOUT,
    Letter,
    LetterKind,
    LetterState,
    LetterText,
    SendingFailure,
    SendingWay,
    address_of,
    kind_after,
    sends_from,
    way_to,
)
from transfer.looks import LookPlace
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.requests import Request
from transfer.rights import Actor, Right

#: a letter that is to go, or about which somebody decides
OPEN: Final = frozenset({LetterState.QUEUED, LetterState.SENDING, LetterState.FAILED})
_PDF: Final = "application/pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterView:
    """A letter as a line of the outbox. Times are UTC. `to` is where it went, or would go now."""

    letter: str
    case: str
    request: str
    institution: str
    who: str
    kind: LetterKind
    way: SendingWay
    state: LetterState
    #: it waits until somebody called its facility
    is_unconfirmed: bool
    to: str
    queued_at: datetime
    not_before: datetime
    attempts: int
    pages: int | None
    confirmation: str | None
    failure: SendingFailure | None
    settled_at: datetime | None
    #: it goes by itself, unless they answer before
    is_automatic: bool = False


def send_letter(services: Services, name: str, *, actor: Actor) -> ActionResult:
    """Queue the next letter of a request: the first, the second, the final one. While one is open, that one stands.

    Raises:
        Unknown: no such request.
        NotAllowed: nothing is awaited of it or outstanding, it may not be asked for, or its facility gets no letters.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        request = locked_request(tx, name)
        known = letters.of_request(tx, request.id)
        if standing := _standing(tx, known):
            return ActionResult(ActionCode.LETTER_QUEUED_BEFORE, letter=standing.id)
        kind = kind_after(len({one.kind for one in known if one.state is LetterState.SENT}))
        return _queue(tx, services, request, kind)


def retry_letter(services: Services, name: LetterId, *, actor: Actor) -> ActionResult:
    """What did not go is tried once more; what went, or was cancelled, goes again. While one is to go, that one stands.

    Raises:
        Unknown: no such letter.
        NotAllowed: as `send_letter`.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        letter, request = _letter(tx, name)
        if letter.state is LetterState.FAILED:
            post, contact = _written_to(services, request)
            way, zone = way_to(contact, can_fax=post.can_fax), services.institutions[request.institution].zone
            letters.queue_again(tx, letter, way, sends_from(way, tx.now(), zone))
            return ActionResult(ActionCode.LETTER_QUEUED, letter=letter.id, which=letter.kind, way=way)
        known = letters.of_request(tx, request.id)
        if standing := _standing(tx, known):
            return ActionResult(ActionCode.LETTER_QUEUED_BEFORE, letter=standing.id)
        return _queue(tx, services, request, letter.kind)


def cancel_letter(services: Services, name: LetterId, *, actor: Actor) -> ActionResult:
    """A letter that is to go, or did not go, does not go. Twice is once.

    Raises:
        Unknown: no such letter.
        NotAllowed: it is being sent, or has gone.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        letter, _ = _letter(tx, name)
        if letter.state is LetterState.CANCELLED:
            return ActionResult(ActionCode.LETTER_CANCELLED_BEFORE, letter=name)
        _is_one_of(letter, {LetterState.QUEUED, LetterState.FAILED})
        letters.settle(tx, letter, LetterState.CANCELLED)
    return ActionResult(ActionCode.LETTER_CANCELLED, letter=name)


def mark_sent_by_hand(services: Services, name: LetterId, *, actor: Actor) -> ActionResult:
    """Somebody here faxed or posted a letter that was to go, or did not. Twice is once.

    Raises:
        Unknown: no such letter.
        NotAllowed: it is being sent, went another way or need not go, or nobody called its facility yet.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        letter, request = _letter(tx, name)
        if letter.state is LetterState.SENT and letter.way is SendingWay.BY_HAND:
            return ActionResult(ActionCode.LETTER_BY_HAND_BEFORE, letter=name)
        _is_one_of(letter, {LetterState.QUEUED, LetterState.FAILED})
        contact = services.institutions[request.institution].contact
        if contact is None or not contact.is_confirmed:
            raise _call_first(request)
        if not send_by_hand(tx, services, letter):
            raise _not_wanted(request)
    return ActionResult(ActionCode.LETTER_BY_HAND, letter=name)


def open_letter(services: Services, name: LetterId, *, actor: Actor) -> Content:
    """A letter as it went, or as it would go now, with the authorization. That it was opened is a fact.

    Raises:
        Unknown: no such letter, or what it said is destroyed.
        NotAllowed: the actor may see no content, or nothing is outstanding any more.
    """
    with at_desk(services, actor, Right.SEE_CONTENT) as tx:
        letter, request = _letter(tx, name)
        post, contact = _written_to(services, request)
        ruling = may_ask(tx, services.institutions, OpenedCase.of(tx.case(letter.case)), request)
        said = notes.read(tx, letter.note) if letter.note else None
        if said is not None:
            text: LetterText | None = codec.load(LetterText, said.encode())
        elif ruling.is_permitted and request.state in WRITTEN_ABOUT and has_outstanding(tx, services, request):
            code = letter_codes.reply_code(tx, request).code
            text = compose(tx, services, request, letter.kind, ruling, code=code)
        else:
            text = None
        if text is None:
            raise _not_wanted(request)
        scan = scan_of(tx, services, _patient(tx, letter), ruling.permission)
        show_content(tx, actor, letter.case, name, LookPlace.CASE)
    pdf, _ = post.make(text, letter.sent_to or address_of(contact, letter.way), scan)
    return Content(name=f"{name}.pdf", content_type=_PDF, size=len(pdf), text=None, pieces=lambda: iter([pdf]))


def list_letters(
    services: Services, *, actor: Actor, states: Collection[LetterState] = OPEN, page: int = 1, later: bool = False
) -> tuple[LetterView, ...]:
    """The letters in these states, newest first: a page of 50, numbered from 1, and one more if there are others.

    `later`: also those that go by themselves on a day to come, unless their facility answers before.
    """
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        return tuple(_view(tx, services, one) for one in letters.outbox(tx, states, page=page, later=later))


def _view(tx: Tx, services: Services, letter: Letter) -> LetterView:
    request = requests.get(tx, letter.request)
    institution = request.institution if request else ""
    is_known = institution in services.institutions
    contact = services.institutions[institution].contact if is_known else None
    return LetterView(
        letter=letter.id,
        case=letter.case,
        request=letter.request,
        institution=institution,
        who=department(services.institutions, institution, request.department if request else ""),
        kind=letter.kind,
        way=letter.way,
        state=letter.state,
        is_unconfirmed=letter.state is LetterState.QUEUED and not (contact and contact.is_confirmed),
        to=letter.sent_to or (address_of(contact, letter.way) if contact else ""),
        queued_at=letter.queued_at,
        not_before=letter.not_before,
        attempts=letter.attempts,
        pages=letter.pages,
        confirmation=letter.confirmation,
        failure=letter.failure,
        settled_at=letter.settled_at,
        is_automatic=letter.is_automatic,
    )


def _standing(tx: Tx, known: Collection[Letter]) -> Letter | None:
    """The letter that is to go. One that would have gone by itself, later, gives way to a person's."""
    found = next((one for one in known if one.state in OPEN), None)
    if found and found.is_automatic and found.state is LetterState.QUEUED and found.not_before > tx.now():
        letters.settle(tx, found, LetterState.NOT_NEEDED)
        return None
    return found


def _queue(tx: Tx, services: Services, request: Request, kind: LetterKind) -> ActionResult:
    post, contact = _written_to(services, request)
    ruling = may_ask(tx, services.institutions, OpenedCase.of(tx.case(request.case)), request)
    if not ruling.is_permitted:
        raise not_allowed(Reason(RefusalCode.REQUEST_NOT_PERMITTED, request=request.id), Remedy(RemedyCode.FORM_FIRST))
    if request.state not in WRITTEN_ABOUT or not has_outstanding(tx, services, request):
        raise _not_wanted(request)
    way, zone = way_to(contact, can_fax=post.can_fax), services.institutions[request.institution].zone
    letter = letters.queue(tx, request, kind, way, sends_from(way, tx.now(), zone))
    return ActionResult(ActionCode.LETTER_QUEUED, letter=letter, which=kind, way=way)


def _written_to(services: Services, request: Request) -> tuple[LetterPost, Contact]:
    contact = services.institutions[request.institution].contact
    if services.letter_post is None or contact is None:
        raise not_allowed(
            Reason(RefusalCode.GETS_NO_LETTERS, institution=request.institution), Remedy(RemedyCode.SET_LETTERS)
        )
    return services.letter_post, contact


def _letter(tx: Tx, name: LetterId) -> tuple[Letter, Request]:
    letter = letters.get(tx, name)
    if letter is None:
        raise unknown(Reason(RefusalCode.NO_LETTER, letter=name), Remedy(RemedyCode.LIST_LETTERS))
    request = locked_request(tx, letter.request)
    return letters.get(tx, name) or letter, request


def _patient(tx: Tx, letter: Letter) -> PatientId:
    return OpenedCase.of(tx.case(letter.case)).patient


def _is_one_of(letter: Letter, states: Collection[LetterState]) -> None:
    if letter.state not in states:
        raise not_allowed(
            Reason(RefusalCode.LETTER_IS, letter=letter.id, state=letter.state), Remedy(RemedyCode.LIST_LETTERS)
        )


def _not_wanted(request: Request) -> NotAllowed:
    return not_allowed(
        Reason(RefusalCode.NO_LETTER_WANTED, request=request.id, state=request.state),
        Remedy(RemedyCode.SHOW_CASE, case=request.case),
    )


def _call_first(request: Request) -> NotAllowed:
    return not_allowed(
        Reason(RefusalCode.CALL_FIRST, institution=request.institution),
        Remedy(RemedyCode.CALL_BACK, institution=request.institution),
    )
