"""A sample of the campaign, and that it would find a mistake."""

import random
from typing import Any

import pytest

from tests.campaigns.provisions import compare, drawn, naive
from transfer.permissions import provisions


@pytest.mark.parametrize("seed", range(8))
def test_two_evaluators_agree(seed: int) -> None:
    draw = random.Random(seed)

    assert [found for _ in range(25) for found in compare.disagreements(draw)] == []


def test_the_trees_come_to_every_outcome() -> None:
    draw = random.Random(0)
    said = [naive.possible(drawn.consent(draw), drawn.release(draw)) for _ in range(2000)]

    expected: list[set[str | None]]
    expected = [{None}, {"permit"}, {"deny"}, {None, "permit"}, {None, "deny"}, {"permit", "deny"}]
    assert [one for one in expected if one not in said] == []


@pytest.mark.parametrize(
    "mistake",
    [
        lambda one, other: one if other is None else other,
        lambda one, other: other if one is None else one,
        lambda one, other: provisions.ProvisionType.PERMIT if provisions.ProvisionType.PERMIT in (one, other) else one,
    ],
)
def test_a_refusal_that_loses_would_be_found(mistake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provisions, "_stronger", mistake)
    draw = random.Random(1)

    assert any(compare.disagreements(draw) for _ in range(300))
