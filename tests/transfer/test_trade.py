"""Sentences of ours as the trade says them on pages."""

import pytest

from transfer.sentences.trade import in_trade


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            "Needs a decision (h0qwt9mktwm7): the source is silent. Needs a decision: the source refuses us access.",
            "The facility is silent. To do: the facility refuses us access.",
        ),
        (
            "Authorization m1 filed, until 2027-12-11T06:00:00+00:00.",
            "Authorization m1 filed, until Sat 11 Dec 2027, 06:00 UTC.",
        ),
        ("By 2027-12-11.", "By Sat 11 Dec 2027."),
        ("By 2027-13-11T06:00:00Z.", "By 2027-13-11T06:00:00Z."),
        (
            "The labels are not those of the papers that came with them.",
            "The labels are not those of the papers received with them.",
        ),
        ("Records came that no release form covers.", "Records were received that no authorization covers."),
        ("Still missing; asked for.", "Outstanding; requested."),
    ],
)
def test_a_sentence_has_the_trades_words_and_days(ours: str, theirs: str):
    assert in_trade(ours) == theirs
