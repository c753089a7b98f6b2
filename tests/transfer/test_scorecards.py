"""How a department answers: half of its last answers, and nine of ten, took no longer."""

from datetime import timedelta

import pytest

from transfer.scorecards import AnswerDays, answer_days


def days(*numbers: float) -> AnswerDays:
    return answer_days([timedelta(days=number) for number in numbers])


@pytest.mark.parametrize(
    ("numbers", "median", "ninety"),
    [
        ((3,), 3, 3),
        ((1, 2), 1, 2),
        ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 5, 9),
        ((0.2, 0.5, 2.1), 1, 3),  # a day that has begun counts
        ((0,), 0, 0),
    ],
)
def test_half_and_nine_of_ten_took_no_longer(numbers: tuple[float, ...], median: int, ninety: int):
    assert days(*numbers) == AnswerDays(count=len(numbers), median=median, ninety=ninety)


def test_only_the_last_twenty_count():
    assert days(*[90] * 5, *[2] * 20) == AnswerDays(count=20, median=2, ninety=2)


def test_who_has_not_answered_has_no_days():
    assert days() == days(-1) == AnswerDays(count=0, median=None, ninety=None)
