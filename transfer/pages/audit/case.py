"""Everything that was written about one case or by one run, and whether it is what was written."""

from typing import Final

from transfer.flow import desk
from transfer.flow.desk import ChosenDisclosures
from transfer.identifiers import CaseId
from transfer.pages.desk.periods import file_of
from transfer.pages.desk.words import words
from transfer.pages.routes import Answer, Asked, File, Page
from transfer.periods import Period
from transfer.rights import Right
from transfer.sentences.trade import in_trade

#: days back in which a case's disclosures and looks are listed: six years
_DAYS: Final = 6 * 365


def _show(asked: Asked) -> Answer:
    case, services, actor = asked.id(CaseId, "case"), asked.services, asked.actor
    found = desk.trace_case(services, case, actor=actor)
    period = desk.latest_days(services, _DAYS, actor=actor)
    chosen = ChosenDisclosures(case=case)
    disclosed = desk.list_disclosures(services, period, actor=actor, chosen=chosen)
    since = found.lines[0].at.astimezone(services.zone).date() if found.lines else period.last
    asked_of = [
        one for one in desk.list_decisions(services, Period(since, period.last), actor=actor) if one.subject == case
    ]
    return Answer(
        template="audit_case.html",
        title=f"Audit of request {case}",
        context={
            "found": found,
            "disclosures": [one for one in disclosed if one.case == case],
            "decisions": asked_of,
            "views_seen": desk.list_looks(services, actor=actor, days=_DAYS, case=case),
            "names": desk.name_patients(services, [case], actor=actor),
            "zone": services.zone,
            "words": words,
            "say": in_trade,
        },
    )


def _show_run(asked: Asked) -> Answer:
    run = asked.path["run"]
    lines = desk.trace_run(asked.services, run, actor=asked.actor)
    cases = sorted({one.chain.removeprefix("case:") for one in lines if one.chain.startswith("case:")})
    context = {"lines": lines, "cases": cases, "zone": asked.services.zone, "say": in_trade}
    return Answer(template="audit_run.html", title=f"Run {run}", context=context)


def _chain(asked: Asked) -> File:
    return file_of(desk.chain_file(asked.services, asked.id(CaseId, "case"), actor=asked.actor))


DECLARED: Final = (
    Page(path="/audit/cases/{case}", right=Right.AUDIT, show=_show),
    Page(path="/audit/cases/{case}/chain", right=Right.AUDIT, show=_chain),
    Page(path="/audit/runs/{run}", right=Right.AUDIT, show=_show_run),
)
