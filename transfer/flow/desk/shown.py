"""What the desk shows, in plain values. Nothing of the patient, where it is not said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum

from transfer.appointments import CaseAppointment
from transfer.calls import Callee, CallOutcome
from transfer.completeness import WaitCode
from transfer.flow.desk.charting import FiledView
from transfer.flow.desk.comparing import Comparison, Opinion
from transfer.flow.desk.misdirecting import MisdirectionView
from transfer.hold_answers import ANSWERS
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId
from transfer.patients import Demographics
from transfer.records import RecordKind
from transfer.remedies import Remedy
from transfer.request_questions import follow_up
from transfer.requests import Owner, RequestAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSummary:
    """One line of a list of cases. Nothing of the patient."""

    case: CaseId
    stage: str
    receiver: str | None
    needed_by: date | None
    opened_at: datetime
    why: str
    #: who is to act, and since when (UTC); None: nobody, it is delivered or closed
    owner: Owner | None
    owner_since: datetime | None
    #: whose work it is at the desk
    assigned_to: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedView:
    line: str
    label: str
    necessity: str
    #: it holds the case up while it is missing; a conditional line does once somebody said that it applies
    is_required: bool
    state: str
    #: in the words people use
    says: str
    records: tuple[str, ...]
    #: of what documents, where a document may answer it and it is of the checklist: which
    documents: tuple[RecordKind, ...] = ()
    #: of what was added for this case alone: of whom it is asked, and the day of what it is about
    institution: str | None = None
    day: str | None = None
    #: shown with what people wrote
    words: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardView:
    """What was said or done last about a request. Times are UTC; `day` is the source's own."""

    answer: str
    said_at: str
    reason: str | None
    amount: str | None
    currency: str | None
    day: str | None
    elsewhere: str | None
    #: who said it and their number for the request: shown with the patient's identity
    person: str | None
    reference: str | None
    #: shown with what people wrote
    words: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFormView:
    """A form without which an institution does not release some records, and how the patient's stands there.

    `state` is that of the form as `PermissionView` has it, or `not-filed`. `labels`: for which records; none = for all.
    """

    title: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    source: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    request: str
    institution: str
    department: str
    state: str
    says: str
    lines: tuple[str, ...]
    #: by which way it is asked: a kind of `asked.by` in its institution's file
    how: str
    #: when it was made, UTC
    made_at: datetime | None
    attempts: int
    findings: tuple[str, ...]
    #: for what it waits that may be made now, in the words people use
    turn: str | None
    #: whose turn it is
    owner: Owner
    #: whether the source's time runs, and until when, UTC
    clock_runs: bool
    due_at: datetime | None
    #: when somebody here looks after it next, a day of the source's
    next_action_on: date | None
    #: what leads on, the usual first
    steps: tuple[RequestAnswer, ...]
    #: what may be written down of it as it stands
    answers: tuple[RequestAnswer, ...]
    #: whether a letter about it may go as it stands
    gets_letters: bool
    heard: HeardView | None
    #: what was said last and moved nothing: it came late, or after the records
    left_aside: HeardView | None
    #: what their own law or policy wants signed
    own_forms: tuple[OwnFormView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """A telephone call. `at` is UTC; the days are those of whom was called."""

    at: datetime
    by: str | None
    is_claimed: bool
    callee: Callee
    outcome: CallOutcome
    institution: str | None
    request: str | None
    promised_by: date | None
    next_action: date | None
    #: shown with the patient's identity
    spoke_to: str | None
    reference: str | None
    #: shown with what people wrote
    words: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    record: str
    institution: str
    kind: str
    status: str
    line: str | None
    copy_of: str | None
    is_superseded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartView:
    """One file of a record. `role` as `transfer.ledger.records.RecordPart` has it; `size` in bytes."""

    number: int
    content_type: str
    role: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """One file of a packet; `size` in bytes."""

    number: int
    path: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialView:
    material: str
    institution: str
    line: str
    pieces: str
    received: int
    expected: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionSummary:
    """A release form, or a stop that stands beside the forms, without what it says. Times are UTC."""

    permission: str
    #: it permits nothing and stops what rests on no form; None: the keys are away, so nobody can tell
    is_stop: bool | None
    filed_at: datetime
    #: how; None: it has not ended
    ended: str | None
    ended_at: datetime | None
    #: what people found wrong with it
    disputes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionView:
    """A release form. `findings` are what is wrong with it whatever is to be released; of them, `disputes` are what
    people found by looking at it.
    """

    permission: str
    #: the message that it was filed from
    arrival: str
    #: it permits nothing and stands for a stop
    is_stop: bool
    state: str
    #: what the form is called
    names: tuple[str, ...]
    disclosers: tuple[str, ...]
    recipients: tuple[str, ...]
    expires_at: datetime | None
    ended_at: datetime | None
    stop_completed_at: datetime | None
    purged_at: datetime | None
    findings: tuple[str, ...]
    disputes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketView:
    packet: str
    is_partial: bool
    is_assembled: bool
    size: int | None
    lacking: tuple[str, ...]
    disclosure: str | None
    outcome: str | None
    receipt: str | None
    reasons: tuple[str, ...]
    is_purged: bool
    is_recalled: bool
    #: when its links lapse by themselves (UTC), once they were given
    links_until: datetime | None
    #: why they work no more, in the words people use
    links_ended: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerView:
    """What a question may be answered with, what that does, and what is to be done beside it."""

    answer: HoldAnswer
    does: str
    remedy: Remedy | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldView:
    """A question to a person; `answer` is what was answered, if anything."""

    hold: str
    subject: str
    code: HoldCode
    about: str | None
    opened_at: datetime
    #: by when it is to be answered, UTC; None: it has no clock
    due_at: datetime | None
    is_past_due: bool
    resolved_at: datetime | None
    answer: str | None
    says: str
    #: what the source said, where the question is about that
    heard: HeardView | None
    #: it asks to approve what a "no" stops: nobody is to
    is_stopped: bool = False

    @property
    def answers(self) -> tuple[AnswerView, ...]:
        """What it may be answered with."""
        asked = self.code
        return tuple(
            AnswerView(answer=word, does=does, remedy=follow_up(asked, word, subject=self.subject, about=self.about))
            for word, does in ANSWERS[asked].items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitView:
    """What a case waits for that only a person settles, and no open question asks. `remedy` is what leads on."""

    case: CaseId
    code: WaitCode
    says: str
    institution: str | None
    remedy: Remedy


class Weight(StrEnum):
    """What something says to a question. What contradicts is shown first."""

    CONTRADICTS = "contradicts"
    AGREES = "agrees"
    TELLS = "tells"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextLine:
    """One thing to know before answering. `beside` is what it is compared with; `at` is UTC."""

    weight: Weight
    label: str
    says: str
    beside: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldDetail:
    """A question. `comparison`: where it asks whose something is, and is still open; `side_by_side`: the people in it,
    what differs first, where they may be named.
    """

    hold: HoldView
    comparison: Comparison | None
    side_by_side: tuple[ContextLine, ...]
    #: how many people must say the same, and what each has said so far
    deciders: int = 1
    opinions: tuple[Opinion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftView:
    """A packet that may have left already: to whom, when its handing over began (UTC), and how many bytes left."""

    packet: str
    recipient: str
    begun_at: datetime | None
    size: int
    outcome: str
    receipt: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldContext:
    """A question with its facts, what contradicts first, and what left already."""

    lines: tuple[ContextLine, ...]
    left: tuple[LeftView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyToSend:
    """Whether a case's records may be sent now. `stopped`: nobody is to approve anything; `lacking`: what would make it
    ready; `held`: what would go.
    """

    is_ready: bool
    stopped: tuple[ContextLine, ...]
    lacking: tuple[ContextLine, ...]
    held: tuple[ContextLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run that wrote to the case, or is owed. From the ledger: what Airflow keeps can be cleared."""

    dag: str
    run: str
    state: str
    lines: int
    says: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    at: datetime
    #: who wrote it, or what it is; None: an older line that names nobody
    by: str | None
    is_claimed: bool
    #: None once purged
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """Something that happened, in a sentence. `at` is UTC. `by` is a person's account; None: the machinery did it."""

    at: datetime
    by: str | None
    #: as they were called when they signed in last; None: on the command line
    name: str | None
    is_claimed: bool
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A case as the desk shows it. `identity` and `notes` only where they were asked for."""

    case: CaseId
    stage: str
    why: str
    opened_at: datetime | None
    changed_at: datetime | None
    #: who is to act; None: nobody, it is delivered or closed
    owner: Owner | None = None
    #: whose work it is at the desk
    assigned_to: str | None = None
    ending: str | None = None
    patient: str | None = None
    receiver: str | None = None
    referring: str | None = None
    #: the message that it was opened from
    referral: str | None = None
    #: with its version
    checklist: str | None = None
    #: the clinician who confirmed it for patients; None: nobody has
    checklist_confirmed_by: str | None = None
    #: lists that further diagnoses of the referral fit
    other_checklists: tuple[str, ...] = ()
    #: the receiver wants nothing before it has spoken with the patient
    after_first_contact: bool = False
    priority: str | None = None
    needed_by: str | None = None
    #: by the center's clocks, where its cut-off has a time
    needed_until: time | None = None
    #: of the appointment that decides
    appointment_at: str | None = None
    #: all of them, in the order of their days, also those that were cancelled
    appointments: tuple[CaseAppointment, ...] = ()
    #: what the center wants before it gives an appointment is there
    is_schedulable: bool = False
    #: no document and no image is lacking or owed; no glass and no block is
    has_all_electronic: bool = False
    has_all_material: bool = False
    #: how far it has come, and whether the center was told: made, by-person; empty: not yet
    milestones: tuple[tuple[str, str], ...] = ()
    needs: tuple[NeedView, ...] = ()
    requests: tuple[RequestView, ...] = ()
    #: newest first
    calls: tuple[CallView, ...] = ()
    #: what was filed in our own chart, by record and packet
    filed: Mapping[str, FiledView] = field(default_factory=dict)
    misdirections: tuple[MisdirectionView, ...] = ()
    records: tuple[RecordView, ...] = ()
    materials: tuple[MaterialView, ...] = ()
    permissions: tuple[PermissionView, ...] = ()
    packets: tuple[PacketView, ...] = ()
    holds: tuple[HoldView, ...] = ()
    #: what only a person settles, and no open question asks
    unasked: tuple[WaitView, ...] = ()
    runs: tuple[RunView, ...] = ()
    #: None: its referral is not understood yet
    ready: ReadyToSend | None = None
    #: nothing of the patient is destroyed since then, UTC
    legal_hold_since: datetime | None = None
    identity: Demographics | None = None
    notes: tuple[NoteView, ...] = ()
