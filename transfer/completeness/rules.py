"""The rule of completeness, line by line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from transfer.checklist import Checklist, ChecklistLine, Necessity
from transfer.completeness.needs import (
    LEFT_TO_PEOPLE,
    SETTLED,
    CollectedRecord,
    Completeness,
    Need,
    NeedState,
    Wait,
    WaitCode,
    Waiver,
    WaiverKind,
)
from transfer.copies import best
from transfer.identifiers import RecordId
from transfer.materials import Material, MaterialState
from transfer.records import RecordKind
from transfer.requests import OPEN, Request, RequestState

_WORDS = {
    WaiverKind.WAIVED: NeedState.WAIVED,
    WaiverKind.NOT_APPLICABLE: NeedState.NOT_APPLICABLE,
    WaiverKind.ABSENT: NeedState.ABSENT_WITH_REASON,
    WaiverKind.SUBSTITUTE: NeedState.SATISFIED_BY_OTHER,
    WaiverKind.ANSWERED_BY: NeedState.SATISFIED,
}
_NAMES_A_RECORD = (WaiverKind.SUBSTITUTE, WaiverKind.ANSWERED_BY)
_REQUEST_WAITS = {
    RequestState.EXPECTED: WaitCode.SOURCE_PUSH,
    RequestState.DUE: WaitCode.TO_ASK,
    RequestState.ASKING: WaitCode.TO_ASK,
    RequestState.PARTLY: WaitCode.SOURCE_REST,
    RequestState.ANSWERED: WaitCode.NOT_IN_ANSWER,
    RequestState.NOT_FOUND: WaitCode.CONFIRM_ABSENT,
    RequestState.FORBIDDEN: WaitCode.SOURCE_FORBIDS,
    RequestState.SILENT: WaitCode.SOURCE_SILENT,
    RequestState.NOT_PERMITTED: WaitCode.RELEASE_FORM,
    RequestState.IN_PROGRESS: WaitCode.SOURCE_WORKS,
    RequestState.READY_ON: WaitCode.SOURCE_READY,
    RequestState.NOT_SIGNED: WaitCode.SOURCE_SIGNS,
    RequestState.REST_FOLLOWS: WaitCode.SOURCE_SENDS_REST,
    RequestState.FORM_REQUIRED: WaitCode.THEIR_FORM,
    RequestState.AUTHORIZATION_NOT_ACCEPTED: WaitCode.BETTER_AUTHORIZATION,
    RequestState.IDENTIFIER_REQUIRED: WaitCode.OTHER_IDENTIFIER,
    RequestState.FEE_REQUIRED: WaitCode.FEE,
    RequestState.ALREADY_SENT: WaitCode.SENT_BEFORE,
    RequestState.HELD_ELSEWHERE: WaitCode.ELSEWHERE,
    RequestState.ASKED_ELSEWHERE: WaitCode.NOBODY_HOLDS,
    RequestState.REFUSED: WaitCode.REFUSAL,
    RequestState.ANSWER_UNCLEAR: WaitCode.UNCLEAR,
}
_NO_PIECES = (MaterialState.REFUSED, MaterialState.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A need, what it waits for, and whether anything but material is owed for it."""

    need: Need
    waits: tuple[Wait, ...]
    #: a source was asked for this line and has not finished
    is_owed: bool

    @property
    def holds_up(self) -> bool:
        return self.is_owed or self.need.state not in SETTLED

    @property
    def is_left_to_people(self) -> bool:
        return not self.is_owed and all(wait.code in LEFT_TO_PEOPLE for wait in self.waits)


def assess(
    checklist: Checklist,
    *,
    requests: Sequence[Request],
    records: Sequence[CollectedRecord],
    materials: Sequence[Material],
    waivers: Mapping[str, Waiver],
    now: datetime,
) -> Completeness:
    """Judge every line. All arguments are of one case; `waivers` are by line key.

    A case is complete when every required line is settled. **And** no source asked for one may still have to answer, or
    wait for a release form. One hospital's record does not replace another's. Optional lines hold nothing up. Nor do
    conditional ones of which nobody said that they apply.
    """
    judged = [
        _judge(line, checklist, [r for r in requests if line.key in r.lines], records, materials, waivers, now)
        for line in checklist.lines
    ]
    holding = [j for j in judged if _is_required(j.need.line, waivers) and j.holds_up]
    waits = {wait for one in holding for wait in one.waits}
    return Completeness(
        needs=tuple(j.need for j in judged),
        is_complete=not holding,
        unanswered=tuple(one.need.line.key for one in holding if one.is_left_to_people),
        lacks_only_material=bool(holding) and all(j.need.line.counted for j in holding),
        waits=tuple(sorted(waits, key=lambda w: (w.code, w.institution or "", w.department or ""))),
    )


def _is_required(line: ChecklistLine, waivers: Mapping[str, Waiver]) -> bool:
    if line.necessity is Necessity.CONDITIONAL:
        return line.key in waivers and waivers[line.key].kind is WaiverKind.APPLIES
    return line.necessity is Necessity.REQUIRED


def _judge(
    line: ChecklistLine,
    checklist: Checklist,
    requests: Sequence[Request],
    records: Sequence[CollectedRecord],
    materials: Sequence[Material],
    waivers: Mapping[str, Waiver],
    now: datetime,
) -> _Judged:
    live = [r for r in records if r.kind in line.kinds and not _is_void(r)]
    waiver = waivers.get(line.key)
    if word := _word_of(waiver, line, records):
        return _Judged(need=word, waits=(), is_owed=False)
    asked = [r for r in requests if r.state is not RequestState.WITHDRAWN]
    if line.counted:
        state, waits = _by_material(materials, asked)
        return _Judged(need=_need(line, state, (), None, asked), waits=waits, is_owed=False)
    found, chosen, waits = _by_records(line, [r for r in live if _is_first_for(line, r.kind, checklist)], now)
    if found is not None:
        state = found
    else:
        state, waits = _by_requests(asked)
        if any(
            r.is_readable for r in live
        ):  # its kind answers another line by itself; a person says which record is which
            state, waits = NeedState.RECEIVED, (*waits, Wait(WaitCode.UNVERIFIED))
    owing = [r for r in asked if r.state in OPEN or r.state is RequestState.NOT_PERMITTED]
    waits = (*waits, *map(_wait_for, owing))
    return _Judged(need=_need(line, state, live, chosen, asked), waits=waits, is_owed=bool(owing))


def _need(
    line: ChecklistLine,
    state: NeedState,
    records: Sequence[CollectedRecord],
    chosen: RecordId | None,
    asked: Sequence[Request],
) -> Need:
    reason = RequestState.NO_RECORDS.value if state is NeedState.ABSENT_WITH_REASON and asked else None
    return Need(line=line, state=state, records=tuple(r.id for r in records), chosen=chosen, reason=reason)


def _word_of(waiver: Waiver | None, line: ChecklistLine, records: Sequence[CollectedRecord]) -> Need | None:
    """What a person said. It goes before every rule, and falls with the record it is about."""
    if waiver is None or waiver.kind is WaiverKind.APPLIES:
        return None
    live = {r.id for r in records if not _is_void(r)}
    if waiver.kind in _NAMES_A_RECORD and waiver.record is not None and waiver.record not in live:
        return None
    if waiver.kind is WaiverKind.ANSWERED_BY and waiver.record is None:
        return None
    fitting = tuple(r.id for r in records if r.kind in line.kinds and r.id in live)
    if waiver.kind is WaiverKind.ABSENT and fitting:  # it came after all
        return None
    return Need(line=line, state=_WORDS[waiver.kind], records=fitting, chosen=waiver.record, reason=waiver.reason)


def _is_void(record: CollectedRecord) -> bool:
    return record.superseded or record.status.is_void


def _is_first_for(line: ChecklistLine, kind: RecordKind, checklist: Checklist) -> bool:
    """Whether records of this kind answer this line by themselves.

    The first required line that takes the kind does, else the first of all. One record must not count for two lines
    that ask for different records.
    """
    taking = [other for other in checklist.lines if kind in other.kinds]
    required = [other for other in taking if other.necessity is Necessity.REQUIRED]
    return line.key == (required or taking)[0].key


def _by_records(
    line: ChecklistLine, live: Sequence[CollectedRecord], now: datetime
) -> tuple[NeedState | None, RecordId | None, tuple[Wait, ...]]:
    """What the records say, which one answers, and who still owes a rest. No state where there is no record."""
    if not live:
        return None, None, ()
    if halves := _halves(live):
        return NeedState.RECEIVED, None, tuple(Wait(WaitCode.SOURCE_REST, r.source) for r in halves)
    usable = [r for r in live if r.is_whole and r.is_readable and r.status.is_settled]
    fresh = [r for r in usable if _is_fresh(r, line, now)]
    if chosen := best(fresh):
        return NeedState.SATISFIED, chosen.id, ()
    if not usable or any(r.at is None for r in usable):
        return NeedState.RECEIVED, None, tuple(Wait(_why_not(r), r.source) for r in live)
    return NeedState.EXPIRED, None, tuple(Wait(WaitCode.NEWER_NEEDED, r.source) for r in usable)


def _why_not(record: CollectedRecord) -> WaitCode:
    if not record.is_opened:
        return WaitCode.NOT_OPENED
    return WaitCode.NOT_READABLE if record.flaws else WaitCode.UNVERIFIED


def _halves(live: Sequence[CollectedRecord]) -> list[CollectedRecord]:
    """Records with parts still missing, of which no copy is whole."""
    whole = {_original(r) for r in live if r.is_whole}
    return [r for r in live if not r.is_whole and _original(r) not in whole]


def _original(record: CollectedRecord) -> RecordId:
    return record.copy_of or record.id


def _is_fresh(record: CollectedRecord, line: ChecklistLine, now: datetime) -> bool:
    if line.max_age_days is None:
        return True
    return record.at is not None and now - record.at <= timedelta(days=line.max_age_days)


def _by_requests(asked: Sequence[Request]) -> tuple[NeedState, tuple[Wait, ...]]:
    """What the requests say where nothing came.

    Only what a source itself says is an answer. An empty search, a refusal and silence are not.
    """
    if not asked:
        return NeedState.MISSING, (Wait(WaitCode.NOBODY_ASKED),)
    if all(r.state is RequestState.NO_RECORDS for r in asked):
        return NeedState.ABSENT_WITH_REASON, ()
    # Who was named as holding it is asked. That the one who named it has none is news when that one has none either.
    elsewhere = [r for r in asked if r.state is RequestState.ASKED_ELSEWHERE]
    others = [r for r in asked if r.state is not RequestState.NO_RECORDS and r not in elsewhere]
    waits = tuple(map(_wait_for, others or elsewhere))
    return (NeedState.REQUESTED if any(r.state in OPEN for r in asked) else NeedState.MISSING), waits


def _wait_for(request: Request) -> Wait:
    code = _REQUEST_WAITS[request.state]
    if request.state is RequestState.DUE and request.attempts:
        code = WaitCode.SOURCE_RETRY
    return Wait(code, request.institution, request.department, request.due_at)


def _by_material(materials: Sequence[Material], asked: Sequence[Request]) -> tuple[NeedState, tuple[Wait, ...]]:
    """`materials` compares the pieces with those announced. An answered request is not a received piece."""
    live = [m for m in materials if m.state not in _NO_PIECES]
    if live and all(m.is_complete for m in live):
        original = any(m.kind.is_original for m in live)
        return (NeedState.SATISFIED if original else NeedState.SATISFIED_BY_OTHER), ()
    if here := [m for m in live if m.is_here and not m.is_complete]:
        announced = any(m.expected for m in here)
        return NeedState.RECEIVED, (
            Wait(WaitCode.MATERIAL_DISCREPANCY if announced else WaitCode.MATERIAL_UNANNOUNCED),
        )
    if not live and asked and all(r.state is RequestState.NO_RECORDS for r in asked):
        return NeedState.ABSENT_WITH_REASON, ()
    if not live and any(m.state is MaterialState.REFUSED for m in materials):
        return NeedState.AWAITED_MATERIAL, (Wait(WaitCode.MATERIAL_REFUSED),)
    return NeedState.AWAITED_MATERIAL, tuple(map(_wait_for_pieces, asked)) or (Wait(WaitCode.MATERIAL),)


def _wait_for_pieces(request: Request) -> Wait:
    not_permitted = request.state is RequestState.NOT_PERMITTED
    code = WaitCode.RELEASE_FORM if not_permitted else WaitCode.MATERIAL
    return Wait(code, request.institution, request.department)
