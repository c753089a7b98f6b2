"""What a case still needs, and what follows from it: nothing, a question to a person, or a packet.

It runs in the transaction that changed the case, under the case's lock. So two changes at once cannot both see the case
incomplete, nor both owe a packet.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from transfer import facts
from transfer.case import Case, OpenedCase
from transfer.completeness import (
    SETTLED,
    AddedNeed,
    CollectedRecord,
    Completeness,
    WaitCode,
    Waiver,
    WaiverKind,
    assess,
    assess_added,
    is_lacking,
)
from transfer.delivery import Delivery
from transfer.facts import Chain
from transfer.flaws import Flaw
from transfer.flow.ending import give_up_newest, gives_way
from transfer.flow.owing_letters import owe_letter, waits_for_call
from transfer.flow.services import Services
from transfer.flow.superseding import ask_about_void
from transfer.flow.waiting import tell
from transfer.holds import OF_SOURCES, OF_STUCK_PACKETS, HoldCode, SystemAnswer
from transfer.identifiers import CaseId, InstitutionId, PatientId, RecordId
from transfer.ledger import Tx, compared, holds, materials, packets, records, requests, rounds
from transfer.materials import Material, MaterialKind
from transfer.milestones import Milestone
from transfer.partial_dates import day_said
from transfer.procedures import ProcedureKind
from transfer.records import RecordKind
from transfer.request_questions import QUESTIONS
from transfer.requests import MOVES, TIMED, UNDECIDED, Request, RequestState, due_by, next_action_on
from transfer.rounds import Dag


class NextStep(StrEnum):
    """What follows from a case's state."""

    WAIT = "wait"
    ASK_APPROVAL = "approve-release"
    ASK_PARTIAL = "approve-partial"
    ASK_DELTA = "approve-delta"
    #: nothing is missing any more, and there is nothing to send
    NOTHING_TO_SEND = "nothing-to-send"
    #: what is missing comes from nobody by itself
    UNANSWERED = "needs-unanswered"
    PACK = "pack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    case: Case
    completeness: Completeness
    step: NextStep
    sentence: str
    #: whether a packet would have a record in it
    has_records: bool
    #: something is to be opened yet, or people have not said what becomes of what cannot be read
    is_undecided: bool = False

    @property
    def lacking(self) -> tuple[str, ...]:
        """Keys of the required lines that are not settled."""
        return tuple(need.line.key for need in self.completeness.needs if is_lacking(need))


def look(tx: Tx, services: Services, case_id: CaseId) -> Assessment:
    """Judge a case. Writes nothing."""
    case = tx.case(case_id)
    opened = OpenedCase.of(case)
    here = _records(tx, case)
    completeness = _with_undecided(case, _lacks(tx, services, case, opened, here))
    standing = [record for record in here if not (record.superseded or record.status.is_void)]
    news = case.news & {record.id for record in standing if record.is_readable}
    has_records = any(record.is_whole and record.is_readable for record in standing)
    undecided = is_undecided(tx, case, [record.id for record in standing if not record.is_opened])
    step = next_step(
        case,
        completeness,
        deliver=_delivery(services, opened),
        needs_approval=_needs_approval(services, case, opened),
        is_news=bool(news),
        has_records=has_records,
    )
    step = NextStep.WAIT if undecided else step
    return Assessment(
        case=case,
        completeness=completeness,
        step=step,
        sentence=_sentence(case, completeness, step),
        has_records=has_records,
        is_undecided=undecided,
    )


def _lacks(tx: Tx, services: Services, case: Case, opened: OpenedCase, here: Sequence[CollectedRecord]) -> Completeness:
    """What the checklist lacks, and what was added to it for this case alone."""
    made, waivers, now = requests.of_case(tx, case.id), _waivers(case), tx.now()
    pieces = _pieces(tx, opened)
    added = {key: pieces.pop(key) for key in case.added if key in pieces}
    checklist = services.checklist_of(opened.checklist, opened.receiver)
    listed = assess(
        checklist,
        requests=made,
        records=here,
        materials=pieces,
        waivers=waivers,
        now=now,
    )
    found = assess_added(
        added_needs(case), checklist, listed, requests=made, records=here, materials=added, waivers=waivers, now=now
    )
    return _with_calls(services, made, found)


def _with_calls(services: Services, made: Sequence[Request], completeness: Completeness) -> Completeness:
    """Where a letter goes only once somebody here called, the case waits for us and not for the facility."""
    ours = {(one.institution, one.department) for one in made if waits_for_call(services, one)}
    waits = (
        replace(wait, code=WaitCode.CALL_BACK)
        if wait.code is WaitCode.SOURCE_PUSH and (wait.institution, wait.department) in ours
        else wait
        for wait in completeness.waits
    )
    return replace(completeness, waits=tuple(waits))


def _pieces(tx: Tx, opened: OpenedCase) -> dict[str, list[Material]]:
    """By the line that they were awaited for."""
    pieces: dict[str, list[Material]] = {}
    for kept in materials.of_case(tx, opened.id, opened.patient):
        pieces.setdefault(kept.line, []).append(kept.material)
    return pieces


def added_needs(case: Case) -> list[AddedNeed]:
    """What was added to the checklist of this case, and was not dropped."""
    return [
        AddedNeed(
            key=key,
            kind=RecordKind(one.added.document),
            institution=InstitutionId(one.added.institution),
            procedure=ProcedureKind(one.added.procedure) if one.added.procedure else None,
            day=day_said(one.added.day),
            before=frozenset(map(RecordId, one.before)),
            pieces=MaterialKind(one.added.pieces) if one.added.pieces else None,
            count=one.added.count,
        )
        for key, one in case.added.items()
        if not one.is_dropped
    ]


def _with_undecided(case: Case, completeness: Completeness) -> Completeness:
    """Where a source found somebody and people are asked, the case waits for them and not for the source."""
    undecided = {
        (asked.made.institution, asked.made.department)
        for asked in case.requests.values()
        if asked.moved and UNDECIDED in asked.moved.findings
    }
    waits = (
        replace(wait, code=WaitCode.UNDECIDED)
        if wait.code is WaitCode.SOURCE_RETRY and (wait.institution, wait.department) in undecided
        else wait
        for wait in completeness.waits
    )
    return replace(completeness, waits=tuple(waits))


def settle_needs(tx: Tx, services: Services, case_id: CaseId, *, tells_center: bool = False) -> Assessment:
    """Judge a case and write what follows: a hold for a person, or the next packet and its round. Twice is once.

    `tells_center`: the caller tells the center afterwards how far the case is, so no round is owed for that.

    A question that the case's state no longer asks is withdrawn.
    """
    tx.lock_case(case_id)
    ask_about_void(tx, case_id)
    if why := gives_way(tx, case_id):
        give_up_newest(tx, case_id, why)
    found = look(tx, services, case_id)
    if found.case.is_open:
        _end_answered(tx, found)
        _look_after_requests(tx, services, found)
        found = look(tx, services, case_id)
    if found.step is NextStep.UNANSWERED and any(HoldCode(one.code) in OF_SOURCES for one in found.case.holds.values()):
        found = replace(found, step=NextStep.WAIT)  # one question is enough
    _note_milestones(tx, services, found, tells_center=tells_center)
    for step, code in _QUESTIONS.items():
        if step is not found.step:
            is_packed = found.step is NextStep.PACK
            holds.withdraw(tx, case_id, code, SystemAnswer.APPROVED if is_packed else SystemAnswer.ANSWERED)
    if found.step is NextStep.PACK:
        holds.withdraw(tx, case_id, HoldCode.DELIVERED_VOID, SystemAnswer.APPROVED)
        packet = packets.plan_next(tx, case_id, is_partial=not found.completeness.has_all_electronic)
        rounds.owe(tx, Dag.RELEASE_PACKET, packet)
    elif found.step in _QUESTIONS:
        holds.place(tx, case_id, HoldCode(found.step))
    elif (waiting := _waited_for_people(found)) and not rounds.is_under_way(tx, Dag.RELEASE_PACKET, waiting):
        rounds.owe(tx, Dag.RELEASE_PACKET, waiting)
    tell(tx, services.institutions, tx.case(case_id), found)
    return found


def _note_milestones(tx: Tx, services: Services, found: Assessment, *, tells_center: bool) -> None:
    """Write how far the case has come, once, and have its center told: a packet that goes now tells it before."""
    if not found.case.is_active:
        return
    new = [one for one in _reached(found) if one not in found.case.milestones]
    for milestone in new:
        tx.append(Chain.case(found.case.id), facts.MilestoneReached(milestone=milestone))
    receives = services.institutions[OpenedCase.of(found.case).receiver].receives
    if new and not tells_center and found.step is not NextStep.PACK and receives and receives.takes_tasks:
        rounds.owe(tx, Dag.OPEN_CASE, found.case.id)


def _reached(found: Assessment) -> Iterator[Milestone]:
    if found.completeness.is_schedulable:
        yield Milestone.ENOUGH_TO_SCHEDULE
    is_here = any(isinstance(one, facts.MaterialReceived) and one.received for one in found.case.material.values())
    if found.completeness.has_all_material and is_here:
        yield Milestone.MATERIAL_RECEIVED


def _waited_for_people(found: Assessment) -> str | None:
    """The packet that is still to be put together, once people need say nothing more before."""
    newest = found.case.newest_packet
    if newest is None or newest.assembled or not newest.is_on_its_way or found.is_undecided or not found.case.is_active:
        return None
    packet = newest.planned.packet
    is_stuck = any(one.about == packet and one.code in OF_STUCK_PACKETS for one in found.case.holds.values())
    return None if is_stuck else packet


#: the steps that ask a person, each with its question
_QUESTIONS = {
    NextStep.ASK_APPROVAL: HoldCode.APPROVE_RELEASE,
    NextStep.ASK_PARTIAL: HoldCode.APPROVE_PARTIAL,
    NextStep.ASK_DELTA: HoldCode.APPROVE_DELTA,
    NextStep.NOTHING_TO_SEND: HoldCode.NOTHING_TO_SEND,
    NextStep.UNANSWERED: HoldCode.NEEDS_UNANSWERED,
}


def _end_answered(tx: Tx, found: Assessment) -> None:
    """The request for an added need is answered by the record that answers it, and by no other of its kind."""
    answered = {need.line.key for need in found.completeness.needs if need.chosen and need.state in SETTLED}
    for request in requests.of_case(tx, found.case.id):
        is_here = request.need in answered and RequestState.ANSWERED in MOVES[request.state]
        if is_here and request.state is not RequestState.ANSWERED:
            requests.move(tx, request, RequestState.ANSWERED)
            holds.withdraw(tx, request.case, HoldCode.SOURCE_DOES_NOT_ANSWER, SystemAnswer.ANSWERED, about=request.id)


def _look_after_requests(tx: Tx, services: Services, found: Assessment) -> None:
    """Give each source that owes something its time, and ask people about what sources said, as long as they say so."""
    made = requests.of_case(tx, found.case.id)
    for request in made if found.case.is_active else ():
        owe_letter(tx, services, request)
    for request in made:
        if request.state in TIMED and request.due_at is None:
            source = services.institutions[request.institution]
            days = source.department(request.department).usual_days
            if due_at := due_by(request.state, tx.now(), usual_days=days, zone=source.zone):
                requests.give_time(tx, request, due_at)
    for request in requests.of_case(tx, found.case.id):
        if request.state.is_open and request.next_action_on is None:
            zone = services.institutions[request.institution].zone
            requests.plan_action(tx, request, next_action_on(request, tx.now(), zone))
    wanted = set(_questions(made, found.completeness))
    for hold in holds.open_holds(tx, found.case.id):
        if hold.code in _ASKED and (hold.code, hold.about) not in wanted:
            holds.resolve(tx, hold.id, SystemAnswer.ANSWERED)
    for code, about in sorted(wanted):
        holds.place(tx, found.case.id, code, about)


def _questions(made: list[Request], completeness: Completeness) -> Iterator[tuple[HoldCode, str]]:
    """What a source said is a question whatever hangs on it. What it did not find is one where a line lacks it."""
    lacking = {(wait.code, wait.institution, wait.department) for wait in completeness.waits}
    for request in made:
        if request.state not in QUESTIONS:
            continue
        if (code := _ONLY_IF_LACKING.get(request.state)) is None or (
            code,
            request.institution,
            request.department,
        ) in lacking:
            yield QUESTIONS[request.state], request.id


_ASKED = frozenset(QUESTIONS.values())
_ONLY_IF_LACKING = {
    RequestState.NOT_FOUND: WaitCode.CONFIRM_ABSENT,
    RequestState.ASKED_ELSEWHERE: WaitCode.NOBODY_HOLDS,
}


def next_step(
    case: Case,
    completeness: Completeness,
    *,
    deliver: Delivery,
    needs_approval: bool,
    is_news: bool,
    has_records: bool,
) -> NextStep:
    """The rule for what follows. `deliver` is what the receiving center waits for.

    A packet is owed when all that its center waits for is there, and approved where policy wants that. It is also owed
    when a person let it go without exactly what is lacking. After a packet was received, only a person starts another,
    unless the center takes what comes as it comes. One with nothing new or nothing at all in it is owed never.
    """
    newest = case.newest_packet
    if not case.is_active or case.is_under_way:
        return NextStep.WAIT
    lacking = {need.line.key for need in completeness.needs if is_lacking(need)}
    approved = case.approved is not None and lacking <= set(case.approved.lacking) and case.approval_is_open
    if approved and has_records:
        return NextStep.PACK
    if any(asked.code == HoldCode.DELIVERED_VOID for asked in case.holds.values()):
        return NextStep.WAIT  # for what people answer to that
    if newest and newest.receipt and newest.receipt.status == "accepted":
        if is_news:
            goes_by_itself = deliver is Delivery.AS_IT_COMES and not needs_approval
            return NextStep.PACK if goes_by_itself else NextStep.ASK_DELTA
        return _after_delivery(case, completeness)
    if completeness.is_complete and not has_records:
        return NextStep.NOTHING_TO_SEND
    if has_records and _may_go(deliver, completeness):
        return NextStep.ASK_APPROVAL if needs_approval or newest else NextStep.PACK
    if completeness.lacks_only_material and has_records:
        return NextStep.ASK_PARTIAL
    return NextStep.UNANSWERED if completeness.unanswered else NextStep.WAIT


def _may_go(deliver: Delivery, completeness: Completeness) -> bool:
    """Whether all that the center waits for before its first packet is there."""
    match deliver:
        case Delivery.AS_IT_COMES:
            return True
        case Delivery.WHEN_ELECTRONIC_COMPLETE:
            return completeness.has_all_electronic
        case Delivery.WHEN_ALL:
            return completeness.is_complete


def _after_delivery(case: Case, completeness: Completeness) -> NextStep:
    """What is lacking still, glass above all, is a person's where nobody is about to give it.

    Nobody is asked about a line that a person let the packet go without.
    """
    let_go = set(case.approved.lacking) if case.approved else set[str]()
    return NextStep.UNANSWERED if set(completeness.unanswered) - let_go else NextStep.WAIT


def _delivery(services: Services, opened: OpenedCase) -> Delivery:
    """What its center waits for; one without an endpoint is handed nothing before somebody gives it one."""
    receives = services.institutions[opened.receiver].receives
    return receives.deliver if receives else Delivery.WHEN_ELECTRONIC_COMPLETE


def is_undecided(tx: Tx, case: Case, unopened: Collection[RecordId]) -> bool:
    """Whether something of it is to be opened yet, or people have not said what becomes of what cannot be read, or
    whose it is that names somebody else. That is asked on one case of the patient, and holds for all of them.

    Nothing goes before they have.
    """
    is_unread = any(
        hold.code == HoldCode.DOCUMENT_UNREADABLE and hold.about not in case.void for hold in case.holds.values()
    )
    return bool(unopened) or is_unread or _is_nobody_sure(tx, case)


def _is_nobody_sure(tx: Tx, case: Case) -> bool:
    """Whether a record that stands names somebody who may be another patient, and people have not said."""
    named = {key for key, flaws in case.flaws.items() if Flaw.ANOTHER_PATIENT in flaws and key not in case.void}
    sources = {case.records[key].institution for key in named}
    return case.opened is not None and any(
        compared.is_undecided(tx, PatientId(case.opened.patient), InstitutionId(source)) for source in sorted(sources)
    )


def _needs_approval(services: Services, case: Case, opened: OpenedCase) -> bool:
    """A source wants it, or the center is to speak with the patient first."""
    sources = {asked.made.institution for asked in case.requests.values()}
    wanted = any(services.institutions[source].approval_before_release for source in sources)
    return wanted or services.center_needs(opened.receiver).after_first_contact


def _records(tx: Tx, case: Case) -> list[CollectedRecord]:
    return [
        CollectedRecord(
            id=kept.id,
            kind=kept.kind,
            status=kept.status,
            at=kept.about.at,
            source=kept.institution,
            is_whole=kept.is_whole,
            is_opened=kept.is_opened,
            flaws=frozenset() if case.counts(kept.id) else kept.flaws,
            copy_of=joined.copy_of,
            superseded=joined.superseded,
            content_type=joined.content_type,
            code=kept.code,
            modalities=kept.modalities,
            body=kept.body,
            answers=kept.answers,
        )
        for kept, joined in records.joined(tx, case.id)
    ]


def _waivers(case: Case) -> dict[str, Waiver]:
    return {
        line: Waiver(
            kind=WaiverKind(waived.waiver),
            record=RecordId(waived.record) if waived.record else None,
        )
        for line, waived in case.waived.items()
    }


def _sentence(case: Case, completeness: Completeness, step: NextStep) -> str:
    """One line for a run's note: counts and names of institutions, never anything of the patient."""
    asked = f"asked {len(case.requests)}"
    named = {(wait.code.replace("-", " "), wait.institution) for wait in completeness.waits}
    waits = ", ".join(sorted(f"{code} ({who})" if who else code for code, who in named))
    match step:
        case NextStep.PACK:
            return f"{asked}, packing"
        case NextStep.ASK_PARTIAL:
            return f"{asked}, waiting for {len(named)}: {waits}; may go without, if a person approves"
        case NextStep.ASK_APPROVAL | NextStep.ASK_DELTA | NextStep.NOTHING_TO_SEND:
            return f"{asked}, waiting for a decision: {step.replace('-', ' ')}"
    return f"{asked}, waiting for {len(named)}: {waits}" if waits else f"{asked}, {case.stage}"
