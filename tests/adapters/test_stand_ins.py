"""Words that stand where a report should be, and reports without a result that stands, are no document."""

import io
import json
import zipfile
from contextlib import closing
from typing import Any

import pikepdf
import pytest
from fpdf import FPDF
from PIL import Image

from tests.kit import unreadable as u
from transfer.adapters.opening import OpeningProcess, documents, stand_ins
from transfer.flaws import Flaw
from transfer.institutions import Institution

OFFICE = Institution(id="office", name="Office", time_zone="UTC")

ELSEWHERE = (
    "See attached report",
    "*** SEE SCANNED REPORT ***",
    "Please see separate pathology report in media tab.",
    "Refer to outside pathology report",
    "Final report attached",
    "Report to follow",
    "Result pending.\nSee attached",
)
NONE_YET = (
    "Pending",
    "RESULTS PENDING.",
    "Report not yet available",
    "TEST NOT PERFORMED",
    "Cancelled",
    "N/A",
    "No result",
    "No information available",
    "No data",
    "----------",
    "FINAL DIAGNOSIS:\n\nGROSS DESCRIPTION:\n",
)
FAILED = (
    "404 Not Found",
    "The requested document could not be retrieved.",
    "Access denied",
    "Your session has expired.",
    "Error 500: document could not be retrieved from archive.",
    "An unexpected error has occurred while loading the document",
    "Unable to retrieve the pathology report",
    "TEST TEST TEST please ignore",
    "This is a test document.",
    "Lorem ipsum dolor sit amet, consectetur",
)
REPORTS = (
    "Access denied to the left femoral artery, radial approach",
    "Negative",
    "None",
    "See note: adenocarcinoma",
    "See images in PACS. Adenocarcinoma of the sigmoid colon",
    "Report available on request: adenocarcinoma",
    "Pending HER2, invasive carcinoma",
    "See images on PACS, no acute findings",
    "Results were faxed on 3/4, all negative",
    "Final diagnosis",
    "Unable to open the lesion",
    "Failed to load bear for six weeks",
    "Error in refraction",
    "Test: positive",
    "DIAGNOSIS:\nAdenocarcinoma",
    "No information from the outside clinic; patient reports colectomy",
)


#: each as one sender writes it
FURTHER: dict[Flaw, tuple[str, ...]] = {
    Flaw.EMPTY: (
        *("Result canceled", "Cancelled - specimen hemolyzed", "TNP", "QNS", "Quantity not sufficient"),
        *("Specimen rejected", "Test not performed: specimen received in wrong tube", "DELETED", "Entered in error"),
        *(
            "This report has been retracted.",
            "This report was issued in error. Please disregard.",
            "Void - wrong patient",
        ),
        *("Dictation pending", "Report not yet dictated", "Awaiting final signature", "Preliminary report", "UNSIGNED"),
        *("No dictation required", "No interpretation - outside films", "Outside images for comparison only"),
        *("No text available", "This page intentionally left blank", "Page 1 of 1", "Ordered", "Not resulted"),
        *("Patient did not show", "Patient refused exam", "Exam cancelled by patient", "Duplicate order"),
        *("Order entered in error", "Confidential", "DRAFT - NOT FOR CLINICAL USE", "Disregard this report"),
    ),
    Flaw.POINTER: (
        *("See Epic for full report", "See PACS", "Images available in PACS. No report.", "Results: see comment"),
        *("Addendum to follow", "Final report to follow by mail", "Refer to scanned report dated 01/02/2026"),
        *("Click here to view the report", "https://portal.example.org/report/123", "(see below)"),
        *("Sent to reference lab", "Referred to outside laboratory: see separate report"),
        *(
            "REPORT SENT TO FOUNDATION MEDICINE",
            "Duplicate - see accession S26-100",
            "Merged with S26-100",
            "S26-100 final.pdf",
        ),
    ),
    Flaw.UNEXPECTED: (
        *("Please log in to view this document", "You have received a secure message from Lakeside Hospital"),
        *("Document too large to display", "Content not supported", "Error: could not render PDF"),
        *("undefined", "[object Object]", "#REF!", "{{report_text}}", "${report}", "<<REPORT>>", "%REPORT_TEXT%"),
        *("[Report text]", "Insert report here", "TEST PATIENT", "asdf"),
    ),
}
STILL_REPORTS = (
    *("Specimen sent to pathology showed carcinoma", "Images available in PACS showing a mass", "See PACS: 3 cm mass"),
    *(
        "Not done due to metastatic disease",
        "Cancelled: patient died of adenocarcinoma",
        "Patient refused chemotherapy",
    ),
    *("No interpretation needed as adenocarcinoma is evident", "Study not read; adenocarcinoma is known"),
    *("Ordered trastuzumab", "Preliminary diagnosis: carcinoma", "Final report\nAdenocarcinoma", "Not applicable"),
    *("Report sent to clinic: positive", "Voided 300 ml", "Rejected the graft", "Duplicated gene", "Deleted exon 19"),
    *(
        "Left blank stare, no focal deficit",
        "Incomplete resection",
        "Cancelled: specimen shows carcinoma",
        "Received two cycles",
        "XX male",
    ),
)


@pytest.mark.parametrize(
    ("text", "flaw"),
    [*((one, flaw) for flaw in FURTHER for one in FURTHER[flaw]), *((one, None) for one in STILL_REPORTS)],
)
def test_further_words_instead_of_a_report(text: str, flaw: Flaw | None):
    assert documents.flaws("text/plain", text.encode()) == ({flaw} if flaw else set())


def hl7(text: str, *more: str) -> bytes:
    segments = (
        r"MSH|^~\&|LIS|LAB|||20260105101500||ORU^R01|1|P|2.5.1",
        "PID|1||7^^^X",
        "OBR|1||F1|11529-5^Surgical pathology^LN",
        f"OBX|1|TX|22637-3^Diagnosis^LN||{text}||||||F",
        *more,
    )
    return "".join(f"{one}\r" for one in segments).encode()


def rtf(text: str) -> bytes:
    return rb"{\rtf1\ansi %s}" % text.replace("\n", r"\par ").encode()


SHAPES = {
    "text/plain": str.encode,
    "x-application/hl7-v2+er7": lambda text: hl7(text.replace("\n", r"\.br\ ")),
    "application/rtf": rtf,
    "text/html": lambda text: b"<html><body><p>%s</p></body></html>" % text.replace("\n", "<br>").encode(),
    "application/fhir+json": lambda text: report(conclusion=text),
    "application/cda+xml": lambda text: u.CDA.format(header="", body=u.SECTION.format(text)).encode(),
    u.DOCX: lambda text: u.a_letter(*text.split("\n")),
}


CONDITION = {"resourceType": "Condition", "code": {"text": "Breast cancer"}}


def report(*results: dict[str, Any], **said: Any) -> bytes:
    whole = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "Pathology"}, **said}
    return json.dumps(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in (whole, *results)]}
    ).encode()


def a_result(**said: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "CEA"}, **said}


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        *((text, Flaw.POINTER) for text in ELSEWHERE),
        *((text, Flaw.EMPTY) for text in NONE_YET),
        *((text, Flaw.UNEXPECTED) for text in FAILED),
        *((text, None) for text in REPORTS),
    ],
)
def test_words_instead_of_a_report_are_told_in_each_language(kind: str, text: str, flaw: Flaw | None):
    assert documents.flaws(kind, SHAPES[kind](text)) == ({flaw} if flaw else set())


def a_letter_with(picture: str) -> bytes:
    """A DOCX file with a picture beside its words, which no line holds."""
    with zipfile.ZipFile(io.BytesIO(u.a_letter("See attached"))) as letter:
        parts = {name: letter.read(name) for name in letter.namelist()}
    body = parts["word/document.xml"]
    parts["word/document.xml"] = body.replace(b"</w:p>", f"<w:r>{picture}</w:r></w:p>".encode(), 1)
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return kept.getvalue()


ANCHOR = (
    '<w:drawing><wp:anchor xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing">'
    '<a:blip xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"/></wp:anchor></w:drawing>'
)
MEDIA = (
    "<structuredBody><component><section><text>See attached</text><entry><observationMedia>"
    '<value mediaType="image/png" representation="B64">QUJD</value></observationMedia></entry></section></component>'
    "</structuredBody>"
)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (u.DOCX, a_letter_with(ANCHOR)),
        ("application/cda+xml", u.CDA.format(header="", body=MEDIA).encode()),
        ("text/html", b"<html><body>See attached<svg><path d='M0 0'/></svg></body></html>"),
        ("application/rtf", rb"{\rtf1\ansi See attached{\object\objemb{\*\objdata 0105}}}"),
    ],
    ids=["docx", "cda", "html", "rtf"],
)
def test_beside_a_picture_or_a_file_within_they_are_a_hint_to_it(kind: str, data: bytes):
    assert documents.flaws(kind, data) == set()


def test_beside_a_file_they_are_a_hint_to_it():
    a_file = "OBX|2|ED|PDF^Report^L||LIS^AP^PDF^Base64^JVBERi0xLjQKJSVFT0YK||||||F"
    assert documents.flaws("x-application/hl7-v2+er7", hl7("See attached report", a_file)) == set()


@pytest.mark.parametrize(
    "results",
    [
        [a_result(status="entered-in-error", valueString="Positive")],
        [a_result(status="cancelled"), a_result(status="registered")],
        [a_result(dataAbsentReason={"text": "specimen lost"})],
        [a_result(valueString="See attached")],
    ],
    ids=["in error", "cancelled", "absent", "elsewhere"],
)
def test_a_report_without_a_result_that_stands_answers_nothing(results: list[dict[str, Any]]):
    named = [{"reference": "#"}]
    assert documents.flaws("application/fhir+json", report(*results, result=named)) & {Flaw.EMPTY, Flaw.POINTER}


@pytest.mark.parametrize(
    "said",
    [
        report(a_result(status="entered-in-error"), a_result(valueString="Positive")),
        report(a_result(status="cancelled"), conclusion="Not enough tissue; repeat the biopsy."),
        report(a_result(status="cancelled"), text={"status": "additional", "div": "<div>Carcinoma</div>"}),
        report(a_result(status="cancelled"), presentedForm=[{"contentType": "application/pdf", "title": "Report"}]),
        report(a_result(dataAbsentReason={"text": "unknown"}, interpretation=[{"text": "Positive"}])),
        report(a_result(status="cancelled"), media=[{"comment": "Mass of 2 cm"}]),
        report(a_result(valueString="Deleted")),
        report(a_result(valueString="Pending"), text={"status": "additional", "div": "<div>Carcinoma</div>"}),
        report(a_result(valueString="Pending"), {**CONDITION, "text": {"status": "generated", "div": "<p>Cancer</p>"}}),
        report(a_result(text={"status": "additional", "div": "<div>Carcinoma</div>"}, valueString="Pending")),
    ],
    ids=[
        *("one stands", "a conclusion", "a text", "a file is the report", "an interpretation", "a remark on a picture"),
        "a gene that is deleted",
        *("a text beside a word", "a text of another", "a text of a result"),
    ],
)
def test_a_report_that_says_something_can_be_read(said: bytes):
    assert documents.flaws("application/fhir+json", said) == set()


OF_URINE = (
    b"MSH|^~\\&|LAB|LAKESIDE|||20260301||ORU^R01|1|P|2.5\rPID|1||7^^^LAKESIDE\rOBR|1||9|UA^Urinalysis|||20260301\r"
    b"OBX|1|%s|SRC^Specimen source||Voided||||||F\rOBX|2|%s|GLU^Glucose||Negative||||||F\r"
)


def test_how_urine_was_got_is_no_stamp_on_its_result():
    assert documents.flaws("x-application/hl7-v2+er7", OF_URINE % (b"ST", b"ST")) == set()
    assert documents.flaws("x-application/hl7-v2+er7", OF_URINE % (b"TX", b"TX")) == {Flaw.UNEXPECTED}


SUMMARY = (
    '<Bundle xmlns="http://hl7.org/fhir"><type value="{}"/>{}<entry><resource><Observation><status value="final"/>'
    '<code><text value="Smoking"/></code><valueString value="Pending"/></Observation></resource></entry></Bundle>'
)


@pytest.mark.parametrize(
    ("kind", "held"),
    [
        (
            "document",
            '<Composition><title value="Summary"/><section><text><div xmlns="http://www.w3.org/1999/xhtml">Cancer</div>'
            "</text></section></Composition>",
        ),
        (
            "collection",
            '<DiagnosticReport><text><status value="additional"/><div xmlns="http://www.w3.org/1999/xhtml">Cancer</div>'
            "</text></DiagnosticReport>",
        ),
    ],
)
def test_a_result_without_a_value_empties_no_summary_that_says_more(kind: str, held: str):
    data = SUMMARY.format(kind, f"<entry><resource>{held}</resource></entry>").encode()
    assert documents.flaws("application/fhir+xml", data) == set()
    assert documents.flaws("application/fhir+xml", SUMMARY.format(kind, "").encode()) == {Flaw.EMPTY}


ADOBE = "Please wait... If this message is not eventually replaced by the proper contents of the document, your viewer"


@pytest.mark.parametrize(
    ("text", "flaw"),
    [("See attached report", Flaw.POINTER), ("404 Not Found", Flaw.UNEXPECTED), (ADOBE, Flaw.UNREADABLE)],
)
@pytest.mark.parametrize("with_picture", [False, True])
def test_a_page_of_such_words_is_no_report_unless_a_picture_is_on_it(text: str, flaw: Flaw, with_picture: bool):
    data = a_page(text, u.a_picture("JPEG") if with_picture else None)
    with closing(OpeningProcess()) as opening:
        found = opening.document("application/pdf", len(data), [data], OFFICE)

    assert found.flaws == (set() if with_picture else {flaw})


def test_a_picture_may_stand_within_a_form_of_the_page():
    with pikepdf.open(io.BytesIO(a_page("See attached report", u.a_picture("JPEG")))) as pdf:
        (page,) = pdf.pages
        form = pdf.make_stream(b"", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=[0, 0, 9, 9])
        form.Resources = pikepdf.Dictionary(XObject=page.Resources.XObject)
        page.Resources.XObject = pikepdf.Dictionary(Fm0=form)
        kept = io.BytesIO()
        pdf.save(kept)

    assert stand_ins.of_pages(kept.getvalue(), ["See attached report"]) is None


def a_page(text: str, picture: bytes | None) -> bytes:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica")
    pdf.multi_cell(0, 8, text)
    if picture:
        pdf.image(io.BytesIO(picture))
    return bytes(pdf.output())


@pytest.mark.parametrize(
    "data",
    [
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultstring>Not there'
        b"</faultstring></s:Fault></s:Body></s:Envelope>",
        b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
    ],
)
def test_what_a_server_says_in_xml_of_its_failure_is_no_document(data: bytes):
    assert documents.flaws("text/xml", data) == {Flaw.UNEXPECTED}


def test_plain_xml_that_says_only_where_the_report_is_is_none():
    assert documents.flaws("text/xml", b"<note><text>See attached report</text></note>") == {Flaw.POINTER}
    assert documents.flaws("text/xml", b"<note><text>Adenocarcinoma</text></note>") == set()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_picture_of_one_colour_is_empty(mode: str, kind: str):
    kept = io.BytesIO()
    Image.new("RGB", (60, 60), "white").convert(mode).save(kept, kind)
    assert documents.flaws(f"image/{kind.lower()}", kept.getvalue()) == {Flaw.EMPTY}


COVER = (
    "FAX COVER SHEET\nTo: Records\nFrom: Lakeside\nPages: 4\nRE: referral\nCONFIDENTIALITY NOTICE\nThis is meant for "
    + ("whom it names. " * 40)
)
A_REPORT = "Surgical pathology\nAdenocarcinoma of the sigmoid colon, G2."


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "application/rtf"])
@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (COVER, Flaw.POINTER),
        (f"VOID\n{A_REPORT}", Flaw.UNEXPECTED),
        (f"*** ENTERED IN ERROR - WRONG PATIENT ***\n{A_REPORT}", Flaw.UNEXPECTED),
        (f"{A_REPORT}\nThis report was issued in error", Flaw.UNEXPECTED),
        ("HTTP Status 500 - Internal Server Error", Flaw.UNEXPECTED),
        (f"FAX COVER SHEET\nTo: Records\n{A_REPORT}", None),
        (f"{COVER}\n{A_REPORT}", None),
        (f"{A_REPORT}\nThe prior report was issued in error.\nSigned by Dr. Lee", None),
        (f"Voided volume 300 ml\n{A_REPORT}", None),
    ],
)
def test_a_cover_alone_and_a_stamp_on_top_or_below_are_told(kind: str, text: str, flaw: Flaw | None):
    assert documents.flaws(kind, SHAPES[kind](text)) == ({flaw} if flaw else set())
