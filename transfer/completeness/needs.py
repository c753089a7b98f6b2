"""Lines as needs, what people and sources said about them, and why a case waits."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from transfer.body_parts import BodyPart
from transfer.checklist import ChecklistLine, Necessity
from transfer.flaws import Flaw
from transfer.identifiers import DepartmentId, InstitutionId, RecordId
from transfer.records import DocumentStatus, RecordKind


class NeedState(StrEnum):
    """What is known of one line of the checklist."""

    MISSING = "missing"
    REQUESTED = "requested"
    #: a record came that does not answer the line: preliminary, of unknown status, or with parts missing
    RECEIVED = "received"
    SATISFIED = "satisfied"
    #: a substitute was accepted for it
    SATISFIED_BY_OTHER = "satisfied-by-other"
    #: what came is older than the line allows
    EXPIRED = "expired"
    ABSENT_WITH_REASON = "absent-with-reason"
    NOT_APPLICABLE = "not-applicable"
    WAIVED = "waived"
    AWAITED_MATERIAL = "awaited-material"


class WaiverKind(StrEnum):
    """What a person said about a line."""

    WAIVED = "waived"
    NOT_APPLICABLE = "not-applicable"
    #: confirmed that it does not exist
    ABSENT = "absent"
    #: another record serves instead
    SUBSTITUTE = "substitute"
    #: this record is the one
    ANSWERED_BY = "answered-by"
    #: the condition of the line holds: it is required here
    APPLIES = "applies"


class WaitCode(StrEnum):
    """Why a case waits. Each has an owner: the institution named, or the desk where none is."""

    TO_ASK = "to-ask"
    SOURCE_RETRY = "source-retry"
    SOURCE_PUSH = "source-push"
    #: no letter goes to the source before somebody here called it back
    CALL_BACK = "call-back"
    SOURCE_REST = "source-rest"
    RELEASE_FORM = "release-form"
    CONFIRM_ABSENT = "confirm-absent"
    SOURCE_FORBIDS = "source-forbids"
    SOURCE_SILENT = "source-silent"
    #: the source answered, and this was not in it
    NOT_IN_ANSWER = "not-in-answer"
    #: the source is at it, or named a day
    SOURCE_WORKS = "source-works"
    SOURCE_READY = "source-ready"
    SOURCE_SIGNS = "source-signs"
    SOURCE_SENDS_REST = "source-sends-rest"
    # it waits for something from here
    THEIR_FORM = "their-form"
    BETTER_AUTHORIZATION = "better-authorization"
    OTHER_IDENTIFIER = "other-identifier"
    FEE = "fee"
    # it leaves it to us
    SENT_BEFORE = "sent-before"
    ELSEWHERE = "elsewhere"
    #: nor does whom they named
    NOBODY_HOLDS = "nobody-holds"
    REFUSAL = "refusal"
    UNCLEAR = "unclear"
    #: the source found somebody, and people are asked whether it is the patient
    UNDECIDED = "undecided"
    NOBODY_ASKED = "nobody-asked"
    UNVERIFIED = "unverified"
    #: a record came, and we have not opened it yet
    NOT_OPENED = "not-opened"
    #: what came cannot be read, and people are asked about it
    NOT_READABLE = "not-readable"
    NEWER_NEEDED = "newer-needed"
    #: what came is too far from the record of another line
    OTHER_DAY_NEEDED = "other-day-needed"
    MATERIAL = "material"
    #: nobody asked the laboratory for the pieces yet
    MATERIAL_TO_ASK = "material-to-ask"
    MATERIAL_REFUSED = "material-refused"
    #: pieces came and nobody said how many were sent
    MATERIAL_UNANNOUNCED = "material-unannounced"
    MATERIAL_DISCREPANCY = "material-discrepancy"
    #: all that was announced came, and the center asks for other pieces or more
    MATERIAL_NOT_ENOUGH = "material-not-enough"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """What a person said about one line; `record` is what serves instead."""

    kind: WaiverKind
    record: RecordId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedRecord:
    """What completeness must know of a record of this case."""

    id: RecordId
    kind: RecordKind
    status: DocumentStatus
    #: UTC; None = undated
    at: datetime | None
    source: InstitutionId
    #: imaging: every part ended well and the set of SOP instance UIDs is complete
    is_whole: bool = True
    #: every part of it was opened
    is_opened: bool = True
    #: what keeps it from being read, unless a person takes it as it is
    flaws: frozenset[Flaw] = frozenset()
    copy_of: RecordId | None = None
    superseded: bool = False
    #: the form in which it came
    content_type: str = "application/octet-stream"
    #: what it is known to be, as a line hints at it (`fitting`)
    code: str | None = None
    modalities: frozenset[str] = frozenset()
    body: frozenset[BodyPart] = frozenset()
    #: keys of the lines that a person said it answers
    answers: frozenset[str] = frozenset()

    @property
    def is_readable(self) -> bool:
        """It was opened, and nothing keeps people from reading it."""
        return self.is_opened and not self.flaws


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One line of the checklist and what is known of it."""

    line: ChecklistLine
    state: NeedState
    records: tuple[RecordId, ...] = ()
    #: the copy that answers the line
    chosen: RecordId | None = None
    #: it holds the case up while it is not settled: a conditional line does once somebody said that it applies
    is_required: bool = True


class JudgedLine(Protocol):
    """A line as it is judged, or as it is shown."""

    @property
    def is_required(self) -> bool: ...
    @property
    def state(self) -> str: ...


def is_lacking(need: JudgedLine) -> bool:
    """Whether it holds the case up."""
    return need.is_required and need.state not in SETTLED


@dataclass(frozen=True, slots=True)
class Wait:
    """`due_at`: by when its owner is to have done something, UTC; None: no time runs."""

    code: WaitCode
    institution: InstitutionId | None = None
    department: DepartmentId | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    needs: tuple[Need, ...]
    is_complete: bool
    #: required lines that no source still owes and nobody is about to ask for: only a person leads on
    unanswered: tuple[str, ...]
    #: everything required is there but glass or blocks
    lacks_only_material: bool
    #: what the center wants before it gives an appointment is there; never, where the list names nothing for that
    is_schedulable: bool
    waits: tuple[Wait, ...]

    @property
    def has_all_material(self) -> bool:
        """Glass and blocks are asked for, and all of it is here, or settled otherwise."""
        counted = [need for need in self.needs if need.line.counted and need.line.necessity is Necessity.REQUIRED]
        return bool(counted) and all(need.state in SETTLED for need in counted)

    @property
    def has_all_electronic(self) -> bool:
        """Nothing that travels in a packet is lacking or owed."""
        return self.is_complete or self.lacks_only_material


#: what nobody outside settles by himself
LEFT_TO_PEOPLE = frozenset(
    {
        WaitCode.CONFIRM_ABSENT,
        WaitCode.SOURCE_FORBIDS,
        WaitCode.SOURCE_SILENT,
        WaitCode.NOT_IN_ANSWER,
        WaitCode.NOBODY_ASKED,
        WaitCode.UNVERIFIED,
        WaitCode.NOT_READABLE,
        WaitCode.NEWER_NEEDED,
        WaitCode.OTHER_DAY_NEEDED,
        WaitCode.MATERIAL_REFUSED,
        WaitCode.MATERIAL_UNANNOUNCED,
        WaitCode.MATERIAL_DISCREPANCY,
        WaitCode.MATERIAL_NOT_ENOUGH,
    }
)

#: states in which nothing is owed for a line
SETTLED = frozenset(
    {
        NeedState.SATISFIED,
        NeedState.SATISFIED_BY_OTHER,
        NeedState.ABSENT_WITH_REASON,
        NeedState.NOT_APPLICABLE,
        NeedState.WAIVED,
    }
)
