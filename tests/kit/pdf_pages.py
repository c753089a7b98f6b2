"""A PDF of three pages that share what they draw, and all that a PDF holds in clear."""

import io

import pikepdf

_WORDS = ("first page", "second page", "third page")


def three_pages(*, encrypt: bool = False) -> bytes:
    """Three pages that share their resources: a form for each, a font, a link and a file."""
    pdf = pikepdf.new()
    forms = {
        f"/Word{number}": pdf.make_stream(
            f"BT /F1 12 Tf ({words}) Tj ET".encode(),
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Form,
            BBox=[0, 0, 300, 50],
        )
        for number, words in enumerate(_WORDS)
    }
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    shared = pdf.make_indirect(
        pikepdf.Dictionary(XObject=pikepdf.Dictionary(forms), Font=pikepdf.Dictionary({"/F1": font}))
    )
    for number in range(3):
        page = pdf.add_blank_page(page_size=(300, 50))
        page.obj["/Resources"] = shared
        page.obj["/Contents"] = pdf.make_stream(f"/Word{number} Do".encode())
    link = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], Dest=[pdf.pages[1].obj, "/Fit"]
    )
    pdf.pages[0].obj["/Annots"] = pikepdf.Array([pdf.make_indirect(link)])
    pdf.attachments["second page.txt"] = b"second page"
    kept = io.BytesIO()
    pdf.save(kept, encryption=pikepdf.Encryption(user="u", owner="o") if encrypt else False)
    return kept.getvalue()


def everything_in(data: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        kept = io.BytesIO()
        pdf.save(kept, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.all)
        return kept.getvalue()
