"""A PDF from outside, carried: it looks the same to another program, and nothing in it acts."""

import io

import pikepdf
import pypdfium2
import pytest
from fpdf import FPDF
from pikepdf import Array, Dictionary, Name, Pdf, Stream, String
from PIL import Image, ImageChops

from tests.kit.packets import a_pdf
from transfer.adapters.packet.pdf_carried import carried
from transfer.adapters.packet.shown import NotShown

SIZE = (300, 200)


def made(change=lambda pdf, page: None) -> bytes:
    """A page of text, and what `change` does to it."""
    pdf = Pdf.new()
    page = pdf.add_blank_page(page_size=SIZE)
    page.obj.Resources = Dictionary(
        Font=Dictionary(F1=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
    )
    page.obj.Contents = pdf.make_stream(b"BT /F1 14 Tf 20 150 Td (Diagnosis) Tj ET")
    change(pdf, page.obj)
    kept = io.BytesIO()
    pdf.save(kept)
    return kept.getvalue()


def box(pdf: Pdf, colour: bytes = b"1 0 0 rg") -> Stream:
    """An appearance that fills its square."""
    form = pdf.make_stream(colour + b" 0 0 40 40 re f")
    form.stream_dict = Dictionary(Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 40, 40]))
    return form


def annotated(**said: object):
    """A stamp on the page."""

    def change(pdf: Pdf, page: Dictionary) -> None:
        stamp = Dictionary(
            Type=Name.Annot, Subtype=Name.Stamp, Rect=Array([100, 50, 140, 90]), AP=Dictionary(N=box(pdf)), F=4
        )
        for name, value in said.items():
            stamp[f"/{name}"] = value
        page.Annots = Array([pdf.make_indirect(stamp)])

    return change


def drawn(data: bytes) -> Image.Image:
    with pypdfium2.PdfDocument(data) as opened:
        opened.init_forms()
        return opened[0].render(scale=1).to_pil().convert("RGB")


def is_red(data: bytes) -> bool:
    return drawn(data).getpixel((120, 130)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("said", "is_seen"),
    [
        ({}, True),
        ({"F": 2}, False),
        ({"F": 32}, False),
        ({"Subtype": Name.Popup}, False),
        ({"Subtype": Name.Square}, True),
    ],
    ids=["plain", "hidden", "no view", "popup", "square"],
)
def test_what_is_drawn_over_a_page_is_part_of_it_where_it_is_seen(said, is_seen):
    data = made(annotated(**said))
    made_of_it = carried(data, 9).pdf

    assert is_red(made_of_it) is is_seen
    with pikepdf.open(io.BytesIO(made_of_it)) as opened:
        assert "/Annots" not in opened.pages[0].obj


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, [10, 10, 250, 190]])
def test_a_page_that_is_turned_or_cut_looks_the_same(turn, crop):
    def change(pdf, page):
        annotated()(pdf, page)
        page.Rotate = turn
        if crop:
            page.CropBox = Array(crop)
        # a page that leaves the state of its drawing changed
        page.Contents = pdf.make_stream(b"q 0.5 0 0 0.5 0 0 cm BT /F1 14 Tf 20 150 Td (Diagnosis) Tj ET q")

    data = made(change)

    assert ImageChops.difference(drawn(data), drawn(carried(data, 9).pdf)).getbbox() is None


def test_a_highlight_without_a_look_of_its_own_stays():
    def change(pdf, page):
        mark = Dictionary(
            Type=Name.Annot,
            Subtype=Name.Highlight,
            Rect=Array([20, 145, 90, 165]),
            QuadPoints=Array([20, 165, 90, 165, 20, 145, 90, 145]),
            C=Array([1, 1, 0]),
            F=4,
            Contents=String("see addendum"),
            A=Dictionary(S=Name.JavaScript, JS=String("evil")),
        )
        page.Annots = Array([pdf.make_indirect(mark)])

    data = made(change)
    one = carried(data, 9)

    assert ImageChops.difference(drawn(data), drawn(one.pdf)).getbbox() is None
    assert one.remarks == ("A comment on its page 1: see addendum",)
    assert b"evil" not in one.pdf


def layers(**config: object):
    """A square in a layer that is on, and one in a layer that `config` decides about."""

    def change(pdf, page):
        groups = [pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String(name))) for name in ("final", "draft")]
        if "/AS" in config:
            groups[1].Usage = Dictionary(View=Dictionary(ViewState=Name.OFF))
        said = {name: value(groups) if callable(value) else value for name, value in config.items()}
        pdf.Root.OCProperties = Dictionary(OCGs=Array(groups), D=Dictionary(said))
        page.Resources.Properties = Dictionary(L1=groups[0], L2=groups[1])
        page.Contents = pdf.make_stream(
            b"/OC /L1 BDC 0 0 1 rg 10 10 30 30 re f EMC /OC /L2 BDC 1 0 0 rg 100 50 40 40 re f EMC"
        )

    return change


@pytest.mark.parametrize(
    ("config", "is_seen"),
    [
        ({}, True),
        ({"/OFF": lambda groups: Array([groups[1]])}, False),
        ({"/BaseState": Name.OFF, "/ON": lambda groups: Array([groups[0]])}, False),
        (
            {
                "/AS": lambda groups: Array(
                    [Dictionary(Event=Name.View, OCGs=Array(groups), Category=Array([Name.View]))]
                )
            },
            False,
        ),
    ],
    ids=["on", "off", "off by its base", "off to viewers"],
)
def test_a_layer_is_seen_where_a_viewer_shows_it(config, is_seen):
    data = made(layers(**config))

    assert is_red(data) is is_red(carried(data, 9).pdf) is is_seen


def test_a_stamp_in_a_layer_that_is_off_is_not_seen():
    def change(pdf, page):
        layers(**{"/OFF": lambda groups: Array([groups[1]])})(pdf, page)
        page.Contents = pdf.make_stream(b"")
        annotated(OC=pdf.Root.OCProperties.OCGs[1])(pdf, page)

    assert not is_red(carried(made(change), 9).pdf)


def field(kind: Name, **said: object):
    def change(pdf, page):
        widget = Dictionary(
            Type=Name.Annot, Subtype=Name.Widget, FT=kind, T=String("f"), Rect=Array([20, 40, 200, 60]), F=4
        )
        for name, value in said.items():
            widget[f"/{name}"] = value(pdf) if callable(value) else value
        one = pdf.make_indirect(widget)
        page.Annots = Array([one])
        pdf.Root.AcroForm = Dictionary(Fields=Array([one]), DA=String("/Helv 0 Tf 0 g"))

    return change


def text_of(data: bytes) -> str:
    with pypdfium2.PdfDocument(data) as opened:
        return opened[0].get_textpage().get_text_range()


@pytest.mark.parametrize(
    ("kind", "said", "shows"),
    [
        (Name.Tx, {"V": String("liver, two")}, "liver, two"),
        (Name.Tx, {"V": String("Größe ≥ 5 µg")}, "Größe ≥ 5 µg"),
        (Name.Tx, {"V": String("one\ntwo"), "Ff": 1 << 12}, "two"),
        (Name.Tx, {"V": String("12345"), "Ff": 1 << 24, "MaxLen": 5}, "1 2 3 4 5"),
        (Name.Tx, {"V": String("x" * 200)}, "x" * 40),
        (Name.Ch, {"V": String("2"), "Opt": Array([Array([String("2"), String("Grade two")])])}, "Grade two"),
        (Name.Tx, {"V": String("typed"), "AP": lambda pdf: Dictionary(N=box(pdf, b"1 1 1 rg"))}, "typed"),
        (Name.Btn, {"V": Name.Yes, "AS": Name.Yes}, "X"),
        (Name.Tx, {"V": String("typed"), "DA": String("/Helv 1.2.3 Tf 0..1 g")}, "typed"),
        (Name.Tx, {"V": String("typed"), "DA": String(f"/Helv {'9' * 400} Tf 0 g")}, "typed"),
    ],
    ids=["text", "letters", "lines", "comb", "long", "choice", "blank look", "ticked", "no number", "no size"],
)
def test_what_was_typed_into_a_form_is_seen(kind, said, shows):
    assert shows in text_of(carried(made(field(kind, **said)), 9).pdf).replace("\r\n", "\n")


def test_a_password_that_was_typed_is_not():
    assert "secret" not in text_of(carried(made(field(Name.Tx, V=String("secret"), Ff=1 << 13)), 9).pdf)


def test_files_within_are_handed_out_wherever_they_hang():
    def change(pdf, page):
        pdf.attachments["b.txt"] = b"in the file"
        there = Dictionary(Type=Name.Filespec, UF=String("a.txt"), EF=Dictionary(F=pdf.make_stream(b"on the page")))
        clip = Dictionary(Type=Name.Annot, Subtype=Name.FileAttachment, Rect=Array([0, 0, 9, 9]), FS=there)
        gone = Dictionary(Type=Name.Annot, Subtype=Name.FileAttachment, Rect=Array([0, 0, 9, 9]), FS=Dictionary())
        page.Annots = Array([clip, gone])

    one = carried(made(change), 9)

    assert [(file.name, file.data) for file in one.attached] == [
        ("b.txt", b"in the file"),
        ("a.txt", b"on the page"),
        ("without a name", None),
    ]
    assert "3 attached files" in one.remarks[0]
    assert b"on the page" not in one.pdf


def locked(**passwords: str) -> bytes:
    pdf = FPDF()
    pdf.set_encryption(**passwords)
    pdf.set_font("helvetica", size=14)
    pdf.add_page()
    pdf.cell(0, 10, "Diagnosis")
    return bytes(pdf.output())


def test_a_file_that_opens_without_a_password_is_carried_and_another_is_not():
    assert "Diagnosis" in text_of(carried(locked(owner_password="o", user_password=""), 9).pdf)
    with pytest.raises(NotShown, match="password"):
        carried(locked(owner_password="o", user_password="u"), 9)


@pytest.mark.parametrize("junk", [0, 50, 1_500, 60_000])
def test_a_header_may_stand_behind_something_else(junk):
    one = carried(b"HTTP/1.1 200 OK\r\n".ljust(junk, b"x")[:junk] + a_pdf("here"), 9)

    assert (one.pages, one.is_damaged) == (1, False)
    assert "here" in text_of(one.pdf)


def test_pages_beyond_the_bound_are_not_carried():
    with pytest.raises(NotShown, match="too-many-pages"):
        carried(a_pdf("a", "b", "c"), 2)
