"""Documents and images that nobody can read, each in its own way, and the same ones as they should be."""

import base64
import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pikepdf
from docx import Document as Word
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, generate_uid

from tests.kit.builders import LAKESIDE
from transfer.flaws import Flaw
from transfer.sandbox.charts import Chart


@dataclass(frozen=True)
class Sent:
    """A document as it is sent, and what is wrong with it."""

    data: bytes
    content_type: str
    flaw: Flaw


def a_pdf(pages: int = 1, password: str = "", text: str = "Final diagnosis") -> bytes:
    """Pages with a line of text each."""
    pdf = pikepdf.new()
    for number in range(pages):
        page = pdf.add_blank_page(page_size=(300, 200))
        page.obj.Contents = pdf.make_stream(b"BT /F1 12 Tf 20 100 Td (%s %d) Tj ET" % (text.encode(), number))
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
    kept = io.BytesIO()
    pdf.save(kept, encryption=pikepdf.Encryption(user=password, owner="o") if password else False)
    return kept.getvalue()


def a_picture(form: str = "PNG", size: int = 200) -> bytes:
    """Of noise, so that it does not shrink to nothing."""
    kept = io.BytesIO()
    Image.frombytes("L", (size, size), os.urandom(size * size)).save(kept, form)
    return kept.getvalue()


def a_letter(*paragraphs: str) -> bytes:
    """A DOCX file."""
    document, kept = Word(), io.BytesIO()
    for one in paragraphs:
        document.add_paragraph(one)
    document.save(kept)
    return kept.getvalue()


def a_bomb() -> bytes:
    """A DOCX file that unpacks to a gigabyte."""
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(a_letter("x"))) as plain, zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in plain.infolist():
            made.writestr(entry.filename, plain.read(entry))
        with made.open("word/media/image1.png", "w", force_zip64=True) as large:
            for _ in range(1024):
                large.write(bytes(1 << 20))
    return kept.getvalue()


def an_image(rows: int = 16, *, encapsulated: bool = False, **elements: Any) -> bytes:
    """A DICOM file of one image. `elements` are set, or removed where None."""
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID, image.Modality = generate_uid(), generate_uid(), "CT"
    image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = "", "", "", ""
    image.Rows = image.Columns = rows
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.SamplesPerPixel, image.PixelRepresentation = 15, 1, 0
    image.PhotometricInterpretation = "MONOCHROME2"
    image.PixelData = bytes(2 * rows * rows)
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if encapsulated:
        from pydicom.encaps import encapsulate

        image.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        image.PixelData = encapsulate([a_picture("JPEG", rows)])
        image["PixelData"].is_undefined_length = True
    for name, value in elements.items():
        if value is None:
            delattr(image, name)
        else:
            setattr(image, name, value)
    kept = io.BytesIO()
    image.save_as(kept, enforce_file_format=True)
    return kept.getvalue()


CDA = (
    '<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Note</title>{header}'
    "<component>{body}</component></ClinicalDocument>"
)
SECTION = "<structuredBody><component><section><text>{}</text></section></component></structuredBody>"
_ELSEWHERE = '<nonXMLBody><text mediaType="application/pdf"><reference value="ref/report.pdf"/></text></nonXMLBody>'
_LOGIN = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>"
    b'<input name="user"><input type="password" name="p"></form></body></html>'
)


def within(kind: str, data: bytes, representation: str = "B64") -> bytes:
    """A C-CDA document whose body is another document."""
    said = base64.b64encode(data).decode() if representation == "B64" else data.decode()
    body = f'<nonXMLBody><text mediaType="{kind}" representation="{representation}">{said}</text></nonXMLBody>'
    return CDA.format(header="", body=body).encode()


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

#: the ways in which a document cannot be read, by what one would say of it
WAYS: Mapping[str, Callable[[], Sent]] = {
    "nothing but blanks": lambda: Sent(b" \r\n\r\n", "text/plain", Flaw.EMPTY),
    "half a PDF": lambda: Sent(_half(a_pdf(9)), PDF, Flaw.CUT),
    "a PDF with a password": lambda: Sent(a_pdf(password="secret"), PDF, Flaw.PASSWORD),
    "a PDF of no pages": lambda: Sent(a_pdf(0), PDF, Flaw.NO_PAGES),
    "half a picture": lambda: Sent(_half(a_picture()), "image/png", Flaw.CUT),
    "a PDF left in base64": lambda: Sent(base64.encodebytes(a_pdf(5)), PDF, Flaw.UNDECODABLE),
    "a page to log in": lambda: Sent(_LOGIN, PDF, Flaw.UNEXPECTED),
    "an address alone": lambda: Sent(rb"\\fileserver\reports\2026\77.pdf", "text/plain", Flaw.POINTER),
    "a body elsewhere": lambda: Sent(
        CDA.format(header="", body=_ELSEWHERE).encode(), "application/cda+xml", Flaw.POINTER
    ),
    "an archive that grows": lambda: Sent(a_bomb(), DOCX, Flaw.UNREADABLE),
    "no known format": lambda: Sent(bytes(range(256)) * 8, "application/octet-stream", Flaw.UNREADABLE),
    "half a letter": lambda: Sent(_half(a_letter("Dear colleague")), DOCX, Flaw.CUT),
    "half a PDF within a C-CDA": lambda: Sent(within(PDF, _half(a_pdf(9))), "application/cda+xml", Flaw.CUT),
}


def a_push(chart: Chart, *sent: tuple[str, bytes], institution: str = LAKESIDE) -> bytes:
    """Documents in a FHIR bundle, each with the patient beside it."""
    who, number = chart["patient"], chart["numbers"][institution]
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
    patient = {
        "resourceType": "Patient",
        "identifier": [{"type": kind, "system": number["system"], "value": number["value"]}],
        "name": [{"family": who["family"], "given": who["given"]}],
        "birthDate": who["birth_date"],
        "gender": who["sex"],
    }
    note = {"coding": [{"system": "http://loinc.org", "code": "11488-4"}]}
    documents = [
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "docStatus": "final",
            "type": note,
            "subject": {"reference": "urn:uuid:0"},
            "date": "2026-01-05T10:00:00Z",
            "content": [{"attachment": {"contentType": each, "data": base64.b64encode(data).decode()}}],
        }
        for each, data in sent
    ]
    entries = [
        {"fullUrl": f"urn:uuid:{n}", "resource": one, "request": {"method": "POST", "url": one["resourceType"]}}
        for n, one in enumerate((patient, *documents))
    ]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()


def with_content(message: bytes, sent: Sent) -> bytes:
    """A message as the laboratory writes it, with these bytes in place of its PDF."""
    kind, _, subtype = sent.content_type.partition("/")
    data = base64.b64encode(sent.data).decode()
    lines = message.decode().split("\r")
    at = next(n for n, line in enumerate(lines) if line.startswith("OBX") and "|ED|" in line)
    fields = lines[at].split("|")
    fields[5] = f"^{kind.upper()}^{subtype}^Base64^{data}"
    kept = [line for n, line in enumerate(lines) if n == at or not line.startswith("OBX")]
    return "\r".join("|".join(fields) if line == lines[at] else line for line in kept).encode()
