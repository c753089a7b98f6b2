"""The figures of a period, and what in it is out of the ordinary."""

from typing import Final

from transfer.errors import Unknown
from transfer.flow import desk
from transfer.pages.desk.periods import file_of, format_of, period_of, query_of
from transfer.pages.forms import Problems
from transfer.pages.routes import Answer, Asked, File, Page
from transfer.rights import Right


def _show(asked: Asked) -> Answer:
    problems = Problems()
    period = period_of(asked, problems)
    context = {
        "found": desk.count_figures(asked.services, period, actor=asked.actor),
        "period": period,
        "pages": {"pages": 1},
        "query": query_of(asked, period),
        "problems": problems,
    }
    return Answer(template="audit_report.html", title="Report", context=context, status=422 if problems else 200)


def _file(asked: Asked) -> File:
    problems = Problems()
    period = period_of(asked, problems)
    if problems:
        raise Unknown("there is no such list")
    return file_of(desk.figures_file(asked.services, period, format_of(asked), actor=asked.actor))


DECLARED: Final = (
    Page(path="/audit/report", right=Right.AUDIT, show=_show),
    Page(path="/audit/report/file/{form}", right=Right.AUDIT, show=_file),
)
