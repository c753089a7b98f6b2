"""Who looked at whom: at the patient of a case, or by one of the staff."""

from typing import Final

from transfer.errors import Unknown
from transfer.flow import desk
from transfer.identifiers import CaseId
from transfer.pages.desk.periods import file_of, format_of, page_of, period_of, query_of
from transfer.pages.desk.words import words
from transfer.pages.forms import Problems
from transfer.pages.routes import Answer, Asked, File, Page
from transfer.rights import Right, is_account


def _sought(asked: Asked) -> tuple[CaseId | None, str | None]:
    """Whose patient or which person the query names.

    Raises:
        Unknown: it has not the form of one.
    """
    case, person = asked.query.get("case", "").strip(), asked.query.get("person", "").strip()
    try:
        sought = CaseId(case) if case else None
    except ValueError:
        raise Unknown("there is no such request") from None
    if person and not is_account(person):
        raise Unknown("there is no such account")
    return sought, person or None


def _show(asked: Asked) -> Answer:
    problems = Problems()
    period, (case, person) = period_of(asked, problems), _sought(asked)
    seen = desk.list_views(asked.services, period, actor=asked.actor, case=case, person=person)
    found, pages = page_of(asked, seen)
    return Answer(
        template="audit_views.html",
        title="Views",
        context={
            "found": found,
            "pages": pages,
            "period": period,
            "query": query_of(asked, period, "case", "person"),
            "case": case or "",
            "person": person or "",
            "zone": asked.services.zone,
            "words": words,
            "problems": problems,
        },
        status=422 if problems else 200,
    )


def _file(asked: Asked) -> File:
    problems = Problems()
    period, (case, person) = period_of(asked, problems), _sought(asked)
    if problems:
        raise Unknown("there is no such list")
    made = desk.views_file(asked.services, period, format_of(asked), actor=asked.actor, case=case, person=person)
    return file_of(made)


DECLARED: Final = (
    Page(path="/audit/views", right=Right.AUDIT, show=_show),
    Page(path="/audit/views/file/{form}", right=Right.AUDIT, show=_file),
)
