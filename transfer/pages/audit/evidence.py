"""What shows that logs are examined and whole: reviews, walks of all chains, and files that were taken along."""

from typing import Final

from transfer.flow import desk
from transfer.pages.desk.periods import chosen_day, chosen_period
from transfer.pages.desk.words import words
from transfer.pages.forms import Problems
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.reports import REVIEWED, ReportKind, ReviewFinding
from transfer.rights import Right

#: what came of it, in words
_FINDINGS: Final = (
    (ReviewFinding.NOTHING, "Nothing was found"),
    (ReviewFinding.CORRECTED, "Something was found, and is corrected"),
    (ReviewFinding.REPORTED, "Something was found, and is reported to the privacy office"),
)
#: lines of each list on the page
_SHOWN: Final = 50


def _show(asked: Asked, problems: Problems | None = None) -> Answer:
    found = desk.evidence(asked.services, actor=asked.actor)
    return Answer(
        template="audit_evidence.html",
        title="Reviews and integrity",
        context={
            "found": found,
            "shown": _SHOWN,
            "reports": [(one, words(one)) for one in REVIEWED],
            "findings": _FINDINGS,
            "said": dict(_FINDINGS),
            "zone": asked.services.zone,
            "words": words,
            "fields": asked.fields,
            "problems": problems or Problems(),
        },
        status=422 if problems else 200,
    )


def _review(asked: Asked) -> Answer | Next:
    fields, problems = asked.fields, Problems()
    report = fields.one_of("report", list(REVIEWED), problems, needed="Choose what you have reviewed")
    finding = fields.one_of("finding", list(ReviewFinding), problems, needed="Choose what came of it")
    first, last = (chosen_day(fields, name, problems) for name in ("first", "last"))
    period = chosen_period(first, last, problems)
    if problems or period is None:
        return _show(asked, problems)
    desk.review_period(asked.services, period, ReportKind(report), ReviewFinding(finding), actor=asked.actor)
    return Next("/audit/evidence")


DECLARED: Final = (
    Page(path="/audit/evidence", right=Right.AUDIT, show=_show),
    Act(path="/audit/evidence", right=Right.AUDIT, do=_review),
)
