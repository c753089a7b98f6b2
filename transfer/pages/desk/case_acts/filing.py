"""What was filed in our own chart, and what went to the wrong place."""

from collections.abc import Callable, Sequence
from typing import Final

from transfer.errors import Unknown
from transfer.flow import desk
from transfer.flow.desk import Dossier
from transfer.identifiers import CaseId, InstitutionId
from transfer.misdirections import Misdirected, Misdirection, Mitigation
from transfer.pages.desk.case_acts.act import CaseAct, Field, facilities, note_of, nothing
from transfer.pages.desk.words import called, words
from transfer.pages.forms import Problems
from transfer.pages.routes import Answer, Asked, Page
from transfer.rights import Right

_WHAT: Final = (
    (Misdirected.PACKET, "A packet"),
    (Misdirected.RECORD, "A record"),
    (Misdirected.LETTER, "A letter"),
    (Misdirected.FAX, "A fax"),
    (Misdirected.MAIL, "A mail"),
    (Misdirected.SLIDES, "Slides or blocks"),
    (Misdirected.OTHER, "Something else"),
)
_DONE: Final = (
    (Mitigation.ASKED_TO_DESTROY, "They were asked to destroy it"),
    (Mitigation.DESTROYED, "They say that it is destroyed"),
    (Mitigation.RETURNED, "It came back"),
    (Mitigation.ACCESS_ENDED, "Links or access were ended"),
    (Mitigation.PRIVACY_TOLD, "The privacy officer was told"),
)
#: days of which the list tells
_DAYS: Final = 366


def _file(asked: Asked, case: CaseId, _problems: Problems) -> Callable[[], object]:
    return lambda: desk.file_in_chart(asked.services, case, asked.path["about"], actor=asked.actor)


def _about(asked: Asked, found: Dossier) -> str:
    name = asked.path["about"]
    for one in found.records:
        if one.record == name:
            return f"{words(one.kind)} {name}"
    if name not in {one.packet for one in found.packets}:
        raise Unknown("there is no such page")
    return f"Packet {name}"


def _fields(asked: Asked, _found: Dossier) -> Sequence[Field]:
    return (
        Field(kind="radios", name="what", label="What went", choices=_WHAT),
        Field(kind="select", name="to", label="Who got it, if we know them", choices=facilities(asked.services)),
        Field(kind="note", name="note", label="Who got it, and what is known (sealed)", hint="Pages, what they said"),
        Field(kind="day", name="noticed", label="Noticed on"),
        Field(kind="ticks", name="done", label="What was done", choices=_DONE),
    )


def _record(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    fields = asked.fields
    what = fields.one_of("what", [*Misdirected], problems, needed="Choose what went")
    day, note = fields.day("noticed", problems, needed="Enter when it was noticed"), note_of(asked, problems)
    to = fields.raw("to") if fields.raw("to") in asked.services.institutions else ""
    if not (to or note):
        problems.add("note", "Say who got it")
    if not (what and day and (to or note)):
        return lambda: None
    said = Misdirection(
        what=Misdirected(what),
        noticed_on=day,
        done=frozenset(one for one in Mitigation if one in fields.chosen("done")),
        to=InstitutionId(to) if to else None,
        words=note,
    )
    return lambda: desk.record_misdirection(asked.services, case, said, actor=asked.actor)


def _show_list(asked: Asked) -> Answer:
    return Answer(
        template="misdirected.html",
        title="Sent to the wrong place",
        context={
            "found": desk.list_misdirections(asked.services, actor=asked.actor, days=_DAYS),
            "called": lambda known: called(asked.services, known),
            "words": words,
            "zone": asked.services.zone,
        },
    )


ACTS: Final = (
    CaseAct(
        path="chart/{about}",
        right=Right.WORK_ON_CASES,
        title="Filed in our chart",
        button="It is filed",
        follows=("It stands beside the record or the packet, with your name.",),
        fields=nothing,
        does=_file,
        about=_about,
    ),
    CaseAct(
        path="misdirected",
        right=Right.STOP,
        title="Sent to the wrong place",
        button="Write it down",
        follows=(
            "The privacy officer sees it on a list of its own.",
            "It changes nothing of the request: take a packet back, or stop, by itself.",
        ),
        fields=_fields,
        does=_record,
    ),
)
DECLARED: Final = (Page(path="/desk/misdirected", right=Right.AUDIT, show=_show_list, nav="Sent astray"),)
