"""A case as its facts tell it. This module only folds: it decides nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from enum import StrEnum
from functools import reduce
from typing import Any, Final, Self

from transfer import facts
from transfer.appointments import REFERRAL, CaseAppointment
from transfer.disclosures import DisclosureOutcome
from transfer.facts import LedgerLine
from transfer.identifiers import CaseId, InstitutionId, PatientId
from transfer.referrals import ReferralStatus

#: of a change: another appointment of the case decides from now on
EARLIEST: Final = "earliest-appointment"
#: the question about a packet that was handed over and holds what is void since (`transfer.holds`)
DELIVERED_VOID: Final = "delivered-void"


class Stage(StrEnum):
    """How far a case is, for lists and searches."""

    REFERRED = "referred"
    GATHERING = "gathering"
    PACKING = "packing"
    SENDING = "sending"
    DELIVERED = "delivered"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestProgress:
    """A request and the last that is known of it."""

    made: facts.RequestMade
    moved: facts.RequestMoved | None = None
    #: what was said or done last, of what counts
    answered: facts.RequestAnswered | None = None
    #: what was said last and moved nothing
    left_aside: facts.RequestAnswered | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketProgress:
    """A packet's way: planned, assembled, handed over, received."""

    planned: facts.PacketPlanned
    assembled: facts.PacketAssembled | None = None
    #: the packet describes the case as it stood at this line
    as_of: int = 0
    begun: facts.DisclosureBegun | None = None
    #: when the hand-over was begun last (UTC): its links live from then on
    begun_at: datetime | None = None
    outcome: DisclosureOutcome | None = None
    receipt: facts.ReceiptRecorded | None = None
    purged: facts.PacketPurged | None = None
    recalled: facts.PacketRecalled | None = None
    given_up: facts.PacketGivenUp | None = None

    @property
    def may_have_left(self) -> bool:
        """Something of it was handed over, or we do not know that it was not."""
        return self.begun is not None and self.outcome is not DisclosureOutcome.NOT_MADE

    @property
    def was_handed_over(self) -> bool:
        """Its receiver has it, by its own word or by the answer to the submission."""
        return self.receipt is not None or self.outcome is DisclosureOutcome.MADE

    @property
    def is_on_its_way(self) -> bool:
        """Whether its receipt is still to come. Meanwhile no other packet is begun."""
        over = self.receipt or self.purged or self.recalled or self.given_up
        return not (over or self.outcome is DisclosureOutcome.NOT_MADE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenRecord:
    """A record that a person takes as it is: for which flaws and without how many images, by whom, and when (UTC)."""

    flaws: tuple[str, ...]
    lacking: int
    by: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneProgress:
    """A milestone that was reached (UTC), the telling of it that was begun, and how that ended."""

    reached_at: datetime
    told: facts.CenterTold | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedProgress:
    """What was added to the checklist of a case, and the records that the case held then."""

    added: facts.NeedAdded
    before: frozenset[str]
    is_dropped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    id: CaseId
    opened_at: datetime | None = None
    changed_at: datetime | None = None
    #: what the case is for and from whom, as it stands now
    opened: facts.CaseOpened | None = None
    #: the same as the referral said it last, whatever people changed beside it
    referred: facts.CaseOpened | None = None
    referral_status: ReferralStatus = ReferralStatus.ACTIVE
    #: by their keys, also those that were cancelled; `opened.appointment_at` is that of the one that decides
    appointments: Mapping[str, CaseAppointment] = field(default_factory=dict)
    requests: Mapping[str, RequestProgress] = field(default_factory=dict)
    records: Mapping[str, facts.RecordCollected] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    #: imaging records → the line at which their set of UIDs last became whole
    completed: Mapping[str, int] = field(default_factory=dict)
    #: imaging records → how many of their images the archive rejected, and the line at which the last were
    rejected: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    #: records that a later one replaced or withdrew, and what is known of it
    superseded_by: Mapping[str, facts.RecordSuperseded] = field(default_factory=dict)
    #: records that were opened, and what keeps each from being read
    flaws: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    taken: Mapping[str, TakenRecord] = field(default_factory=dict)
    waived: Mapping[str, facts.NeedWaived] = field(default_factory=dict)
    #: by their keys, also those that were dropped
    added: Mapping[str, AddedProgress] = field(default_factory=dict)
    material: Mapping[str, facts.MaterialAwaited | facts.MaterialReceived] = field(default_factory=dict)
    milestones: Mapping[str, MilestoneProgress] = field(default_factory=dict)
    approved: facts.CaseApproved | None = None
    #: a person approved after the newest packet was planned: one more packet may go
    approval_is_open: bool = False
    #: packets that were handed over → what of each was void when people were asked about it last
    asked_void: Mapping[str, frozenset[str]] = field(default_factory=dict)
    packets: Mapping[str, PacketProgress] = field(default_factory=dict)
    holds: Mapping[str, facts.HoldOpened] = field(default_factory=dict)
    closed: facts.CaseClosed | None = None
    #: whose work it is at the desk
    assigned_to: str | None = None
    #: the day on which the last call about no request said to look again
    look_again_on: date | None = None

    @property
    def stage(self) -> Stage:
        """How far the newest packet has come; without a packet, records are still gathered."""
        if self.closed:
            return Stage.CLOSED
        if not self.opened:
            return Stage.REFERRED
        newest = self.newest_packet
        if newest is None:
            return Stage.GATHERING
        if newest.receipt:
            return Stage.DELIVERED if newest.receipt.status == "accepted" else Stage.GATHERING
        if newest.purged or newest.recalled or (newest.begun is None and self.void_in(newest.planned.packet)):
            return Stage.GATHERING
        return Stage.SENDING if newest.begun else Stage.PACKING

    @property
    def superseded(self) -> frozenset[str]:
        """Records that no longer count: a later one replaced or withdrew them."""
        return frozenset(self.superseded_by)

    def counts(self, record: str) -> bool:
        """Whether it was opened and can be read, or a person takes it as it is."""
        flaws = self.flaws.get(record)
        if not flaws:
            return flaws is not None
        taken = self.taken.get(record)
        return taken is not None and {*flaws} <= {*taken.flaws}

    @property
    def void(self) -> frozenset[str]:
        """Records that leave nowhere: superseded, or by their own word of no account."""
        return self.superseded | {name for name, collected in self.records.items() if collected.is_void}

    def void_in(self, packet: str) -> frozenset[str]:
        """The records of an assembled packet that are void, or of whose images some were rejected since."""
        sent = self.packets.get(packet)
        if sent is None or sent.assembled is None:
            return frozenset()
        rejected = {record for record, (_, at) in self.rejected.items() if at > sent.as_of}
        return (self.void | rejected) & set(sent.assembled.records)

    @property
    def is_under_way(self) -> bool:
        """Whether the newest packet is still to be handed over or received. One that holds what is void gives way."""
        newest = self.newest_packet
        return newest is not None and newest.is_on_its_way and not self.void_in(newest.planned.packet)

    def void_unasked(self, packet: str) -> frozenset[str]:
        """What of a packet that may have reached its receiver is void, and nobody was asked about yet."""
        sent = self.packets.get(packet)
        if sent is None or sent.begun is None or sent.outcome is DisclosureOutcome.NOT_MADE:
            return frozenset()
        is_over = sent.recalled or sent.purged
        return frozenset() if is_over else self.void_in(packet) - self.asked_void.get(packet, frozenset())

    @property
    def newest_packet(self) -> PacketProgress | None:
        """The newest that was not given up."""
        return next((one for one in reversed(list(self.packets.values())) if not one.given_up), None)

    @property
    def has_disclosed(self) -> bool:
        """Whether a packet may have left, to whomever."""
        return any(one.may_have_left for one in self.packets.values())

    @property
    def news(self) -> frozenset[str]:
        """Whole records that the newest packet lacks, or holds in an older form: a study that grew since."""
        newest = self.newest_packet
        if newest is None or newest.assembled is None:
            return self.whole - self.void
        grown = {record for record, at in self.completed.items() if at > newest.as_of}
        return (self.whole - (set(newest.assembled.records) - grown)) - self.void

    @property
    def is_open(self) -> bool:
        return self.closed is None

    @property
    def is_active(self) -> bool:
        """Open, and its referral asks for it: only then is anybody asked and anything sent."""
        return self.is_open and self.referral_status is ReferralStatus.ACTIVE

    @property
    def as_opened(self) -> "OpenedCase | None":
        """The case as a verb works with it; None while its referral is not understood."""
        return OpenedCase.of(self) if self.opened else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedCase:
    """A case whose referral was understood. What changes the receiver begins an epoch of the patient: whoever holds the
    epoch works with what is so.
    """

    id: CaseId
    patient: PatientId
    receiver: InstitutionId
    referring: InstitutionId
    checklist: str

    @classmethod
    def of(cls, case: Case) -> Self:
        """A case that the caller knows to be opened: it has a request, a record or a packet.

        Raises:
            ValueError: it is not. That is a mistake of ours.
        """
        if case.opened is None:
            raise ValueError(f"{case.id} is not opened")
        return cls(
            id=case.id,
            patient=PatientId(case.opened.patient),
            receiver=InstitutionId(case.opened.receiver),
            referring=InstitutionId(case.opened.referring),
            checklist=case.opened.checklist,
        )


def fold(case: CaseId, lines: Iterable[LedgerLine]) -> Case:
    """The case after all its lines, in their order."""
    return fold_on(Case(id=case), lines)


def fold_on(case: Case, lines: Iterable[LedgerLine]) -> Case:
    """The case after these lines too, which follow those that it was folded from."""
    following = list(lines)
    if not following:
        return case
    opened_at, changed_at = case.opened_at or following[0].at, following[-1].at
    return replace(reduce(_after, following, case), opened_at=opened_at, changed_at=changed_at)


def _after(case: Case, line: LedgerLine) -> Case:
    match line.fact:
        case facts.CaseOpened() as opened:
            return _with_said_time(replace(case, opened=opened, referred=opened), REFERRAL, opened.appointment_at)
        case facts.CaseMoved() | facts.CaseChanged() as changed:
            return _after_change(_with_changed_time(case, changed), changed)
        case facts.AppointmentSet() | facts.AppointmentCancelled() as said:
            return replace(case, appointments={**case.appointments, said.appointment: _appointment(case, said)})
        case facts.ReferralUpdated() as updated:
            return replace(case, referral_status=ReferralStatus(updated.status))
        case facts.CaseApproved() as approved:
            return replace(case, approved=approved, approval_is_open=True)
        case facts.CaseClosed() as closed:
            return replace(case, closed=closed)
        case facts.MaterialAwaited() | facts.MaterialReceived() as material:
            return replace(case, material={**case.material, material.material: material})
        case facts.HoldOpened() as opened:
            return replace(_asked_void(case, opened), holds={**case.holds, opened.hold: opened})
        case facts.HoldResolved() as resolved:
            return replace(case, holds={k: v for k, v in case.holds.items() if k != resolved.hold})
    case = _after_person(_after_milestone(_after_need(case, line), line), line)
    return _after_request(_after_record(_after_packet(case, line), line), line)


def _appointment(case: Case, said: facts.AppointmentSet | facts.AppointmentCancelled) -> CaseAppointment:
    before = case.appointments.get(said.appointment, CaseAppointment(key=said.appointment))
    if isinstance(said, facts.AppointmentCancelled):
        return replace(before, is_cancelled=True)
    return CaseAppointment(
        key=said.appointment,
        at=datetime.fromisoformat(said.at) if said.at else None,
        day=date.fromisoformat(said.day) if said.day else None,
        hmac=said.hmac or before.hmac,
    )


def _with_said_time(case: Case, key: str, at: str | None) -> Case:
    before = case.appointments.get(key)
    if at is None and before is None:
        return case
    said = CaseAppointment(key=key, at=datetime.fromisoformat(at) if at else None, is_cancelled=at is None)
    said = replace(said, hmac=before.hmac if before else None)
    return replace(case, appointments={**case.appointments, key: said})


def _with_changed_time(case: Case, fact: facts.CaseMoved | facts.CaseChanged) -> Case:
    """The referral says when its appointment is; anybody else, when the one is that decided until then."""
    if isinstance(fact, facts.CaseMoved) or "appointment_at" not in fact.changed or fact.said_in == EARLIEST:
        return case
    was = datetime.fromisoformat(case.opened.appointment_at) if case.opened and case.opened.appointment_at else None
    decided = next((one.key for one in case.appointments.values() if one.at == was and not one.is_cancelled), REFERRAL)
    return _with_said_time(case, REFERRAL if fact.said_in == "referral" else decided, fact.appointment_at)


def _after_person(case: Case, line: LedgerLine) -> Case:
    match line.fact:
        case facts.CaseAssigned() as assigned:
            return replace(case, assigned_to=assigned.to)
        case facts.CallLogged() as call if call.request is None:
            return replace(case, look_again_on=date.fromisoformat(call.next_action) if call.next_action else None)
    return case


def _after_milestone(case: Case, line: LedgerLine) -> Case:
    match line.fact:
        case facts.MilestoneReached() as reached:
            progress = MilestoneProgress(reached_at=line.at)
        case facts.CenterTold() as reached:
            progress = replace(case.milestones[reached.milestone], told=reached)
        case facts.TellingSettled() as reached:
            progress = replace(case.milestones[reached.milestone], outcome=reached.outcome)
        case _:
            return case
    return replace(case, milestones={**case.milestones, reached.milestone: progress})


def _after_need(case: Case, line: LedgerLine) -> Case:
    match line.fact:
        case facts.NeedWaived() as waived:
            return replace(case, waived={**case.waived, waived.line: waived})
        case facts.NeedAdded() as added:
            progress = AddedProgress(added=added, before=frozenset(case.records))
            return replace(case, added={**case.added, added.line: progress})
        case facts.NeedDropped() as dropped:
            gone = replace(case.added[dropped.line], is_dropped=True)
            return replace(case, added={**case.added, dropped.line: gone})
    return case


def _after_change(case: Case, fact: facts.CaseMoved | facts.CaseChanged) -> Case:
    if case.opened is None or case.referred is None:
        return case
    if isinstance(fact, facts.CaseMoved):
        values: dict[str, Any] = {"patient": fact.patient}
    else:
        values = {name: getattr(fact, name) for name in fact.changed if name in _CHANGEABLE}
    changed = replace(case, opened=replace(case.opened, **values))
    if isinstance(fact, facts.CaseMoved) or fact.said_in == "referral":
        changed = replace(changed, referred=replace(case.referred, **values))
    if "receiver" in values:  # what was approved was approved for the other one
        untold = {key: MilestoneProgress(reached_at=one.reached_at) for key, one in case.milestones.items()}
        changed = replace(changed, approved=None, approval_is_open=False, milestones=untold)
    return changed


_CHANGEABLE = {one.name for one in fields(facts.CaseChanged)} & {one.name for one in fields(facts.CaseOpened)}


def _asked_void(case: Case, opened: facts.HoldOpened) -> Case:
    if opened.code != DELIVERED_VOID or opened.about is None:
        return case
    return replace(case, asked_void={**case.asked_void, opened.about: case.void_in(opened.about)})


def _after_request(case: Case, line: LedgerLine) -> Case:
    match line.fact:
        case facts.RequestMade() as made:
            return replace(case, requests={**case.requests, made.request: RequestProgress(made=made)})
        case facts.RequestLinesChanged() as changed:
            asked = case.requests[changed.request]
            asked = replace(asked, made=replace(asked.made, lines=changed.lines))
            return replace(case, requests={**case.requests, changed.request: asked})
        case facts.RequestMoved() as moved:
            asked = replace(case.requests[moved.request], moved=moved)
            return replace(case, requests={**case.requests, moved.request: asked})
        case facts.RequestAnswered() as said:
            before = case.requests[said.request]
            asked = replace(before, answered=said) if said.counts else replace(before, left_aside=said)
            return replace(case, requests={**case.requests, said.request: asked})
    return case


def _after_record(case: Case, line: LedgerLine) -> Case:
    match line.fact:
        case facts.RecordCollected() as collected:
            whole = case.whole | {collected.record} if collected.is_whole else case.whole
            return replace(case, records={**case.records, collected.record: collected}, whole=whole)
        case facts.RecordCompleted() as completed:
            last = {**case.completed, completed.record: line.sequence}
            return replace(case, whole=case.whole | {completed.record}, completed=last)
        case facts.ImagesRejected() as rejected:
            return replace(case, rejected={**case.rejected, rejected.record: (rejected.count, line.sequence)})
        case facts.RecordOpened() as opened:
            return replace(case, flaws={**case.flaws, opened.record: opened.flaws})
        case facts.RecordTaken() as taken:
            last_taken = TakenRecord(flaws=taken.flaws, lacking=taken.lacking, by=line.by.person, at=line.at)
            return replace(case, taken={**case.taken, taken.record: last_taken})
        case facts.RecordSuperseded() as superseded:
            return replace(case, superseded_by={**case.superseded_by, superseded.record: superseded})
    return case


def _after_packet(case: Case, line: LedgerLine) -> Case:
    match line.fact:
        case facts.PacketPlanned() as planned:
            return replace(_with_packet(case, planned.packet, PacketProgress(planned=planned)), approval_is_open=False)
        case facts.PacketAssembled() as assembled:
            return _with_packet(case, assembled.packet, replace(case.packets[assembled.packet], assembled=assembled))
        case facts.Anchored() as anchored if anchored.packet in case.packets:
            return _with_packet(case, anchored.packet, replace(case.packets[anchored.packet], as_of=anchored.sequence))
        case facts.DisclosureBegun() as begun:
            return _with_packet(
                case, begun.packet, replace(case.packets[begun.packet], begun=begun, begun_at=line.at, outcome=None)
            )
        case facts.DisclosureSettled() as settled:
            packet = next(p for p, s in case.packets.items() if s.begun and s.begun.disclosure == settled.disclosure)
            outcome = DisclosureOutcome(settled.outcome)
            return _with_packet(case, packet, replace(case.packets[packet], outcome=outcome))
        case facts.ReceiptRecorded() as receipt:
            return _with_packet(case, receipt.packet, replace(case.packets[receipt.packet], receipt=receipt))
        case facts.PacketRecalled() as recalled:
            return _with_packet(case, recalled.packet, replace(case.packets[recalled.packet], recalled=recalled))
        case facts.PacketGivenUp() as given_up:
            return _with_packet(case, given_up.packet, replace(case.packets[given_up.packet], given_up=given_up))
        case facts.PacketPurged() as purged:
            return _with_packet(case, purged.packet, replace(case.packets[purged.packet], purged=purged))
    return case


def _with_packet(case: Case, packet: str, sent: PacketProgress) -> Case:
    return replace(case, packets={**case.packets, packet: sent})
