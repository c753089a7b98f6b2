"""Facts of a case: from its referral to its ending."""

from dataclasses import dataclass

from transfer.facts.frame import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpened(Fact, kind="case-opened"):
    patient: str
    referral: str
    receiver: str
    referring: str
    checklist: str
    checklist_version: str
    priority: str
    sources: tuple[str, ...]
    needed_by: str | None = None
    appointment_at: str | None = None
    #: checklists that further diagnoses of the referral fit
    other_checklists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMoved(Fact, kind="case-moved"):
    """The case is about this patient from now on: two were merged, or taken apart again."""

    patient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChanged(Fact, kind="case-changed"):
    """What the case is for or from whom is otherwise from now on. Of the fields only those named in `changed` count.

    `said_in`: referral, appointment, desk; earliest-appointment, where another appointment decides from now on. A
    change by the desk stands until the referral itself says something new.
    """

    said_in: str
    changed: tuple[str, ...]
    receiver: str | None = None
    referring: str | None = None
    checklist: str | None = None
    checklist_version: str | None = None
    priority: str | None = None
    sources: tuple[str, ...] = ()
    needed_by: str | None = None
    appointment_at: str | None = None
    other_checklists: tuple[str, ...] = ()
    arrival: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentSet(Fact, kind="appointment-set"):
    """The patient is expected at the center `at` an instant (UTC), on that `day` there. Of one that is known it says
    that it was moved. `appointment` is its key in the case; `said_in`: appointment, desk. `hmac` is of the center's own
    number for it.
    """

    appointment: str
    said_in: str
    at: str | None = None
    day: str | None = None
    hmac: str | None = None
    arrival: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentCancelled(Fact, kind="appointment-cancelled"):
    """It does not take place, or the patient did not come."""

    appointment: str
    said_in: str
    arrival: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesIndexed(Fact, kind="pages-indexed"):
    """Somebody said that these pages of a paper are a record of this case. `arrival`: the message that they became;
    `line`: the line of the checklist that they answer by that person's word.
    """

    incoming: str
    pages: str
    arrival: str
    document: str
    institution: str
    line: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyIndexed(Fact, kind="study-indexed"):
    """Somebody said that this study of a disc, by its number there, is of this case. `differs`: although its files name
    their patient otherwise. `arrival`: the message that it became.
    """

    incoming: str
    study: int
    arrival: str
    institution: str
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralUpdated(Fact, kind="referral-updated"):
    """How the case's referral stands from now on (`ReferralStatus`). Without an arrival a person said so."""

    status: str
    arrival: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralEntered(Fact, kind="referral-entered"):
    """A person brought the referral as a file, from this institution. The case is opened from it as from any other."""

    arrival: str
    institution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMade(Fact, kind="request-made"):
    """A department is to be asked for some lines of the checklist, or for one added `need` alone."""

    request: str
    institution: str
    department: str
    lines: tuple[str, ...]
    need: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLinesChanged(Fact, kind="request-lines-changed"):
    """The case has another checklist: these are the lines that the request is to fill."""

    request: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMoved(Fact, kind="request-moved"):
    """A request changed its state. `findings` are the codes why it is not permitted, or the reason of a refusal."""

    request: str
    state: str
    attempt: int
    basis: str | None = None
    permission: str | None = None
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAnswered(Fact, kind="request-answered"):
    """What a source said to a request, or what somebody did about it. `said_at` is UTC; `day` is the source's own.

    Who said it, their number and their words are in the note, whose HMAC is beside it. `counts` false: it came after
    something later, or when nothing is asked any more, and moved nothing.
    """

    request: str
    answer: str
    said_at: str
    counts: bool
    reason: str | None = None
    amount: str | None = None
    currency: str | None = None
    day: str | None = None
    elsewhere: str | None = None
    note: str | None = None
    hmac: str | None = None
    arrival: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCollected(Fact, kind="record-collected"):
    """A record joined this case under a basis in force at that moment. `content` is an HMAC of its SHA-256.

    `is_void`: by its own word it does not count, and it goes nowhere.
    """

    record: str
    institution: str
    document: str
    status: str
    size: int
    content: str
    basis: str
    is_whole: bool
    match_rule: str
    line: str | None = None
    permission: str | None = None
    request: str | None = None
    arrival: str | None = None
    copy_of: str | None = None
    at: str | None = None
    is_void: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCompleted(Fact, kind="record-completed"):
    """The missing instances of an imaging record came: its set of UIDs is whole now."""

    record: str
    size: int
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesRejected(Fact, kind="images-rejected"):
    """The archive rejected images of a study: so many in all until now. They go nowhere."""

    record: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOpened(Fact, kind="record-opened"):
    """Every part of a record was opened. `flaws` keep it from being read: with any of them it answers nothing."""

    record: str
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordTaken(Fact, kind="record-taken"):
    """A person takes a record as it is, for all its flaws or without some of its images: it counts and goes along."""

    record: str
    flaws: tuple[str, ...] = ()
    lacking: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesWithheld(Fact, kind="pages-withheld"):
    """A person let pages of a record go to nobody: `record` is a copy without them, of so many pages of `original`."""

    record: str
    original: str
    #: as people name them; empty: none any more
    pages: str
    of: int
    #: why, sealed
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSuperseded(Fact, kind="record-superseded"):
    record: str
    by_record: str | None = None
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedWaived(Fact, kind="need-waived"):
    """A person said that a line is not needed, does not exist, applies, or is answered by another record."""

    line: str
    waiver: str
    record: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedAdded(Fact, kind="need-added"):
    """The case needs something beyond its checklist, of one institution. `procedure`: what was done there, and `day`
    when, as far as it is known. `pieces` and `count`: which glass or tissue, and how many. What people wrote about it
    is in the note, whose HMAC is beside it.
    """

    line: str
    document: str
    institution: str
    procedure: str | None = None
    day: str | None = None
    note: str | None = None
    hmac: str | None = None
    pieces: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedDropped(Fact, kind="need-dropped"):
    """What was added is not needed after all. Its key is given to nothing else."""

    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseApproved(Fact, kind="case-approved"):
    """A person lets the packet go as it is. `lacking` are the lines that were missing then."""

    lacking: tuple[str, ...]
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneReached(Fact, kind="milestone-reached"):
    """The case has come so far for the first time (`Milestone`)."""

    milestone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterTold(Fact, kind="center-told"):
    """Its receiving center is told of a milestone: written before the first byte, with what that rests on."""

    milestone: str
    recipient: str
    bases: tuple[str, ...]
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingSettled(Fact, kind="telling-settled"):
    """The center knows of it. `outcome`: made, by-person."""

    milestone: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOpened(Fact, kind="hold-opened"):
    hold: str
    code: str
    about: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldResolved(Fact, kind="hold-resolved"):
    hold: str
    answer: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketPlanned(Fact, kind="packet-planned"):
    """A packet is owed: what it holds is decided when it is assembled."""

    packet: str
    is_partial: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketAssembled(Fact, kind="packet-assembled"):
    packet: str
    records: tuple[str, ...]
    lacking: tuple[str, ...]
    tag_manifest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureBegun(Fact, kind="disclosure-begun"):
    """Authorised and counted, before the first byte. `bases` and `permissions` are those it rests on.

    A disclosure that was not made is begun again under the same name.
    """

    disclosure: str
    packet: str
    recipient: str
    purpose: str
    bases: tuple[str, ...]
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureSettled(Fact, kind="disclosure-settled"):
    """`outcome`: `DisclosureOutcome`."""

    disclosure: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPermitted(Fact, kind="egress-permitted"):
    """What a stream of bytes rests on: written when it opens, and when it goes on under something else."""

    egress: str
    disclosure: str
    channel: str
    bases: tuple[str, ...]
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressClosed(Fact, kind="egress-closed"):
    """A stream of bytes to a receiver ended. `size` counts the bytes handed to the socket: they count as disclosed."""

    egress: str
    disclosure: str
    channel: str
    size: int
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRecorded(Fact, kind="receipt-recorded"):
    packet: str
    status: str
    arrival: str
    reasons: tuple[str, ...] = ()
    #: the account of who said so at our pages; None: the receiver's system did
    said_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultReportReceived(Fact, kind="consult-report-received"):
    """The receiver's own report came in by its pages, sent by this account after it had this packet."""

    packet: str
    arrival: str
    said_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketPurged(Fact, kind="packet-purged"):
    """What it held, or was to hold, is destroyed: it is handed to nobody any more."""

    packet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketRecalled(Fact, kind="packet-recalled"):
    """A person took it back: its links work no more, and it is handed to nobody. What left before has left."""

    packet: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketGivenUp(Fact, kind="packet-given-up"):
    """It was handed to nobody and never will be; another may go. `why`: desk, nothing-in-it, newer, other-receiver."""

    packet: str
    why: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClosed(Fact, kind="case-closed"):
    """`ending`: opinion-given, not-coming, center-declined, died, withdrawn, duplicate, same-referral.

    `other`: the case that goes on instead.
    """

    ending: str
    note: str | None = None
    other: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAssigned(Fact, kind="case-assigned"):
    """Whose work the case is at the desk from now on, by their account; None: nobody's."""

    to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextActionSet(Fact, kind="next-action-set"):
    """On which day of the source's somebody looks after a request next. It stands until the request moves on."""

    request: str
    on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded(Fact, kind="note-added"):
    """Free text was kept. `about`: question, where it is what the referral asks; None = a person's own note."""

    note: str
    hmac: str
    about: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLogged(Fact, kind="call-logged"):
    """Somebody called, or was called (`transfer.calls`). `promised_by` and `next_action` are days there.

    Whom they spoke to and what was said is in the note, whose HMAC is beside it.
    """

    callee: str
    outcome: str
    institution: str | None = None
    request: str | None = None
    promised_by: str | None = None
    next_action: str | None = None
    note: str | None = None
    hmac: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledInChart(Fact, kind="filed-in-chart"):
    """A record or a packet was filed in the chart of whoever runs this."""

    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MisdirectionRecorded(Fact, kind="misdirection-recorded"):
    """Something of the patient went to the wrong place (`transfer.misdirections`). What people wrote is in the note."""

    what: str
    noticed_on: str
    done: tuple[str, ...] = ()
    to: str | None = None
    note: str | None = None
    hmac: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored(Fact, kind="anchored"):
    """The signed head of a chain as it stands in a packet."""

    chain: str
    sequence: int
    head: str
    packet: str
