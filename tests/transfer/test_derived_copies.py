"""Pages of a document as people name them, and a copy of some of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.derived_copies import Derivation, DerivedCopy, pages_without
from transfer.page_ranges import in_ranges, pages_named


def a_copy(*pages: int, of: int = 6) -> DerivedCopy:
    return DerivedCopy(derivation=Derivation.WITHHELD, original="rabcdefgh234", pages=pages, of=of)


@pytest.mark.parametrize(("text", "pages"), [("2", (2,)), ("1-4", (1, 2, 3, 4)), (" 5, 1 - 2 ", (5, 1, 2))])
def test_pages_are_named_by_number_and_range(text: str, pages: tuple[int, ...]):
    assert pages_named(text) == pages


@pytest.mark.parametrize("text", ["", "0", "4-1", "1,1", "1-3,2", "a", "1-", "-2", "²", "1--2", "1-99999", "5001"])
def test_what_names_no_pages_is_refused(text: str):
    with pytest.raises(ValueError):
        pages_named(text)


@given(st.sets(st.integers(1, 5000), min_size=1))
def test_what_is_said_of_pages_names_them(pages: set[int]):
    assert pages_named(in_ranges(pages)) == tuple(sorted(pages))


def test_a_copy_holds_some_pages_of_its_original_and_says_which_it_lacks():
    assert a_copy(1, 2, 5).lacking == (3, 4, 6)
    assert pages_without((3, 4, 6), 6) == (1, 2, 5)


@pytest.mark.parametrize("pages", [(), (1, 1), (0,), (7,)])
def test_no_copy_has_pages_that_there_are_not(pages: tuple[int, ...]):
    with pytest.raises(ValueError):
        a_copy(*pages)
