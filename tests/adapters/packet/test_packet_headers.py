"""records.pdf: a header on every page that covers nothing, the case first, bookmarks by kind and by date, links."""

import io

import pikepdf
import pypdfium2
import pytest
from PIL import ImageChops
from pypdf import PdfReader

from tests.kit.fakes import MemoryVault
from tests.kit.packets import a_message_with_its_pdf, a_packet, a_pdf, an_item, contents, made
from transfer.adapters.packet.pdf_headers import STRIP
from transfer.partial_dates import PartialDate
from transfer.records import RecordKind

PDF = "application/pdf"


def page_of(*, turned: int = 0, **boxes: list[float]) -> bytes:
    """A page with something in every corner, turned so, with these boxes."""
    content = (
        b"0 0 1 rg 0 0 90 60 re f 1 0 0 rg 510 730 102 62 re f 0 1 0 rg 0 730 60 62 re f 1 0 1 rg 540 0 72 40 re f"
    )
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(612, 792))
        page = pdf.pages[0]
        page.obj["/Contents"] = pdf.make_stream(content)
        page.obj["/Rotate"] = turned
        for name, box in boxes.items():
            page.obj[f"/{name}"] = pikepdf.Array(box)
        kept = io.BytesIO()
        pdf.save(kept)
        return kept.getvalue()


def records(*items, **said):
    vault = MemoryVault()
    items = tuple(an_item(vault, data, number, **more) for number, (data, more) in enumerate(items, 1))
    packet = made(contents(items, **said), vault)
    return packet.files["records.pdf"]


def drawn(pdf: bytes, page: int):
    return pypdfium2.PdfDocument(pdf)[page].render(scale=1).to_pil().convert("RGB")


CASES = {
    "upright": page_of(),
    "quarter": page_of(turned=90),
    "half": page_of(turned=180),
    "three quarters": page_of(turned=270),
    "cropped": page_of(CropBox=[40, 30, 560, 760]),
    "cropped and turned": page_of(turned=90, CropBox=[40, 30, 560, 760]),
    "odd turn": page_of(turned=-90),
    "from elsewhere": page_of(MediaBox=[-100, -50, 600, 750]),
    "backwards": page_of(MediaBox=[612, 792, 0, 0]),
}


@pytest.fixture(scope="module")
def whole() -> bytes:
    return records(*((data, {"content_type": PDF, "title": name}) for name, data in CASES.items()))


@pytest.mark.parametrize("name", CASES)
def test_a_header_stands_above_a_page_and_the_page_is_as_it_was(whole, name):
    front = len(PdfReader(io.BytesIO(whole)).pages) - len(CASES)
    texts = [page.extract_text() for page in PdfReader(io.BytesIO(whole)).pages]
    number = next(n for n in range(front, len(texts)) if f" · {name} · Lakeside Oncology · page 1 of 1" in texts[n])
    ours, theirs = drawn(whole, number), drawn(CASES[name], 0)
    strip = ours.height - theirs.height

    assert ours.width == theirs.width
    assert abs(strip - STRIP * theirs.width / 612) <= 1
    below = ours.crop((0, strip, ours.width, ours.height))
    # two rows at the seam are of both
    differing = ImageChops.difference(below, theirs).crop((0, 2, theirs.width, theirs.height - 2)).getbbox()
    assert differing is None
    assert ours.crop((0, 0, ours.width, strip)).getextrema() != ((255, 255),) * 3, "the header is there"


def test_what_a_page_draws_outside_of_what_is_seen_of_it_does_not_cover_its_header():
    loud = b"1 0 0 rg -1000 -1000 5000 5000 re f"
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(612, 792))
        pdf.pages[0].obj["/Contents"] = pdf.make_stream(loud)
        kept = io.BytesIO()
        pdf.save(kept)
    whole = records((kept.getvalue(), {"content_type": PDF}))
    last = drawn(whole, len(PdfReader(io.BytesIO(whole)).pages) - 1)

    assert last.getpixel((306, 3)) == (255, 255, 255)
    assert last.getpixel((306, 400)) == (255, 0, 0)


def test_pages_that_share_their_resources_have_headers_of_their_own():
    shared = a_pdf("one", "two", "three")
    texts = [page.extract_text() for page in PdfReader(io.BytesIO(records((shared, {"content_type": PDF})))).pages]

    assert [n for n in range(1, 4) if any(f"page {n} of 3" in text for text in texts)] == [1, 2, 3]
    assert sum("page 2 of 3" in text for text in texts) == 1


def test_a_very_long_title_is_cut_and_source_and_page_are_not():
    text = PdfReader(io.BytesIO(records((b"x", {"title": "long " * 100, "code": None})))).pages[-1].extract_text()

    assert "… · Lakeside Oncology · page 1 of 1" in text.replace("\n", " ")


def test_the_first_page_says_the_case():
    text = PdfReader(io.BytesIO(a_packet().files["records.pdf"])).pages[0].extract_text()

    for words in (
        "born 02 Mar 1958",
        "ICD-10-CM C18.7",
        "stage IIIB",
        "Is adjuvant treatment indicated?",
        "+1 262 555 0142",
        "appointment 03 Dec 2026",
        "needed by 01 Dec 2026",
        "MRN-00123 (Lakeside Oncology)",
        "Timeline",
    ):
        assert words in text
    assert "urn:" not in text


def test_bookmarks_go_by_kind_and_by_date_and_lead_to_the_pages():
    days = {"New": PartialDate(2026, 5, 5), "Old": PartialDate(2020), "Middle": PartialDate(2023, 2)}
    pdf = records(
        *((a_pdf(name), {"content_type": PDF, "title": name, "day": day, "at": None}) for name, day in days.items()),
        (
            a_pdf("Path"),
            {"content_type": PDF, "title": "Path", "kind": RecordKind.PATHOLOGY_REPORT, "day": None, "at": None},
        ),
    )
    reader = PdfReader(io.BytesIO(pdf))
    top = [one for one in reader.outline if not isinstance(one, list)]
    below = [one for one in reader.outline if isinstance(one, list)]

    assert [one.title for one in top] == [
        "The case, timeline and contents",
        "Pathology reports",
        "Clinical notes",
        "By date",
    ]
    assert [one.title.split()[0] for one in below[-1]] == ["2020", "Feb", "05", "undated"]
    for one in (*below[1], *below[2]):
        title = next(name for name in (*days, "Path") if name in one.title)
        assert title in reader.pages[reader.get_destination_page_number(one)].extract_text()


def test_rows_of_timeline_and_contents_lead_to_the_pages_they_name():
    reader = PdfReader(io.BytesIO(a_packet().files["records.pdf"]))
    numbers = {page.indirect_reference.idnum: number for number, page in enumerate(reader.pages)}
    links = [one.get_object() for page in reader.pages for one in page.get("/Annots", [])]
    goals = [numbers[link["/Dest"][0].idnum] for link in links if "/Dest" in link]

    assert len(goals) == 6, "three documents, in each of two lists"
    assert sorted(goals[:3]) == sorted(goals[3:])
    assert min(goals) > 0


def test_what_a_message_carries_is_read_before_its_sheet_and_not_twice():
    vault = MemoryVault()
    packet = made(contents(a_message_with_its_pdf(vault)), vault)
    texts = [page.extract_text() for page in PdfReader(io.BytesIO(packet.files["records.pdf"])).pages]
    of_entry = [text for text in texts if "1 · Report · Lakeside Oncology · page" in text.replace("\n", " ")]

    assert len(of_entry) == 2
    assert "The report" in of_entry[0]
    assert "The report" not in of_entry[1]


def test_the_same_contents_give_the_same_pdf():
    vault = MemoryVault()
    said = contents((an_item(vault, a_pdf("x"), 1, content_type=PDF), an_item(vault, b"text", 2)))

    assert made(said, vault).files["records.pdf"] == made(said, vault).files["records.pdf"]
