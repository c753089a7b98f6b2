"""One PDF for people: everything in it that can be shown, and no document can spoil it for the others."""

import io
import re
import sys
import time
import zlib
from pathlib import Path

import pypdfium2
import pytest
from fpdf import FPDF
from pypdf import PdfReader, PdfWriter

from tests.kit.fakes import MemoryVault
from tests.kit.packets import a_packet, a_pdf, an_item, contents
from transfer.adapters.packet import pdf, pdf_maker, pdf_parts, pdf_whole
from transfer.adapters.packet.layout import lay_out
from transfer.adapters.packet.pdf import Shown, bookmarked
from transfer.adapters.packet.pdf_maker import COMMAND
from transfer.errors import Unavailable
from transfer.records import DocumentStatus, RecordKind

SAMPLES = Path(__file__).parents[2] / "samples" / "documents"


def made_here(spec, data):
    """In this process: what the other one does, without its start."""
    parts = []
    for document in spec["documents"]:
        part = pdf_parts.part(spec, {"why": None, **document}, data[document["number"]], 3_000)
        how, pages, made = part.how, part.pages, part.pdf
        parts.append(pdf_whole.Part(document, how, pages, made))
    outcome, made = pdf_whole.whole(spec, parts)
    return outcome["documents"], made


def shown(vault, *items, **said):
    """The PDF of these items, made in this process."""
    contents_ = contents(items, **said)
    layout = lay_out(contents_)
    data = {d.number: vault.objects[d.item.location.key] for d in layout.documents}
    documents, made = made_here(pdf._spec(contents_, layout, {}), data)
    return {int(n): Shown(**where) for n, where in documents.items()}, PdfReader(io.BytesIO(made))


def compiled(**documents):
    """How each document was taken, and the PDF of them all."""
    spec = {
        "packet": "c00000000001-p1",
        "created_at": "2026-11-20T14:05:00+00:00",
        "footer": "footer",
        "name": "Nguyễn-Żółć, Maria 李",
        "brief": [("Patient", "Nguyễn-Żółć, Maria 李")],
        "details": [],
        "about": ["About."],
        "timeline": [],
        "entries": [],
        "documents": [],
        "imaging": [],
        "void": "Void:",
        "withdrawn": [],
        "not_here": "Not here:",
        "missing": ["CEA"],
        "material": [],
    }
    data = {}
    for number, (name, (content_type, content)) in enumerate(documents.items(), 1):
        data[number] = content
        spec["documents"].append(
            {
                "number": number,
                "entry": number,
                "path": f"data/documents/{number:04d}",
                "title": name,
                "section": "Clinical notes",
                "date": "undated",
                "source": "Łódź Hospital",
                "status": "Final",
                "content_type": content_type,
                "sha256": "0" * 64,
            }
        )
    told, made = made_here(spec, data)
    return [one["how"] for one in told.values()], PdfReader(io.BytesIO(made))


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def text_of(file) -> str:
    """The words of all pages after title and contents."""
    return " ".join(" ".join(page.extract_text() for page in file.pages[1:]).split())


def picture_of(file, page: int):
    """A page as another program draws it."""
    kept = io.BytesIO()
    PdfWriter(clone_from=file).write(kept)
    with pypdfium2.PdfDocument(kept.getvalue()) as opened:
        return opened[page].render(scale=1).to_pil().convert("L")


def objects(*bodies: bytes) -> bytes:
    """A PDF of these objects, the first its catalogue."""
    made, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    return (
        made + head + table + b"trailer<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF" % (len(bodies) + 1, len(made))
    )


CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
HOSTILE = {
    "a page tree that is its own child": objects(CATALOG, b"<</Type/Pages/Count 1/Kids[2 0 R]>>"),
    "brackets without end": objects(CATALOG, b"[" * 50_000 + b"]" * 50_000),
    "no pages": objects(CATALOG, b"<</Type/Pages/Count 0/Kids[]>>"),
    "a header and noise": b"%PDF-1.4" + bytes(range(256)) * 50,
    "nothing but a header": b"%PDF-1.7",
}


def test_a_hostile_pdf_costs_its_own_pages_only():
    """Each of them between two good ones, all in one packet."""
    documents = {"first": a_pdf("the good one")}
    for name, hostile in HOSTILE.items():
        documents |= {name: hostile, f"after {name}": a_pdf(f"good after {name}")}
    how, file = compiled(**{name: ("application/pdf", data) for name, data in documents.items()})
    drawn = [page.extract_text() for page in file.pages[-len(documents) :]]

    assert how[::2] == ["merged"] * len(how[::2])
    assert not {"merged", "repaired"} & set(how[1::2])
    assert "the good one" in drawn[0]
    for name, damaged, good in zip(HOSTILE, drawn[1::2], drawn[2::2], strict=True):
        assert "could not be opened" in damaged or "is empty" in damaged, name
        assert f"good after {name}" in good


def test_a_compressed_bomb_is_carried_but_not_blown_up():
    bomb = zlib.compress(zlib.compress(bytes(200_000_000), 1), 9)
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R>>"
    stream = b"<</Length %d/Filter[/FlateDecode/FlateDecode]>>stream\n%b\nendstream" % (len(bomb), bomb)
    how, file = compiled(
        bomb=("application/pdf", objects(CATALOG, b"<</Type/Pages/Count 1/Kids[3 0 R]>>", page, stream))
    )

    assert how[0] in ("merged", "repaired", "damaged")
    assert len(file.pages) == 2


def test_what_acts_by_itself_is_left_out_of_a_merged_pdf():
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/AA<</O<</S/JavaScript/JS(evil)>>>>"
        b"/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/Launch/F(evil)>>>>"
        b"<</Type/Annot/Subtype/FileAttachment/Rect[0 0 9 9]/FS(evil)>>]>>"
    )
    catalog = b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(evil)>>>>"
    how, file = compiled(bad=("application/pdf", objects(catalog, b"<</Type/Pages/Count 1/Kids[3 0 R]>>", page)))
    kept = io.BytesIO()
    PdfWriter(clone_from=file).write(kept)

    assert how == ["merged"]
    assert b"evil" not in kept.getvalue()
    assert b"JavaScript" not in kept.getvalue()


def test_a_pdf_with_a_password_gets_a_page_that_says_so():
    locked = FPDF()
    locked.set_encryption(owner_password="o", user_password="u")
    locked.add_page()
    how, file = compiled(locked=("application/pdf", bytes(locked.output())))

    assert how == ["password"]
    assert "password" in file.pages[1].extract_text()


def test_documents_are_bookmarked_by_kind_newest_first():
    vault = MemoryVault()
    items = (
        an_item(vault, b"older", 1, title="Older"),
        an_item(vault, b"newer", 5, title="Newer"),
        an_item(vault, a_pdf("p"), 2, title="Report", kind=RecordKind.PATHOLOGY_REPORT, content_type="application/pdf"),
    )
    where, file = shown(vault, *items)
    outline = file.outline

    assert [entry.title for entry in outline if not isinstance(entry, list)] == [
        "The case, timeline and contents",
        "Pathology reports",
        "Clinical notes",
        "By date",
    ]
    assert "Newer" in outline[-3][0].title
    assert "Older" in outline[-3][1].title
    assert [where[n].how for n in (1, 2, 3)] == ["merged", "rendered", "rendered"]


def test_page_numbers_in_the_contents_are_those_of_the_file():
    vault = MemoryVault()
    where, file = shown(vault, *(an_item(vault, b"text", n, title="A long title " * 30) for n in range(1, 10)))

    listed = " ".join(page.extract_text() for page in file.pages[: where[1].page - 1]).replace("\n", " ")

    assert where[1].page > 2, "the contents should need more than one page here"
    for number, one in where.items():
        assert file.pages[one.page - 1].extract_text().startswith(f"{number} · A long title")
        assert re.search(rf"p\. {one.page}(?!\d)", listed)


def test_names_in_any_script_print_and_status_stands_in_the_contents():
    vault = MemoryVault()
    item = an_item(vault, "Ωμέγα Привет 李明\x00\x07".encode(), status=DocumentStatus.PRELIMINARY, title="Łąka")
    text = "".join(page.extract_text() for page in shown(vault, item)[1].pages)

    for word in ("Nguyễn-Żółć", "Łąka", "Ωμέγα", "Привет", "Preliminary", "CEA", "S26-1234"):
        assert word in text


def test_a_drawn_document_says_that_it_was_drawn_and_from_what():
    item = an_item(vault := MemoryVault(), b"some text")
    text = shown(vault, item)[1].pages[-1].extract_text()

    assert "Drawn for reading" in text
    assert item.location.sha256 in text


def test_scanned_pictures_become_pages():
    from PIL import Image

    kept = io.BytesIO()
    pages = [Image.new("1", (80, 100), 1) for _ in range(3)]
    pages[0].save(kept, "TIFF", save_all=True, append_images=pages[1:])
    how, file = compiled(fax=("image/tiff", kept.getvalue()), noise=("image/png", b"\x89PNG\r\n\x1a\nnoise"))

    assert how == ["rendered", "damaged"]
    assert len(file.pages) == 1 + 3 + 1


DIES = f"""
import json, struct, subprocess, sys, threading
inner = subprocess.Popen({list(COMMAND)!r}, stdin=subprocess.PIPE, stdout=sys.stdout.buffer)
while head := sys.stdin.buffer.read(8):
    frame = sys.stdin.buffer.read(*struct.unpack(">Q", head))
    length = sys.stdin.buffer.read(8)
    data = sys.stdin.buffer.read(*struct.unpack(">Q", length))
    if data == b"deadly":
        sys.exit(9)
    inner.stdin.write(head + frame + length + data)
    inner.stdin.flush()
"""


def test_a_document_that_kills_the_process_is_left_out_and_the_rest_goes_in():
    vault = MemoryVault()
    items = [an_item(vault, text, n) for n, text in ((4, b"text"), (3, b"deadly"), (2, b"text 2"), (1, b"text three"))]
    contents_ = contents(tuple(items))
    layout = lay_out(contents_)
    data = {d.number: vault.objects[d.item.location.key] for d in layout.documents}
    made = bookmarked(contents_, layout, data, command=(sys.executable, "-c", DIES))

    assert [made.documents[n].how for n in (1, 2, 3, 4)] == ["rendered", "left-out", "rendered", "rendered"]


@pytest.mark.parametrize("command", [(sys.executable, "-c", "raise SystemExit(1)"), ("/nowhere/python",)])
def test_a_process_that_does_not_run_is_said_to_be_unavailable(command):
    vault = MemoryVault()
    contents_ = contents((an_item(vault, b"text"),))
    layout = lay_out(contents_)

    with pytest.raises(Unavailable):
        bookmarked(contents_, layout, {1: b"text"}, command=command)


class Joins:
    """A process in which joining dies of one document's pages, and of whatever `dies` says besides."""

    def __init__(self, deadly: int | None, deaths: int = 0) -> None:
        self.deadly, self.deaths, self.joined = deadly, deaths, 0

    def ask(self, job, _data):
        if "parts" not in job:
            return {"how": job["document"]["why"], "pages": 1, "undrawn": {}, "seconds": 0.1}, b"said"
        self.joined += 1
        if self.joined <= self.deaths or any(
            one["how"] == "merged" and one["document"]["number"] == self.deadly for one in job["parts"]
        ):
            raise pdf_maker.Died
        return {"pages": 4, "documents": {one["document"]["number"]: one["how"] for one in job["parts"]}}, b"pdf"


def joined(maker: Joins):
    sent = [pdf_maker.Sent({"number": n}, b"x") for n in range(1, 9)]
    pages = {n: pdf_maker.Made("merged", 1, b"p" * n, {}) for n in range(1, 9)}
    return pdf_maker.whole(maker, {"created_at": "", "footer": ""}, sent, pages)[0]["documents"]


@pytest.mark.parametrize("deadly", [1, 5, 8])
def test_joining_comes_to_an_end_whatever_one_document_does(deadly: int):
    maker = Joins(deadly)

    hows = joined(maker)

    assert hows[deadly] == "left-out"
    assert maker.joined <= 6


def test_joining_that_dies_for_another_reason_leaves_nothing_out():
    assert set(joined(Joins(None, deaths=1)).values()) == {"merged"}


def test_joining_that_always_dies_is_said_to_be_unavailable():
    with pytest.raises(Unavailable):
        joined(Joins(None, deaths=99))


def test_time_is_processor_time_and_what_takes_too_long_is_tried_again_with_more():
    class Busy:
        def __init__(self):
            self.asked = []

        def ask(self, job, data):
            number, seconds = job["document"]["number"], job["document"]["seconds"]
            self.asked.append((number, seconds))
            slow = number == 1 and seconds == pdf_maker.SECONDS
            return {"how": "too-long" if slow else "merged", "pages": 1, "undrawn": {}, "seconds": 1.0}, b"pdf"

    maker = Busy()
    sent = [pdf_maker.Sent({"number": n}, b"x" * size) for n, size in ((1, 5), (2, 900), (3, 50))]
    made = pdf_maker.made(maker, {"created_at": "", "footer": ""}, sent)

    assert maker.asked == [(1, 8), (3, 8), (2, 8), (1, 40)]
    assert {one.how for one in made.values()} == {"merged"}


def test_waiting_costs_a_document_nothing_and_working_too_long_costs_it_its_pages():
    with pdf_parts.in_time(0.2):
        time.sleep(0.5)
    with pytest.raises(pdf_parts.TooLong):
        with pdf_parts.in_time(0.2):
            while True:
                pass


def test_the_packets_own_pdf_opens():
    file = PdfReader(io.BytesIO(a_packet().files["records.pdf"]))

    assert len(file.pages) >= 5
    assert file.metadata.title == "Records packet c00000000001-p1"


# what others' PDFs hold


def test_values_of_a_form_are_seen():
    how, file = compiled(form=("application/pdf", sample("pdf-form-no-appearance.pdf")))

    assert how == ["merged"]
    assert "Oxaliplatin, severe" in text_of(file)
    assert "liver, two" in text_of(file)
    assert "/Annots" not in file.pages[1]


def test_a_layer_that_is_off_stays_off():
    how, file = compiled(
        first=("application/pdf", sample("pdf-layer-off.pdf")), second=("application/pdf", sample("pdf-layer-off.pdf"))
    )

    assert how == ["merged", "merged"]
    assert len(file.root_object["/OCProperties"]["/D"]["/OFF"]) == 2
    for page in (1, 2):
        seen = picture_of(file, page)
        assert seen.crop((0, 40, 400, 100)).getextrema()[0] < 100, "the layer that is on"
        assert seen.crop((0, 104, 400, 200)).getextrema()[0] == 255, "the layer that is off"


def test_attached_files_are_told_and_shown():
    how, file = compiled(portfolio=("application/pdf", sample("pdf-portfolio.pdf")))

    assert how == ["merged"]
    for words in ("1 attached file: “report.txt”", "portfolio in a reader", "KRAS G12D mutated"):
        assert words in text_of(file)


def test_a_form_that_only_adobe_shows_is_told_with_its_values():
    how, file = compiled(form=("application/pdf", sample("pdf-junk-before.pdf")))

    assert how == ["rendered"]
    assert "only Adobe" in text_of(file)
    assert "Carcinoma" in text_of(file)


def test_a_reference_to_nothing_costs_nothing():
    how, file = compiled(one=("application/pdf", sample("pdf-dangling-annotation.pdf")))

    assert how == ["merged"]
    assert "adenocarcinoma" in text_of(file)


def test_half_a_pdf_is_not_called_merged():
    whole = a_pdf("one", "two")
    how, file = compiled(half=("application/pdf", whole[: len(whole) * 9 // 10]))

    assert how == ["repaired"]
    assert "file of this document is damaged" in text_of(file)


# drawn documents


@pytest.mark.parametrize(
    ("name", "content_type", "words"),
    [
        ("cda-cell-blocks.xml", "text/xml", "Capecitabine 1000 2 times a day"),
        ("cda-item-blocks.xml", "text/xml", "• Lesion size 1 2 nodes • Margin free pT3 N1a"),
        ("cda-latin1.xml", "text/xml", "Größe 3 cm"),
        ("cda-rtf-body.xml", "text/xml", "Invasive carcinoma"),
        ("cda-rowspan.xml", "text/xml", "Serum CEA 4.1 normal CA 19-9 412 HIGH"),
        ("html-table.html", "text/html", "Serum CEA 4.1 CA 19-9 412 Hb 9.1"),
        ("note.rtf", "text/rtf", "Invasive adenocarcinoma Margins free"),
        ("text-cp1252.txt", "text/plain", "Größe 3 cm – “fest”, 5 µg/L, ±2 °C, patient’s"),
    ],
)
def test_every_word_stands_on_the_page_in_its_order(name, content_type, words):
    how, file = compiled(document=(content_type, sample(name)))

    assert how == ["rendered"]
    assert words in text_of(file)


def test_columns_of_a_text_stand_below_each_other():
    _, file = compiled(text=("text/plain", sample("text-columns.txt")))
    drawn = file.pages[1].extract_text(extraction_mode="layout").splitlines()
    flags = [line.index(flag) for line in drawn for flag in (" H ", " L ") if flag in line]
    assert len(flags) == 2
    assert len(set(flags)) == 1


@pytest.mark.parametrize(
    ("text", "is_turned"),
    [
        ("word " * 300, False),
        ("x" * 2_000, False),
        ("A  " + "=" * 127 + "  B\n" + "C  ".ljust(131) + "D", True),
        ("A    B\n" + "word " * 300, False),
    ],
    ids=["a paragraph in one line", "no word", "columns", "columns beside a paragraph"],
)
def test_long_lines_are_broken_and_wide_columns_turn_the_page(text, is_turned):
    how, file = compiled(text=("text/plain", text.encode()))
    page = file.pages[-1]

    assert how == ["rendered"]
    assert (page.mediabox.width > page.mediabox.height) is is_turned
    assert "".join(text.split()) in "".join(text_of(file).split()).replace("footer", "")


def test_a_document_that_is_only_an_address_says_so():
    how, file = compiled(document=("text/xml", sample("cda-body-elsewhere.xml")))

    assert how == ["body-elsewhere"]
    assert "did not come with it" in text_of(file)


def test_letters_of_many_scripts_are_drawn_and_others_told():
    how, file = compiled(text=("text/plain", "שלום مرحبا नमस्ते สวัสดี Ωμέγα 検査 ─┼".encode()))

    assert how == ["rendered"]
    assert "2 characters (Han) cannot be drawn here" in text_of(file)
    assert "(Han) cannot be drawn here" in file.pages[0].extract_text(), "of the patient's name"


def test_a_picture_is_as_any_viewer_shows_it():
    how, file = compiled(
        clear=("image/png", sample("png-transparent.png")), turned=("image/jpeg", sample("jpg-exif-6.jpg"))
    )
    clear, turned = picture_of(file, 1), picture_of(file, 2)

    assert how == ["rendered", "rendered"]
    assert clear.resize((1, 1)).getpixel((0, 0)) > 200, "black writing on white"
    assert turned.width > turned.height, "lying, as its camera was held"


def test_a_table_of_many_columns_and_rows_is_drawn_whole():
    heads = "".join(f"<th>head{n}</th>" for n in range(25))
    rows = "".join(f"<tr>{''.join(f'<td>value{r}x{n}</td>' for n in range(25))}</tr>" for r in range(60))
    how, file = compiled(table=("text/html", f"<table><tr>{heads}</tr>{rows}</table>".encode()))
    text = text_of(file)

    assert how == ["rendered"]
    assert all(f"value{r}x{n}" in text for r in range(60) for n in range(25))
    assert all("head0" in page.extract_text() for page in file.pages[2:]), "the first column is on every page"
    assert all(page.mediabox.width > page.mediabox.height for page in file.pages[2:])


def test_a_cell_longer_than_a_page_goes_on_on_the_next():
    words = " ".join(f"w{n}" for n in range(4_000))
    how, file = compiled(
        table=("text/html", f"<table><tr><th>a<th>b<tr><td rowspan=2>{words}<td>x<tr><td>y</table>".encode())
    )
    read = re.findall(r"w\d+", text_of(file))

    assert how == ["rendered"]
    assert read == [f"w{n}" for n in range(4_000)]


def test_a_text_cannot_draw_what_only_we_draw():
    _, file = compiled(text=("text/plain", "{nb} **bold** [x](1) \ufdd0\ufdd0 end".encode()))

    assert "{nb} **bold** [x](1) end" in text_of(file)
