"""Facilities: who answers, how long it takes, and what each owes as one list for one call."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from transfer.contacts import as_said
from transfer.flow import desk
from transfer.identifiers import CaseId, InstitutionId
from transfer.pages.desk.case import HOW
from transfer.pages.desk.periods import number_of
from transfer.pages.desk.words import words
from transfer.pages.routes import Answer, Asked, Page
from transfer.rights import Right


def _show(asked: Asked) -> Answer:
    found = desk.list_scorecards(asked.services, actor=asked.actor)
    cut = [
        (asked.services.institutions[one.institution].name, one)
        for one in desk.list_frames_not_taken(asked.services, actor=asked.actor)
        if one.institution in asked.services.institutions
    ]
    context = {"found": found, "not_taken": cut, "zone": asked.services.zone, "how": HOW}
    return Answer(template="sources.html", title="Who answers, and how long it takes", context=context)


def _show_one(asked: Asked) -> Answer:
    facility = asked.id(InstitutionId, "facility")
    found = desk.list_owed(asked.services, facility, actor=asked.actor, number=number_of(asked))
    owed = found.asks
    named: Mapping[CaseId, str] = {}
    if asked.actor.may(Right.SEE_IDENTITY):
        named = desk.name_patients(asked.services, [one.case for one in owed], actor=asked.actor)
    known = asked.services.institutions[facility]
    return Answer(
        template="source.html",
        title=f"Call list: {known.name}",
        context={
            "owed": owed,
            "pages": found,
            "query": "",
            "now": datetime.now(UTC),
            "named": named,
            "facility": known,
            "zone": asked.services.zone,
            "words": words,
            "as_said": as_said,
            "may_work": asked.actor.may(Right.WORK_ON_CASES),
        },
    )


DECLARED: Final = (
    Page(path="/desk/sources", right=Right.SEE_CASES, show=_show, nav="Who answers"),
    Page(path="/desk/sources/{facility}", right=Right.SEE_CASES, show=_show_one),
)
