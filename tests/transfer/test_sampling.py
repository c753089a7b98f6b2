"""A sample is drawn again by its seed, and each stratum gives its share."""

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.sampling import draw

ENTRIES = {f"case-{n:03}": "by form" if n % 10 else "in an emergency" for n in range(100)}


def test_the_same_seed_draws_the_same_and_another_another():
    assert draw(ENTRIES, 10, "a") == draw(dict(reversed(ENTRIES.items())), 10, "a")
    assert draw(ENTRIES, 10, "a") != draw(ENTRIES, 10, "b")


def test_within_a_stratum_the_smallest_hashes_come_first():
    drawn = draw(dict.fromkeys(ENTRIES, "all"), 7, "seed")

    by_hash = sorted(ENTRIES, key=lambda key: hashlib.sha256(f"seed:{key}".encode()).hexdigest())
    assert set(drawn) == set(by_hash[:7])


def test_each_stratum_gives_its_share():
    assert Counter(ENTRIES[key] for key in draw(ENTRIES, 20, "a")) == {"by form": 18, "in an emergency": 2}


def test_a_rare_stratum_is_in_every_sample():
    rare = {**dict.fromkeys(map(str, range(1000)), "by form"), "rare": "in an emergency", "rarer": "directed"}

    assert {rare[key] for key in draw(rare, 5, "a")} == {"by form", "in an emergency", "directed"}


@given(st.dictionaries(st.text(max_size=5), st.sampled_from("abc"), max_size=30), st.integers(-1, 40))
def test_as_many_are_drawn_as_were_asked_for_or_all(entries: dict[str, str], size: int):
    drawn = draw(entries, size, "seed")

    assert len(drawn) == len(set(drawn)) == min(max(size, 0), len(entries))
    assert set(drawn) <= entries.keys()


@pytest.mark.parametrize("size", [0, -3])
def test_none_is_drawn_where_none_is_asked_for(size: int):
    assert draw(ENTRIES, size, "a") == ()
