"""Which days of a record's own a patient's forms tell apart.

A form may be about records of some period alone (R4 `Consent.provision.dataPeriod`). Days on which no such period
begins or ends are all alike to it, so one ruling holds for all records dated between two of them.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from transfer.partial_dates import PartialDate
from transfer.permissions.forms import Authorization


def boundaries(forms: Iterable[Authorization]) -> tuple[date, ...]:
    """The days from which on a form may say something else, in order. None: no form asks for a record's day."""
    days: set[date] = set()
    for node in (node for form in forms for node in form.provision.nodes()):
        if node.data_from:
            days.add(node.data_from)
        if node.data_until and node.data_until < date.max:
            days.add(node.data_until + timedelta(days=1))
    return tuple(sorted(days))


def standing_for(dated: PartialDate | None, between: Sequence[date]) -> PartialDate | None:
    """A day that every form judges as this one, the same for all days between two boundaries; None where none asks for
    it. A month or a year with a boundary in it stands for itself.
    """
    if dated is None or not between:
        return None
    first, last = bisect_right(between, dated.first), bisect_right(between, dated.last)
    return one_of_each(between)[first] if first == last else dated


def one_of_each(between: Sequence[date]) -> tuple[PartialDate, ...]:
    """A day of each stretch between two boundaries, the first of all included. Nothing where there is no boundary."""
    if not between:
        return ()
    before = between[0] - timedelta(days=1) if between[0] > date.min else date.min
    return (PartialDate.of(before), *(PartialDate.of(day) for day in between))
