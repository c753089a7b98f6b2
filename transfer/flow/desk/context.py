"""A question with its facts: what contradicts before what agrees, and what left already."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from transfer.arrivals import CASE_DECLINED
from transfer.case import Case, OpenedCase
from transfer.errors import NeedsReview, Refused
from transfer.facts import Chain
from transfer.flow import reading
from transfer.flow.assess import look
from transfer.flow.cross_check import parts_here, unlike_reports
from transfer.flow.desk.calling import logged
from transfer.flow.desk.decisions import known_hold
from transfer.flow.desk.questions import undecided
from transfer.flow.desk.readiness import left_already, named, readiness, stops
from transfer.flow.desk.shown import ContextLine, HoldContext, Weight
from transfer.flow.desk.side_by_side import in_order
from transfer.flow.desk.story import department, institution_name, plain, told
from transfer.flow.desk.verbs import at_desk
from transfer.flow.enforce import may_still_come, spared_and_gone
from transfer.flow.services import Services
from transfer.holds import ABOUT_FORMS, APPROVALS, OF_STUCK_PACKETS, HoldCode
from transfer.identifiers import ArrivalId, CaseId, Identifier, PermissionId, RecordId, RequestId
from transfer.ledger import Tx, arrivals, permissions, records, requests
from transfer.ledger.holds import Hold
from transfer.rights import Actor, Right
from transfer.sealing import KeyGone
from transfer.sentences import SENTENCES

_C, _A, _T = Weight.CONTRADICTS, Weight.AGREES, Weight.TELLS
#: how many of the last events are told with a question about a packet
_LAST = 3


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question being looked at, with the case that it is about, if it is about one."""

    tx: Tx
    services: Services
    hold: Hold
    case: Case | None

    @property
    def opened(self) -> Case | None:
        """The case, once its referral is understood."""
        return self.case if self.case and self.case.opened else None

    def called(self, institution: str) -> str:
        return institution_name(self.services.institutions, institution)


def context(services: Services, name: str, *, actor: Actor) -> HoldContext:
    """What somebody must know before they answer. Nothing of the patient: `hold` compares people.

    Raises:
        Unknown: there is no such question.
    """
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        hold = known_hold(tx, name)
        is_case = CaseId.pattern.fullmatch(hold.subject)
        asked = _Asked(tx, services, hold, tx.case(CaseId(hold.subject)) if is_case else None)
        lines = [*(_ABOUT[hold.code](asked) if hold.code in _ABOUT else ()), *_about(asked), *_standing_against(asked)]
        return HoldContext(
            lines=tuple(in_order(dict.fromkeys(lines))),
            left=left_already(tx, services, asked.case) if asked.case else (),
        )


def _standing_against(asked: _Asked) -> Iterator[ContextLine]:
    """What stops sending, and what else of the request only a person settles."""
    if asked.case:
        yield from stops(asked.tx, asked.case)
    if asked.opened and asked.opened.is_open:
        for wait in undecided(asked.tx, asked.services, look(asked.tx, asked.services, asked.opened.id)):
            where = f" ({asked.called(wait.institution)})" if wait.institution else ""
            yield ContextLine(weight=_T, label="Needs a person, too", says=f"{wait.says}{where}")


# --- what the question names ------------------------------------------------------------------------------------------


def _about(asked: _Asked) -> Iterator[ContextLine]:
    """What its subject and what it is about are, by the kind of thing that they name."""
    for name in (asked.hold.subject, asked.hold.about or ""):
        for kind, tell in _KINDS.items():
            if kind.pattern.fullmatch(name):
                yield from tell(asked, name)
    if asked.hold.code in ABOUT_FORMS:
        for finding in (asked.hold.about or "").split():
            yield ContextLine(weight=_C, label="The form", says=_finding(finding))


def _message(asked: _Asked, name: str) -> Iterator[ContextLine]:
    arrival = arrivals.get(asked.tx, name)
    if arrival is None:
        yield ContextLine(weight=_T, label="The message", says="It is destroyed: nothing of it is left.")
        return
    says = f"{plain(arrival.kind)} from {asked.called(arrival.institution)}, {arrival.size:,} bytes."
    yield ContextLine(weight=_T, label="The message", says=_capital(says), at=arrival.received_at)
    if arrival.conflicts:
        yield ContextLine(weight=_C, label="The message", says="Another with other content came under its number.")
    if arrival.lost:
        yield ContextLine(weight=_C, label="The message", says=f"Reading it broke off {arrival.lost} times.")
    if why := _why_unread(asked, name):
        yield ContextLine(weight=_C, label="What cannot be read", says=why)


def _why_unread(asked: _Asked, name: str) -> str | None:
    """Why nothing is made of it: the words of our own error, which carry nothing of the patient."""
    arrival = arrivals.get(asked.tx, name)
    if arrival is None or asked.hold.code not in _UNREAD:
        return None
    try:
        said = reading.read(asked.services, arrival, reading.payload(asked.tx, asked.services, arrival))
        receiver = getattr(said, "receiver", None)
        if receiver is not None and receiver not in asked.services.institutions:
            return "It names a center that has no file here."
    except KeyGone:
        return "It is destroyed: nothing of it is left."
    except (NeedsReview, Refused) as error:
        return f"{_capital(str(error)).rstrip('.')}."
    return "It can be read now: read it again."


_UNREAD = frozenset({HoldCode.REFERRAL_UNREADABLE, HoldCode.ARRIVAL_UNREADABLE, HoldCode.ARRIVAL_LABEL_UNREAD})


def _request(asked: _Asked, name: str) -> Iterator[ContextLine]:
    request = requests.get(asked.tx, name)
    if request is None:
        return
    case = asked.tx.case(request.case)
    where = department(asked.services.institutions, request.institution, request.department)
    yield ContextLine(weight=_C, label=where, says=SENTENCES[request.state].staff)
    progress = case.requests.get(request.id)
    for finding in progress.moved.findings if progress and progress.moved else ():
        yield ContextLine(weight=_C, label=where, says=_finding(finding))
    labels = ", ".join(_line_label(asked, case, key) for key in request.lines)
    yield ContextLine(weight=_T, label="Requested there", says=f"{labels}.")
    if request.attempts:
        yield ContextLine(weight=_T, label="Tries", says=f"{request.attempts} without an answer since the last one.")
    if request.due_at:
        yield ContextLine(weight=_T, label="Its time runs until", says="", at=request.due_at)
    lines = asked.tx.lines(Chain.case(request.case))
    for call in list(logged(asked.tx, lines, identity=False, notes_too=False)):
        if call.request == request.id:
            promised = f", promised by {call.promised_by}" if call.promised_by else ""
            yield ContextLine(weight=_T, label="Call", says=f"{_capital(plain(call.outcome))}{promised}.", at=call.at)


def _line_label(asked: _Asked, case: Case, key: str) -> str:
    checklist = asked.services.checklists[OpenedCase.of(case).checklist]
    return next((line.label for line in checklist.lines if line.key == key), key)


def _record(asked: _Asked, name: str) -> Iterator[ContextLine]:
    kept = records.get(asked.tx, name)
    if kept is None:
        yield ContextLine(weight=_T, label="The record", says="It is destroyed: nothing of it is left.")
        return
    label = named(asked.services, kept)
    for flaw in sorted(kept.flaws):
        yield ContextLine(weight=_C, label=label, says=SENTENCES[flaw].staff)
    lacking = sum(len(uids) for uids in kept.about.expected.values())
    if lacking and not kept.is_whole:
        yield ContextLine(weight=_C, label=label, says=f"Not whole; its archive lists {lacking} images.")
    yield ContextLine(weight=_T, label=label, says=f"{_capital(plain(kept.status))}.", at=kept.kept_at)


def _permission(asked: _Asked, name: str) -> Iterator[ContextLine]:
    state = permissions.state(asked.tx, name)
    if state is None:
        return
    label = f"Authorization {state.id}"
    ended = f"{_capital(plain(state.ended))}." if state.ended else "It has not ended."
    yield ContextLine(weight=_C if state.ended else _T, label=label, says=ended, at=state.ended_at or state.filed_at)


def _other_case(asked: _Asked, name: str) -> Iterator[ContextLine]:
    found = asked.tx.case(CaseId(name))
    if name == asked.hold.subject and found.opened is None:
        return
    label = "The request" if name == asked.hold.subject else "The other request"
    opened = found.opened
    if opened is None:
        yield ContextLine(weight=_T, label=label, says=f"{name}: its referral is not understood yet.")
        return
    says = f"{name}: from {asked.called(opened.referring)} for {asked.called(opened.receiver)}, {plain(found.stage)}."
    yield ContextLine(weight=_T, label=label, says=says, at=found.opened_at)


_KINDS: Mapping[type[Identifier], Callable[[_Asked, str], Iterator[ContextLine]]] = MappingProxyType(
    {
        CaseId: _other_case,
        ArrivalId: _message,
        RequestId: _request,
        RecordId: _record,
        PermissionId: _permission,
    }
)


# --- what single questions ask ----------------------------------------------------------------------------------------


def _ready(asked: _Asked) -> Iterator[ContextLine]:
    """Ready to send: what is in, what is not and why, what covers it, who receives, what changed last."""
    if asked.opened is None:
        return
    assessed = look(asked.tx, asked.services, asked.opened.id)
    ready = readiness(asked.tx, asked.services, assessed)
    yield from (*ready.stopped, *ready.lacking, *ready.held)
    yield ContextLine(weight=_T, label="It goes to", says=f"{asked.called(OpenedCase.of(asked.opened).receiver)}.")
    for event in told(asked.tx, asked.services, asked.opened.id)[:_LAST]:
        yield ContextLine(weight=_T, label="Last", says=event.says, at=event.at)


def _declined(asked: _Asked) -> Iterator[ContextLine]:
    """The receiver's reasons, and what each reopens."""
    found = asked.opened
    sent = found.packets.get(asked.hold.about or "") if found else None
    if found is None or sent is None or sent.receipt is None:
        return
    made = requests.of_case(asked.tx, found.id)
    for reason in sent.receipt.reasons:
        again = [
            department(asked.services.institutions, one.institution, one.department)
            for one in made
            if reason in one.lines
        ]
        reopens = f"requested again: {', '.join(again)}" if again else "nothing is requested again by itself"
        if reason == CASE_DECLINED:
            reopens = "the request is closed"
        label = _capital(plain(_line_label(asked, found, reason)))
        yield ContextLine(weight=_C, label=label, says=f"{_capital(reopens)}.")


def _destroyed(asked: _Asked) -> Iterator[ContextLine]:
    """What is destroyed, what another authorization keeps, and whether the request closes with it."""
    if asked.opened is None:
        return
    tx, services, opened = asked.tx, asked.services, OpenedCase.of(asked.opened)
    spared, gone = spared_and_gone(tx, services, opened.patient)
    for name in (*sorted(gone), *sorted(spared)):
        kept = records.get(tx, name)
        if kept is not None:
            says = "Destroyed." if name in gone else "Kept: another authorization covers it."
            yield ContextLine(weight=_C if name in gone else _A, label=named(services, kept), says=says)
    if not spared and not may_still_come(tx, services, opened.patient):
        says = "Nothing of the patient is left: who it was goes as well, and every request of theirs closes."
        yield ContextLine(weight=_C, label="The request", says=says)
    else:
        yield ContextLine(weight=_A, label="The request", says="It stays open: more may still be received.")


def _parts(asked: _Asked) -> Iterator[ContextLine]:
    """Which parts the report calls malignant, and which the labels of what came name."""
    kept = records.get(asked.tx, asked.hold.about or "")
    if asked.opened is None or kept is None:
        return
    label = named(asked.services, kept)
    yield ContextLine(weight=_C, label=label, says=f"It calls malignant: part {', '.join(kept.about.malignant)}.")
    for part in sorted(parts_here(asked.tx, OpenedCase.of(asked.opened), kept) or ()):
        yield ContextLine(weight=_A, label="Came", says=f"Part {part}.")


def _unlike(asked: _Asked) -> Iterator[ContextLine]:
    """The reports that the study may be of."""
    kept = records.get(asked.tx, asked.hold.about or "")
    if asked.opened is None or kept is None:
        return
    for report in unlike_reports(asked.tx, OpenedCase.of(asked.opened), kept):
        label = named(asked.services, report)
        yield ContextLine(weight=_C, label=label, says="It bears another accession number.", at=report.kept_at)


_READY = (*APPROVALS, *OF_STUCK_PACKETS, HoldCode.NOTHING_TO_SEND, HoldCode.NEEDS_UNANSWERED, HoldCode.DELIVERED_VOID)
#: what a question is about beyond what it names
_ABOUT: Mapping[HoldCode, Callable[[_Asked], Iterator[ContextLine]]] = MappingProxyType(
    {
        **dict.fromkeys(_READY, _ready),
        HoldCode.PACKET_DECLINED: _declined,
        HoldCode.CASE_DECLINED: _declined,
        HoldCode.CONFIRM_PURGE: _destroyed,
        HoldCode.PART_LACKING: _parts,
        HoldCode.IMAGES_UNLIKE_REPORT: _unlike,
    }
)


def _finding(code: str) -> str:
    return SENTENCES[code].staff if code in SENTENCES else f"{_capital(plain(code))}."


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
