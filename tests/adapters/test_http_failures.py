"""When a server says to ask again (RFC 9110 sections 10.2.3 and 5.6.7)."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from transfer.adapters.http.failures import retry_after

DATE = "Mon, 30 Nov 2026 19:00:00 GMT"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("5", 5),
        ("9" * 5000, 86_400),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("Mon, 30 Nov 2026 19:01:00 GMT", 60),
        ("Monday, 30-Nov-26 19:01:00 GMT", 60),
        ("Mon Nov 30 19:01:00 2026", 60),
        ("Mon, 30 Nov 1999 19:01:00 GMT", 0),
        ("Mon, 99 Nov 2026 19:01:00 GMT", None),
    ],
)
def test_seconds_and_the_three_forms_of_a_date_are_understood(said: str, seconds: float | None):
    assert retry_after({"Retry-After": said, "Date": DATE}) == seconds


def test_a_date_of_a_server_that_says_no_date_is_counted_from_now():
    soon = datetime.now(UTC) + timedelta(hours=1)
    found = retry_after({"Retry-After": format_datetime(soon, usegmt=True)})

    assert found is not None
    assert 3_000 < found <= 3_600
