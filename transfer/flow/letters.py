"""Sending the letters of a case whose time has come.

Whether a letter is still needed, and permitted, is asked in the transaction that begins to send it. That writes where
it goes and on which basis before the first byte leaves. No lock is held while it is sent.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from transfer import codec, facts
from transfer.adapters import paper
from transfer.adapters.fhir import inbound
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.case import OpenedCase
from transfer.completeness import SETTLED
from transfer.errors import NeedsReview, OutOfOrder, Refused
from transfer.flow import reading
from transfer.flow.assess import added_needs, look
from transfer.flow.basis import may_ask
from transfer.flow.owing_letters import owe_letter
from transfer.flow.services import LetterPost, Services
from transfer.identifiers import CaseId, LetterId, PatientId
from transfer.institutions import Institution
from transfer.ledger import Tx, arrivals, letter_codes, letters, notes, patients, permissions, requests, rounds
from transfer.letters import (
    Letter,
    LetterKind,
    LetterState,
    LetterText,
    NotSent,
    SendingFailure,
    SendingWay,
    address_of,
    is_needed,
    look_after,
    next_try,
    sends_from,
)
from transfer.permissions import Ruling
from transfer.records import RecordKind
from transfer.requests import Request
from transfer.rounds import Dag

#: a letter that waits for a call to its facility is looked at again after so long; a call sends it at once
_WHILE_UNCONFIRMED = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaving:
    """A letter that begins to leave, with what it says."""

    letter: Letter
    text: LetterText
    to: str
    #: the body of the message that the form relied on came in
    scan: bytes | None


def send_letters(services: Services, case: CaseId) -> None:
    """Send what of the case may go now. What did not go through is tried again later, or a person decides."""
    if services.letter_post is None:
        return
    with services.ledger.transaction() as tx:
        names = letters.due(tx, case)
    for name in names:
        leaving = _begin(services, name)
        if leaving is not None:
            _send(services, services.letter_post, leaving)
    with services.ledger.transaction() as tx:
        if later := letters.next_due(tx, case):
            rounds.owe(tx, Dag.OPEN_CASE, case, after=max(later - tx.now(), timedelta(0)))


def compose(
    tx: Tx, services: Services, request: Request, kind: LetterKind, ruling: Ruling, *, code: str
) -> LetterText | None:
    """What a letter about this request says now; None: nothing of it is outstanding, or the patient is forgotten.

    The caller holds the patient's epoch.
    """
    opened, case = OpenedCase.of(tx.case(request.case)), tx.case(request.case).opened
    source, who = services.institutions[request.institution], patients.identity(tx, opened.patient)
    wanted, received = _kinds(tx, services, request)
    if who is None or not wanted or ruling.basis is None:
        return None
    department = source.department(request.department)
    earlier = [*LetterKind][: [*LetterKind].index(kind)]
    sent = [one for one in letters.of_request(tx, request.id) if one.state is LetterState.SENT and one.kind in earlier]
    added = next((one for one in added_needs(tx.case(request.case)) if one.key == request.need), None)
    return LetterText(
        kind=kind,
        reference=request.id,
        dated=tx.now().astimezone(source.zone).date(),
        before=tuple(one.settled_at.astimezone(source.zone).date() for one in sent if one.settled_at),
        facility=source.name,
        department=department.name,
        patient=str(who.current.names[0]) if who.current.names else "",
        born=who.current.birth_date,
        numbers=tuple(one.value for one in who.current.identifiers if source.issues(one.issuer)),
        receiver=services.institutions[opened.receiver].name,
        referring=services.institutions[opened.referring].name,
        wanted=wanted,
        received=received,
        needed_by=date.fromisoformat(case.needed_by) if case and case.needed_by else None,
        basis=ruling.basis,
        signed_on=_signed_on(tx, opened.patient, ruling),
        code=code,
        answer_at=f"{services.public_url}/r/",
        procedure=added.procedure if added else None,
        done_on=added.day if added else None,
    )


def _begin(services: Services, name: LetterId) -> _Leaving | None:
    """Claim a letter and write that it leaves, if it is still needed and may go where it would go now."""
    with services.ledger.transaction() as tx:
        letter = letters.get(tx, name)
        opened = tx.case(letter.case).as_opened if letter else None
        if letter is None or opened is None:
            return None
        patients.hold_epoch_shared(tx, opened.patient)
        tx.lock_case(letter.case)
        letter = letters.get(tx, name) or letter
        if letter.state is LetterState.SENDING:  # whoever sent it died: it may have gone
            letters.settle(tx, letter, LetterState.FAILED, failure=SendingFailure.UNKNOWN)
            return None
        claimed = letters.claim(tx, name)
        return _leave(tx, services, claimed, opened.patient) if claimed else None


def _leave(tx: Tx, services: Services, letter: Letter, patient: PatientId) -> _Leaving | None:
    request, found = requests.get(tx, letter.request), tx.case(letter.case)
    if request is None:
        return None
    ruling = may_ask(tx, services.institutions, OpenedCase.of(found), request)
    wanted, _ = _kinds(tx, services, request)
    standing = {"is_active": found.is_active, "is_permitted": ruling.is_permitted}
    if not is_needed(request.state, wanted=wanted, is_automatic=letter.is_automatic, **standing):
        letters.settle(tx, letter, LetterState.NOT_NEEDED)
        return None
    source = services.institutions[request.institution]
    if until := _not_before(source, letter.way, tx.now()):
        letters.put_off(tx, letter, until)
        return None
    given = letter_codes.reply_code(tx, request)
    text = compose(tx, services, request, letter.kind, ruling, code=given.code)
    if text is None or source.contact is None:
        letters.settle(tx, letter, LetterState.NOT_NEEDED)
        return None
    to, said = address_of(source.contact, letter.way), codec.dump(LetterText, text).decode()
    begun = facts.LetterBegun(
        letter=letter.id,
        request=request.id,
        sent_to=to,
        basis=ruling.basis,
        permission=ruling.permission,
        note=notes.write(tx, patient, said),
        hmac=notes.digest(tx, patient, said),
    )
    letters.begin(tx, letter, begun)
    return _Leaving(letter=letter, text=text, to=to, scan=scan_of(tx, services, patient, ruling.permission))


def send_by_hand(tx: Tx, services: Services, letter: Letter) -> bool:
    """Write that somebody sent it, with what it says. False: it is needed or permitted no more, or nobody called there.

    The caller holds the patient's epoch and the case's lock, and takes back what is written where it is false.
    """
    by_hand = replace(letter, way=SendingWay.BY_HAND)
    leaving = _leave(tx, services, by_hand, OpenedCase.of(tx.case(letter.case)).patient)
    if leaving is None:
        return False
    letters.settle(tx, by_hand, LetterState.SENT)
    _ask_whether_it_arrived(tx, services, by_hand)
    return True


def has_outstanding(tx: Tx, services: Services, request: Request) -> bool:
    """Whether a letter about this request would ask for anything."""
    wanted, _ = _kinds(tx, services, request)
    return bool(wanted)


def _not_before(source: Institution, way: SendingWay, now: datetime) -> datetime | None:
    """Until when it waits; None: it may go. Nothing that names a patient goes where nobody called."""
    if source.contact is None or not source.contact.is_confirmed:
        return now + _WHILE_UNCONFIRMED
    opens = sends_from(way, now, source.zone)
    return opens if opens > now else None


def _send(services: Services, post: LetterPost, leaving: _Leaving) -> None:
    """Send it, and write what became of it. One that would not show the patient's name does not go by itself."""
    letter = leaving.letter
    pdf, pages = post.make(leaving.text, leaving.to, leaving.scan)
    try:
        if not post.can_draw(leaving.text.patient):
            raise NotSent(SendingFailure.NAME_UNDRAWN)
        confirmation = post.send(letter.id, letter.way, leaving.to, pdf)
    except NotSent as error:
        with services.ledger.transaction() as tx:
            tx.lock_case(letter.case)
            zone = services.institutions[_institution(tx, letter)].zone
            again = next_try(error.failure, letter.attempts, letter.way, tx.now(), zone)
            state = LetterState.FAILED if again is None else LetterState.QUEUED
            letters.settle(tx, letter, state, pages=pages, failure=error.failure, again_at=again)
        return
    with services.ledger.transaction() as tx:
        tx.lock_case(letter.case)
        letters.settle(tx, letter, LetterState.SENT, pages=pages, confirmation=confirmation)
        _ask_whether_it_arrived(tx, services, letter)


def _ask_whether_it_arrived(tx: Tx, services: Services, letter: Letter) -> None:
    """Somebody calls one business day after it was sent, and the second letter waits for its day. The caller holds the
    case's lock.
    """
    request = requests.get(tx, letter.request)
    if request is not None and request.state.is_open:
        zone = services.institutions[request.institution].zone
        requests.plan_action(tx, request, look_after(tx.now().astimezone(zone).date()))
        owe_letter(tx, services, request)


def _institution(tx: Tx, letter: Letter) -> str:
    request = requests.get(tx, letter.request)
    assert request is not None  # a letter is about one
    return request.institution


def _kinds(tx: Tx, services: Services, request: Request) -> tuple[tuple[RecordKind, ...], tuple[RecordKind, ...]]:
    """What of a request is outstanding, by kind, and what the facility sent already."""
    found = look(tx, services, request.case)
    holds = frozenset(services.institutions[request.institution].department(request.department).gives)
    wanted: set[RecordKind] = set()
    for need in found.completeness.needs:
        if need.line.key in request.lines and need.state not in SETTLED:
            wanted |= need.line.kinds & holds
    sent = (one for one in found.case.records.values() if one.institution == request.institution)
    received = {RecordKind(one.document) for one in sent} - wanted
    return tuple(kind for kind in RecordKind if kind in wanted), tuple(kind for kind in RecordKind if kind in received)


def _signed_on(tx: Tx, patient: PatientId, ruling: Ruling) -> date | None:
    filed = (one.permission.form for one in permissions.filed(tx, patient) if one.id == ruling.permission)
    return next((form.signed_on for form in filed), None)


def scan_of(tx: Tx, services: Services, patient: PatientId, permission: str | None) -> bytes | None:
    """The form as it was signed, a PDF: the scan of one on paper, or what the message that brought it encloses. None:
    it came without, or cannot be read any more.
    """
    filed = next((one for one in permissions.filed(tx, patient) if one.id == permission), None)
    arrival = arrivals.get(tx, filed.arrival) if filed else None
    if arrival is None or arrival.content_type == HL7_V2:
        return None
    try:
        body = reading.payload(tx, services, arrival)
        return paper.scan_of(body) if arrival.content_type == paper.PAPER_FORM else inbound.signed_form(body)
    except (NeedsReview, Refused, OutOfOrder):
        return None
