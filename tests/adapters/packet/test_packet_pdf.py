"""One PDF for people: everything in it that can be shown, and no document can spoil it for the others."""

import io
import re
import sys
import zlib

from fpdf import FPDF
from pypdf import PdfReader, PdfWriter

from tests.kit.fakes import MemoryVault
from tests.kit.packets import a_packet, a_pdf, an_item, contents
from transfer.adapters.packet import pdf, pdf_merge
from transfer.adapters.packet.layout import lay_out
from transfer.adapters.packet.pdf import COMMAND, Shown, bookmarked
from transfer.records import DocumentStatus, RecordKind


def shown(vault, *items, **said):
    """The PDF of these items, made in this process."""
    contents_ = contents(items, **said)
    layout = lay_out(contents_)
    data = {d.number: vault.objects[d.item.location.key] for d in layout.documents}
    sent = [pdf._Sent(d, data[d.number]) for d in layout.documents]
    outcome, made = pdf_merge.compiled(pdf._spec(contents_, layout, sent), data)
    return {int(n): Shown(**where) for n, where in outcome["documents"].items()}, PdfReader(io.BytesIO(made))


def compiled(**documents):
    """In this process: what the other one does, without its start."""
    spec = {
        "packet": "c00000000001-p1",
        "created_at": "2026-11-20T14:05:00+00:00",
        "footer": "footer",
        "facts": [("Patient", "Nguyễn-Żółć, Maria 李")],
        "question": None,
        "about": ["About."],
        "documents": [],
        "imaging": [],
        "missing": [("CEA", "Asked for.")],
        "material": [],
    }
    data = {}
    for number, (name, (media_type, content)) in enumerate(documents.items(), 1):
        data[number] = content
        spec["documents"].append(
            {
                "number": number,
                "path": f"data/documents/{number:04d}",
                "title": name,
                "section": "Clinical notes",
                "date": "undated",
                "source": "Łódź Hospital",
                "status": "Final",
                "remarks": [],
                "media_type": media_type,
                "sha256": "0" * 64,
                "sent": len(content),
                "why": None,
            }
        )
    outcome, made = pdf_merge.compiled(spec, data)
    return [one["how"] for one in outcome["documents"].values()], PdfReader(io.BytesIO(made))


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

    assert how == ["merged", *["damaged", "merged"] * len(HOSTILE)]
    assert "the good one" in drawn[0]
    for name, damaged, good in zip(HOSTILE, drawn[1::2], drawn[2::2], strict=True):
        assert "could not be opened" in damaged, name
        assert f"good after {name}" in good


def test_a_compressed_bomb_is_carried_but_not_blown_up():
    bomb = zlib.compress(zlib.compress(bytes(200_000_000), 1), 9)
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R>>"
    stream = b"<</Length %d/Filter[/FlateDecode/FlateDecode]>>stream\n%b\nendstream" % (len(bomb), bomb)
    how, file = compiled(
        bomb=("application/pdf", objects(CATALOG, b"<</Type/Pages/Count 1/Kids[3 0 R]>>", page, stream))
    )

    assert how[0] in ("merged", "damaged")
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
        "Title page and contents",
        "Pathology reports",
        "Clinical notes",
    ]
    assert "Newer" in outline[-1][0].title
    assert "Older" in outline[-1][1].title
    assert [where[n].how for n in (1, 2, 3)] == ["merged", "rendered", "rendered"]


def test_page_numbers_in_the_contents_are_those_of_the_file():
    vault = MemoryVault()
    where, file = shown(vault, *(an_item(vault, b"text", n, title="A long title " * 30) for n in range(1, 10)))

    listed = " ".join(page.extract_text() for page in file.pages[: where[1].page - 1]).replace("\n", " ")

    assert where[1].page > 2, "the contents should need more than one page here"
    for number, one in where.items():
        assert file.pages[one.page - 1].extract_text().startswith(f"{number}  A long title")
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


DIES_OF_THE_SECOND = f"""
import json, struct, subprocess, sys
job = sys.stdin.buffer.read()
(length,) = struct.unpack(">Q", job[:8])
if json.loads(job[8 : 8 + length])["documents"][1]["sent"] is not None:
    sys.stderr.write("1\\n2\\n")
    sys.exit(9)
sys.exit(subprocess.run({list(COMMAND)!r}, input=job).returncode)
"""


def test_a_document_that_kills_the_process_is_left_out_and_the_rest_goes_in():
    vault = MemoryVault()
    items = [an_item(vault, f"text {n}".encode(), n) for n in (3, 2, 1)]
    contents_ = contents(tuple(items))
    layout = lay_out(contents_)
    data = {d.number: vault.objects[d.item.location.key] for d in layout.documents}
    made = bookmarked(contents_, layout, data, command=(sys.executable, "-c", DIES_OF_THE_SECOND))

    assert [made.documents[n].how for n in (1, 2, 3)] == ["rendered", "left-out", "rendered"]


def test_the_packets_own_pdf_opens():
    file = PdfReader(io.BytesIO(a_packet().files["records.pdf"]))

    assert len(file.pages) >= 5
    assert file.metadata.title == "Records packet c00000000001-p1"
