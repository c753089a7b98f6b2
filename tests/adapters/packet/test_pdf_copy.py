"""Some pages of a PDF alone: what the others say is nowhere in the copy."""

import io

import pikepdf
import pytest

from tests.kit.pdf_pages import everything_in, three_pages
from transfer.adapters.packet.pdf_copy import copied_pages
from transfer.errors import Unreadable


def test_what_other_pages_say_is_not_in_the_copy():
    copy = copied_pages(three_pages(), (3, 1))

    assert copy.of == 3
    with pikepdf.open(io.BytesIO(copy.pdf)) as pdf:
        assert len(pdf.pages) == 2
        assert b"/Word2" in pdf.pages[0].Contents.read_bytes()
    inside = everything_in(copy.pdf)
    assert b"first page" in inside
    assert b"third page" in inside
    assert b"second page" not in inside


def test_all_but_some_pages_stay_in_their_order():
    copy = copied_pages(three_pages(), (2,), is_without=True)

    inside = everything_in(copy.pdf)
    assert b"first page" in inside
    assert b"third page" in inside
    assert b"second page" not in inside
    with pytest.raises(Unreadable):
        copied_pages(three_pages(), (1, 2, 3), is_without=True)


@pytest.mark.parametrize("pages", [(4,), (1, 9)])
def test_pages_that_it_does_not_have_are_not_copied(pages: tuple[int, ...]):
    with pytest.raises(Unreadable):
        copied_pages(three_pages(), pages)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.4 and nothing", three_pages(encrypt=True)])
def test_what_cannot_be_opened_is_not_copied(data: bytes):
    with pytest.raises(Unreadable):
        copied_pages(data, (1,))
