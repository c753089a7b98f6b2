"""The steps of the DAGs: which task takes a round, and which joins it."""

import pytest

from transfer.flow.rounds import STEPS, place_of
from transfer.flow.services import Services
from transfer.ledger.rounds import Taken
from transfer.rounds import Dag


@pytest.mark.parametrize("dag", Dag)
def test_the_first_step_of_a_dag_takes_the_round_and_the_others_join_it(dag: Dag):
    first, *following = STEPS[dag]

    assert place_of(first) == (dag, True)
    assert [place_of(step) for step in following] == [(dag, False)] * len(following)


def test_a_function_outside_the_table_is_no_step():
    def tidy(services: Services, taken: Taken) -> None:
        """Belongs to no DAG."""

    with pytest.raises(LookupError, match="tidy"):
        place_of(tidy)
