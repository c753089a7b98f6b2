"""What came of asking: a source's silence is told from a failure of our own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests import builders as b
from tests.attention import attend_all
from transfer.errors import OutOfOrder, Unreachable
from transfer.flow.edges import Edges
from transfer.ledger import Ledger, rounds
from transfer.record_requests import FIRST_PAUSE, GIVE_UP_AFTER, LONGEST_PAUSE, RequestState
from transfer.rounds import RunState

pytestmark = pytest.mark.servers


class Office:
    """A records office that fails in one way, and then in another."""

    fails: BaseException = OutOfOrder("the object store did not answer")

    def ask(self, _source: object) -> Any:
        raise self.fails


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def edges(ledger: Ledger, tmp_path, office: Office) -> Edges:
    return b.an_edges(ledger, tmp_path, ask_fhir=office.ask)


def asked_again(edges: Edges, hours_pass: Callable[[timedelta], None], times: int) -> None:
    for _ in range(times):
        hours_pass(LONGEST_PAUSE + timedelta(minutes=1))
        attend_all(edges)


def about(edges: Edges, request: str) -> list[str]:
    return [hold.code for hold in b.open_holds(edges) if hold.about == request]


def test_an_outage_of_our_own_store_is_never_taken_for_a_source_that_is_silent(
    edges: Edges, office: Office, hours_pass: Callable[[timedelta], None]
):
    case = b.a_case(edges)
    asked_again(edges, hours_pass, GIVE_UP_AFTER + 2)
    request = b.request_to(edges, case, b.LAKESIDE)

    assert request.state is RequestState.DUE
    assert about(edges, request.id) == []

    office.fails = Unreachable("the office did not answer")
    asked_again(edges, hours_pass, GIVE_UP_AFTER - 1)
    assert b.request_to(edges, case, b.LAKESIDE).state is RequestState.DUE
    asked_again(edges, hours_pass, 1)
    assert b.request_to(edges, case, b.LAKESIDE).state is RequestState.SILENT
    assert about(edges, request.id) == ["source-does-not-answer"]


class Killed(BaseException):
    """As if the process had ended: nothing is tidied up that an `except Exception` would."""


def test_who_died_asking_says_nothing_of_the_source(
    edges: Edges, office: Office, hours_pass: Callable[[timedelta], None]
):
    chart = b.a_chart()
    b.sign_form(edges, chart)
    case = b.refer(edges, chart)
    office.fails = Killed()
    for _ in range(GIVE_UP_AFTER + 2):
        with pytest.raises(Killed):
            attend_all(edges)
        hours_pass(LONGEST_PAUSE + timedelta(minutes=1))
        with edges.ledger.transaction() as tx:
            for one in rounds.unfinished(tx):
                rounds.again(tx, one, RunState.FAILED)
        hours_pass(timedelta(minutes=11))
    office.fails = Unreachable("the office did not answer")
    asked_again(edges, hours_pass, 1)

    request = b.request_to(edges, case, b.LAKESIDE)
    with edges.ledger.transaction() as tx:
        assert request.state is RequestState.DUE
        assert request.not_before
        assert request.not_before - tx.now() <= FIRST_PAUSE
