"""Which letter is next, whether it may still go, and when."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.kit.letters import FINAL, FIRST, SECOND
from transfer.contacts import Contact
from transfer.letters import (
    PAUSES,
    LetterKind,
    SendingFailure,
    SendingWay,
    address_of,
    is_needed,
    kind_after,
    look_after,
    next_try,
    sends_from,
    way_to,
)
from transfer.records import RecordKind
from transfer.requests import RequestState

CHICAGO = ZoneInfo("America/Chicago")
NOTE = (RecordKind.NOTE,)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """March 2027 on the clocks of Chicago: the 1st is a Monday."""
    return datetime(2027, 3, day, hour, minute, tzinfo=CHICAGO).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "goes"),
    [
        (at(1, 8), at(1, 8)),
        (at(1, 16, 59), at(1, 16, 59)),
        (at(1, 7, 59), at(1, 8)),
        (at(1, 17), at(2, 8)),
        (at(5, 17), at(8, 8)),
        (at(6, 12), at(8, 8)),
        (at(7, 3), at(8, 8)),
        # the clocks go forward on the 14th
        (at(12, 20), at(15, 8)),
    ],
)
def test_a_fax_goes_in_office_hours_of_the_facility(now: datetime, goes: datetime):
    assert sends_from(SendingWay.FAX, now, CHICAGO) == goes
    assert sends_from(SendingWay.PRINT, now, CHICAGO) == now


@pytest.mark.parametrize("state", RequestState)
def test_a_letter_goes_only_while_somebody_outside_is_awaited(state: RequestState):
    is_awaited = state in {
        *(RequestState.EXPECTED, RequestState.PARTLY, RequestState.IN_PROGRESS, RequestState.READY_ON),
        *(RequestState.NOT_SIGNED, RequestState.REST_FOLLOWS),
        *(RequestState.AUTHORIZATION_NOT_ACCEPTED, RequestState.IDENTIFIER_REQUIRED, RequestState.SILENT),
    }

    assert is_needed(state, is_active=True, is_permitted=True, wanted=NOTE) is is_awaited


@pytest.mark.parametrize("missing", [{"is_active": False}, {"is_permitted": False}, {"wanted": ()}])
def test_what_is_closed_revoked_or_here_is_not_asked_for(missing: dict[str, object]):
    so = {"is_active": True, "is_permitted": True, "wanted": NOTE}

    assert not is_needed(RequestState.EXPECTED, **(so | missing))


def test_a_second_and_a_final_letter_follow_the_first():
    assert [kind_after(sent) for sent in range(4)] == [
        LetterKind.FIRST,
        LetterKind.SECOND,
        LetterKind.FINAL,
        LetterKind.FINAL,
    ]


def test_what_may_pass_is_tried_again_and_then_a_person_decides():
    now = at(1, 9)

    assert [next_try(SendingFailure.BUSY, tries, SendingWay.FAX, now, CHICAGO) for tries in (1, 2, 3, 4)] == [
        *(now + pause for pause in PAUSES),
        None,
    ]
    assert next_try(SendingFailure.NO_ANSWER, 3, SendingWay.FAX, at(1, 16), CHICAGO) == at(2, 8)
    for failure in (SendingFailure.NO_FAX, SendingFailure.TURNED_AWAY, SendingFailure.UNKNOWN):
        assert next_try(failure, 1, SendingWay.FAX, now, CHICAGO) is None


def test_it_goes_by_fax_where_there_is_one():
    both = Contact(telephone="701 555 0142", fax="701 555 0143", address="12 Elm St")
    post = Contact(telephone="701 555 0142", address="12 Elm St")
    fax = Contact(telephone="701 555 0142", fax="701 555 0143")

    assert way_to(both, can_fax=True) is SendingWay.FAX
    assert way_to(both, can_fax=False) is way_to(post, can_fax=True) is SendingWay.PRINT
    assert address_of(both, SendingWay.FAX) == "+17015550143"
    assert address_of(both, SendingWay.PRINT) == address_of(post, SendingWay.PRINT) == "12 Elm St"
    assert address_of(fax, SendingWay.PRINT) == "+17015550143"


def test_somebody_asks_one_business_day_later_whether_it_arrived():
    assert look_after(date(2027, 3, 5)) == date(2027, 3, 8)


@pytest.mark.parametrize("wrong", [{"wanted": ()}, {"before": (date(2027, 2, 1),)}])
def test_a_first_letter_cannot_be_built_wrong(wrong: dict[str, object]):
    with pytest.raises(ValueError, match="letter"):
        replace(FIRST, **wrong)


def test_a_later_letter_names_those_before_it():
    for later in (SECOND, FINAL):
        with pytest.raises(ValueError, match="letter"):
            replace(later, before=())
