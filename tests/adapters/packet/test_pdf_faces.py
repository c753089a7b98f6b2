"""Faces that are parsed once: pages are drawn with them as with faces of their own."""

import io
from datetime import UTC, datetime

import pikepdf
import pypdfium2
import pytest
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.output import OutputProducer

from transfer.adapters.packet import pdf_faces
from transfer.adapters.packet.pdf_text import FIXED, Pages

CREATED = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)


def made(text: str, footer: str = "page") -> bytes:
    pages = Pages(created_at=CREATED, footer=footer)
    pages.write_line(text)
    pages.write_line(text, bold=True)
    pages.face(FIXED, 9)
    pages.line_of("Hgb  13.1 g/dL", 300, 12)
    return pages.finished()


def seen(pdf: bytes) -> tuple[list[bytes], list[str]]:
    paper = pypdfium2.PdfDocument(io.BytesIO(pdf))
    drawn = [page.render(scale=2).to_numpy().tobytes() for page in paper]
    return drawn, [page.get_textpage().get_text_range() for page in paper]


@pytest.mark.parametrize(
    ("text", "footer"),
    [
        ("Adenocarcinoma, 4 × 2 cm — pT3 pN1a (2/14) ≥ 5 %", "c00000000001-p1"),
        ("Żółć, Ångström, Jiří", "Nguyễn"),
        ("α-fetoprotein, 5 µg; Кузнецов", "page"),
        ("שלום and سلام with नमस्ते", "page"),
    ],
)
def test_pages_are_drawn_as_with_faces_parsed_for_them_alone(text: str, footer: str, monkeypatch: pytest.MonkeyPatch):
    ours = seen(made(text, footer))
    monkeypatch.setattr(pdf_faces, "add", FPDF.add_font)
    monkeypatch.setattr(pdf_faces, "Writing", OutputProducer)

    assert seen(made(text, footer)) == ours


def test_a_document_holds_of_a_face_what_its_letters_need_and_no_more():
    with pikepdf.open(io.BytesIO(made("Clear."))) as pdf:
        streams = [one for one in pdf.objects if isinstance(one, pikepdf.Stream)]
        files = [one.read_bytes() for one in streams if "/Length1" in one]
        faces = [TTFont(io.BytesIO(file)) for file in files]

    assert len(faces) == 3
    assert all({*face.keys()} - {"GlyphOrder"} <= pdf_faces._NEEDED for face in faces)


def test_a_document_holds_no_letter_of_one_before_it():
    alone = made("Clear.")
    made("Every other letter: ABDEFGHIJKLMNOPQRSTUVWXYZ, ễ and Ж")

    assert len(made("Clear.")) == len(alone)
