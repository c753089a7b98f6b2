"""Facilities that no reviewed file names: added, called back, reached otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from transfer.contacts import Contact, as_address, as_number, as_said
from transfer.errors import NotAllowed, Unknown
from transfer.facilities import HOLDS, USUAL, AddedFacility, id_of
from transfer.flow import desk
from transfer.identifiers import CaseId, InstitutionId
from transfer.pages.desk.words import words
from transfer.pages.forms import Fields, Problems
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.records import RecordKind
from transfer.rights import Right
from transfer.sentences import sentence

_KINDS: Final = tuple((kind.value, words(kind)) for kind in HOLDS)
#: the sorts of places, and one for all others
_OTHER: Final = "other"
_SORTS: Final = (
    ("office", "Office: notes, reports, results"),
    ("hospital", "Hospital: the same, images, slides and blocks"),
    ("laboratory", "Laboratory: pathology and molecular reports, slides and blocks"),
    ("imaging", "Imaging center: images and their reports"),
    (_OTHER, "Something else: tick what it holds"),
)
#: zones of the United States by their cities; the desk's own stands before them
_ZONES: Final = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Puerto_Rico",
)


def show_list(asked: Asked) -> Answer:
    found = desk.list_facilities(asked.services, actor=asked.actor)
    return Answer(
        template="facilities.html",
        title="Facilities added here",
        context={"found": found, "said": as_said, "may_act": asked.actor.may(Right.WORK_ON_CASES)},
    )


def show_new(asked: Asked) -> Answer:
    begun = asked.fields if asked.fields.sent else _for(asked.query.get("case", ""))
    return new_form(replace(asked, fields=begun), Problems(), kept=("case",))


def _for(case: str) -> Fields:
    """A form of a facility that a request needs: there it is asked at once, and there people go on."""
    return Fields({"case": [case]} if CaseId.pattern.fullmatch(case) else {})


def new_form(
    asked: Asked,
    problems: Problems,
    *,
    action: str = "/desk/facilities/new",
    kept: Sequence[str] = (),
    roles: Sequence[tuple[str, str]] = (),
) -> Answer:
    """The form of a new facility, which `action` takes. `kept` are fields of another form that are sent on with it,
    `roles` what it may be there.
    """
    zones = dict.fromkeys((asked.services.zone.key, *_ZONES))
    return Answer(
        template="facility_new.html",
        title="New facility",
        context={
            "fields": asked.fields,
            "problems": problems,
            "kinds": _KINDS,
            "zones": [(zone, zone.rpartition("/")[2].replace("_", " ")) for zone in zones],
            "sorts": _SORTS,
            "action": action,
            "kept": kept,
            "roles": roles,
        },
        status=422 if problems else 200,
    )


def add(asked: Asked) -> Answer | Next:
    problems = Problems()
    new = entered(asked, problems)
    if new is None:
        return new_form(asked, problems, kept=("case",))
    if not CaseId.pattern.fullmatch(case := asked.fields.raw("case")):
        return Next(f"/desk/facilities/{new.id}")
    desk.change(asked.services, CaseId(case), actor=asked.actor, sources=[new.id])
    return Next(f"/desk/facilities/{new.id}?case={case}")


def entered(asked: Asked, problems: Problems) -> AddedFacility | None:
    """Add the facility that the form gives. None: something is wrong with it, and stands in `problems`."""
    fields = asked.fields
    name = fields.line("name", problems, needed="Write its name", longest=80)
    city = fields.line("city", problems, needed="Write its city", longest=80)
    zone = fields.one_of("zone", (asked.services.zone.key, *_ZONES), problems, needed="Choose its time zone")
    sort = fields.one_of("sort", dict(_SORTS), problems, needed="Choose what it is")
    holds = USUAL.get(sort) or frozenset(fields.chosen("holds")) & {*HOLDS}
    if sort == _OTHER and not holds:
        problems.add("holds", "Tick what it holds")
    contact = _contact(fields, problems)
    named = _id(name, city, problems)
    if problems or contact is None or named is None:
        return None
    new = AddedFacility(
        id=named, name=name, city=city, time_zone=zone, holds=frozenset(map(RecordKind, holds)), contact=contact
    )
    try:
        desk.add_facility(asked.services, new, actor=asked.actor)
    except NotAllowed as error:
        if error.refusal is None or error.remedy is None:
            raise
        problems.add("name", f"{sentence(error.refusal).capitalize()}. {sentence(error.remedy)}")
        return None
    desk.list_facilities(asked.services, actor=asked.actor)  # from the next transaction on this process knows it
    return new


def _id(name: str, city: str, problems: Problems) -> InstitutionId | None:
    try:
        return id_of(name, city)
    except ValueError:
        problems.add("name", "A name with letters")
        return None


def _contact(fields: Fields, problems: Problems) -> Contact | None:
    """The contact that the form gives; None where something of it is wrong."""
    telephone = fields.line("telephone", problems, needed="Write its telephone number")
    fax, address = fields.line("fax", problems), fields.note("address", problems)
    said = {"telephone": (telephone, as_number), "fax": (fax, as_number), "address": (address, as_address)}
    for name, (text, reads) in said.items():
        try:
            _ = text and reads(text)
        except ValueError as error:
            problems.add(name, str(error).capitalize())
    if not fax and not address:
        problems.add("fax", "Write its fax number or its postal address, or both")
    if problems:
        return None
    return Contact(telephone=telephone, fax=fax or None, address=address or None)


def show(asked: Asked, problems: Problems | None = None) -> Answer:
    name = asked.path["facility"]
    found = next((one for one in desk.list_facilities(asked.services, actor=asked.actor) if one.id == name), None)
    if found is None:
        raise Unknown("there is no such page")
    said = {
        "telephone": found.contact.telephone,
        "fax": found.contact.fax or "",
        "address": found.contact.address or "",
    }
    return Answer(
        template="facility.html",
        title=found.name,
        context={
            "found": found,
            "said": as_said,
            "holds": [words(kind) for kind in HOLDS if kind in found.holds],
            "zone": ZoneInfo(found.time_zone),
            "fields": asked.fields if "telephone" in asked.fields.sent else _as_sent(said),
            "case": asked.fields.raw("case") or _for(asked.query.get("case", "")).raw("case"),
            "problems": problems or Problems(),
            "may_act": asked.actor.may(Right.WORK_ON_CASES),
        },
        status=422 if problems else 200,
    )


def _as_sent(said: Mapping[str, str]) -> Fields:
    return Fields({name: [text] for name, text in said.items()})


def change_contact(asked: Asked) -> Answer | Next:
    problems = Problems()
    contact = _contact(asked.fields, problems)
    if contact is None:
        return show(asked, problems)
    facility = asked.id(InstitutionId, "facility")
    desk.change_contact(asked.services, facility, contact, actor=asked.actor)
    return Next(f"/desk/facilities/{facility}")


def call_back(asked: Asked) -> Answer | Next:
    problems = Problems()
    if not asked.fields.chosen("sure"):
        problems.add("sure", "Say that you called, and had it read back")
        return show(replace(asked, fields=Fields(), query={"case": asked.fields.raw("case")}), problems)
    facility, case = asked.id(InstitutionId, "facility"), _for(asked.fields.raw("case")).raw("case")
    desk.call_back(asked.services, facility, actor=asked.actor)
    return Next(f"/desk/cases/{case}" if case else f"/desk/facilities/{facility}")


DECLARED: Final = (
    Page(path="/desk/facilities", right=Right.SEE_CASES, show=show_list, nav="Facilities"),
    Page(path="/desk/facilities/new", right=Right.WORK_ON_CASES, show=show_new),
    Act(path="/desk/facilities/new", right=Right.WORK_ON_CASES, do=add),
    Page(path="/desk/facilities/{facility}", right=Right.SEE_CASES, show=show),
    Act(path="/desk/facilities/{facility}/contact", right=Right.WORK_ON_CASES, do=change_contact),
    Act(path="/desk/facilities/{facility}/call-back", right=Right.WORK_ON_CASES, do=call_back),
)
