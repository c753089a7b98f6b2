"""A small part of the campaign: the repository's own documents, and that a difference is seen."""

from pathlib import Path

import pytest

from tests.campaigns.pages.__main__ import beside
from tests.campaigns.pages.beside import Drawn, compared, is_alike
from tests.campaigns.pages.originals import of_clinical_document, of_text

SAMPLES = Path(__file__).parents[2] / "samples" / "documents"
COMPARED = [
    *sorted(SAMPLES.glob("*.pdf")),
    *(SAMPLES / name for name in ("cda-rowspan.xml", "cda-colspan.xml", "cda-cell-blocks.xml", "cda-item-blocks.xml")),
    *(SAMPLES / name for name in ("cda-latin1.xml", "html-table.html", "note.rtf", "text-columns.txt")),
    SAMPLES / "text-cp1252.txt",
]


@pytest.mark.parametrize("path", COMPARED, ids=lambda path: path.name)
def test_pages_say_and_show_what_their_originals_do(path: Path) -> None:
    found = beside(path.read_bytes(), {".txt": "text/plain"}.get(path.suffix, ""))

    assert found
    if isinstance(found, Drawn):
        assert not found.different
    else:
        assert found.words > 1
        assert found.is_right, found


def test_what_is_missing_joined_or_moved_is_seen() -> None:
    said = of_text("one two three")

    assert compared(said, b"one three", "text/plain").missing == ("two",)
    assert compared(said, b"onetwo three", "text/plain").joined == ("onetwo",)
    row = "<tr><td>{}</td><td>{}</td></tr>"
    section = "<component><section><text><table>{}</table></text></section></component>"
    body = f"<component><structuredBody>{section}</structuredBody></component>"
    table = f"<ClinicalDocument xmlns='urn:hl7-org:v3'>{body}</ClinicalDocument>"
    right = table.format(row.format("aaa", "bbb") + row.format("ccc", "ddd")).encode()
    moved = table.format(row.format("aaa", "bbb") + "<tr><td>ccc</td><td/><td>ddd</td></tr>").encode()
    assert compared(of_clinical_document(right), right, "text/xml").is_right
    assert compared(of_clinical_document(right), moved, "text/xml").misplaced == ("ddd",)


def test_two_drawings_that_differ_are_told_apart() -> None:
    from PIL import Image, ImageDraw

    one = Image.new("L", (400, 500), 255)
    other = one.copy()
    ImageDraw.Draw(other).text((50, 50), "positive", fill=0)

    assert is_alike(one, one.copy())
    assert not is_alike(one, other)
