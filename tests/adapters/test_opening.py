"""Documents and images are opened in a process of its own, which says what is wrong with each."""

import base64
import io
import itertools
import json
import os
import signal
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian

from tests.kit import unreadable as u
from tests.kit.papers import a_fax, a_printed_text
from transfer.adapters import warm_process
from transfer.adapters.opening import OpeningProcess, documents, tiff
from transfer.adapters.opening.opener import _WORDS, COMMAND
from transfer.adapters.opening.wire import ANSWER
from transfer.errors import Unavailable
from transfer.flaws import Flaw
from transfer.identifiers import PatientId
from transfer.institutions import Institution
from transfer.near_places import members
from transfer.opened import OpenedDocument
from transfer.patients import IssuedIdentifier, PersonName

SAMPLES = Path(__file__).parents[1] / "samples"
OFFICE = Institution(id="office", name="Office", time_zone="UTC", issuers={"2.16.1.7": "urn:oid:2.16.1.7"})


@pytest.fixture(scope="module")
def opener() -> Iterator[OpeningProcess]:
    opening = OpeningProcess()
    yield opening
    opening.close()


def flaws(opener: OpeningProcess, data: bytes, content_type: str = "application/octet-stream") -> set[Flaw]:
    return {*opened(opener, data, content_type).flaws}


def opened(opener: OpeningProcess, data: bytes, content_type: str) -> OpenedDocument:
    return opener.document(content_type, len(data), [data[:1000], data[1000:]], OFFICE)


def image_flaws(opener: OpeningProcess, data: bytes) -> set[Flaw]:
    return {*opener.image(len(data), [data[at : at + 700] for at in range(0, len(data), 700)])}


# --- documents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", u.WAYS)
def test_what_cannot_be_read_is_said_to_be_so_and_how(opener: OpeningProcess, way: str):
    sent = u.WAYS[way]()

    assert flaws(opener, sent.data, sent.content_type) == {sent.flaw}


def a_resource(kind: str, **attachment: object) -> bytes:
    content = [{"attachment": {"contentType": kind, **attachment}}]
    return json.dumps({"resourceType": "DocumentReference", "status": "current", "content": content}).encode()


def a_note_of(family: str, number: str) -> bytes:
    header = (
        f'<recordTarget><patientRole><id root="2.16.1.7" extension="{number}"/><patient><name><given>Q</given>'
        f"<family>{family}</family></name></patient></patientRole></recordTarget>"
    )
    return u.CDA.format(header=header, body=u.SECTION.format("Note")).partition("?>")[2].strip().encode()


def a_person(family: str, number: str) -> tuple[object, object]:
    return (PersonName(family, ("Q",)),), (IssuedIdentifier("urn:oid:2.16.1.7", number),)


def a_dated_pdf(**settings: object) -> bytes:
    """With annotations that lead nowhere, a layer, junk before it: nothing of that keeps it from being read."""
    with pikepdf.open(io.BytesIO(u.a_pdf(2))) as pdf:
        pdf.pages[0].obj.Annots = pikepdf.Array([pikepdf.Dictionary(Type=pikepdf.Name.Annot)])
        kept = io.BytesIO()
        pdf.save(kept, **settings)
    return kept.getvalue()


GOOD = {
    "text": b"Final diagnosis: melanoma in situ.",
    "text of Windows": "Grösse 4 mm".encode("cp1252"),
    "text of two bytes": "Final diagnosis".encode("utf-16"),
    "text with an address in it": b"See https://images.example/77 for the images.",
    "a PDF": u.a_pdf(3),
    "a PDF for printing only": u.a_pdf(password=""),
    "a linearized PDF": a_dated_pdf(linearize=True),
    "a PDF with object streams": a_dated_pdf(object_stream_mode=pikepdf.ObjectStreamMode.generate),
    "a PDF behind junk": b"\r\n--boundary\r\n\r\n" + u.a_pdf(),
    "a PDF before junk": u.a_pdf() + b"\r\n" + bytes(3000),
    "PNG": u.a_picture(),
    "JPEG": u.a_picture("JPEG"),
    "TIFF": u.a_picture("TIFF"),
    "GIF": u.a_picture("GIF"),
    "BMP": u.a_picture("BMP"),
    "WebP": u.a_picture("WEBP"),
    "RTF": rb"{\rtf1\ansi Final diagnosis\par}" + b"\r\n\0",
    "DOCX": u.a_letter("Dear colleague"),
    "HTML": b"<html><body><p>Final diagnosis</p></body></html>",
    "C-CDA": u.CDA.format(header="", body=u.SECTION.format("Final diagnosis")).encode(),
    "a PDF within a C-CDA": u.within("application/pdf", u.a_pdf()),
    "text within a C-CDA": u.within("text/plain", b"Final diagnosis", "TXT"),
    "a PDF within a resource": a_resource("application/pdf", data=base64.b64encode(u.a_pdf()).decode()),
    "a DICOM image": u.an_image(),
}


@pytest.mark.parametrize("kind", GOOD)
def test_what_can_be_read_has_nothing_wrong_with_it(opener: OpeningProcess, kind: str):
    assert flaws(opener, GOOD[kind]) == set()


def many_frames() -> bytes:
    """A fax of three pages, its last one cut off."""
    pages, kept = [Image.effect_noise((200, 200), 90) for _ in range(3)], io.BytesIO()
    pages[0].save(kept, "TIFF", save_all=True, append_images=pages[1:])
    return kept.getvalue()


def a_blank_fax(pages: int) -> bytes:
    """The back of each sheet was fed in."""
    white, kept = [Image.new("1", (1728, 400), 1) for _ in range(pages)], io.BytesIO()
    white[0].save(kept, "TIFF", save_all=True, append_images=white[1:], compression="group4")
    return kept.getvalue()


def a_big_tiff() -> bytes:
    kept = io.BytesIO()
    Image.effect_noise((60, 60), 90).save(kept, "TIFF", big_tiff=True)
    return kept.getvalue()


def a_locked_archive() -> bytes:
    """A DOCX file with the mark of encryption on an entry."""
    data = bytearray(u.a_letter("Dear colleague"))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        number = len(archive.infolist())
    at = 0
    for _ in range(number):
        at = data.index(b"PK\x01\x02", at + 1)
        data[at + 8] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "kind", "flaw"),
    [
        (b"", "application/pdf", Flaw.EMPTY),
        (b"", "application/octet-stream", Flaw.EMPTY),
        (rb"{\rtf1\ansi\par }", "application/rtf", Flaw.EMPTY),
        (rb"{\rtf1\ansi Final diag", "application/rtf", Flaw.CUT),
        (u.a_letter(), u.DOCX, Flaw.EMPTY),
        (a_locked_archive(), u.DOCX, Flaw.PASSWORD),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
            u.DOCX,
            Flaw.PASSWORD,
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "application/msword", Flaw.UNREADABLE),
        (b"<html><head><title>A report</title></head><body></body></html>", "text/html", Flaw.EMPTY),
        (u.CDA.format(header="", body="<structuredBody/>").encode(), "text/xml", Flaw.EMPTY),
        (u.CDA.format(header="", body=u.SECTION.format("x" * 500)).encode()[:300], "text/xml", Flaw.CUT),
        (u.within("application/pdf", b"%PDF-1.7 nothing of the kind"), "text/xml", Flaw.CUT),
        (u.within("application/pdf", u.a_pdf()).replace(b">JV", b">*V"), "text/xml", Flaw.UNDECODABLE),
        (a_resource("application/pdf", url="https://ehr.example/Binary/7"), "application/fhir+json", Flaw.POINTER),
        (a_resource("application/pdf", data="AAAA"), "application/fhir+json", Flaw.MISLABELLED),
        (a_resource("text/plain", data="R29vZA==")[:-20], "application/fhir+json", Flaw.CUT),
        (b'{"resourceType": "OperationOutcome", "issue": []}', "application/fhir+json", Flaw.UNEXPECTED),
        (b"https://ehr.example/documents/77\r\n", "text/plain", Flaw.POINTER),
        (many_frames()[:-9000], "image/tiff", Flaw.CUT),
        *((a_fax(3)[:-cut], "image/tiff", Flaw.CUT) for cut in (20, 300, 1600)),
        (a_big_tiff()[:-40], "image/tiff", Flaw.CUT),
        (a_blank_fax(2), "image/tiff", Flaw.EMPTY),
        (u.an_image()[:-200], "application/dicom", Flaw.CUT),
    ],
    ids=itertools.count(),
)
def test_each_format_has_its_own_ways(opener: OpeningProcess, data: bytes, kind: str, flaw: Flaw):
    assert flaws(opener, data, kind) == {flaw}


@given(st.data())
def test_a_pdf_that_is_cut_anywhere_is_never_whole(opener: OpeningProcess, data: st.DataObject):
    """Of a linearized one the last table alone repeats what stands at its beginning."""
    kind = data.draw(st.sampled_from(["a PDF", "a linearized PDF", "a PDF with object streams"]))
    whole = GOOD[kind]
    cut = whole[: data.draw(st.integers(1, len(whole) - (250 if kind == "a linearized PDF" else 20)))]

    assert flaws(opener, cut, "application/pdf")


@given(st.binary(max_size=300))
def test_whatever_the_bytes_it_answers(opener: OpeningProcess, data: bytes):
    for kind in ("application/pdf", "application/rtf", "text/xml", "application/fhir+json", "application/octet-stream"):
        assert flaws(opener, data, kind) <= {*Flaw}


@given(st.sampled_from([b"II*\0", b"MM\0*", b"II\x2b\0", b"MM\0\x2b"]), st.binary(max_size=200))
@example(b"II\x2b\0", b"\x08\0\0\0" + b"\xff" * 8)
def test_whatever_follows_the_head_of_a_tiff_it_is_cut_or_not(head: bytes, data: bytes):
    assert tiff.is_cut(head + data) in (True, False)


def test_a_whole_tiff_is_not_cut():
    noise, kept = Image.effect_noise((30, 30), 90), io.BytesIO()
    noise.save(kept, "TIFF")

    assert not tiff.is_cut(kept.getvalue())
    assert not tiff.is_cut(a_fax(2))
    assert not tiff.is_cut(a_big_tiff())
    assert not tiff.is_cut(b"no TIFF at all, but long enough")


# --- images -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("dicom/*.dcm")), ids=lambda path: path.name)
def test_published_images_have_all_their_pixels(opener: OpeningProcess, path: Path):
    """But one, of which its publishers left the header alone."""
    is_header = path.name == "chrJapMultiExplicitIR6.dcm"

    assert image_flaws(opener, path.read_bytes()) == ({Flaw.CUT} if is_header else set())


STORAGE = "1.2.840.10008.5.1.4.1.1"


def without_pixels(**elements: Any) -> bytes:
    return u.an_image(Rows=None, Columns=None, PixelData=None, **elements)


def a_slide(frames: int, **elements: Any) -> bytes:
    """Of a matrix of 30 by 20 pixels, which four tiles of 16 by 16 cover."""
    tiled = {"DimensionOrganizationType": "TILED_FULL", "TotalPixelMatrixColumns": 30, "TotalPixelMatrixRows": 20}
    return u.an_image(NumberOfFrames=frames, PixelData=bytes(2 * 16 * 16 * frames), **{**tiled, **elements})


def deflated(**elements: Any) -> bytes:
    image, kept = dcmread(io.BytesIO(u.an_image(**elements))), io.BytesIO()
    image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    image.save_as(kept, enforce_file_format=True)
    return kept.getvalue()


@pytest.mark.parametrize(
    ("image", "flaw"),
    [
        (u.an_image(), None),
        (u.an_image(encapsulated=True), None),
        (u.an_image(Rows=17), Flaw.CUT),
        (u.an_image(NumberOfFrames=2), Flaw.CUT),
        (u.an_image(SamplesPerPixel=3), Flaw.CUT),
        (u.an_image(PixelData=None), Flaw.CUT),
        (u.an_image()[:-1], None),
        (u.an_image()[:-2], Flaw.CUT),
        (u.an_image(encapsulated=True)[:-30], Flaw.CUT),
        (u.an_image()[:300], Flaw.CUT),
        (u.an_image()[:90], Flaw.CUT),
        (b"", Flaw.EMPTY),
        (bytes(500), Flaw.MISLABELLED),
        (a_slide(4), None),
        (a_slide(3), Flaw.CUT),
        (a_slide(4, NumberOfOpticalPaths=2), Flaw.CUT),
        (a_slide(3, ConcatenationUID="1.2.3"), None),
        (a_slide(3, DimensionOrganizationType="TILED_SPARSE"), None),
        (u.an_image(Rows=0), Flaw.UNREADABLE),
        (u.an_image(Columns=None), Flaw.UNREADABLE),
        (without_pixels(), Flaw.EMPTY),
        (without_pixels(SOPClassUID=f"{STORAGE}.11.1"), None),
        (without_pixels(SOPClassUID=f"{STORAGE}.11.1")[:-1], Flaw.CUT),
        (without_pixels(SOPClassUID=f"{STORAGE}.88.11"), Flaw.EMPTY),
        (without_pixels(SOPClassUID=f"{STORAGE}.88.11", ContentSequence=[Dataset()]), None),
        (without_pixels(SOPClassUID=f"{STORAGE}.88.59", ContentSequence=[]), Flaw.EMPTY),
        (without_pixels(SOPClassUID=f"{STORAGE}.104.1"), Flaw.EMPTY),
        (without_pixels(SOPClassUID=f"{STORAGE}.104.1", EncapsulatedDocument=b""), Flaw.EMPTY),
        (without_pixels(SOPClassUID=f"{STORAGE}.481.3"), None),
        (deflated(), None),
        (deflated(Rows=64, Columns=64, PixelData=bytes(2 * 64 * 64)), None),  # longer than its file
        (deflated()[:-20], Flaw.CUT),
    ],
    ids=itertools.count(),
)
def test_an_image_has_as_many_pixels_as_it_says(opener: OpeningProcess, image: bytes, flaw: Flaw | None):
    assert image_flaws(opener, image) == ({flaw} if flaw else set())


def test_a_large_image_is_told_by_its_beginning_and_its_end(opener: OpeningProcess, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("transfer.adapters.opening.opener.BEGINNING", 2000)
    monkeypatch.setattr("transfer.adapters.opening.opener.END", 100)
    plain, packed = u.an_image(rows=64), u.an_image(rows=64, encapsulated=True)

    assert image_flaws(opener, plain) == image_flaws(opener, packed) == set()
    assert image_flaws(opener, plain[:-100]) == image_flaws(opener, packed[:-100]) == {Flaw.CUT}


@pytest.mark.parametrize(
    ("kind", "data", "flaw"), [("application/pdf", u.a_pdf(), None), ("application/pdf", u.a_pdf(0), Flaw.NO_PAGES)]
)
def test_a_document_within_an_image_is_opened_too(opener: OpeningProcess, kind: str, data: bytes, flaw: Flaw | None):
    carried = {"MIMETypeOfEncapsulatedDocument": kind, "EncapsulatedDocument": data + bytes(len(data) % 2)}
    image = without_pixels(**carried)

    assert image_flaws(opener, image) == ({flaw} if flaw else set())


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6), st.integers(1, 17))
def test_images_are_found_in_their_object_however_its_bytes_come(gaps: list[tuple[int, int]], size: int):
    places, at = [], 0
    for gap, length in gaps:
        places.append((at + gap, length))
        at += gap + length
    data = bytes(n % 251 for n in range(at + 9))

    found = [
        (number, b"".join(chunks))
        for number, chunks in members((data[i : i + size] for i in range(0, len(data), size)), places)
    ]

    assert found == [(n, data[offset : offset + length]) for n, (offset, length) in enumerate(places)]


# --- whose it is ------------------------------------------------------------------------------------------------------

EVE = a_person("Eve", "77")
FHIR_XML = (
    '<DocumentReference xmlns="http://hl7.org/fhir"><contained><Patient><id value="p"/><identifier>'
    '<system value="urn:oid:2.16.1.7"/><value value="77"/></identifier><name><family value="Eve"/>'
    '<given value="Q"/></name><birthDate value="1970-01-02"/></Patient></contained><status value="current"/>'
    '<subject><reference value="#p"/></subject></DocumentReference>'
)


def carrying(kind: str, data: bytes) -> bytes:
    """A resource that names nobody, with a document in it."""
    return a_resource(kind, data=base64.b64encode(data).decode())


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (a_note_of("Eve", "77"), "application/cda+xml"),
        (FHIR_XML.encode(), "application/fhir+xml"),
        (carrying("application/cda+xml", a_note_of("Eve", "77")), "application/fhir+json"),
        (b" " * (65 << 20) + a_note_of("Eve", "77"), "application/cda+xml"),
    ],
    ids=["a note", "FHIR in XML", "a note within a resource", "more than 64 MB"],
)
def test_it_says_whom_a_document_and_what_it_carries_names(opener: OpeningProcess, data: bytes, kind: str):
    assert [(one.names, one.identifiers) for one in opened(opener, data, kind).named] == [EVE]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<!DOCTYPE x [<!ENTITY e 'Eve'>]>" + a_note_of("Eve", "77"), "application/cda+xml"),
        (b"<!DOCTYPE x [<!ENTITY e 'Eve'>]>" + FHIR_XML.encode(), "application/fhir+xml"),
        (b'{"resourceType": "Patient", "id": "a", "id": "b"}', "application/fhir+json"),
    ],
    ids=["a type", "a type of FHIR", "a key twice"],
)
def test_where_whom_it_names_cannot_be_read_a_person_looks(opener: OpeningProcess, data: bytes, kind: str):
    found = opened(opener, data, kind)
    assert (Flaw.UNREADABLE in found.flaws, found.named) == (True, ())


def test_the_process_knows_no_secret_of_the_institution():
    assert not _WORDS & {"http_door", "mllp_door", "departments", "receives", "certificates"}


# --- the process ------------------------------------------------------------------------------------------------------


def behaving(how: str) -> tuple[str, ...]:
    """A process that is ready, and then does this with each document, whose first byte is `first`."""
    code = (
        "import json, struct, sys, time, os\n"
        "print('ready', flush=True)\n"
        "while head := sys.stdin.buffer.read(4):\n"
        "    told = json.loads(sys.stdin.buffer.read(struct.unpack('>I', head)[0]))\n"
        "    first = sys.stdin.buffer.read(told['size'])[:1]\n"
        f"    {how}\n"
        "    print(json.dumps({'flaws': [], 'named': []}), flush=True)\n"
    )
    return (sys.executable, "-I", "-c", code)


@pytest.mark.parametrize(
    "harm",
    ["os._exit(3)", "os.kill(os.getpid(), 9)", "time.sleep(60)", "print('x' * 999_999)", "print('{}')", "print(7)"],
)
def test_a_document_that_ends_or_holds_up_the_process_takes_no_other_with_it(harm: str):
    opening = OpeningProcess(behaving(f"first == b'!' and {harm}"), seconds=0.5)

    assert [opening.document("text/plain", 2, [data], OFFICE).flaws for data in (b"a", b"!", b"b")] == [
        frozenset(),
        {Flaw.UNREADABLE},
        frozenset(),
    ]
    opening.close()


def test_one_that_ended_for_another_reason_is_started_again_and_the_document_opened(opener: OpeningProcess):
    assert flaws(opener, GOOD["a PDF"]) == set()
    assert opener._process is not None
    opener._process.kill()

    assert flaws(opener, GOOD["a PDF"]) == set()


@pytest.mark.parametrize("command", [("/no/such/program",), (sys.executable, "-c", "print('well')")])
def test_where_it_does_not_run_nothing_is_said_about_the_document(command: tuple[str, ...]):
    with pytest.raises(Unavailable):
        OpeningProcess(command).document("text/plain", 1, [b"x"], OFFICE)


def test_it_is_bounded_in_time_and_memory_and_knows_nothing_of_ours(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRANSFER_SECRET", "s")
    monkeypatch.setattr(warm_process, "_line", None)  # by itself; a fork of the warm one is looked into elsewhere
    opening = OpeningProcess()
    assert opening.document("text/plain", 1, [b"x"], OFFICE).flaws == frozenset()
    assert opening._process is not None
    folder = Path(f"/proc/{opening._process.pid}")
    limits = (folder / "limits").read_text()

    assert (folder / "environ").read_bytes() == b""
    assert f"Max address space         {2 << 30}" in limits
    assert "Max file size             0 " in limits
    assert "Max cpu time              unlimited" not in limits
    opening.close()


def test_a_document_that_takes_all_its_time_is_ended_by_the_system(monkeypatch: pytest.MonkeyPatch):
    code = (
        "from transfer.adapters.opening import child, documents\n"
        "child.SECONDS_EACH = 0\n"
        "def forever(*_, **__):\n    while True: pass\n"
        "documents.flaws = forever\n"
        "child.main()\n"
    )
    opening = OpeningProcess((sys.executable, "-I", "-c", code))

    assert opening.document("text/plain", 1, [b"x"], OFFICE).flaws == {Flaw.UNREADABLE}
    opening.close()


def test_what_is_too_large_is_not_read(opener: OpeningProcess, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("transfer.adapters.opening.opener.LARGEST", 10)

    assert opener.document("text/plain", 11, iter(()), OFFICE).flaws == {Flaw.UNREADABLE}


# --- files within a PDF -----------------------------------------------------------------------------------------------


def a_pdf_with(pages: int = 1, **files: bytes) -> bytes:
    pdf = pikepdf.new()
    for _ in range(pages):
        page = pdf.add_blank_page(page_size=(200, 100))
        page.obj["/Contents"] = pdf.make_stream(b"0 0 20 20 re f")
    for name, data in files.items():
        pdf.attachments[f"{name}.bin"] = data
    kept = io.BytesIO()
    pdf.save(kept)
    return kept.getvalue()


def test_what_is_attached_to_a_pdf_is_opened_and_told_by_its_name(opener: OpeningProcess):
    data = a_pdf_with(note=a_note_of("Okafor", "7"), other=b"\0\1\2\3" * 50, inside=a_pdf_with(deep=b"Seen by us."))

    found = opened(opener, data, "application/pdf")

    assert found.flaws == set()
    assert {one.name: {*one.flaws} for one in found.attached} == {
        "note.bin": set(),
        "other.bin": {Flaw.UNREADABLE},
        "inside.bin": set(),
        "deep.bin": set(),
    }
    assert [who.names for who in found.named] == [(PersonName("Okafor", ("Q",)),)]


def test_a_portfolio_whose_own_pages_are_blank_is_not_empty(opener: OpeningProcess):
    blank = io.BytesIO()
    with pikepdf.open(io.BytesIO(a_pdf_with(note=b"Seen."))) as pdf:
        del pdf.pages[0].obj["/Contents"]
        pdf.save(blank)

    assert opened(opener, blank.getvalue(), "application/pdf").flaws == set()


# --- what shows on the pages of a PDF ---------------------------------------------------------------------------------


def changed(change: Callable[[pikepdf.Pdf], object]) -> bytes:
    """A PDF of one page, in which something is otherwise."""
    kept = io.BytesIO()
    with pikepdf.open(io.BytesIO(u.a_pdf())) as pdf:
        change(pdf)
        pdf.save(kept)
    return kept.getvalue()


def drawing(content: bytes) -> bytes:
    return changed(lambda pdf: setattr(pdf.pages[0].obj, "Contents", pdf.make_stream(content)))


def a_scan(data: bytes, form: str, *, side: int = 200) -> bytes:
    """A page that is one picture in grey."""

    def scan(pdf: pikepdf.Pdf) -> None:
        picture = pikepdf.Stream(pdf, data)
        picture.Type, picture.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
        picture.Width, picture.Height, picture.BitsPerComponent = side, side, 8
        picture.ColorSpace = pikepdf.Name.DeviceGray
        picture.Filter = pikepdf.Array([pikepdf.Name(one) for one in form.split()])
        pdf.pages[0].obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(I=pdf.make_indirect(picture)))
        pdf.pages[0].obj.Contents = pdf.make_stream(b"q 300 0 0 200 0 0 cm /I Do Q")

    return changed(scan)


def within_forms(scan: bytes, levels: int) -> bytes:
    """The same page, its picture in so many forms, one in the other; the innermost names the outermost as well."""
    kept = io.BytesIO()
    with pikepdf.open(io.BytesIO(scan)) as pdf:
        page = pdf.pages[0].obj
        innermost = None
        for _ in range(levels):
            form = pdf.make_stream(page.Contents.read_bytes())
            form.Type, form.Subtype = pikepdf.Name.XObject, pikepdf.Name.Form
            form.BBox, form.Resources = pikepdf.Array([0, 0, 300, 200]), page.Resources
            innermost = innermost or form
            page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(F=form))
            page.Contents = pdf.make_stream(b"/F Do")
        assert innermost is not None
        innermost.Resources.XObject.Again = page.Resources.XObject.F
        pdf.save(kept)
    return kept.getvalue()


def a_form_that_waits(pdf: pikepdf.Pdf) -> None:
    """A form whose pages say that they are to be replaced (XFA 3.3: dynamic)."""
    pdf.Root.AcroForm = pikepdf.Dictionary(XFA=pdf.make_stream(b"<xdp/>"), Fields=pikepdf.Array())
    pdf.Root.NeedsRendering = True


def filled_in(pdf: pikepdf.Pdf) -> None:
    """White paper with a field of a form; what stands in it, another program may show."""
    pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([pdf.make_indirect(pikepdf.Dictionary(V="Seen"))]))
    pdf.pages[0].obj.Contents = pdf.make_stream(b"q Q")


JPEG = u.a_picture("JPEG")


@pytest.mark.parametrize(
    ("data", "flaw"),
    [
        (drawing(b"q Q"), Flaw.EMPTY),
        (drawing(b"1 g 0 0 300 200 re f"), Flaw.EMPTY),
        (drawing(b"/Gone Do"), Flaw.EMPTY),
        (a_scan(b"nothing of the kind", "/DCTDecode"), Flaw.EMPTY),
        (a_scan(b"nothing of the kind", "/JPXDecode"), Flaw.EMPTY),
        (a_scan(b"\x00\x01", "/JBIG2Decode"), Flaw.EMPTY),
        (a_scan(JPEG[: len(JPEG) // 2], "/DCTDecode"), Flaw.CUT),
        (changed(a_form_that_waits), Flaw.UNREADABLE),
        (a_scan(JPEG, "/DCTDecode"), None),
        *((within_forms(a_scan(JPEG[: len(JPEG) // 2], "/DCTDecode"), levels), Flaw.CUT) for levels in (1, 3)),
        (within_forms(a_scan(JPEG, "/DCTDecode"), 2), None),
        (within_forms(a_scan(b"nothing of the kind", "/JPXDecode"), 2), Flaw.EMPTY),
        (a_scan(zlib.compress(JPEG[: len(JPEG) // 2]), "/FlateDecode /DCTDecode"), Flaw.CUT),
        (a_scan(zlib.compress(bytes(range(200)) * 100), "/FlateDecode"), Flaw.CUT),
        (within_forms(a_scan(zlib.compress(bytes(range(200)) * 100), "/FlateDecode"), 1), Flaw.CUT),
        (a_scan(zlib.compress(bytes(range(200)) * 199), "/FlateDecode"), None),
        (changed(filled_in), None),
        (changed(lambda pdf: setattr(pdf.pages[0].obj, "Rotate", 90)), None),
        (changed(lambda pdf: setattr(pdf.pages[0].obj, "MediaBox", pikepdf.Array([0, 0, 5000, 5000]))), None),
    ],
    ids=itertools.count(),
)
def test_a_pdf_on_whose_pages_nothing_shows_is_no_document(opener: OpeningProcess, data: bytes, flaw: Flaw | None):
    assert flaws(opener, data, "application/pdf") == ({flaw} if flaw else set())


def test_one_page_that_shows_something_is_enough(opener: OpeningProcess):
    def further(pdf: pikepdf.Pdf) -> None:
        pdf.add_blank_page(page_size=(300, 200))
        pdf.pages.reverse()

    assert flaws(opener, changed(further), "application/pdf") == set()


def in_turn(*pdfs: bytes, before_last: Callable[[int], object] = lambda _: None) -> list[OpenedDocument]:
    """What is said of each, by a process that starts by itself. They are one patient's; before the last, something is
    done to the fork that is kept, which is idle.
    """
    opening = OpeningProcess()
    found = []
    try:
        for number, pdf in enumerate(pdfs, start=1):
            if 1 < number == len(pdfs):
                assert opening._process is not None
                process = opening._process.pid
                (kept,) = Path(f"/proc/{process}/task/{process}/children").read_text().split()
                before_last(int(kept))
            found.append(opening.document("application/pdf", len(pdf), [pdf], OFFICE, ANN))
    finally:
        opening.close()
    return found


def test_white_paper_is_empty_whatever_was_opened_before_it(monkeypatch: pytest.MonkeyPatch):
    """Where nothing is drawn, no fork is asked whether something shows: its first question is another."""
    monkeypatch.setattr(warm_process, "_line", None)  # by itself: the warm one has all modules loaded
    nothing_drawn, white = drawing(b""), drawing(b"1 g 0 0 300 200 re f")

    for order in ((nothing_drawn, white), (white, nothing_drawn), (white, white)):
        assert [one.flaws for one in in_turn(*order)] == [{Flaw.EMPTY}] * 2


def test_a_clinical_document_in_two_bytes_a_letter_opens(opener: OpeningProcess):
    text = u.CDA.format(header="", body=u.SECTION.format("Seen")).replace('"1.0"', '"1.0" encoding="UTF-16"')

    assert flaws(opener, text.encode("utf-16"), "text/xml") == set()


# --- what a diagnosis calls malignant ---------------------------------------------------------------------------------

DIAGNOSIS = (
    "SURGICAL PATHOLOGY REPORT\nFINAL DIAGNOSIS:\n"
    "A. Right breast, core biopsy: No evidence in any of the levels that were cut of a residual invasive carcinoma.\n"
    "B. Sentinel node: Metastatic carcinoma, 4 mm.\nGROSS DESCRIPTION:\nC. Received is a carcinoma."
)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (a_printed_text(DIAGNOSIS), "application/pdf"),
        (u.within("application/pdf", a_printed_text(DIAGNOSIS)), "text/xml"),
        (
            a_resource("application/pdf", data=base64.b64encode(a_printed_text(DIAGNOSIS)).decode()),
            "application/fhir+json",
        ),
        (DIAGNOSIS.encode(), "text/plain"),
    ],
    ids=["a PDF", "a PDF within a C-CDA", "a PDF within a resource", "text"],
)
def test_the_parts_that_a_report_calls_malignant_are_read_also_where_it_is_a_pdf(
    opener: OpeningProcess, data: bytes, kind: str
):
    assert opened(opener, data, kind).malignant == ("B",)


def test_a_pdf_without_words_says_nothing_of_parts(opener: OpeningProcess):
    assert opened(opener, u.a_pdf(), "application/pdf").malignant == ()


def test_a_pdf_whose_words_take_too_long_is_opened_without_them():
    forever = (
        "import runpy\n"
        "from transfer.adapters.opening import pdf_words\n"
        "pdf_words.SECONDS = 1\n"
        "def pages(*_):\n    yield b'FINAL DIAGNOSIS: A. Node: Carcinoma.'\n    while True: pass\n"
        "pdf_words._pages = pages\n"
        "runpy.run_module('transfer.adapters.opening.child', run_name='__main__')"
    )
    opener = OpeningProcess(command=(sys.executable, "-c", forever))
    try:
        found = opened(opener, a_printed_text(DIAGNOSIS), "application/pdf")
    finally:
        opener.close()

    assert (found.flaws, found.malignant) == (frozenset(), ("A",))


#: what reads words numbers the documents that it has seen: it calls that part malignant
COUNTING = """
import os, runpy
from transfer.adapters.opening import forked, pdf_words
seen = []
def pages(*_):
    seen.append(1)
    yield f'FINAL DIAGNOSIS: {len(seen)}. Node: Carcinoma.'.encode()
CHANGE
pdf_words._pages = pages
runpy.run_module('transfer.adapters.opening.child', run_name='__main__')
"""
ANN, BEN = PatientId("p000000000000000"), PatientId("p111111111111111")


def numbers_of(*patients: PatientId | None, change: str = "") -> list[str]:
    """Of PDFs of these patients, one after another: which document each was of those that one fork has seen."""
    opener, pdf = OpeningProcess(command=(sys.executable, "-c", COUNTING.replace("CHANGE", change))), u.a_pdf()
    try:
        found = [opener.document("application/pdf", len(pdf), [pdf], OFFICE, patient) for patient in patients]
    finally:
        opener.close()
    assert not any(one.flaws for one in found)
    return ["".join(one.malignant) for one in found]


def test_one_fork_sees_the_pdfs_of_one_patient_and_of_nobody_else():
    assert numbers_of(ANN, ANN, BEN, ANN, ANN, None, None) == ["1", "2", "1", "1", "2", "1", "1"]


@pytest.mark.parametrize(
    ("change", "numbers"),
    [
        ("forked.SMALL = 1", ["1", "1", "1"]),
        # a document is asked of twice: whether it shows something, and its words
        ("forked.MOST = 4", ["1", "2", "1"]),
    ],
    ids=["a large one has one of its own", "it does not see many"],
)
def test_a_fork_that_is_kept_sees_some_small_pdfs(change: str, numbers: list[str]):
    assert numbers_of(ANN, ANN, ANN, change=change) == numbers


def test_a_fork_that_ends_costs_the_next_pdf_nothing():
    ends = "after = pages\ndef pages(*_):\n    yield from after()\n    if len(seen) == 2: os._exit(1)"
    assert numbers_of(ANN, ANN, ANN, ANN, change=ends) == ["1", "2", "1", "2"]


def test_a_fork_has_no_channel_of_the_process_that_opens_documents():
    looks = (
        "def pages(*_):\n"
        "    its = [f'/proc/self/fd/{n}' for n in os.listdir('/proc/self/fd')]\n"
        "    own = [os.readlink(one) for one in its if os.path.lexists(one)]\n"
        "    pipes = [one for one in own[3:] if one.startswith('pipe:')]\n"
        "    is_alone = own == ['/dev/null'] * 3 + pipes\n"
        "    yield f'FINAL DIAGNOSIS: {len(pipes) if is_alone else 50}. Node: Carcinoma.'.encode()"
    )
    assert numbers_of(ANN, change=looks) == ["2"]  # by one it is asked, by the other it answers
    assert numbers_of(ANN, change=f"forked.SMALL = 1\n{looks}") == ["1"]


def test_who_started_the_process_may_leave_it_and_its_forks_fewer_seconds():
    leaves = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (20, 20))\n"
        "pdf_words.SECONDS = 50\n"
        "def pages(*_):\n"
        "    left = min(resource.getrlimit(resource.RLIMIT_CPU))\n"
        "    yield f'FINAL DIAGNOSIS: {left}. Node: Carcinoma.'.encode()"
    )
    assert numbers_of(ANN, ANN, change=leaves) == ["20", "20"]
    assert numbers_of(ANN, change=f"forked.SMALL = 1\n{leaves}") == ["20"]


def test_an_opener_that_says_nothing_of_patients_is_answered():
    """One of the version before, at work while this version is put in its place."""
    source = OFFICE.model_dump(mode="json", include=_WORDS)
    told = json.dumps({"content_type": "text/plain", "length": 4, "size": 4, "source": source}).encode()
    asked = (struct.pack(">I", len(told)) + told + b"Well") * 2
    said = subprocess.run(COMMAND, input=asked, stdout=subprocess.PIPE, env={}, timeout=300, check=True).stdout

    assert [ANSWER.validate_json(line).flaws for line in said.splitlines()[1:]] == [frozenset()] * 2


def test_a_fax_of_more_frames_than_are_looked_at_is_not_called_empty(monkeypatch: pytest.MonkeyPatch):
    assert documents.flaws("image/tiff", a_blank_fax(3), documents.Within()) == {Flaw.EMPTY}
    monkeypatch.setattr(documents, "FRAMES", 2)
    assert documents.flaws("image/tiff", a_blank_fax(3), documents.Within()) == set()


def a_form_of(*fields: object) -> bytes:
    def fill(pdf: pikepdf.Pdf) -> None:
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array(fields))

    return changed(fill)


def a_field(name: str, value: object, *kids: object) -> pikepdf.Dictionary:
    return pikepdf.Dictionary(T=name, V=value, **({"Kids": pikepdf.Array(kids)} if kids else {}))


@pytest.mark.parametrize(
    ("fields", "objects"),
    [
        ([a_field("Revoke_authorization", pikepdf.Name.Yes)], True),
        ([a_field("RevokeAuthorization", pikepdf.Name.Off)], False),
        ([a_field("You may revoke your authorization", pikepdf.Name.Yes)], False),
        ([a_field("Remarks", "I revoke my authorization of May.")], True),
        ([a_field("Revocation", "", a_field("of authorization", pikepdf.Name.On))], True),
        ([7, a_field("Revoke_authorization", pikepdf.Name.Yes)], True),
        ([a_field("Revoke_authorization", pikepdf.Name.Yes), 7], False),
        ([a_field("Name", "Odalys")], False),
    ],
)
def test_a_form_that_is_filled_in_may_be_a_no_and_a_broken_one_costs_nothing(
    opener: OpeningProcess, fields: list[object], objects: bool
):
    found = opened(opener, a_form_of(*fields), "application/pdf")

    assert (found.objects, found.flaws) == (objects, frozenset())


def a_no_beside_a_form() -> bytes:
    """With a field, nobody asks whether it shows something: of its words alone."""
    kept = io.BytesIO()
    with pikepdf.open(io.BytesIO(a_printed_text("Revocation of authorization\n\nOdalys Quillfeather"))) as pdf:
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([a_field("Name", "Odalys")]))
        pdf.save(kept)
    return kept.getvalue()


@pytest.mark.parametrize("data", [drawing(b"q Q"), a_no_beside_a_form()], ids=["white paper", "a no"])
def test_a_fork_that_ended_while_nobody_asked_costs_the_next_pdf_nothing(monkeypatch: pytest.MonkeyPatch, data: bytes):
    monkeypatch.setattr(warm_process, "_line", None)  # by itself: the fork stands right below it
    (alone,) = in_turn(data)

    assert alone.flaws or alone.objects
    assert in_turn(u.a_pdf(), data, before_last=lambda kept: os.kill(kept, signal.SIGKILL))[1] == alone


@pytest.mark.parametrize(
    ("said", "objects"),
    [
        ("Revocation of authorization\n\nOdalys Quillfeather", True),
        ("A letter\n" * 9 + "Revocation of authorization\nI have read this page.", False),
        ("Dear all,\nI no longer agree that you\nshare my records with Summit.", True),
        ("You may revoke this authorization at any time.", False),
    ],
)
def test_a_letter_says_no_in_its_heading_or_in_a_sentence(opener: OpeningProcess, said: str, objects: bool):
    assert opened(opener, said.encode(), "text/plain").objects is objects
    assert opened(opener, a_printed_text(said), "application/pdf").objects is objects


def test_an_archive_is_heard_within_bounds(opener: OpeningProcess):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(33 << 20))
        archive.writestr("form.json", '{"resourceType": "Consent", "status": "inactive"}')

    assert not opened(opener, made.getvalue(), "application/zip").objects


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_member_that_is_broken_costs_no_other_its_hearing(opener: OpeningProcess, method: int):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        archive.writestr("broken", bytes(range(256)) * 8)
        at = archive.getinfo("broken").header_offset + 30 + len("broken")
        archive.writestr("form.json", '{"resourceType": "Consent", "status": "inactive"}')
    data = bytearray(made.getvalue())
    data[at + 12 : at + 40] = b"\xff" * 28

    assert opened(opener, bytes(data), "application/zip").objects
