"""A PDF without some of its pages: what they say is nowhere in the copy."""

import io

import pikepdf
import pytest

from tests.kit.pdf_pages import everything_in, three_pages
from transfer.adapters.packet.pdf_copy import copy_without
from transfer.errors import Unreadable


def test_what_a_withheld_page_says_is_not_in_the_copy():
    copy = copy_without(three_pages(), (2,))

    assert copy.of == 3
    with pikepdf.open(io.BytesIO(copy.pdf)) as pdf:
        assert len(pdf.pages) == 2
        assert b"/Word0" in pdf.pages[0].Contents.read_bytes()
    inside = everything_in(copy.pdf)
    assert b"first page" in inside
    assert b"third page" in inside
    assert b"second page" not in inside


def test_one_page_at_least_stays():
    with pytest.raises(Unreadable):
        copy_without(three_pages(), (1, 2, 3))


@pytest.mark.parametrize("withheld", [(4,), (1, 9)])
def test_pages_that_it_does_not_have_are_not_withheld(withheld: tuple[int, ...]):
    with pytest.raises(Unreadable):
        copy_without(three_pages(), withheld)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.4 and nothing", three_pages(encrypt=True)])
def test_what_cannot_be_opened_is_not_copied(data: bytes):
    with pytest.raises(Unreadable):
        copy_without(data, (1,))
