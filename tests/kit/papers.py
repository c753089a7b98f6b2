"""Papers to test with: a PDF, a fax in TIFF and a picture of so many pages. Each page says its number in large."""

import io
from collections.abc import Sequence
from datetime import date

import pypdfium2
from fpdf import FPDF
from PIL import Image, ImageDraw

from transfer.sandbox.charts import Chart


def a_pdf(pages: int, *, says: str = "page") -> bytes:
    """A PDF with a text layer."""
    made = FPDF(format="letter")
    made.set_font("helvetica", size=40)
    for number in range(1, pages + 1):
        made.add_page()
        made.cell(text=f"{says} {number}")
    return bytes(made.output())


def a_printed_text(text: str) -> bytes:
    """A PDF with a text layer, whose lines are broken where its column ends."""
    made = FPDF(format="letter")
    made.set_font("helvetica", size=12)
    made.add_page()
    made.multi_cell(90, 6, text)
    return bytes(made.output())


def a_fax(pages: int, *, standard: bool = False) -> bytes:
    """A TIFF as fax servers write it (T.4): black and white; of standard resolution, pixels are twice as high."""
    height, down = (1078, 98) if standard else (2156, 196)
    frames = [_frame(number, height) for number in range(1, pages + 1)]
    kept = io.BytesIO()
    frames[0].save(kept, "TIFF", save_all=True, append_images=frames[1:], compression="group4", dpi=(204, down))
    return kept.getvalue()


def _frame(number: int, height: int) -> Image.Image:
    frame = Image.new("1", (1728, height), 1)
    ImageDraw.Draw(frame).rectangle((100, 100, 100 + 40 * number, height // 2), fill=0)
    return frame


def a_picture(kind: str = "JPEG") -> bytes:
    """A page as a telephone takes it, lying on its side."""
    kept = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turn by 90 degrees clockwise
    Image.new("RGB", (400, 300), "white").save(kept, kind, exif=exif)
    return kept.getvalue()


def a_scan(texts: Sequence[str]) -> bytes:
    """A fax of pages with these texts: pictures of words, black and white, without a text layer."""
    made = FPDF(format="letter")
    made.set_font("helvetica", size=13)
    for text in texts:
        made.add_page()
        made.multi_cell(0, 7, text)
    drawn = pypdfium2.PdfDocument(bytes(made.output()))
    frames = [page.render(scale=204 / 72, grayscale=True).to_pil().convert("1", dither=0) for page in drawn]
    kept = io.BytesIO()
    frames[0].save(kept, "TIFF", save_all=True, append_images=frames[1:], compression="group4", dpi=(204, 204))
    return kept.getvalue()


def a_report_of(chart: Chart, title: str = "Surgical pathology report", collected: str = "10/5/2026") -> str:
    """The words of a page that names the patient of a chart, its kind and its day."""
    who = chart["patient"]
    born = date.fromisoformat(who["birth_date"])
    return "\n".join(
        (
            "Prairie Pathology, Fargo",
            title,
            f"Patient: {who['family']}, {' '.join(who['given'])}",
            f"Born: {born.month}/{born.day}/{born.year}",
            f"Collected: {collected}",
            "The specimen is received fresh and labelled with the name of the patient.",
        )
    )
