"""A call that says what it cannot is not built, and each says when to look again."""

from datetime import date

import pytest

from transfer.calls import Call, Callee, CallOutcome, next_look
from transfer.identifiers import RequestId
from transfer.source_answers import SaidBy

REQUEST = RequestId("q00000000000000a"[:16])
THURSDAY, FRIDAY, SATURDAY, SUNDAY = (date(2026, 12, day) for day in (3, 4, 5, 6))
MONDAY = date(2026, 12, 7)


def a_call(**other: object) -> Call:
    plain = {"callee": Callee.PATIENT, "outcome": CallOutcome.NO_ANSWER}
    return Call(**{**plain, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "impossible",
    [
        {"callee": Callee.FACILITY},
        {"request": REQUEST},
        {"outcome": CallOutcome.PROMISED},
        {"outcome": CallOutcome.SPOKE, "promised_by": MONDAY},
        {"by": SaidBy(person="Somebody")},
    ],
)
def test_what_cannot_be_is_not_built(impossible: dict[str, object]):
    with pytest.raises(ValueError, match=r"facility|promise|spoken"):
        a_call(**impossible)


@pytest.mark.parametrize(
    ("today", "look"),
    [(THURSDAY, FRIDAY), (FRIDAY, MONDAY), (SATURDAY, MONDAY), (SUNDAY, MONDAY), (MONDAY, date(2026, 12, 8))],
)
def test_whom_nobody_reached_is_called_again_on_the_next_business_day(today: date, look: date):
    assert next_look(a_call(), today) == look
    assert next_look(a_call(outcome=CallOutcome.VOICEMAIL), today) == look


def test_what_was_promised_is_looked_for_a_business_day_later():
    promised = a_call(outcome=CallOutcome.PROMISED, promised_by=FRIDAY)

    assert next_look(promised, THURSDAY) == MONDAY


def test_a_day_that_was_named_goes_before_the_rule():
    assert next_look(a_call(next_action=SUNDAY), THURSDAY) == SUNDAY


def test_nobody_needs_to_look_again_where_somebody_was_spoken_to():
    assert next_look(a_call(outcome=CallOutcome.SPOKE), THURSDAY) is None
