"""The same cases with a shared fax folder and a spreadsheet, step by step, counted by the same operators.

Who works so is practised, loses nothing and mistypes nothing. The fax line writes PDF files into a shared folder. There
is one spreadsheet with a row for each patient, and a sheet with a row for each request. Letters are made from a
template, and a program faxes from the screen. The center takes packets at its portal. Telephone calls take as long
either way and are left out on both sides, as is walking. What is typed is typed as on the desk's pages: the same names,
numbers and dates. What the spreadsheet does not ask is not typed: the diagnosis's list, codes, sexes.

What the folder leaves out is left out here, too, and counts for it: nobody compares a form with its elements one by
one, nobody writes down who looked, nothing is signed or checked, a request is chased once.
"""

from datetime import date

from tests.campaigns.deskday.operators import MOST_WORDS, Effort
from tests.campaigns.deskday.patients import Document, Patient, Place, Turn

#: words in a folder's window, in a spreadsheet's row
FOLDER_WORDS, ROW_WORDS = 40, 15


class Desktop:
    """A person's hands at windows, files and cells."""

    def __init__(self) -> None:
        self.effort = Effort()

    # --- one thing each -----------------------------------------------------------------------------------------------

    def click(self, times: int = 1) -> None:
        """A command by the mouse."""
        self.effort += Effort(clicks=times, thoughts=times, homings=1)

    def keys(self, count: int = 1) -> None:
        """A command by the keyboard: Enter, Tab, a chord counts as two."""
        self.effort += Effort(keys=count)

    def type(self, text: str) -> None:
        """Into a cell, a name, a field; what is meant is known once."""
        self.effort += Effort(keys=len(text), thoughts=1)

    def cells(self, *texts: str) -> None:
        """Cells of one row, one after another by Tab."""
        for text in texts:
            self.type(text)
            self.keys()

    def window(self, words: int) -> None:
        """Another window, or the same with other content."""
        self.effort += Effort(views=1, words=min(words, MOST_WORDS))

    def look_at(self, pages: int) -> None:
        self.effort += Effort(looks=pages)

    # --- what is done again and again ---------------------------------------------------------------------------------

    def folder(self) -> None:
        """To the window of a folder."""
        self.click()
        self.window(FOLDER_WORDS)

    def open_file(self) -> None:
        """A double click."""
        self.effort += Effort(clicks=1, thoughts=1)
        self.window(0)

    def row(self, family: str) -> None:
        """To the spreadsheet, and to the patient's row by looking for the name."""
        self.click()
        self.keys(2)
        self.type(family)
        self.keys(2)
        self.window(ROW_WORDS)

    def save_as(self, name: str) -> None:
        """Into the patient's folder, which is the one that was last."""
        self.keys(3)
        self.window(FOLDER_WORDS)
        self.type(name)
        self.keys()


def lead(patient: Patient) -> Effort:
    """The whole case, from the fax with the referral to the word that the center accepted."""
    hands = Desktop()
    _referral(hands, patient)
    for place in patient.everywhere:
        _address(hands, place)
        _ask(hands, patient, place)
    _pages(hands, patient, patient.office.documents, first=6)
    for place in patient.places:
        if place.documents and (place.study or Turn.SHARES_SCAN not in patient.turns):  # else it stands open yet
            hands.folder()
            hands.open_file()
            hands.look_at(1)
        if place.documents:
            _pages(hands, patient, place.documents, first=1)
        if place.study:
            _disc(hands, patient)
        if place.slides:
            _slides(hands, patient, place)
    for turn in sorted(patient.turns):
        TURNS[turn](hands, patient)
    _packet(hands, patient)
    return hands.effort


def _day(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _referral(hands: Desktop, patient: Patient) -> None:
    """Open the fax, make the patient's folder, file referral and form in it, write the patient's row."""
    hands.folder()
    hands.open_file()
    hands.look_at(5)  # cover, referral, form
    hands.folder()
    hands.keys(3)  # a new folder
    hands.type(f"{patient.family} {patient.given} {patient.born:%Y%m%d}")
    hands.keys()
    for name, pages in (("Referral", "2-3"), ("Form", "4-5")):
        _print_pages(hands, pages, name)
    hands.click()  # to the spreadsheet
    hands.keys(2)  # to its end
    hands.cells(
        *(patient.family, patient.given, _day(patient.born), patient.number, patient.diagnosis),
        *(patient.office.name, patient.referrer, "Summit", f"{_day(patient.appointment)} 9:30", patient.question),
        *("form ok", _day(patient.appointment)),  # by when the records are needed
    )
    hands.window(ROW_WORDS)


def _print_pages(hands: Desktop, pages: str, name: str) -> None:
    """Pages of a PDF become a file of their own: print, choose the printer for files, pages, where to."""
    hands.keys(2)
    hands.window(20)
    hands.click()
    hands.type(pages)
    hands.keys()
    hands.save_as(name)


def _address(hands: Desktop, place: Place) -> None:
    """A facility that is not in the sheet of addresses: looked for, not found, added."""
    hands.click()
    hands.keys(2)
    hands.type(place.name[:8])
    hands.keys(2)
    hands.window(ROW_WORDS)
    hands.keys(2)
    hands.cells(place.name, place.city, place.telephone, place.fax)


def _ask(hands: Desktop, patient: Patient, place: Place) -> None:
    """A letter from the template with the form behind it, faxed; its confirmation filed; a row for the request."""
    hands.open_file()  # the template
    hands.window(60)
    wanted = ", ".join(one.kind.lower() for one in place.documents) + (", slides" if place.slides else "")
    wanted += ", CT on a CD" if place.study else ""
    for text in (place.name, place.fax, f"{patient.given} {patient.family}", _day(patient.born), wanted):
        hands.type(text)
        hands.keys()
    hands.save_as(f"Request {place.name}")
    hands.keys(2)  # print to the fax program
    hands.window(20)
    hands.click(2)  # the printer, send
    hands.window(20)
    hands.type("".join(sign for sign in place.fax if sign.isdigit()))
    hands.click(2)  # add the form: choose the file
    hands.window(FOLDER_WORDS)
    hands.click()  # send
    hands.folder()  # the confirmation, in the fax program's folder
    hands.keys(2)
    hands.save_as(f"Confirmation {place.name}")
    hands.click()  # the sheet of requests
    hands.keys(2)
    hands.cells(patient.family, place.name, wanted, "today", "follow up")
    # once, a day later: did it arrive
    hands.row(patient.family)
    hands.cells("yes")


def _pages(hands: Desktop, patient: Patient, documents: tuple[Document, ...], first: int) -> None:
    """Each document of a fax that stands open becomes a file with a name that says what it is; the row is ticked."""
    for document in documents:
        hands.look_at(document.pages)
        last = first + document.pages - 1
        _print_pages(hands, f"{first}-{last}", f"{document.kind} {document.day:%Y-%m-%d}")
        first = last + 1
    hands.row(patient.family)
    hands.cells(*(f"{one.kind} {_day(one.day)}" for one in documents))


def _disc(hands: Desktop, patient: Patient) -> None:
    """The CD's own viewer says whose it is; its files are copied to the patient's folder, and what is of somebody else
    is found among them and removed. The row is ticked.
    """
    is_shared = Turn.ANOTHERS_STUDY_ON_CD in patient.turns
    hands.folder()  # the drive
    hands.open_file()  # the viewer
    hands.window(FOLDER_WORDS)
    hands.look_at(1 + is_shared)
    hands.keys(2)
    hands.keys(4)  # all files, copied
    hands.folder()
    hands.keys(2)
    hands.window(20)
    if is_shared:
        hands.window(FOLDER_WORDS)
        hands.look_at(1)
        hands.click(2)
        hands.keys(2)
        hands.click()  # the log of what was misdirected
        hands.keys(2)
        hands.cells("CD of another patient", "mailed back", "today")
    hands.row(patient.family)
    hands.cells("CT on CD", "today")


def _slides(hands: Desktop, patient: Patient, place: Place) -> None:
    """The row says how many came; the tray's label is typed and printed."""
    hands.row(patient.family)
    hands.cells(f"{place.slides} slides", "accession S26-00001", "courier 1Z999AA10000000001", "today")
    hands.open_file()  # the label's template
    hands.window(20)
    for text in (f"{patient.family}, {patient.given}", _day(patient.born), "S26-00001", str(place.slides)):
        hands.type(text)
        hands.keys()
    hands.keys(2)
    hands.keys()


def _packet(hands: Desktop, patient: Patient) -> None:
    """Look the row through, put the files together, upload them at the center's portal, log the disclosure."""
    hands.row(patient.family)
    hands.window(30)  # what the list of the center wants
    hands.folder()
    hands.keys(2)  # all files
    hands.click(2)  # combine
    hands.window(FOLDER_WORDS)
    hands.click()
    pages = sum(one.pages for place in patient.everywhere for one in place.documents)
    hands.look_at(pages)  # nobody else's page may be among them
    hands.save_as(f"Packet {patient.family}")
    hands.click()  # the portal, signed in
    hands.window(60)
    hands.click()
    for text in (patient.family, patient.given, _day(patient.born)):
        hands.type(text)
        hands.keys()
    hands.click(2)  # choose the file
    hands.window(FOLDER_WORDS)
    hands.click(2)
    hands.window(40)
    if any(place.study for place in patient.places):  # images go by themselves
        hands.click(2)
        hands.window(FOLDER_WORDS)
        hands.click(2)
        hands.window(20)
    hands.click()  # the log of disclosures
    hands.keys(2)
    hands.cells(f"{patient.family}, {patient.given}", "Summit", "records for second opinion", "today", "form")
    # the center's word comes by mail
    hands.open_file()
    hands.window(30)
    hands.row(patient.family)
    hands.cells("accepted")


# --- what else happens ------------------------------------------------------------------------------------------------


def _moved(hands: Desktop, patient: Patient) -> None:
    for _ in range(2):
        hands.row(patient.family)
        hands.cells(f"{_day(patient.appointment)} 10:00", _day(patient.appointment))


def _calls_back(hands: Desktop, patient: Patient) -> None:
    """Somebody of the facility is on the telephone: the row, what is outstanding, and what they promise."""
    hands.row(patient.family)
    hands.row(patient.family)  # in the sheet of requests
    hands.cells("promised", _day(patient.appointment), "spoke to Records")


def _revoked(hands: Desktop, patient: Patient) -> None:
    """The row says stop. Each request is marked, and the fax program is looked at: is a letter in it yet? Days later
    all of it is taken back.
    """
    hands.row(patient.family)
    hands.cells("STOP", "revoked by telephone, today")
    hands.row(patient.family)
    for _ in patient.everywhere:
        hands.cells("stopped")
    hands.click()
    hands.window(40)
    hands.row(patient.family)
    hands.cells("goes on", "patient called, today")
    hands.row(patient.family)
    for _ in patient.everywhere:
        hands.cells("requested")


def _nothing(_hands: Desktop, _patient: Patient) -> None:
    """It is counted where its pages are."""


TURNS = {
    Turn.SHARED_SCAN: _nothing,
    Turn.SHARES_SCAN: _nothing,
    Turn.ANOTHERS_STUDY_ON_CD: _nothing,
    Turn.MOVED_TWICE: _moved,
    Turn.CALLS_BACK: _calls_back,
    Turn.STOPPED_BY_TELEPHONE: _revoked,
}
