"""What an accounting lists and by when it is given, and the days and sheets that it is asked and told in."""

import csv
import io
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from transfer.accounting import AccountingRequest, DelayReason, Exemption, exemptions, is_free
from transfer.adapters import sheets
from transfer.identifiers import AccountingId, CaseId
from transfer.institutions import Basis
from transfer.periods import Period
from transfer.sheets import Sheet, SheetFormat


@pytest.mark.parametrize(
    ("bases", "exempt"),
    [
        ((Basis.AUTHORIZATION,), (Exemption.AUTHORIZATION,)),
        ((Basis.TREATMENT,), (Exemption.TREATMENT,)),
        ((Basis.AUTHORIZATION, Basis.TREATMENT), (Exemption.TREATMENT, Exemption.AUTHORIZATION)),
        ((Basis.ACCESS_DIRECTIVE,), ()),
        ((Basis.EMERGENCY,), ()),
        ((Basis.AUTHORIZATION, Basis.EMERGENCY), ()),
        (("another",), ()),
        ((), ()),
    ],
    ids=str,
)
def test_a_disclosure_is_accounted_for_unless_each_of_its_bases_is_exempt(bases, exempt):
    assert exemptions(bases) == exempt


def asked(on: date, name: str = "v0123456789abcde", **other: object) -> AccountingRequest:
    return AccountingRequest(
        accounting=AccountingId(name),
        case=CaseId("c0123456789a"),
        asked_on=on,
        period=Period(on, on),
        **other,  # type: ignore[arg-type]
    )


def test_an_accounting_is_due_in_sixty_days_and_thirty_more_with_a_reason():
    one = asked(date(2026, 1, 1))
    delayed = asked(date(2026, 1, 1), delay=DelayReason.VOLUME)

    assert (one.due_on, delayed.due_on) == (date(2026, 3, 2), date(2026, 4, 1))
    assert not one.is_late(date(2026, 3, 2))
    assert one.is_late(date(2026, 3, 3))
    given = asked(date(2026, 1, 1), given_on=date(2026, 3, 2))
    assert not given.is_late(date(2027, 1, 1))
    assert asked(date(2026, 1, 1), given_on=date(2026, 3, 3)).is_late(date(2026, 3, 3))


def test_the_first_within_twelve_months_is_free():
    first, soon, later = (
        asked(date(2026, 1, 1), "v000000000000001"),
        asked(date(2026, 12, 31), "v000000000000002"),
        asked(date(2027, 1, 1), "v000000000000003"),
    )
    same_day = asked(date(2026, 1, 1), "v000000000000000")

    assert is_free(first, [first, soon, later])
    assert not is_free(soon, [first, soon, later])
    assert is_free(later, [first, later])
    assert [is_free(one, [first, same_day]) for one in (same_day, first)] == [True, False]


def test_nobody_pays_for_what_was_not_given():
    with pytest.raises(ValueError, match="not given"):
        asked(date(2026, 1, 1), fee=100)


def test_a_period_is_whole_days_of_its_zone():
    begin, end = Period(date(2026, 3, 8), date(2026, 3, 8)).bounds(ZoneInfo("America/Chicago"))

    # the clocks go forward on this day: it has 23 hours
    assert (begin, end) == (datetime(2026, 3, 8, 6, tzinfo=UTC), datetime(2026, 3, 9, 5, tzinfo=UTC))
    assert Period.until(date(2026, 3, 8), days=1) == Period(date(2026, 3, 8), date(2026, 3, 8))


@pytest.mark.parametrize(
    ("first", "last"), [(date(2026, 1, 2), date(2026, 1, 1)), (date(2020, 1, 1), date(2026, 1, 5))], ids=str
)
def test_a_period_that_ends_before_it_begins_or_is_longer_than_six_years_is_none(first: date, last: date):
    with pytest.raises(ValueError, match="a period"):
        Period(first, last)


def a_sheet(*rows: tuple[str | int, ...]) -> Sheet:
    return Sheet(title="List", about=(("Period", "today"),), headings=("Name", "Number"), rows=rows)


def test_a_row_that_does_not_fit_its_headings_makes_no_sheet():
    with pytest.raises(ValueError, match="headings"):
        a_sheet(("only one",))


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(A1)"]
)
def test_no_cell_is_a_formula(text: str):
    read = list(csv.reader(io.StringIO(sheets.written(a_sheet((text, 1)), SheetFormat.CSV).decode(), newline="")))

    assert read[-1] == [f"'{text}", "1"]


@pytest.mark.parametrize("form", SheetFormat)
def test_the_same_sheet_is_the_same_bytes(form: SheetFormat):
    assert sheets.written(a_sheet(("a", 1)), form) == sheets.written(a_sheet(("a", 1)), form)
    assert sheets.written(a_sheet(("a", 1)), form) != sheets.written(a_sheet(("a", 2)), form)
