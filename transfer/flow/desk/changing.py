"""What an open case is for and from whom, changed by a person."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from transfer.actions import ActionCode, ActionResult
from transfer.case import Case, OpenedCase
from transfer.flow.appointments import follow_deciding
from transfer.flow.changing import CaseChange, change_case
from transfer.flow.desk.verbs import at_desk, begin_epoch, demand, not_allowed, opened_case, still_open
from transfer.flow.services import Services
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import CaseId, InstitutionId
from transfer.ledger import Tx, holds, notes
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right

#: the questions that are settled once a person has said so
_SETTLED = {
    "checklist": (HoldCode.DIAGNOSIS_UNKNOWN,),
    "appointment_at": (HoldCode.APPOINTMENT_CANCELLED, HoldCode.APPOINTMENT_ELSEWHERE),
}


def change(
    services: Services,
    case: CaseId,
    *,
    actor: Actor,
    receiver: InstitutionId | None = None,
    checklist: str | None = None,
    sources: Sequence[InstitutionId] = (),
    needed_by: date | None = None,
    appointment_at: datetime | None = None,
    note: str | None = None,
) -> ActionResult:
    """Change what is named: the center, the checklist, the day and the appointment; ask further sources.

    `appointment_at` is of the appointment that decides, or the first one (`set_appointment` has the others). It carries
    its offset; without one it is in the time zone of the receiver. Without `needed_by` it is
    needed by that day, or by the center's cut-off before it. It stands until the referral itself says something new of
    the same.

    Raises:
        Unknown: no such case, institution or checklist.
        NotAllowed: the case is closed, nothing is named, a source holds no records, or another center is named after a
            packet may have left.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        begin_epoch(tx, case)
        found, opened, patient = opened_case(tx, case)
        still_open(found)
        if receiver:
            demand(actor, Right.RELEASE)
            _may_go_elsewhere(found, receiver)
        values = _values(services, found, receiver, checklist, sources)
        values |= _times(services, receiver or InstitutionId(opened.receiver), needed_by, appointment_at)
        if not values:
            raise not_allowed(Reason(RefusalCode.NOTHING_TO_CHANGE), Remedy(RemedyCode.NAME_A_CHANGE))
        _settle(tx, case, values)
        values = {name: value for name, value in values.items() if value != getattr(opened, name)}
        if not values:
            return ActionResult(ActionCode.CASE_AS_BEFORE, case=case)
        written = notes.write(tx, patient, note) if note else None
        outlook = change_case(tx, services, case, CaseChange(said_in="desk", values=values, note=written))
        if "appointment_at" in values:
            follow_deciding(tx, services, case)
    return ActionResult(ActionCode.CASE_CHANGED, case=case, outlook=outlook)


def _may_go_elsewhere(found: Case, receiver: InstitutionId) -> None:
    """Raise `NotAllowed` where a packet may have left: what one center has is not another's."""
    if found.has_disclosed and receiver != OpenedCase.of(found).receiver:
        newest = next(key for key, sent in reversed(list(found.packets.items())) if sent.may_have_left)
        raise not_allowed(
            Reason(RefusalCode.PACKET_MAY_HAVE_LEFT, packet=newest),
            Remedy(RemedyCode.NEW_CASE_FOR_OTHER, case=found.id),
        )


def _values(
    services: Services,
    found: Case,
    receiver: InstitutionId | None,
    checklist: str | None,
    sources: Sequence[InstitutionId],
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if receiver:
        values["receiver"] = services.institutions[receiver].id
    if checklist:
        values["checklist"] = services.checklists[checklist].id
    for source in sources:
        if not any(department.gives for department in services.institutions[source].departments):
            raise not_allowed(
                Reason(RefusalCode.HAS_NO_RECORDS, institution=source), Remedy(RemedyCode.ADD_SOURCE, case=found.id)
            )
    if sources and found.opened:
        values["sources"] = tuple(sorted({*found.opened.sources, *sources}))
    return values


def _times(
    services: Services, receiver: InstitutionId, needed_by: date | None, appointment_at: datetime | None
) -> dict[str, Any]:
    values: dict[str, Any] = {"needed_by": needed_by.isoformat()} if needed_by else {}
    if appointment_at:
        zone = services.institutions[receiver].zone
        there = appointment_at if appointment_at.tzinfo else appointment_at.replace(tzinfo=zone)
        try:
            values["appointment_at"] = there.astimezone(UTC).isoformat()
            day = there.astimezone(zone).date()
            values.setdefault("needed_by", (services.center_needs(receiver).needed_by(day, day) or day).isoformat())
        except OverflowError:  # in the year 1 or 9999, by its offset
            raise not_allowed(Reason(RefusalCode.NO_SUCH_TIME), Remedy(RemedyCode.NAME_A_CHANGE)) from None
    return values


def _settle(tx: Tx, case: CaseId, values: dict[str, Any]) -> None:
    for name in values:
        for code in _SETTLED.get(name, ()):
            holds.withdraw(tx, case, code, SystemAnswer.ANSWERED)
