"""Days as a source says them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer import codec
from transfer.partial_dates import PartialDate, day_said


@pytest.mark.parametrize(
    ("written", "words", "iso"),
    [
        ("2013-01-11T19:01:00-05:00", "11 Jan 2013", "2013-01-11"),
        ("2013-01-12T00:01:00Z", "12 Jan 2013", "2013-01-12"),
        ("20130111190100-0500", "11 Jan 2013", "2013-01-11"),
        ("20130111-0500", "11 Jan 2013", "2013-01-11"),
        ("20130111", "11 Jan 2013", "2013-01-11"),
        (" 2013.01.11 ", "11 Jan 2013", "2013-01-11"),
        ("2013-01", "Jan 2013", "2013-01"),
        ("201301", "Jan 2013", "2013-01"),
        ("201301-0500", "Jan 2013", "2013-01"),
        ("2013", "2013", "2013"),
        ("2013+0100", "2013", "2013"),
        ("2013-05-00", "May 2013", "2013-05"),
        ("20130000", "2013", "2013"),
    ],
)
def test_a_day_is_read_as_it_is_written_and_no_more_precisely(written, words, iso):
    said = day_said(written)

    assert said
    assert (said.words, str(said)) == (words, iso)


@pytest.mark.parametrize(
    "written", [None, "", "yesterday", "20130", "2013-1-11", "2013-01-1", "2013-13-01", "20130230", "20130005"]
)
def test_what_is_no_day_is_none(written):
    assert day_said(written) is None


@given(st.dates())
def test_every_day_is_read_again_in_each_spelling(day: date):
    said = PartialDate.of(day)

    assert day_said(str(said)) == said == day_said(f"{day:%Y}".zfill(4) + f"{day:%m%d}")
    assert said.first == day
    assert codec.load(PartialDate, codec.dump(PartialDate, said)) == said


@given(st.text(max_size=30))
def test_any_text_is_a_day_or_none(text: str):
    assert day_said(text) is None or day_said(text).first  # type: ignore[union-attr]


def test_a_day_needs_its_month_and_must_exist():
    with pytest.raises(ValueError, match="month"):
        PartialDate(2013, None, 5)
    with pytest.raises(ValueError, match="day"):
        PartialDate(2013, 2, 30)
    with pytest.raises(ValueError, match="month"):
        PartialDate(2013, 0, 5)
