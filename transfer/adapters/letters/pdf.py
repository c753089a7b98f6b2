"""A letter as a PDF: black on white, for a fax machine has to draw it.

The request is one page. The cover sheet of a fax says nothing of the patient (45 CFR 164.530(c)).
"""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from types import MappingProxyType
from typing import Final

import segno

from transfer.adapters.packet.pdf_text import MARGIN, Pages
from transfer.contacts import as_said
from transfer.letters import LetterKind, LetterOffice, LetterText
from transfer.records import RecordKind

#: points of a side of the code that a camera reads, and of one of its squares in the picture that is scaled to it
_CODE_SIDE: Final = 92
_CODE_SCALE: Final = 8
_SIZE: Final = 10.5
_MOST_SCANNED: Final = 8

#: what a facility calls each kind
KINDS: Final[Mapping[RecordKind, str]] = MappingProxyType(
    {
        RecordKind.NOTE: "Clinic and consultation notes",
        RecordKind.PATHOLOGY_REPORT: "Pathology reports",
        RecordKind.OPERATIVE_NOTE: "Operative reports",
        RecordKind.PROCEDURE_REPORT: "Procedure reports",
        RecordKind.IMAGING_REPORT: "Imaging reports",
        RecordKind.IMAGES: "Images, as DICOM files on disc or by network",
        RecordKind.LABORATORY: "Laboratory results",
        RecordKind.MOLECULAR: "Molecular and genetic test reports",
        RecordKind.TREATMENT_SUMMARY: "Treatment summaries",
        RecordKind.MATERIAL: "Slides and blocks",
        RecordKind.OTHER: "Other records",
    }
)
_HEADINGS: Final = {
    LetterKind.FIRST: "Request for medical records",
    LetterKind.SECOND: "Second request for medical records",
    LetterKind.FINAL: "Final request for medical records",
}
_OPENINGS: Final = {
    LetterKind.FIRST: "{referring} has referred this patient to {receiver}. Please send us the records below.",
    LetterKind.SECOND: "We wrote to you on {before}. The records below are still outstanding. "
    "If your answer is on its way, please disregard this letter.",
    LetterKind.FINAL: "We wrote to you on {before}. The records below are still outstanding. "
    "If you cannot send them in time, please tell us why in writing.",
}
_BASES: Final = {
    "authorization": "The patient's authorization{signed} (45 CFR 164.508){enclosed}.",
    "treatment": "Treatment of the patient by another provider (45 CFR 164.506(c)(2)){enclosed}.",
    "access-directive": "The patient's direction to send them to a third party (45 CFR 164.524(c)(3)(ii)){enclosed}.",
    "emergency": "An emergency, as its treating clinician declared (45 CFR 164.510){enclosed}.",
}


class _Letter(Pages):
    """Pages in black alone: a fax machine makes dots of a color."""

    def set_text_color(self, *_color: object) -> None:
        super().set_text_color(0)


def letter_pdf(text: LetterText, office: LetterOffice, to: str, scanned: Sequence[bytes] = ()) -> tuple[bytes, int]:
    """The letter as a PDF, and how many pages it has. The same again is the same bytes.

    Args:
        to: the fax number that it goes to, `+` and digits, or a postal address.
        scanned: pictures (PNG) of the pages of the authorization; at most eight are enclosed.
    """
    scanned = scanned[:_MOST_SCANNED]
    made = datetime.combine(text.dated, time(), UTC)
    pages = _Letter(created_at=made, footer=f"Our reference {text.reference}", is_begun=False)
    pages.set_title("Request for medical records")
    is_fax = to.startswith("+")
    count = 1 + is_fax + len(scanned)
    if is_fax:
        _cover(pages, text, office, to, count)
    _request(pages, text, office, to="" if is_fax else to, is_enclosed=bool(scanned))
    for picture in scanned:
        pages.add_page()
        pages.image(
            io.BytesIO(picture), x=MARGIN, y=MARGIN, w=pages.epw, h=pages.h - 2 * MARGIN - 12, keep_aspect_ratio=True
        )
    return pages.finished(), int(pages.page)


def _cover(pages: Pages, text: LetterText, office: LetterOffice, to: str, count: int) -> None:
    pages.add_page()
    pages.heading("Fax", size=22)
    pages.facts(
        [
            ("To", f"{text.facility}, {text.department}"),
            ("Fax", as_said(to)),
            ("From", office.name),
            ("Telephone", as_said(office.contact.telephone)),
            ("Fax for answers", as_said(office.contact.fax or "none")),
            ("Date", _day(text.dated)),
            ("Pages", f"{count}, this one included"),
            ("Reference", text.reference),
        ],
        bold="To",
    )
    pages.ln(14)
    pages.write_line(
        "This fax is confidential and for the addressee alone. If you are not the addressee, do not read on: call "
        f"{as_said(office.contact.telephone)}, and destroy all pages.",
        size=_SIZE,
    )


def _request(pages: Pages, text: LetterText, office: LetterOffice, *, to: str, is_enclosed: bool) -> None:
    pages.add_page()
    _code(pages, text)
    sender = ", ".join((office.name, *(office.contact.address or "").splitlines()))
    pages.write_line(sender, size=_SIZE - 2)
    pages.ln(6)
    for line in (to or f"{text.facility}, {text.department}").splitlines():
        pages.write_line(line, size=_SIZE)
    pages.heading(_HEADINGS[text.kind], size=15)
    said = {"referring": text.referring, "receiver": text.receiver, "before": _days(text.before)}
    pages.set_y(max(pages.get_y(), MARGIN + _CODE_SIDE + 16))
    pages.write_line(_OPENINGS[text.kind].format_map(said), size=_SIZE)
    pages.ln(6)
    pages.facts(
        [
            ("Patient", text.patient),
            ("Born", _day(text.born) if text.born else "not known to us"),
            *([("Your number", ", ".join(text.numbers))] if text.numbers else ()),
            ("Basis", _basis(text, is_enclosed=is_enclosed)),
            *([("Needed by", _day(text.needed_by))] if text.needed_by else ()),
            ("Records for", text.receiver),
            ("Date", _day(text.dated)),
        ]
    )
    pages.heading("Please send" if text.kind is LetterKind.FIRST else "Still outstanding", size=12)
    for kind in text.wanted:
        pages.write_line(f"•  {KINDS[kind]}, {_of_what(text)}", size=_SIZE, hang=12)
    if text.received:
        pages.write_line(f"Received, thank you: {'; '.join(KINDS[kind] for kind in text.received)}.", size=_SIZE)
    _answers(pages, text, office)


def _of_what(text: LetterText) -> str:
    """Of which of the patient's records it is. What was done is said to who did it."""
    if text.procedure is None and text.done_on is None:
        return "of all dates"
    done = f"of the {text.procedure}" if text.procedure else ""
    return " ".join(one for one in (done, f"of {text.done_on.words}" if text.done_on else "") if one)


def _answers(pages: Pages, text: LetterText, office: LetterOffice) -> None:
    contact = office.contact
    pages.heading("How to answer", size=12)
    ways = [("On the web", f"{text.answer_at}   code {text.code}"), ("Telephone", as_said(contact.telephone))]
    if contact.fax:
        ways.append(("Fax", as_said(contact.fax)))
    if contact.address:
        ways.append(("Post", ", ".join((office.name, *contact.address.splitlines()))))
    pages.facts([*ways, ("Reference", f"{text.reference}, on every page that you send")], bold="Reference")
    pages.ln(4)
    for sentence in (
        "If you hold none of these records, please say so.",
        "If you need a form of your own, or a fee, please send it or tell us.",
        "If somebody else holds them, please tell us who.",
        "Send what this basis permits you to release. You need not say whether you leave anything out.",
    ):
        pages.write_line(f"•  {sentence}", size=_SIZE, hang=12)
    pages.ln(8)
    pages.write_line(f"{office.name}, {as_said(contact.telephone)}", size=_SIZE, bold=True)


def _code(pages: Pages, text: LetterText) -> None:
    """The address of the page on which they answer, with the code typed in, for a camera. Behind its number sign stands
    our reference, which no server is sent: so a page that comes back says itself what it answers.
    """
    drawn = io.BytesIO()
    segno.make(f"{text.answer_at}code/{text.code}#{text.reference}", error="m", micro=False).save(
        drawn, kind="png", scale=_CODE_SCALE
    )
    pages.image(drawn, x=pages.w - MARGIN - _CODE_SIDE, y=MARGIN, w=_CODE_SIDE)


def _basis(text: LetterText, *, is_enclosed: bool) -> str:
    signed = f", signed {_day(text.signed_on)}" if text.signed_on else ""
    return _BASES[text.basis].format(signed=signed, enclosed="; it is enclosed" if is_enclosed else "")


def _day(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _days(days: Sequence[date]) -> str:
    return " and ".join(map(_day, dict.fromkeys(days)))
