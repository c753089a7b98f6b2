"""One patient led from the fax with the referral to the packet that the center accepted, on the desk's pages alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from tempfile import TemporaryFile
from typing import Final

from tests.campaigns.deskday.hand import Hand, measured
from tests.campaigns.deskday.operators import Effort
from tests.campaigns.deskday.patients import Document, Patient, Place, Turn, burned, faxed
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.pages.address import Address
from transfer.rights import Actor

#: pages of a fax that refers: its cover, the referral, the signed form
COVER, REFERRAL, FORM = 1, 2, 2
CENTER: Final = "Summit Cancer Center"
STATEMENTS: Final = (
    "that it may be revoked, and how",
    "whether treatment or payment depends on it",
    "that the recipient may disclose again",
)
#: to pack what is on a CD as a ZIP file, to choose that file on the page, and to send it
PACKED: Final = Effort(clicks=6, homings=1, thoughts=4, views=3, words=80)
#: of courier's numbers and accessions a reader types
_SCANNED: Final = "1Z999AA1{:010d}"


@dataclass(slots=True)
class Day:
    """One person before the desk. `process` is what the system does by itself, until nothing is owed."""

    hand: Hand
    services: Services
    address: Address
    process: Callable[[], object]
    #: the fax line, and whoever else works here
    actor: Actor
    parcels: int = 0
    discs: int = 0


@dataclass(slots=True)
class Led:
    """What one case took, step by step."""

    patient: Patient
    case: CaseId | None = None
    steps: dict[str, Effort] = field(default_factory=dict)

    def step(self, day: Day, name: str, does: Callable[[], object]) -> None:
        self.steps[name] = self.steps.get(name, Effort()) + measured(day.hand, does)

    @property
    def effort(self) -> Effort:
        return sum(self.steps.values(), Effort())


def lead(day: Day, patients: Sequence[Patient]) -> list[Led]:
    """Each from the referral until everything is sent; what the center says is to be seen afterwards."""
    led = [Led(patient) for patient in patients]
    for one in led:
        _begin(day, one)
        for turn in sorted(one.patient.turns & TURNS.keys()):
            one.step(day, turn.replace("_", " "), partial(TURNS[turn], day, one))
            day.process()
    comes_from(day, [(one.patient, one.patient.places[0]) for one in led])
    for one in led:
        is_shared = Turn.SHARES_SCAN in one.patient.turns
        one.step(day, "index", partial(records_come, day, one, one.patient.places[0], is_left=is_shared))
    for one in led:
        _from_others(day, one)
        day.process()
    return led


def _begin(day: Day, led: Led) -> None:
    patient = led.patient
    comes_by_fax(day, patient)
    led.step(day, "new referral", lambda: refer(day, led))
    led.step(day, "release form", lambda: file_form(day, led))
    led.step(day, "index", lambda: index(day, patient.office, patient.office.documents))
    day.process()
    for place in patient.places:
        led.step(day, "call back", partial(call_back, day, led, place))
    day.process()


def _from_others(day: Day, led: Led) -> None:
    """Glass of the laboratory; reports by fax and a CD of the image library."""
    for place in led.patient.places:
        if place.study and place.documents:
            comes_from(day, [(led.patient, place)])
            led.step(day, "index", partial(records_come, day, led, place))
        if place.study:
            led.step(day, "CD", partial(disc_comes, day, led, place))
        if place.slides:
            led.step(day, "slides", partial(parcel_comes, day, led, place))


def comes_by_fax(day: Day, patient: Patient) -> None:
    first = (("Cover", COVER), ("Referral", REFERRAL), ("Release form", FORM))
    documents = ((one.kind, one.pages) for one in patient.office.documents)
    body = faxed(*((patient, heading, pages) for heading, pages in (*first, *documents)))
    desk.upload_paper(day.services, body, actor=day.actor)


# --- the referral -----------------------------------------------------------------------------------------------------


def refer(day: Day, led: Led) -> None:
    hand, patient = day.hand, led.patient
    hand.come_to(f"{day.address.origin}/desk/incoming")
    hand.click("Take it")
    hand.look_at(COVER + REFERRAL)
    hand.click("A new referral is among the pages")
    for place, role in (
        (patient.office, "It refers the patient"),
        *((one, "It holds records") for one in patient.places),
    ):
        add_facility(day, place, role)
    hand.fill("Pages of the paper that are the referral", f"{COVER + 1}-{COVER + REFERRAL}")
    hand.fill("Who refers, with telephone", patient.referrer)
    hand.fill("Family name", patient.family)
    hand.fill("Given names", patient.given)
    hand.fill_day("Birth date", patient.born)
    hand.pick("Sex", patient.sex)
    hand.fill("Medical record number at the office", patient.number)
    hand.fill("Diagnosis, as the referral says it", patient.diagnosis)
    hand.pick("List of what is needed", patient.checklist)
    hand.fill("Question to the center (sealed)", patient.question)
    hand.pick("Receiving center", CENTER)
    hand.fill_day("Day of the appointment there", patient.appointment)
    hand.fill("Time there", "09:30")
    hand.click("Check it")
    hand.click("Open the request")
    led.case = CaseId(hand.window.url.rpartition("/")[2])
    day.process()


def add_facility(day: Day, place: Place, role: str) -> None:
    hand = day.hand
    hand.click("Add an office or facility that is not listed")
    hand.fill("Name", place.name)
    hand.fill("City and state", place.city)
    hand.pick("Time zone", place.zone)
    hand.tick(place.sort)
    hand.fill("Telephone", place.telephone)
    hand.fill("Fax", place.fax)
    hand.tick(role)
    hand.click("Add the facility")


def file_form(day: Day, led: Led) -> None:
    """Who looks at the form fills in its elements, reads what is wrong, and files it."""
    hand, patient = day.hand, led.patient
    hand.click("A release form is among the pages")
    hand.look_at(FORM)
    hand.fill("Pages of the paper that are the form", f"{COVER + REFERRAL + 1}-{COVER + REFERRAL + FORM}")
    hand.fill("Family name", patient.family)
    hand.fill("Given names", patient.given)
    hand.fill_day("Birth date", patient.born)
    for place in patient.everywhere:
        hand.tick(place.name)
    hand.tick(CENTER)
    hand.tick("Treatment, a second opinion")
    hand.fill_day("It ends on", patient.appointment + timedelta(days=365))
    hand.pick("What stands there", "By hand")
    hand.fill_day("Signed on", patient.appointment - timedelta(days=40))
    for statement in STATEMENTS:
        hand.tick(statement)
    hand.click("What is wrong with it?")
    assert "Nothing is wrong with it" in hand.window.text, hand.window.text
    hand.click("File it with these pages")
    hand.effort.questions += 1


# --- pages ------------------------------------------------------------------------------------------------------------


def index(day: Day, place: Place, documents: tuple[Document, ...], first: int = COVER + REFERRAL + FORM + 1) -> None:
    """From the page on which the first page that is left stands already."""
    hand = day.hand
    for number, document in enumerate(documents):
        hand.look_at(document.pages)
        last = first + document.pages - 1
        if last > first:
            hand.fill("to", str(last))
        hand.pick("Kind", document.listed or document.kind, begins=True)
        if not number:
            hand.pick("Facility that wrote it", place.name)
        hand.fill("Date on it", f"{document.day.month}/{document.day.day}/{document.day.year}")
        hand.go()
        first = last + 1


def comes_from(day: Day, who: Sequence[tuple[Patient, Place]]) -> None:
    """A fax of a place: of one patient, or one scan of several."""
    body = faxed(*((patient, one.kind, one.pages) for patient, place in who for one in place.documents))
    desk.upload_paper(day.services, body, actor=day.actor)


def records_come(day: Day, led: Led, place: Place, *, is_left: bool = False) -> None:
    """The first patient of a scan takes it; what is left of it is the next one's."""
    hand, patient = day.hand, led.patient
    if is_left:
        hand.click("Another patient, or pages to leave out")
    else:
        hand.come_to(f"{day.address.origin}/desk/incoming")
        hand.click("Take it")
        hand.look_at(1)
    hand.fill("Name", patient.family)
    hand.go()
    hand.click(f"{patient.family}, {patient.given}")
    first = int(str(hand.window.run("document.getElementById('first').value")))
    index(day, place, place.documents, first)


def call_back(day: Day, led: Led, place: Place) -> None:
    """The telephone call itself takes as long either way."""
    hand = day.hand
    if f"/cases/{led.case}" not in hand.window.url or "incoming" in hand.window.url:
        hand.come_to(f"{day.address.origin}/desk/cases/{led.case}")
    hand.click("Call back", row=place.name)
    hand.tick("I called, and had them read back")
    hand.click("They are right")


# --- a CD -------------------------------------------------------------------------------------------------------------


def disc_comes(day: Day, led: Led, place: Place) -> None:
    """Packed from the drive and brought in; each study is the patient's, or is left out."""
    hand, patient = day.hand, led.patient
    day.discs += 1
    hand.come_to(f"{day.address.origin}/desk/incoming")
    hand.effort += PACKED
    with TemporaryFile() as packed:
        packed.write(burned(patient, place.study, day.discs).getvalue())
        packed.flush()
        desk.bring_in_disc(day.services, packed, actor=day.actor)
    hand.come_to(f"{day.address.origin}/desk/incoming")
    hand.click("Take it")
    hand.fill("Name", patient.family)
    hand.go()
    hand.click(f"{patient.family}, {patient.given}")
    hand.tick(hand.called(f"of {patient.family}, {patient.given}"))
    hand.pick("Facility that made the images", place.name)
    hand.click("Index them")
    if Turn.ANOTHERS_STUDY_ON_CD in patient.turns:
        hand.tick("Studies that are not taken")
        hand.tick(hand.called("of Zellweger"))
        hand.tick("Misdirected")
        hand.click("Leave them out")
        hand.click("Write down how")
        hand.tick("By mail")
        hand.click("Write it down")


# --- slides -----------------------------------------------------------------------------------------------------------


def parcel_comes(day: Day, led: Led, place: Place) -> None:
    hand = day.hand
    day.parcels += 1
    hand.click("Outside slides")
    hand.window.type_keys(_SCANNED.format(day.parcels))  # by the reader of barcodes
    hand.go()
    hand.go()  # taken in
    hand.fill("Accession number on the labels", f"S26-{day.parcels:05d}")
    hand.go()
    hand.fill("Name", led.patient.family)
    hand.go()
    hand.fill("Slides, stained", str(place.slides))
    hand.tick("Their list says as many as I count")
    hand.click("Log in")
    hand.click("Tray sheet")


# --- what else happens ------------------------------------------------------------------------------------------------


def _find(day: Day, led: Led) -> None:
    """Somebody is on the telephone: their request is looked for by name and birth date."""
    hand, patient = day.hand, led.patient
    hand.click("Find")
    hand.fill("Name", patient.family)
    hand.fill("Birth date", f"{patient.born.month}/{patient.born.day}/{patient.born.year}")
    hand.go()
    hand.click(f"{patient.family}, {patient.given}")


def moved_twice(day: Day, led: Led) -> None:
    hand = day.hand
    for days in (2, 5):
        _find(day, led)
        hand.click("Move")
        hand.fill_day("Day of the appointment", led.patient.appointment + timedelta(days=days))
        hand.fill("Time there", "10:00")
        hand.click("Move it")


def calls_back(day: Day, led: Led) -> None:
    """A facility promises a day."""
    hand, place = day.hand, led.patient.places[0]
    _find(day, led)
    hand.tick("Log a call", row=place.name)
    hand.click("Spoke to somebody, or promised", row=place.name)
    hand.tick("Promised")
    hand.fill("Spoke to", "Records")
    hand.fill_day("Promised by", led.patient.appointment - timedelta(days=10))
    hand.click("Log it")


def stopped_by_telephone(day: Day, led: Led) -> None:
    hand = day.hand
    _find(day, led)
    hand.click("The patient says stop")
    hand.tick("By telephone")
    hand.click("Stop now")
    day.process()
    _find(day, led)
    hand.click("Resume everything")
    hand.tick("I have read what follows")
    hand.click("Resume everything")


TURNS: Final[Mapping[Turn, Callable[[Day, Led], None]]] = {
    Turn.MOVED_TWICE: moved_twice,
    Turn.CALLS_BACK: calls_back,
    Turn.STOPPED_BY_TELEPHONE: stopped_by_telephone,
}
