"""What readers of barcodes give, and what it is."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.parcels import Carrier, as_number, as_read, carrier_of, kept_until


@pytest.mark.parametrize(
    ("read", "plain"),
    [("]C1S25-10071", "S25-10071"), ("]d2S25-10071\x1d", "S25-10071"), (" S25-10071 ", "S25-10071"), ("]", "]")],
)
def test_the_symbology_before_it_is_left_out(read: str, plain: str):
    assert as_read(read) == plain


@pytest.mark.parametrize(
    ("number", "carrier"),
    [
        ("1Z 999 AA1 01 2345 6784", Carrier.UPS),
        ("]C11Z999AA10123456784", Carrier.UPS),
        ("4205810293001234567890123456789", None),
        ("420581029400111899223197428490", Carrier.USPS),
        ("9400 1118 9922 3197 4284 90", Carrier.USPS),
        ("7712 3456 7890", Carrier.FEDEX),
        ("JD014600003838296857", Carrier.DHL),
        ("S25-10071", None),
        ("", None),
    ],
)
def test_a_carrier_is_known_by_how_it_writes_its_numbers(number: str, carrier: Carrier | None):
    assert carrier_of(number) is carrier


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("420581029400111899223197428490", "9400111899223197428490"),
        ("1z 999 aa1 01 2345 6784", "]C11Z999AA10123456784"),
        ("9622001900000000000000771234567890", "7712 3456 7890"),
    ],
)
def test_every_reader_of_one_label_gives_one_number(one: str, other: str):
    assert as_number(one) == as_number(other) != ""


@given(st.text(max_size=60))
def test_whatever_is_read_is_text_or_nothing(text: str):
    assert as_read(text).isprintable()
    assert as_number(text) == as_number(as_read(text))


def test_a_parcel_of_nobody_known_is_kept_for_thirty_days():
    assert kept_until(date(2026, 12, 19)) == date(2027, 1, 18)
