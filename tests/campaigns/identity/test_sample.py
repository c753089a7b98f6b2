"""A sample of the campaign: nobody gets another's record, and few are asked about."""

from dataclasses import replace

import pytest

from tests.campaigns.identity.__main__ import MOST_ASKED
from tests.campaigns.identity.population import Population, Rates
from tests.campaigns.identity.reception import Figures, Reception
from transfer.matching import MatchRule

PATIENTS = 1500


@pytest.fixture(scope="module", params=[False, True], ids=["asks", "two further things are enough"])
def figures(request: pytest.FixtureRequest) -> Figures:
    return Reception(Population(PATIENTS, 7, Rates()), further_suffices=request.param).work()


def test_nobody_gets_anothers_record(figures: Figures) -> None:
    assert figures.wrong == 0
    assert figures.filed > PATIENTS  # and records did join patients


def test_few_records_of_known_patients_are_asked_about(figures: Figures) -> None:
    assert 0 < figures.of_known <= MOST_ASKED * figures.records_of_known


def test_a_case_asks_less_than_one_question(figures: Figures) -> None:
    assert figures.asked < figures.cases


def test_what_is_rare_was_met(figures: Figures) -> None:
    met = set(figures.questions)

    assert {MatchRule.CONFLICTING_NAME, MatchRule.CONFLICTING_BIRTH_DATE, MatchRule.CONFLICTING_SEX} <= met
    assert {MatchRule.NAME_AND_BIRTH_DATE, MatchRule.SEVERAL_PATIENTS} <= met
    assert figures.of_others > 0


def test_many_lookalikes_change_nothing() -> None:
    crowded = replace(
        Rates(), twins=0.2, shared_numbers=0.4, namesakes=0.1, junk_numbers=0.2, first_contacts=0.6, sparse=0.1
    )

    figures = Reception(Population(400, 11, crowded), further_suffices=True).work()

    assert figures.wrong == 0
