"""What people were asked and what they answered: how soon, and where two had to say the same."""

from typing import Final

from transfer.errors import Unknown
from transfer.flow import desk
from transfer.pages.desk.periods import file_of, format_of, page_of, period_of, query_of
from transfer.pages.desk.words import words
from transfer.pages.forms import Problems
from transfer.pages.routes import Answer, Asked, File, Page
from transfer.rights import Right
from transfer.sentences.trade import in_trade


def _show(asked: Asked) -> Answer:
    problems = Problems()
    period = period_of(asked, problems)
    found, pages = page_of(asked, desk.list_decisions(asked.services, period, actor=asked.actor))
    return Answer(
        template="audit_decisions.html",
        title="Decisions",
        context={
            "found": found,
            "pages": pages,
            "period": period,
            "query": query_of(asked, period),
            "zone": asked.services.zone,
            "words": words,
            "say": in_trade,
            "problems": problems,
        },
        status=422 if problems else 200,
    )


def _file(asked: Asked) -> File:
    problems = Problems()
    period = period_of(asked, problems)
    if problems:
        raise Unknown("there is no such list")
    return file_of(desk.decisions_file(asked.services, period, format_of(asked), actor=asked.actor))


DECLARED: Final = (
    Page(path="/audit/decisions", right=Right.AUDIT, show=_show),
    Page(path="/audit/decisions/file/{form}", right=Right.AUDIT, show=_file),
)
