"""Why a case waits and on whom: judged with the case, kept in its row for lists, and said in one line.

What is kept is told anew where facts of the case, the patient's permissions or six hours have passed since.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from transfer.case import Case
from transfer.checklist import Checklists
from transfer.codes import Value
from transfer.completeness import LEFT_TO_PEOPLE, Completeness, Wait, WaitCode
from transfer.flow.pieces_to_ask import waits_of
from transfer.flow.stopping import live
from transfer.holds import APPROVALS, HoldCode
from transfer.identifiers import DepartmentId, InstitutionId, PatientId
from transfer.institutions import Institutions
from transfer.ledger import Tx, holds, permissions
from transfer.ledger.holds import Hold
from transfer.ledger.permissions import FiledPermission
from transfer.permissions import End, renewal_due
from transfer.permissions.notices import PermissionNotice
from transfer.requests import Owner
from transfer.sentences.patterns import filled
from transfer.sentences.waits import WHY
from transfer.waits import CaseWait, Why, WhyCode, first_to_act

#: what only a person here can settle
DECIDED_HERE: Final = LEFT_TO_PEOPLE | {
    WaitCode.UNDECIDED,
    WaitCode.THEIR_FORM,
    WaitCode.FEE,
    WaitCode.SENT_BEFORE,
    WaitCode.ELSEWHERE,
    WaitCode.REFUSAL,
    WaitCode.UNCLEAR,
    WaitCode.MATERIAL_TO_ASK,
}
#: it waits for the patient or the referring office, and no clock of a source runs
_STANDS_STILL: Final = (WaitCode.RELEASE_FORM, WaitCode.BETTER_AUTHORIZATION, WaitCode.OTHER_IDENTIFIER)
#: who acts on a wait; what is not named here is the source's
_OWNERS: Final[Mapping[WaitCode, Owner]] = MappingProxyType(
    {
        **dict.fromkeys(DECIDED_HERE, Owner.DESK),
        WaitCode.CALL_BACK: Owner.DESK,
        WaitCode.RELEASE_FORM: Owner.PATIENT,
        WaitCode.BETTER_AUTHORIZATION: Owner.PATIENT,
        WaitCode.OTHER_IDENTIFIER: Owner.REFERRING_OFFICE,
        WaitCode.TO_ASK: Owner.WE,
        WaitCode.NOT_OPENED: Owner.WE,
    }
)
_MOMENT: Final = timedelta(microseconds=1)


class JudgedCase(Protocol):
    """What must be known of a case that was judged (`transfer.flow.assess.Assessment`)."""

    @property
    def completeness(self) -> Completeness: ...
    @property
    def step(self) -> str: ...
    @property
    def lacking(self) -> tuple[str, ...]: ...


def tell(tx: Tx, institutions: Institutions, case: Case, judged: JudgedCase | None) -> None:
    """Keep in the case's row why it waits, as it stands now. The caller holds the case's lock."""
    tx.tell(case.id, case_wait(tx, institutions, case, judged))


def case_wait(tx: Tx, institutions: Institutions, case: Case, judged: JudgedCase | None) -> CaseWait:
    """Whose turn a case is and why, most urgent first. `judged` None: its referral is not understood yet."""
    asked = holds.open_holds(tx, case.id)
    lacking = judged.lacking if judged else ()
    if case.closed:
        void = [_decision(hold) for hold in asked if hold.code is HoldCode.DELIVERED_VOID]
        closed = Why(WhyCode.CLOSED, ending=case.closed.ending, other=case.closed.other or "")
        return CaseWait(owner=Owner.DESK if void else None, why=(*void, closed), lacking=lacking)
    questions = [_decision(hold) for hold in asked if hold.code not in APPROVALS]
    stopped, notices = _of_forms(tx, institutions, case)
    owners, reasons = [*([Owner.DESK] if questions else []), *stopped], [*stopped.values(), *questions, *notices]
    if judged is None:
        just_came = [] if reasons else [Why(WhyCode.JUST_CAME)]
        return CaseWait(owner=first_to_act([*owners, Owner.WE]), why=(*reasons, *just_came))
    found = waits_of(tx, institutions, case, judged.completeness, judged.lacking)
    more = _goes_on(case, judged.step, found, asked, is_stopped=bool(stopped), is_asked=bool(reasons))
    owner = first_to_act([*owners, *(owner for owner, _ in more if owner)])
    return CaseWait(owner=owner, why=(*reasons, *(why for _, why in more)), lacking=lacking)


def _goes_on(
    case: Case, step: str, found: Iterable[Wait], asked: Sequence[Hold], *, is_stopped: bool, is_asked: bool
) -> list[tuple[Owner | None, Why]]:
    """What it waits for beside the questions that people are asked in any case, each with its owner."""
    if underway := _under_way(case):
        return [underway]
    if not case.is_active:
        return [] if is_asked else [(Owner.REFERRING_OFFICE, Why(WhyCode.NOT_ACTIVE, status=case.referral_status))]
    if step in APPROVALS and is_stopped:  # nobody is to let go what may not go
        return []
    waits = _waits(found)
    if approvals := [_decision(hold) for hold in asked if hold.code == step and hold.code in APPROVALS]:
        # What is settled here, such as slides that are too few, no approval settles: it is told before that.
        ours = [one for one in waits if one[0] is Owner.DESK]
        return [*ours, *((Owner.DESK, why) for why in approvals)]
    return waits if waits or is_asked else [_at_rest(case)]


def _decision(hold: Hold) -> Why:
    return Why(WhyCode.DECISION, hold=hold.id, question=hold.code)


def _under_way(case: Case) -> tuple[Owner, Why] | None:
    newest = case.newest_packet
    if newest is None or not case.is_under_way:
        return None
    packet, receiver = newest.planned.packet, case.opened.receiver if case.opened else ""
    if newest.assembled is None:
        return Owner.WE, Why(WhyCode.PACKING, packet=packet)
    if newest.outcome != "made":
        return Owner.WE, Why(WhyCode.HANDING_OVER, packet=packet, receiver=receiver)
    return Owner.CENTER, Why(WhyCode.RECEIPT, packet=packet, receiver=receiver)


def _at_rest(case: Case) -> tuple[Owner | None, Why]:
    newest = case.newest_packet
    if newest and newest.receipt and newest.receipt.status == "accepted":
        receiver = case.opened.receiver if case.opened else ""
        return None, Why(WhyCode.DELIVERED, packet=newest.planned.packet, receiver=receiver)
    return Owner.WE, Why(WhyCode.LOOKED_AT_NEXT)


def _waits(waits: Iterable[Wait]) -> list[tuple[Owner | None, Why]]:
    """Each reason once, with everybody it concerns: what is decided here first, the glass, which is slow, last."""
    whom: dict[WaitCode, list[str]] = {}
    for wait in sorted(waits, key=_urgency):
        named = whom.setdefault(wait.code, [])
        if wait.institution and (one := _place(wait)) not in named:
            named.append(one)
    return [
        (_OWNERS.get(code, Owner.SOURCE), Why(WhyCode.WAIT, wait=code, whom=tuple(named)))
        for code, named in whom.items()
    ]


def _urgency(wait: Wait) -> int:
    if _OWNERS.get(wait.code) is Owner.DESK:
        return 0
    return {**dict.fromkeys(_STANDS_STILL, 1), WaitCode.MATERIAL: 3}.get(wait.code, 2)


def _place(wait: Wait) -> str:
    """Institution, department and by when (UTC), as they are kept."""
    until = wait.due_at.astimezone(UTC).isoformat() if wait.due_at else ""
    return f"{wait.institution} {wait.department or ''} {until}".rstrip()


# --- the patient's forms ----------------------------------------------------------------------------------------------


def _of_forms(tx: Tx, institutions: Institutions, case: Case) -> tuple[dict[Owner, Why], list[Why]]:
    """Whether the patient stopped it, with whose turn it is then; and whether a form expires soon."""
    if case.opened is None:
        return {}, []
    known = permissions.filed(tx, PatientId(case.opened.patient))
    standing = live(tx, institutions, known)
    is_due = _is_renewal_due(tx, institutions, standing)
    notices = [Why(WhyCode.NOTICE, notice=PermissionNotice.RENEWAL_DUE)] if is_due else []
    if any(one.permission.ended is None for one in standing):
        return {}, notices
    paused = [one for one in known if one.permission.ended is End.PAUSED]
    revoked = [one for one in known if one.permission.ended is End.REVOKED]
    last = max(paused or revoked, key=lambda one: one.ended_at or datetime.min.replace(tzinfo=UTC), default=None)
    if last is None or last.ended_at is None:
        return {}, notices
    how, owner = (End.PAUSED, Owner.DESK) if paused else (End.REVOKED, Owner.PATIENT)
    return {owner: Why(WhyCode.STOPPED, how=how, at=f"{last.ended_at.astimezone(UTC):%Y-%m-%d}")}, notices


def _is_renewal_due(tx: Tx, institutions: Institutions, standing: Sequence[FiledPermission]) -> bool:
    """A form in force expires within 14 days, and no other takes over from it."""
    now = tx.now()
    ending = [one for one in standing if any(renewal_due(one.permission, z, now) for z in zones(institutions, one))]
    others = [one.permission.form.disclosers for one in standing if one not in ending]
    return any(not any(one.permission.form.disclosers <= other for other in others) for one in ending)


def zones(institutions: Institutions, filed: FiledPermission) -> list[ZoneInfo]:
    """The zones of those who may disclose under a form, in which its days end."""
    return [institutions[one].zone for one in sorted(filed.permission.form.disclosers) if one in institutions]


# --- in words ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyLine:
    """A reason in words. `hold`: the question that it is, if it is one."""

    says: str
    hold: str | None = None


def reasons(why: Iterable[Why], institutions: Institutions) -> tuple[WhyLine, ...]:
    """Each reason as a sentence for staff. Nothing of the patient."""
    return tuple(
        WhyLine(
            says=filled(WHY[one.code], _named(one, institutions)),
            hold=str(one.fields["hold"]) if one.code is WhyCode.DECISION else None,
        )
        for one in why
    )


def in_words(why: Iterable[Why], institutions: Institutions) -> str:
    """One line for staff."""
    return " ".join(
        one.says.replace(_DECISION, f"{_DECISION} ({one.hold})", 1) if one.hold else one.says
        for one in reasons(why, institutions)
    )


_DECISION: Final = "Needs a decision"


def _named(why: Why, institutions: Institutions) -> Mapping[str, Value]:
    fields = dict(why.fields)
    if isinstance(whom := fields.get("whom"), tuple):
        fields["whom"] = tuple(_whom(one, institutions) for one in whom)
    if "receiver" in fields:
        fields["receiver"] = name_of(institutions, str(fields["receiver"]))
    return fields


def _whom(place: str, institutions: Institutions) -> str:
    institution, department, until = (*place.split(" "), "", "")[:3]
    name = name_of(institutions, institution)
    if not department or institution not in institutions:
        return name
    source = institutions[InstitutionId(institution)]
    # The last moment of a day is a day of the source's, and not the next one of ours.
    due_at = datetime.fromisoformat(until) - _MOMENT if until else None
    by = f", by {due_at.astimezone(source.zone):%Y-%m-%d}" if due_at else ""
    return f"{name}, {source.department(DepartmentId(department)).name}{by}"


def labels_of(checklists: Checklists, checklist: str | None, keys: Sequence[str]) -> tuple[str, ...]:
    """Lines of a checklist as people call them; by their keys where its file is gone."""
    lines = checklists[checklist].lines if checklist and checklist in checklists else ()
    labels = {line.key: line.label for line in lines}
    return tuple(labels.get(key, key) for key in keys)


def name_of(institutions: Institutions, institution: str) -> str:
    """What people call it; its id where its file is gone."""
    return institutions[InstitutionId(institution)].name if institution in institutions else institution
