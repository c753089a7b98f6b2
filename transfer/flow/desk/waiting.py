"""Why a case waits and on whom, in one line."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from transfer.case import Case
from transfer.completeness import LEFT_TO_PEOPLE, Wait, WaitCode
from transfer.flow.assess import Assessment, NextStep
from transfer.holds import APPROVALS, HoldCode
from transfer.identifiers import InstitutionId
from transfer.institutions import Institutions
from transfer.ledger.holds import Hold
from transfer.permissions.notices import PermissionNotice
from transfer.sentences import SENTENCES

#: what only a person here can settle
DECIDED_HERE = LEFT_TO_PEOPLE | {
    WaitCode.UNDECIDED,
    WaitCode.THEIR_FORM,
    WaitCode.FEE,
    WaitCode.SENT_BEFORE,
    WaitCode.ELSEWHERE,
    WaitCode.REFUSAL,
    WaitCode.UNCLEAR,
}


def why(
    case: Case,
    assessed: Assessment | None,
    holds: Sequence[Hold],
    institutions: Institutions,
    notices: Sequence[PermissionNotice] = (),
) -> str:
    """One line for staff: what needs a decision here first, then what is awaited from whom. Nothing of the patient."""
    if case.closed:
        void = [_decision(hold) for hold in holds if hold.code is HoldCode.DELIVERED_VOID]
        other = f" ({case.closed.other} goes on)" if case.closed.other else ""
        return _line([*void, f"Closed: {case.closed.ending.replace('-', ' ')}{other}."])
    asked = [_decision(hold) for hold in holds if hold.code not in APPROVALS]
    asked += [SENTENCES[notice].staff for notice in notices]
    if assessed is None:
        return _line(asked or ["Just came in; it is being opened."])
    if underway := _under_way(case, institutions):
        return _line([*asked, underway])
    if not case.is_active:
        return _line(asked or [f"Waits for whoever referred: the referral is {case.referral_status}."])
    if assessed.step in (NextStep.ASK_APPROVAL, NextStep.ASK_PARTIAL, NextStep.ASK_DELTA):
        approvals = [_decision(hold) for hold in holds if hold.code is HoldCode(assessed.step)]
        return _line([*asked, *(approvals or [SENTENCES[assessed.step].staff])])
    waits = _waits(assessed.completeness.waits, institutions)
    return _line([*asked, *waits] or [_at_rest(case, institutions)])


def _line(parts: Iterable[str]) -> str:
    return " ".join(parts)


def _decision(hold: Hold) -> str:
    return f"Needs a decision ({hold.id}): {SENTENCES[hold.code].staff}"


def _under_way(case: Case, institutions: Institutions) -> str | None:
    newest = case.newest_packet
    if newest is None or not case.is_under_way:
        return None
    packet = newest.planned.packet
    if newest.assembled is None:
        return f"Waits for us: packet {packet} is being put together."
    receiver = _name(institutions, case.opened.receiver if case.opened else "")
    if newest.outcome != "made":
        return f"Waits for us: packet {packet} is being handed to {receiver}."
    return f"Waits for {receiver}: its receipt for packet {packet}."


def _at_rest(case: Case, institutions: Institutions) -> str:
    newest = case.newest_packet
    if newest and newest.receipt and newest.receipt.status == "accepted":
        receiver = _name(institutions, case.opened.receiver if case.opened else "")
        return f"Delivered: {receiver} accepted packet {newest.planned.packet}."
    return "Waits for us: it is looked at next, by itself."


def _waits(waits: Iterable[Wait], institutions: Institutions) -> list[str]:
    """Each reason once, with everybody it concerns: what is decided here first, the glass, which is slow, last."""
    whom: dict[str, list[str]] = {}
    for wait in sorted(waits, key=_urgency):
        named = whom.setdefault(SENTENCES[wait.code].staff, [])
        if wait.institution and (one := _whom(wait, institutions)) not in named:
            named.append(one)
    return [f"{said.rstrip('.')} ({'; '.join(named)})." if named else said for said, named in whom.items()]


def _urgency(wait: Wait) -> int:
    if wait.code in DECIDED_HERE:
        return 0
    return {**dict.fromkeys(_STANDS_STILL, 1), WaitCode.MATERIAL: 3}.get(wait.code, 2)


#: it waits for the patient or the referring office, and no clock of a source runs
_STANDS_STILL = (WaitCode.RELEASE_FORM, WaitCode.BETTER_AUTHORIZATION, WaitCode.OTHER_IDENTIFIER)


def _whom(wait: Wait, institutions: Institutions) -> str:
    assert wait.institution is not None  # the caller looked
    name = _name(institutions, wait.institution)
    if wait.department is None or wait.institution not in institutions:
        return name
    source = institutions[wait.institution]
    # The last moment of a day is a day of the source's, and not the next one of ours.
    until = f", by {(wait.due_at - _MOMENT).astimezone(source.zone):%Y-%m-%d}" if wait.due_at else ""
    return f"{name}, {source.department(wait.department).name}{until}"


_MOMENT = timedelta(microseconds=1)


def _name(institutions: Institutions, institution: InstitutionId | str) -> str:
    return institutions[institution].name if institution in institutions else str(institution)
