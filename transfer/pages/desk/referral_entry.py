"""A new referral from a fax or the telephone: find first, fill in, check, open."""

from datetime import datetime
from typing import Final

from transfer.arrivals import Grant, Priority
from transfer.errors import NotAllowed, Unknown
from transfer.flow import desk
from transfer.flow.desk import EnteredReferral, PagesOf, PaperView
from transfer.identifiers import IncomingId, InstitutionId
from transfer.pages.desk.facilities import entered, new_form
from transfer.pages.desk.words import Choices, by_name, words
from transfer.pages.forms import Fields, Problems
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.rights import Right

_HERE: Final = "/desk/new"
_SEXES: Final = (("female", "Female"), ("male", "Male"), ("other", "Other"), ("unknown", "Not said"))
#: what a new facility is in a referral
_OFFICE: Final = "refers"
_ROLES: Final = ((_OFFICE, "It refers the patient"), ("holds", "It holds records"))
#: of a disease that no list is for yet
_UNKNOWN: Final = "unknown"
_DATES: Final = tuple(
    f"{name}-{part}" for name in ("born", "appointment", "needed") for part in ("month", "day", "year")
)
#: what is sent on from the page that asks whether all of it is right
NAMES: Final = (
    *("referring", "referrer", "reference", "family", "given", "sex", "number", "checklist", "diagnosis", "question"),
    *("receiver", "at", "sources", "priority", "paper", "pages"),
    *_DATES,
)


def show(asked: Asked) -> Answer:
    if asked.fields.chosen("role"):
        return _facility_form(asked, Problems())
    if asked.fields.sent:
        return _form(asked, asked.fields, Problems())
    begun = Fields({"paper": [asked.query.get("paper", "")], "priority": [Priority.ROUTINE], "sex": ["unknown"]})
    return _form(asked, begun, Problems())


def _form(asked: Asked, fields: Fields, problems: Problems) -> Answer:
    return Answer(
        template="referral.html",
        title="New referral",
        context={**_choices(asked), "fields": fields, "problems": problems, "paper": _paper(asked, fields)},
        status=422 if problems else 200,
    )


def _paper(asked: Asked, fields: Fields) -> PaperView | None:
    """The paper that the referral is read from, for whoever has it: its pages stand beside the form."""
    name = fields.raw("paper")
    if not IncomingId.pattern.fullmatch(name) or not asked.actor.may(Right.SEE_CONTENT):
        return None
    try:
        return desk.look_at_paper(asked.services, IncomingId(name), actor=asked.actor)
    except (NotAllowed, Unknown):
        return None


def _choices(asked: Asked) -> dict[str, Choices]:
    known = asked.services.institutions
    lists = [(key, one.title) for key, one in asked.services.checklists.items() if one.codes]
    return {
        "offices": by_name(asked.services, [key for key in known if Grant.REFERRALS in known[key].grants]),
        "centers": by_name(asked.services, [key for key in known if known[key].receives]),
        "facilities": by_name(asked.services, [key for key in known if known[key].departments]),
        "lists": [*sorted(lists, key=lambda one: one[1]), (_UNKNOWN, "Not known yet")],
        "sexes": list(_SEXES),
        "priorities": [(one.value, words(one)) for one in Priority],
    }


def add_facility(asked: Asked) -> Answer:
    """An office or facility that no list has: what was typed stays in the form, and is there again afterwards."""
    problems = Problems()
    if not asked.fields.chosen("role"):
        return _facility_form(asked, problems)
    new = entered(asked, problems)
    if new is None:
        return _facility_form(asked, problems)
    sent = {name: list(asked.fields.chosen(name)) for name in NAMES}
    if asked.fields.raw("role") == _OFFICE:
        sent["referring"] = [new.id]
    else:
        sent["sources"] = [*sent["sources"], new.id]
    return _form(asked, Fields(sent), Problems())


def _facility_form(asked: Asked, problems: Problems) -> Answer:
    return new_form(asked, problems, action=f"{_HERE}/facility", kept=NAMES, roles=_ROLES)


def check(asked: Asked) -> Answer:
    """What was filled in, to be looked at once more. Nothing is done."""
    problems = Problems()
    _read(asked, problems)
    if problems:
        return _form(asked, asked.fields, problems)
    return Answer(
        template="referral_check.html",
        title="Check the referral",
        context={"fields": asked.fields, "rows": _rows(asked), "names": NAMES},
    )


def open_it(asked: Asked) -> Answer | Next:
    problems = Problems()
    read = _read(asked, problems)
    if read is None or asked.fields.chosen("back"):
        return _form(asked, asked.fields, problems)
    said, came_on = read
    did = desk.enter_referral(asked.services, said, actor=asked.actor, came_on=came_on)
    paper = _paper(asked, asked.fields)
    # What else came with it is mostly of the same patient.
    of_paper = f"/desk/incoming/{paper.incoming}" if paper and paper.left else None
    return Next(f"{of_paper or '/desk'}/cases/{did.fields['case']}")


def _rows(asked: Asked) -> list[tuple[str, str]]:
    """Each answer as a label and words; what is empty is left out."""
    fields, choices = asked.fields, _choices(asked)
    named = {key: dict(pairs) for key, pairs in choices.items()}

    def date_of(name: str) -> str:
        day = fields.day(name, Problems())
        return f"{day:%a} {day.day} {day:%b %Y}" if day else ""

    rows = [
        ("Referring office", named["offices"].get(fields.raw("referring"), "")),
        ("Who refers", fields.raw("referrer")),
        ("Their number", fields.raw("reference")),
        ("Patient", f"{fields.raw('family')}, {fields.raw('given')}"),
        ("Born", date_of("born")),
        ("Sex", named["sexes"].get(fields.raw("sex"), "")),
        ("Medical record number there", fields.raw("number")),
        ("Diagnosis", fields.raw("diagnosis")),
        ("List", named["lists"].get(fields.raw("checklist"), "")),
        ("Question", fields.raw("question")),
        ("Receiving center", named["centers"].get(fields.raw("receiver"), "")),
        ("Appointment there", f"{date_of('appointment')} {fields.raw('at')}".strip()),
        ("Records needed by", date_of("needed")),
        ("Facilities", "; ".join(named["facilities"].get(one, "") for one in fields.chosen("sources"))),
        ("Priority", named["priorities"].get(fields.raw("priority"), "")),
        ("Pages", f"{fields.raw('pages')} of paper {fields.raw('paper')}" if fields.raw("paper") else ""),
    ]
    return [(label, said) for label, said in rows if said]


def _read(asked: Asked, problems: Problems) -> tuple[EnteredReferral, PagesOf | None] | None:
    """None: something is wrong, and stands in `problems`."""
    fields, choices = asked.fields, _choices(asked)
    referring = fields.one_of("referring", dict(choices["offices"]), problems, needed="Choose the office that refers")
    receiver = fields.one_of("receiver", dict(choices["centers"]), problems, needed="Choose the receiving center")
    checklist = fields.one_of("checklist", dict(choices["lists"]), problems, needed="Choose the list, or not known yet")
    family = fields.line("family", problems, needed="Write the family name")
    given = fields.line("given", problems, needed="Write the given names")
    born = fields.day("born", problems, needed="Write the birth date", latest=asked.today)
    diagnosis = fields.line("diagnosis", problems, needed="Write the diagnosis as the referral says it")
    sex = fields.one_of("sex", dict(_SEXES), problems, needed="Choose what the referral says")
    priority = fields.one_of("priority", [*Priority], problems, needed="Choose how soon")
    sources = [one for one in fields.chosen("sources") if one in dict(choices["facilities"])]
    appointment = _appointment(asked, problems)
    came_on = _came_on(fields, problems)
    optional = {name: fields.line(name, problems) or None for name in ("number", "reference", "referrer")}
    question, needed_by = fields.note("question", problems) or None, fields.day("needed", problems)
    if problems or born is None:
        return None
    said = EnteredReferral(
        referring=InstitutionId(referring),
        receiver=InstitutionId(receiver),
        family=family,
        given=tuple(given.split()),
        birth_date=born,
        diagnosis=diagnosis,
        sex=None if sex == "unknown" else sex,
        checklist=None if checklist == _UNKNOWN else checklist,
        question=question,
        sources=tuple(map(InstitutionId, sources)),
        needed_by=needed_by,
        appointment_at=appointment,
        priority=Priority(priority),
        **optional,
    )
    return said, came_on


def _appointment(asked: Asked, problems: Problems) -> datetime | None:
    fields = asked.fields
    day = fields.day("appointment", problems, earliest=asked.yesterday)
    if day is None:
        if fields.line("at", problems):
            problems.add("appointment", "Write the day of the appointment")
        return None
    at = fields.time_of_day("at", problems)
    return datetime.combine(day, at) if at else None


def _came_on(fields: Fields, problems: Problems) -> PagesOf | None:
    paper, pages = fields.line("paper", problems), fields.line("pages", problems)
    if not paper:
        return None
    if not IncomingId.pattern.fullmatch(paper):
        problems.add("pages", "There is no such paper in Incoming")
        return None
    if not pages:
        problems.add("pages", "Write which pages of the paper are the referral")
    return PagesOf(IncomingId(paper), pages)


DECLARED = (
    Page(path=_HERE, right=Right.WORK_ON_CASES, show=show, nav="New referral"),
    Act(path=f"{_HERE}/facility", right=Right.WORK_ON_CASES, do=add_facility),
    Act(path=f"{_HERE}/check", right=Right.WORK_ON_CASES, do=check),
    Act(path=_HERE, right=Right.WORK_ON_CASES, do=open_it),
)
