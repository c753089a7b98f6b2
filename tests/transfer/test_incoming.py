"""Pages of papers: how people name them, and which may become what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.incoming import (
    LARGEST,
    IndexedPages,
    PagesBecame,
    PaperRefused,
    WhyRefused,
    clash,
    left,
    pages_in,
    type_of,
)
from transfer.page_ranges import in_ranges


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("1", (1,)),
        ("1-4", (1, 2, 3, 4)),
        (" 1 - 3 , 7 ", (1, 2, 3, 7)),
        ("7, 1-2, 2", (1, 2, 7)),
        ("2–3", (2, 3)),
        ("all", tuple(range(1, 10))),
        ("ALL", tuple(range(1, 10))),
    ],
)
def test_pages_are_named_as_people_write_them(text: str, pages: tuple[int, ...]):
    assert pages_in(text, 9) == pages


@pytest.mark.parametrize("text", ["", ",", "0", "10", "4-1", "1-10", "1-", "-3", "a", "1.5", "1 2", "99999", "1-4-5"])
def test_what_names_no_page_of_the_paper_is_none(text: str):
    with pytest.raises(ValueError, match="no "):
        pages_in(text, 9)


@given(st.sets(st.integers(1, 300), min_size=1))
def test_ranges_say_the_same_pages_again(pages: set[int]):
    assert pages_in(in_ranges(pages), 300) == tuple(sorted(pages))


def _record(case: str, *pages: int) -> IndexedPages:
    return IndexedPages(pages=pages, became=PagesBecame.RECORD, case=case)


def _out(*pages: int) -> IndexedPages:
    return IndexedPages(pages=pages, became=PagesBecame.LEFT_OUT)


def test_pages_are_left_until_somebody_said_what_each_is():
    assert left(5, []) == (1, 2, 3, 4, 5)
    assert left(5, [_record("a", 1, 2), _out(4)]) == (3, 5)


def test_one_page_may_be_of_two_records_of_one_case_and_of_no_two_cases():
    known = [_record("a", 1, 2), _out(5)]

    assert clash(_record("a", 2, 3), known) == ()
    assert clash(_record("b", 2, 3), known) == (2,)
    assert clash(_record("a", 4, 5), known) == (5,)
    assert clash(_out(1, 4), known) == (1,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pages": (), "became": PagesBecame.LEFT_OUT},
        {"pages": (0,), "became": PagesBecame.LEFT_OUT},
        {"pages": (2, 1), "became": PagesBecame.LEFT_OUT},
        {"pages": (1, 1), "became": PagesBecame.LEFT_OUT},
        {"pages": (1,), "became": PagesBecame.RECORD},
        {"pages": (1,), "became": PagesBecame.MISDIRECTED, "case": "a"},
    ],
)
def test_indexed_pages_cannot_be_built_wrong(wrong: dict[str, object]):
    with pytest.raises(ValueError, match=r"pages are|what is kept has"):
        IndexedPages(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", WhyRefused.EMPTY),
        (b"%PDF-1.7" + bytes(LARGEST), WhyRefused.TOO_LARGE),
        (b"\0\0\0\x18ftypheic\0\0\0\0", WhyRefused.HEIC),
        (b"PK\x03\x04 a zip", WhyRefused.NO_PAPER),
        (b"plain words", WhyRefused.NO_PAPER),
    ],
)
def test_what_no_pages_can_be_made_of_is_refused(body: bytes, why: WhyRefused):
    with pytest.raises(PaperRefused) as refused:
        type_of(body)

    assert refused.value.why is why
