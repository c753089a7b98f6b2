"""A letter's pages: one request page, a cover sheet that says nothing of the patient, the authorization as pictures."""

import io
from dataclasses import replace

import pytest
from pypdf import PdfReader

from tests.kit.letters import FINAL, FIRST, OFFICE, SECOND
from transfer.adapters.letters.pdf import KINDS, letter_pdf
from transfer.adapters.letters.post import appended
from transfer.partial_dates import PartialDate
from transfer.procedures import ProcedureKind
from transfer.records import RecordKind

FAX, POST = "+17015550143", "Cedar Clinic\n12 Elm St\nMinot ND 58701"


def pages_of(pdf: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def test_a_fax_has_a_cover_sheet_that_says_nothing_of_the_patient():
    pdf, count = letter_pdf(FIRST, OFFICE, FAX)
    cover, request = pages_of(pdf)

    assert count == 2
    assert "2, this one included" in cover
    assert "+1 701 555 0143" in cover
    for said in ("O'Donnell", "1958", "P6635266", "Pathology", "Summit", "Lakeside"):
        assert said not in cover
        assert said in request


def test_the_request_is_one_page_that_says_who_asks_for_what_on_which_basis_and_how_to_answer():
    pdf, _ = letter_pdf(FIRST, OFFICE, POST)
    (page,) = pages_of(pdf)

    for said in (
        "12 Elm St",
        "O'Donnell, Theodora Renée",
        "December 22, 1958",
        "signed February 27, 2027 (45 CFR 164.508)",
        "Needed by March 19, 2027",
        *(KINDS[kind] for kind in FIRST.wanted),
        "https://records.example/r/ code K7Q4-9M2P-4TXW",
        "+1 303 555 0110",
        "+1 303 555 0111",
        "1 Summit Way, Denver CO 80202",
        "q0123456789abcde, on every page that you send",
        "If you hold none of these records, please say so.",
        "If you need a form of your own, or a fee, please send it or tell us.",
    ):
        assert said in page


@pytest.mark.parametrize(
    ("procedure", "day", "said"),
    [
        (ProcedureKind.BIOPSY, PartialDate(2026, 3, 4), "Pathology reports, of the biopsy of 04 Mar 2026"),
        (None, PartialDate(2026), "Pathology reports, of 2026"),
        (ProcedureKind.BIOPSY, None, "Pathology reports, of the biopsy"),
        (None, None, "Pathology reports, of all dates"),
    ],
)
def test_what_is_asked_for_of_one_thing_that_was_done_says_of_which(procedure, day, said: str):
    text = replace(FIRST, wanted=(RecordKind.PATHOLOGY_REPORT,), procedure=procedure, done_on=day)

    assert said in pages_of(letter_pdf(text, OFFICE, POST)[0])[0]


def test_everything_that_can_be_asked_for_still_is_one_page():
    everything = replace(FINAL, wanted=tuple(RecordKind), received=tuple(RecordKind))

    assert letter_pdf(everything, OFFICE, POST)[1] == 1


@pytest.mark.parametrize(("text", "heading"), [(SECOND, "Second request"), (FINAL, "Final request")])
def test_a_later_letter_names_the_days_before_what_came_and_what_is_outstanding(text, heading: str):
    (page,) = pages_of(letter_pdf(text, OFFICE, POST)[0])

    assert heading in page
    assert "We wrote to you on March 1, 2027" in page
    assert "Still outstanding • Images" in page
    assert "Received, thank you: Clinic and consultation notes; Pathology reports." in page
    assert "Please send us the records below" not in page


def test_the_authorization_is_appended_as_pictures():
    scan, _ = letter_pdf(FIRST, OFFICE, FAX)
    drawn = appended(scan)

    pdf, count = letter_pdf(FIRST, OFFICE, FAX, drawn)

    assert count == 4
    assert len(drawn) == 2
    assert "it is enclosed" in pages_of(pdf)[1]
    assert pages_of(pdf)[2:] == ["Our reference q0123456789abcde"] * 2
    assert all(page.images for page in PdfReader(io.BytesIO(pdf)).pages[2:])


@pytest.mark.parametrize("scan", [b"", b"%PDF-1.7 and nothing else", b"\x00" * 4096])
def test_a_scan_that_cannot_be_drawn_is_left_out(scan: bytes):
    assert appended(scan) == []


def test_a_process_that_dies_or_hangs_costs_the_pictures_alone():
    assert appended(b"%PDF-", command=("false",)) == []
    assert appended(b"%PDF-", command=("/no/such/program",)) == []


def test_the_same_letter_is_the_same_bytes():
    assert letter_pdf(FIRST, OFFICE, FAX) == letter_pdf(FIRST, OFFICE, FAX)
