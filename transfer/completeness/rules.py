"""The rule of completeness, line by line."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from transfer.checklist import Checklist, ChecklistLine, Necessity, NeededFor
from transfer.completeness.fitting import WHOLE_SLIDE, Fit, fit, lines_answered
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
from transfer.materials import Material, MaterialKind, MaterialState
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
#: states in which a record or a piece answers a line
_ANSWERED = (NeedState.SATISFIED, NeedState.SATISFIED_BY_OTHER)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """All that is known of one case."""

    lines: Sequence[ChecklistLine]
    requests: Sequence[Request]
    records: Sequence[CollectedRecord]
    materials: Mapping[str, Sequence[Material]]
    waivers: Mapping[str, Waiver]
    now: datetime

    @property
    def required(self) -> frozenset[str]:
        return frozenset(line.key for line in self.lines if _is_required(line, self.waivers))

    def asked_for(self, line: ChecklistLine) -> list[Request]:
        return [r for r in self.requests if line.key in r.lines and r.state is not RequestState.WITHDRAWN]

    def pieces_for(self, line: ChecklistLine) -> list[Material]:
        """Pieces stand on the line they were awaited for; those of a list that the case had before, on the first."""
        counted = [one.key for one in self.lines if one.counted]
        lost = [key for key in self.materials if key not in counted] if line.key == counted[0] else []
        return [piece for key in (line.key, *lost) for piece in self.materials.get(key, ())]


def assess(
    checklist: Checklist,
    *,
    requests: Sequence[Request],
    records: Sequence[CollectedRecord],
    materials: Mapping[str, Sequence[Material]],
    waivers: Mapping[str, Waiver],
    now: datetime,
) -> Completeness:
    """Judge every line. All arguments are of one case; `materials` and `waivers` are by line key.

    A case is complete when every required line is settled. **And** no source asked for one may still have to answer, or
    wait for a release form. One hospital's record does not replace another's. Optional lines hold nothing up. Nor do
    conditional ones of which nobody said that they apply.
    """
    case = _Case(
        lines=checklist.lines, requests=requests, records=records, materials=materials, waivers=waivers, now=now
    )
    required = case.required
    answered = {r.id: lines_answered(case.lines, r, required) for r in records}
    judged: dict[str, _Judged] = {}
    for line in sorted(case.lines, key=lambda one: one.max_days_from is not None):  # what it is compared with, first
        judged[line.key] = _judge(line, case, answered, judged)
    settled = [
        _without_others(replace(one, need=replace(one.need, is_required=line.key in required)), judged.values())
        for line in case.lines
        for one in [judged[line.key]]
    ]
    holding = [j for j in settled if j.need.line.key in required and j.holds_up]
    waits = {wait for one in holding for wait in one.waits}
    return Completeness(
        needs=tuple(j.need for j in settled),
        is_complete=not holding,
        unanswered=tuple(one.need.line.key for one in holding if one.is_left_to_people),
        lacks_only_material=bool(holding) and all(j.need.line.counted for j in holding),
        is_schedulable=_is_schedulable([j.need for j in settled if j.need.line.key in required]),
        waits=tuple(sorted(waits, key=lambda w: (w.code, w.institution or "", w.department or ""))),
    )


def _is_schedulable(required: Sequence[Need]) -> bool:
    """One record of each is enough, whatever other sources still owe."""
    first = [need for need in required if need.line.needed_for is NeededFor.SCHEDULING]
    return bool(first) and all(need.state in SETTLED for need in first)


def _is_required(line: ChecklistLine, waivers: Mapping[str, Waiver]) -> bool:
    if line.necessity is Necessity.CONDITIONAL:
        return line.key in waivers and waivers[line.key].kind is WaiverKind.APPLIES
    return line.necessity is Necessity.REQUIRED


def _without_others(one: _Judged, judged: Iterable[_Judged]) -> _Judged:
    """Of lines of which one is enough, nothing is owed for the rest once one is answered."""
    group = one.need.line.one_of
    if group is None or one.need.state in SETTLED:
        return one
    if any(other.need.line.one_of == group and other.need.state in _ANSWERED for other in judged):
        return _Judged(need=replace(one.need, state=NeedState.NOT_APPLICABLE), waits=(), is_owed=False)
    return one


def _judge(
    line: ChecklistLine,
    case: _Case,
    answered: Mapping[RecordId, Collection[str]],
    judged: Mapping[str, _Judged],
) -> _Judged:
    asked = case.asked_for(line)
    if word := _word_of(case.waivers.get(line.key), line, case.records):
        return _Judged(need=word, waits=(), is_owed=False)
    if line.counted:
        return _judge_pieces(line, case, asked)
    live = [r for r in case.records if fit(line, r) and not _is_void(r)]
    mine = [r for r in live if line.key in answered[r.id]]
    other = judged[line.max_days_from.line] if line.max_days_from else None
    found, chosen, waits = _by_records(line, mine, asked, case, other)
    if found is NeedState.SATISFIED and line.every and (more := _not_heard(asked)):
        found, waits = NeedState.RECEIVED, more
    if found is not None:
        state = found
    else:
        state, waits = _by_requests(asked)
        # its kind answers another line by itself, or too little is known of it: a person says which record is which
        if any(r.is_readable for r in live):
            state, waits = NeedState.RECEIVED, (*waits, Wait(WaitCode.UNVERIFIED))
    owing = [r for r in asked if r.state in OPEN or r.state is RequestState.NOT_PERMITTED]
    waits = (*waits, *map(_wait_for, owing))
    is_owed = bool(owing) or (state is NeedState.RECEIVED and other is not None and other.is_owed)
    return _Judged(need=_need(line, state, live, chosen), waits=waits, is_owed=is_owed)


def _not_heard(asked: Sequence[Request]) -> tuple[Wait, ...]:
    """Why nobody can say yet that this is every one: who has not answered, or that nobody was asked."""
    if not asked:
        return (Wait(WaitCode.UNVERIFIED),)
    return tuple(_wait_for(r) for r in asked if r.state not in (RequestState.ANSWERED, RequestState.NO_RECORDS))


def _need(
    line: ChecklistLine,
    state: NeedState,
    records: Sequence[CollectedRecord],
    chosen: RecordId | None,
) -> Need:
    return Need(line=line, state=state, records=tuple(r.id for r in records), chosen=chosen)


def _word_of(waiver: Waiver | None, line: ChecklistLine, records: Sequence[CollectedRecord]) -> Need | None:
    """What a person said. It goes before every rule, and falls with the record it is about."""
    if waiver is None or waiver.kind is WaiverKind.APPLIES:
        return None
    live = {r.id for r in records if not _is_void(r)}
    if waiver.kind in _NAMES_A_RECORD and waiver.record is not None and waiver.record not in live:
        return None
    if waiver.kind is WaiverKind.ANSWERED_BY and waiver.record is None:
        return None
    fitting = tuple(r.id for r in records if r.id in live and fit(line, r) is Fit.WHOLLY)
    if waiver.kind is WaiverKind.ABSENT and fitting:  # it came after all
        return None
    return Need(line=line, state=_WORDS[waiver.kind], records=fitting, chosen=waiver.record)


def _is_void(record: CollectedRecord) -> bool:
    return record.superseded or record.status.is_void


def _by_records(
    line: ChecklistLine,
    live: Sequence[CollectedRecord],
    asked: Sequence[Request],
    case: _Case,
    other: _Judged | None,
) -> tuple[NeedState | None, RecordId | None, tuple[Wait, ...]]:
    """What the records say, which one answers, and who still owes a rest. No state where there is no record.

    `other` is the line that the line's records may not be far from.
    """
    if not live:
        return None, None, ()
    if halves := _halves(live):
        return NeedState.RECEIVED, None, tuple(_for_rest(one, asked) for one in halves)
    usable = [r for r in live if r.is_whole and r.is_readable and r.status.is_settled]
    fresh = [r for r in usable if _is_fresh(r, line, case.now)]
    near = _near(fresh, line, case, other.need if other else None)
    if near and (chosen := best(near)):
        return NeedState.SATISFIED, chosen.id, ()
    if near is None and other:
        return NeedState.RECEIVED, None, other.waits or tuple(Wait(WaitCode.UNVERIFIED, r.source) for r in live)
    if not usable or any(r.at is None for r in usable):
        return NeedState.RECEIVED, None, tuple(Wait(_why_not(r), r.source) for r in live)
    code = WaitCode.OTHER_DAY_NEEDED if fresh else WaitCode.NEWER_NEEDED
    return NeedState.EXPIRED, None, tuple(Wait(code, r.source) for r in usable)


def _near(
    fresh: Sequence[CollectedRecord], line: ChecklistLine, case: _Case, other: Need | None
) -> list[CollectedRecord] | None:
    """Those near enough to the record of another line. None: that one is awaited, and nobody can say.

    Where people said that there is none, or that it is not needed, there is nothing to be near to.
    """
    if line.max_days_from is None or other is None or (other.chosen is None and other.state in SETTLED):
        return list(fresh)
    at = next((r.at for r in case.records if r.id == other.chosen), None)
    if at is None:
        return None
    most = timedelta(days=line.max_days_from.days)
    return [r for r in fresh if r.at is not None and abs(r.at - at) <= most]


def _why_not(record: CollectedRecord) -> WaitCode:
    if not record.is_opened:
        return WaitCode.NOT_OPENED
    return WaitCode.NOT_READABLE if record.flaws else WaitCode.UNVERIFIED


def _halves(live: Sequence[CollectedRecord]) -> list[CollectedRecord]:
    """Records with parts still missing, of which no copy is whole."""
    whole = {_original(r) for r in live if r.is_whole}
    return [r for r in live if not r.is_whole and _original(r) not in whole]


def _for_rest(half: CollectedRecord, asked: Sequence[Request]) -> Wait:
    """Its source owes the rest while it is asked. After that a person says what becomes of the half."""
    is_asked = any(
        r.institution == half.source and (r.state in OPEN or r.state is RequestState.NOT_PERMITTED) for r in asked
    )
    return Wait(WaitCode.SOURCE_REST if is_asked else WaitCode.UNVERIFIED, half.source)


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


def _judge_pieces(line: ChecklistLine, case: _Case, asked: Sequence[Request]) -> _Judged:
    """A whole slide image serves where the center takes it. Else the pieces are counted."""
    slides = [r for r in case.records if line.digital_slides and _is_whole_slide(r)]
    if chosen := best(slides):
        need = _need(line, NeedState.SATISFIED_BY_OTHER, slides, chosen.id)
        return _Judged(need=need, waits=(), is_owed=False)
    state, waits = _by_material(line, case.pieces_for(line), asked)
    return _Judged(need=_need(line, state, (), None), waits=waits, is_owed=False)


def _is_whole_slide(record: CollectedRecord) -> bool:
    is_usable = record.is_whole and record.is_readable and record.status.is_settled and not _is_void(record)
    return is_usable and record.kind is RecordKind.IMAGES and record.modalities >= WHOLE_SLIDE


def _by_material(
    line: ChecklistLine, materials: Sequence[Material], asked: Sequence[Request]
) -> tuple[NeedState, tuple[Wait, ...]]:
    """`materials` compares the pieces with those announced. An answered request is not a received piece."""
    live = [m for m in materials if m.state not in _NO_PIECES]
    if live and all(m.is_complete for m in live):
        if not all(_serves(m, line) for m in live):
            return NeedState.RECEIVED, (Wait(WaitCode.MATERIAL_NOT_ENOUGH),)
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


def _serves(material: Material, line: ChecklistLine) -> bool:
    """Whether complete pieces are what the line asks for. A stained slide is no tissue to be tested."""
    if material.kind is line.pieces or line.pieces not in (MaterialKind.BLOCK, MaterialKind.UNSTAINED):
        return True
    if material.kind not in (MaterialKind.UNSTAINED, MaterialKind.SCROLL):
        return False
    return line.instead is None or material.received >= line.instead.unstained


def _wait_for_pieces(request: Request) -> Wait:
    not_permitted = request.state is RequestState.NOT_PERMITTED
    code = WaitCode.RELEASE_FORM if not_permitted else WaitCode.MATERIAL
    return Wait(code, request.institution, request.department)
