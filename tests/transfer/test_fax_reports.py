"""What a fax service says later, by the rules of its own words."""

import pytest

from transfer.fax_reports import MOST_LETTERS, FaxOutcome, FaxRule, letters_named, outcome_of
from transfer.identifiers import LetterId

RULES = [
    FaxRule(says="Not all pages", means=FaxOutcome.PAGES_LOST),
    FaxRule(says="line was  busy", means=FaxOutcome.BUSY),
    FaxRule(says="pages sent", means=FaxOutcome.SENT),
]


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("The LINE WAS\nbusy, after three tries", "busy"),
        ("Not all pages were taken: 2 pages sent", "pages-lost"),
        ("3 pages sent", "sent"),
        ("Something else entirely", None),
        ("", None),
        ("x" * MOST_LETTERS + "line was busy", None),
    ],
)
def test_the_first_rule_whose_words_are_in_it_says_what_it_means(words, outcome):
    assert outcome_of(words, RULES) == outcome


def test_a_letter_is_named_by_its_number_alone():
    one, other = LetterId.draw(), LetterId.draw()

    assert letters_named(f"Re: {one}\n<{other}@records.example>") == {one, other}
    assert letters_named(f"{one}x, x{one}, {one[:-1]}") == frozenset()
    assert letters_named("x" * MOST_LETTERS + one) == frozenset()
