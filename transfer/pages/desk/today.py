"""The day's work: what moves only if somebody here acts, and a page for each other part of the cases."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from transfer.errors import Unknown
from transfer.flow import desk
from transfer.flow.desk import Chosen, ListPart
from transfer.identifiers import CaseId
from transfer.pages.desk.outbox import NO_LETTERS, held_letters
from transfer.pages.desk.periods import number_of
from transfer.pages.desk.words import OWNERS
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.rights import Right
from transfer.sentences.trade import in_trade

#: days before it is needed from which on a case is marked
_SOON: Final = 4
#: each part that has a page, as its page is called
_TITLES: Final[Mapping[ListPart, str]] = MappingProxyType(
    {
        ListPart.OURS: "Only we can move these",
        ListPart.OTHERS: "These wait for others",
        ListPart.MOVING: "The system is working on these",
        ListPart.DELIVERED: "Delivered",
        ListPart.UNDATED: "Without a date",
        ListPart.EXPECTED: "Expected within three weeks",
    }
)
#: of a query: whose cases; what names a facility or a checklist is one of ours
_MINE: Final = "mine"
#: no id of ours
_NONE: Final = "-"


def _chosen(asked: Asked) -> Chosen:
    """Which cases are asked for. A facility or a checklist that there is not chooses none."""
    facility, checklist = asked.query.get("facility"), asked.query.get("checklist")
    return Chosen(
        assigned_to=asked.actor.person if asked.query.get("whose") == _MINE else None,
        institution=(facility if facility in asked.services.institutions else _NONE) if facility else None,
        checklist=(checklist if checklist in asked.services.checklists else _NONE) if checklist else None,
    )


def _around(asked: Asked, chosen: Chosen) -> dict[str, object]:
    """What every page of cases is given."""
    facilities = sorted((one.name, one.id) for one in asked.services.institutions.values())
    checklists = sorted((one.title, key) for key, one in asked.services.checklists.items())
    kept = {name: asked.query[name] for name in ("whose", "facility", "checklist") if asked.query.get(name)}
    return {
        "zone": asked.services.zone,
        "owners": OWNERS,
        "titles": _TITLES,
        "soon": _SOON,
        "me": asked.actor.person,
        "may_take": asked.actor.may(Right.WORK_ON_CASES),
        "say": in_trade,
        "is_mine": chosen.assigned_to is not None,
        "facility": chosen.institution,
        "checklist": chosen.checklist,
        "facilities": facilities,
        "checklists": checklists,
        "kept": kept,
        "only": _only(asked, chosen),
        "now": datetime.now(UTC),
    }


def _only(asked: Asked, chosen: Chosen) -> list[str]:
    """At which facility and of which list the cases are that alone are shown: a printed list has no form."""
    known, lists = asked.services.institutions, asked.services.checklists
    here, of = chosen.institution, chosen.checklist
    return [
        *([known[here].name if here in known else "no facility that is known"] if here else []),
        *([lists[of].title if of in lists else "no checklist that is known"] if of else []),
    ]


def _show(asked: Asked) -> Answer:
    chosen = _chosen(asked)
    found = desk.today(
        asked.services,
        actor=asked.actor,
        zone=asked.services.zone,
        chosen=chosen,
        identity=asked.actor.may(Right.SEE_IDENTITY),
    )
    held = NO_LETTERS if chosen != Chosen() else held_letters(asked)
    return Answer(template="today.html", title="Today", context={"found": found, **held, **_around(asked, chosen)})


def _show_part(asked: Asked) -> Answer:
    part = next((one for one in _TITLES if one == asked.path["part"]), None)
    if part is None:
        raise Unknown("there is no such page")
    chosen = _chosen(asked)
    found = desk.list_part(
        asked.services,
        part,
        actor=asked.actor,
        zone=asked.services.zone,
        chosen=chosen,
        number=number_of(asked),
        identity=asked.actor.may(Right.SEE_IDENTITY),
    )
    return Answer(template="part.html", title=_TITLES[part], context={"page": found, **_around(asked, chosen)})


def _take(asked: Asked) -> Next:
    seen = asked.fields.raw("seen") if asked.fields.chosen("seen") else None
    desk.assign(asked.services, asked.id(CaseId, "case"), asked.actor.person, actor=asked.actor, seen=seen)
    services, known = asked.services, {"whose": {_MINE}}
    known |= {"facility": set(services.institutions), "checklist": set(services.checklists)}
    kept = {name: word for name, words in known.items() if (word := asked.fields.raw(name)) in words}
    return Next(f"/desk/?{urlencode(kept)}" if kept else "/desk/")


DECLARED: Final = (
    Page(path="/desk/", right=Right.SEE_CASES, show=_show, nav="Today"),
    Page(path="/desk/list/{part}", right=Right.SEE_CASES, show=_show_part),
    Act(path="/desk/cases/{case}/take", right=Right.WORK_ON_CASES, do=_take, is_button=True),
)
