"""Pages of papers, made in a bounded process: drawn, taken, turned. A file that does harm is lost alone."""

import io

import pikepdf
import pytest
from PIL import Image

from tests.kit.papers import a_fax, a_pdf, a_picture
from transfer.adapters.paper import drawn, taken
from transfer.incoming import PAGES, PaperRefused, WhyRefused

PDF, TIFF = "application/pdf", "image/tiff"


def _picture(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


def test_each_page_is_drawn_large_enough_to_read_a_name():
    made = drawn(PDF, a_pdf(3))

    assert [max(_picture(one).size) for one in made] == [1100, 1100, 1100]
    assert len(set(made)) == 3


def test_a_fax_of_standard_resolution_has_the_shape_of_its_paper():
    (made,) = drawn(TIFF, a_fax(1, standard=True))
    width, height = _picture(made).size

    assert width / height == pytest.approx(1728 / (1078 * 204 / 98), abs=0.02)


def test_a_picture_stands_upright():
    (made,) = drawn("image/jpeg", a_picture())

    assert _picture(made).size[0] < _picture(made).size[1]


def test_taken_pages_are_those_and_no_others():
    with pikepdf.open(io.BytesIO(taken(PDF, a_pdf(5), [2, 4], 0))) as made:
        said = [page.Contents.read_bytes() for page in made.pages]
    with pikepdf.open(io.BytesIO(a_pdf(5))) as whole:
        assert said == [whole.pages[number].Contents.read_bytes() for number in (1, 3)]


def test_the_same_pages_again_are_the_same_bytes():
    for content_type, body in ((PDF, a_pdf(3)), (TIFF, a_fax(3))):
        assert taken(content_type, body, [1, 3], 90) == taken(content_type, body, [1, 3], 90)


def test_taken_pages_are_turned():
    with pikepdf.open(io.BytesIO(taken(PDF, a_pdf(2), [1], 90))) as made:
        assert made.pages[0].Rotate == 90


def test_pages_of_a_fax_become_a_document():
    with pikepdf.open(io.BytesIO(taken(TIFF, a_fax(4), [1, 3], 90))) as made:
        boxes = [[float(one) for one in page.mediabox] for page in made.pages]

    assert len(boxes) == 2
    assert all(box[2] > box[3] for box in boxes)  # they lie now


def _locked() -> bytes:
    kept = io.BytesIO()
    with pikepdf.open(io.BytesIO(a_pdf(1))) as paper:
        paper.save(kept, encryption=pikepdf.Encryption(owner="a", user="b"))
    return kept.getvalue()


def _bomb() -> bytes:
    kept = io.BytesIO()
    Image.new("1", (16_000, 16_000)).save(kept, "PNG")
    return kept.getvalue()


@pytest.mark.parametrize(
    ("content_type", "body", "why"),
    [
        (PDF, b"%PDF-1.4 and no more", WhyRefused.UNREADABLE),
        (PDF, a_pdf(2)[:900], WhyRefused.UNREADABLE),
        (TIFF, a_fax(2)[:40], WhyRefused.UNREADABLE),
        ("image/png", b"\x89PNG\r\n\x1a\n", WhyRefused.UNREADABLE),
    ],
    ids=["a beginning", "half a file", "half a fax", "a mark alone"],
)
def test_what_cannot_be_read_is_refused(content_type: str, body: bytes, why: WhyRefused):
    with pytest.raises(PaperRefused) as refused:
        drawn(content_type, body)

    assert refused.value.why is why


def test_a_paper_with_a_password_is_refused_with_that_reason():
    with pytest.raises(PaperRefused) as refused:
        drawn(PDF, _locked())

    assert refused.value.why is WhyRefused.PASSWORD


def test_too_many_pages_and_too_many_pixels_are_refused():
    for content_type, body, why in (
        (PDF, a_pdf(PAGES + 1), WhyRefused.TOO_MANY_PAGES),
        ("image/png", _bomb(), WhyRefused.TOO_LARGE),
    ):
        with pytest.raises(PaperRefused) as refused:
            drawn(content_type, body)

        assert refused.value.why is why


def test_a_process_that_dies_costs_the_paper_alone():
    with pytest.raises(PaperRefused) as refused:
        drawn(PDF, a_pdf(1), command=("/bin/sh", "-c", "exit 3"))

    assert refused.value.why is WhyRefused.UNREADABLE
