"""What came, or was sent, is filed in our own chart: said once for each record and each packet."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.facts import Chain, LedgerLine
from transfer.flow.desk.verbs import at_desk, known_case, unknown
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import Tx, sessions
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledView:
    """Who filed it and when (UTC)."""

    at: datetime
    by: str | None
    #: as they were called when they signed in last; None: on the command line
    name: str | None


def file_in_chart(services: Services, case: CaseId, about: str, *, actor: Actor) -> ActionResult:
    """Say that a record of the case, or a packet, was filed in our own chart. It may be said in any state of the case.

    Raises:
        Unknown: no such case, or it has no such record or packet.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        tx.lock_case(case)
        found = known_case(tx, case)
        if about not in found.records and about not in found.packets:
            raise unknown(Reason(RefusalCode.NOTHING_TO_FILE, case=case), Remedy(RemedyCode.SHOW_CASE, case=case))
        if about in filed(tx, tx.lines(Chain.case(case))):
            return ActionResult(ActionCode.FILED_IN_CHART_BEFORE, about=about)
        tx.append(Chain.case(case), facts.FiledInChart(about=about))
    return ActionResult(ActionCode.FILED_IN_CHART, about=about)


def filed(tx: Tx, lines: Iterable[LedgerLine]) -> dict[str, FiledView]:
    """What was filed, by record and packet."""
    found = [(line, line.fact) for line in lines if isinstance(line.fact, facts.FiledInChart)]
    names = sessions.names(tx, {line.by.person for line, _ in found if line.by.person})
    return {
        fact.about: FiledView(at=line.at, by=line.by.person, name=names.get(line.by.person or ""))
        for line, fact in found
    }
