"""Documents that are opened to be drawn: text, HTML, XML and C-CDA, HL7 v2 results, PDF, scanned pictures."""

import io
from collections.abc import Iterable
from typing import Any

from PIL import Image
from pypdf import PdfReader, PdfWriter

from tests.campaigns.fuzz.contract import Target, answer, files
from tests.kit.packets import a_pdf
from tests.kit.scripted_fhir import an_institution
from transfer.adapters.content_labels import ReadWithin
from transfer.adapters.packet import narrative, pdf_carried, pdf_parts, pdf_text, pictures, shown
from transfer.adapters.packet.narrative import (
    BodyElsewhere,
    Facts,
    FixedWidth,
    ForPrograms,
    Heading,
    NarrativeTable,
    Paragraph,
    Remark,
)
from transfer.errors import Unreadable
from transfer.security_labels import KNOWN_LABELS, UNREAD

_TYPES = ("text/plain", "text/html", "text/xml", "x-application/hl7-v2+er7")
_SPEC = {"created_at": "2026-11-21T00:00:00+00:00", "footer": "Records packet"}
_DOCUMENT = {
    "number": 1,
    "path": "data/documents/0001.bin",
    "title": "A document",
    "section": "Other documents",
    "date": "21 Nov 2026",
    "source": "Lakeside",
    "status": "Final",
    "sha256": "0" * 64,
    "why": None,
}
_MOST = 40
_INSTITUTION = an_institution()


def plain(data: bytes) -> None:
    _blocks("text/plain", data)


def html(data: bytes) -> None:
    _blocks("text/html", data)


def xml(data: bytes) -> None:
    _blocks("text/xml", data)
    _labels(data)


def _labels(data: bytes) -> None:
    """The same labels however the document is cut, each one that is known or a person's; the bytes go by unchanged."""
    whole, cut = ReadWithin(_INSTITUTION), ReadWithin(_INSTITUTION)
    assert b"".join(whole.passing([data])) == data
    assert b"".join(cut.passing(data[at : at + 7] for at in range(0, len(data), 7))) == data
    assert whole.labels == cut.labels <= KNOWN_LABELS | {UNREAD}
    assert whole.own_word == cut.own_word


def results(data: bytes) -> None:
    _blocks("x-application/hl7-v2+er7", data)


def rich(data: bytes) -> None:
    _blocks("text/rtf", data)


def word(data: bytes) -> None:
    _blocks("application/vnd.openxmlformats-officedocument.wordprocessingml.document", data)


def _blocks(media_type: str, data: bytes) -> None:
    """Text to draw, within its bound, or said to be unreadable; every character of it is one that can be drawn."""
    with pdf_parts.in_time(pdf_parts.SECONDS):
        found = answer(narrative.blocks, media_type, data, documented=(Unreadable, BodyElsewhere, ForPrograms))
    for block in found or ():
        if isinstance(block, Heading | Paragraph | FixedWidth | Remark):
            pdf_text.drawable(block.text).encode()
        elif isinstance(block, NarrativeTable):
            assert all(cell.column + cell.columns <= block.width for cell in block.cells)
            assert all(cell.row + cell.rows <= block.height for cell in block.cells)
        elif isinstance(block, Facts):
            assert all(label and value for label, value in block.rows)


def drawn(data: bytes) -> None:
    """Whatever it is, a document has pages in the packet's PDF: its own, ours of its text, or one that says why not."""
    content_type = _TYPES[data[0] % len(_TYPES)] if data else "text/plain"
    made = pdf_parts.part(_SPEC, {**_DOCUMENT, "content_type": content_type}, data[1:], _MOST)
    assert made.how in shown.IN_THE_PDF or made.how in shown.NOT_SHOWN
    assert made.pages == len(PdfReader(io.BytesIO(made.pdf)).pages) <= max(_MOST, 1)


def pdf(data: bytes) -> None:
    """A PDF that was carried can be carried again, into the whole: what it costs, it costs its own pages only."""
    try:
        with pdf_parts.in_time(pdf_parts.SECONDS):
            made = pdf_carried.carried(data, _MOST)
    except (Exception, pdf_parts.TooLong):  # noqa: BLE001  # a page says so in its place: `drawn`
        return
    whole = PdfWriter()
    for page in PdfReader(io.BytesIO(made.pdf)).pages:
        _acts_by_itself_nowhere(page)
        whole.add_page(page)
    whole.write(io.BytesIO())
    assert len(whole.pages) == made.pages <= _MOST


def _acts_by_itself_nowhere(page: Any) -> None:
    assert "/AA" not in page
    for annotation in page.get("/Annots", ()):
        assert not {"/A", "/AA", "/PA"} & set(annotation.get_object())


def picture(data: bytes) -> None:
    """A scanned picture is as many drawable pictures as it has pages, or an error that costs its pages only."""
    try:
        with pdf_parts.in_time(pdf_parts.SECONDS):
            frames = pictures.frames(data, 4)
    except (Exception, pdf_parts.TooLong):  # noqa: BLE001  # as in `pdf`
        return
    assert 0 < len(frames) <= 4


_CARRIED = (
    b'<ClinicalDocument><title>t</title><component><nonXMLBody><text representation="B64" mediaType="text/plain">QQ=='
    b"</text></nonXMLBody></component></ClinicalDocument>"
)
_STRUCTURED = (
    b'<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3"><component><structuredBody>'
    b"<component><section><title>t</title><text>a<br/>b<list><item>c<list><item>d</item></list></item></list>"
    b"<table><thead><tr><th>e</th></tr></thead><tbody><tr><td>f</td><td>g</td></tr></tbody></table>"
    b"<paragraph>h</paragraph></text><component><section><text>i</text></section></component></section></component>"
    b"</structuredBody></component></ClinicalDocument>"
)
_CONFIDENTIAL = (
    b'<ClinicalDocument xmlns="urn:hl7-org:v3"><confidentialityCode code="R" codeSystem="2.16.840.1.113883.5.25"/>'
    b'<component><observation><code code="SECCATOBS"/><value code="HIV"/></observation></component></ClinicalDocument>'
)


def seeds() -> Iterable[tuple[str, bytes]]:
    for made in (a_pdf("one"), a_pdf("one", "two"), _acting()):
        yield "pdf", made
        yield "drawn", b"\0" + made
    yield "plain", b"one\n\ttwo\x0c\xff\xfe"
    yield "html", b"<html><head><style>x</style></head><body><p>a &amp; b<ul><li>c<td>d<![CDATA[e]]><!-- f --></p>"
    yield (
        "rich",
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 A;}}a\'e4\par\trowd b\cell c\cell\row{\footnote d}\u8364?}",
    )
    yield "word", _word()
    yield "xml", _CARRIED
    yield "xml", _STRUCTURED
    yield "xml", _CONFIDENTIAL
    for kind in ("PNG", "JPEG", "TIFF"):
        kept = io.BytesIO()
        Image.new("L", (3, 2)).save(kept, kind)
        yield "picture", kept.getvalue()
    for message in files("hl7v2", suffixes=(".hl7",), longest=8 << 10):
        yield "results", message
    for document in files("cda", suffixes=(".xml",), longest=TARGET.longest):
        yield "xml", document


def _word() -> bytes:
    """A small Word document with a table."""
    import docx

    document = docx.Document()
    document.add_paragraph("one")
    document.add_table(1, 2).cell(0, 1).text = "two"
    kept = io.BytesIO()
    document.save(kept)
    return kept.getvalue()


def _acting() -> bytes:
    """A PDF with what acts by itself."""
    from pypdf.annotations import Link
    from pypdf.generic import DictionaryObject, NameObject, TextStringObject

    writer = PdfWriter(io.BytesIO(a_pdf("one")))
    writer.add_annotation(0, Link(rect=(0, 0, 9, 9), url="http://127.0.0.1/"))
    action = DictionaryObject({NameObject("/S"): NameObject("/Launch"), NameObject("/F"): TextStringObject("x")})
    writer.pages[0][NameObject("/AA")] = DictionaryObject({NameObject("/O"): action})
    kept = io.BytesIO()
    writer.write(kept)
    return kept.getvalue()


TARGET = Target(
    name="documents",
    parsers=(plain, html, xml, results, drawn, pdf, picture, rich, word),
    seeds=seeds,
    seconds=0,
    words=(
        *(
            b"%PDF-1.7\n",
            b"%%EOF",
            b"xref\n",
            b"trailer",
            b"startxref\n",
            b"stream\n",
            b"\nendstream",
            b"1 0 obj",
            b"endobj",
        ),
        *(b"/Type", b"/Page", b"/Pages", b"/Kids", b"/Count", b"/Parent", b"/Annots", b"/AA", b"/A", b"/S", b"/Launch"),
        *(
            b"/Filter",
            b"/FlateDecode",
            b"/LZWDecode",
            b"/ASCII85Decode",
            b"/ObjStm",
            b"/XRef",
            b"/Encrypt",
            b"/Prev",
            b"1 0 R",
        ),
        *(
            b"/Contents",
            b"/Resources",
            b"/MediaBox",
            b"<<",
            b">>",
            b"[",
            b"]",
            b"null",
            b"-1",
            b"/Subtype",
            b"/JavaScript",
        ),
        *(
            b"<ClinicalDocument>",
            b"<component>",
            b"<structuredBody>",
            b"<section>",
            b"<text>",
            b"<table>",
            b"<tr>",
            b"<td>",
        ),
        *(
            b"<list>",
            b"<item>",
            b"<nonXMLBody>",
            b' representation="B64"',
            b' mediaType="text/xml"',
            b"<!DOCTYPE x [",
            b"&#0;",
        ),
        *(
            b"<!ENTITY a 'b'>",
            b"&a;",
            b"<![CDATA[",
            b"]]>",
            b'encoding="UTF-16"',
            b'encoding="x"',
            b"<script>",
            b"</p>",
            b"&#x1f480;",
        ),
        *(
            b"MSH|^~\\&|",
            b"\rOBX|1|TX|a^b||",
            b"\\.br\\",
            b"\\F\\",
            b"~",
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b"IHDR",
            b"\xff\xd8\xff",
        ),
    ),
)
