"""What left, to whom, on which basis: by day, receiver, basis and patient, and as a file."""

from typing import Final

from transfer.disclosures import DisclosureOutcome
from transfer.errors import Unknown
from transfer.flow import desk
from transfer.flow.desk import ChosenDisclosures
from transfer.identifiers import CaseId
from transfer.institutions import Basis
from transfer.pages.desk.periods import file_of, format_of, page_of, period_of, query_of
from transfer.pages.desk.words import words
from transfer.pages.forms import Problems
from transfer.pages.routes import Answer, Asked, File, Page
from transfer.rights import Right

#: each outcome's color
_TONES: Final = {
    DisclosureOutcome.BEGUN: "wait",
    DisclosureOutcome.MADE: "good",
    DisclosureOutcome.NOT_MADE: "",
    DisclosureOutcome.UNKNOWN: "alarm",
}
_NAMES: Final = ("receiver", "basis", "outcome", "accounted", "case")


def chosen_of(asked: Asked) -> ChosenDisclosures:
    """Which disclosures the query names.

    Raises:
        Unknown: it names what there is not.
    """
    query = asked.query
    try:
        return ChosenDisclosures(
            receiver=query.get("receiver") or None,
            basis=Basis(query["basis"]) if query.get("basis") else None,
            outcome=DisclosureOutcome(query["outcome"]) if query.get("outcome") else None,
            is_accountable=query["accounted"] == "yes" if query.get("accounted") else None,
            case=CaseId(query["case"]) if query.get("case") else None,
        )
    except ValueError:
        raise Unknown("there is no such list") from None


def _show(asked: Asked) -> Answer:
    problems = Problems()
    period, chosen = period_of(asked, problems), chosen_of(asked)
    found = desk.list_disclosures(asked.services, period, actor=asked.actor, chosen=chosen)
    here, pages = page_of(asked, found)
    named = desk.name_patients(asked.services, [one.case for one in here], actor=asked.actor)
    return Answer(
        template="disclosures.html",
        title="Disclosures",
        context={
            "found": here,
            "named": named,
            "pages": pages,
            "period": period,
            "query": query_of(asked, period, *_NAMES),
            "chosen": chosen,
            "accounted": asked.query.get("accounted", ""),
            "receivers": sorted((one.id, one.name) for one in asked.services.institutions.values() if one.receives),
            "bases": [(one, words(one)) for one in Basis],
            "outcomes": [(one, words(one)) for one in DisclosureOutcome],
            "tones": _TONES,
            "zone": asked.services.zone,
            "words": words,
            "problems": problems,
        },
        status=422 if problems else 200,
    )


def _file(asked: Asked) -> File:
    problems = Problems()
    period = period_of(asked, problems)
    if problems:
        raise Unknown("there is no such list")
    made = desk.disclosures_file(asked.services, period, format_of(asked), actor=asked.actor, chosen=chosen_of(asked))
    return file_of(made)


DECLARED: Final = (
    Page(path="/desk/disclosures", right=Right.AUDIT, show=_show, nav="Disclosures"),
    Page(path="/desk/disclosures/file/{form}", right=Right.AUDIT, show=_file),
)
