"""What one case needs beyond its checklist, added and taken back by a person."""

from collections.abc import Sequence

from transfer.actions import ActionCode, ActionResult
from transfer.completeness import LEAVES_BEHIND
from transfer.flow import needs
from transfer.flow.assess import look
from transfer.flow.desk.verbs import at_desk, not_allowed, opened_case, still_open
from transfer.flow.needs import NewNeed
from transfer.flow.services import Services
from transfer.identifiers import CaseId, InstitutionId
from transfer.ledger import Tx
from transfer.partial_dates import PartialDate
from transfer.procedures import ProcedureKind
from transfer.records import RecordKind
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right


def add_need(
    services: Services,
    case: CaseId,
    kind: RecordKind,
    institution: InstitutionId,
    *,
    actor: Actor,
    day: PartialDate | None = None,
    words: str | None = None,
) -> ActionResult:
    """Have this case need a record, or glass, of this kind from there: a line of its own, which is asked for.

    `day` is that of what it is about, where it is done; `words` are kept sealed. The same again is added once. Packets
    name the kind alone.

    Raises:
        Unknown: no such case or institution.
        NotAllowed: the case is closed, or nobody there holds such a thing.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        return _add(tx, services, case, [NewNeed(kind=kind, institution=institution, day=day, words=words)])


def add_procedure(
    services: Services,
    case: CaseId,
    procedure: ProcedureKind,
    institution: InstitutionId,
    *,
    actor: Actor,
    day: PartialDate | None = None,
    words: str | None = None,
) -> ActionResult:
    """List what was done to the patient, where and when: each record that it leaves behind is a line of its own.

    Of those that nobody there holds, none is added. The same again is added once.

    Raises as `add_need`.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        left = LEAVES_BEHIND[procedure]
        kinds = [kind for kind in left if _is_held(services, institution, kind)] or left[:1]
        new = [NewNeed(kind=kind, institution=institution, procedure=procedure, day=day, words=words) for kind in kinds]
        return _add(tx, services, case, new)


def _is_held(services: Services, institution: InstitutionId, kind: RecordKind) -> bool:
    return any(kind in department.holds for department in services.institutions[institution].departments)


def _add(tx: Tx, services: Services, case: CaseId, new: Sequence[NewNeed]) -> ActionResult:
    found, _, _ = opened_case(tx, case)
    still_open(found)
    for one in new:
        if not _is_held(services, one.institution, one.kind):
            raise not_allowed(
                Reason(RefusalCode.HOLDS_NO_KIND, institution=one.institution, kind=one.kind),
                Remedy(RemedyCode.SHOW_CASE, case=case),
            )
    lines = needs.add(tx, services, case, new)
    if tx.case(case).added == found.added:
        return ActionResult(ActionCode.NEEDS_ADDED_BEFORE, lines=lines)
    return ActionResult(ActionCode.NEEDS_ADDED, lines=lines, outlook=look(tx, services, case).sentence)


def drop_need(services: Services, case: CaseId, line: str, *, actor: Actor) -> ActionResult:
    """Take back what was added: nobody is asked for it any more. What came for it stays with the case.

    Raises:
        Unknown: no such case.
        NotAllowed: the case is closed, or its checklist has the line: that is waived instead.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        found, _, _ = opened_case(tx, case)
        still_open(found)
        if line not in found.added:
            raise not_allowed(
                Reason(RefusalCode.NOT_ADDED, case=case, line=line), Remedy(RemedyCode.SHOW_CASE, case=case)
            )
        if found.added[line].is_dropped:
            return ActionResult(ActionCode.NEED_DROPPED_BEFORE, line=line)
        outlook = needs.drop(tx, services, case, line)
    return ActionResult(ActionCode.NEED_DROPPED, line=line, outlook=outlook)
