"""What a source sees of our request, and what it sends back: no more than its letter says, and nothing of anybody else.

It is the same arrival as from a source with an interface, so the same reader reads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from transfer import facts
from transfer.adapters.fhir import replies
from transfer.adapters.fhir.replies import ReplyFile
from transfer.arrivals import ArrivalKind
from transfer.case import OpenedCase
from transfer.errors import Unknown
from transfer.facts import Chain
from transfer.flow.assess import look
from transfer.flow.outside.sending import FHIR_JSON, StoreSent, named_by, send, send_file
from transfer.flow.outside.sessions import by_outsider
from transfer.flow.services import Services
from transfer.identifiers import ArrivalId, CaseId, InstitutionId, RequestId
from transfer.ledger import Tx, opened_letters, patients, requests
from transfer.ledger.opened_letters import LetterReply
from transfer.outside_sessions import OutsideSession
from transfer.records import RecordKind
from transfer.requests import Request, RequestState
from transfer.source_answers import SourceAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOnLetter:
    """One thing that is asked for. `kind` is what a file that answers it counts as."""

    key: str
    label: str
    kind: RecordKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOnLetter:
    """A request as its letter says it. `zone` is the facility's; `asked_at` is UTC."""

    request: RequestId
    institution: InstitutionId
    facility: str
    department: str
    #: whom the records are for
    receiver: str
    patient: str
    born: date | None
    numbers: tuple[str, ...]
    lines: tuple[LineOnLetter, ...]
    asked_at: datetime | None
    needed_by: date | None
    state: RequestState
    is_open: bool
    zone: ZoneInfo
    #: at the facility
    today: date
    #: what was sent in this sign-in
    replies: tuple[LetterReply, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is sent at once: an answer, records, a form of theirs that is to be filled in. `person` says it.

    `key` is of the form that was sent: the same form twice is one reply, and with other words another.

    Raises:
        ValueError: it says nothing.
    """

    key: str
    person: str
    said: SourceAnswer | None = None
    records: tuple[ReplyFile, ...] = ()
    forms: tuple[ReplyFile, ...] = ()

    def __post_init__(self) -> None:
        if self.said is None and not self.records:
            raise ValueError("an answer, or records")


def list_requests(services: Services, session: OutsideSession) -> tuple[RequestOnLetter, ...]:
    """The requests whose letters were opened in this sign-in, in that order."""
    with by_outsider(services, session.account) as tx:
        return tuple(one for name in _opened(tx, session) if (one := _seen(tx, services, session, name)))


def _opened(tx: Tx, session: OutsideSession) -> list[RequestId]:
    return [one.request for one in opened_letters.of_account(tx, session.account) if one.request]


def get_request(services: Services, session: OutsideSession, request: RequestId) -> RequestOnLetter:
    """One of them.

    Raises:
        Unknown: its letter was not opened in this sign-in, or nothing is left of it.
    """
    with by_outsider(services, session.account) as tx:
        found = _seen(tx, services, session, request) if request in _opened(tx, session) else None
    if found is None:
        raise Unknown("there is no such page")
    return found


def send_reply(
    services: Services, store: StoreSent, session: OutsideSession, request: RequestId, reply: Reply
) -> tuple[ArrivalId, ...]:
    """Store what a source says to a request, each part by itself. Sent again it is stored once. Our references for it.

    Raises:
        Unknown: as `get_request`, or nothing is awaited of it any more.
        Unavailable: not all of it was stored; the same again stores the rest.
    """
    shown = get_request(services, session, request)
    if not shown.is_open:
        raise Unknown("there is no such page")
    kept: list[LetterReply] = []
    with by_outsider(services, session.account) as tx:
        case, now = _known(tx, request).case, tx.now()
        who = patients.identity(tx, OpenedCase.of(tx.case(case)).patient)
    if who is None:
        raise Unknown("there is no such page")

    def keep(arrival: ArrivalId, said: SourceAnswer | None, files: int) -> None:
        answer = said.answer if said else None
        kept.append(LetterReply(arrival=arrival, request=request, answer=answer, files=files, sent_at=now))

    key = f"{session.account}|{request}|{reply.key}"
    if reply.records:
        body = replies.report_of(request, who.current, reply.records, reply.person)
        keep(_message(services, store, session, body, named_by(f"{key}|records", body)), None, len(reply.records))
    for number, one in enumerate(reply.forms):
        name = f"{key}|form-{number}"
        keep(send_file(services, store, session.institution, case, one.content, one.content_type, name), None, 1)
    if reply.said:
        body = replies.task_of(request, reply.said, now)
        name = named_by(f"{key}|answer", repr(reply.said).encode())  # the message names the moment, too
        keep(_message(services, store, session, body, name), reply.said, 0)
    with by_outsider(services, session.account) as tx:
        for each in kept:
            opened_letters.keep_reply(tx, session.account, each)
    return tuple(one.arrival for one in kept)


def _message(services: Services, store: StoreSent, session: OutsideSession, body: bytes, key: str) -> ArrivalId:
    return send(services, store, session.institution, ArrivalKind.ANSWER, body, FHIR_JSON, key=key)


def _known(tx: Tx, request: RequestId) -> Request:
    found = requests.get(tx, request)
    if found is None:
        raise Unknown("there is no such page")
    return found


def _seen(tx: Tx, services: Services, session: OutsideSession, name: RequestId) -> RequestOnLetter | None:
    request = requests.get(tx, name)
    if request is None or request.institution != session.institution:
        return None
    opened = OpenedCase.of(tx.case(request.case))
    who = patients.identity(tx, opened.patient)
    if who is None:
        return None
    source = services.institutions[request.institution]
    case = tx.case(request.case)
    return RequestOnLetter(
        request=request.id,
        institution=request.institution,
        facility=source.name,
        department=source.department(request.department).name,
        receiver=services.institutions[opened.receiver].name,
        patient=str(who.current.names[0]) if who.current.names else "",
        born=who.current.birth_date,
        numbers=tuple(one.value for one in who.current.identifiers if source.issues(one.issuer)),
        lines=_lines(tx, services, request.case, request.lines),
        asked_at=_asked_at(tx, request),
        needed_by=date.fromisoformat(case.opened.needed_by) if case.opened and case.opened.needed_by else None,
        state=request.state,
        is_open=request.state.is_open and case.is_open,
        zone=source.zone,
        today=tx.now().astimezone(source.zone).date(),
        replies=tuple(one for one in opened_letters.replies(tx, session.account) if one.request == name),
    )


def _lines(tx: Tx, services: Services, case: CaseId, keys: Sequence[str]) -> tuple[LineOnLetter, ...]:
    """As the letter lists them, whatever came since: it does not say what others gave, or what may not be released."""
    known = {need.line.key: need.line for need in look(tx, services, case).completeness.needs}
    return tuple(
        LineOnLetter(key=key, label=known[key].label, kind=min(known[key].kinds)) for key in keys if key in known
    )


def _asked_at(tx: Tx, request: Request) -> datetime | None:
    made = (line.at for line in tx.lines(Chain.case(request.case)) if _is_made(line.fact, request))
    return next(made, None)


def _is_made(fact: facts.Fact, request: Request) -> bool:
    return isinstance(fact, facts.RequestMade) and fact.request == request.id
